/* parse.c - one pass over a text: checks everything, writes the tape. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "json/hash.h"
#include "json/order.h"
#include "json/run.h"
#include "json/string.h"
#include "json/tape.h"

#define COLD __attribute__((cold, noinline))
#define APART __attribute__((noinline))
/* Not zeroed by the build's hardening: a kilobyte for each text. */
#define UNSET __attribute__((uninitialized))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum {
	FIRST_TOKENS = 64,
	/*
	 * Up to so many names, a new one is compared with those before it where the filter cannot
	 * exclude it; an object with more is checked when it closes. Either way no choice of names
	 * makes the work grow with the square of their number.
	 */
	FEW_NAMES = 32,
	NO_BYTE = 256, /* what stands at the end of the text */
};

/* An open container. */
struct frame {
	uint64_t filter; /* object: one bit a name's hash, set where one was seen */
	uint32_t token;
	uint32_t count;
	unsigned closing; /* the byte that closes it */
};

/*
 * The state of one pass. The place in the text is not here but handed from function to function,
 * so that it stays in a register; NULL says that the text was refused.
 */
struct pass {
	const char *start, *end;
	struct json_token *tokens;
	uint32_t n, cap;
	uint32_t depth;
	bool spaced;
	struct json *json;
	struct frame frames[JSON_DEPTH];
};

COLD static const char *refuse(struct pass *pass, enum json_reason reason, const char *at)
{
	pass->json->reason = reason;
	pass->json->reason_off = (uint32_t)(at - pass->start);
	return NULL;
}

/* Something else than what must stand at `p`: a wrong byte, or the end. */
COLD static const char *refuse_here(struct pass *pass, enum json_reason reason, const char *p)
{
	return refuse(pass, p == pass->end ? JSON_CUT : reason, p);
}

SCAN unsigned peek(const struct pass *pass, const char *p)
{
	return LIKELY(p < pass->end) ? (unsigned char)*p : (unsigned)NO_BYTE;
}

SCAN uint32_t offset_of(const struct pass *pass, const char *p)
{
	return (uint32_t)(p - pass->start);
}

SCAN const char *skip(struct pass *pass, const char *p, const bool wide)
{
	const char *after;

	if (LIKELY(peek(pass, p) > ' '))
		return p;
	after = scan_space(p, pass->end, wide);
	pass->spaced |= after != p;
	return after;
}

COLD static bool grow(struct pass *pass, const char *p)
{
	uint32_t cap = pass->cap ? pass->cap * 2 : FIRST_TOKENS;
	struct json_token *tokens;

	if (pass->n >= JSON_TOKENS) {
		(void)refuse(pass, JSON_TOO_BIG, p);
		return false;
	}
	tokens = realloc(pass->tokens, cap * sizeof *tokens);
	if (!tokens) {
		(void)refuse(pass, JSON_NO_MEMORY, p);
		return false;
	}
	pass->json->tokens = pass->tokens = tokens;
	pass->json->cap = pass->cap = cap;
	return true;
}

/* Room for the token that begins at `p`, not yet filled in; NULL where the text was refused. */
SCAN struct json_token *add(struct pass *pass, const char *p)
{
	if (UNLIKELY(pass->n == pass->cap) && !grow(pass, p))
		return NULL;
	return &pass->tokens[pass->n++];
}

/* Fills in the last token, which goes from `p` to before `end`. */
SCAN void fill(const struct pass *pass, struct json_token *token, enum json_type type, const char *p,
	       const char *end)
{
	*token = (struct json_token){
		.off = offset_of(pass, p),
		.end = offset_of(pass, end),
		.next = pass->n,
		.type = (uint8_t)type,
	};
}

/* One past the sequence that begins at `p`; its first byte is 0x80 or more. */
static const char *read_sequence(struct pass *pass, const char *p)
{
	unsigned lead = (unsigned char)*p, low = 0x80, high = 0xbf;
	int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;

	if (lead < 0xc2 || lead > 0xf4)
		return refuse(pass, JSON_BAD_UTF8, p);
	if (lead == 0xe0)
		low = 0xa0; /* else it had fitted in two bytes */
	else if (lead == 0xed)
		high = 0x9f; /* surrogates */
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f; /* past U+10FFFF */
	for (int i = 1; i <= more; i++) {
		unsigned c = peek(pass, p + i);

		if (UNLIKELY(c < low || c > high))
			return c == NO_BYTE ? refuse(pass, JSON_CUT, p + i) : refuse(pass, JSON_BAD_UTF8, p);
		low = 0x80;
		high = 0xbf;
	}
	return p + more + 1;
}

