// sdk1.mjs - what the wire tests use of the SDK's 1.x line.
// SPDX-License-Identifier: Apache-2.0
export { Client } from '@modelcontextprotocol/sdk/client/index.js';
export { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
export { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
export { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
export { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
export * as types from '@modelcontextprotocol/sdk/types.js';
