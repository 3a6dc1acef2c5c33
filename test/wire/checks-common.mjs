// checks-common.mjs - checks that are the same for every kind of server.
// SPDX-License-Identifier: Apache-2.0
import { expect, refused } from './peer.mjs';

export const unknownTool = ['tool-unknown', (peer) => refused(() => peer.call('no-such-tool'), 'an unknown tool')];

export const ping = ['ping', (peer) => peer.ping()];

/** A server that lacks a kind of thing answers its list with an error; a client that reads capabilities does not ask. */
export function declares(...names) {
	return [
		'capabilities',
		(peer) => {
			for (const name of names)
				expect(peer.capabilities[name] || peer.absent.has(name), `the server does not declare ${name}`);
		},
	];
}

/** The names are all there; a server may have more. */
export function has(found, names, words) {
	const missing = names.filter((name) => !found.includes(name));

	expect(missing.length === 0, `${words} lack ${missing.join(', ')}; there are ${found.join(', ')}`);
}

export function toolNames(...names) {
	return [
		'tools-list',
		async (peer) => {
			const tools = await peer.listTools();

			has(tools.map((tool) => tool.name), names, 'the tools');
			for (const tool of tools)
				expect(tool.inputSchema?.type === 'object' && tool.description, `${tool.name} lacks a schema or a description`);
		},
	];
}
