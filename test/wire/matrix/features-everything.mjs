// features-everything.mjs - what shows each feature of server-everything to work.
// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';

import { answering } from '../checks-asking.mjs';
import { has } from '../checks-common.mjs';
import { expect, firstText, refused, same, texts, until } from '../peer.mjs';
import { batchedWhereItCan, cancelled, completes, hasPassed, runsTask, STEPS } from './effects.mjs';

const PAGE = 'demo://resource/static/document/features.md';
const research = 'simulate-research-query';

/** Some tools come into being once the server knows what the client can do. */
export async function toolExists(peer, name) {
	await until(async () => (await peer.listTools()).some((tool) => tool.name === name), `the tool ${name}`);
}

async function tools(peer) {
	const found = await peer.listTools();
	has(found.map((tool) => tool.name), ['echo', 'get-sum', 'get-tiny-image'], 'the tools');
	same(found.find((tool) => tool.name === 'get-sum').inputSchema.required, ['a', 'b'], 'required arguments of get-sum');

	const word = randomUUID();
	const [echo, sum] = await Promise.all([peer.call('echo', { message: `${word} 世界` }), peer.call('get-sum', { a: 2, b: 40 })]);
	same(firstText(echo), `Echo: ${word} 世界`, 'the echo');
	same(firstText(sum), 'The sum of 2 and 40 is 42.', 'the sum');
	const image = (await peer.call('get-tiny-image')).content.find((block) => block.type === 'image');
	same(Buffer.from(image.data, 'base64').subarray(1, 4).toString(), 'PNG', 'the image');
	await refused(() => peer.call('get-sum', { a: 'one', b: 2 }), 'a word for a number');
	batchedWhereItCan(peer);
}

async function resources(peer) {
	has((await peer.listResources()).map(({ uri }) => uri), [PAGE], 'the resources');
	has((await peer.listTemplates()).map(({ uriTemplate }) => uriTemplate), ['demo://resource/dynamic/text/{resourceId}'], 'the templates');
	const [page] = (await peer.readResource({ uri: PAGE })).contents;
	expect(page.uri === PAGE && page.text.length > 100, `the page reads ${page.text}`);
	const [blob] = (await peer.readResource({ uri: 'demo://resource/dynamic/blob/7' })).contents;
	expect(Buffer.from(blob.blob, 'base64').toString().includes('7'), 'the blob of resource 7');
}

async function prompts(peer) {
	has((await peer.listPrompts()).map(({ name }) => name), ['simple-prompt', 'args-prompt', 'completable-prompt'], 'the prompts');
	const [args] = (await peer.getPrompt({ name: 'args-prompt', arguments: { city: 'Kyoto', state: 'Kansai' } })).messages;
	same(args.content.text, "What's weather in Kyoto, Kansai?", 'args-prompt');
}

async function completion(peer) {
	await completes(peer, { type: 'ref/prompt', name: 'completable-prompt' }, ['department', 'E'], ['Engineering']);
	const template = { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' };
	const { completion: ids } = await peer.complete({ ref: template, argument: { name: 'resourceId', value: '1' } });
	expect(ids.values.includes('1'), `ids with 1: ${ids.values}`);
}

async function progress(peer) {
	const { result, progress: steps } = await peer.callWithProgress('trigger-long-running-operation', { duration: 0.9, steps: STEPS });

	expect(firstText(result).startsWith('Long running operation completed'), firstText(result));
	hasPassed(steps);
}

/** Logging may be switched on only once for a session, and it is not known which level comes first. */
async function logging(peer) {
	await peer.setLevel('debug');
	const before = peer.seen.log.length;

	await peer.call('toggle-simulated-logging');
	await until(() => peer.seen.log.slice(before).some((note) => /-?message/.test(String(note.data))), 'a log message');
	await peer.call('toggle-simulated-logging');
}

async function roots(peer) {
	await toolExists(peer, 'get-roots-list');
	await until(async () => firstText(await peer.call('get-roots-list')).includes(peer.answers.roots[0].uri), 'the root');
}

async function sampling(peer) {
	const prompt = `say ${randomUUID()}`;

	await toolExists(peer, 'trigger-sampling-request');
	const result = await peer.call('trigger-sampling-request', { prompt, maxTokens: 17 });
	const asked = peer.seen.sampling.find((params) => JSON.stringify(params).includes(prompt));
	same(asked?.maxTokens, 17, 'maxTokens of the sampling request');
	expect(firstText(result).includes('sampled'), `the sampled text is not in ${firstText(result)}`);
}

async function elicitation(peer) {
	await toolExists(peer, 'trigger-elicitation-request');
	const content = { name: 'Ada', integer: 7, untitledMultipleSelectEnum: ['Piano'] };
	const answer = () => ({ action: 'accept', content });
	const accepted = texts(await answering(peer, 'elicitation', answer, () => peer.call('trigger-elicitation-request'))).join('\n');

	expect(accepted.includes('Name: Ada'), `accepted: ${accepted}`);
	same(peer.seen.elicitation.at(-1).requestedSchema.properties.integer.maximum, 100, 'the limit of a field');
}

async function elicitationUrl(peer) {
	await toolExists(peer, 'trigger-url-elicitation');
	const url = `https://example.com/${randomUUID()}`;
	const answer = (params) => ({ action: params.mode === 'url' ? 'accept' : 'decline' });
	const result = await answering(peer, 'elicitation', answer, () => peer.call('trigger-url-elicitation', { url, message: 'Open it' }));

	same(peer.seen.elicitation.at(-1).url, url, 'the url to open');
	expect(firstText(result).includes('completed'), firstText(result));
}

async function subscriptions(peer) {
	const uri = 'demo://resource/dynamic/text/1';
	const stop = await peer.watch(uri);
	const before = peer.seen.updated.length;

	await peer.call('toggle-subscriber-updates');
	await until(() => peer.seen.updated.slice(before).some((note) => note.uri === uri), 'the update of a resource');
	await peer.call('toggle-subscriber-updates');
	await stop();
}

const long = { duration: 5, steps: 20 };

export const features = {
	tools,
	resources,
	prompts,
	completion,
	progress,
	cancellation: (peer) => cancelled(peer, 'trigger-long-running-operation', long, () => peer.call('echo', { message: 'after' })),
	logging,
	roots,
	sampling,
	elicitation,
	'elicitation-url': elicitationUrl,
	subscriptions,
	tasks: (peer) => runsTask(peer, research, { topic: 'gates' }, 'Research Report: gates'),
};
