// tasks-schema.mjs - the tasks extension of 2026-07-28 as JSON Schema: the core's schema of that revision knows nothing of it.
// SPDX-License-Identifier: Apache-2.0
//
// Source: SEP-2663, the extension io.modelcontextprotocol/tasks.
const text = { type: 'string' };
const times = {
	createdAt: { type: 'string', format: 'date-time' },
	lastUpdatedAt: { type: 'string', format: 'date-time' },
	ttlMs: { type: ['integer', 'null'] },
	pollIntervalMs: { type: 'integer', minimum: 0 },
};
const status = { enum: ['working', 'input_required', 'completed', 'failed', 'cancelled'] };
const task = { taskId: { ...text, minLength: 1 }, status, statusMessage: text, ...times };
const taskRequired = ['taskId', 'status', 'createdAt', 'lastUpdatedAt', 'ttlMs'];
const object = (properties, required) => ({ type: 'object', properties, required });
const request = (method, more = {}) =>
	object({ method: { const: method }, params: object({ _meta: { type: 'object' }, taskId: text, ...more }, ['_meta', 'taskId', ...Object.keys(more)]) }, ['method', 'params']);
const complete = { const: 'complete' };

/** Definitions under names the checker makes of the methods. */
export const definitions = {
	GetTaskRequest: request('tasks/get'),
	UpdateTaskRequest: request('tasks/update', { inputResponses: { type: 'object' } }),
	CancelTaskRequest: request('tasks/cancel'),
	TaskNotification: object({ method: { const: 'notifications/tasks' }, params: object(task, taskRequired) }, ['method', 'params']),
	CreateTaskResult: object({ resultType: { const: 'task' }, ...task }, ['resultType', ...taskRequired]),
	GetTaskResult: {
		...object({ resultType: complete, ...task, inputRequests: { type: 'object' }, result: { type: 'object' }, error: { type: 'object' } }, ['resultType', ...taskRequired]),
		allOf: [
			{ if: { properties: { status: { const: 'completed' } } }, then: { required: ['result'] } },
			{ if: { properties: { status: { const: 'failed' } } }, then: { required: ['error'] } },
			{ if: { properties: { status: { const: 'input_required' } } }, then: { required: ['inputRequests'] } },
		],
	},
	UpdateTaskResult: object({ resultType: complete }, ['resultType']),
	CancelTaskResult: object({ resultType: complete }, ['resultType']),
};

export const requests = { 'tasks/get': 'GetTaskRequest', 'tasks/update': 'UpdateTaskRequest', 'tasks/cancel': 'CancelTaskRequest' };
export const notifications = { 'notifications/tasks': 'TaskNotification' };
