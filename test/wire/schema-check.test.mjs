// schema-check.test.mjs - the schema check refuses what is wrong and lets pass what is right: node --test.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Conversation } from './conversation.mjs';
import { eventReader, Recorder } from './record.mjs';
import { checkFiles, SchemaChecker } from './schema-check.mjs';

const skip = SchemaChecker.isAvailable() ? false : 'the schemas of shared/data are absent';
const entry = (revision, direction, message, request, more) => ({ revision, direction, message: { jsonrpc: '2.0', ...message }, request, ...more });
const text = { content: [{ type: 'text', text: 'a' }] };
const task = { task: { taskId: 'a', status: 'working', createdAt: 'a', lastUpdatedAt: 'a', ttl: null } };
const extended = { taskId: 'a', createdAt: '2026-01-01T00:00:00Z', lastUpdatedAt: '2026-01-01T00:00:00Z', ttlMs: null };
const sampled = { role: 'assistant', model: 'a', content: { type: 'text', text: 'a' } };

const wrong = {
	'a required member is missing': entry('2025-11-25', 'client', { id: 1, method: 'tools/call', params: {} }),
	'a request in the wrong direction': entry('2026-07-28', 'server', { id: 1, method: 'roots/list' }),
	'a method of a later revision': entry('2025-11-25', 'client', { id: 1, method: 'server/discover', params: {} }),
	'a method of an earlier revision': entry('2026-07-28', 'client', { id: 1, method: 'ping' }),
	'a notification with an id': entry('2025-11-25', 'client', { id: 1, method: 'notifications/initialized' }),
	'a request without an id': entry('2025-11-25', 'client', { method: 'tools/list' }),
	'a modern result without its type': entry('2026-07-28', 'server', { id: 1, result: text }, 'tools/call'),
	'a modern list without a lifetime': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete', tools: [] } }, 'tools/list'),
	'a content block without its text': entry('2025-06-18', 'server', { id: 1, result: { content: [{ type: 'text' }] } }, 'tools/call'),
	'an audio block before there was audio': entry('2024-11-05', 'server', { id: 1, result: { content: [{ type: 'audio', data: '', mimeType: 'audio/wav' }] } }, 'tools/call'),
	'an error with id null': entry('2025-11-25', 'server', { id: null, error: { code: -32000, message: 'no' } }),
	'the result of another method': entry('2025-11-25', 'server', { id: 1, result: { prompts: [] } }, 'tools/list'),
	'the result of another method, newer': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete', contents: [], ttlMs: 0, cacheScope: 'private' } }, 'tools/call'),
	'a complete result without its content': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete' } }, 'tools/call'),
	'a question without a question': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'input_required' } }, 'tools/call'),
	'a question where none may be': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'input_required', requestState: 'a', tools: [] } }, 'tools/list'),
	'a result of no known type': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'other', ...text } }, 'tools/call'),
	'a task nobody asked for': entry('2025-11-25', 'server', { id: 1, result: task }, 'tools/call'),
	'a task of the extension without its state': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'task', taskId: 'a' } }, 'tools/call'),
	'a finished task of the extension without its result': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete', ...extended, status: 'completed' } }, 'tasks/get'),
	'a list of tasks, which the extension has not': entry('2026-07-28', 'client', { id: 1, method: 'tasks/list', params: {} }),
	'a task that brings something else': entry('2025-11-25', 'server', { id: 1, result: sampled }, 'tasks/result', { payload: 'tools/call' }),
	'a refused version without the versions': entry('2026-07-28', 'server', { id: 1, error: { code: -32022, message: 'no' } }, 'server/discover'),
	'an error nobody asked for': entry('2025-11-25', 'server', { id: 1, error: { code: -32602, message: 'no' } }),
	'an error that is a word': entry('2025-11-25', 'server', { error: 'no' }),
	'a notification without its parameters': entry('2025-11-25', 'server', { method: 'notifications/progress' }),
	'an answer nobody asked for': entry('2025-11-25', 'server', { id: 1, result: {} }),
	'an unknown revision': entry('2030-01-01', 'client', { id: 1, method: 'ping' }),
	'a batch after batches': { revision: '2025-11-25', direction: 'client', message: [] },
};

