// client.mjs - a fixed SDK client for the client mode of the conformance suite: client.mjs URL does what a scenario wants a client to do.
// SPDX-License-Identifier: Apache-2.0
//
// The suite says which scenario in $MCP_CONFORMANCE_SCENARIO, in which revision in $MCP_CONFORMANCE_PROTOCOL_VERSION, and
// what more it wants in $MCP_CONFORMANCE_CONTEXT. $CLIENT_TOKEN is the bearer token where a gate stands at the URL.
import { createHash } from 'node:crypto';

import { Client, StreamableHTTPClientTransport } from '../peers/sdk2.mjs';

const MODERN = '2026-07-28';
const SECONDS = 25;
const revision = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? '2025-11-25';
const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const anything = { '~standard': { version: 1, vendor: 'kanmon', validate: (value) => ({ value }) } };

async function connect(url) {
	const token = process.env.CLIENT_TOKEN;
	const headers = token ? { Authorization: `Bearer ${token}` } : {};
	const client = new Client(
		{ name: 'kanmon-conformance-client', version: '1.0.0' },
		{
			capabilities: { sampling: {}, elicitation: { form: { applyDefaults: true }, url: {} }, roots: { listChanged: true } },
			...(revision >= MODERN && { versionNegotiation: { mode: { pin: MODERN } } }),
		},
	);

	client.setRequestHandler('roots/list', () => ({ roots: [] }));
	client.setRequestHandler('sampling/createMessage', () => ({ role: 'assistant', model: 'none', content: { type: 'text', text: 'sampled' } }));
	client.setRequestHandler('elicitation/create', ({ params }) => ({
		action: 'accept',
		content: params.requestedSchema?.properties?.confirmed ? { confirmed: true } : {},
	}));
	await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
	return client;
}

const toolsOf = async (client) => (await client.listTools()).tools;

/** One call of each tool there is; one that fails keeps no other from its turn. */
async function callAll(client) {
	for (const { name, inputSchema } of await toolsOf(client)) {
		const args = Object.fromEntries((inputSchema?.required ?? Object.keys(inputSchema?.properties ?? {})).map((key) => [key, 'us-west1']));

		await client.callTool({ name, arguments: args }).catch((error) => console.error(`${name}: ${error.message}`));
	}
}

async function everythingThereIs(client) {
	await callAll(client);
	for (const { uri } of (await client.listResources()).resources)
		await client.readResource({ uri });
	for (const { name } of (await client.listPrompts()).prompts)
		await client.getPrompt({ name });
}

async function rounds(client) {
	const call = (name) => client.callTool({ name, arguments: {} });

	await toolsOf(client);
	await Promise.all([call('test_mrtr_echo_state'), call('test_mrtr_unrelated')]);
	await call('test_mrtr_no_state');
	await call('test_mrtr_unrelated');
	// The SDK takes a result without a type for an invalid one; that the call was not repeated is what counts.
	await call('test_mrtr_no_result_type').catch((error) => console.error(error.message));
}

async function preserve(client) {
	const [rich] = (await toolsOf(client)).filter(({ name }) => name !== 'json_schema_echo');

	await client.callTool({ name: 'json_schema_echo', arguments: { schema: rich.inputSchema } });
}

const digestOf = (text) => `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`;

/** A host of skills: what is listed is read only when it is loaded, and used only when it is what was listed. */
async function skillsOf(client) {
	return (await client.request({ method: 'skills/list', params: {} }, anything)).skills;
}

async function load(client, { frontmatter, resources }) {
	for (const { uri, digest, size } of resources) {
		const [{ text }] = (await client.readResource({ uri })).contents;
		const isWhole = Buffer.byteLength(text) === size && digestOf(text) === digest;
		const isDescribed = !uri.endsWith('SKILL.md') || text.includes(`description: ${frontmatter.description}`);

		if (!isWhole || !isDescribed)
			return;
	}
}

const verify = async (client) => load(client, (await skillsOf(client))[0]);

const scenarios = {
	initialize: toolsOf,
	tools_call: async (client) => {
		await toolsOf(client);
		await client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
	},
	'elicitation-sep1034-client-defaults': callAll,
	'sse-retry': callAll,
	'request-metadata': toolsOf,
	'sep-2322-client-request-state': rounds,
	'http-standard-headers': everythingThereIs,
	'http-custom-headers': async (client) => {
		await toolsOf(client);
		for (const call of context.toolCalls)
			await client.callTool(call);
	},
	'http-invalid-tool-headers': callAll,
	'json-schema-ref-no-deref': toolsOf,
	'json-schema-2020-12-preservation': preserve,
	'sep-2640-client-no-prefetch': skillsOf,
	'sep-2640-client-verify-digest': verify,
	'sep-2640-client-verify-size': verify,
	'sep-2640-client-verify-frontmatter': verify,
};

setTimeout(() => {
	console.error(`${scenario}: no end after ${SECONDS} s`);
	process.exit(1);
}, SECONDS * 1000).unref();
if (!(scenario in scenarios)) {
	console.error(`nothing is known of the scenario ${scenario}`);
	process.exit(2);
}
const client = await connect(process.argv[2]);
await scenarios[scenario](client);
await client.close();
process.exit(0);
