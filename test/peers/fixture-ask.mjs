// fixture-ask.mjs - the fixture's tools that ask the client: elicitation, sampling, roots; written once for both eras.
// SPDX-License-Identifier: Apache-2.0
import {
	acceptedContent,
	inputRequired,
	inputResponse,
	CLIENT_CAPABILITIES_META_KEY,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

import { text } from './fixture-content.mjs';

const stringField = (name) => ({ type: 'object', properties: { [name]: { type: 'string' } }, required: [name] });
const ask = (message, requestedSchema) => inputRequired.elicit({ message, requestedSchema });
const sample = (prompt, maxTokens) =>
	inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens });

const askName = () => ask('What is your name?', stringField('name'));
const nameContent = z.object({ name: z.string() });

const defaultValues = {
	type: 'object',
	properties: {
		name: { type: 'string', description: 'User name', default: 'John Doe' },
		age: { type: 'integer', description: 'User age', default: 30 },
		score: { type: 'number', description: 'User score', default: 95.5 },
		status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
		verified: { type: 'boolean', default: true },
	},
	required: [],
};
const choices = (key, kind) => [1, 2, 3].map((n) => ({ const: `${key}${n}`, title: `${['First', 'Second', 'Third'][n - 1]} ${kind}` }));
const enumKinds = {
	type: 'object',
	properties: {
		untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
		titledSingle: { type: 'string', oneOf: choices('value', 'Option') },
		legacyEnum: {
			type: 'string',
			enum: ['opt1', 'opt2', 'opt3'],
			enumNames: ['Option One', 'Option Two', 'Option Three'],
		},
		untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
		titledMulti: { type: 'array', items: { anyOf: choices('value', 'Choice') } },
	},
	required: [],
};
const userResponse = {
	type: 'object',
	properties: {
		username: { type: 'string', description: "User's response" },
		email: { type: 'string', description: "User's email address" },
	},
	required: ['username', 'email'],
};

const answers = (ctx) => ctx.mcpReq.inputResponses;
const sampledText = (view) => (view.result.content.type === 'text' ? view.result.content.text : 'no text');

