// tasks.mjs - the requester side of tasks, which the SDK's 2.x client does not have: both generations, past the client.
// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

import { Refused } from './raw.mjs';

const POLL_MS = 100;
const MAX_POLLS = 300;
const MAX_ROUNDS = 5;
const META = 'io.modelcontextprotocol/';
export const extensions = { [`${META}tasks`]: {} };

/** What a modern server refuses by an HTTP status as well is an error of the transport; the refusal stands in its body. */
function refusalIn(error) {
	try {
		return new Refused(JSON.parse(error.data.text).error);
	} catch {
		return error;
	}
}

/** Asks over a connected client's transport, under ids of its own; what answers them never reaches the client. */
export function tap(transport) {
	const waiting = new Map();
	const deliver = transport.onmessage;
	let next = 1;

	transport.onmessage = (message, extra) => {
		const answered = message.method === undefined && waiting.get(message.id);

		if (!answered) {
			deliver(message, extra);
			return;
		}
		waiting.delete(message.id);
		if (message.error)
			answered.reject(new Refused(message.error));
		else
			answered.resolve(message.result);
	};
	return async (method, params) => {
		const id = `tapped-${next++}`;
		const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));

		await transport.send({ jsonrpc: '2.0', id, method, params }).catch((error) => {
			waiting.delete(id);
			throw refusalIn(error);
		});
		return answer;
	};
}

/** What answers the requests of an `input_required` result; a server of sessions asks for roots whenever it likes. */
function responsesTo(inputRequests, roots) {
	return Object.fromEntries(Object.entries(inputRequests).map(([key, { method }]) => {
		if (method !== 'roots/list')
			throw new Error(`before a task there was asked for ${method}`);
		return [key, { roots }];
	}));
}

/** Gives a connected peer of the 2.x line what checks of tasks need; `roots` are those that it has. */
export function giveTasks(peer, { info, capabilities, roots }) {
	const send = tap(peer.transport);
	const isModern = peer.era === 'modern';
	const _meta = {
		[`${META}protocolVersion`]: '2026-07-28',
		[`${META}clientInfo`]: info,
		[`${META}clientCapabilities`]: capabilities,
	};
	const ask = (method, params) => send(method, isModern ? { ...params, _meta } : params);

	peer.ask = ask;
	peer.startTask = async (name, args) => {
		const params = { name: peer.named?.(name) ?? name, arguments: args };
		let result = await ask('tools/call', isModern ? params : { ...params, task: { ttl: 60_000 } });

		for (let round = 0; result.resultType === 'input_required' && round < MAX_ROUNDS; round++) {
			const { inputRequests, requestState } = result;
			const inputResponses = responsesTo(inputRequests, roots);

			result = await ask('tools/call', { ...params, inputResponses, requestState });
		}
		const task = isModern ? result.resultType === 'task' && result : result.task;

		if (!task)
			throw new Error(`no task was made: ${JSON.stringify(result)}`);
		return task;
	};
	peer.getTask = (taskId) => ask('tasks/get', { taskId });
	peer.cancelTask = (taskId) => ask('tasks/cancel', { taskId });
	peer.callTask = async (name, args) => {
		const { taskId, status } = await peer.startTask(name, args);
		const steps = [status];

		for (let poll = 0; poll < MAX_POLLS; poll++) {
			const task = await peer.getTask(taskId);

			if (task.status !== steps.at(-1))
				steps.push(task.status);
			if (task.status !== 'working')
				return { steps, taskId, result: isModern ? task.result : await ask('tasks/result', { taskId }) };
			await sleep(POLL_MS);
		}
		throw new Error(`the task ${taskId} did not end`);
	};
}