/* Four bytes as a little-endian number. */
SCAN uint32_t load_four(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap32(word);
#endif
	return word;
}

/* Past the sequences of three bytes that need no second look. */
SCAN const char *read_threes(const char *p, const char *end)
{
	while (end - p >= 4) {
		uint32_t word = load_four(p), lead = word & 0xff;

		if ((word & 0xc0c0f0) != 0x8080e0 || lead == 0xe0 || lead == 0xed)
			break;
		p += 3;
	}
	return p;
}

/* Past all bytes of 0x80 and more that begin at `p`. */
APART static const char *read_high(struct pass *pass, const char *p)
{
	while (p && p < pass->end && (unsigned char)*p >= 0x80) {
		const char *after = read_threes(p, pass->end);

		p = after != p ? after : read_sequence(pass, p);
	}
	return p;
}

static int hex_digit(unsigned c)
{
	if (c >= '0' && c <= '9')
		return (int)c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (int)(c | 0x20) - 'a' + 10;
	return -1;
}

/* Reads \uXXXX at `p` (the backslash and the u are seen). */
static const char *read_unit(struct pass *pass, const char *p, unsigned *unit)
{
	*unit = 0;
	for (int i = 2; i < 6; i++) {
		unsigned c = peek(pass, p + i);
		int digit = hex_digit(c);

		if (digit < 0)
			return c == NO_BYTE ? refuse(pass, JSON_CUT, p + i)
					    : refuse(pass, JSON_BAD_ESCAPE, p);
		*unit = *unit << 4 | (unsigned)digit;
	}
	return p + 6;
}

/* The second half of a pair whose first half is the escape at `first`. */
static const char *read_second_half(struct pass *pass, const char *first)
{
	const char *p = first + 6;
	unsigned unit;

	if (p == pass->end || (*p == '\\' && p + 1 == pass->end))
		return refuse(pass, JSON_CUT, pass->end);
	if (*p != '\\' || p[1] != 'u')
		return refuse(pass, JSON_LONE_SURROGATE, first);
	p = read_unit(pass, p, &unit);
	if (!p)
		return NULL;
	if (unit < 0xdc00 || unit > 0xdfff)
		return refuse(pass, JSON_LONE_SURROGATE, first);
	return p;
}

/* One past the escape, not of one letter, whose backslash is at `p`. */
APART static const char *read_long_escape(struct pass *pass, const char *p)
{
	unsigned c = peek(pass, p + 1), unit;
	const char *after;

	if (c != 'u')
		return c == NO_BYTE ? refuse(pass, JSON_CUT, p + 1) : refuse(pass, JSON_BAD_ESCAPE, p);
	after = read_unit(pass, p, &unit);
	if (!after || unit < 0xd800 || unit > 0xdfff)
		return after;
	return unit < 0xdc00 ? read_second_half(pass, p) : refuse(pass, JSON_LONE_SURROGATE, p);
}

/* Past the escapes that begin at `p`: where there is one, often another follows. */
SCAN const char *read_escapes(struct pass *pass, const char *p)
{
	do {
		p = LIKELY(run_short_escapes[peek(pass, p + 1)]) ? p + 2 : read_long_escape(pass, p);
	} while (p && peek(pass, p) == '\\');
	return p;
}

#ifdef __SSE2__
APART static const char *read_runs(const char *p, const char *end, bool *escaped)
{
	return run_past(p, end, escaped);
}
#endif

