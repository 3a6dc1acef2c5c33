// raw.mjs - clients of ours for the two oldest revisions, which no SDK speaks any more: plain messages over any transport.
// SPDX-License-Identifier: Apache-2.0
//
// That of 2025-03-26 sends what is asked in one turn as one batch (base protocol, "Batching"); the other never does.
import { Peer } from '../peer.mjs';
import { open } from './transports.mjs';

const info = { name: 'kanmon-matrix-raw', version: '1.0.0' };
const capabilities = { sampling: {}, roots: { listChanged: true } };
const WITH_BATCHES = '2025-03-26';
const MAX_PAGES = 1000;

export class Refused extends Error {
	constructor({ code, message, data }) {
		super(message);
		Object.assign(this, { code, data });
	}
}

export class RawPeer extends Peer {
	era = 'legacy';
	/** How many messages were sent as part of a batch. */
	batched = 0;
	#waiting = new Map();
	#progress = new Map();
	#queue = [];
	#next = 1;

	constructor(transport, revision, roots, { batches = true }) {
		super(0, roots);
		this.transport = transport;
		this.batches = batches && revision === WITH_BATCHES;
		this.revision = revision;
		transport.onmessage = (message) => (Array.isArray(message) ? message : [message]).forEach((part) => this.#take(part));
		transport.onclose = () => this.#fail(new Error('the connection ended'));
		transport.onerror = (error) => (this.lastError = error);
	}

	async connect() {
		await this.transport.start();
		const { protocolVersion, capabilities: offered } = await this.request('initialize', {
			protocolVersion: this.revision,
			capabilities,
			clientInfo: info,
		});

		if (protocolVersion !== this.revision)
			throw new Error(`asked for ${this.revision}, answered ${protocolVersion}`);
		this.capabilities = offered;
		this.isReady = true;
		await this.notify('notifications/initialized');
	}

	#fail(error) {
		for (const { reject } of this.#waiting.values())
			reject(error);
		this.#waiting.clear();
	}

	#take(message) {
		if (message.method === undefined) {
			const waiting = this.#waiting.get(message.id);

			this.#waiting.delete(message.id);
			if (message.error)
				waiting?.reject(new Refused(message.error));
			else
				waiting?.resolve(message.result);
		} else if (message.id === undefined) {
			this.#noted(message);
		} else {
			this.#asked(message);
		}
	}

	#noted({ method, params = {} }) {
		const lists = {
			'notifications/message': this.seen.log,
			'notifications/tools/list_changed': this.seen.tools,
			'notifications/prompts/list_changed': this.seen.prompts,
			'notifications/resources/list_changed': this.seen.resources,
			'notifications/resources/updated': this.seen.updated,
		};

		if (method === 'notifications/progress')
			this.#progress.get(params.progressToken)?.(params);
		else
			lists[method]?.push(params);
	}

	#asked({ id, method, params }) {
		const answers = {
			ping: () => ({}),
			'roots/list': () => this.answerRoots(),
			'sampling/createMessage': () => this.answerSampling(params),
		};
		if (method === 'elicitation/create')
			this.seen.elicitation.push(params);
		const answer = answers[method];

		this.#send({ jsonrpc: '2.0', id, ...(answer ? { result: answer() } : { error: { code: -32601, message: 'Method not found' } }) });
	}

	#send(message) {
		this.transport.send(message).catch((error) => this.#fail(error));
	}

	/** What is asked in one turn goes together where there are batches; the handshake never does. */
	#ask(message) {
		if (!this.batches || !this.isReady) {
			this.#send(message);
			return;
		}
		this.#queue.push(message);
		if (this.#queue.length > 1)
			return;
		setImmediate(() => {
			const batch = this.#queue.splice(0);

			this.batched += batch.length > 1 ? batch.length : 0;
			this.#send(batch.length > 1 ? batch : batch[0]);
		});
	}

	async request(method, params, { onprogress, signal } = {}) {
		const id = this.#next++;
		const _meta = onprogress && { progressToken: `p${id}` };
		const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));

		if (onprogress)
			this.#progress.set(`p${id}`, onprogress);
		signal?.addEventListener('abort', () => this.#cancel(id, signal.reason));
		this.#ask({ jsonrpc: '2.0', id, method, params: { ...params, ...(_meta && { _meta }) } });
		return answered.finally(() => this.#progress.delete(`p${id}`));
	}

	#cancel(id, reason) {
		const waiting = this.#waiting.get(id);

		if (!waiting)
			return;
		this.#waiting.delete(id);
		this.#send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason: String(reason) } });
		waiting.reject(new Error('cancelled'));
	}

	async notify(method) {
		await this.transport.send({ jsonrpc: '2.0', method });
	}

	async #all(method, member) {
		const found = [];
		let cursor;

		for (let page = 0; page < MAX_PAGES; page++) {
			const result = await this.request(method, cursor === undefined ? {} : { cursor });

			found.push(...result[member]);
			cursor = result.nextCursor;
			if (cursor === undefined)
				break;
		}
		return found;
	}

	listTools = () => this.#all('tools/list', 'tools');
	listPrompts = () => this.#all('prompts/list', 'prompts');
	listResources = () => this.#all('resources/list', 'resources');
	listTemplates = () => this.#all('resources/templates/list', 'resourceTemplates');
	callTool = (params, options) => this.request('tools/call', params, options);
	ask = (method, params) => this.request(method, params);
	callLogged = (name, args) => this.request('tools/call', { name, arguments: args });
	getPrompt = (params) => this.request('prompts/get', params);
	readResource = (params) => this.request('resources/read', params);
	complete = ({ ref, argument }) => this.request('completion/complete', { ref, argument });
	setLevel = (level) => this.request('logging/setLevel', { level });
	sendRootsListChanged = () => this.notify('notifications/roots/list_changed');
	watchLists = async () => async () => {};

	async watch(uri) {
		await this.request('resources/subscribe', { uri });
		return () => this.request('resources/unsubscribe', { uri });
	}

	async close() {
		await this.transport.terminateSession?.();
		await this.transport.close();
	}
}

export const connectRaw = (revision) => async (target, roots) => {
	const peer = new RawPeer(open(target), revision, roots, target);

	await peer.connect();
	return peer;
};
