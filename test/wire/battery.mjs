// battery.mjs - runs the named checks of one kind of server and prints a line for each: ok, not ok, n/a; then the exit status.
// SPDX-License-Identifier: Apache-2.0
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { narrow } from './catalogue.mjs';
import { NotApplicable } from './peer.mjs';

const CHECK_MS = 30_000;

const kinds = {
	everything: () => import('./checks-everything.mjs'),
	filesystem: () => import('./checks-filesystem.mjs'),
	fixture: () => import('./checks-fixture.mjs'),
	memory: () => import('./checks-memory.mjs'),
	modern: () => import('./checks-modern.mjs'),
	'sequential-thinking': () => import('./checks-thinking.mjs'),
};

function usage(words) {
	console.error(`${words}
usage: client{1,2}.mjs --server KIND [--folder DIR] [--prefix NAME__] [--mode MODE] stdio COMMAND... | http URL [TOKEN]
  KIND is one of ${Object.keys(kinds).join(', ')}; --folder is the folder server-filesystem serves;
  --prefix stands before the server's names where several are served together;
  --mode (client2 only) is default, auto or 2026-07-28`);
	process.exit(2);
}

function readArguments(modes) {
	const argv = process.argv.slice(2);
	const at = argv.findIndex((word) => ['stdio', 'http', 'sse'].includes(word));

	if (at < 0)
		usage('no transport');
	const { values } = parseArgs({
		args: argv.slice(0, at),
		options: { server: { type: 'string' }, folder: { type: 'string', default: '/tmp' }, prefix: { type: 'string' }, mode: { type: 'string', default: 'default' } },
	});
	if (!(values.server in kinds))
		usage(`no kind of server: ${values.server}`);
	if (modes ? !modes.includes(values.mode) : values.mode !== 'default')
		usage(`no mode: ${values.mode}`);
	const [first, ...rest] = argv.slice(at + 1);
	if (first === undefined)
		usage('nothing to connect to');
	const target =
		argv[at] === 'stdio'
			? { transport: 'stdio', command: first, args: rest }
			: { transport: argv[at], url: first, token: rest[0] };
	return { ...values, target };
}

const oneLine = (words) => String(words).replace(/\s+/g, ' ').slice(0, 300);

/** One check, whose end is a line whatever happens. */
async function runCheck(name, check, peer, options) {
	let timer;
	const ceiling = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no end after ${CHECK_MS} ms`)), CHECK_MS);
	});

	try {
		await Promise.race([check(peer, options), ceiling]);
		console.log(`ok ${name}`);
		return true;
	} catch (error) {
		const skipped = error instanceof NotApplicable;

		console.log(`${skipped ? 'n/a' : 'not ok'} ${name} ${oneLine(error.message)}`);
		return skipped;
	} finally {
		clearTimeout(timer);
	}
}

async function runAll(connect, options) {
	const { checks } = await kinds[options.server]();
	const roots = [{ uri: pathToFileURL(options.folder).href, name: 'folder' }];
	let peer;
	let good = true;

	const connected = await runCheck('connect', async () => {
		peer = await connect(options.target, roots, options);
		if (options.prefix)
			narrow(peer, options.prefix);
	}, undefined, options);
	if (!connected)
		return false;
	// What the client and its counterpart agreed on; a gate may agree on another era than the server behind it.
	console.log(`# era ${peer.era}`);
	for (const [name, check] of checks)
		good = (await runCheck(name, check, peer, options)) && good;
	return (await runCheck('close', () => peer.close(), peer, options)) && good;
}

/** The main of both drivers; `modes` are the words --mode may have. */
export async function drive(connect, { modes }) {
	const options = readArguments(modes);

	process.exit((await runAll(connect, options)) ? 0 : 1);
}