/* To the first byte from `p` that is neither plain nor part of an escape of one letter; or before that. */
SCAN const char *read_easy(const struct pass *pass, const char *p, bool *escaped, const bool wide)
{
#ifdef __SSE2__
	for (unsigned i = 0; wide && i < 2 && pass->end - p >= 16; i++) {
		unsigned hit = scan_special_mask(p, true);

		if (hit && p[__builtin_ctz(hit)] != '\\')
			return p + __builtin_ctz(hit);
		if (hit)
			break;
		p += 16;
	}
	if (wide && pass->end - p >= RUN_BYTES)
		p = read_runs(p, pass->end, escaped);
#else
	(void)escaped;
#endif
	return scan_plain(p, pass->end, true, wide);
}

/* One past the closing quote of the string whose opening quote is before `p`. */
SCAN const char *read_string(struct pass *pass, const char *p, bool *escaped, const bool wide)
{
	*escaped = false;
	for (;;) {
		unsigned c;

		p = read_easy(pass, p, escaped, wide);
		c = peek(pass, p);
		if (LIKELY(c == '"'))
			return p + 1;
		if (c == '\\') {
			*escaped = true;
			p = read_escapes(pass, p);
		} else if (c >= 0x80 && c != NO_BYTE) {
			p = read_high(pass, p);
		} else {
			return refuse_here(pass, JSON_CONTROL, p);
		}
		if (UNLIKELY(!p))
			return NULL;
	}
}

/* Does a name of the innermost object before `name` decode to the same? */
APART static bool is_repeated(const struct json *json, json_at object, json_at name)
{
	for (json_at k = object + 1; k != name; k = json->tokens[k + 1].next) {
		if (json->tokens[k].hash == json->tokens[name].hash &&
		    json_string_compare(json, k, json, name, JSON_BY_BYTES) == 0)
			return true;
	}
	return false;
}

/* The last token is a name: is it the first of its kind, as far as is to be seen before the end? */
SCAN bool is_new_name(struct pass *pass, struct frame *frame, uint32_t hash)
{
	uint64_t bit = (uint64_t)1 << (hash >> 26);

	if (LIKELY(!(frame->filter & bit))) {
		frame->filter |= bit;
		return true;
	}
	return frame->count > FEW_NAMES || !is_repeated(pass->json, frame->token, pass->n - 1);
}

SCAN uint32_t hash_name(const struct pass *pass, const char *p, size_t n, bool escaped)
{
	return LIKELY(!escaped) ? hash_text(p, n, pass->end) : json_escaped_hash(span_of(p, n));
}

/* A name at `p`, its colon, and the white space around that: to where the value must begin. */
SCAN const char *read_name(struct pass *pass, const char *p, const bool wide)
{
	struct frame *frame = &pass->frames[pass->depth - 1];
	const char *start = p;
	struct json_token *token;
	bool escaped;

	if (UNLIKELY(peek(pass, p) != '"'))
		return refuse_here(pass, JSON_SYNTAX, p);
	if (UNLIKELY(frame->count++ == JSON_KEYS))
		return refuse(pass, JSON_TOO_BIG, p);
	token = add(pass, p);
	if (UNLIKELY(!token))
		return NULL;
	p = read_string(pass, p + 1, &escaped, wide);
	if (UNLIKELY(!p))
		return NULL;
	fill(pass, token, JSON_STRING, start, p);
	token->escaped = escaped;
	token->is_key = 1;
	token->hash = hash_name(pass, start + 1, (size_t)(p - start) - 2, escaped);
	if (UNLIKELY(!is_new_name(pass, frame, token->hash)))
		return refuse(pass, JSON_DUPLICATE_KEY, start);
	p = skip(pass, p, wide);
	if (UNLIKELY(peek(pass, p) != ':'))
		return refuse_here(pass, JSON_SYNTAX, p);
	return skip(pass, p + 1, wide);
}

SCAN const char *open_container(struct pass *pass, const char *p, enum json_type type)
{
	struct json_token *token;

	if (UNLIKELY(pass->depth == JSON_DEPTH))
		return refuse(pass, JSON_TOO_DEEP, p);
	token = add(pass, p);
	if (UNLIKELY(!token))
		return NULL;
	fill(pass, token, type, p, p);
	pass->frames[pass->depth++] = (struct frame){
		.token = pass->n - 1,
		.closing = type == JSON_OBJECT ? '}' : ']',
	};
	return p + 1;
}

