// checks-asking.mjs - checks of servers of ours that ask the client: the same question in both eras, on the wire or in a result.
// SPDX-License-Identifier: Apache-2.0
import { expect, firstText, same, until } from './peer.mjs';

/** Runs with other answers and puts the old ones back. */
export async function answering(peer, kind, answer, run) {
	const kept = peer.answers[kind];

	peer.answers[kind] = answer;
	try {
		return await run();
	} finally {
		peer.answers[kind] = kept;
	}
}

const accept = (content) => () => ({ action: 'accept', content });

export function elicits(tool, content, words) {
	return async (peer) => {
		const before = peer.seen.elicitation.length;
		const said = await answering(peer, 'elicitation', accept(content), async () => firstText(await peer.call(tool)));

		expect(said.includes(words), `${tool} said ${said}`);
		expect(peer.seen.elicitation.length > before, 'the client was not asked');
	};
}

export function samples(tool, args, words) {
	return async (peer) => {
		const before = peer.seen.sampling.length;
		const said = firstText(await peer.call(tool, args));

		expect(said.includes(words), `${tool} said ${said}`);
		same(peer.seen.sampling.length, before + 1, 'times the client was asked');
	};
}

export function asksRoots(tool) {
	return async (peer) => {
		const said = firstText(await peer.call(tool));

		expect(said.includes(peer.answers.roots[0].uri), `${tool} said ${said}`);
	};
}

/** A call that makes the server announce a changed list, and the announcement. */
export function announces(list, tool, args) {
	return async (peer) => {
		const stop = await peer.watchLists();

		// Who has never seen a list need not hear that it has changed.
		await { tools: () => peer.listTools(), prompts: () => peer.listPrompts(), resources: () => peer.listResources() }[list]();

		const before = peer.seen[list].length;

		await peer.call(tool, args);
		await until(() => peer.seen[list].length > before, `the announcement of changed ${list}`);
		await stop();
	};
}

/** Only what was subscribed to is announced. */
export function updates(uri, tool, args) {
	return async (peer) => {
		const stop = await peer.watch(uri);
		const before = peer.seen.updated.length;

		await peer.call(tool, args);
		await until(() => peer.seen.updated.length > before, `the update of ${uri}`);
		same(peer.seen.updated.at(-1).uri, uri, 'the updated resource');
		await stop();
	};
}
