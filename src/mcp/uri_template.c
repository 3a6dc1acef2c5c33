/* uri_template.c - does a URI look like one of a template? */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/uri_template.h"

#include "base/cleanup.h"

/* One place of a template: what may stand there, and where to go on. */
enum atom_kind {
	ATOM_BYTE,    /* this byte */
	ATOM_SEGMENT, /* any but what ends a segment of a path */
	ATOM_PATH,    /* any but what ends a path */
	ATOM_VALUE,   /* any but what ends a value in a query */
	ATOM_QUERY,   /* any but what ends a query */
	ATOM_ANY,     /* any byte */
	ATOM_BEGIN,   /* `?` or `&` */
	ATOM_SKIP,    /* nothing: what follows up to `to` may be left out */
};

struct atom {
	uint8_t kind;
	bool repeats; /* any number of times, also none */
	char byte;
	uint16_t to;
};

/* Each byte of a template makes at most two places and a half: `,a` in `{?a,a}` is five. */
struct pattern {
	struct atom atoms[3 * URI_TEMPLATE_BYTES];
	size_t n;
	bool bad;
};

static void add(struct pattern *pattern, enum atom_kind kind, char byte, bool repeats)
{
	if (pattern->n >= COUNT(pattern->atoms))
		pattern->bad = true;
	else
		pattern->atoms[pattern->n++] = (struct atom){ (uint8_t)kind, repeats, byte, 0 };
}

static void add_literal(struct pattern *pattern, struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		add(pattern, ATOM_BYTE, text.p[i], false);
}

/* `{?a}`: a name, and what it is; all of it may be absent. */
static void add_pair(struct pattern *pattern, char first, struct span name, bool whole)
{
	if (whole) {
		add(pattern, first == '?' ? ATOM_BYTE : ATOM_BEGIN, first, false);
		add(pattern, ATOM_QUERY, 0, true);
		return;
	}
	add(pattern, ATOM_BEGIN, 0, false);
	add_literal(pattern, name);
	add(pattern, ATOM_BYTE, '=', false);
	add(pattern, ATOM_VALUE, 0, true);
}

static void add_optional(struct pattern *pattern, char op, struct span name, bool explode)
{
	size_t skip = pattern->n;

	add(pattern, ATOM_SKIP, 0, false);
	if (op == '?' || op == '&') {
		add_pair(pattern, op, name, explode);
	} else {
		add(pattern, ATOM_BYTE, op, false);
		if (op == '#')
			add(pattern, ATOM_ANY, 0, true);
		else
			add(pattern, op == '/' && explode ? ATOM_PATH : ATOM_SEGMENT, 0, true);
	}
	if (!pattern->bad)
		pattern->atoms[skip].to = (uint16_t)pattern->n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
		      c == '.' || c == '%' || c == '-'))
			return false;
	}
	return name.n > 0;
}

/* Takes `*` or `:3` from the end of a variable. False: it is none of RFC 6570. */
static bool cut_modifier(struct span *name, bool *explode)
{
	struct span rest = *name;

	*explode = span_ends(*name, S("*"));
	if (*explode)
		*name = span_first(*name, name->n - 1);
	else
		*name = span_cut(&rest, ':');
	for (size_t i = 0; !*explode && i < rest.n; i++)
		if (!is_digit(rest.p[i]))
			return false;
	return is_name(*name);
}

static void add_expression(struct pattern *pattern, struct span inside)
{
	static const struct span operators = SPAN("+#./;?&");
	char op = inside.n && span_find(operators, inside.p[0]) < operators.n ? inside.p[0] : 0;
	enum atom_kind kind = op == '+' ? ATOM_ANY : ATOM_SEGMENT;
	bool plain = !op || op == '+';

	inside = op ? span_skip(inside, 1) : inside;
	pattern->bad |= inside.n == 0;
	while (inside.n) {
		struct span name = span_cut(&inside, ',');
		bool explode;

		if (!cut_modifier(&name, &explode))
			pattern->bad = true;
		else if (!plain)
			add_optional(pattern, op, name, explode);
	}
	/* Several are joined by commas, which its bytes may be anyway. */
	if (plain) {
		add(pattern, kind, 0, false);
		add(pattern, kind, 0, true);
	}
}

