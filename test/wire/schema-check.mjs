// schema-check.mjs - validates captured messages against the published schema of their revision; a command and a library.
// SPDX-License-Identifier: Apache-2.0
//
// schema-check.mjs --clients FILE… --servers FILE…   what a gate sent to its clients and to its servers
// schema-check.mjs FILE…                             what both sides sent, as recorded between two peers
// A file has one object a line, as conversation.mjs makes them. Exit 0 all valid, 1 not or nothing there, 77 without the schemas.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

import { Ajv, Ajv2020, formats } from '../peers/schema.mjs';
import * as extension from './tasks-schema.mjs';

const SCHEMAS = fileURLToPath(new URL('../../../shared/data/mcp-schema', import.meta.url));
const MAX_SHOWN = 50;
const NO_SCHEMAS = 77;
const MODERN = '2026-07-28';

// Requests whose answer says nothing but yes.
const PLAIN = ['PingRequest', 'SetLevelRequest', 'SubscribeRequest', 'UnsubscribeRequest'];
const TASKED = ['CallToolRequest', 'CreateMessageRequest', 'ElicitRequest'];

/** Definition names of a union, or of the one definition that stands for it. */
function members(definitions, union) {
	const definition = definitions[union];

	if (!definition)
		return [];
	const names = (definition.anyOf ?? []).map((member) => member.$ref?.split('/').pop()).filter(Boolean);
	if (names.length > 0)
		return names;
	const method = definition.properties?.method?.const;
	return [Object.keys(definitions).find((name) => name !== union && definitions[name].properties?.method?.const === method)];
}

/** One revision: which definition a method has in each direction, and compiled validators. */
class Revision {
	#validators = new Map();

	constructor(name) {
		const schema = JSON.parse(readFileSync(`${SCHEMAS}/${name}/schema.json`, 'utf8'));
		const part = schema.$defs ? '$defs' : 'definitions';

		if (name >= MODERN)
			Object.assign(schema[part], extension.definitions);
		this.definitions = schema[part];
		this.base = `https://schema.test/${name}`;
		this.part = part;
		const Validator = part === '$defs' ? Ajv2020 : Ajv;
		this.ajv = new Validator({ strict: false, allErrors: true, verbose: false });
		formats(this.ajv);
		this.ajv.addSchema({ ...schema, $id: this.base });
		this.methods = {
			client: this.#table('ClientRequest', 'ClientNotification'),
			server: this.#table('ServerRequest', 'ServerNotification'),
		};
		this.errors = this.#errorTable();
		if (name >= MODERN)
			this.#addExtension();
	}

	#addExtension() {
		for (const [method, definition] of Object.entries(extension.requests))
			this.methods.client.set(method, definition);
		for (const [method, definition] of Object.entries(extension.notifications))
			this.methods.server.set(method, definition);
	}

	/** The definitions of errors that say more than a code and a text. */
	#errorTable() {
		const code = (name) => this.definitions[name].properties?.error?.allOf?.[1]?.properties?.code?.const;
		const names = Object.keys(this.definitions).filter((name) => code(name) !== undefined);

		return new Map(names.map((name) => [code(name), name]));
	}

	#table(...unions) {
		const names = unions.flatMap((union) => members(this.definitions, union));

		return new Map(names.map((name) => [this.definitions[name].properties.method.const, name]));
	}

	/** Problems of a value under one definition, in words. */
	problems(name, value) {
		if (!this.#validators.has(name))
			this.#validators.set(name, this.ajv.compile({ $ref: `${this.base}#/${this.part}/${name}` }));
		const validate = this.#validators.get(name);

		if (validate(value))
			return [];
		return validate.errors.slice(0, 5).map((error) => `${name}${error.instancePath} ${error.message}`);
	}

	/** Whether a request of the newer era may be answered with a question. */
	mayAsk(stem) {
		const members = this.definitions[`${stem}Response`]?.properties?.result?.anyOf ?? [];

		return members.some(({ $ref }) => $ref?.endsWith('/InputRequiredResult'));
	}
}

export class SchemaChecker {
	#revisions = new Map();

	static isAvailable() {
		return existsSync(SCHEMAS);
	}

	#revision(name) {
		if (!this.#revisions.has(name))
			this.#revisions.set(name, existsSync(`${SCHEMAS}/${name}/schema.json`) ? new Revision(name) : undefined);
		return this.#revisions.get(name);
	}

	/** What is wrong with one captured message, in words; empty when it is valid. */
	check(entry) {
		const { revision: name, direction, message } = entry;
		const revision = this.#revision(name);

		if (!revision)
			return [`no schema for revision ${name}`];
		if (Array.isArray(message)) {
			if (name !== '2025-03-26')
				return [`revision ${name} has no batches`];
			return message.flatMap((part, at) => this.check({ ...entry, parts: undefined, ...entry.parts?.[at], message: part }));
		}
		if (message === null || typeof message !== 'object')
			return ['not an object'];
		if (message.method !== undefined)
			return this.#checkCall(revision, direction, message);
		if (message.error !== undefined)
			return this.#checkError(revision, entry);
		return this.#checkResult(revision, entry);
	}

	#checkError(revision, { message, request }) {
		const envelope = revision.definitions.JSONRPCErrorResponse ? 'JSONRPCErrorResponse' : 'JSONRPCError';
		const special = revision.errors.get(message.error?.code);

