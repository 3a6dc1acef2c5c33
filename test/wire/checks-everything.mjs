// checks-everything.mjs - what server-everything must do: every feature of the handshake era, tasks included.
// SPDX-License-Identifier: Apache-2.0
import { answering } from './checks-asking.mjs';
import { declares, has, ping, toolNames, unknownTool } from './checks-common.mjs';
import { expect, firstText, NotApplicable, refused, same, texts, until } from './peer.mjs';

const PAGE = 'demo://resource/static/document/features.md';
const research = 'simulate-research-query';
const lateTools = ['get-roots-list', 'trigger-elicitation-request', 'trigger-sampling-request', 'trigger-url-elicitation'];

/** Some tools come into being once the server knows the client's capabilities. */
async function toolsAfterStart(peer) {
	await until(async () => {
		const names = (await peer.listTools()).map((tool) => tool.name);

		return lateTools.every((name) => names.includes(name));
	}, 'the tools that depend on the client');
}

async function toolDefinitions(peer) {
	const tools = new Map((await peer.listTools()).map((tool) => [tool.name, tool]));
	const sum = tools.get('get-sum');

	same(sum.inputSchema.required, ['a', 'b'], 'required arguments of get-sum');
	same(sum.inputSchema.properties.a.type, 'number', 'type of a');
	same(tools.get('get-structured-content').outputSchema.properties.humidity.type, 'number', 'type of humidity');
	same(tools.get('trigger-long-running-operation').annotations.readOnlyHint, true, 'readOnlyHint');
}

async function content(peer) {
	const image = (await peer.call('get-tiny-image')).content.find((block) => block.type === 'image');

	same(Buffer.from(image.data, 'base64').subarray(1, 4).toString(), 'PNG', 'the image');
	same(image.mimeType, 'image/png', 'its type');
	const [annotated] = (await peer.call('get-annotated-message', { messageType: 'error' })).content;
	same(annotated.annotations.priority, 1, 'the priority of an error');
	same(annotated.annotations.audience, ['user', 'assistant'], 'its audience');
	const links = (await peer.call('get-resource-links', { count: 2 })).content.filter((b) => b.type === 'resource_link');
	same(links.length, 2, 'resource links');
	const reference = await peer.call('get-resource-reference', { resourceType: 'Text', resourceId: 1 });
	const embedded = reference.content.find((block) => block.type === 'resource');
	same(embedded.resource.uri, 'demo://resource/dynamic/text/1', 'the embedded resource');
}

async function structured(peer) {
	const result = await peer.call('get-structured-content', { location: 'Chicago' });

	same(result.structuredContent.temperature, 36, 'the temperature');
	same(JSON.parse(firstText(result)).humidity, 82, 'the humidity in the text');
}

async function resources(peer) {
	const found = await peer.listResources();

	has(found.map((resource) => resource.uri), [PAGE], 'the resources');
	const [page] = (await peer.readResource({ uri: PAGE })).contents;
	same(page.uri, PAGE, 'the uri of what was read');
	expect(page.text.length > 100, 'the page is empty');
}

async function templates(peer) {
	const found = (await peer.listTemplates()).map((template) => template.uriTemplate);

	has(found, ['demo://resource/dynamic/text/{resourceId}', 'demo://resource/dynamic/blob/{resourceId}'], 'the templates');
	const [text] = (await peer.readResource({ uri: 'demo://resource/dynamic/text/7' })).contents;
	expect(text.text.includes('7'), `resource 7 says ${text.text}`);
	const [blob] = (await peer.readResource({ uri: 'demo://resource/dynamic/blob/7' })).contents;
	expect(Buffer.from(blob.blob, 'base64').toString().includes('7'), 'the blob of resource 7');
}

async function unknownResource(peer) {
	const error = await peer.readResource({ uri: 'demo://no/such' }).then(
		() => undefined,
		(failure) => failure,
	);

	// -32002 until 2025-11-25, -32602 since; the 1.x server says -32602 already.
	expect([-32002, -32602].includes(error?.code), `an unknown resource answered ${error?.code}`);
}

