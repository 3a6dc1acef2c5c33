/* redact.c - what must not stand in a record. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/redact.h"

#include "base/cleanup.h"

enum {
	NAME_LOOK_BYTES = 96, /* of a name, letters and digits only */
	MARKED_RUN = 12,      /* the shortest secret with a mark */
	LONG_RUN = 32,	      /* characters from which on mixture counts */
	HEX_DISTINCT = 6,
	MIXED_DISTINCT = 14,
	AUTH_VALUE = 16,
};

/* Two letters as one number: what most words are ruled out by. */
#define PAIR(a, b) ((unsigned)(unsigned char)(a) << 8 | (unsigned char)(b))

/* Anywhere in a name. Each begins with a pair of may_be_word(). */
static const struct span words[] = {
	SPAN("password"),   SPAN("passwd"),	   SPAN("passphrase"), SPAN("passcode"),
	SPAN("secret"),	    SPAN("apikey"),	   SPAN("accesskey"),  SPAN("privatekey"),
	SPAN("signingkey"), SPAN("encryptionkey"), SPAN("masterkey"),  SPAN("authkey"),
	SPAN("sshkey"),	    SPAN("authorization"), SPAN("cookie"),     SPAN("credential"),
	SPAN("bearer"),	    SPAN("token"),	   SPAN("sessionid"),  SPAN("connectionstring"),
};

static bool may_be_word(const char *p)
{
	switch (PAIR(p[0], p[1])) {
	case PAIR('p', 'a'):
	case PAIR('p', 'r'):
	case PAIR('s', 'e'):
	case PAIR('s', 'i'):
	case PAIR('s', 's'):
	case PAIR('a', 'p'):
	case PAIR('a', 'c'):
	case PAIR('a', 'u'):
	case PAIR('e', 'n'):
	case PAIR('m', 'a'):
	case PAIR('c', 'o'):
	case PAIR('c', 'r'):
	case PAIR('b', 'e'):
	case PAIR('t', 'o'):
		return true;
	default:
		return false;
	}
}

/* The whole name. */
static const struct span whole_names[] = {
	SPAN("pwd"), SPAN("pw"),  SPAN("pass"), SPAN("auth"),
	SPAN("otp"), SPAN("jwt"), SPAN("dsn"),	SPAN("creds"),
};

enum { UPPER = 1, LOWER = 2, DIGIT = 4, HEX = 8, OTHER = 16 };
#define ALNUM (UPPER | LOWER | DIGIT)

/* What a run is made of: letters, digits, and what keys, tokens and base64 have between them. */
static const uint8_t kinds[256] = {
	['0' ... '9'] = DIGIT | HEX,
	['A' ... 'F'] = UPPER | HEX,
	['G' ... 'Z'] = UPPER,
	['a' ... 'f'] = LOWER | HEX,
	['g' ... 'z'] = LOWER,
	['_'] = OTHER,
	['-'] = OTHER,
	['+'] = OTHER,
	['/'] = OTHER,
	['.'] = OTHER,
};

static uint8_t kind_of(char c)
{
	return kinds[(unsigned char)c];
}

/* Lower-case letters and digits of a name. */
static struct span squeeze(struct span name, char out[NAME_LOOK_BYTES])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < NAME_LOOK_BYTES; i++) {
		uint8_t kind = kind_of(name.p[i]);

		if (kind & UPPER)
			out[n++] = (char)(name.p[i] | 0x20);
		else if (kind & ALNUM)
			out[n++] = name.p[i];
	}
	return span_of(out, n);
}

static bool holds_word(struct span squeezed)
{
	for (size_t i = 0; i + 5 <= squeezed.n; i++) {
		if (!may_be_word(squeezed.p + i))
			continue;
		for (size_t w = 0; w < COUNT(words); w++)
			if (span_starts(span_skip(squeezed, i), words[w]))
				return true;
	}
	return false;
}

bool redact_is_secret_name(struct span name)
{
	char store[NAME_LOOK_BYTES];
	struct span squeezed = squeeze(name, store);

	if (squeezed.n >= 5 && holds_word(squeezed))
		return true;
	if (squeezed.n > 5)
		return false;
	for (size_t i = 0; i < COUNT(whole_names); i++)
		if (squeezed.n > 1 && squeezed.p[0] == whole_names[i].p[0] &&
		    span_eq(squeezed, whole_names[i]))
			return true;
	return false;
}