static void compile(struct pattern *pattern, struct span text)
{
	pattern->n = 0;
	pattern->bad = text.n > URI_TEMPLATE_BYTES;
	while (text.n && !pattern->bad) {
		size_t open = span_find(text, '{'), close;

		pattern->bad |= span_find(span_first(text, open), '}') < open;
		add_literal(pattern, span_first(text, open));
		text = span_skip(text, open);
		if (text.n == 0)
			break;
		close = span_find(text, '}');
		if (close == text.n) {
			pattern->bad = true;
			break;
		}
		add_expression(pattern, span_of(text.p + 1, close - 1));
		text = span_skip(text, close + 1);
	}
}

bool uri_template_is_good(struct span text)
{
	struct pattern pattern;

	compile(&pattern, text);
	return !pattern.bad;
}

static bool takes(const struct atom *atom, char c)
{
	switch ((enum atom_kind)atom->kind) {
	case ATOM_BYTE:
		return c == atom->byte;
	case ATOM_SEGMENT:
		return c != '/';
	case ATOM_PATH:
		return c != '?' && c != '#';
	case ATOM_VALUE:
		return c != '&' && c != '#';
	case ATOM_QUERY:
		return c != '#';
	case ATOM_ANY:
		return true;
	case ATOM_BEGIN:
		return c == '?' || c == '&';
	case ATOM_SKIP:
		break;
	}
	return false;
}

/* The places of a pattern that may come next: none before `low`, none after `high`. */
struct front {
	bool at[3 * URI_TEMPLATE_BYTES + 1];
	size_t low, high;
};

/* What may be left out is. Ways lead forward only, so that one walk finds all. */
static void close_over(struct front *front, const struct pattern *pattern)
{
	for (size_t i = front->low; i <= front->high && i < pattern->n; i++) {
		const struct atom *atom = &pattern->atoms[i];
		bool skips = atom->kind == ATOM_SKIP;

		if (!front->at[i] || !(skips || atom->repeats))
			continue;
		front->at[i + 1] = true;
		if (skips)
			front->at[atom->to] = true;
		if (front->high < i + 1)
			front->high = i + 1;
		if (skips && front->high < atom->to)
			front->high = atom->to;
	}
}

static void move(const struct front *from, struct front *to, const struct pattern *pattern, char c)
{
	memset(to->at + to->low, 0, to->high - to->low + 1);
	to->low = pattern->n + 1;
	to->high = 0;
	for (size_t i = from->low; i <= from->high && i < pattern->n; i++) {
		size_t next = pattern->atoms[i].repeats ? i : i + 1;

		if (!from->at[i] || !takes(&pattern->atoms[i], c))
			continue;
		to->at[next] = true;
		to->low = next < to->low ? next : to->low;
		to->high = next > to->high ? next : to->high;
	}
}

static bool run(const struct pattern *pattern, struct span uri, size_t *steps)
{
	struct front fronts[2] = { 0 };
	unsigned now = 0;

	fronts[0].at[0] = true;
	close_over(&fronts[0], pattern);
	for (size_t i = 0; i < uri.n; i++, now ^= 1) {
		const struct front *from = &fronts[now];
		size_t cost = from->high - from->low + 1;

		if (*steps < cost) {
			*steps = 0;
			return false;
		}
		*steps -= cost;
		move(from, &fronts[now ^ 1], pattern, uri.p[i]);
		if (fronts[now ^ 1].low > pattern->n)
			return false;
		close_over(&fronts[now ^ 1], pattern);
	}
	return fronts[now].at[pattern->n];
}

bool uri_template_matches(struct span text, struct span uri, size_t *steps)
{
	struct span literal = span_first(text, span_find(text, '{'));
	struct pattern pattern;

	if (text.n > URI_TEMPLATE_BYTES || uri.n > URI_TEMPLATE_URI_BYTES || !span_starts(uri, literal) ||
	    span_find(literal, '}') < literal.n)
		return false;
	/* So much for its looks at every byte of the template. */
	if (*steps < text.n) {
		*steps = 0;
		return false;
	}
	*steps -= text.n;
	compile(&pattern, span_skip(text, literal.n));
	return !pattern.bad && run(&pattern, span_skip(uri, literal.n), steps);
}