const right = {
	'a call': entry('2025-11-25', 'client', { id: 1, method: 'tools/call', params: { name: 'a' } }),
	'a call with a task': entry('2025-11-25', 'server', { id: 1, result: task }, 'tools/call', { task: true }),
	'a call whose task was refused': entry('2025-11-25', 'server', { id: 1, result: text }, 'tools/call', { task: true }),
	'what a task brings': entry('2025-11-25', 'server', { id: 1, result: text }, 'tasks/result', { payload: 'tools/call' }),
	'what a task of the client brings': entry('2025-11-25', 'client', { id: 1, result: sampled }, 'tasks/result', { payload: 'sampling/createMessage' }),
	'a refused version': entry('2026-07-28', 'server', { id: 1, error: { code: -32022, message: 'no', data: { supported: [], requested: 'a' } } }, 'server/discover'),
	'a request to the client': entry('2025-11-25', 'server', { id: 0, method: 'roots/list' }),
	'an empty result': entry('2025-11-25', 'client', { id: 0, result: {} }, 'ping'),
	'an error without an id': entry('2025-11-25', 'server', { error: { code: -32000, message: 'no' } }),
	'a modern result': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete', ...text } }, 'tools/call'),
	'a modern question': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'input_required', requestState: 'a' } }, 'prompts/get'),
	'a task of the extension': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'task', status: 'working', ...extended } }, 'tools/call'),
	'its end': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete', status: 'completed', result: text, ...extended } }, 'tasks/get'),
	'a batch while there were batches': { revision: '2025-03-26', direction: 'client', message: [{ jsonrpc: '2.0', id: 1, method: 'ping' }] },
};

for (const [name, one] of Object.entries(wrong))
	test(`refused: ${name}`, { skip }, () => assert.notDeepEqual(new SchemaChecker().check(one), []));
for (const [name, one] of Object.entries(right))
	test(`valid: ${name}`, { skip }, () => assert.deepEqual(new SchemaChecker().check(one), []));

