/* uri_set.h - some URIs of one server that were seen: the oldest makes room for the newest. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

enum { URI_SET_MAX = 1024 };

/* Zero is an empty set. */
struct uri_set {
	struct map by_uri;
	struct list order; /* oldest first; valid where by_uri has entries */
	size_t n;
};

/*
 * Adds it, or makes it the newest. What it holds is charged to `budget`; where that is full, or the URI is
 * longer than OMISSION_URI_BYTES, nothing is added.
 */
void uri_set_add(struct uri_set *set, struct budget *budget, struct span uri);
bool uri_set_has(const struct uri_set *set, struct span uri);
void uri_set_clear(struct uri_set *set, struct budget *budget);
