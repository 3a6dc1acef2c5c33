// checks-memory.mjs - what server-memory must do: keep entities and relations, and say when they changed.
// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';

import { declares, has, toolNames, unknownTool } from './checks-common.mjs';
import { expect, refused, same, until } from './peer.mjs';

const GRAPH = 'memory://knowledge-graph';
const person = (name) => ({ name, entityType: 'person', observations: [`${name} was seen`] });

async function create(peer) {
	const [a, b] = [randomUUID(), randomUUID()];

	const made = await peer.call('create_entities', { entities: [person(a), person(b)] });
	same(made.structuredContent.entities.map((entity) => entity.name), [a, b], 'the new entities');
	await peer.call('create_relations', { relations: [{ from: a, to: b, relationType: 'knows' }] });
	const graph = (await peer.call('open_nodes', { names: [a, b] })).structuredContent;
	same(graph.relations, [{ from: a, to: b, relationType: 'knows' }], 'the relation');
	const found = (await peer.call('search_nodes', { query: a })).structuredContent;
	has(found.entities.map((entity) => entity.name), [a], 'what was found');
	await peer.call('delete_entities', { entityNames: [a, b] });
	same((await peer.call('open_nodes', { names: [a, b] })).structuredContent.entities, [], 'after deleting');
}

async function resource(peer) {
	has((await peer.listResources()).map((one) => one.uri), [GRAPH], 'the resources');
	const [graph] = (await peer.readResource({ uri: GRAPH })).contents;
	expect(Array.isArray(JSON.parse(graph.text).entities), `the graph reads ${graph.text}`);
}

async function subscribe(peer) {
	const name = randomUUID();
	const stop = await peer.watch(GRAPH);
	const before = peer.seen.updated.length;

	await peer.call('create_entities', { entities: [person(name)] });
	await until(() => peer.seen.updated.slice(before).some((note) => note.uri === GRAPH), 'the update of the graph');
	await peer.call('delete_entities', { entityNames: [name] });
	await stop();
}

export const checks = [
	declares('tools', 'resources'),
	toolNames('create_entities', 'create_relations', 'read_graph', 'search_nodes', 'open_nodes', 'delete_entities'),
	unknownTool,
	['bad-arguments', (peer) => refused(() => peer.call('create_entities', { entities: 'none' }), 'a word for a list')],
	['create-search-delete', create],
	['resource', resource],
	['resource-subscribe', subscribe],
];
