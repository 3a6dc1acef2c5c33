/* tr_table.h - the shape of a generated table of translations. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct tr_entry {
	const char *english;
	const char *other;
};

/* Sorted by `english` in byte order; one empty entry follows the last. */
extern const struct tr_entry tr_ja[];
extern const unsigned tr_ja_count;
