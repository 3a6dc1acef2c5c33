// coverage.test.mjs - the table of capabilities says what is missing: node --test.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cover, marks } from './coverage.mjs';

const needs = { legacy: { tools: { to: 'client', marks: ['a', 'b'] }, tasks: { to: 'server', marks: ['a'], own: true } } };
const seen = (table) => ({ least: (era, place, names) => Math.min(...names.map((name) => table[`${place} ${name}`] ?? 0)) });

test('what one door alone has not seen is missing', () => {
	const table = { 'server-stdio a': 1, 'server-http a': 1 };

	for (const door of ['client-kanmon-run', 'client-mcp-server', 'client-serve-stdio', 'client-mcp'])
		Object.assign(table, { [`${door} a`]: 2, [`${door} b`]: 1 });
	assert.deepEqual(cover(seen(table), needs).missing, []);
	delete table['client-mcp b'];
	assert.deepEqual(cover(seen(table), needs).missing, ['legacy: tools, client-mcp']);
	delete table['server-http a'];
	assert.equal(cover(seen(table), needs).missing.length, 2);
});

test('nothing seen: everything is missing', () => {
	assert.ok(cover(seen({})).missing.length > 50);
});

test('messages have marks', () => {
	const question = { result: { resultType: 'input_required', inputRequests: { a: { method: 'roots/list' } } } };

	assert.deepEqual(marks({ message: { method: 'ping' } }), ['ping']);
	assert.deepEqual(marks({ message: { method: 'elicitation/create', params: { mode: 'url' } } }), ['elicitation/create url']);
	assert.deepEqual(marks({ message: { result: { task: {} } }, request: 'tools/call' }), ['task tools/call']);
	assert.deepEqual(marks({ message: question, request: 'tools/call' }), ['asks roots/list', 'result tools/call']);
	assert.deepEqual(marks({ message: { error: { code: 1 } } }), []);
});
