/* search.c - words find the tools that are about them, the best first. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/search.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct {
	const char *name, *text;
} docs[] = {
	{ "files__read_text_file", "Read the contents of a file as text." },
	{ "files__write_file", "Create a file, or replace what it holds." },
	{ "files__list_directory", "List what a directory holds: files and further directories." },
	{ "github__createIssue", "Open an issue in a repository." },
	{ "github__search_issues", "Find issues by words." },
	{ "weather__get_forecast", "The weather of the next days at a place." },
	{ "jp__yomu",
	  "\xe3\x83\x95\xe3\x82\xa1\xe3\x82\xa4\xe3\x83\xab\xe3\x82\x92\xe8\xaa\xad\xe3\x82\x80\xe3\x80\x82" },
	{ "jp__tenki",
	  "\xe6\x9d\xb1\xe4\xba\xac\xe3\x81\xae\xe5\xa4\xa9\xe6\xb0\x97\xe4\xba\x88\xe5\xa0\xb1\xe3\x82\x92\xe8\xbf\x94\xe3\x81\x99" },
};

static size_t find(const char *query, size_t most, size_t *out)
{
	struct search search;
	size_t n;

	search_begin(&search, span_str(query));
	for (size_t i = 0; i < COUNT(docs); i++)
		search_add(&search, span_str(docs[i].name), span_str(docs[i].text));
	n = search_best(&search, most, out);
	search_release(&search);
	return n;
}

static const char *first(const char *query)
{
	size_t best[1];

	return find(query, 1, best) ? docs[best[0]].name : "nothing";
}

static void nothing(void)
{
	static const char *const queries[] = { "",   " -_. ",	     "kubernetes", "\xff\xfe",
					       "zz", "\xe3\x80\x82", "fil" };

	for (size_t i = 0; i < COUNT(queries); i++)
		is_span(span_str(first(queries[i])), S("nothing"), "nothing fits \"%s\"", queries[i]);
}

static void fits(void)
{
	static const struct {
		const char *query, *want;
	} cases[] = {
		{ "read a text file", "files__read_text_file" },
		{ "READ TEXT", "files__read_text_file" },
		{ "directories", "files__list_directory" },
		{ "create issue", "github__createIssue" },
		{ "createIssue", "github__createIssue" },
		{ "search_issues", "github__search_issues" },
		{ "what is the weather", "weather__get_forecast" },
		{ "\xef\xbc\xb7\xef\xbd\x85\xef\xbd\x81\xef\xbd\x94\xef\xbd\x88\xef\xbd\x85\xef\xbd\x92",
		  "weather__get_forecast" },
		{ "\xe5\xa4\xa9\xe6\xb0\x97", "jp__tenki" },
		{ "\xe3\x83\x95\xe3\x82\xa1\xe3\x82\xa4\xe3\x83\xab", "jp__yomu" },
		{ "\xe6\x9d\xb1\xe4\xba\xac weather", "weather__get_forecast" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		is_span(span_str(first(cases[i].query)), span_str(cases[i].want), "\"%s\"", cases[i].query);
}

static void ordered(void)
{
	size_t once[8], twice[8], n = find("file holds", 8, once);

	ok(n >= 3 && find("file holds", 8, twice) == n && memcmp(once, twice, n * sizeof(*once)) == 0,
	   "the same, twice: %zu", n);
	ok(once[0] == 1 && find("file holds", 2, twice) == 2 && twice[0] == 1,
	   "who has both words is first, and no more than are asked for come");
	n = find("issue", 8, once);
	ok(n == 2 && once[0] == 3 && once[1] == 4, "of equals the first");
}

static void bounded(void)
{
	CLEANUP(buf_release) struct buf query = BUF_INIT((size_t)1 << 20);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
	struct search search;
	size_t best[3];

	for (int i = 0; i < 10000; i++)
		buf_addf(&query, "word%d ", i);
	for (int i = 0; i < 2000; i++)
		buf_add(&text, S("word1 "));
	search_begin(&search, buf_span(&query));
	is_int(search.n_terms, SEARCH_TERMS, "so many words of a query are read");
	for (int i = 0; i < 5000; i++)
		search_add(&search, i == 4999 ? S("word2") : S("name"), buf_span(&text));
	ok(search_best(&search, 3, best) == 3 && best[0] == 4999,
	   "past the ceiling of texts names are read still");
	ok(search.n_found < 5000 && !search.over, "and texts are not: %zu", search.n_found);
	search_release(&search);
	buf_clear(&query);
	for (int i = 0; i < 100; i++)
		buf_add(&query, S("\xe6\x97\xa5"));
	search_begin(&search, buf_span(&query));
	is_int(search.n_terms, 1, "one word a hundred times is one");
	search_release(&search);
}

int main(void)
{
	nothing();
	fits();
	ordered();
	bounded();
	return tap_done();
}
