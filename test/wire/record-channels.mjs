// record-channels.mjs - reads along where one connection is the whole conversation: a WebSocket, and a unix socket with a message a line.
// SPDX-License-Identifier: Apache-2.0
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';

import { Conversation } from './conversation.mjs';
import { FrameReader, TEXT } from './frames.mjs';
import { Lines } from './lines.mjs';

/** Passes bytes both ways; either end takes the other with it. */
function join(near, far) {
	near.pipe(far);
	far.pipe(near);
	for (const [one, other] of [[near, far], [far, near]]) {
		one.on('error', () => other.destroy());
		one.on('close', () => other.destroy());
	}
}

/** The head of an answer as bytes, without what is said of the body's form on the way. */
function headOf(answer, isFinal) {
	const pairs = answer.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [[name, all[at + 1]]]));
	const kept = pairs.filter(([name]) => !(isFinal && /^(transfer-encoding|connection|content-length)$/i.test(name)));
	const rows = [...kept, ...(isFinal ? [['Connection', 'close']] : [])].map(([name, value]) => `${name}: ${value}\r\n`);

	return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${rows.join('')}\r\n`;
}

/** For the 'upgrade' event of an HTTP server that stands before `target`. */
export function relayUpgrade(recorder, target, request, socket, head) {
	const { hostname, port } = target;
	const forward = httpRequest({ hostname, port, method: 'GET', path: request.url, headers: request.headers });
	const conversation = new Conversation();
	const reader = (direction) =>
		new FrameReader((opcode, payload) => opcode === TEXT && recorder.write(conversation, direction, payload.toString('utf8')));
	const [from, to] = [reader('client'), reader('server')];

	socket.on('error', () => forward.destroy());
	forward.on('error', () => socket.destroy());
	forward.on('response', (answer) => {
		socket.write(headOf(answer, true));
		answer.pipe(socket);
	});
	forward.on('upgrade', (answer, far, farHead) => {
		socket.on('data', (chunk) => from.push(chunk));
		far.on('data', (chunk) => to.push(chunk));
		socket.write(headOf(answer, false));
		if (farHead.length > 0)
			far.unshift(farHead);
		if (head.length > 0)
			socket.unshift(head);
		join(socket, far);
	});
	forward.end();
}

/** Listens on a path; every connection is passed on to the target path. */
export async function relayUnix(recorder, path, target) {
	const server = createServer((near) => {
		const conversation = new Conversation();
		const far = connect(target);
		const reader = (direction) =>
			new Lines(/\r?\n/, (line) => line.trim() !== '' && recorder.write(conversation, direction, line));
		const [from, to] = [reader('client'), reader('server')];

		near.on('data', (chunk) => from.push(chunk));
		far.on('data', (chunk) => to.push(chunk));
		join(near, far);
	});

	await new Promise((resolve, reject) => server.once('error', reject).listen(path, resolve));
	return server;
}
