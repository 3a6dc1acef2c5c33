// checks-fixture.mjs - what the fixture of both eras (test/peers/fixture.mjs) must do for an SDK client.
// SPDX-License-Identifier: Apache-2.0
import { announces, answering, asksRoots, elicits, samples, updates } from './checks-asking.mjs';
import { declares, has, toolNames, unknownTool } from './checks-common.mjs';
import { expect, firstText, refused, same, until } from './peer.mjs';

const mrtr = (kind) => `test_input_required_result_${kind}`;

async function content(peer) {
	same(firstText(await peer.call('test_simple_text')), 'This is a simple text response for testing.', 'the text');
	const kinds = async (name) => (await peer.call(name)).content.map((block) => block.type);
	same(await kinds('test_image_content'), ['image'], 'the image');
	same(await kinds('test_audio_content'), ['audio'], 'the sound');
	same(await kinds('test_multiple_content_types'), ['text', 'image', 'resource'], 'all kinds');
}

/** A schema passes the gate as it is: no keyword is lost. */
async function schema(peer) {
	const tool = (await peer.listTools()).find((one) => one.name === 'json_schema_2020_12_tool');

	same(tool.inputSchema.$defs.address.$anchor, 'addressDef', 'the anchor');
	same(tool.inputSchema.allOf[0].anyOf.length, 2, 'the composition');
	same(tool.inputSchema.then.required, ['phone'], 'the condition');
	same(tool.inputSchema.additionalProperties, false, 'additionalProperties');
	await refused(() => peer.call(tool.name, { name: 'a', email: 'b', more: 1 }), 'an argument the schema forbids');
}

async function progress(peer) {
	const { progress: steps } = await peer.callWithProgress('test_tool_with_progress');

	const numbers = steps.map((step) => step.progress);
	// The 1.x client drops progress that arrives in one chunk with the result.
	const least = peer.sdk === 1 ? 2 : 3;
	expect(numbers.length >= least, `progress ${numbers} of 0, 50, 100`);
	same(numbers, [0, 50, 100].slice(0, numbers.length), 'the progress');
}

async function logging(peer) {
	if (peer.era === 'legacy')
		await peer.setLevel('info');
	const before = peer.seen.log.length;

	await peer.callLogged('test_tool_with_logging');
	// Where several servers are served together, others may have something to say, too.
	const said = () => peer.seen.log.slice(before).map((note) => note.data).filter((line) => /^Tool /.test(line));
	await until(() => said().length >= 3, 'three log lines');
	same(
		said(),
		['Tool execution started', 'Tool processing data', 'Tool execution completed'],
		'the log lines in order',
	);
}

/** The stream closes in the middle of the call; the client comes back for the answer. */
async function reconnection(peer) {
	peer.needLegacy('streams are not resumed any more (1.2 item 9)');
	same(firstText(await peer.call('test_reconnection')), 'Reconnection test completed', 'the answer after a resume');
}

async function rounds(peer) {
	const seen = peer.seen.elicitation.length;
	const answer = ({ message }) => ({ action: 'accept', content: message.startsWith('Step 1') ? { name: 'Ada' } : { color: 'red' } });
	const said = await answering(peer, 'elicitation', answer, () => peer.call(mrtr('multi_round')));

	same(firstText(said), 'Ada likes red', 'two rounds');
	same(peer.seen.elicitation.length, seen + 2, 'questions');
}

async function severalAtOnce(peer) {
	const answer = () => ({ action: 'accept', content: { name: 'Ada' } });
	const said = await answering(peer, 'elicitation', answer, () => peer.call(mrtr('multiple_inputs')));

	same(firstText(said), 'sampled Ada: 1 roots', 'three questions at once');
}

async function promptAsks(peer) {
	const answer = () => ({ action: 'accept', content: { context: 'rain' } });
	const prompt = await answering(peer, 'elicitation', answer, () =>
		peer.getPrompt({ name: 'test_input_required_result_prompt' }),
	);

	same(prompt.messages[0].content.text, 'Use this context: rain', 'a prompt that asks');
}

async function resources(peer) {
	has((await peer.listResources()).map((one) => one.uri), ['test://static-text', 'test://static-binary'], 'the resources');
	const [data] = (await peer.readResource({ uri: 'test://template/42/data' })).contents;
	same(JSON.parse(data.text).id, '42', 'the id in the template');
	const [binary] = (await peer.readResource({ uri: 'test://static-binary' })).contents;
	expect(Buffer.from(binary.blob, 'base64').includes('PNG'), 'the picture');
}

async function prompts(peer) {
	const { messages } = await peer.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } });

	same(messages[0].content.text, "Prompt with arguments: arg1='a', arg2='b'", 'the prompt');
}

async function completion(peer) {
	const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
	const { completion } = await peer.complete({ ref, argument: { name: 'arg1', value: 'par' } });
	same(completion.values, ['paris', 'park', 'party'], 'words with par');
}

export const checks = [
	declares('tools', 'resources', 'prompts', 'completions', 'logging'),
	toolNames('test_simple_text', 'test_sampling', 'test_x_mcp_header'),
	unknownTool,
	['tool-fails', (peer) => refused(() => peer.call('test_error_handling'), 'a tool that fails')],
	['tool-content', content],
	['tool-schema', schema],
	['progress', progress],
	['logging', logging],
	['reconnection', reconnection],
	['resources', resources],
	['prompts', prompts],
	['completion', completion],
	['elicitation', elicits(mrtr('elicitation'), { name: 'Ada' }, 'Hello, Ada!')],
	['elicitation-state', elicits(mrtr('request_state'), { ok: true }, 'state-ok')],
	['elicitation-rounds', rounds],
	['asks-at-once', severalAtOnce],
	['prompt-asks', promptAsks],
	['sampling', samples('test_sampling', { prompt: 'say it' }, 'sampled')],
	['roots', asksRoots(mrtr('list_roots'))],
	['tools-changed', announces('tools', 'test_trigger_tool_change')],
	['prompts-changed', announces('prompts', 'test_trigger_prompt_change')],
	['resource-subscribe', updates('test://watched-resource', 'test_trigger_resource_update', { uri: 'test://watched-resource' })],
];
