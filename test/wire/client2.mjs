// client2.mjs - runs the checks for one server through the SDK 2.x client: client2.mjs --mode MODE --server KIND stdio CMD… | http URL [TOKEN].
// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';

import { Client, LOG_LEVEL_META_KEY, SSEClientTransport, StdioClientTransport, StreamableHTTPClientTransport } from '../peers/sdk2.mjs';
import { drive } from './battery.mjs';
import { open } from './matrix/transports.mjs';
import { NotApplicable, Peer } from './peer.mjs';

export const info = { name: 'kanmon-wire-2', version: '1.0.0' };
export const capabilities = {
	sampling: {},
	elicitation: { form: {}, url: {} },
	roots: { listChanged: true },
};
const modes = { default: undefined, auto: { mode: 'auto' }, '2026-07-28': { mode: { pin: '2026-07-28' } } };
const noTasks = 'SDK 2.4.0 has no requester side of tasks (1.2 item 6: tasks left the core)';

function makeTransport(target) {
	const { transport, url, token, command, args, env } = target;
	const headers = token ? { Authorization: `Bearer ${token}` } : {};

	if (transport === 'stdio')
		return new StdioClientTransport({ command, args, env: { ...process.env, ...env }, stderr: process.env.WIRE_STDERR ? 'inherit' : 'ignore' });
	if (transport === 'http')
		return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
	if (transport === 'sse')
		return new SSEClientTransport(new URL(url), { requestInit: { headers } });
	// This line has no client of its own for the others.
	return open({ ...target, headers });
}

class Peer2 extends Peer {
	constructor(client, transport, roots) {
		super(2, roots);
		this.client = client;
		this.transport = transport;
		this.#listen();
		for (const name of ['complete', 'getPrompt', 'callTool', 'sendRootsListChanged'])
			this[name] = (...args) => client[name](...args);
	}

	#listen() {
		const { client, seen } = this;
		const note = (method, list) => client.setNotificationHandler(method, ({ params }) => void list.push(params ?? {}));

		note('notifications/message', seen.log);
		note('notifications/tools/list_changed', seen.tools);
		note('notifications/prompts/list_changed', seen.prompts);
		note('notifications/resources/list_changed', seen.resources);
		note('notifications/resources/updated', seen.updated);
		client.setRequestHandler('sampling/createMessage', ({ params }) => this.answerSampling(params));
		client.setRequestHandler('elicitation/create', ({ params }) => this.answerElicitation(params));
		client.setRequestHandler('roots/list', () => this.answerRoots());
	}

	get era() {
		return this.client.getNegotiatedProtocolVersion() >= '2026-07-28' ? 'modern' : 'legacy';
	}

	get capabilities() {
		return this.client.getServerCapabilities() ?? {};
	}

	// Every list is asked for again: what the client keeps for itself would hide what the server says now.
	listTools = async () => (await this.client.listTools(undefined, { cacheMode: 'refresh' })).tools;
	listPrompts = async () => (await this.client.listPrompts(undefined, { cacheMode: 'refresh' })).prompts;
	listResources = async () => (await this.client.listResources(undefined, { cacheMode: 'refresh' })).resources;
	listTemplates = async () =>
		(await this.client.listResourceTemplates(undefined, { cacheMode: 'refresh' })).resourceTemplates;
	readResource = (params) => this.client.readResource(params, { cacheMode: 'refresh' });

	async ping() {
		this.needLegacy('ping is gone (1.2 item 5)');
		return this.client.ping();
	}

	async setLevel(level) {
		this.needLegacy('logging/setLevel is gone (1.2 item 5)');
		return this.client.setLoggingLevel(level);
	}

	async watch(uri) {
		if (this.era === 'modern') {
			const subscription = await this.client.listen({ resourceSubscriptions: [uri] });
			return () => subscription.close();
		}
		await this.client.subscribeResource({ uri });
		return () => this.client.unsubscribeResource({ uri });
	}

	async watchLists() {
		if (this.era === 'legacy')
			return async () => {};
		const subscription = await this.client.listen({
			toolsListChanged: true,
			promptsListChanged: true,
			resourcesListChanged: true,
		});
		return () => subscription.close();
	}

	callLogged(name, args) {
		const _meta = this.era === 'modern' ? { [LOG_LEVEL_META_KEY]: 'info' } : undefined;

		return this.client.callTool({ name, arguments: args, ...(_meta && { _meta }) });
	}

	async callTask() {
		throw new NotApplicable(noTasks);
	}

	startTask = this.callTask;

	async close() {
		if (this.era === 'legacy')
			await this.transport.terminateSession?.();
		await this.client.close();
	}
}

export async function connect(target, roots, { mode, extensions }) {
	const versionNegotiation = modes[mode];
	const declared = { ...capabilities, ...(extensions && { extensions }) };
	const client = new Client(info, { capabilities: declared, ...(versionNegotiation && { versionNegotiation }) });
	const transport = makeTransport(target);
	const peer = new Peer2(client, transport, roots);

	await client.connect(transport);
	return peer;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
	await drive(connect, { modes: Object.keys(modes) });
