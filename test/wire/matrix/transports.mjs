// transports.mjs - the client ends of every transport, in the shape both SDK lines want: start, send, close, onmessage, onclose, onerror.
// SPDX-License-Identifier: Apache-2.0
//
// The SDKs bring stdio, Streamable HTTP and HTTP+SSE of their own; WebSocket (2.x) and the unix socket (both) they have
// from here. The raw clients have all of theirs from here. A batch, where the revision has them, is sent as an array.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';

import { eventReader, Lines } from '../lines.mjs';

const CLOSE_MS = 5000;
const SUBPROTOCOL = 'mcp';

class Transport {
	_take(text) {
		let message;

		try {
			message = JSON.parse(text);
		} catch (error) {
			this.onerror?.(error);
			return;
		}
		this.onmessage?.(message);
	}

	_ended() {
		if (this.closed)
			return;
		this.closed = true;
		this.onclose?.();
	}
}

/** A line is a message; over anything that can be read and written. */
class LineTransport extends Transport {
	#out;

	_join(input, output) {
		const lines = new Lines('\n', (line) => line.trim() !== '' && this._take(line));

		this.#out = output;
		input.on('data', (chunk) => lines.push(chunk));
		input.on('close', () => this._ended());
		for (const end of new Set([input, output]))
			end.on('error', (error) => this.onerror?.(error));
	}

	async send(message) {
		if (this.closed)
			throw new Error('the connection is closed');
		this.#out.write(`${JSON.stringify(message)}\n`);
	}
}

export class UnixTransport extends LineTransport {
	constructor({ path }) {
		super();
		this.path = path;
	}

	async start() {
		this.socket = connect(this.path);
		await new Promise((resolve, reject) => this.socket.once('error', reject).once('connect', resolve));
		this._join(this.socket, this.socket);
	}

	async close() {
		this.socket?.end();
		setTimeout(() => this.socket?.destroy(), CLOSE_MS).unref();
		this._ended();
	}
}

export class StdioTransport extends LineTransport {
	constructor({ command, args, env }) {
		super();
		Object.assign(this, { command, args, env });
	}

	async start() {
		const stdio = ['pipe', 'pipe', process.env.WIRE_STDERR ? 'inherit' : 'ignore'];

		this.child = spawn(this.command, this.args, { stdio, env: { ...process.env, ...this.env } });
		await new Promise((resolve, reject) => this.child.once('error', reject).once('spawn', resolve));
		this._join(this.child.stdout, this.child.stdin);
	}

	async close() {
		const ended = new Promise((resolve) => this.child.once('close', resolve));
		const timer = setTimeout(() => this.child.kill(), CLOSE_MS);

		this.child.stdin.end();
		await ended;
		clearTimeout(timer);
		this._ended();
	}
}

/** One text frame is one message. Node's own client lets a program say headers, which browsers do not. */
export class WebSocketTransport extends Transport {
	constructor({ url, headers }) {
		super();
		Object.assign(this, { url, headers });
	}

	async start() {
		this.socket = new WebSocket(this.url, { protocols: [SUBPROTOCOL], headers: this.headers });
		this.socket.onmessage = ({ data }) => this._take(data);
		this.socket.onclose = () => this._ended();
		await new Promise((resolve, reject) => {
			this.socket.onopen = resolve;
			this.socket.onerror = ({ error, message }) => reject(error ?? new Error(message || 'the upgrade was refused'));
		});
		this.socket.onerror = ({ error }) => this.onerror?.(error);
	}

	async send(message) {
		if (this.closed)
			throw new Error('the connection is closed');
		this.socket.send(JSON.stringify(message));
	}

	async close() {
		this.socket?.close();
		this._ended();
	}
}

/** A WebSocket client that has no way to say headers, as the SDK's own, gets them from the class it finds while it starts. */
export function withHeaders(Client, headers) {
	return class extends Client {
		start() {
			const Plain = globalThis.WebSocket;

			globalThis.WebSocket = class extends Plain {
				constructor(url, protocols) {
					super(url, { protocols, headers });
				}
			};
			try {
				return super.start();
			} finally {
				globalThis.WebSocket = Plain;
			}
		}
	};
}

