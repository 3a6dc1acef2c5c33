// features-absent.mjs - what shows that a feature is not there: it is not declared, and who asks for it all the same is refused.
// SPDX-License-Identifier: Apache-2.0
//
// At an endpoint of several servers others may have it; there it shows that this server has no share in it.
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, firstText, refused, same } from '../peer.mjs';
import { filesystem } from './features-small.mjs';

const METHOD_NOT_FOUND = -32601;
const NOWHERE = 'absent://nowhere';

const notDeclared = (peer, name) => expect(!peer.capabilities?.[name], `the capability ${name} is declared`);

/** What every server refuses that lacks the feature, where it stands alone. */
async function unknown(peer, method, params = {}) {
	const error = await refused(() => peer.ask(method, params), method);

	same(error.code, METHOD_NOT_FOUND, `what ${method} is refused with`);
}

async function prompts(peer, { prefix }) {
	if (prefix) {
		same(await peer.listPrompts(), [], 'prompts of the server');
		await refused(() => peer.getPrompt({ name: 'none' }), 'a prompt');
		return;
	}
	notDeclared(peer, 'prompts');
	await unknown(peer, 'prompts/list');
}

async function resources(peer, { prefix }) {
	if (prefix) {
		await refused(() => peer.readResource({ uri: NOWHERE }), 'a resource');
		return;
	}
	notDeclared(peer, 'resources');
	await unknown(peer, 'resources/list');
	await unknown(peer, 'resources/templates/list');
}

async function subscriptions(peer, { prefix }) {
	if (prefix)
		await refused(() => peer.ask('resources/subscribe', { uri: NOWHERE }), 'a subscription');
	else
		await unknown(peer, 'resources/subscribe', { uri: NOWHERE });
}

async function completion(peer, { prefix }) {
	const params = { ref: { type: 'ref/prompt', name: `${prefix ?? ''}none` }, argument: { name: 'a', value: '' } };

	if (prefix) {
		await refused(() => peer.ask('completion/complete', params), 'a completion');
		return;
	}
	notDeclared(peer, 'completions');
	await unknown(peer, 'completion/complete', params);
}

async function logging(peer) {
	notDeclared(peer, 'logging');
	await unknown(peer, 'logging/setLevel', { level: 'info' });
}

const noTask = (peer) => refused(() => peer.ask('tasks/get', { taskId: randomUUID() }), 'a task');

async function tasks(peer, { prefix }) {
	if (!prefix)
		notDeclared(peer, 'tasks');
	await noTask(peer);
}

// A call of each server that changes nothing, and what is in its answer.
const plain = {
	filesystem: ['list_allowed_directories', {}, 'llowed directories'],
	memory: ['read_graph', {}, 'entities'],
	thinking: ['sequentialthinking', { thought: 'still', thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false }, 'thoughtNumber'],
};

async function calls(peer, { kind }, options) {
	const [tool, args, words] = plain[kind];
	const said = firstText(await peer.call(tool, args, options));

	expect(said.includes(words), `${tool} said ${said}`);
}

/** Whoever wants progress gets the answer without. */
async function progress(peer, cell) {
	const seen = [];

	await calls(peer, cell, { onprogress: (step) => seen.push(step) });
	same(seen, [], 'progress of a server that has none');
}

/** The server may have answered before it hears of it: the client has let go, and the connection is good for the next call. */
async function cancellation(peer, cell) {
	const abort = new AbortController();
	const ended = calls(peer, cell, { signal: abort.signal }).catch((error) => expect(abort.signal.aborted, `${error}`));

	await turn();
	abort.abort('not wanted any more');
	await ended;
	await calls(peer, cell);
}

/** At the same gate others are asked, of other servers: none of that may come here. */
const neverAsks = (name) => async (peer, cell) => {
	await calls(peer, cell);
	same(name === 'roots' ? peer.seen.roots : peer.seen[name].length, 0, `questions of ${name}`);
};

const small = {
	prompts,
	resources,
	subscriptions,
	completion,
	logging,
	tasks,
	progress,
	cancellation,
	roots: neverAsks('roots'),
	sampling: neverAsks('sampling'),
	elicitation: neverAsks('elicitation'),
	'elicitation-url': neverAsks('elicitation'),
};

/** Who cannot be asked has the folder of the command line, and no other; without a gate the same client may be another era's. */
async function rootsUnasked(peer, cell) {
	if (peer.era === 'legacy') {
		await filesystem.roots(peer, cell);
		return;
	}
	const { folder } = cell;
	const said = firstText(await peer.call('list_allowed_directories'));

	same(said.split('\n').slice(1), [dirname(folder)], 'the folders');
	same(peer.seen.roots, 0, 'questions for roots');
}

/** The tool asks somebody who cannot be asked: the call ends, and nothing is asked. */
const cannotAsk = (tool, args) => async (peer) => {
	await refused(() => peer.call(tool, args), `${tool} without anybody to ask`);
	same(peer.seen.elicitation.length, 0, 'questions');
};

/** It is registered for those who can be asked. */
const notOffered = (tool) => async (peer) => {
	expect(!(await peer.listTools()).some(({ name }) => name === tool), `${tool} is offered`);
	await cannotAsk(tool, {})(peer);
};

export const absent = {
	filesystem: { ...small, roots: rootsUnasked },
	memory: small,
	thinking: small,
	everything: {
		elicitation: notOffered('trigger-elicitation-request'),
		'elicitation-url': notOffered('trigger-url-elicitation'),
		tasks: noTask,
	},
	fixture: {
		elicitation: cannotAsk('test_input_required_result_elicitation', {}),
		'elicitation-url': cannotAsk('test_elicitation_url', { url: 'https://example.com/never' }),
		tasks: noTask,
	},
};
