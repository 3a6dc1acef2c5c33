// frames.mjs - WebSocket frames and the upgrade, as far as a relay and a small server need them: whole text messages, no extensions.
// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

const MAX_MESSAGE = 16 * 1024 * 1024;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** What a server answers to a client's Sec-WebSocket-Key. */
export const acceptKey = (key) => createHash('sha1').update(key + GUID).digest('base64');

/** One unmasked frame, as a server sends it. */
export function frame(opcode, payload) {
	const body = Buffer.from(payload);
	const size = body.length;
	const head = Buffer.alloc(size < 126 ? 2 : size < 65536 ? 4 : 10);

	head[0] = 0x80 | opcode;
	head[1] = size < 126 ? size : size < 65536 ? 126 : 127;
	if (head[1] === 126)
		head.writeUInt16BE(size, 2);
	if (head[1] === 127)
		head.writeBigUInt64BE(BigInt(size), 2);
	return Buffer.concat([head, body]);
}

/** Takes bytes of one direction as they come, and gives whole messages: take(opcode, payload). */
export class FrameReader {
	#bytes = Buffer.alloc(0);
	#parts = [];
	#opcode = 0;

	constructor(take) {
		this.take = take;
	}

	push(chunk) {
		this.#bytes = Buffer.concat([this.#bytes, chunk]);
		for (let found = this.#next(); found; found = this.#next())
			this.#frame(found);
	}

	/** The first whole frame of what has come, taken out. */
	#next() {
		const bytes = this.#bytes;

		if (bytes.length < 2)
			return undefined;
		const short = bytes[1] & 0x7f;
		const masked = (bytes[1] & 0x80) !== 0;
		const sizeEnd = short < 126 ? 2 : short === 126 ? 4 : 10;
		const start = sizeEnd + (masked ? 4 : 0);

		if (bytes.length < start)
			return undefined;
		const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
		if (size > MAX_MESSAGE)
			throw new Error(`a frame of ${size} bytes`);
		if (bytes.length < start + size)
			return undefined;
		const payload = Buffer.from(bytes.subarray(start, start + size));
		for (let at = 0; masked && at < size; at++)
			payload[at] ^= bytes[sizeEnd + (at & 3)];
		this.#bytes = bytes.subarray(start + size);
		return { isLast: (bytes[0] & 0x80) !== 0, opcode: bytes[0] & 0x0f, payload };
	}

	/** Frames between the parts of a message, such as a ping, are messages of their own. */
	#frame({ isLast, opcode, payload }) {
		if (opcode >= CLOSE) {
			this.take(opcode, payload);
			return;
		}
		this.#opcode = opcode || this.#opcode;
		this.#parts.push(payload);
		if (!isLast)
			return;
		const whole = Buffer.concat(this.#parts);
		this.#parts = [];
		this.take(this.#opcode, whole);
	}
}
