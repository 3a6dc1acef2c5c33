/* params.h - what the params of a client's request must look like, whatever the server makes of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mcp/message.h"

/*
 * What is wrong with them, as a sentence for the client; NULL: nothing. Only what the revisions agree on: the
 * members of `initialize`, `_meta` and its progress token, the arguments of a tool.
 *
 * Source: MCP 2025-11-25 and 2026-07-28, schema: InitializeRequestParams, RequestParams,
 * CallToolRequestParams.
 */
const char *params_fault(const struct message *message);
