// fixture-content.mjs - the fixture's prompts and resources, and the smallest picture and sound.
// SPDX-License-Identifier: Apache-2.0
import { acceptedContent, completable, inputRequired, ResourceTemplate } from '@modelcontextprotocol/server';
import { deflateSync, crc32 } from 'node:zlib';
import { z } from 'zod';

export const text = (body) => ({ content: [{ type: 'text', text: body }] });

function pngChunk(type, data) {
	const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
	const chunk = Buffer.alloc(body.length + 8);

	chunk.writeUInt32BE(data.length, 0);
	body.copy(chunk, 4);
	chunk.writeUInt32BE(crc32(body), body.length + 4);
	return chunk;
}

/** One red pixel. */
function makePng() {
	const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
	const pixel = deflateSync(Buffer.from([0, 255, 0, 0]));
	const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

	return Buffer.concat([signature, pngChunk('IHDR', header), pngChunk('IDAT', pixel), pngChunk('IEND', Buffer.alloc(0))]);
}

/** Eight silent samples, mono, 8 kHz, 8 bits. */
function makeWav() {
	const wav = Buffer.alloc(44 + 8, 0x80);

	wav.write('RIFF', 0);
	wav.writeUInt32LE(36 + 8, 4);
	wav.write('WAVEfmt ', 8);
	wav.writeUInt32LE(16, 16);
	wav.writeUInt16LE(1, 20);
	wav.writeUInt16LE(1, 22);
	wav.writeUInt32LE(8000, 24);
	wav.writeUInt32LE(8000, 28);
	wav.writeUInt16LE(1, 32);
	wav.writeUInt16LE(8, 34);
	wav.write('data', 36);
	wav.writeUInt32LE(8, 40);
	return wav;
}

export const PNG = makePng().toString('base64');
export const WAV = makeWav().toString('base64');

const message = (content) => ({ role: 'user', content });
const say = (body) => message({ type: 'text', text: body });

// In the stateless era every request has a server of its own: what changed is the process's.
let promptChanges = 0;
const simplePrompts = new WeakMap();
const simpleDescription = () => `A prompt without arguments, announced ${promptChanges} times`;

/** The list of prompts is another one afterwards, as far as this server is concerned. */
export function changePrompts(server) {
	promptChanges++;
	simplePrompts.get(server).description = simpleDescription();
}

export function addPrompts(server) {
	const simple = server.registerPrompt('test_simple_prompt', { description: simpleDescription() }, () => ({
		messages: [say('This is a simple prompt for testing.')],
	}));

	simplePrompts.set(server, simple);
	server.registerPrompt(
		'test_prompt_with_arguments',
		{
			description: 'A prompt with two arguments',
			argsSchema: z.object({
				arg1: completable(z.string().describe('First test argument'), (typed) =>
					['paris', 'park', 'party'].filter((word) => word.startsWith(typed)),
				),
				arg2: z.string().describe('Second test argument'),
			}),
		},
		({ arg1, arg2 }) => ({ messages: [say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }),
	);
	server.registerPrompt(
		'test_prompt_with_embedded_resource',
		{
			description: 'A prompt that carries a resource',
			argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }),
		},
		({ resourceUri: uri }) => ({
			messages: [
				message({
					type: 'resource',
					resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
				}),
				say('Please process the embedded resource above.'),
			],
		}),
	);
	server.registerPrompt('test_prompt_with_image', { description: 'A prompt that carries an image' }, () => ({
		messages: [message({ type: 'image', data: PNG, mimeType: 'image/png' }), say('Please analyze the image above.')],
	}));
	server.registerPrompt('test_input_required_result_prompt', { description: 'A prompt that asks first' }, (ctx) => {
		const content = acceptedContent(ctx.mcpReq.inputResponses, 'user_context', z.object({ context: z.string() }));

		if (content)
			return { messages: [say(`Use this context: ${content.context}`)] };
		return inputRequired({
			inputRequests: {
				user_context: inputRequired.elicit({
					message: 'What context should the prompt use?',
					requestedSchema: { type: 'object', properties: { context: { type: 'string' } }, required: ['context'] },
				}),
			},
		});
	});
}

export function addResources(server, { era }) {
	const add = (name, uri, config, content) =>
		server.registerResource(name, uri, config, () => ({ contents: [{ uri, mimeType: config.mimeType, ...content() }] }));

	add('static-text', 'test://static-text', { description: 'A text', mimeType: 'text/plain' }, () => ({
		text: 'This is the content of the static text resource.',
	}));
	add('static-binary', 'test://static-binary', { description: 'A picture', mimeType: 'image/png' }, () => ({ blob: PNG }));
	add('watched-resource', 'test://watched-resource', { description: 'May be watched', mimeType: 'text/plain' }, () => ({
		text: 'Watched resource content',
	}));
	server.registerResource(
		'template',
		new ResourceTemplate('test://template/{id}/data', {
			list: undefined,
			complete: { id: (typed) => ['123', '124', '200'].filter((id) => id.startsWith(typed)) },
		}),
		{ description: 'Data by id', mimeType: 'application/json' },
		(uri, { id }) => ({
			contents: [
				{
					uri: uri.href,
					mimeType: 'application/json',
					text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
				},
			],
		}),
	);
	if (era === 'legacy')
		addSubscribe(server);
}

/** The handshake era subscribes by request; updates are announced by a tool, to whoever listens. */
function addSubscribe(server) {
	server.server.setRequestHandler('resources/subscribe', () => ({}));
	server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
