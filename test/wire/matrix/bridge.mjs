// bridge.mjs - a small direct server for the transports that no real server has: each connection gets a process of a stdio server.
// SPDX-License-Identifier: Apache-2.0
//
// bridge.mjs http COMMAND…        GET /sse is HTTP+SSE, GET /ws is a WebSocket; prints `listening http://127.0.0.1:PORT`
// bridge.mjs unix PATH COMMAND…   a message a line on a unix socket; prints `listening unix:PATH`
// Without a gate between them, the clients' own transports are proven against this.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';

import { acceptKey, CLOSE, frame, FrameReader, PING, PONG, TEXT } from '../frames.mjs';
import { Lines } from '../lines.mjs';

/** One process of the server; what it says is given line by line. */
function start([command, ...args], take, ended) {
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
	const lines = new Lines('\n', (line) => line.trim() !== '' && take(line));

	child.stdout.on('data', (chunk) => lines.push(chunk));
	child.stdin.on('error', () => {});
	child.on('close', ended);
	return { say: (text) => child.stdin.write(`${text}\n`), end: () => child.stdin.end() };
}

function serveWebSocket(argv, request, socket) {
	const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);

	if (!request.url.endsWith('/ws') || !offered.includes('mcp')) {
		socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
		return;
	}
	socket.write(
		'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mcp\r\n' +
			`Sec-WebSocket-Accept: ${acceptKey(request.headers['sec-websocket-key'])}\r\n\r\n`,
	);
	const server = start(argv, (line) => socket.write(frame(TEXT, line)), () => socket.end());
	const reader = new FrameReader((opcode, payload) => {
		if (opcode === TEXT)
			server.say(payload.toString('utf8'));
		if (opcode === PING)
			socket.write(frame(PONG, payload));
		if (opcode === CLOSE)
			socket.end(frame(CLOSE, payload));
	});

	socket.on('data', (chunk) => reader.push(chunk));
	socket.on('error', () => {});
	socket.on('close', () => server.end());
}

class SseServer {
	#sessions = new Map();

	constructor(argv) {
		this.argv = argv;
	}

	answer(request, response) {
		const { pathname, searchParams } = new URL(request.url, 'http://localhost');

		if (request.method === 'GET' && pathname === '/sse')
			this.#open(response);
		else if (request.method === 'POST' && this.#sessions.has(searchParams.get('sessionId')))
			this.#post(this.#sessions.get(searchParams.get('sessionId')), request, response);
		else
			response.writeHead(404).end();
	}

	#open(response) {
		const id = randomUUID();
		const send = (event, data) => response.write(`event: ${event}\ndata: ${data}\n\n`);
		const server = start(this.argv, (line) => send('message', line), () => response.end());

		this.#sessions.set(id, server);
		response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
		send('endpoint', `/messages?sessionId=${id}`);
		response.on('close', () => {
			this.#sessions.delete(id);
			server.end();
		});
	}

	#post(server, request, response) {
		const body = [];

		request.on('data', (chunk) => body.push(chunk));
		request.on('end', () => {
			// As one line, however the client wrote it.
			server.say(JSON.stringify(JSON.parse(Buffer.concat(body).toString('utf8'))));
			response.writeHead(202).end('Accepted');
		});
	}
}

function listen(server, where) {
	return new Promise((resolve, reject) => server.once('error', reject).listen(...where, resolve));
}

const [kind, ...rest] = process.argv.slice(2);
if (kind === 'http') {
	const sse = new SseServer(rest);
	const http = createServer((request, response) => sse.answer(request, response));

	http.on('upgrade', (request, socket) => serveWebSocket(rest, request, socket));
	await listen(http, [0, '127.0.0.1']);
	console.log(`listening http://127.0.0.1:${http.address().port}`);
} else {
	const [path, ...argv] = rest;
	const unix = createSocketServer((socket) => {
		const server = start(argv, (line) => socket.write(`${line}\n`), () => socket.end());
		const lines = new Lines('\n', (line) => server.say(line));

		socket.on('data', (chunk) => lines.push(chunk));
		socket.on('error', () => {});
		socket.on('close', () => server.end());
	});

	await listen(unix, [path]);
	console.log(`listening unix:${path}`);
}
