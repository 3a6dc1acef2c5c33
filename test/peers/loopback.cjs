// loopback.cjs - node -r loopback.cjs PROGRAM: every listener that names no address gets 127.0.0.1; FORCE_PORT replaces a fixed port.
/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
const { Server } = require('node:net');

const everywhere = new Set([undefined, null, '', '0.0.0.0', '::', '::0', '0:0:0:0:0:0:0:0']);
const forced = process.env.FORCE_PORT ? Number(process.env.FORCE_PORT) : 0;
const listen = Server.prototype.listen;

/** Brings the many call shapes of listen() into one object; a path or a handle is left as it is. */
function shape(first, rest) {
	if (typeof first === 'object' && first !== null)
		return 'port' in first ? { ...first } : undefined;
	if (first !== undefined && first !== null && !/^\d+$/.test(String(first)))
		return undefined;
	const [host, backlog] = rest;

	return {
		port: Number(first ?? 0),
		host: typeof host === 'string' ? host : undefined,
		backlog: typeof host === 'number' ? host : backlog,
	};
}

Server.prototype.listen = function (first, ...rest) {
	const done = rest.filter((argument) => typeof argument === 'function').pop();
	const where = typeof first === 'function' ? { port: 0 } : shape(first, rest.filter((a) => typeof a !== 'function'));

	if (!where)
		return listen.call(this, first, ...rest);
	if (everywhere.has(where.host))
		where.host = '127.0.0.1';
	if (forced && Number(where.port) > 0)
		where.port = forced;
	const callback = typeof first === 'function' ? first : done;
	return callback ? listen.call(this, where, callback) : listen.call(this, where);
};
