/* search.h - which of many names and descriptions fit some words best. Pure: the same gives the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

enum {
	SEARCH_QUERY_BYTES = 1024,	    /* of a longer query the rest is not read */
	SEARCH_TERMS = 32,		    /* nor of one of more words */
	SEARCH_TERM_BYTES = 24,		    /* of a longer word the beginning counts */
	SEARCH_TEXT_BYTES = 2048,	    /* of one description */
	SEARCH_ALL_BYTES = 4 * 1024 * 1024, /* of all together; past it names alone count */
	SEARCH_DOCS = 100000,
};

/*
 * Words are runs of letters and digits without regard to case, cut where camelCase has a capital and without
 * a plural's s. Of Chinese, Japanese and Korean each two neighbouring characters are a word, for nothing
 * stands between theirs. Full-width letters are the narrow ones.
 */
struct search_term {
	char bytes[SEARCH_TERM_BYTES];
	uint8_t n;
};

struct search_doc {
	size_t index;
	uint8_t name[SEARCH_TERMS], text[SEARCH_TERMS]; /* how well each term fits */
	uint64_t score;
};

/* Released with search_release(). */
struct search {
	struct search_term terms[SEARCH_TERMS];
	size_t n_terms, n_docs, text_bytes;
	size_t with[SEARCH_TERMS]; /* in how many documents each term stands */
	bool begins[256];	   /* may a term begin with this byte? */
	struct search_doc *found;
	size_t n_found, cap;
	bool over; /* without memory, or past SEARCH_DOCS */
};

void search_begin(struct search *search, struct span query);

/* The next document; they are counted from 0. */
void search_add(struct search *search, struct span name, struct span text);

/*
 * The places of the best, at most `most`, best first; of equals the one that came first. A rare word counts
 * more than one that stands everywhere, a name more than a description, and who has more of the words more.
 * Returns how many there are. Call it once, when all are added.
 */
size_t search_best(struct search *search, size_t most, size_t *out);
void search_release(struct search *search);