		if (message.id !== undefined && message.id !== null && !request)
			return ['an error for an unknown request'];
		return [...revision.problems(envelope, message), ...(special ? revision.problems(special, message) : [])];
	}

	#checkCall(revision, direction, message) {
		const name = revision.methods[direction].get(message.method);

		if (!name)
			return [`${message.method} is not a method a ${direction} may send`];
		const kind = message.id === undefined ? 'JSONRPCNotification' : 'JSONRPCRequest';
		const wanted = name.endsWith('Request') ? 'JSONRPCRequest' : 'JSONRPCNotification';
		if (kind !== wanted)
			return [`${message.method} is sent as a ${kind}`];
		return [...revision.problems(kind, message), ...revision.problems(name, message)];
	}

	#checkResult(revision, { direction, message, request, task, payload }) {
		const envelope = revision.definitions.JSONRPCResultResponse ? 'JSONRPCResultResponse' : 'JSONRPCResponse';
		const requests = revision.methods[direction === 'client' ? 'server' : 'client'];
		// A task brings, in the end, what the request it stands for would have brought.
		const asked = requests.get(payload ?? request);

		if (!asked)
			return [`a result for ${request ?? 'an unknown request'}`];
		const name = this.#resultName(revision, asked, message.result, task);
		if (!revision.definitions[name])
			return [`there is no definition ${name}`];
		return [...revision.problems(envelope, message), ...revision.problems(name, message.result), ...this.#asksNothing(name, message.result)];
	}

	#resultName(revision, asked, result, task) {
		const stem = asked.replace(/Request$/, 'Result');

		if (task && TASKED.includes(asked) && result?.task !== undefined)
			return 'CreateTaskResult';
		if (asked === 'CallToolRequest' && result?.resultType === 'task')
			return 'CreateTaskResult';
		if (result?.resultType === 'input_required' && revision.mayAsk(stem))
			return 'InputRequiredResult';
		return PLAIN.includes(asked) ? 'EmptyResult' : stem;
	}

	/** What the schema says in words only. */
	#asksNothing(name, result) {
		const isEmpty = name === 'InputRequiredResult' && result.inputRequests === undefined && result.requestState === undefined;
		const isOther = !['InputRequiredResult', 'CreateTaskResult'].includes(name) && (result?.resultType ?? 'complete') !== 'complete';

		return [...(isEmpty ? ['a question without questions or state'] : []), ...(isOther ? [`a ${name} of type ${result.resultType}`] : [])];
	}
}

function* readEntries(files) {
	for (const file of files)
		for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries())
			if (line.trim())
				yield { where: `${file}:${index + 1}`, entry: JSON.parse(line) };
}

/** One side of a capture: the files, who sent what is looked at, and what that is called. */
class Side {
	counts = new Map();
	bad = 0;
	refusals = 0;

	constructor(words, sentBy, files) {
		Object.assign(this, { words, sentBy, files });
	}

	get total() {
		return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
	}

	check(checker, print) {
		for (const { where, entry } of readEntries(this.files))
			if (entry.direction === this.sentBy && entry.refusal)
				this.refusals++;
			else if (entry.direction === this.sentBy)
				this.#checkOne(checker, print, where, entry);
	}

	#checkOne(checker, print, where, entry) {
		const problems = entry.unreadable === undefined ? checker.check(entry) : ['not JSON'];
		const revision = entry.revision ?? 'unknown';

		this.counts.set(revision, (this.counts.get(revision) ?? 0) + 1);
		if (problems.length > 0 && ++this.bad <= MAX_SHOWN)
			print(`not ok ${where} ${entry.message?.method ?? entry.request ?? ''}: ${problems.join('; ')}`);
	}
}

/** Checks captures and reports. False when a message is invalid, or when a side sent none: then nothing was checked. */
export function checkFiles({ clients = [], servers = [], both = [] }, print = console.log) {
	const checker = new SchemaChecker();
	const sides =
		both.length > 0
			? [new Side('from clients', 'client', both), new Side('from servers', 'server', both)]
			: [new Side('to clients', 'server', clients), new Side('to servers', 'client', servers)];

	for (const side of sides)
		side.check(checker, print);
	const revisions = new Set(sides.flatMap(({ counts }) => [...counts.keys()]));
	for (const revision of [...revisions].sort())
		print(`${revision}: ${sides.map(({ words, counts }) => `${counts.get(revision) ?? 0} messages ${words}`).join(', ')}`);
	const [bad, refusals] = ['bad', 'refusals'].map((name) => sides.reduce((sum, side) => sum + side[name], 0));
	print(`note: ${sides.map(({ words, total }) => `${total} messages ${words}`).join(', ')}, ${bad} invalid; ${refusals} refusals by HTTP alone`);
	return bad === 0 && sides.every(({ total }) => total > 0);
}

function main() {
	const files = { type: 'string', multiple: true };
	const { values, positionals } = parseArgs({ options: { clients: files, servers: files }, allowPositionals: true });

	if (!SchemaChecker.isAvailable()) {
		console.log(`1..0 # SKIP no ${SCHEMAS}`);
		console.log(`note: the messages were not checked against their schemas: there is no ${SCHEMAS}`);
		process.exit(NO_SCHEMAS);
	}
	process.exit(checkFiles({ ...values, both: positionals }) ? 0 : 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
	main();
