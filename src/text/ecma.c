/* ecma.c - rewrites what ECMA-262 and PCRE2 read differently, refuses what only PCRE2 knows. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/ecma.h"

#include "base/cleanup.h"

/* White space and line ends of ECMA-262, and everything else, as members of a class. */
#define SPACES                                                                                               \
	"\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"        \
	"\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                            \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"                     \
	"\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}"    \
	"\\x{ff00}-\\x{10ffff}"
#define NO_LINE_END "[^\\x{a}\\x{d}\\x{2028}\\x{2029}]"

/* Long names of general categories, for PCRE2 knows the short ones. */
static const struct {
	struct span name;
	const char *category;
} categories[] = {
	{ SPAN("Cased_Letter"), "L&" },
	{ SPAN("Close_Punctuation"), "Pe" },
	{ SPAN("Connector_Punctuation"), "Pc" },
	{ SPAN("Control"), "Cc" },
	{ SPAN("Currency_Symbol"), "Sc" },
	{ SPAN("Dash_Punctuation"), "Pd" },
	{ SPAN("Decimal_Number"), "Nd" },
	{ SPAN("digit"), "Nd" },
	{ SPAN("Enclosing_Mark"), "Me" },
	{ SPAN("Final_Punctuation"), "Pf" },
	{ SPAN("Format"), "Cf" },
	{ SPAN("Initial_Punctuation"), "Pi" },
	{ SPAN("LC"), "L&" },
	{ SPAN("Letter"), "L" },
	{ SPAN("Letter_Number"), "Nl" },
	{ SPAN("Line_Separator"), "Zl" },
	{ SPAN("Lowercase_Letter"), "Ll" },
	{ SPAN("Mark"), "M" },
	{ SPAN("Math_Symbol"), "Sm" },
	{ SPAN("Modifier_Letter"), "Lm" },
	{ SPAN("Modifier_Symbol"), "Sk" },
	{ SPAN("Nonspacing_Mark"), "Mn" },
	{ SPAN("Number"), "N" },
	{ SPAN("Open_Punctuation"), "Ps" },
	{ SPAN("Other"), "C" },
	{ SPAN("Other_Letter"), "Lo" },
	{ SPAN("Other_Number"), "No" },
	{ SPAN("Other_Punctuation"), "Po" },
	{ SPAN("Other_Symbol"), "So" },
	{ SPAN("Paragraph_Separator"), "Zp" },
	{ SPAN("Private_Use"), "Co" },
	{ SPAN("Punctuation"), "P" },
	{ SPAN("punct"), "P" },
	{ SPAN("Separator"), "Z" },
	{ SPAN("Space_Separator"), "Zs" },
	{ SPAN("Spacing_Mark"), "Mc" },
	{ SPAN("Surrogate"), "Cs" },
	{ SPAN("Symbol"), "S" },
	{ SPAN("Titlecase_Letter"), "Lt" },
	{ SPAN("Unassigned"), "Cn" },
	{ SPAN("Uppercase_Letter"), "Lu" },
};

struct reader {
	struct span all, rest;
	struct buf *out;
	struct err *err;
};

static int refuse(struct reader *r, const char *why)
{
	return err_set(r->err, ERR_FORMAT, "the pattern \"%.*s\" cannot be used: %s, at byte %zu",
		       SPAN_ARG(ecma_shown(r->all)), why, (size_t)(r->rest.p - r->all.p));
}

static int peek(const struct reader *r, size_t ahead)
{
	return ahead < r->rest.n ? (unsigned char)r->rest.p[ahead] : -1;
}

static void skip(struct reader *r, size_t n)
{
	r->rest = span_skip(r->rest, n);
}

