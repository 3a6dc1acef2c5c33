/* search.c - which of many names and descriptions fit some words best. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/search.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "text/utf8.h"

/* What a word of a document is worth for a term; of a name it counts double, and then some. */
enum { FIT_BEGINS = 1, FIT_IS = 2, FIT_MOST = 6, NAME_FACTOR = 3 };
/* A shorter word is the beginning of too many. */
enum { BEGINNING = 4 };

/* --- words --- */

enum letter_kind { LETTER_NONE, LETTER_SMALL, LETTER_CAPITAL, LETTER_DIGIT, LETTER_DENSE };

/* Reads text word by word. */
struct words {
	struct span rest;
	struct span before; /* the dense character before; empty: none */
	bool alone;	    /* no word was made of it yet */
};

static enum letter_kind kind_of(uint32_t point)
{
	if (point >= 'a' && point <= 'z')
		return LETTER_SMALL;
	if (point >= 'A' && point <= 'Z')
		return LETTER_CAPITAL;
	if (point >= '0' && point <= '9')
		return LETTER_DIGIT;
	if ((point >= 0x3040 && point <= 0x30ff && point != 0x30fb) || (point >= 0x3400 && point <= 0x9fff) ||
	    (point >= 0xf900 && point <= 0xfaff) || (point >= 0xff66 && point <= 0xff9f) ||
	    (point >= 0xac00 && point <= 0xd7a3) || (point >= 0x20000 && point <= 0x3ffff) || point == 0x3005)
		return LETTER_DENSE;
	/* Other scripts part their words; punctuation begins the blocks they stand in. */
	if (point < 0xc0 || point == 0xd7 || point == 0xf7 || (point >= 0x2000 && point <= 0x303f) ||
	    (point >= 0xfe00 && point <= 0xffff) || point == 0x30fb)
		return LETTER_NONE;
	return LETTER_SMALL;
}

/* Full-width letters stand for the narrow ones. */
static uint32_t narrow(uint32_t point)
{
	return point >= 0xff01 && point <= 0xff5e ? point - 0xff01 + '!' : point;
}

static size_t next_point(struct span text, uint32_t *point)
{
	size_t n = utf8_decode(text, point);

	*point = n ? narrow(*point) : 0;
	return n ? n : 1;
}

