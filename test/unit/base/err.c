/* err.c - tests of an error's sentence in the language of the one who reads it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/tr.h"
#include "tap.h"

/* Not in the catalogue, and never to be. */
#define UNKNOWN "no such sentence, ever: %d"

static void untranslated(void)
{
	struct err err = ERR_INIT;

	tr_set_language(TR_JA);
	is_int(err_set(NULL, ERR_LIMIT, "more than %d servers", 3), -1, "who wants no error gets none");
	is_int(err_wrap(NULL, "server %.*s", 1, "a"), -1, "nor a context");
	(void)err_set(&err, ERR_FORMAT, UNKNOWN, 7);
	is_span(span_str(err.text), S("no such sentence, ever: 7"), "a sentence without a translation stays");
	(void)err_set(&err, ERR_CONFIG, "%s: %s", "cannot open %s", "/x");
	is_span(span_str(err.text), S("cannot open %s: /x"), "what is filled in is no key");
	(void)err_set(&err, ERR_CONFIG, tr("cannot open %s"), "/x");
	is_span(span_str(err.text), S("/x を開けません"), "what was looked up already is not harmed");
	tr_set_language(TR_EN);
}

static void japanese(void)
{
	struct err err = ERR_INIT;

	tr_set_language(TR_JA);
	is_int(err_set(&err, ERR_LIMIT, "more than %d servers", 3), -1, "set in Japanese");
	is_span(span_str(err.text), S("サーバーが 3 個を超えています"), "with its number");
	is_int(err.code, ERR_LIMIT, "and its code");
	is_int(err_wrap(&err, "server %.*s", 5, "files-and-more"), -1, "a context in Japanese");
	is_span(span_str(err.text), S("サーバー files: サーバーが 3 個を超えています"), "stands before it");
	errno = EACCES;
	is_int(err_sys(&err, "cannot open %s", "/x"), -1, "the kernel's no in Japanese");
	is_span(span_str(err.text), S("/x を開けません: Permission denied"), "in the kernel's own words");
	is_int(err.sys, EACCES, "of this errno");
	(void)err_wrap(&err, "%s", "/y");
	is_span(span_str(err.text), S("/y: /x を開けません: Permission denied"), "a context without words");
	tr_set_language(TR_EN);
}

static void english(void)
{
	struct err err = ERR_INIT;

	errno = EACCES;
	(void)err_sys(&err, "cannot open %s", "/x");
	(void)err_wrap(&err, "server %.*s", 5, "files");
	is_span(span_str(err.text), S("server files: cannot open /x: Permission denied"),
		"English after that");
}

/* Does the text, cut somewhere in characters of three bytes after `before` of one, end with a whole one? */
static bool ends_whole(const struct err *err, size_t before)
{
	size_t n = strlen(err->text), whole = sizeof(err->text) - 1;

	return n == before + (whole - before) / 3 * 3 && memcmp(err->text + n - 3, "長", 3) == 0;
}

static void cut(void)
{
	static const char character[] = "長";
	struct err err = ERR_INIT;
	char large[3 * 200 + 1];

	for (size_t i = 0; i < sizeof(large) - 1; i++)
		large[i] = character[i % 3];
	large[sizeof(large) - 1] = '\0';
	for (size_t before = 0; before < 3; before++) {
		(void)err_set(&err, ERR_LIMIT, "%.*s%s", (int)before, "xx", large);
		ok(ends_whole(&err, before), "cut between characters, %zu in", before);
		errno = EACCES;
		(void)err_sys(&err, "%.*s%s", (int)before, "xx", large);
		ok(ends_whole(&err, before), "also the kernel's");
		(void)err_set(&err, ERR_LIMIT, "%s", large);
		(void)err_wrap(&err, "c%.*s", (int)before, "xx");
		ok(ends_whole(&err, before + 3), "also one with a context");
	}
	(void)err_set(&err, ERR_LIMIT, "%.*sxx🦊", 393, large);
	is_int(strlen(err.text), 393 + 2 + 4, "what just fits is whole");
	(void)err_set(&err, ERR_LIMIT, "%.*s🦊", 396, large);
	is_int(strlen(err.text), 396, "what lacks a part is left out");
}

int main(void)
{
	untranslated();
	japanese();
	english();
	cut();
	return tap_done();
}
