// conversation.mjs - follows the messages of one connection or session: which revision each belongs to, what a response answers.
// SPDX-License-Identifier: Apache-2.0
const MAX_ASKED = 10_000;
const MAX_TASKS = 10_000;
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const HANDSHAKE = '2025-11-25';
const MODERN = '2026-07-28';

const other = (direction) => (direction === 'client' ? 'server' : 'client');

/** Answers with a version of its own choice belong to that version, questions to the one they name. */
function namedRevision(message) {
	if (message.method === 'initialize')
		return message.params?.protocolVersion;
	return message.params?._meta?.[VERSION] ?? message.result?.protocolVersion;
}

/** Puts a value into a map that forgets its oldest first. */
function keep(map, key, value, ceiling) {
	map.delete(key);
	if (map.size >= ceiling)
		map.delete(map.keys().next().value);
	map.set(key, value);
}

export class Conversation {
	#asked = { client: new Map(), server: new Map() };
	#tasks = new Map();

	constructor(revision) {
		this.revision = revision;
	}

	/**
	 * The captured form of one message; `direction` is its sender, 'client' or 'server'. A response has in `request` the
	 * method it answers, in `task` whether a task was asked for, and in `payload` the method whose result a task brings;
	 * of a batch, `parts` has these for each of its messages.
	 */
	note(direction, message) {
		if (!Array.isArray(message))
			return this.#noteOne(direction, message);
		const noted = message.map((part) => this.#noteOne(direction, part));

		return { revision: noted[0]?.revision ?? this.revision ?? HANDSHAKE, direction, message, parts: noted.map(({ request, task, payload }) => ({ request, task, payload })) };
	}

	#noteOne(direction, message) {
		const asked = this.#answered(direction, message);
		const revision = this.#revisionOf(message, asked);

		this.#remember(direction, message, revision);
		return { revision, direction, message, ...(asked && this.#describe(message, asked)) };
	}

	#describe(message, { method, task, taskId }) {
		const payload = method === 'tasks/result' ? this.#tasks.get(taskId) : undefined;

		if (task && message.result?.task?.taskId !== undefined)
			keep(this.#tasks, message.result.task.taskId, method, MAX_TASKS);
		return { request: method, ...(task && { task }), ...(payload && { payload }) };
	}

	#answered(direction, message) {
		if (message?.method !== undefined || message?.id === undefined || message.id === null)
			return undefined;
		// Kept after the answer: a resumed stream may bring the same answer again.
		return this.#asked[other(direction)].get(message.id);
	}

	#revisionOf(message, asked) {
		const named = namedRevision(message ?? {});

		if (message?.result?.protocolVersion && asked?.method === 'initialize')
			this.revision = message.result.protocolVersion;
		else if (named && named >= MODERN)
			this.revision = named;
		// A discover probe asks in the new era; what it says of a revision nobody knows is still an answer in that era.
		return asked?.method === 'initialize' ? (named ?? asked.revision) : (asked?.revision ?? named ?? this.revision ?? HANDSHAKE);
	}

	#remember(direction, message, revision) {
		if (message?.method === undefined || message.id === undefined)
			return;
		const { id, method, params } = message;

		keep(this.#asked[direction], id, { method, revision, task: params?.task !== undefined, taskId: params?.taskId }, MAX_ASKED);
	}
}
