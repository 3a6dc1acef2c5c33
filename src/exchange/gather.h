/* gather.h - a whole list of a server, page after page. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

struct gather;

/*
 * Called once, from the loop. `ok` false: the list could not be had; `why` says it. Read with
 * gather_* during the call; the gather is freed by the one who started it.
 */
typedef void gather_done(void *owner, struct gather *gather, bool ok, struct span why);

/* Asks `link` for all pages of `method` (METHOD_LIST). `meta` is the request's _meta (JSON), empty: none. */
struct gather *gather_start(struct link *link, enum method method, struct span meta, gather_done *done,
			    void *owner);
/* Gives it up where it is under way. Returns NULL. */
struct gather *gather_free(struct gather *gather);

/*
 * Where `most_ms` have passed since it began: the server is told that it is given up, and it ends as failed.
 * True: so it did, and may be freed by now.
 */
bool gather_tick(struct gather *gather, uint64_t now_ms, uint64_t most_ms);
/* Why the list could not be had: LINK_SILENT where it was late, LINK_REFUSED where the server said so itself.
 */
enum link_failure gather_failure(const struct gather *gather);

/* How long the list holds, as its server says it: the least of its pages. 0: not at all, or not said. */
uint64_t gather_ttl_ms(const struct gather *gather);
/* Does each page say that it is the same for everybody? */
bool gather_is_public(const struct gather *gather);
enum method gather_method(const struct gather *gather);
/* Does the server not know the method? Read during `done`. */
bool gather_is_unknown(const struct gather *gather);

/* The items of all pages, as the inside of a JSON array: "{…},{…}". */
struct span gather_items(const struct gather *gather);
/* The first page's result object, as JSON, without the items' own member and nextCursor. */
struct span gather_result(const struct gather *gather);
