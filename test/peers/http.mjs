// http.mjs - serves one MCP server factory over Streamable HTTP on loopback: sessions for the handshake era, stateless for 2026-07-28.
// SPDX-License-Identifier: Apache-2.0
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import {
	createMcpHandler,
	isInitializeRequest,
	isLegacyRequest,
	WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';

const MAX_SESSIONS = 256;
const MAX_EVENTS = 1000;
const RETRY_MS = 500;

/** Keeps the last events of one session, so that a client may resume a stream it lost. */
class EventStore {
	#events = [];
	#next = 0;

	async storeEvent(streamId, message) {
		const id = `${streamId}/${(this.#next++).toString().padStart(8, '0')}/${randomBytes(4).toString('hex')}`;

		this.#events.push({ id, streamId, message });
		if (this.#events.length > MAX_EVENTS)
			this.#events.shift();
		return id;
	}

	async getStreamIdForEventId(eventId) {
		return this.#events.find((event) => event.id === eventId)?.streamId;
	}

	async replayEventsAfter(lastEventId, { send }) {
		const last = this.#events.findIndex((event) => event.id === lastEventId);

		if (last < 0)
			throw new Error('unknown event id');
		const { streamId } = this.#events[last];
		for (const event of this.#events.slice(last + 1))
			// A priming event has an empty message and is not worth a replay.
			if (event.streamId === streamId && Object.keys(event.message).length > 0)
				await send(event.id, event.message);
		return streamId;
	}
}

function rpcError(status, code, message) {
	return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
}

/** The handshake era: one server and one transport a session. */
class Sessions {
	#factory;
	#tasks;
	#live = new Map();

	constructor(factory, tasks) {
		this.#factory = factory;
		this.#tasks = tasks;
	}

	async fetch(request) {
		const id = request.headers.get('mcp-session-id');

		if (id !== null) {
			const transport = this.#live.get(id);

			return transport ? transport.handleRequest(request) : rpcError(404, -32001, 'Session not found');
		}
		const opening = request.method === 'POST' && (await startsSession(request));
		if (!opening)
			return rpcError(400, -32000, 'Bad Request: no session');
		return (await this.#open()).handleRequest(request);
	}

	async #open() {
		const transport = new WebStandardStreamableHTTPServerTransport({
			sessionIdGenerator: randomUUID,
			eventStore: new EventStore(),
			retryInterval: RETRY_MS,
			onsessioninitialized: (id) => {
				this.#live.set(id, transport);
				if (this.#live.size > MAX_SESSIONS)
					this.#live.values().next().value.close();
			},
		});

		this.#tasks?.join(transport);
		const server = await this.#factory({ era: 'legacy' });
		const forget = transport.onclose;
		transport.onclose = () => {
			this.#live.delete(transport.sessionId);
			forget?.();
		};
		await server.connect(transport);
		return transport;
	}

	async close() {
		await Promise.all([...this.#live.values()].map((transport) => transport.close()));
	}
}

async function startsSession(request) {
	try {
		return isInitializeRequest(await request.clone().json());
	} catch {
		return false;
	}
}

/** The stateless era has no transport to stand in: what concerns tasks is answered before the SDK sees it. */
async function answerTask(tasks, request) {
	if (!tasks || request.method !== 'POST')
		return undefined;
	const message = await request.clone().json().catch(() => undefined);

	return message && tasks.isOurs(message) ? Response.json(await tasks.answer(message)) : undefined;
}

/**
 * Listens on 127.0.0.1:port (0 picks one) under /mcp and resolves to { port, close }.
 *
 * `make({ era, notify })` builds one server; `notify` publishes changes to every open subscription of the
 * 2026-07-28 era. With `legacy: false` the handshake era is refused, as a server of 2026-07-28 alone would; with
 * `modern: false` everything is taken for the handshake era, as by a server that never heard of another.
 */
export async function serveHttp(make, { port, legacy, modern: isModern, tasks }) {
	const modern = createMcpHandler((context) => make({ ...context, notify: modern.notify }), { legacy: 'reject' });
	const sessions = new Sessions(make, tasks);
	const checkHost = localhostHostValidation();
	const checkOrigin = localhostOriginValidation();
	const answer = toNodeHandler({
		async fetch(request, options) {
			if (!isModern || (legacy && (await isLegacyRequest(request))))
				return sessions.fetch(request);
			return (await answerTask(tasks, request)) ?? modern.fetch(request, options);
		},
	});

	const http = createServer((request, response) => {
		if (!checkHost(request, response) || !checkOrigin(request, response))
			return;
		if (new URL(request.url, 'http://localhost').pathname !== '/mcp') {
			response.writeHead(404).end();
			return;
		}
		answer(request, response);
	});
	await new Promise((resolve, reject) => http.once('error', reject).listen(port, '127.0.0.1', resolve));
	const close = async () => {
		await sessions.close();
		await modern.close();
		http.close();
		http.closeAllConnections();
	};
	return { port: http.address().port, close };
}