async function* eventsOf(body) {
	const found = [];
	const reader = eventReader((data, event) => found.push({ data, event }));

	for await (const chunk of body) {
		reader.push(Buffer.from(chunk));
		yield* found.splice(0);
	}
}

async function refusal(answer) {
	return new Error(`HTTP ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
}

/** Streamable HTTP as it was until 2025-11-25: one address, a session, answers as JSON or as events. */
export class HttpTransport extends Transport {
	#abort = new AbortController();
	#session;

	constructor({ url, headers }) {
		super();
		Object.assign(this, { url, headers });
	}

	async start() {}

	#headers(more) {
		return { ...this.headers, ...(this.#session && { 'mcp-session-id': this.#session }), ...more };
	}

	async send(message) {
		const answer = await fetch(this.url, {
			method: 'POST',
			headers: this.#headers({ 'content-type': 'application/json', accept: 'application/json, text/event-stream' }),
			body: JSON.stringify(message),
			signal: this.#abort.signal,
		});

		if (!answer.ok)
			throw await refusal(answer);
		this.#session ??= answer.headers.get('mcp-session-id') ?? undefined;
		this.#read(answer).catch((error) => !this.closed && this.onerror?.(error));
		if (message.method === 'notifications/initialized')
			this.#listen().catch((error) => !this.closed && this.onerror?.(error));
	}

	async #read(answer) {
		const type = answer.headers.get('content-type') ?? '';

		if (type.startsWith('text/event-stream'))
			for await (const { data } of eventsOf(answer.body))
				this._take(data);
		else if (type.startsWith('application/json'))
			this._take(await answer.text());
		else
			await answer.body?.cancel();
	}

	/** What the server says unasked comes on a stream of its own. */
	async #listen() {
		const answer = await fetch(this.url, { headers: this.#headers({ accept: 'text/event-stream' }), signal: this.#abort.signal });

		if (answer.ok)
			await this.#read(answer);
		else
			await answer.body?.cancel();
	}

	async terminateSession() {
		if (this.#session)
			await (await fetch(this.url, { method: 'DELETE', headers: this.#headers() })).body?.cancel();
	}

	async close() {
		this.closed = true;
		this.#abort.abort();
		this.onclose?.();
	}
}

/** HTTP+SSE of 2024-11-05: everything comes on one stream, which first says where to post. */
export class SseTransport extends Transport {
	#abort = new AbortController();
	#endpoint;

	constructor({ url, headers }) {
		super();
		Object.assign(this, { url: new URL(url), headers });
	}

	async start() {
		const answer = await fetch(this.url, { headers: { ...this.headers, accept: 'text/event-stream' }, signal: this.#abort.signal });

		if (!answer.ok)
			throw await refusal(answer);
		await new Promise((resolve, reject) => this.#read(answer, resolve).then(() => reject(new Error('the stream ended')), reject));
	}

	async #read(answer, ready) {
		try {
			for await (const { data, event } of eventsOf(answer.body))
				if (event === 'endpoint')
					this.#found(data, ready);
				else
					this._take(data);
		} finally {
			this._ended();
		}
	}

	#found(data, ready) {
		this.#endpoint = new URL(data, this.url);
		if (this.#endpoint.origin !== this.url.origin)
			throw new Error('the endpoint is of another origin');
		ready();
	}

	async send(message) {
		const answer = await fetch(this.#endpoint, {
			method: 'POST',
			headers: { ...this.headers, 'content-type': 'application/json' },
			body: JSON.stringify(message),
		});

		if (!answer.ok)
			throw await refusal(answer);
		await answer.body?.cancel();
	}

	async close() {
		this._ended();
		this.#abort.abort();
	}
}

const kinds = { stdio: StdioTransport, http: HttpTransport, sse: SseTransport, ws: WebSocketTransport, unix: UnixTransport };

/** `target` is { transport, command, args } or { transport, url, headers } or { transport, path }. */
export function open(target) {
	return new kinds[target.transport](target);
}
