// main.mjs - the command line the servers of this folder share: `NAME.mjs stdio`, or HTTP on the port in PORT.
// SPDX-License-Identifier: Apache-2.0
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';

import { serveHttp } from './http.mjs';

/** A server of the handshake era alone knows nothing of the other one: it is connected as it always was. */
async function serveLines(make, { legacy, modern, tasks }) {
	const transport = new StdioServerTransport();
	const makeAlone = (context) => make({ ...context, notify: undefined });

	tasks?.join(transport);
	if (modern)
		serveStdio(makeAlone, { legacy: legacy ? 'serve' : 'reject', transport });
	else
		await makeAlone({ era: 'legacy' }).connect(transport);
}

/**
 * Serves `make` as the arguments ask, in the eras named. On HTTP the first line of stdout is
 * `listening http://127.0.0.1:PORT/mcp`. `tasks`, if given, answers what concerns tasks.
 */
export async function serve(make, options) {
	if (process.argv[2] === 'stdio') {
		await serveLines(make, options);
		return;
	}
	const server = await serveHttp(make, { ...options, port: Number(process.env.PORT ?? 0) });
	const stop = () => server.close().finally(() => process.exit(0));

	process.once('SIGTERM', stop);
	process.once('SIGINT', stop);
	console.log(`listening http://127.0.0.1:${server.port}/mcp`);
}