static void add(struct reader *r, const char *text)
{
	buf_add(r->out, span_str(text));
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `n` hexadecimal digits from `ahead` on; -1 where there are fewer. */
static int read_hex(const struct reader *r, size_t ahead, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		int digit = hex_value(peek(r, ahead + i));

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static int add_code_point(struct reader *r, int value, size_t consumed)
{
	if (value >= 0xD800 && value <= 0xDFFF)
		return refuse(r, "half of a surrogate pair");
	buf_addf(r->out, "\\x{%x}", (unsigned)value);
	skip(r, consumed);
	return 0;
}

/* Behind "\u{": up to six digits and the brace. */
static int braced_code_point(struct reader *r)
{
	size_t n = 0;

	while (n < 7 && hex_value(peek(r, 2 + n)) >= 0)
		n++;
	if (n == 0 || n > 6 || peek(r, 2 + n) != '}' || read_hex(r, 2, n) > 0x10FFFF)
		return refuse(r, "\\u{ needs a code point and }");
	return add_code_point(r, read_hex(r, 2, n), 3 + n);
}

/* The reader stands on the u of \u. */
static int unicode_escape(struct reader *r)
{
	int high, low;

	if (peek(r, 1) == '{')
		return braced_code_point(r);
	high = read_hex(r, 1, 4);
	if (high < 0)
		return refuse(r, "\\u needs four hexadecimal digits");
	low = peek(r, 5) == '\\' && peek(r, 6) == 'u' ? read_hex(r, 7, 4) : -1;
	if (high >= 0xD800 && high <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF)
		return add_code_point(r, 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00), 11);
	return add_code_point(r, high, 5);
}

/* "Script=Greek" and the like; the name before '=' decides. */
static bool property_with_value(struct span *name, const char **kind)
{
	struct span value = *name;
	struct span key = span_cut(&value, '=');

	*kind = "";
	if (key.n == name->n)
		return true;
	*name = value;
	if (span_eq(key, S("Script")) || span_eq(key, S("sc")))
		*kind = "sc=";
	else if (span_eq(key, S("Script_Extensions")) || span_eq(key, S("scx")))
		*kind = "scx=";
	else
		return span_eq(key, S("General_Category")) || span_eq(key, S("gc"));
	return true;
}

/* The reader stands on the p or P. */
static int property_escape(struct reader *r)
{
	char which = r->rest.p[0];
	struct span name;
	const char *kind;
	size_t end;

	if (peek(r, 1) != '{')
		return refuse(r, "a property needs braces");
	name = span_skip(r->rest, 2);
	end = span_find(name, '}');
	if (end == 0 || end == name.n)
		return refuse(r, "a property needs a name and a brace after it");
	name = span_first(name, end);
	for (size_t i = 0; i < name.n; i++) {
		if (!is_alnum(name.p[i]) && name.p[i] != '_' && name.p[i] != '=')
			return refuse(r, "a property's name has letters, digits and _ only");
	}
	if (!property_with_value(&name, &kind))
		return refuse(r, "an unknown kind of property");
	for (size_t i = 0; *kind == '\0' && i < COUNT(categories); i++) {
		if (span_eq(categories[i].name, name))
			name = span_str(categories[i].category);
	}
	buf_addf(r->out, "\\%c{%s%.*s}", which, kind, SPAN_ARG(name));
	skip(r, end + 3);
	return 0;
}

/* Escapes that mean one character, in a class and outside: the reader stands behind the \. */
static int character_escape(struct reader *r)
{
	int c = peek(r, 0);

	switch (c) {
	case 'f':
		return add_code_point(r, '\f', 1);
	case 'n':
		return add_code_point(r, '\n', 1);
	case 'r':
		return add_code_point(r, '\r', 1);
	case 't':
		return add_code_point(r, '\t', 1);
	case 'v':
		return add_code_point(r, '\v', 1);
	case 'u':
		return unicode_escape(r);
	case '0':
		return is_digit(peek(r, 1)) ? refuse(r, "an octal escape") : add_code_point(r, 0, 1);
	case 'x':
		return read_hex(r, 1, 2) < 0 ? refuse(r, "\\x needs two hexadecimal digits")
					     : add_code_point(r, read_hex(r, 1, 2), 3);
	case 'c':
		return !is_alnum(peek(r, 1)) || is_digit(peek(r, 1)) ? refuse(r, "\\c needs a letter")
								     : add_code_point(r, peek(r, 1) & 31, 2);
	case -1:
		return refuse(r, "it ends in a backslash");
	}
	if (is_alnum(c))
		return refuse(r, "an escape that ECMA-262 does not have");
	/* A byte over 127 begins a character that needs no escape. */
	if (c < 128)
		buf_add_char(r->out, '\\');
	buf_add_char(r->out, (char)c);
	skip(r, 1);
	return 0;
}

/* Behind a \ outside a class. */
static int outer_escape(struct reader *r)
{
	int c = peek(r, 0);
	size_t n = 0;

	if (c == 's' || c == 'S') {
		add(r, c == 's' ? "[" SPACES "]" : "[^" SPACES "]");
		skip(r, 1);
		return 0;
	}
	if (c == 'p' || c == 'P')
		return property_escape(r);
	if (c == 'k' && peek(r, 1) != '<')
		return refuse(r, "\\k needs a name in < >");
	if (c > 0 && strchr("dDwWbBk", c)) {
		buf_addf(r->out, "\\%c", c);
		skip(r, 1);
		return 0;
	}
	if (c < '1' || c > '9')
		return character_escape(r);
	while (is_digit(peek(r, n)) && n < 5)
		n++;
	buf_addf(r->out, "\\g{%.*s}", SPAN_ARG(span_first(r->rest, n)));
	skip(r, n);
	return 0;
}

static bool is_class_escape(int c)
{
	return c > 0 && strchr("dDwWsSpP", c) != NULL;
}

/* Behind a \ inside a class. */
static int class_escape(struct reader *r)
{
	int c = peek(r, 0);

	if (!is_class_escape(c)) {
		if (c == 'b')
			return add_code_point(r, '\b', 1);
		return character_escape(r);
	}
	if (c == 'p' || c == 'P') {
		if (property_escape(r) < 0)
			return -1;
	} else {
		if (c == 's' || c == 'S')
			add(r, c == 's' ? SPACES : NO_SPACES);
		else
			buf_addf(r->out, "\\%c", c);
		skip(r, 1);
	}
	/* A hyphen here begins no range. */
	if (peek(r, 0) == '-') {
		add(r, "\\-");
		skip(r, 1);
	}
	return 0;
}

/* The reader stands behind the [. */
static int class(struct reader *r)
{
	buf_add_char(r->out, '[');
	if (peek(r, 0) == '^') {
		buf_add_char(r->out, '^');
		skip(r, 1);
	}
	for (int c = peek(r, 0); c != ']'; c = peek(r, 0)) {
		if (c < 0)
			return refuse(r, "a class is not closed");
		skip(r, 1);
		if (c == '\\') {
			if (class_escape(r) < 0)
				return -1;
			continue;
		}
		if (c == '[' || (c == '-' && peek(r, 0) == '\\' && is_class_escape(peek(r, 1))))
			buf_add_char(r->out, '\\');
		buf_add_char(r->out, (char)c);
	}
	buf_add_char(r->out, ']');
	skip(r, 1);
	return 0;
}

/* Behind a (: groups ECMA-262 has are plain, (?: (?= (?! (?<= (?<! and (?<name>. */
static int group(struct reader *r)
{
	int c = peek(r, 1);

	buf_add_char(r->out, '(');
	if (peek(r, 0) == '*')
		return refuse(r, "nothing to repeat");
	if (peek(r, 0) != '?')
		return 0;
	if (c != ':' && c != '=' && c != '!' && c != '<')
		return refuse(r, "a kind of group that ECMA-262 does not have");
	buf_addf(r->out, "?%c", c);
	skip(r, 2);
	return 0;
}

/* Length of {n}, {n,} or {n,m} at the reader, 0 where a brace is just a brace. */
static size_t counted_repeat(const struct reader *r)
{
	size_t n = 1;

	while (is_digit(peek(r, n)))
		n++;
	if (n == 1)
		return 0;
	if (peek(r, n) == ',')
		n++;
	while (is_digit(peek(r, n)))
		n++;
	return peek(r, n) == '}' ? n + 1 : 0;
}

/* A repeat and the ? that makes it lazy. */
static int repeat(struct reader *r, size_t n)
{
	int c;

	buf_add(r->out, span_first(r->rest, n));
	skip(r, n);
	if (peek(r, 0) == '?') {
		buf_add_char(r->out, '?');
		skip(r, 1);
	}
	c = peek(r, 0);
	if (c == '*' || c == '+' || c == '?' || (c == '{' && counted_repeat(r)))
		return refuse(r, "nothing to repeat");
	return 0;
}

static int step(struct reader *r)
{
	int c = peek(r, 0);
	size_t n = c == '{' ? counted_repeat(r) : 1;

	if (c == '*' || c == '+' || c == '?' || (c == '{' && n))
		return repeat(r, n);
	skip(r, 1);
	switch (c) {
	case '\\':
		return outer_escape(r);
	case '[':
		return class(r);
	case '(':
		return group(r);
	case '.':
		add(r, NO_LINE_END);
		return 0;
	case '{':
		add(r, "\\{");
		return 0;
	}
	buf_add_char(r->out, (char)c);
	return 0;
}

int ecma_translate(struct span pattern, struct buf *out, struct err *err)
{
	struct reader r = { .all = pattern, .rest = pattern, .out = out, .err = err };

	while (r.rest.n) {
		if (step(&r) < 0)
			return -1;
	}
	if (!buf_ok(out))
		return err_set(err, ERR_LIMIT, "a pattern is too long");
	return 0;
}
