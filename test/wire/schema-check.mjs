// schema-check.mjs - validates captured messages against the published schema of their revision; a command and a library.
// SPDX-License-Identifier: Apache-2.0
//
// schema-check.mjs [--sent-by client|server] FILE.jsonl…   one object a line: {revision, direction, message, request}:
// direction is the sender, `request` the method a response answers. Exit 0 all valid, 1 not, 77 without the schemas.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

import { Ajv, Ajv2020, formats } from '../peers/schema.mjs';

const SCHEMAS = fileURLToPath(new URL('../../../shared/data/mcp-schema', import.meta.url));
const MAX_SHOWN = 50;

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

	/** The first definition that fits wins; otherwise the problems of the first. */
	problemsOfAny(names, value) {
		const found = names.map((name) => this.problems(name, value));

		return found.some((one) => one.length === 0) ? [] : found[0];
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
	check({ revision: name, direction, message, request }) {
		const revision = this.#revision(name);

		if (!revision)
			return [`no schema for revision ${name}`];
		if (Array.isArray(message)) {
			if (name !== '2025-03-26')
				return [`revision ${name} has no batches`];
			return message.flatMap((part) => this.check({ revision: name, direction, message: part, request }));
		}
		if (message === null || typeof message !== 'object')
			return ['not an object'];
		if (message.method !== undefined)
			return this.#checkCall(revision, direction, message);
		if (message.error !== undefined)
			return revision.problems(revision.definitions.JSONRPCErrorResponse ? 'JSONRPCErrorResponse' : 'JSONRPCError', message);
		return this.#checkResult(revision, direction, message, request);
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

	#checkResult(revision, direction, message, method) {
		const envelope = revision.definitions.JSONRPCResultResponse ? 'JSONRPCResultResponse' : 'JSONRPCResponse';
		const asked = revision.methods[direction === 'client' ? 'server' : 'client'].get(method);

		if (!asked)
			return [`a result for ${method ?? 'an unknown request'}`];
		const stem = asked.replace(/Request$/, 'Result');
		if (revision.definitions[`${stem}Response`])
			return revision.problems(`${stem}Response`, message);
		const names = [revision.definitions[stem] ? stem : 'EmptyResult'];
		// A task-augmented request is answered with a task first.
		if (revision.definitions.CreateTaskResult && ['CallToolRequest', 'CreateMessageRequest', 'ElicitRequest'].includes(asked))
			names.push('CreateTaskResult');
		return [...revision.problems(envelope, message), ...revision.problemsOfAny(names, message.result)];
	}
}

function* readEntries(files) {
	for (const file of files)
		for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries())
			if (line.trim())
				yield { where: `${file}:${index + 1}`, entry: JSON.parse(line) };
}

/** Checks files of captures and reports; the counts are per revision and sender. */
export function checkFiles(files, { sentBy, print = console.log } = {}) {
	const checker = new SchemaChecker();
	const counts = new Map();
	let bad = 0;

	for (const { where, entry } of readEntries(files)) {
		if (sentBy && entry.direction !== sentBy)
			continue;
		const problems = entry.unreadable === undefined ? checker.check(entry) : ['not JSON'];
		const key = `${entry.revision ?? 'unknown'} ${entry.direction}`;
		counts.set(key, (counts.get(key) ?? 0) + 1);
		if (problems.length > 0 && ++bad <= MAX_SHOWN)
			print(`not ok ${where} ${entry.message?.method ?? entry.request ?? ''}: ${problems.join('; ')}`);
	}
	for (const [key, count] of [...counts].sort())
		print(`${key}: ${count} messages`);
	print(`${bad} invalid`);
	return { bad, total: [...counts.values()].reduce((sum, count) => sum + count, 0) };
}

function main() {
	const { values, positionals } = parseArgs({ options: { 'sent-by': { type: 'string' } }, allowPositionals: true });

	if (!SchemaChecker.isAvailable()) {
		console.log(`1..0 # SKIP no ${SCHEMAS}`);
		process.exit(77);
	}
	const { bad, total } = checkFiles(positionals, { sentBy: values['sent-by'] });
	process.exit(bad > 0 || total === 0 ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
	main();
