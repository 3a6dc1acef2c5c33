// main.mjs - the command line the servers of this folder share: `NAME.mjs stdio`, or HTTP on the port in PORT.
// SPDX-License-Identifier: Apache-2.0
import { serveStdio } from '@modelcontextprotocol/server/stdio';

import { serveHttp } from './http.mjs';

/** Serves `make` as the arguments ask. On HTTP the first line of stdout is `listening http://127.0.0.1:PORT/mcp`. */
export async function serve(make, { legacy }) {
	if (process.argv[2] === 'stdio') {
		serveStdio((context) => make({ ...context, notify: undefined }), { legacy: legacy ? 'serve' : 'reject' });
		return;
	}
	const server = await serveHttp(make, { port: Number(process.env.PORT ?? 0), legacy });
	const stop = () => server.close().finally(() => process.exit(0));

	process.once('SIGTERM', stop);
	process.once('SIGINT', stop);
	console.log(`listening http://127.0.0.1:${server.port}/mcp`);
}
