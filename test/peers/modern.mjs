// modern.mjs - a server of revision 2026-07-28 alone: whoever opens with the old handshake is refused; stdio and HTTP.
// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import {
	acceptedContent,
	completable,
	createRequestStateCodec,
	fromJsonSchema,
	inputRequired,
	inputResponse,
	McpServer,
	ResourceTemplate,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

import { serve } from './main.mjs';

const MAX_STEPS = 1000;
const state = createRequestStateCodec({ key: randomBytes(32), bind: (ctx) => ctx.mcpReq.method });
const text = (body) => ({ content: [{ type: 'text', text: body }] });
const readOnly = { readOnlyHint: true, openWorldHint: false };

// How many calls of `slow` were cancelled: what a client cannot see of its own cancellation.
const stopped = { calls: 0 };

function addAnsweringTools(server) {
	server.registerTool(
		'echo',
		{ description: 'Says what it was told', inputSchema: z.object({ message: z.string() }), annotations: readOnly },
		({ message }) => text(message),
	);
	server.registerTool(
		'add',
		{
			description: 'Adds two numbers',
			inputSchema: z.object({ a: z.number(), b: z.number() }),
			outputSchema: z.object({ sum: z.number() }),
			annotations: readOnly,
		},
		({ a, b }) => ({ ...text(JSON.stringify({ sum: a + b })), structuredContent: { sum: a + b } }),
	);
	server.registerTool(
		'region',
		{
			description: 'Says where it was sent; the region travels in a header, too',
			inputSchema: fromJsonSchema({
				type: 'object',
				properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, query: { type: 'string' } },
				required: ['region'],
			}),
			annotations: readOnly,
		},
		({ region }) => text(region),
	);
	server.registerTool(
		'log',
		{ description: 'Logs one line at info level', inputSchema: z.object({ line: z.string() }) },
		async ({ line }, ctx) => {
			await ctx.mcpReq.log('info', line, 'modern');
			return text('logged');
		},
	);
}

function addSlowTools(server) {
	server.registerTool(
		'slow',
		{
			description: 'Takes its time and reports progress',
			inputSchema: z.object({ steps: z.int().min(1).max(MAX_STEPS), step_ms: z.int().min(1).max(1000) }),
		},
		async ({ steps, step_ms }, ctx) => {
			const progressToken = ctx.mcpReq._meta?.progressToken;

			try {
				for (let progress = 1; progress <= steps; progress++) {
					await sleep(step_ms, undefined, { signal: ctx.mcpReq.signal });
					if (progressToken !== undefined)
						await ctx.mcpReq.notify({
							method: 'notifications/progress',
							params: { progressToken, progress, total: steps, message: `step ${progress}` },
						});
				}
			} catch (error) {
				stopped.calls += ctx.mcpReq.signal.aborted ? 1 : 0;
				throw error;
			}
			// A pause before the result: some clients lose progress that arrives together with it.
			await sleep(20);
			return text(`${steps} steps`);
		},
	);
	server.registerTool('stopped', { description: 'How many slow calls were cancelled', annotations: readOnly }, () =>
		text(String(stopped.calls)),
	);
}

function addAskingTools(server) {
	const name = z.object({ name: z.string().min(1) });

	server.registerTool('ask', { description: 'Asks the user for a name' }, async (ctx) => {
		const answer = inputResponse(ctx.mcpReq.inputResponses, 'who');
		const content = acceptedContent(ctx.mcpReq.inputResponses, 'who', name);

		if (answer.kind === 'elicit' && answer.action !== 'accept')
			return text(`no name: ${answer.action}`);
		if (content && ctx.mcpReq.requestState()?.asked === 'name')
			return text(`hello ${content.name}`);
		return inputRequired({
			inputRequests: { who: inputRequired.elicit({ message: 'What is your name?', requestedSchema: name }) },
			requestState: await state.mint({ asked: 'name' }, ctx),
		});
	});
	server.registerTool(
		'sample',
		{ description: 'Asks the model', inputSchema: z.object({ prompt: z.string() }) },
		({ prompt }, ctx) => {
			const answer = inputResponse(ctx.mcpReq.inputResponses, 'answer');
			const messages = [{ role: 'user', content: { type: 'text', text: prompt } }];

			if (answer.kind !== 'sampling')
				return inputRequired({ inputRequests: { answer: inputRequired.createMessage({ messages, maxTokens: 50 }) } });
			return text(`the model said: ${answer.result.content.text}`);
		},
	);
	server.registerTool('roots', { description: 'Asks for the roots' }, (ctx) => {
		const answer = inputResponse(ctx.mcpReq.inputResponses, 'roots');

		if (answer.kind !== 'roots')
			return inputRequired({ inputRequests: { roots: inputRequired.listRoots() } });
		return text(answer.roots.map((root) => root.uri).join(' '));
	});
}