bool redact_is_count_name(struct span name)
{
	static const struct span counts[] = { SPAN("tokens"), SPAN("tokencount"), SPAN("tokenlimit"),
					      SPAN("tokenbudget") };
	char store[NAME_LOOK_BYTES];
	struct span squeezed = squeeze(name, store);

	for (size_t i = 0; i < COUNT(counts); i++)
		if (span_ends(squeezed, counts[i]))
			return true;
	return false;
}

/* Marks that issuers put in front of their secrets; `n` is how long the whole is at least. */
static const struct {
	struct span mark;
	size_t n;
} marks[] = {
	{ SPAN("ghp_"), 20 },	  { SPAN("gho_"), 20 },	    { SPAN("ghu_"), 20 },
	{ SPAN("ghs_"), 20 },	  { SPAN("ghr_"), 20 },	    { SPAN("github_pat_"), 20 },
	{ SPAN("glpat-"), 16 },	  { SPAN("sk-"), 19 },	    { SPAN("sk_live_"), 16 },
	{ SPAN("sk_test_"), 16 }, { SPAN("rk_live_"), 16 }, { SPAN("xoxa-"), 12 },
	{ SPAN("xoxb-"), 12 },	  { SPAN("xoxp-"), 12 },    { SPAN("xoxe-"), 12 },
	{ SPAN("xoxr-"), 12 },	  { SPAN("xoxs-"), 12 },    { SPAN("AKIA"), 20 },
	{ SPAN("ASIA"), 20 },	  { SPAN("AIza"), 30 },	    { SPAN("kmn_"), 20 },
	{ SPAN("npm_"), 30 },	  { SPAN("pypi-"), 30 },    { SPAN("hf_"), 30 },
	{ SPAN("dop_v1_"), 30 },  { SPAN("shpat_"), 20 },   { SPAN("ya29."), 20 },
	{ SPAN("SG."), 30 },
};

/* How a mark or a web token begins. */
static bool may_be_mark(const char *p)
{
	switch (PAIR(p[0], p[1])) {
	case PAIR('g', 'h'):
	case PAIR('g', 'i'):
	case PAIR('g', 'l'):
	case PAIR('s', 'k'):
	case PAIR('s', 'h'):
	case PAIR('r', 'k'):
	case PAIR('x', 'o'):
	case PAIR('A', 'K'):
	case PAIR('A', 'S'):
	case PAIR('A', 'I'):
	case PAIR('k', 'm'):
	case PAIR('n', 'p'):
	case PAIR('p', 'y'):
	case PAIR('h', 'f'):
	case PAIR('d', 'o'):
	case PAIR('y', 'a'):
	case PAIR('S', 'G'):
	case PAIR('e', 'y'):
		return true;
	default:
		return false;
	}
}

static bool starts_with_mark(struct span s)
{
	for (size_t i = 0; i < COUNT(marks); i++)
		if (s.n >= marks[i].n && span_starts(s, marks[i].mark))
			return true;
	return false;
}

/* eyJ, and two dots with something after each: header.payload.signature */
static bool starts_with_jwt(struct span s)
{
	struct span head, payload;

	if (!span_starts(s, S("eyJ")))
		return false;
	head = span_cut(&s, '.');
	payload = span_cut(&s, '.');
	return head.n >= 8 && payload.n >= 8 && s.n > 0;
}

/* A mark counts where a word begins. */
static bool holds_mark(struct span run)
{
	if (run.n < MARKED_RUN)
		return false;
	for (size_t i = 0; i + MARKED_RUN <= run.n; i++) {
		if ((i > 0 && (kind_of(run.p[i - 1]) & ALNUM)) || !may_be_mark(run.p + i))
			continue;
		if (starts_with_mark(span_skip(run, i)) || starts_with_jwt(span_skip(run, i)))
			return true;
	}
	return false;
}

static bool is_uuid(struct span run)
{
	if (run.n != 36)
		return false;
	for (size_t i = 0; i < run.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? run.p[i] != '-' : !(kind_of(run.p[i]) & HEX))
			return false;
	}
	return true;
}

struct mixture {
	uint8_t all, common; /* kinds that occur; kinds that every character has */
	size_t changes;	     /* between upper case, lower case and digit */
	size_t distinct;
};

static struct mixture mix_of(struct span run)
{
	struct mixture mix = { .common = 0xff };
	uint64_t seen[2] = { 0 };
	uint8_t last = 0;

