// record.mjs - stands between a client and a server and writes every message to a file, without changing any.
// SPDX-License-Identifier: Apache-2.0
//
// record.mjs stdio LOG COMMAND…          tees the pipes of a stdio server
// record.mjs http LOG PORT TARGET_URL    listens on 127.0.0.1:PORT (0 picks one), forwards to the origin of TARGET_URL;
//                                        streamable HTTP, HTTP+SSE and WebSocket
// record.mjs unix LOG PATH TARGET_PATH   listens on a unix socket, forwards to another
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';

import { Conversation } from './conversation.mjs';
import { eventReader, Lines } from './lines.mjs';
import { relayUnix, relayUpgrade } from './record-channels.mjs';

export { eventReader } from './lines.mjs';

const MAX_SESSIONS = 1000;

/** Writes captures to a file, one a line. */
export class Recorder {
	constructor(path) {
		this.path = path;
	}

	/** `status` is that of the HTTP answer the text came in, if it did. */
	write(conversation, direction, text, status = 200) {
		appendFileSync(this.path, `${JSON.stringify(this.entry(conversation, direction, text, status))}\n`);
	}

	/** What is written of one text. */
	entry(conversation, direction, text, status) {
		let message;

		try {
			message = JSON.parse(text);
		} catch {
			return { direction, unreadable: text.slice(0, 1000) };
		}
		// What HTTP and OAuth say of a refusal, {"error":"invalid_token"}, is no message of the protocol.
		if (status >= 400 && typeof message?.error === 'string')
			return { direction, refusal: message, status };
		return conversation.note(direction, message);
	}
}

function recordStdio(path, [command, ...args]) {
	const recorder = new Recorder(path);
	const conversation = new Conversation();
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
	const lines = (direction) =>
		new Lines(/\r?\n/, (line) => line.trim() !== '' && recorder.write(conversation, direction, line));
	const [from, to] = [lines('client'), lines('server')];

	process.stdin.on('data', (chunk) => from.push(chunk));
	child.stdout.on('data', (chunk) => to.push(chunk));
	process.stdin.pipe(child.stdin);
	child.stdout.pipe(process.stdout);
	child.stdin.on('error', () => {});
	for (const signal of ['SIGTERM', 'SIGINT'])
		process.on(signal, () => child.kill(signal));
	child.on('error', (error) => {
		console.error(`${command}: ${error.message}`);
		process.exit(127);
	});
	child.on('close', (status, signal) => process.exit(signal ? 1 : status));
}

/** An HTTP relay that reads along. A session is followed over its exchanges, any other exchange by itself. */
export class RecordingRelay {
	#sessions = new Map();

	constructor(path, target) {
		this.recorder = new Recorder(path);
		this.target = new URL(target);
		this.server = createServer((request, response) => this.#serve(request, response));
		this.server.on('upgrade', (request, socket, head) => relayUpgrade(this.recorder, this.target, request, socket, head));
	}

	async listen(port) {
		await new Promise((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
		return this.server.address().port;
	}

	close() {
		this.server.close();
		this.server.closeAllConnections();
	}

	/** Over HTTP+SSE the address that messages are posted to stands for the session. */
	#conversation({ headers, url }) {
		const id = headers['mcp-session-id'] ?? (this.#sessions.has(url) ? url : undefined);
		const version = headers['mcp-protocol-version'];

		if (id === undefined)
			return new Conversation(version);
		if (!this.#sessions.has(id))
			this.#adopt(id, new Conversation(version));
		return this.#sessions.get(id);
	}

	#adopt(id, conversation) {
		if (this.#sessions.size >= MAX_SESSIONS)
			this.#sessions.delete(this.#sessions.keys().next().value);
		this.#sessions.set(id, conversation);
	}

	#serve(request, response) {
		const conversation = this.#conversation(request);
		const { hostname, port } = this.target;
		const options = { hostname, port, method: request.method, path: request.url, headers: request.headers };
		const body = [];
		const forward = httpRequest(options, (answer) => this.#answer(conversation, request, answer, response));

		request.on('data', (chunk) => body.push(chunk));
		request.on('end', () => {
			const text = Buffer.concat(body).toString('utf8');
			// Written before the last of it is passed on, so that no answer can overtake its question.
			if (text !== '')
				this.recorder.write(conversation, 'client', text);
			forward.end(Buffer.concat(body));
		});
		forward.on('error', () => response.destroy());
		response.on('close', () => forward.destroy());
	}

	/** The first event of HTTP+SSE is the address of the session, and no message. */
	#event(conversation, request, text, name, take) {
		if (name !== 'endpoint') {
			take(text);
			return;
		}
		const { pathname, search } = new URL(text, new URL(request.url, this.target));

		this.#adopt(pathname + search, conversation);
	}

	#answer(conversation, request, answer, response) {
		const id = answer.headers['mcp-session-id'];
		const type = answer.headers['content-type'] ?? '';
		const take = (text) => this.recorder.write(conversation, 'server', text, answer.statusCode);

		if (id !== undefined && !this.#sessions.has(id))
			this.#adopt(id, conversation);
		response.writeHead(answer.statusCode, answer.headers);
		response.flushHeaders();
		if (type.startsWith('text/event-stream')) {
			const events = eventReader((text, name) => this.#event(conversation, request, text, name, take));
			answer.on('data', (chunk) => events.push(chunk));
		} else if (type.startsWith('application/json')) {
			const body = [];
			answer.on('data', (chunk) => body.push(chunk));
			answer.on('end', () => body.length > 0 && take(Buffer.concat(body).toString('utf8')));
		}
		answer.pipe(response);
		answer.on('error', () => response.destroy());
	}
}

async function main() {
	const [transport, path, ...rest] = process.argv.slice(2);

	if (transport === 'stdio' && rest.length > 0) {
		recordStdio(path, rest);
	} else if (transport === 'http' && rest.length === 2) {
		const relay = new RecordingRelay(path, rest[1]);
		console.log(`listening http://127.0.0.1:${await relay.listen(Number(rest[0]))}`);
	} else if (transport === 'unix' && rest.length === 2) {
		await relayUnix(new Recorder(path), ...rest);
		console.log(`listening unix:${rest[0]}`);
	} else {
		console.error('usage: record.mjs stdio LOG COMMAND... | http LOG PORT TARGET_URL | unix LOG PATH TARGET_PATH');
		process.exit(2);
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url))
	await main();
