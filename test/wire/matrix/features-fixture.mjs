// features-fixture.mjs - what shows each feature of our fixture (test/peers/fixture.mjs) to work, whatever era it speaks.
// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';

import { announces, answering, asksRoots, elicits, updates } from '../checks-asking.mjs';
import { has } from '../checks-common.mjs';
import { expect, firstText, refused, same, until } from '../peer.mjs';
import { batchedWhereItCan, completes, runsTask, STEPS, stepsOf } from './effects.mjs';

async function tools(peer) {
	const found = await peer.listTools();
	const rich = found.find(({ name }) => name === 'json_schema_2020_12_tool');

	has(found.map(({ name }) => name), ['test_simple_text', 'test_x_mcp_header'], 'the tools');
	same(rich.inputSchema.$defs.address.$anchor, 'addressDef', 'the anchor in a schema');
	const region = `eu-${randomUUID()} 世界`;
	const said = await Promise.all([peer.call('test_x_mcp_header', { region }), peer.call('test_multiple_content_types')]);
	same(firstText(said[0]), region, 'the region');
	same(said[1].content.map((block) => block.type), ['text', 'image', 'resource'], 'all kinds of content');
	await refused(() => peer.call('test_error_handling'), 'a tool that fails');
	batchedWhereItCan(peer);
}

async function resources(peer) {
	const id = randomUUID();

	has((await peer.listResources()).map(({ uri }) => uri), ['test://static-text', 'test://static-binary'], 'the resources');
	has((await peer.listTemplates()).map(({ uriTemplate }) => uriTemplate), ['test://template/{id}/data'], 'the templates');
	const [data] = (await peer.readResource({ uri: `test://template/${id}/data` })).contents;
	same(JSON.parse(data.text).id, id, 'the id in the template');
	const [binary] = (await peer.readResource({ uri: 'test://static-binary' })).contents;
	expect(Buffer.from(binary.blob, 'base64').includes('PNG'), 'the picture');
}

async function prompts(peer) {
	const arg1 = randomUUID();

	has((await peer.listPrompts()).map(({ name }) => name), ['test_prompt_with_arguments'], 'the prompts');
	const { messages } = await peer.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1, arg2: 'b' } });
	same(messages[0].content.text, `Prompt with arguments: arg1='${arg1}', arg2='b'`, 'the prompt');
}

async function completion(peer) {
	await completes(peer, { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, ['arg1', 'par'], ['paris', 'park', 'party']);
	await completes(peer, { type: 'ref/resource', uri: 'test://template/{id}/data' }, ['id', '12'], ['123', '124']);
}

/** The server sends its result only once it is told to, and by then every step has been seen. */
async function progress(peer) {
	const key = randomUUID();
	const seen = [];
	const call = peer.call('test_held', { key, steps: STEPS }, { onprogress: (step) => seen.push(step) });

	call.catch(() => {});
	await until(() => stepsOf(seen).length >= STEPS, `${STEPS} steps of progress`);
	await peer.call('test_release', { key });
	same(firstText(await call), `${STEPS} steps`, 'the result');
	same(stepsOf(seen), [1, 2, 3, 4, 5, 6], 'the progress');
}

/** The server itself says that it stopped. */
async function cancellation(peer) {
	const key = randomUUID();
	const stopped = async () => firstText(await peer.call('test_stopped', { key }));

	same(await stopped(), 'no', 'before the cancellation');
	await peer.callAndCancel('test_slow', { key, steps: 500, step_ms: 50 });
	await until(async () => (await stopped()) === 'yes', 'the end of the cancelled call in the server');
}

async function logging(peer) {
	if (peer.era === 'legacy')
		await peer.setLevel('info');
	const before = peer.seen.log.length;
	const wanted = ['Tool execution started', 'Tool processing data', 'Tool execution completed'];
	const said = () => peer.seen.log.slice(before).map((note) => note.data).filter((line) => wanted.includes(line));

	await peer.callLogged('test_tool_with_logging');
	await until(() => said().length >= wanted.length, 'three log lines');
	same(said(), wanted, 'the log lines in order');
}

async function sampling(peer) {
	const prompt = `say ${randomUUID()}`;
	const said = firstText(await peer.call('test_sampling', { prompt }));

	expect(said.includes('sampled'), `test_sampling said ${said}`);
	same(peer.seen.sampling.filter((params) => JSON.stringify(params).includes(prompt)).length, 1, 'times the client was asked');
}

async function elicitation(peer) {
	await elicits('test_input_required_result_elicitation', { name: 'Ada' }, 'Hello, Ada!')(peer);
	await elicits('test_input_required_result_request_state', { ok: true }, 'state-ok')(peer);
}

async function elicitationUrl(peer) {
	const url = `https://example.com/${randomUUID()}`;
	const answer = (params) => ({ action: params.mode === 'url' ? 'accept' : 'decline' });
	const said = firstText(await answering(peer, 'elicitation', answer, () => peer.call('test_elicitation_url', { url })));

	same(peer.seen.elicitation.at(-1).url, url, 'the url to open');
	same(said, 'opened: accept', 'what the tool was told');
}

async function subscriptions(peer) {
	const uri = `test://template/${randomUUID()}/data`;

	await announces('tools', 'test_trigger_tool_change')(peer);
	await announces('prompts', 'test_trigger_prompt_change')(peer);
	await updates(uri, 'test_trigger_resource_update', { uri })(peer);
}

export const features = {
	tools,
	resources,
	prompts,
	completion,
	progress,
	cancellation,
	logging,
	roots: asksRoots('test_input_required_result_list_roots'),
	sampling,
	elicitation,
	'elicitation-url': elicitationUrl,
	subscriptions,
	tasks: (peer) => runsTask(peer, 'test_task', { say: 'done slowly' }, 'done slowly', { say: 'never', work_ms: 60_000 }),
};