async function subscribe(peer) {
	const uri = 'demo://resource/dynamic/text/1';
	const stop = await peer.watch(uri);
	const before = peer.seen.updated.length;

	await peer.call('toggle-subscriber-updates');
	await until(() => peer.seen.updated.slice(before).some((note) => note.uri === uri), 'the update of a resource');
	await peer.call('toggle-subscriber-updates');
	await stop();
}

async function prompts(peer) {
	const found = await peer.listPrompts();

	has(found.map((prompt) => prompt.name), ['simple-prompt', 'args-prompt', 'completable-prompt', 'resource-prompt'], 'the prompts');
	const [simple] = (await peer.getPrompt({ name: 'simple-prompt' })).messages;
	same(simple.content.text, 'This is a simple prompt without arguments.', 'simple-prompt');
	const [args] = (await peer.getPrompt({ name: 'args-prompt', arguments: { city: 'Kyoto', state: 'Kansai' } })).messages;
	same(args.content.text, "What's weather in Kyoto, Kansai?", 'args-prompt');
	const embedding = await peer.getPrompt({ name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '3' } });
	expect(embedding.messages.some((message) => message.content.type === 'resource'), 'resource-prompt embeds no resource');
}

async function promptRefused(peer) {
	await refused(() => peer.getPrompt({ name: 'args-prompt', arguments: {} }), 'a prompt without its required argument');
}

