// inspector-calls.mjs - what the Inspector is asked to do with each kind of server: every method its command line has.
// SPDX-License-Identifier: Apache-2.0

/** `says` are words its output must hold, `exit` its status (5: the tool said it failed). */
const call = (method, args, says, more) => ({ method, args, says, ...more });
const tool = (name, input, says, more) => call('tools/call', ['--tool-name', name, '--tool-args-json', JSON.stringify(input)], says, more);
const initialize = (...says) => ['initialize', call('initialize', [], says)];
const listTools = (...says) => ['tools-list', call('tools/list', [], says)];

const PAGE = 'demo://resource/static/document/features.md';
const GRAPH = 'memory://knowledge-graph';

const everything = [
	initialize('mcp-servers/everything', '2025-11-25'),
	listTools('get-sum', 'get-structured-content', 'outputSchema'),
	['tool-call', call('tools/call', ['--tool-name', 'get-sum', '--tool-arg', 'a=1', 'b=2', '--metadata', 'a=b', '--tool-metadata', 'c=d'], ['The sum of 1 and 2 is 3.'])],
	['tool-task', tool('simulate-research-query', { topic: 'gates' }, ['Research Report: gates', 'related-task'])],
	['resources-list', call('resources/list', [], [PAGE])],
	['resource-read', call('resources/read', ['--uri', PAGE], ['Everything Server'])],
	['templates-list', call('resources/templates/list', [], ['demo://resource/dynamic/text/{resourceId}'])],
	['prompts-list', call('prompts/list', [], ['completable-prompt'])],
	['prompt-get', call('prompts/get', ['--prompt-name', 'args-prompt', '--prompt-args', 'city=Kyoto', 'state=Kansai'], ['Kyoto, Kansai'])],
	['log-level', call('logging/setLevel', ['--log-level', 'debug'], ['{}'])],
];

const modern = [
	initialize('modern-peer', '2026-07-28'),
	listTools('"region"', 'x-mcp-header', 'outputSchema'),
	['tool-call', tool('region', { region: '=?base64?literal?=' }, ['=?base64?literal?='])],
	['resources-list', call('resources/list', [], ['note://today', 'note://dot'])],
	['resource-read', call('resources/read', ['--uri', 'note://dot'], ['AAEC/w=='])],
	['resource-unknown', call('resources/read', ['--uri', 'note://never'], ['note://never'], { exit: 1 })],
	['templates-list', call('resources/templates/list', [], ['city://{name}'])],
	['prompts-list', call('prompts/list', [], ['greet', 'plain'])],
	['prompt-get', call('prompts/get', ['--prompt-name', 'greet', '--prompt-args', 'city=paris'], ['Greet paris'])],
];

const memory = [
	listTools('create_entities', 'outputSchema'),
	['tool-call', tool('open_nodes', { names: ['nobody'] }, ['"entities":[]'])],
	['resource-read', call('resources/read', ['--uri', GRAPH], ['entities'])],
];

const filesystem = (folder) => [
	['tool-call', tool('list_allowed_directories', {}, [folder])],
	['tool-refused', tool('read_text_file', { path: '/etc/passwd' }, ['denied'], { exit: 5 })],
];

const thinking = [
	['tool-call', tool('sequentialthinking', { thought: 'a', thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false }, ['thoughtHistoryLength'])],
];

/** The same server for a client of the other era, behind a gate: the task is the server's, the log level each request's. */
const everythingModern = new Map([
	...everything,
	initialize('mcp-servers/everything', '2026-07-28'),
	['tool-task', tool('simulate-research-query', { topic: 'gates' }, ['Research Report: gates'])],
	['log-level', call('logging/setLevel', ['--log-level', 'debug'], ['not supported by the negotiated protocol version'], { exit: 1 })],
]);

/** The calls for one kind of server, [name, call] each; undefined where the Inspector has nothing to do with it. */
export function callsFor({ server, folder, era }) {
	const kinds = { everything: era === 'modern' ? everythingModern : everything, memory, modern, filesystem: filesystem(folder), 'sequential-thinking': thinking };

	return kinds[server];
}