/* The first name of a large object that repeats an earlier one is refused; else `p`. */
APART static const char *check_names(struct pass *pass, json_at object, const char *p)
{
	json_at name;

	if (!json_find_repeated(pass->json, object, &name))
		return refuse(pass, JSON_NO_MEMORY, p);
	if (name == JSON_NONE)
		return p;
	return refuse(pass, JSON_DUPLICATE_KEY, pass->start + pass->tokens[name].off);
}

/* Closes the innermost container, whose bracket is at `p`. */
SCAN const char *close_container(struct pass *pass, const char *p)
{
	struct frame *frame = &pass->frames[--pass->depth];
	struct json_token *token = &pass->tokens[frame->token];

	token->end = offset_of(pass, p + 1);
	token->next = pass->n;
	token->count = frame->count;
	if (UNLIKELY(frame->count > FEW_NAMES && frame->closing == '}'))
		return check_names(pass, frame->token, p + 1);
	return p + 1;
}

SCAN bool is_digit(unsigned c)
{
	return c - '0' <= 9;
}

/* One or more digits. */
SCAN const char *read_digits(struct pass *pass, const char *p)
{
	const char *end = pass->end;

	if (UNLIKELY(!is_digit(peek(pass, p))))
		return refuse_here(pass, JSON_BAD_NUMBER, p);
	do {
		p++;
	} while (p < end && is_digit((unsigned char)*p));
	return p;
}

APART static const char *read_exponent(struct pass *pass, const char *p)
{
	unsigned c = peek(pass, ++p);

	return read_digits(pass, p + (c == '+' || c == '-'));
}

SCAN const char *read_number(struct pass *pass, const char *p)
{
	struct json_token *token = add(pass, p);
	const char *start = p;

	if (UNLIKELY(!token))
		return NULL;
	p += *p == '-';
	if (peek(pass, p) == '0') {
		if (UNLIKELY(is_digit(peek(pass, ++p))))
			return refuse(pass, JSON_BAD_NUMBER, p);
	} else {
		p = read_digits(pass, p);
	}
	if (p && peek(pass, p) == '.')
		p = read_digits(pass, p + 1);
	if (p && (peek(pass, p) | 0x20) == 'e')
		p = read_exponent(pass, p);
	if (LIKELY(p))
		fill(pass, token, JSON_NUMBER, start, p);
	return p;
}

SCAN const char *read_word(struct pass *pass, const char *p, enum json_type type, struct span word)
{
	struct json_token *token = add(pass, p);

	if (UNLIKELY(!token))
		return NULL;
	for (size_t i = 1; i < word.n; i++) {
		if (UNLIKELY(peek(pass, p + i) != (unsigned char)word.p[i]))
			return refuse_here(pass, JSON_SYNTAX, p + i);
	}
	fill(pass, token, type, p, p + word.n);
	return p + word.n;
}

SCAN const char *read_text_value(struct pass *pass, const char *p, const bool wide)
{
	struct json_token *token = add(pass, p);
	const char *start = p;
	bool escaped;

	if (UNLIKELY(!token))
		return NULL;
	p = read_string(pass, p + 1, &escaped, wide);
	if (UNLIKELY(!p))
		return NULL;
	fill(pass, token, JSON_STRING, start, p);
	token->escaped = escaped;
	return p;
}

/* A value that is no container. */
SCAN const char *read_scalar(struct pass *pass, const char *p, const bool wide)
{
	unsigned c = peek(pass, p);

	if (c == '"')
		return read_text_value(pass, p, wide);
	if (is_digit(c) || c == '-')
		return read_number(pass, p);
	if (c == 't')
		return read_word(pass, p, JSON_TRUE, S("true"));
	if (c == 'f')
		return read_word(pass, p, JSON_FALSE, S("false"));
	if (c == 'n')
		return read_word(pass, p, JSON_NULL, S("null"));
	return refuse_here(pass, JSON_SYNTAX, p);
}

/*
 * After a complete value: closes what closes here, then goes past the comma (and the next name)
 * to where the next value must begin. With depth 0 the text's value is complete.
 */