// Over HTTP every request has a server of its own: how often its lists have changed is the process's.
const changes = { tools: 0, prompts: 0, resources: 0, notes: 0 };
const times = (what) => `changed ${changes[what]} times`;

/** `say` has for each list what says in it how often it has changed: a server that lives on has another list then. */
function addChange(server, notify, say) {
	const announce = {
		tools: () => (notify ? notify.toolsChanged() : server.server.sendToolListChanged()),
		prompts: () => (notify ? notify.promptsChanged() : server.server.sendPromptListChanged()),
		resources: () => (notify ? notify.resourcesChanged() : server.server.sendResourceListChanged()),
		notes: () => (notify ? notify.resourceUpdated('note://today') : server.server.sendResourceUpdated({ uri: 'note://today' })),
	};

	const describe = () => `Announces a change; ${times('tools')}`;
	const tool = server.registerTool(
		'change',
		{ description: describe(), inputSchema: z.object({ what: z.enum(Object.keys(announce)) }) },
		async ({ what }) => {
			changes[what]++;
			say[what]?.();
			await announce[what]();
			return text(`announced ${what}`);
		},
	);
	say.tools = () => (tool.description = describe());
}

function addContent(server, say) {
	const cities = ['paris', 'parma', 'tokyo'];
	const complete = (typed) => cities.filter((city) => city.startsWith(typed));

	server.registerPrompt(
		'greet',
		{
			description: 'A greeting',
			argsSchema: z.object({ city: completable(z.string(), complete) }),
		},
		({ city }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Greet ${city}` } }] }),
	);
	const ofPlain = () => `A prompt without arguments, ${times('prompts')}`;
	const plain = server.registerPrompt('plain', { description: ofPlain() }, () => ({
		messages: [{ role: 'user', content: { type: 'text', text: 'Just this.' } }],
	}));
	say.prompts = () => (plain.description = ofPlain());
	server.registerResource('today', 'note://today', { description: 'A note', mimeType: 'text/plain' }, () => ({
		contents: [{ uri: 'note://today', mimeType: 'text/plain', text: 'Nothing happened today.' }],
	}));
	const ofDot = () => ({ description: `Bytes, ${times('resources')}`, mimeType: 'application/octet-stream' });
	const dot = server.registerResource('dot', 'note://dot', ofDot(), () => ({
		contents: [{ uri: 'note://dot', mimeType: 'application/octet-stream', blob: 'AAEC/w==' }],
	}));
	say.resources = () => (dot.metadata = ofDot());
	server.registerResource(
		'city',
		new ResourceTemplate('city://{name}', { list: undefined, complete: { name: complete } }),
		{ description: 'A city', mimeType: 'text/plain' },
		(uri, { name }) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text: `A city called ${name}` }] }),
	);
}

function make({ notify }) {
	const listChanged = { listChanged: true };
	const server = new McpServer(
		{ name: 'modern-peer', version: '1.0.0' },
		{
			instructions: 'A server that speaks 2026-07-28 alone.',
			capabilities: {
				tools: listChanged,
				prompts: listChanged,
				resources: { ...listChanged, subscribe: true },
				completions: {},
				logging: {},
			},
			requestState: { verify: state.verify },
		},
	);

	addAnsweringTools(server);
	addSlowTools(server);
	addAskingTools(server);
	const say = {};
	addChange(server, notify, say);
	addContent(server, say);
	return server;
}

await serve(make, { legacy: false, modern: true });