async function completion(peer) {
	const ref = { type: 'ref/prompt', name: 'completable-prompt' };
	const first = await peer.complete({ ref, argument: { name: 'department', value: 'E' } });

	same(first.completion.values, ['Engineering'], 'departments with E');
	const context = { arguments: { department: 'Sales' } };
	const second = await peer.complete({ ref, argument: { name: 'name', value: '' }, context });
	same(second.completion.values, ['David', 'Eve', 'Frank'], 'people in Sales');
	const template = { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' };
	const third = await peer.complete({ ref: template, argument: { name: 'resourceId', value: '1' } });
	expect(third.completion.values.includes('1'), `ids with 1: ${third.completion.values}`);
}

async function progress(peer) {
	const { result, progress: steps } = await peer.callWithProgress('trigger-long-running-operation', { duration: 0.4, steps: 4 });

	expect(firstText(result).startsWith('Long running operation completed'), firstText(result));
	// The last step may be lost: the 1.x client drops progress that arrives in one chunk with the result.
	const numbers = steps.map((step) => step.progress);
	expect(numbers.length >= 3, `progress ${numbers} of 1, 2, 3, 4`);
	same(numbers, [1, 2, 3, 4].slice(0, numbers.length), 'the order of progress');
	same(steps[0].total, 4, 'the total');
}

async function cancellation(peer) {
	await peer.callAndCancel('trigger-long-running-operation', { duration: 5, steps: 20 });
	same(firstText(await peer.call('echo', { message: 'after' })), 'Echo: after', 'a call after a cancelled one');
}

async function concurrency(peer) {
	const calls = Array.from({ length: 20 }, (_, a) => peer.call('get-sum', { a, b: 1 }));
	const sums = (await Promise.all(calls)).map(firstText);

	same(sums, sums.map((_, a) => `The sum of ${a} and 1 is ${a + 1}.`), 'sums of calls side by side');
}

async function logging(peer) {
	peer.needLegacy('logs nobody asked for cannot be given to a modern request (8.6 item 29)');
	await peer.setLevel('debug');
	const before = peer.seen.log.length;
	await peer.call('toggle-simulated-logging');
	await until(() => peer.seen.log.slice(before).some((note) => /-?message/.test(String(note.data))), 'a log message');
	await peer.call('toggle-simulated-logging');
}

/**
 * It asks for the roots by itself, some 350 ms after its start. From a pipe nobody can tell what a question belongs to:
 * for a modern client it becomes a round of the call that is under way then. So it comes before what counts messages.
 */
const shownRoots = async (peer) => firstText(await peer.call('get-roots-list'));

async function roots(peer) {
	const { uri } = peer.answers.roots[0];

	await until(async () => (await shownRoots(peer)).includes(uri), `the root ${uri}`);
	expect(peer.seen.roots > 0, 'the client was never asked for its roots');
}

async function rootsChanged(peer) {
	peer.needLegacy('notifications/roots/list_changed is gone (1.2 item 5)');
	const kept = peer.answers.roots;
	peer.answers.roots = [{ uri: 'file:///srv/other', name: 'other' }];
	await peer.sendRootsListChanged();
	await until(async () => (await shownRoots(peer)).includes('file:///srv/other'), 'the changed root');
	peer.answers.roots = kept;
	await peer.sendRootsListChanged();
}

async function sampling(peer) {
	const result = await peer.call('trigger-sampling-request', { prompt: 'say it', maxTokens: 17 });
	const asked = peer.seen.sampling.at(-1);

	same(asked.maxTokens, 17, 'maxTokens of the sampling request');
	expect(asked.messages[0].content.text.includes('say it'), 'the prompt of the sampling request');
	expect(firstText(result).includes('sampled'), `the sampled text is not in ${firstText(result)}`);
}

async function elicitation(peer) {
	peer.answers.elicitation = () => ({ action: 'accept', content: { name: 'Ada', integer: 7, untitledMultipleSelectEnum: ['Piano'] } });
	const accepted = texts(await peer.call('trigger-elicitation-request')).join('\n');
	const asked = peer.seen.elicitation.at(-1);

	expect(accepted.includes('Name: Ada'), `accepted: ${accepted}`);
	same(asked.requestedSchema.required, ['name'], 'the required field');
	same(asked.requestedSchema.properties.integer.maximum, 100, 'the limit of a field');
	same(asked.requestedSchema.properties.titledMultipleSelectEnum.items.anyOf.length, 3, 'titled choices');
	peer.answers.elicitation = () => ({ action: 'decline' });
	const declined = texts(await peer.call('trigger-elicitation-request')).join('\n');
	expect(/declined/i.test(declined), `declined: ${declined}`);
	peer.answers.elicitation = () => ({ action: 'cancel' });
	const cancelled = texts(await peer.call('trigger-elicitation-request')).join('\n');
	expect(/cancel/i.test(cancelled), `cancelled: ${cancelled}`);
	peer.answers.elicitation = () => ({ action: 'decline' });
}

async function urlElicitation(peer) {
	peer.answers.elicitation = (params) => ({ action: params.mode === 'url' ? 'accept' : 'decline' });
	const result = await peer.call('trigger-url-elicitation', { url: 'https://example.com/consent', message: 'Open it' });

	same(peer.seen.elicitation.at(-1).url, 'https://example.com/consent', 'the url to open');
	expect(firstText(result).includes('completed'), firstText(result));
	peer.answers.elicitation = () => ({ action: 'decline' });
}

async function urlElicitationByError(peer) {
	peer.needLegacy('-32042 must not be sent any more (1.2 item 15)');
	const error = await peer.call('trigger-url-elicitation', { url: 'https://example.com/again', errorPath: true }).then(
		(result) => ({ message: firstText(result) }),
		(failure) => failure,
	);

	same(error.code, -32042, `the error (${error.message})`);
	same(error.data.elicitations[0].mode, 'url', 'the mode in the error');
}

async function task(peer) {
	const { steps, taskId, result } = await peer.callTask(research, { topic: 'gates' });

	same([steps[0], steps.at(-1)], ['taskCreated', 'result'], 'the first and the last step of a task');
	expect(steps.includes('working') && steps.includes('completed'), `the steps ${steps}`);
	expect(firstText(result).includes('Research Report: gates'), 'the report');
	const tasks = await peer.listTasks();
	has(tasks.map((one) => one.taskId), [taskId], 'the tasks');
}

async function taskElicitation(peer) {
	peer.answers.elicitation = () => ({ action: 'accept', content: { interpretation: 'technical' } });
	const { steps, result } = await peer.callTask(research, { topic: 'gates', ambiguous: true });

	expect(steps.includes('input_required'), `the steps ${steps}`);
	expect(firstText(result).includes('technical'), 'the clarification in the report');
	peer.answers.elicitation = () => ({ action: 'decline' });
}

/** A tool that is always a task, for a client that knows nothing of it: a call that takes longer, and asks. */
async function taskWaited(peer) {
	peer.needModern('a client of this era asks for a task itself');
	const report = await peer.call(research, { topic: 'gates' });
	const accept = () => ({ action: 'accept', content: { interpretation: 'technical' } });
	const asked = await answering(peer, 'elicitation', accept, () => peer.call(research, { topic: 'gates', ambiguous: true }));

	expect(firstText(report).includes('Research Report: gates'), `the report: ${firstText(report)}`);
	expect(firstText(asked).includes('technical'), `the clarification in the report: ${firstText(asked)}`);
}

/** Here the client is the one who keeps the task, and the server asks until it is done. */
async function taskOfClient(peer) {
	if (peer.sdk !== 1)
		throw new NotApplicable('SDK 2.4.0 keeps no tasks (1.2 item 6: tasks left the core)');
	const accept = () => ({ action: 'accept', content: { name: 'Ada' } });
	const [sampled, asked] = await answering(peer, 'elicitation', accept, () =>
		Promise.all([
			peer.call('trigger-sampling-request-async', { prompt: 'say it later', maxTokens: 9 }),
			peer.call('trigger-elicitation-request-async'),
		]),
	);

	for (const [result, words] of [[sampled, '"text": "sampled"'], [asked, 'Name: Ada']]) {
		const said = texts(result).join('\n');

		expect(said.includes('[COMPLETED]') && said.includes(words), `after a task: ${said}`);
		expect(said.includes('Poll 1: completed'), `the server did not ask for the task: ${said}`);
	}
}

async function taskCancelled(peer) {
	const { taskId } = await peer.startTask(research, { topic: 'nothing' });

	same((await peer.cancelTask(taskId)).status, 'cancelled', 'the cancelled task');
	same((await peer.getTask(taskId)).status, 'cancelled', 'its status afterwards');
	const again = await peer.cancelTask(taskId).then(
		() => undefined,
		(error) => error.code,
	);
	same(again, -32602, 'cancelling what has ended');
}

async function taskUnknown(peer) {
	if (!peer.getTask)
		throw new NotApplicable('SDK 2.4.0 has no requester side of tasks (1.2 item 6: tasks left the core)');
	const code = await peer.getTask('no-such-task').then(
		() => undefined,
		(error) => error.code,
	);

	same(code, -32602, 'an unknown task');
}

export const checks = [
	declares('tools', 'resources', 'prompts', 'logging', 'completions'),
	ping,
	['tools-late', toolsAfterStart],
	toolNames('echo', 'get-sum', research, ...lateTools),
	['roots', roots],
	['tools-definitions', toolDefinitions],
	unknownTool,
	['tool-bad-arguments', (peer) => refused(() => peer.call('get-sum', { a: 'one', b: 2 }), 'a word for a number')],
	['tool-call', async (peer) => same(firstText(await peer.call('echo', { message: 'hé 世界' })), 'Echo: hé 世界', 'the echo')],
	['tool-concurrency', concurrency],
	['tool-content', content],
	['tool-structured', structured],
	['resources', resources],
	['resource-templates', templates],
	['resource-subscribe', subscribe],
	['prompts', prompts],
	['completion', completion],
	['progress', progress],
	['cancellation', cancellation],
	['logging', logging],
	['roots-changed', rootsChanged],
	['sampling', sampling],
	['elicitation', elicitation],
	['elicitation-url', urlElicitation],
	['task', task],
	['task-elicitation', taskElicitation],
	['task-waited', taskWaited],
	['task-of-client', taskOfClient],
	// Last, as the SDK clients resume a stream that brought an error, and this server then replays every stream.
	['elicitation-url-error', urlElicitationByError],
	['resource-unknown', unknownResource],
	['prompt-bad-arguments', promptRefused],
	['task-unknown', taskUnknown],
	['task-cancel', taskCancelled],
];
