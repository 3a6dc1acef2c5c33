/* words.h - what clients say in these tests. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Of every request of the modern era; this client declares nothing. */
#define META                                                                                                 \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define REQUEST(id, method, params)                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