	for (size_t i = 0; i < run.n; i++) {
		unsigned char c = (unsigned char)run.p[i];
		uint8_t kind = kinds[c] & ALNUM;

		mix.all |= kinds[c];
		mix.common &= kinds[c];
		mix.changes += kind && last && kind != last;
		last = kind ? kind : last;
		seen[c >> 6 & 1] |= 1ULL << (c & 63);
	}
	mix.distinct = (size_t)(__builtin_popcountll(seen[0]) + __builtin_popcountll(seen[1]));
	return mix;
}

/*
 * Random text changes between upper case, lower case and digits at more than every second step (at
 * two of five where one case is missing); words, paths, dates and camelCase seldom do.
 */
static bool is_random(struct span run)
{
	struct mixture mix;

	if (run.n < LONG_RUN || is_uuid(run))
		return false;
	mix = mix_of(run);
	if (mix.common & HEX)
		return (mix.all & DIGIT) && (mix.all & (UPPER | LOWER)) && mix.distinct >= HEX_DISTINCT;
	if (!(mix.all & DIGIT) || !(mix.all & (UPPER | LOWER)) || mix.distinct < MIXED_DISTINCT)
		return false;
	if ((mix.all & UPPER) && (mix.all & LOWER))
		return mix.changes * 5 >= run.n * 2;
	return mix.changes * 10 >= run.n * 3;
}

/* Base64 has a slash now and then; a path has one every few letters, and is judged part by part. */
static bool holds_random(struct span run)
{
	size_t slashes = 0, part = 0;

	if (run.n < LONG_RUN)
		return false;
	for (size_t i = 0; i < run.n; i++) {
		if (run.p[i] != '/')
			continue;
		if (i - part >= LONG_RUN && is_random(span_of(run.p + part, i - part)))
			return true;
		part = i + 1;
		slashes++;
	}
	if (part > 0 && is_random(span_skip(run, part)))
		return true;
	return slashes * 16 <= run.n && is_random(run);
}

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '\\';
}

/* Without spaces, quotes and backslashes at the front, and, where `signs`, without `=` and `:`. */
static struct span skip_gap(struct span s, bool signs)
{
	while (s.n && (is_gap(s.p[0]) || (signs && (s.p[0] == '=' || s.p[0] == ':'))))
		s = span_skip(s, 1);
	return s;
}

/* `password=x`, `"api_key": "x"`, `--token x`: a secret's name with something behind it. */
static bool is_assignment(struct span run, struct span after)
{
	struct span sign = skip_gap(after, false);

	if (run.n < 2 || !sign.n || (sign.p[0] != '=' && sign.p[0] != ':' && !span_starts(run, S("--"))))
		return false;
	return skip_gap(sign, true).n > 0 && redact_is_secret_name(run);
}

/* scheme://user:password@host; `after` begins behind the scheme. */
static bool is_login_url(struct span after)
{
	size_t colon = 0;

	if (after.p[0] != ':' || !span_starts(after, S("://")))
		return false;
	for (size_t i = 3; i < after.n; i++) {
		char c = after.p[i];

		if (c == '@')
			return colon > 0;
		if (c == '/' || c == '?' || c == '#' || c == ' ')
			return false;
		if (c == ':')
			colon = i;
	}
	return false;
}

static bool is_key_block(struct span run)
{
	return run.n >= 10 && run.p[0] == '-' && span_contains(run, S("-----BEGIN"));
}

/* `Bearer` or `Basic`, and then what is no word. */
static bool is_authorization(struct span run, struct span after)
{
	size_t n = 0;
	bool digit = false;

	if (run.n < 5 || run.n > 6 || (run.p[0] | 0x20) != 'b')
		return false;
	if (!span_eq_nocase(run, S("bearer")) && !span_eq_nocase(run, S("basic")))
		return false;
	after = skip_gap(after, false);
	for (; n < after.n && kind_of(after.p[n]); n++)
		digit = digit || (kind_of(after.p[n]) & DIGIT);
	return n >= AUTH_VALUE || (digit && n >= 6);
}

bool redact_has_secret(struct span text)
{
	size_t at = 0;

	while (at < text.n) {
		size_t start = at;
		struct span run, after;

		while (at < text.n && kind_of(text.p[at]))
			at++;
		if (at == start) {
			at++;
			continue;
		}
		run = span_of(text.p + start, at - start);
		after = span_skip(text, at);
		if (holds_mark(run) || holds_random(run) || is_key_block(run))
			return true;
		if (after.n &&
		    (is_assignment(run, after) || is_login_url(after) || is_authorization(run, after)))
			return true;
	}
	return false;
}
