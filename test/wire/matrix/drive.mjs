// drive.mjs - runs the cells of one client: drive.mjs CLIENT FILE, where FILE has a list of cells; prints a line of JSON a cell.
// SPDX-License-Identifier: Apache-2.0
//
// A cell is { id, kind, target, prefix, folder, features, absent }; what is said of it { id, era, revision, results }, where
// results has for each feature true or the words of what is wrong. `absent` are those of the features that are not there,
// and are to be refused.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { until } from '../peer.mjs';
import { absent } from './features-absent.mjs';
import { features as everything } from './features-everything.mjs';
import { features as fixture } from './features-fixture.mjs';
import { filesystem, memory, thinking } from './features-small.mjs';
import { named } from './prefix.mjs';

const CHECK_MS = 15_000;
const CONNECT_MS = 20_000;
const CELLS_AT_ONCE = 2;
const kinds = { everything, filesystem, memory, thinking, fixture };

const connect2As = (mode) => async () => {
	const { capabilities, connect, info } = await import('../client2.mjs');
	const { extensions, giveTasks } = await import('./tasks.mjs');

	return async (target, roots) => {
		const peer = await connect(target, roots, { mode, extensions });

		giveTasks(peer, { info, capabilities: { ...capabilities, extensions }, roots });
		return peer;
	};
};
const connect1 = async () => {
	const { connect } = await import('../client1.mjs');
	const { tap } = await import('./tasks.mjs');

	return async (target, roots) => {
		const peer = await connect(target, roots);

		peer.ask = tap(peer.transport);
		return peer;
	};
};
const connectRawAs = (revision) => async () => (await import('./raw.mjs')).connectRaw(revision);

// How each client connects; only the one that is driven is loaded.
const clients = {
	sdk1: connect1,
	'sdk2-default': connect2As('default'),
	'sdk2-auto': connect2As('auto'),
	'sdk2-pinned': connect2As('2026-07-28'),
	'raw-2024-11-05': connectRawAs('2024-11-05'),
	'raw-2025-03-26': connectRawAs('2025-03-26'),
};

// These would take each other's answers: they come after one another. Of lists that others ask for meanwhile nobody is told:
// what it has, it has.
const inTurn = ['tools', 'progress', 'cancellation'];
const after = ['subscriptions'];
// What a server on one pipe asks while several calls are under way may be meant for any of them: nothing else goes on then.
const asking = ['roots', 'sampling', 'elicitation', 'elicitation-url'];
// These servers write one file without a lock.
const plain = ['filesystem', 'memory', 'thinking'];

const oneLine = (words) => String(words).replace(/\s+/g, ' ').slice(0, 300);

async function within(milliseconds, work) {
	let timer;
	const ceiling = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no end after ${milliseconds} ms`)), milliseconds);
	});

	try {
		return await Promise.race([work, ceiling]);
	} finally {
		clearTimeout(timer);
	}
}

async function check(peer, cell, name) {
	try {
		await within(CHECK_MS, (cell.absent.includes(name) ? absent : kinds)[cell.kind][name](peer, cell));
		return true;
	} catch (error) {
		return oneLine(error?.message ?? error);
	}
}

/** What does not disturb each other goes on at the same time: most of it is waiting. */
async function runFeatures(peer, cell) {
	const results = {};
	const one = async (name) => (results[name] = await check(peer, cell, name));
	const series = async (names) => {
		for (const name of names)
			await one(name);
	};
	const last = [...after, ...asking];
	const [asks, rest] = [true, false].map((wanted) => cell.features.filter((name) => last.includes(name) === wanted));
	const waits = (name) => plain.includes(cell.kind) || inTurn.includes(name);

	await Promise.all([series(rest.filter(waits)), ...rest.filter((name) => !waits(name)).map(one)]);
	await series(asks);
	return results;
}

async function connect(join, cell) {
	const roots = [{ uri: pathToFileURL(cell.folder).href, name: 'folder' }];
	const headers = cell.target.token ? { Authorization: `Bearer ${cell.target.token}` } : {};
	const peer = await within(CONNECT_MS, join({ ...cell.target, headers }, roots));

	if (cell.prefix) {
		named(peer, cell.prefix);
		// A list of all servers does not wait for the slowest; it is in the next one.
		await until(async () => (await peer.listTools()).length > 0, 'the tools of the server among those of others');
	}
	return peer;
}

async function run(join, cell) {
	let peer;

	try {
		peer = await connect(join, cell);
	} catch (error) {
		const words = oneLine(`connect: ${error?.message ?? error}${error?.cause ? ` (${error.cause.message})` : ''}`);

		return { id: cell.id, results: Object.fromEntries(cell.features.map((name) => [name, words])) };
	}
	const results = await runFeatures(peer, cell);
	const { era, revision } = peer;

	await within(CHECK_MS, peer.close()).catch((error) => console.error(`${cell.id}: close: ${error.message}`));
	return { id: cell.id, era, revision: revision ?? peer.client?.getNegotiatedProtocolVersion?.(), results };
}

process.on('unhandledRejection', (error) => console.error('unhandled:', error));
const [client, file] = process.argv.slice(2);
const cells = JSON.parse(readFileSync(file, 'utf8'));
const join = await clients[client]();
const rest = cells.values();
const takeTurns = async () => {
	for (const cell of rest)
		console.log(JSON.stringify(await run(join, cell)));
};

// Most of a cell is waiting; cells that share a file come one after the other.
await Promise.all(Array.from({ length: cells.some(({ kind }) => kind === 'memory') ? 1 : CELLS_AT_ONCE }, takeTurns));
process.exit(0);
