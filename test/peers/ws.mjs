// ws.mjs - WebSocket with the SDK 1.x client and the npm server: ws.mjs client URL TOKEN TOOL | ws.mjs server ($PORT, or any).
// SPDX-License-Identifier: Apache-2.0
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

// The SDK's transport takes no headers: what it makes its connections with does.
async function client(url, token, tool) {
	globalThis.WebSocket = class extends WebSocket {
		constructor(address, protocols) {
			super(address, protocols, { headers: { Authorization: `Bearer ${token}` } });
		}
	};
	const peer = new Client({ name: 'kanmon-ws', version: '1.0.0' }, { capabilities: {} });
	await peer.connect(new WebSocketClientTransport(new URL(url)));
	const { tools } = await peer.listTools();
	const answers = await Promise.all(
		['one', 'two', 'x'.repeat(70_000)].map((tag) => peer.callTool({ name: tool, arguments: { tag } })),
	);
	await peer.ping();
	console.log(JSON.stringify({
		server: peer.getServerVersion()?.name,
		tools: tools.map((each) => each.name),
		texts: answers.map((answer) => answer.content[0].text.length > 100 ? answer.content[0].text.length : answer.content[0].text),
	}));
	await peer.close();
}

// The SDK has no server side for WebSocket: this is the least one.
class Transport {
	constructor(socket) {
		this.socket = socket;
		socket.on('message', (data) => this.onmessage?.(JSON.parse(data.toString())));
		socket.on('close', () => this.onclose?.());
		socket.on('error', (error) => this.onerror?.(error));
	}

	async start() {}

	async send(message) {
		this.socket.send(JSON.stringify(message));
	}

	async close() {
		this.socket.close();
	}
}

function server(port) {
	const sockets = new WebSocketServer({
		host: '127.0.0.1',
		port,
		path: '/mcp',
		perMessageDeflate: true,
		handleProtocols: (offered) => (offered.has('mcp') ? 'mcp' : false),
	});
	sockets.on('listening', () => console.log(`listening ws://127.0.0.1:${sockets.address().port}/mcp`));
	sockets.on('connection', (socket) => {
		const peer = new McpServer({ name: 'ws-peer', version: '1.0.0' });
		peer.registerTool('tag', { inputSchema: { tag: z.string() } }, ({ tag }) => ({ content: [{ type: 'text', text: tag }] }));
		peer.connect(new Transport(socket));
	});
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'client')
	await client(...rest);
else
	server(Number(process.env.PORT ?? 0));
