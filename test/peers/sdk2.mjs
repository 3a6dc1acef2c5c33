// sdk2.mjs - what the wire tests use of the SDK's 2.x line.
// SPDX-License-Identifier: Apache-2.0
export { Client, LOG_LEVEL_META_KEY, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
export { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