/** A tool that asks one form question and reports the answer as it came. */
function addForm(server, name, description, requestedSchema, report, inputSchema) {
	const run = (message, ctx) => {
		const answer = inputResponse(answers(ctx), 'form');

		if (answer.kind !== 'elicit')
			return inputRequired({ inputRequests: { form: ask(message, requestedSchema) } });
		return text(`${report}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
	};

	if (inputSchema)
		server.registerTool(name, { description, inputSchema }, ({ message }, ctx) => run(message, ctx));
	else
		server.registerTool(name, { description }, (ctx) => run(description, ctx));
}

function addClassic(server) {
	const message = z.object({ message: z.string().describe('What the user is shown') });

	addForm(server, 'test_elicitation', 'Asks the user', userResponse, 'User response', message);
	addForm(server, 'test_elicitation_sep1034_defaults', 'Asks with defaults', defaultValues, 'Elicitation completed');
	addForm(server, 'test_elicitation_sep1330_enums', 'Asks with every enum', enumKinds, 'Elicitation completed');
	server.registerTool(
		'test_sampling',
		{ description: 'Asks the model', inputSchema: z.object({ prompt: z.string() }) },
		({ prompt }, ctx) => {
			const answer = inputResponse(answers(ctx), 'answer');

			if (answer.kind !== 'sampling')
				return inputRequired({ inputRequests: { answer: sample(prompt, 100) } });
			return text(`LLM response: ${sampledText(answer)}`);
		},
	);
	server.registerTool(
		'test_elicitation_url',
		{ description: 'Asks the user to open an address', inputSchema: z.object({ url: z.string() }) },
		({ url }, ctx) => {
			const answer = inputResponse(answers(ctx), 'page');

			if (answer.kind !== 'elicit')
				return inputRequired({ inputRequests: { page: inputRequired.elicitUrl({ url, message: 'Open the page' }) } });
			return text(`opened: ${answer.action}`);
		},
	);
	// The SDK refuses to ask what the client did not declare: -32021, and 400 on HTTP.
	server.registerTool('test_missing_capability', { description: 'Needs sampling' }, (ctx) => {
		if (inputResponse(answers(ctx), 'needed').kind === 'sampling')
			return text('Sampling is declared');
		return inputRequired({ inputRequests: { needed: sample('Say anything', 10) } });
	});
	server.registerTool('test_streaming_elicitation', { description: 'Reports progress, then asks' }, async (ctx) => {
		const progressToken = ctx.mcpReq._meta?.progressToken;

		if (answers(ctx)?.who)
			return text('Streaming elicitation answered');
		if (progressToken !== undefined)
			await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } });
		return inputRequired({ inputRequests: { who: askName() } });
	});
}

function addSingleRounds(server) {
	const add = (kind, description, run) => server.registerTool(`test_input_required_result_${kind}`, { description }, run);

	add('elicitation', 'Asks for a name', (ctx) => {
		const content = acceptedContent(answers(ctx), 'user_name', nameContent);

		return content ? text(`Hello, ${content.name}!`) : inputRequired({ inputRequests: { user_name: askName() } });
	});
	add('sampling', 'Asks the model for a capital', (ctx) => {
		const answer = inputResponse(answers(ctx), 'capital_question');

		if (answer.kind !== 'sampling')
			return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } });
		return text(sampledText(answer));
	});
	add('list_roots', 'Asks for the roots', (ctx) => {
		const answer = inputResponse(answers(ctx), 'client_roots');

		if (answer.kind !== 'roots')
			return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
		return text(`Roots: ${answer.roots.map((root) => root.uri).join(', ')}`);
	});
	add('capabilities', 'Asks only what the client can answer', (ctx) => {
		const declared = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities() ?? {};
		const inputRequests = {
			...(declared.elicitation && { user_name: askName() }),
			...(declared.sampling && { greeting: sample('Generate a greeting', 50) }),
			...(declared.roots && { client_roots: inputRequired.listRoots() }),
		};

		if (answers(ctx) || Object.keys(inputRequests).length === 0)
			return text('Nothing more to ask');
		return inputRequired({ inputRequests });
	});
}

function addStatefulRounds(server, { state }) {
	const add = (kind, description, run) => server.registerTool(`test_input_required_result_${kind}`, { description }, run);
	const mint = (payload, ctx) => state.mint(payload, ctx);
	const confirm = () => ask('Please confirm', { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] });

	add('request_state', 'Keeps its state with the client', async (ctx) => {
		if (acceptedContent(answers(ctx), 'confirm') && ctx.mcpReq.requestState()?.step === 'confirm')
			return text('state-ok');
		return inputRequired({
			inputRequests: { confirm: confirm() },
			requestState: await mint({ step: 'confirm' }, ctx),
		});
	});
	add('tampered_state', 'Refuses a changed state', async (ctx) => {
		if (acceptedContent(answers(ctx), 'confirm') && ctx.mcpReq.requestState()?.step === 'sealed')
			return text('state-ok');
		return inputRequired({ inputRequests: { confirm: confirm() }, requestState: await mint({ step: 'sealed' }, ctx) });
	});
	add('multiple_inputs', 'Asks three things at once', async (ctx) => {
		const name = acceptedContent(answers(ctx), 'user_name', nameContent);
		const greeting = inputResponse(answers(ctx), 'greeting');
		const roots = inputResponse(answers(ctx), 'client_roots');

		if (name && greeting.kind === 'sampling' && roots.kind === 'roots' && ctx.mcpReq.requestState()?.step === 'all')
			return text(`${sampledText(greeting)} ${name.name}: ${roots.roots.length} roots`);
		return inputRequired({
			inputRequests: {
				user_name: askName(),
				greeting: sample('Generate a greeting', 50),
				client_roots: inputRequired.listRoots(),
			},
			requestState: await mint({ step: 'all' }, ctx),
		});
	});
	add('multi_round', 'Asks twice', async (ctx) => {
		const known = ctx.mcpReq.requestState() ?? {};
		const name = known.name ?? acceptedContent(answers(ctx), 'step1', nameContent)?.name;
		const color = acceptedContent(answers(ctx), 'step2')?.color;

		if (name === undefined)
			return inputRequired({
				inputRequests: { step1: ask('Step 1: What is your name?', stringField('name')) },
				requestState: await mint({ round: 1 }, ctx),
			});
		if (color === undefined)
			return inputRequired({
				inputRequests: { step2: ask('Step 2: What is your favorite color?', stringField('color')) },
				requestState: await mint({ round: 2, name }, ctx),
			});
		return text(`${name} likes ${color}`);
	});
}

export function addAskingTools(server, parts) {
	addClassic(server);
	addSingleRounds(server);
	addStatefulRounds(server, parts);
}
