// inspector.mjs - runs the MCP Inspector's command line, once for each method it has: inspector.mjs --server KIND --era ERA stdio CMD… | http URL [TOKEN].
// SPDX-License-Identifier: Apache-2.0
//
// Prints what the SDK drivers print (ok NAME, not ok NAME REASON), and `= NAME OUTPUT`: all the Inspector said, for a comparison.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { callsFor } from './inspector-calls.mjs';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
const INSPECTOR = `${PEERS}node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js`;
const CALL_MS = 40_000;
const MAX_OUTPUT = 4 * 1024 * 1024;

// What a stdio server must find in its environment; the Inspector hands on no more than it is told to.
const HANDED_ON = ['HOME', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_RUNTIME_DIR'];

function readArguments() {
	const argv = process.argv.slice(2);
	const at = argv.findIndex((word) => word === 'stdio' || word === 'http');
	const { values } = parseArgs({
		args: argv.slice(0, Math.max(at, 0)),
		options: { server: { type: 'string' }, era: { type: 'string', default: 'legacy' }, folder: { type: 'string', default: '/tmp' } },
	});
	const calls = callsFor(values);

	if (at < 0 || at + 1 >= argv.length || !calls) {
		console.error('usage: inspector.mjs --server KIND [--era legacy|modern] [--folder DIR] stdio COMMAND... | http URL [TOKEN]');
		process.exit(2);
	}
	return { ...values, calls, transport: argv[at], target: argv.slice(at + 1) };
}

/** The words that say where to. `--` keeps the Inspector from reading options meant for the server. */
function targetWords({ transport, target }) {
	if (transport === 'http') {
		const [url, token] = target;

		return { before: ['--server-url', url, '--transport', 'http', ...(token ? ['--header', `Authorization: Bearer ${token}`] : [])], after: [] };
	}
	const handed = HANDED_ON.filter((name) => process.env[name]).flatMap((name) => ['-e', `${name}=${process.env[name]}`]);
	return { before: [...handed, '--transport', 'stdio'], after: ['--', ...target] };
}

/** One run of the Inspector; it keeps its own files in a home that is not the person's. */
function inspect(options, home, { method, args }) {
	const { before, after } = targetWords(options);
	const words = ['--cli', '--format', 'json', '--quiet', '--stored-auth-only', '--protocol-era', options.era, ...before, '--method', method, ...args, ...after];
	const env = { ...process.env, MCP_CATALOG_PATH: join(home, 'mcp.json'), MCP_CLIENT_CONFIG_PATH: join(home, 'client.json') };

	return new Promise((resolve) => {
		const child = spawn(process.execPath, [INSPECTOR, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: CALL_MS, killSignal: 'SIGKILL' });
		const said = { stdout: '', stderr: '' };

		for (const name of ['stdout', 'stderr'])
			child[name].setEncoding('utf8').on('data', (chunk) => (said[name] = (said[name] + chunk).slice(-MAX_OUTPUT)));
		child.on('error', (error) => resolve({ ...said, status: error.message }));
		child.on('close', (status, signal) => resolve({ ...said, status: signal ?? status }));
	});
}

/** What is another each time is made the same: the ids servers draw, and how often others had changed a list. */
const settled = (text) =>
	text
		.trim()
		.replace(/("taskId":)"[0-9a-f-]{16,}"/g, '$1"…"')
		.replace(/\bchanged \d+ times/g, 'changed … times');

/** The error envelope is a line of its own on stderr; whatever else is there is a server's chatter. */
const envelope = (stderr) => stderr.split('\n').filter((line) => line.startsWith('{"error":')).join('\n');

function problem({ status, stdout, stderr }, { exit = 0, says }) {
	if (status !== exit)
		return `ended with ${status}, wanted ${exit}: ${stderr}${stdout}`;
	const missing = says.filter((word) => !(stdout + stderr).includes(word));
	return missing.length > 0 ? `does not say ${missing.join(', ')}: ${stdout}${stderr}` : undefined;
}

async function runAll(options, home) {
	let good = true;

	console.log(`# era ${options.era}`);
	for (const [name, call] of options.calls) {
		const said = await inspect(options, home, call);
		const wrong = problem(said, call);
		const output = JSON.stringify([said.status, settled(said.stdout), envelope(said.stderr)]);

		good = good && !wrong;
		console.log(wrong ? `not ok ${name} ${wrong.replace(/\s+/g, ' ').slice(0, 300)}` : `ok ${name}`);
		console.log(`= ${name} ${output}`);
	}
	return good;
}

const options = readArguments();
const home = await mkdtemp(join(tmpdir(), 'kanmon-inspector-'));

try {
	process.exitCode = (await runAll(options, home)) ? 0 : 1;
} finally {
	await rm(home, { recursive: true, force: true });
}
