/* words.c - a command line as words, the way a shell splits it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/words.h"

#include "base/tr.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_operator(struct span word)
{
	static const struct span operators[] = { SPAN("|"),  SPAN("||"),   SPAN("|&"),	       SPAN("&"),
						 SPAN("&&"), SPAN(";"),	   SPAN("<"),	       SPAN(">"),
						 SPAN(">>"), SPAN("<<"),   SPAN("2>"),	       SPAN("&>"),
						 SPAN(">&"), SPAN("2>&1"), SPAN("2>/dev/null") };

	for (size_t i = 0; i < COUNT(operators); i++)
		if (span_eq(word, operators[i]))
			return true;
	return false;
}

static int unclosed(struct err *err)
{
	return err_set(err, ERR_CONFIG, "%s", tr("a quote in it is not closed"));
}

static int take_single(struct span *rest, struct buf *word, struct err *err)
{
	size_t end = span_find(*rest, '\'');

	if (end == rest->n)
		return unclosed(err);
	buf_add(word, span_first(*rest, end));
	*rest = span_skip(*rest, end + 1);
	return 0;
}

static int take_double(struct span *rest, struct buf *word, struct err *err)
{
	while (rest->n && rest->p[0] != '"') {
		if (rest->p[0] == '\\' && rest->n > 1 && (rest->p[1] == '"' || rest->p[1] == '\\'))
			*rest = span_skip(*rest, 1);
		buf_add_char(word, rest->p[0]);
		*rest = span_skip(*rest, 1);
	}
	if (rest->n == 0)
		return unclosed(err);
	*rest = span_skip(*rest, 1);
	return 0;
}

static int take_escaped(struct span *rest, struct buf *word, struct err *err)
{
	if (rest->n == 0)
		return err_set(err, ERR_CONFIG, "%s", tr("nothing follows the backslash at its end"));
	buf_add_char(word, rest->p[0]);
	*rest = span_skip(*rest, 1);
	return 0;
}

int words_next(struct span *rest, struct buf *word, struct err *err)
{
	bool quoted = false;

	buf_clear(word);
	while (rest->n && is_blank(rest->p[0]))
		*rest = span_skip(*rest, 1);
	if (rest->n == 0)
		return 0;
	while (rest->n && !is_blank(rest->p[0])) {
		char c = rest->p[0];
		int outcome = 0;

		*rest = span_skip(*rest, 1);
		quoted = quoted || c == '\'' || c == '"' || c == '\\';
		if (c == '\'')
			outcome = take_single(rest, word, err);
		else if (c == '"')
			outcome = take_double(rest, word, err);
		else if (c == '\\')
			outcome = take_escaped(rest, word, err);
		else
			buf_add_char(word, c);
		if (outcome < 0)
			return -1;
	}
	if (!quoted && is_operator(buf_span(word)))
		return err_set(
		    err, ERR_CONFIG, "%s",
		    tr("no shell reads this line; put the operator in quotes, or run: sh -c '...'"));
	return 1;
}
