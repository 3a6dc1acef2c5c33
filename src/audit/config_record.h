/* config_record.h - lines of the audit log that say by which rules is decided from here on. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "policy/tool_rules.h"

enum {
	/* A line that has so much begins no further rule: the longest rule still fits into a record. */
	CONFIG_RECORD_FULL_BYTES = 12 * 1024,
};

struct config_record {
	uint64_t wall_ms;
	struct span config; /* the digest that decisions name, in hex */
};

struct config_limit {
	const char *name;
	uint64_t value;
};

struct config_server {
	struct span name;
	struct span reached; /* "stdio" or "http"; "view" for one of `views`, by the name of its endpoint */
	bool for_one_host;   /* made by `kanmon run`; no config names it */
	struct tool_rules rules;
};

/*
 * Adds one line, a JSON object without a newline:
 *   {"t":…,"kind":"config","config":HEX,"limits":{NAME:N,…}}
 *   {"t":…,"kind":"config","config":HEX,"server":NAME,"reached":…,"deny":[[GLOB,LINE],…],"allow":[…]}
 * False where `out` is full.
 */
bool config_record_add_limits(const struct config_record *record, const struct config_limit *limits, size_t n,
			      struct buf *out) MUST_CHECK;

/*
 * The rules of one server from rule `*from` on, those of `deny` first; `*from` is then the next one.
 * Where rules are left the line says "more":true: call it again, until `*from` is all there are.
 */
bool config_record_add_server(const struct config_record *record, const struct config_server *server,
			      size_t *from, struct buf *out) MUST_CHECK;
