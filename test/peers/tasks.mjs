// tasks.mjs - tasks for the fixture, in both generations: the core's of 2025-11-25 and the extension of 2026-07-28.
// SPDX-License-Identifier: Apache-2.0
//
// The SDK's 2.x line has no server side of tasks, so this stands between it and the wire: it answers what concerns
// tasks, and says in what the SDK answers that there are some. `test_task` works for `work_ms`, or a moment, and then says
// its `say`.
import { randomUUID } from 'node:crypto';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const RELATED = 'io.modelcontextprotocol/related-task';
const TOOL = 'test_task';
const WORK_MS = 300;
const POLL_MS = 50;
const TTL_MS = 60_000;
const MAX_TASKS = 1000;

class Refusal extends Error {
	constructor(code, message) {
		super(message);
		this.code = code;
	}
}

const isModern = (message) => message.params?._meta?.[CAPABILITIES] !== undefined;

export class Tasks {
	#tasks = new Map();

	#start({ say, work_ms: workMs = WORK_MS }) {
		const now = new Date().toISOString();
		const task = { taskId: randomUUID(), status: 'working', createdAt: now, lastUpdatedAt: now, say: String(say ?? '') };

		task.done = new Promise((resolve) => (task.finish = resolve));
		if (this.#tasks.size >= MAX_TASKS)
			this.#tasks.delete(this.#tasks.keys().next().value);
		this.#tasks.set(task.taskId, task);
		setTimeout(() => this.#end(task, 'completed'), workMs).unref();
		return task;
	}

	#end(task, status) {
		if (task.status !== 'working')
			return;
		Object.assign(task, { status, lastUpdatedAt: new Date().toISOString() });
		task.finish();
	}

	#find({ taskId }) {
		const task = this.#tasks.get(taskId);

		if (!task)
			throw new Refusal(-32602, 'no such task');
		return task;
	}

	#shown({ taskId, status, createdAt, lastUpdatedAt }, modern) {
		const times = modern ? { ttlMs: TTL_MS, pollIntervalMs: POLL_MS } : { ttl: TTL_MS, pollInterval: POLL_MS };

		return { taskId, status, createdAt, lastUpdatedAt, ...times };
	}

	#result({ say }) {
		return { content: [{ type: 'text', text: say }] };
	}

	#cancel(task) {
		if (task.status !== 'working')
			throw new Refusal(-32602, `the task is ${task.status}`);
		this.#end(task, 'cancelled');
	}

	/** How each method of the older generation is answered. */
	#legacy = {
		'tools/call': ({ arguments: args = {} }) => ({ task: this.#shown(this.#start(args)) }),
		'tasks/get': (params) => this.#shown(this.#find(params)),
		'tasks/list': () => ({ tasks: [...this.#tasks.values()].map((task) => this.#shown(task)) }),
		'tasks/cancel': (params) => {
			const task = this.#find(params);

			this.#cancel(task);
			return this.#shown(task);
		},
		'tasks/result': async (params) => {
			const task = this.#find(params);

			await task.done;
			if (task.status === 'cancelled')
				throw new Refusal(-32602, 'the task was cancelled');
			return { ...this.#result(task), _meta: { [RELATED]: { taskId: task.taskId } } };
		},
	};

	#modern = {
		'tools/call': ({ arguments: args = {} }) => ({ ...this.#shown(this.#start(args), true), resultType: 'task' }),
		'tasks/get': (params) => {
			const task = this.#find(params);
			const result = task.status === 'completed' && { result: { ...this.#result(task), resultType: 'complete' } };

			return { ...this.#shown(task, true), ...result, resultType: 'complete' };
		},
		'tasks/update': (params) => this.#find(params) && { resultType: 'complete' },
		'tasks/cancel': (params) => {
			this.#end(this.#find(params), 'cancelled');
			return { resultType: 'complete' };
		},
	};

	#handler(message) {
		const { method, params } = message;
		const isTool = method === 'tools/call';
		const modern = isModern(message);
		const wants = modern ? params._meta[CAPABILITIES].extensions?.[EXTENSION] : !isTool || params?.task;

		if (message.id === undefined || !wants || (isTool && params?.name !== TOOL))
			return undefined;
		return (modern ? this.#modern : this.#legacy)[method];
	}

	isOurs(message) {
		return this.#handler(message) !== undefined;
	}

	async answer(message) {
		const base = { jsonrpc: '2.0', id: message.id };

		try {
			return { ...base, result: await this.#handler(message)(message.params ?? {}) };
		} catch (error) {
			return { ...base, error: { code: error.code ?? -32603, message: error.message } };
		}
	}

	/** What the SDK says of itself in the older generation, with the tasks. */
	declare(message) {
		const { result } = message;

		if (result?.protocolVersion)
			result.capabilities.tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };
		for (const tool of result?.tools ?? [])
			if (tool.name === TOOL && result.resultType === undefined)
				tool.execution = { taskSupport: 'required' };
		return message;
	}

	/** Stands in a transport between the wire and whoever is connected to it. */
	join(transport) {
		const send = transport.send.bind(transport);
		let deliver;
		const take = (message, extra) => {
			if (this.isOurs(message))
				this.answer(message).then((answer) => send(answer, { relatedRequestId: message.id }));
			else
				deliver?.(message, extra);
		};

		Object.defineProperty(transport, 'onmessage', { get: () => deliver && take, set: (handler) => (deliver = handler), configurable: true });
		transport.send = (message, options) => send(this.declare(message), options);
		return transport;
	}
}