SCAN const char *read_after(struct pass *pass, const char *p, const bool wide)
{
	while (LIKELY(p) && pass->depth > 0) {
		struct frame *frame = &pass->frames[pass->depth - 1];
		bool in_object = frame->closing == '}';
		unsigned c;

		p = skip(pass, p, wide);
		c = peek(pass, p);
		frame->count += !in_object;
		if (c == ',') {
			p = skip(pass, p + 1, wide);
			return in_object ? read_name(pass, p, wide) : p;
		}
		if (UNLIKELY(c != frame->closing))
			return refuse_here(pass, JSON_SYNTAX, p);
		p = close_container(pass, p);
	}
	return p;
}

/*
 * Goes into the container at `p`: to where its first value must begin, or past its end where it
 * is empty; then `*empty` is set.
 */
SCAN const char *read_open(struct pass *pass, const char *p, bool *empty, const bool wide)
{
	bool object = *p == '{';

	p = open_container(pass, p, object ? JSON_OBJECT : JSON_ARRAY);
	if (UNLIKELY(!p))
		return NULL;
	p = skip(pass, p, wide);
	*empty = peek(pass, p) == (object ? '}' : ']');
	if (*empty)
		return close_container(pass, p);
	return object ? read_name(pass, p, wide) : p;
}

/* The whole value that begins at `p`, however deep. */
SCAN const char *read_value(struct pass *pass, const char *p, const bool wide)
{
	do {
		unsigned c = peek(pass, p);
		bool complete = true;

		if (c == '{' || c == '[')
			p = read_open(pass, p, &complete, wide);
		else
			p = read_scalar(pass, p, wide);
		if (complete)
			p = read_after(pass, p, wide);
	} while (LIKELY(p) && pass->depth > 0);
	return p;
}

/* White space before and after the value is none between tokens: `spaced` is about the rest. */
SCAN bool read_text(struct pass *pass, const bool wide)
{
	const char *p = scan_space(pass->start, pass->end, wide);

	if (p == pass->end)
		p = refuse(pass, JSON_EMPTY, p);
	else
		p = read_value(pass, p, wide);
	if (!p)
		return false;
	p = scan_space(p, pass->end, wide);
	if (p != pass->end)
		p = refuse(pass, JSON_TRAILING, p);
	return p != NULL;
}

static bool fits(struct json *json, struct span src, size_t max_bytes)
{
	json->src = src.p ? src : S("");
	json->n = 0;
	json->compact = false;
	json->reason = JSON_OK;
	json->reason_off = 0;
	if (max_bytes >= UINT32_MAX)
		max_bytes = UINT32_MAX - 1;
	if (src.n <= max_bytes)
		return true;
	json->reason = JSON_TOO_BIG;
	json->reason_off = (uint32_t)max_bytes;
	return false;
}

/* The frames are left as they are: each is written when it is opened. */
SCAN void begin(struct pass *pass, struct json *json)
{
	/* A text never has more tokens than bytes, so that memory would only lie about. */
	if (UNLIKELY(json->cap > JSON_KEEP_TOKENS && json->cap > json->src.n)) {
		free(json->tokens);
		json->tokens = NULL;
		json->cap = 0;
	}
	pass->start = json->src.p;
	pass->end = json->src.p + json->src.n;
	pass->tokens = json->tokens;
	pass->n = 0;
	pass->cap = json->cap;
	pass->depth = 0;
	pass->spaced = false;
	pass->json = json;
}

static bool finish(struct json *json, const struct pass *pass, bool accepted)
{
	json->compact = accepted && !pass->spaced;
	json->n = accepted ? pass->n : 0;
	return accepted;
}

bool json_parse(struct json *json, struct span src, size_t max_bytes)
{
	struct pass pass UNSET;

	if (!fits(json, src, max_bytes))
		return false;
	begin(&pass, json);
	return finish(json, &pass, read_text(&pass, true));
}

bool json_parse_scalar(struct json *json, struct span src, size_t max_bytes)
{
	struct pass pass UNSET;

	if (!fits(json, src, max_bytes))
		return false;
	begin(&pass, json);
	return finish(json, &pass, read_text(&pass, false));
}
