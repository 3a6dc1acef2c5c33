// fixture-tools.mjs - the fixture's tools that answer by themselves: content kinds, logging, progress, schemas, list changes.
// SPDX-License-Identifier: Apache-2.0
import { fromJsonSchema } from '@modelcontextprotocol/server';
import { z } from 'zod';

import { changePrompts, PNG, text, WAV } from './fixture-content.mjs';

const STEP_MS = 50;

const richSchema = {
	$schema: 'https://json-schema.org/draft/2020-12/schema',
	type: 'object',
	$defs: {
		address: {
			$anchor: 'addressDef',
			type: 'object',
			properties: { street: { type: 'string' }, city: { type: 'string' } },
		},
	},
	properties: {
		name: { type: 'string' },
		address: { $ref: '#/$defs/address' },
		contactMethod: { type: 'string', enum: ['phone', 'email'] },
		phone: { type: 'string' },
		email: { type: 'string' },
	},
	allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
	if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
	then: { required: ['phone'] },
	else: { required: ['email'] },
	additionalProperties: false,
};

const regionSchema = {
	type: 'object',
	properties: {
		region: { type: 'string', description: 'Where to run', 'x-mcp-header': 'Region' },
		query: { type: 'string' },
	},
	required: ['region'],
};

export const embedded = (uri, mimeType, body) => ({ type: 'resource', resource: { uri, mimeType, text: body } });
const image = { type: 'image', data: PNG, mimeType: 'image/png' };

function addContentTools(server) {
	const add = (name, description, ...content) => server.registerTool(name, { description }, () => ({ content }));

	add('test_simple_text', 'Returns one text block', {
		type: 'text',
		text: 'This is a simple text response for testing.',
	});
	add('test_image_content', 'Returns one image', image);
	add('test_audio_content', 'Returns one sound', { type: 'audio', data: WAV, mimeType: 'audio/wav' });
	add(
		'test_embedded_resource',
		'Returns an embedded resource',
		embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
	);
	add(
		'test_multiple_content_types',
		'Returns text, an image and a resource',
		{ type: 'text', text: 'Multiple content types test:' },
		image,
		embedded('test://mixed-content-resource', 'application/json', JSON.stringify({ test: 'data', value: 123 })),
	);
	server.registerTool('test_error_handling', { description: 'Always fails' }, () => ({
		...text('This tool intentionally returns an error for testing'),
		isError: true,
	}));
}

function addTimedTools(server, { sleep }) {
	server.registerTool('test_tool_with_logging', { description: 'Logs three lines while it runs' }, async (ctx) => {
		await ctx.mcpReq.log('info', 'Tool execution started');
		await sleep(STEP_MS);
		await ctx.mcpReq.log('info', 'Tool processing data');
		await sleep(STEP_MS);
		await ctx.mcpReq.log('info', 'Tool execution completed');
		return text('Tool with logging executed');
	});
	server.registerTool('test_logging_tool', { description: 'Logs one line, to whoever asked for it' }, async (ctx) => {
		await ctx.mcpReq.log('info', 'Logging tool called');
		return text('Logging tool executed');
	});
	server.registerTool('test_tool_with_progress', { description: 'Reports 0, 50 and 100 of 100' }, async (ctx) => {
		const progressToken = ctx.mcpReq._meta?.progressToken;

		for (const progress of [0, 50, 100]) {
			if (progress > 0)
				await sleep(STEP_MS);
			if (progressToken !== undefined)
				await ctx.mcpReq.notify({
					method: 'notifications/progress',
					params: { progressToken, progress, total: 100, message: `Step ${progress} of 100` },
				});
		}
		// Clients of the 1.x SDK lose a progress notification that arrives in one chunk with the result.
		await sleep(STEP_MS);
		return text('Tool with progress executed');
	});
	server.registerTool('test_reconnection', { description: 'Drops its stream; the answer waits for a resume' }, async (ctx) => {
		ctx.http?.closeSSE?.();
		await sleep(2 * STEP_MS);
		return text('Reconnection test completed');
	});
}

