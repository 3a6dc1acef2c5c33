/* recent.h - the lists of a server that were seen last: who is given one of them again shares it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mcp/revision.h"

struct catalogue;
struct offer;

/*
 * A server may show one list to one client and another to the next: by what each declares, by its era, or by
 * chance.
 */
enum {
	RECENT_LISTS = 8,
	RECENT_DIGEST_BYTES = 32,
	RECENT_IDLE_BYTES = 4 * 1024 * 1024, /* of those but the newest that nobody else holds */
};

/* One of them: of its tools, or of something else; the other pointer is NULL. */
struct recent_list {
	struct catalogue *tools;
	struct offer *offer;
	enum revision revision; /* what it is in the words of */
	bool for_all;		/* its server does not say that it is one client's own */
	uint8_t digest[RECENT_DIGEST_BYTES];
};

/* Zero is empty. */
struct recent_lists {
	struct recent_list lists[RECENT_LISTS]; /* the newest first */
	size_t n;
};

/* The one of this digest, which is the newest from now on. NULL: there is none. Borrowed until the next one.
 */
struct recent_list *recent_find(struct recent_lists *recent, const uint8_t digest[RECENT_DIGEST_BYTES]);
/* The newest that anybody may be shown; NULL: there is none. Borrowed as that one. */
const struct recent_list *recent_for_all(const struct recent_lists *recent);

/*
 * One more, the newest. The least recent leaves where there are too many, or where too much would be held for
 * nobody.
 *
 * Owner: takes a reference to the list over.
 */
void recent_add(struct recent_lists *recent, const struct recent_list *list);
void recent_clear(struct recent_lists *recent);
