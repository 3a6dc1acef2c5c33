// fixture.mjs - the server the conformance suite is run against, alone and behind the gate; both eras, HTTP and stdio.
// SPDX-License-Identifier: Apache-2.0
//
// $ERA is legacy or modern where it is to speak one alone; with $TASKS it has tasks, too.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { createRequestStateCodec, McpServer } from '@modelcontextprotocol/server';

import { addAskingTools } from './fixture-ask.mjs';
import { addPrompts, addResources } from './fixture-content.mjs';
import { addPlainTools } from './fixture-tools.mjs';
import { serve } from './main.mjs';
import { Tasks } from './tasks.mjs';

// One key for the process: every request of the stateless era gets a server of its own, and all must accept each other's state.
const state = createRequestStateCodec({ key: randomBytes(32), ttlSeconds: 600, bind: (ctx) => ctx.mcpReq.method });

const tasks = process.env.TASKS ? new Tasks() : undefined;
const speaks = { legacy: process.env.ERA !== 'modern', modern: process.env.ERA !== 'legacy' };

function make({ era, notify }) {
	const server = new McpServer(
		{ name: 'kanmon-fixture', title: 'Conformance fixture', version: '1.0.0' },
		{
			instructions: 'A server with one of everything the conformance suite looks for.',
			capabilities: {
				tools: { listChanged: true },
				prompts: { listChanged: true },
				resources: { listChanged: true, subscribe: true },
				completions: {},
				logging: {},
				...(tasks && era === 'modern' && { extensions: { 'io.modelcontextprotocol/tasks': {} } }),
			},
			cacheHints: {
				'tools/list': { ttlMs: 1000, cacheScope: 'private' },
				'prompts/list': { ttlMs: 1000, cacheScope: 'private' },
				'resources/list': { ttlMs: 1000, cacheScope: 'private' },
				'resources/templates/list': { ttlMs: 1000, cacheScope: 'private' },
				'resources/read': { ttlMs: 0, cacheScope: 'private' },
				'server/discover': { ttlMs: 1000, cacheScope: 'private' },
			},
			requestState: { verify: state.verify },
		},
	);
	// Over HTTP in the stateless era the subscriptions belong to the endpoint, everywhere else to this server.
	const changed = {
		tools: () => (notify ? notify.toolsChanged() : server.server.sendToolListChanged()),
		prompts: () => (notify ? notify.promptsChanged() : server.server.sendPromptListChanged()),
		resource: (uri) => (notify ? notify.resourceUpdated(uri) : server.server.sendResourceUpdated({ uri })),
	};

	addPlainTools(server, { changed, sleep });
	addAskingTools(server, { state });
	addPrompts(server);
	addResources(server, { era });
	return server;
}

await serve(make, { ...speaks, tasks });
