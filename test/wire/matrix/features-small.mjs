// features-small.mjs - what shows each feature of the servers of one purpose to work: filesystem, memory, sequential-thinking.
// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { has } from '../checks-common.mjs';
import { expect, firstText, refused, same, until } from '../peer.mjs';
import { batchedWhereItCan } from './effects.mjs';

const GRAPH = 'memory://knowledge-graph';

async function files(peer, { folder }) {
	has((await peer.listTools()).map(({ name }) => name), ['read_text_file', 'write_file'], 'the tools');
	const paths = [1, 2].map((number) => join(folder, `note-${number}-${randomUUID()}.txt`));
	await Promise.all(paths.map((path) => peer.call('write_file', { path, content: `in ${path}: 漢字\n` })));
	for (const path of paths) {
		same(await readFile(path, 'utf8'), `in ${path}: 漢字\n`, 'what was written');
		same(firstText(await peer.call('read_text_file', { path })), `in ${path}: 漢字\n`, 'what was read');
		await rm(path);
	}
	await refused(() => peer.call('read_text_file', { path: '/etc/passwd' }), 'a file outside');
	batchedWhereItCan(peer);
}

/** The folder of the command line is another one than the client's root: only the root opens it. */
async function roots(peer, { folder }) {
	await until(async () => firstText(await peer.call('list_allowed_directories')).includes(folder), `the client's root ${folder}`);
	expect(peer.seen.roots > 0, 'the client was never asked for its roots');
}

const person = (name) => ({ name, entityType: 'person', observations: [`${name} was seen`] });

async function graph(peer) {
	const [a, b] = [randomUUID(), randomUUID()];

	has((await peer.listTools()).map(({ name }) => name), ['create_entities', 'search_nodes'], 'the tools');
	await peer.call('create_entities', { entities: [person(a), person(b)] });
	const found = await Promise.all([a, b].map((name) => peer.call('search_nodes', { query: name })));
	for (const [at, name] of [a, b].entries())
		same(JSON.parse(firstText(found[at])).entities.map((entity) => entity.name), [name], 'what was found');
	await peer.call('delete_entities', { entityNames: [a, b] });
	same(JSON.parse(firstText(await peer.call('open_nodes', { names: [a, b] }))).entities, [], 'after deleting');
	batchedWhereItCan(peer);
}

async function graphResource(peer) {
	const name = randomUUID();

	has((await peer.listResources()).map(({ uri }) => uri), [GRAPH], 'the resources');
	await peer.call('create_entities', { entities: [person(name)] });
	const [read] = (await peer.readResource({ uri: GRAPH })).contents;
	expect(JSON.parse(read.text).entities.some((entity) => entity.name === name), `the graph reads ${read.text}`);
	await peer.call('delete_entities', { entityNames: [name] });
}

async function graphUpdates(peer) {
	const name = randomUUID();
	const stop = await peer.watch(GRAPH);
	const before = peer.seen.updated.length;

	await peer.call('create_entities', { entities: [person(name)] });
	await until(() => peer.seen.updated.slice(before).some(({ uri }) => uri === GRAPH), 'the update of the graph');
	await peer.call('delete_entities', { entityNames: [name] });
	await stop();
}

const think = (peer, thoughtNumber) =>
	peer.call('sequentialthinking', { thought: `thought ${thoughtNumber}`, thoughtNumber, totalThoughts: 3, nextThoughtNeeded: thoughtNumber < 3 });

async function thoughts(peer) {
	has((await peer.listTools()).map(({ name }) => name), ['sequentialthinking'], 'the tools');
	const [first, second] = (await Promise.all([think(peer, 1), think(peer, 2)])).map((said) => JSON.parse(firstText(said)));

	same([first.thoughtNumber, second.thoughtNumber], [1, 2], 'the thoughts');
	same(JSON.parse(firstText(await think(peer, 3))).nextThoughtNeeded, false, 'the end of thinking');
	await refused(() => think(peer, 0), 'thought 0');
	batchedWhereItCan(peer);
}

export const filesystem = { tools: files, roots };
export const memory = { tools: graph, resources: graphResource, subscriptions: graphUpdates };
export const thinking = { tools: thoughts };