test('a conversation knows its revision and what an answer answers', () => {
	const conversation = new Conversation();

	conversation.note('client', { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } });
	const greeting = conversation.note('server', { jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-06-18' } });
	assert.deepEqual([greeting.revision, greeting.request], ['2025-06-18', 'initialize']);
	conversation.note('server', { jsonrpc: '2.0', id: 0, method: 'roots/list' });
	conversation.note('client', { jsonrpc: '2.0', id: 1, method: 'tools/list' });
	assert.equal(conversation.note('client', { jsonrpc: '2.0', id: 0, result: { roots: [] } }).request, 'roots/list');
	assert.equal(conversation.note('server', { jsonrpc: '2.0', id: 1, result: { tools: [] } }).request, 'tools/list');
	assert.equal(conversation.note('server', { jsonrpc: '2.0', method: 'notifications/message' }).revision, '2025-06-18');
});

test('each answer of a batch is known by what it answers', () => {
	const conversation = new Conversation('2025-03-26');
	const list = { jsonrpc: '2.0', id: 2, result: { tools: [] } };
	const pong = { jsonrpc: '2.0', id: 1, result: {} };

	conversation.note('client', [{ jsonrpc: '2.0', id: 1, method: 'ping' }, { jsonrpc: '2.0', id: 2, method: 'tools/list' }]);
	const entry = conversation.note('server', [list, pong]);
	assert.deepEqual(entry.parts.map(({ request }) => request), ['tools/list', 'ping']);
	if (!skip) {
		assert.deepEqual(new SchemaChecker().check(entry), []);
		assert.notDeepEqual(new SchemaChecker().check({ ...entry, message: [pong, list] }), []);
	}
});

test('a conversation knows what a task stands for', () => {
	const conversation = new Conversation('2025-11-25');
	const ask = (id, method, params) => conversation.note('client', { jsonrpc: '2.0', id, method, params });
	const answer = (id, result) => conversation.note('server', { jsonrpc: '2.0', id, result });

	ask(1, 'tools/call', { name: 'a', task: {} });
	assert.equal(answer(1, task).task, true);
	ask(2, 'tasks/result', { taskId: 'a' });
	assert.equal(answer(2, text).payload, 'tools/call');
	ask(3, 'tasks/result', { taskId: 'b' });
	assert.equal(answer(3, text).payload, undefined);
});

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Runs with a folder of its own. */
async function inFolder(run) {
	const folder = mkdtempSync(join(tmpdir(), 'kanmon-schema-'));

	try {
		return await run(folder);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

const ask = entry('2025-11-25', 'client', { id: 1, method: 'tools/list' });
const answer = entry('2025-11-25', 'server', { id: 1, result: { tools: [] } }, 'tools/list');
const broken = entry('2025-11-25', 'server', { id: 1, result: { tools: [{ name: 'a' }] } }, 'tools/list');
const captures = {
	'one broken message': [[ask, answer, broken], false],
	'nothing at all': [[], false],
	'nothing from a side': [[ask, ask], false],
	'refusals alone': [[ask, { direction: 'server', status: 401, refusal: { error: 'invalid_token' } }], false],
	'what is not JSON': [[ask, answer, { direction: 'server', unreadable: '{' }], false],
	'messages that fit': [[ask, answer], true],
};

for (const [name, [entries, wanted]] of Object.entries(captures))
	test(`a capture with ${name} is ${wanted ? 'valid' : 'refused'}`, { skip }, () =>
		inFolder((folder) => {
			const file = join(folder, 'a.jsonl');

			writeFileSync(file, entries.map((one) => `${JSON.stringify(one)}\n`).join(''));
			assert.equal(checkFiles({ both: [file] }, () => {}), wanted);
			assert.equal(checkFiles({ clients: [file], servers: [file] }, () => {}), wanted);
		}));

test('a refusal by HTTP alone is no message, a broken error is one', () => {
	const isRefusal = (text, status) => new Recorder().entry(new Conversation(), 'server', text, status).refusal !== undefined;

	assert.equal(isRefusal('{"error":"invalid_token"}', 401), true);
	assert.equal(isRefusal('{"error":"invalid_token"}', 200), false);
	assert.equal(isRefusal('{"error":{"code":1}}', 400), false);
});

/** The exit status of the check after a recorded conversation with a server that answers tools/list with `tools`. */
function recorded(tools) {
	return inFolder(async (folder) => {
		const log = join(folder, 'a.jsonl');
		const result = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } });
		const server = ['-e', `process.stdin.once('data', () => { console.log(${JSON.stringify(result)}); process.exit(); })`];
		const recorder = spawn(process.execPath, [here('record.mjs'), 'stdio', log, process.execPath, ...server], { stdio: ['pipe', 'ignore', 'inherit'] });

		recorder.stdin.on('error', () => {});
		recorder.stdin.write('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
		await new Promise((resolve) => recorder.on('close', resolve));
		return spawnSync(process.execPath, [here('schema-check.mjs'), log]).status;
	});
}

test('from the pipe to the exit status: a broken message', { skip }, async () => assert.equal(await recorded([{ name: 'a' }]), 1));
test('from the pipe to the exit status: a good one', { skip }, async () => assert.equal(await recorded([{ name: 'a', inputSchema: { type: 'object' } }]), 0));

test('events are read however they are cut', () => {
	const stream = ': hello\r\nid: 1\r\ndata: \r\n\r\nevent: message\ndata: {"a":\ndata: "ü"}\n\ndata:3\r\rdata: 4\n\n';
	const bytes = Buffer.from(stream);

	for (let size = 1; size < 20; size++) {
		const found = [];
		const reader = eventReader((data) => found.push(JSON.parse(data)));

		for (let at = 0; at < bytes.length; at += size)
			reader.push(bytes.subarray(at, at + size));
		assert.deepEqual(found, [{ a: 'ü' }, 3, 4], `chunks of ${size}`);
	}
});
