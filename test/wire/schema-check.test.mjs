// schema-check.test.mjs - the schema check refuses what is wrong and lets pass what is right: node --test.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conversation } from './conversation.mjs';
import { eventReader } from './record.mjs';
import { SchemaChecker } from './schema-check.mjs';

const skip = SchemaChecker.isAvailable() ? false : 'the schemas of shared/data are absent';
const entry = (revision, direction, message, request) => ({ revision, direction, message: { jsonrpc: '2.0', ...message }, request });
const text = { content: [{ type: 'text', text: 'a' }] };

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
	'an answer nobody asked for': entry('2025-11-25', 'server', { id: 1, result: {} }),
	'an unknown revision': entry('2030-01-01', 'client', { id: 1, method: 'ping' }),
	'a batch after batches': { revision: '2025-11-25', direction: 'client', message: [] },
};

const right = {
	'a call': entry('2025-11-25', 'client', { id: 1, method: 'tools/call', params: { name: 'a' } }),
	'a call with a task': entry('2025-11-25', 'server', { id: 1, result: { task: { taskId: 'a', status: 'working', createdAt: 'a', lastUpdatedAt: 'a', ttl: null } } }, 'tools/call'),
	'a request to the client': entry('2025-11-25', 'server', { id: 0, method: 'roots/list' }),
	'an empty result': entry('2025-11-25', 'client', { id: 0, result: {} }, 'ping'),
	'an error without an id': entry('2025-11-25', 'server', { error: { code: -32000, message: 'no' } }),
	'a modern result': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'complete', ...text } }, 'tools/call'),
	'a modern question': entry('2026-07-28', 'server', { id: 1, result: { resultType: 'input_required', requestState: 'a' } }, 'prompts/get'),
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
