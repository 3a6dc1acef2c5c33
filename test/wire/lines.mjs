// lines.mjs - cuts byte streams into lines, and event streams into events.
// SPDX-License-Identifier: Apache-2.0
import { StringDecoder } from 'node:string_decoder';

const MAX_LINE = 16 * 1024 * 1024;

/** Cuts a byte stream into lines; the end of line may be LF, CR LF or, in an event stream, CR. */
export class Lines {
	#decoder = new StringDecoder('utf8');
	#rest = '';

	constructor(separator, take) {
		this.separator = separator;
		this.take = take;
	}

	push(chunk) {
		const parts = (this.#rest + this.#decoder.write(chunk)).split(this.separator);

		this.#rest = parts.pop().slice(-MAX_LINE);
		for (const line of parts)
			this.take(line);
	}
}

/** Collects the data of server-sent events: take(data, name of the event). */
export function eventReader(take) {
	let data = [];
	let name = 'message';

	return new Lines(/\r\n|\n|\r(?!$)/, (line) => {
		if (line.startsWith('data:'))
			data.push(line.slice(5).replace(/^ /, ''));
		if (line.startsWith('event:'))
			name = line.slice(6).trim();
		if (line !== '')
			return;
		const [text, event] = [data.join('\n'), name];
		data = [];
		name = 'message';
		// An event with empty data opens a stream that can be resumed; it is no message.
		if (text !== '')
			take(text, event);
	});
}
