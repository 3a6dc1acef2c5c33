// coverage.mjs - which capability of each era passed the gate, and at which door: coverage.mjs FOLDER reads what run-peers recorded.
// SPDX-License-Identifier: Apache-2.0
//
// Prints a table of counts; exit 1 when a capability that a door has never passed it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODERN = '2026-07-28';
const doors = ['client-kanmon-run', 'client-mcp-server', 'client-serve-stdio', 'client-mcp'];
const titles = ['kanmon run', '/mcp/NAME', 'serve --stdio', '/mcp'];
const toServers = ['server-stdio', 'server-http', 'server-of-all'];

// What must have been sent: `to` the client or the server, by a mark as `marks` gives it. `own`: not with all servers together.
const client = (...marks) => ({ to: 'client', marks });
const server = (...marks) => ({ to: 'server', marks });
const own = (need) => ({ ...need, own: true });

const legacy = {
	tools: client('result tools/list', 'result tools/call'),
	resources: own(client('result resources/list', 'result resources/read', 'result resources/templates/list')),
	prompts: client('result prompts/list', 'result prompts/get'),
	completion: own(client('result completion/complete')),
	progress: client('notifications/progress'),
	cancellation: server('notifications/cancelled'),
	logging: client('result logging/setLevel', 'notifications/message'),
	'logging, level': server('logging/setLevel'),
	roots: client('roots/list'),
	'roots, answer': server('result roots/list', 'notifications/roots/list_changed'),
	sampling: client('sampling/createMessage'),
	'sampling, answer': server('result sampling/createMessage'),
	elicitation: client('elicitation/create form', 'elicitation/create url'),
	'elicitation, answer': server('result elicitation/create'),
	'list changes': client('notifications/tools/list_changed', 'notifications/prompts/list_changed'),
	subscriptions: own(client('result resources/subscribe', 'notifications/resources/updated', 'result resources/unsubscribe')),
	tasks: client('task tools/call', 'result tasks/get', 'result tasks/result', 'result tasks/list', 'result tasks/cancel', 'notifications/tasks/status'),
	'tasks of the client': client('tasks/get', 'tasks/result'),
	'tasks of the client, answer': server('task sampling/createMessage', 'task elicitation/create', 'result tasks/get', 'result tasks/result'),
};

const modern = {
	discovery: client('result server/discover'),
	tools: client('result tools/list', 'result tools/call'),
	resources: own(client('result resources/list', 'result resources/read', 'result resources/templates/list')),
	prompts: client('result prompts/list', 'result prompts/get'),
	completion: own(client('result completion/complete')),
	progress: client('notifications/progress'),
	// Over HTTP the request's stream is closed instead; that the call stopped, the server says in the check itself.
	cancellation: { ...server('notifications/cancelled'), places: ['server-stdio'] },
	logging: client('notifications/message'),
	roots: client('asks roots/list'),
	'roots, answer': server('answers roots'),
	sampling: client('asks sampling/createMessage'),
	'sampling, answer': server('answers role'),
	elicitation: client('asks elicitation/create'),
	'elicitation, answer': server('answers action'),
	'list changes': own(client('notifications/tools/list_changed', 'notifications/prompts/list_changed', 'notifications/resources/list_changed')),
	subscriptions: own(client('notifications/subscriptions/acknowledged', 'notifications/resources/updated')),
};

/** What one captured message is, in words the tables above use. */
export function marks({ message, request }) {
	if (message?.method === 'elicitation/create')
		return [`elicitation/create ${message.params?.mode ?? 'form'}`];
	if (message?.method !== undefined)
		return [message.method, ...Object.values(message.params?.inputResponses ?? {}).flatMap((one) => Object.keys(one)).map((key) => `answers ${key}`)];
	if (message?.result === undefined)
		return [];
	const asked = Object.values(message.result.inputRequests ?? {}).map(({ method }) => `asks ${method}`);
	return [...asked, `${message.result.task && request !== 'tasks/get' ? 'task' : 'result'} ${request}`];
}

class Counts {
	#counts = new Map();

	add(era, place, mark) {
		const key = `${era} ${place} ${mark}`;

		this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
	}

	/** How often the rarest of the marks was seen at a place. */
	least(era, place, names) {
		return Math.min(...names.map((mark) => this.#counts.get(`${era} ${place} ${mark}`) ?? 0));
	}
}

function readFolder(folder) {
	const counts = new Counts();

	for (const place of [...doors, ...toServers]) {
		const path = join(folder, `${place}.jsonl`);
		// What the gate sent: it is the server to clients, and the client to servers.
		const sender = place.startsWith('client-') ? 'server' : 'client';
		const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];

		for (const entry of lines.map((line) => JSON.parse(line)))
			if (entry.direction === sender)
				for (const mark of marks(entry))
					counts.add(entry.revision >= MODERN ? 'modern' : 'legacy', place, mark);
	}
	return counts;
}

/** Which places a need is looked for at: the doors of clients, or the sides of servers. */
function places({ to, own: isOwn, places: named }) {
	if (named)
		return named;
	if (to === 'client')
		return isOwn ? doors.slice(0, 2) : doors;
	return isOwn ? toServers.slice(0, 2) : toServers;
}

/** The lines of the table, and the names of what is missing. */
export function cover(counts, eras = { legacy, modern }) {
	const rows = [];
	const missing = [];

	for (const [era, needs] of Object.entries(eras))
		for (const [name, need] of Object.entries(needs)) {
			const cells = places(need).map((place) => [place, counts.least(era, place, need.marks)]);

			missing.push(...cells.filter(([, count]) => count === 0).map(([place]) => `${era}: ${name}, ${place}`));
			rows.push({ era, name, to: need.to, cells: Object.fromEntries(cells) });
		}
	return { rows, missing };
}

function print({ rows, missing }) {
	const line = (words, cells) => console.log(`${words.padEnd(36)}${cells.map((cell) => String(cell).padStart(14)).join('')}`);

	for (const [to, columns, heads] of [['client', doors, titles], ['server', toServers, ['stdio', 'HTTP', 'catalogue']]]) {
		line(`least seen, to ${to}s`, heads);
		for (const { era, name, cells } of rows.filter((row) => row.to === to))
			line(`${era}: ${name}`, columns.map((place) => cells[place] ?? '-'));
	}
	for (const words of missing)
		console.log(`not covered: ${words}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const covered = cover(readFolder(process.argv[2]));

	print(covered);
	process.exit(covered.missing.length > 0 ? 1 : 0);
}
