/* lists.h - the lists of all servers together: what they wait for, and how they are joined. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/offers.h"

/* A set of `1 << enum offer_kind`. */
enum { LISTS_NONE = 0 };

/*
 * Opens the servers that the exchange sees, and has what `kinds` names fetched from each: STAGE_NEXT when
 * they have come as far as they will. `since_ms`: what was fetched since then will do.
 */
enum stage_result lists_settle(struct exchange *x, unsigned kinds, uint64_t since_ms);

/* It has waited long enough: it goes on with what there is, and others do not wait for who was late. */
void lists_hurry(struct exchange *x);

/* The exchange's own list, of one server (tools) or of all. */
enum stage_result lists_answer(struct exchange *x);

/* The attachment where the exchange sees the server; NULL: it does not, or there is none. */
struct attachment *lists_attachment(struct exchange *x, struct server *server);

/* May the exchange see the tool? */
bool lists_has_tool(const struct exchange *x, const struct attachment *attachment, const struct tool *tool);

/* Is the item of this key another server's, too, among those that the exchange sees? */
bool lists_is_contested(struct exchange *x, const struct attachment *attachment, enum offer_kind kind,
			struct span key);

/* The tools as they are known: of a server that cannot be reached the last ones, where the config wants that.
 */
struct catalogue *lists_tools(const struct attachment *attachment);

/*
 * A tool's definition in the words of the client's revision; `store` holds it where it is not the server's
 * own. The worker's second tape is used.
 */
struct span lists_tool_text(const struct exchange *x, const struct attachment *attachment,
			    const struct tool *tool, struct buf *store);

/* Adds the tool's definition under its joined name; `json` is a tape to use. False: without memory. */
bool lists_add_tool(struct buf *out, struct json *json, struct span raw, struct span server);
