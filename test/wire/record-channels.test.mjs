// record-channels.test.mjs - what is recorded of WebSocket, HTTP+SSE and unix sockets is what was said: node --test.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { acceptKey, frame, FrameReader, PING, TEXT } from './frames.mjs';
import { open } from './matrix/transports.mjs';
import { relayUnix } from './record-channels.mjs';
import { Recorder, RecordingRelay } from './record.mjs';

const BRIDGE = fileURLToPath(new URL('matrix/bridge.mjs', import.meta.url));
// A server that greets in the revision it is asked for and knows nothing else.
const SERVER = `
	require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
		const { id, method, params } = JSON.parse(line);
		const result = method === 'initialize' ? { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 'a', version: '1' } } : {};
		if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
	});`;

async function bridge(...words) {
	const child = spawn('node', [BRIDGE, ...words, 'node', '-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
	const line = await new Promise((resolve) => child.stdout.once('data', (chunk) => resolve(chunk.toString())));

	return { url: line.trim().split(' ')[1], end: () => child.kill() };
}

/** Greets, asks, and gives what came. */
async function talk(target) {
	const transport = open(target);
	const came = [];
	let wake;
	const answers = async (count) => {
		while (came.length < count)
			await new Promise((resolve) => (wake = resolve));
	};

	transport.onmessage = (message) => {
		came.push(message);
		wake?.();
	};
	await transport.start();
	await transport.send({ jsonrpc: '2.0', id: 'a', method: 'initialize', params: { protocolVersion: '2025-06-18' } });
	await answers(1);
	await transport.send({ jsonrpc: '2.0', id: 'b', method: 'ping', params: { words: '漢字'.repeat(40_000) } });
	await answers(2);
	await transport.close();
	return came.map(({ id }) => id);
}

async function inFolder(work) {
	const folder = mkdtempSync(join(tmpdir(), 'kanmon-record-'));
	const ends = [];

	try {
		await work(join(folder, 'log.jsonl'), folder, (end) => ends.push(end));
	} finally {
		ends.forEach((end) => end());
		rmSync(folder, { recursive: true });
	}
}

/** The greeting settles the revision for the whole conversation, and each answer is known by what it answers. */
function assertRecorded(log) {
	const entries = readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line));

	assert.deepEqual(
		entries.map(({ direction, revision, request, message }) => [direction, revision, request ?? message.method]),
		[
			['client', '2025-06-18', 'initialize'],
			['server', '2025-06-18', 'initialize'],
			['client', '2025-06-18', 'ping'],
			['server', '2025-06-18', 'ping'],
		],
	);
}

for (const [transport, path] of [['ws', '/ws'], ['sse', '/sse']])
	test(`recorded: ${transport}`, () =>
		inFolder(async (log, _folder, atEnd) => {
			const server = await bridge('http');
			const relay = new RecordingRelay(log, server.url);
			const port = await relay.listen(0);

			atEnd(() => relay.close());
			atEnd(server.end);
			assert.deepEqual(await talk({ transport, url: `${transport === 'ws' ? 'ws' : 'http'}://127.0.0.1:${port}${path}` }), ['a', 'b']);
			assertRecorded(log);
		}));

test('recorded: unix', () =>
	inFolder(async (log, folder, atEnd) => {
		const server = await bridge('unix', join(folder, 'far'));
		const relay = await relayUnix(new Recorder(log), join(folder, 'near'), join(folder, 'far'));

		atEnd(() => relay.close());
		atEnd(server.end);
		assert.deepEqual(await talk({ transport: 'unix', path: join(folder, 'near') }), ['a', 'b']);
		assertRecorded(log);
	}));

test('a refused upgrade is refused behind the relay, too', () =>
	inFolder(async (log, _folder, atEnd) => {
		const server = await bridge('http');
		const relay = new RecordingRelay(log, server.url);
		const port = await relay.listen(0);

		atEnd(() => relay.close());
		atEnd(server.end);
		await assert.rejects(talk({ transport: 'ws', url: `ws://127.0.0.1:${port}/elsewhere` }));
	}));

test('frames are read however they are cut, and masked or not', () => {
	const seen = [];
	const reader = new FrameReader((opcode, payload) => seen.push([opcode, payload.toString()]));
	const masked = Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2]);
	const first = Buffer.from([TEXT, 1, 0x61]);
	const last = Buffer.from([0x80, 1, 0x62]);

	for (const byte of Buffer.concat([masked, first, frame(PING, 'p'), last, frame(TEXT, 'x'.repeat(70_000))]))
		reader.push(Buffer.from([byte]));
	assert.deepEqual(seen, [[TEXT, 'hi'], [PING, 'p'], [TEXT, 'ab'], [TEXT, 'x'.repeat(70_000)]]);
	assert.throws(() => reader.push(Buffer.from([0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0])));
	// The example of RFC 6455, section 1.3.
	assert.equal(acceptKey('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});
