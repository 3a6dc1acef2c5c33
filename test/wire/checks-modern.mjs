// checks-modern.mjs - what the server of revision 2026-07-28 alone (test/peers/modern.mjs) must do.
// SPDX-License-Identifier: Apache-2.0
import { announces, answering, asksRoots, elicits, samples, updates } from './checks-asking.mjs';
import { declares, has, toolNames, unknownTool } from './checks-common.mjs';
import { expect, firstText, refused, same, until } from './peer.mjs';

const NOTE = 'note://today';

async function content(peer) {
	same(firstText(await peer.call('echo', { message: 'hé "世界" \\' })), 'hé "世界" \\', 'the echo');
	const sum = await peer.call('add', { a: 2, b: 3.5 });
	same(sum.structuredContent, { sum: 5.5 }, 'the sum');
}

/** The value travels in a header, too: also those that need an encoding. */
async function region(peer) {
	await peer.listTools();
	for (const name of ['us-west1', 'us west 1', ' padded ', 'Hello, 世界', '=?base64?literal?='])
		same(firstText(await peer.call('region', { region: name })), name, 'the region');
}

async function resources(peer) {
	has((await peer.listResources()).map((one) => one.uri), [NOTE, 'note://dot'], 'the resources');
	same((await peer.readResource({ uri: NOTE })).contents[0].text, 'Nothing happened today.', 'the note');
	same((await peer.readResource({ uri: 'note://dot' })).contents[0].blob, 'AAEC/w==', 'the bytes');
	has((await peer.listTemplates()).map((one) => one.uriTemplate), ['city://{name}'], 'the templates');
	same((await peer.readResource({ uri: 'city://paris' })).contents[0].text, 'A city called paris', 'the city');
}

async function unknownResource(peer) {
	const code = await peer.readResource({ uri: 'note://never' }).then(
		() => undefined,
		(error) => error.code,
	);

	// -32602 since 2026-07-28, -32002 before.
	expect([-32602, -32002].includes(code), `an unknown resource answered ${code}`);
}

async function prompts(peer) {
	has((await peer.listPrompts()).map((prompt) => prompt.name), ['greet', 'plain'], 'the prompts');
	const greet = await peer.getPrompt({ name: 'greet', arguments: { city: 'tokyo' } });
	same(greet.messages[0].content.text, 'Greet tokyo', 'the prompt');
}

async function completion(peer) {
	const prompt = { type: 'ref/prompt', name: 'greet' };
	const template = { type: 'ref/resource', uri: 'city://{name}' };

	const cities = await peer.complete({ ref: prompt, argument: { name: 'city', value: 'pa' } });
	same(cities.completion.values, ['paris', 'parma'], 'cities with pa');
	const names = await peer.complete({ ref: template, argument: { name: 'name', value: 't' } });
	same(names.completion.values, ['tokyo'], 'names with t');
}

async function progress(peer) {
	const { result, progress: steps } = await peer.callWithProgress('slow', { steps: 4, step_ms: 30 });

	same(firstText(result), '4 steps', 'the result');
	same(steps.map((step) => step.progress), [1, 2, 3, 4], 'the progress');
	same(steps.map((step) => step.total), [4, 4, 4, 4], 'the total');
}

const stopped = async (peer) => Number(firstText(await peer.call('stopped')));

/** The server itself says that it stopped. */
async function cancellation(peer) {
	const before = await stopped(peer);

	await peer.callAndCancel('slow', { steps: 500, step_ms: 50 });
	await until(async () => (await stopped(peer)) === before + 1, 'the end of the cancelled call in the server');
}

async function declined(peer) {
	const said = await answering(peer, 'elicitation', () => ({ action: 'decline' }), () => peer.call('ask'));

	same(firstText(said), 'no name: decline', 'a declined question');
}

async function logging(peer) {
	if (peer.era === 'legacy')
		await peer.setLevel('info');
	const before = peer.seen.log.length;

	await peer.callLogged('log', { line: 'one line' });
	await until(() => peer.seen.log.slice(before).some((note) => note.data === 'one line'), 'the log line');
}

async function loggingUnasked(peer) {
	peer.needModern('without a level the server may log as it likes (3.9)');
	const before = peer.seen.log.length;

	await peer.call('log', { line: 'nobody asked' });
	await peer.call('echo', { message: 'later' });
	same(peer.seen.log.length, before, 'log lines nobody asked for');
}

export const checks = [
	declares('tools', 'resources', 'prompts', 'completions', 'logging'),
	toolNames('echo', 'add', 'region', 'slow', 'ask', 'sample', 'roots'),
	unknownTool,
	['tool-bad-arguments', (peer) => refused(() => peer.call('add', { a: 'one' }), 'a word for a number')],
	['tool-call', content],
	['tool-header', region],
	['resource-unknown', unknownResource],
	['resources', resources],
	['prompt-unknown', (peer) => refused(() => peer.getPrompt({ name: 'never' }), 'an unknown prompt')],
	['prompts', prompts],
	['completion', completion],
	['progress', progress],
	['cancellation', cancellation],
	['elicitation-declined', declined],
	['elicitation', elicits('ask', { name: 'Ada' }, 'hello Ada')],
	['sampling', samples('sample', { prompt: 'say it' }, 'sampled')],
	['roots', asksRoots('roots')],
	['logging-unasked', loggingUnasked],
	['logging', logging],
	['tools-changed', announces('tools', 'change', { what: 'tools' })],
	['prompts-changed', announces('prompts', 'change', { what: 'prompts' })],
	['resources-changed', announces('resources', 'change', { what: 'resources' })],
	['resource-subscribe', updates(NOTE, 'change', { what: 'notes' })],
];