// Which calls of `test_slow` were cancelled: what a client cannot see of its own cancellation.
const MAX_KEYS = 1000;
const stopped = new Set();
const released = new Set();

function remember(keys, key) {
	if (keys.size >= MAX_KEYS)
		keys.delete(keys.values().next().value);
	keys.add(key);
}

function addSlowTools(server, { sleep }) {
	const key = z.string().describe('Names the call');
	const taskArguments = z.object({ say: z.string(), work_ms: z.int().min(1).max(60_000).optional() });
	const inputSchema = z.object({ key, steps: z.int().min(1).max(1000), step_ms: z.int().min(1).max(1000) });

	server.registerTool('test_slow', { description: 'Takes its time and reports progress', inputSchema }, async ({ key, steps, step_ms }, ctx) => {
		const progressToken = ctx.mcpReq._meta?.progressToken;

		for (let progress = 1; progress <= steps; progress++) {
			await sleep(step_ms);
			if (ctx.mcpReq.signal.aborted) {
				remember(stopped, key);
				break;
			}
			if (progressToken !== undefined)
				await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: steps } });
		}
		await sleep(STEP_MS);
		return text(`${steps} steps`);
	});
	const heldArguments = z.object({ key, steps: z.int().min(1).max(100) });

	// The result waits for a word: what was reported before it has arrived by then, however slow the machine is.
	server.registerTool('test_held', { description: 'Reports progress, then waits to be released', inputSchema: heldArguments }, async ({ key, steps }, ctx) => {
		const progressToken = ctx.mcpReq._meta?.progressToken;

		for (let progress = 1; progress <= steps && progressToken !== undefined; progress++)
			await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: steps } });
		while (!released.has(key) && !ctx.mcpReq.signal.aborted)
			await sleep(STEP_MS);
		return text(`${steps} steps`);
	});
	server.registerTool('test_release', { description: 'Releases what is held', inputSchema: z.object({ key }) }, ({ key }) => {
		remember(released, key);
		return text('released');
	});
	server.registerTool('test_stopped', { description: 'Whether a slow call was cancelled', inputSchema: z.object({ key }) }, ({ key }) =>
		text(stopped.has(key) ? 'yes' : 'no'),
	);
	server.registerTool('test_task', { description: 'Says a word; as a task, a moment later', inputSchema: taskArguments }, ({ say }) =>
		text(say),
	);
}

let toolChanges = 0;

function addChangeTools(server, { changed }) {
	const announced = () => `Announces a changed list of tools, announced ${toolChanges} times`;
	const trigger = server.registerTool('test_trigger_tool_change', { description: announced() }, async () => {
		toolChanges++;
		trigger.description = announced();
		await changed.tools();
		return text('Tool list change announced');
	});
	server.registerTool('test_trigger_prompt_change', { description: 'Announces a changed list of prompts' }, async () => {
		changePrompts(server);
		await changed.prompts();
		return text('Prompt list change announced');
	});
	server.registerTool(
		'test_trigger_resource_update',
		{ description: 'Announces a changed resource', inputSchema: z.object({ uri: z.string() }) },
		async ({ uri }) => {
			await changed.resource(uri);
			return text('Resource update announced');
		},
	);
}

function addSchemaTools(server) {
	server.registerTool(
		'json_schema_2020_12_tool',
		{ description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(richSchema) },
		(input) => text(`JSON Schema tool called with ${JSON.stringify(input)}`),
	);
	server.registerTool(
		'test_x_mcp_header',
		{ description: 'Names its region in a header', inputSchema: fromJsonSchema(regionSchema) },
		({ region }) => text(region),
	);
}

export function addPlainTools(server, parts) {
	addContentTools(server);
	addTimedTools(server, parts);
	addSlowTools(server, parts);
	addChangeTools(server, parts);
	addSchemaTools(server);
}
