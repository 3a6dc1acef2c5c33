/* refusal.h - what it means that a server answers with an HTTP status other than success. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/client.h"
#include "upstream/link.h"

/* May the body be the JSON-RPC answer? `greeting`: what was asked was `initialize` or the probe. */
bool refusal_may_answer(unsigned status, bool greeting);

/*
 * How the call fails where the body is no answer. `probe`: it was the greeting of the modern era.
 *
 * Source: MCP 2026-07-28, basic/transports: who probes and is answered with a 4xx that
 *         no modern error explains falls back to `initialize`. Older servers know neither the
 *         probe's method nor a POST without a session.
 */
enum link_failure refusal_means(unsigned status, bool probe);

/* What the status (not one of success) says to who reads it, and what there is to do. */
const char *refusal_text(unsigned status);

/* How the call fails whose request had no whole answer. */
enum link_failure refusal_kind(enum http_failure failure);

/* May it be a server that knows only HTTP+SSE, which so refuses the first POST? */
bool refusal_hints_at_sse(unsigned status);
