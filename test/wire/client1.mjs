// client1.mjs - runs the checks for one server through the SDK 1.x client: client1.mjs --server KIND stdio CMD… | http URL [TOKEN] | sse URL [TOKEN].
// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';

import {
	Client,
	InMemoryTaskStore,
	SSEClientTransport,
	StdioClientTransport,
	StreamableHTTPClientTransport,
	types,
	WebSocketClientTransport,
} from '../peers/sdk1.mjs';
import { drive } from './battery.mjs';
import { open, withHeaders } from './matrix/transports.mjs';
import { NotApplicable, Peer } from './peer.mjs';

const info = { name: 'kanmon-wire-1', version: '1.0.0' };
const capabilities = {
	sampling: {},
	elicitation: { form: {}, url: {} },
	roots: { listChanged: true },
	tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
};

function makeTransport(target) {
	const { transport, url, token, command, args, env } = target;
	const headers = token ? { Authorization: `Bearer ${token}` } : {};

	if (transport === 'stdio')
		return new StdioClientTransport({ command, args, env: { ...process.env, ...env }, stderr: process.env.WIRE_STDERR ? 'inherit' : 'ignore' });
	if (transport === 'http')
		return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
	if (transport === 'sse')
		return new SSEClientTransport(new URL(url), { requestInit: { headers } });
	if (transport === 'ws')
		return new (withHeaders(WebSocketClientTransport, headers))(new URL(url));
	return open(target);
}

class Peer1 extends Peer {
	era = 'legacy';

	constructor(client, transport, roots) {
		super(1, roots);
		this.client = client;
		this.transport = transport;
		this.#listen();
		for (const name of ['ping', 'complete', 'getPrompt', 'readResource', 'sendRootsListChanged'])
			this[name] = (...args) => client[name](...args);
		this.setLevel = (level) => client.setLoggingLevel(level);
	}

	#listen() {
		const { client, seen } = this;
		const note = (schema, list) => client.setNotificationHandler(schema, ({ params }) => void list.push(params ?? {}));

		note(types.LoggingMessageNotificationSchema, seen.log);
		note(types.ToolListChangedNotificationSchema, seen.tools);
		note(types.PromptListChangedNotificationSchema, seen.prompts);
		note(types.ResourceListChangedNotificationSchema, seen.resources);
		note(types.ResourceUpdatedNotificationSchema, seen.updated);
		client.setRequestHandler(types.CreateMessageRequestSchema, ({ params }, extra) =>
			this.#answer(params, extra, this.answerSampling(params)),
		);
		client.setRequestHandler(types.ElicitRequestSchema, ({ params }, extra) =>
			this.#answer(params, extra, this.answerElicitation(params)),
		);
		client.setRequestHandler(types.ListRootsRequestSchema, () => this.answerRoots());
	}

	/** A server may want its answer as a task, to be fetched later. */
	async #answer(params, { taskStore }, result) {
		if (!params.task)
			return result;
		const task = { ...(await taskStore.createTask({ ttl: params.task.ttl })) };

		await taskStore.storeTaskResult(task.taskId, 'completed', result);
		return { task };
	}

	get capabilities() {
		return this.client.getServerCapabilities() ?? {};
	}

	async #all(page, member) {
		const found = [];
		let cursor;

		do {
			const result = await page(cursor === undefined ? {} : { cursor });
			found.push(...result[member]);
			cursor = result.nextCursor;
		} while (cursor !== undefined && found.length < 10_000);
		return found;
	}

	listTools = () => this.#all((params) => this.client.listTools(params), 'tools');
	listPrompts = () => this.#all((params) => this.client.listPrompts(params), 'prompts');
	listResources = () => this.#all((params) => this.client.listResources(params), 'resources');
	listTemplates = () => this.#all((params) => this.client.listResourceTemplates(params), 'resourceTemplates');

	callTool(params, options = {}) {
		return this.client.callTool(params, undefined, options);
	}

	/** Watches one resource; the answer ends it. */
	async watch(uri) {
		await this.client.subscribeResource({ uri });
		return () => this.client.unsubscribeResource({ uri });
	}

	/** Lists announce their changes unasked in this era. */
	async watchLists() {
		return async () => {};
	}

	callLogged(name, args) {
		return this.client.callTool({ name, arguments: args });
	}

	/** Calls a tool as a task: the steps it went through, and its result. */
	async callTask(name, args) {
		const stream = this.client.experimental.tasks.callToolStream({ name, arguments: args }, types.CallToolResultSchema, {
			task: { ttl: 60_000 },
		});
		const steps = [];
		let taskId;

		for await (const message of stream) {
			if (message.type === 'error')
				throw message.error;
			if (message.type === 'taskCreated')
				taskId = message.task.taskId;
			steps.push(message.type === 'taskStatus' ? message.task.status : message.type);
			if (message.type === 'result')
				return { steps, taskId, result: message.result };
		}
		throw new NotApplicable('the stream of a task ended without a result');
	}

	async startTask(name, args) {
		const request = { method: 'tools/call', params: { name, arguments: args, task: { ttl: 60_000 } } };
		const { task } = await this.client.request(request, types.CreateTaskResultSchema);

		return task;
	}

	getTask = (taskId) => this.client.experimental.tasks.getTask(taskId);
	listTasks = async () => (await this.client.experimental.tasks.listTasks()).tasks;
	cancelTask = (taskId) => this.client.experimental.tasks.cancelTask(taskId);

	async close() {
		await this.transport.terminateSession?.();
		await this.client.close();
	}
}

export async function connect(target, roots) {
	// Without a queue of messages for tasks: with one, this SDK keeps the answer to a server's own task's question to itself.
	const tasks = { taskStore: new InMemoryTaskStore() };
	const client = new Client(info, { capabilities, ...tasks });
	const transport = makeTransport(target);
	const peer = new Peer1(client, transport, roots);

	await client.connect(transport);
	return peer;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
	await drive(connect, {});
