// loopback.cjs - node -r loopback.cjs PROGRAM: every listener that names no address gets 127.0.0.1; FORCE_PORT replaces a fixed port.
/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
const { Server } = require('node:net');

const everywhere = new Set([undefined, null, '', '0.0.0.0', '::', '::0', '0:0:0:0:0:0:0:0']);
const forced = process.env.FORCE_PORT ? Number(process.env.FORCE_PORT) : 0;
const IPV4 = 4;

/*
 * The step after an address was looked up. A program that names none listens at once and may ask for its port in the
 * same turn, so the address has to be put in here: given to listen(), it would be looked up first.
 */
const begin = Server.prototype._listen2;

Server.prototype._listen2 = function (address, port, type, ...rest) {
	const isPort = typeof port === 'number' && port >= 0;
	const where = isPort && everywhere.has(address) ? ['127.0.0.1', IPV4] : [address, type];
	const at = isPort && forced && port > 0 ? forced : port;

	return begin.call(this, where[0], at, where[1], ...rest);
};