static void put(struct search_term *term, uint32_t point, struct span raw)
{
	if (point < 0x80) {
		char c = (char)point;

		if (term->n < SEARCH_TERM_BYTES)
			term->bytes[term->n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		return;
	}
	if (term->n + raw.n > SEARCH_TERM_BYTES)
		return;
	memcpy(term->bytes + term->n, raw.p, raw.n);
	term->n = (uint8_t)(term->n + raw.n);
}

static void put_text(struct search_term *term, struct span text)
{
	uint32_t point;

	while (text.n) {
		size_t n = next_point(text, &point);

		put(term, point, span_first(text, n));
		text = span_skip(text, n);
	}
}

/* Two neighbours; one alone where it has none. */
static bool dense_word(struct words *words, struct span now, struct search_term *term)
{
	struct span before = words->before;
	bool alone = words->alone;

	words->before = now;
	words->alone = before.n == 0;
	*term = (struct search_term){ .n = 0 };
	if (now.n == 0 && !alone)
		return false;
	put_text(term, before);
	put_text(term, now);
	return before.n > 0;
}

static void drop_plural(struct search_term *term)
{
	if (term->n > 3 && term->bytes[term->n - 1] == 's' && term->bytes[term->n - 2] != 's')
		term->n--;
}

static void plain_word(struct words *words, struct search_term *term)
{
	enum letter_kind last = LETTER_NONE;
	uint32_t point;

	*term = (struct search_term){ .n = 0 };
	while (words->rest.n) {
		size_t n = next_point(words->rest, &point);
		enum letter_kind kind = kind_of(point);

		if (kind == LETTER_NONE || kind == LETTER_DENSE ||
		    (kind == LETTER_CAPITAL && last == LETTER_SMALL))
			break;
		put(term, point, span_first(words->rest, n));
		words->rest = span_skip(words->rest, n);
		last = kind;
	}
	drop_plural(term);
}

/* False: there is no more. */
static bool next_word(struct words *words, struct search_term *term)
{
	uint32_t point;

	while (words->rest.n) {
		struct span now = span_first(words->rest, next_point(words->rest, &point));
		enum letter_kind kind = kind_of(point);

		if (kind == LETTER_DENSE) {
			words->rest = span_skip(words->rest, now.n);
			if (dense_word(words, now, term))
				return true;
			continue;
		}
		if (words->before.n && dense_word(words, S(""), term))
			return true;
		words->before = S("");
		words->alone = false;
		if (kind != LETTER_NONE) {
			plain_word(words, term);
			return true;
		}
		words->rest = span_skip(words->rest, now.n);
	}
	return words->before.n && dense_word(words, S(""), term);
}

static struct span term_span(const struct search_term *term)
{
	return span_of(term->bytes, term->n);
}

/* --- the query, and what fits it --- */

void search_begin(struct search *search, struct span query)
{
	struct words words = { .rest = span_first(query, SEARCH_QUERY_BYTES) };
	struct search_term term;

	*search = (struct search){ .n_terms = 0 };
	while (search->n_terms < SEARCH_TERMS && next_word(&words, &term)) {
		bool known = term.n == 0;

		for (size_t i = 0; i < search->n_terms; i++)
			known |= span_eq(term_span(&search->terms[i]), term_span(&term));
		if (known)
			continue;
		search->terms[search->n_terms++] = term;
		search->begins[(unsigned char)term.bytes[0]] = true;
	}
}

static unsigned fit_of(struct span term, struct span word)
{
	struct span shorter = term.n < word.n ? term : word, longer = term.n < word.n ? word : term;

	if (span_eq(term, word))
		return FIT_IS;
	return shorter.n >= BEGINNING && span_starts(longer, shorter) ? FIT_BEGINS : 0;
}

static void read_words(const struct search *search, struct span text, uint8_t fits[SEARCH_TERMS])
{
	struct words words = { .rest = text };
	struct search_term word;

	while (next_word(&words, &word)) {
		if (word.n == 0 || !search->begins[(unsigned char)word.bytes[0]])
			continue;
		for (size_t i = 0; i < search->n_terms; i++) {
			unsigned fit = fit_of(term_span(&search->terms[i]), term_span(&word));

			fits[i] = (uint8_t)(fits[i] + fit > FIT_MOST ? FIT_MOST : fits[i] + fit);
		}
	}
}

static bool keep(struct search *search, const struct search_doc *doc)
{
	size_t cap = search->cap ? search->cap * 2 : 64;
	struct search_doc *found;

	if (search->n_found == search->cap) {
		found = realloc(search->found, cap * sizeof(*found));
		if (!found)
			return false;
		search->found = found;
		search->cap = cap;
	}
	search->found[search->n_found++] = *doc;
	return true;
}

void search_add(struct search *search, struct span name, struct span text)
{
	struct search_doc doc = { .index = search->n_docs };
	bool any = false;

	if (search->n_docs >= SEARCH_DOCS)
		search->over = true;
	if (search->over)
		return;
	search->n_docs++;
	text = span_first(text, SEARCH_TEXT_BYTES);
	read_words(search, span_first(name, SEARCH_TEXT_BYTES), doc.name);
	if (search->text_bytes + text.n <= SEARCH_ALL_BYTES)
		read_words(search, text, doc.text);
	search->text_bytes += text.n;
	for (size_t i = 0; i < search->n_terms; i++) {
		search->with[i] += doc.name[i] || doc.text[i];
		any |= doc.name[i] || doc.text[i];
	}
	if (any && !keep(search, &doc))
		search->over = true;
}

/* --- the best --- */

/* How rare a term is: one more for each halving of those that have it. */
static uint64_t rarity(const struct search *search, size_t term)
{
	size_t with = search->with[term] ? search->with[term] : 1, all = search->n_docs;
	uint64_t rare = 1;

	while (all / 2 >= with) {
		all /= 2;
		rare++;
	}
	return rare;
}

static void score(const struct search *search, struct search_doc *doc)
{
	uint64_t sum = 0, having = 0;

	for (size_t i = 0; i < search->n_terms; i++) {
		sum += rarity(search, i) * (uint64_t)(NAME_FACTOR * doc->name[i] + doc->text[i]);
		having += doc->name[i] || doc->text[i];
	}
	doc->score = sum * having;
}

static int better(const void *left, const void *right)
{
	const struct search_doc *a = left, *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

size_t search_best(struct search *search, size_t most, size_t *out)
{
	size_t n = search->n_found < most ? search->n_found : most;

	for (size_t i = 0; i < search->n_found; i++)
		score(search, &search->found[i]);
	if (search->n_found)
		qsort(search->found, search->n_found, sizeof(*search->found), better);
	for (size_t i = 0; i < n; i++)
		out[i] = search->found[i].index;
	return n;
}

void search_release(struct search *search)
{
	free(search->found);
	*search = (struct search){ .n_terms = 0 };
}
