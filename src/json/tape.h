/* tape.h - strict JSON as a flat tape of tokens that point into the source. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/*
 * One value, or one member name (a JSON_STRING whose value is the next token). A container's
 * children follow it; `next` is the token after the whole value, so a sibling is one step away.
 * In an object, name and value tokens alternate.
 */
struct json_token {
	uint32_t off;	 /* first byte in the source; a string's opening quote */
	uint32_t end;	 /* one past the last byte; a string's closing quote is included */
	uint32_t next;	 /* index of the token after this value and its children */
	uint32_t count;	 /* members or elements of a container */
	uint8_t type;	 /* enum json_type */
	uint8_t escaped; /* string: holds at least one backslash */
	uint8_t is_key;	 /* string: is a member name */
	uint8_t reserved;
	uint32_t hash; /* string used as a name: hash of its decoded bytes; else 0 */
};

enum json_limit {
	JSON_DEPTH = 64,
	JSON_KEYS = 4096,	    /* members of one object */
	JSON_TOKENS = 1 << 20,	    /* tokens of one text */
	JSON_KEEP_TOKENS = 1 << 14, /* memory kept from one text to the next */
};

enum json_reason {
	JSON_OK = 0,
	JSON_EMPTY,    /* no value at all */
	JSON_SYNTAX,   /* a character that cannot stand here */
	JSON_CUT,      /* the text ends inside a value */
	JSON_TRAILING, /* something after the value */
	JSON_BAD_NUMBER,
	JSON_BAD_ESCAPE,
	JSON_CONTROL, /* a raw control character in a string */
	JSON_BAD_UTF8,
	JSON_LONE_SURROGATE,
	JSON_DUPLICATE_KEY,
	JSON_TOO_DEEP,
	JSON_TOO_BIG, /* size, tokens or keys over the limit */
	JSON_NO_MEMORY,
};

/*
 * A parsed text. Reused from text to text: memory is kept up to JSON_KEEP_TOKENS. Zero is legal
 * and empty. The source is borrowed and must live and stay unchanged while the tape is read.
 */
struct json {
	struct span src;
	struct json_token *tokens;
	uint32_t n, cap;
	bool compact;		 /* no white space between tokens: a value's source is its emission */
	enum json_reason reason; /* why the last parse failed */
	uint32_t reason_off;	 /* where, in bytes; see json_parse() */
};

/* A value of a tape: an index, for json_* below. The root is 0. */
typedef uint32_t json_at;
#define JSON_NONE ((json_at)UINT32_MAX)

/*
 * Parses one JSON text (RFC 8259), strictly: UTF-8 without BOM, no lone surrogates in escapes, no
 * duplicate names (compared after decoding), at most JSON_DEPTH deep, at most `max_bytes` long
 * (and never 4 GiB or more). No recursion.
 *
 * Errors: false; json->reason and json->reason_off say what and where, and the tape is empty. The
 *         place is the first byte that cannot stand where it does; of a bad escape, a lone
 *         surrogate and bad UTF-8 the first byte of the whole escape or sequence; of a name that
 *         occurs twice the second one's quote; of a text that is cut off, or empty, its end.
 *         A large object's names are compared when it closes.
 */
bool json_parse(struct json *json, struct span src, size_t max_bytes) MUST_CHECK;

/* The twin without SSE2, always built: the tests hold both together. */
bool json_parse_scalar(struct json *json, struct span src, size_t max_bytes) MUST_CHECK;

void json_release(struct json *json);

/* A plain English sentence part for a reason: "a name occurs twice in one object". */
const char *json_reason_text(enum json_reason reason);

static inline enum json_type json_type_of(const struct json *json, json_at at)
{
	return (enum json_type)json->tokens[at].type;
}
static inline bool json_is(const struct json *json, json_at at, enum json_type type)
{
	return at != JSON_NONE && json->tokens[at].type == (uint8_t)type;
}

/* The exact source of a value, quotes and children included. */
static inline struct span json_raw(const struct json *json, json_at at)
{
	const struct json_token *t = &json->tokens[at];

	return span_of(json->src.p + t->off, t->end - t->off);
}

/* A string's source between its quotes; still escaped where the token says so. */
static inline struct span json_string_raw(const struct json *json, json_at at)
{
	const struct json_token *t = &json->tokens[at];

	return span_of(json->src.p + t->off + 1, t->end - t->off - 2U);
}

/* First child of a container, JSON_NONE where it is empty. In an object: the first name. */
json_at json_first(const struct json *json, json_at container);
/* Next element after `element` in its array; JSON_NONE at the end (`container` is needed for it). */
json_at json_next(const struct json *json, json_at container, json_at element);

/*
 * Walks an object: for (json_at k = json_first(j, o); k != JSON_NONE; k = json_next_key(j, o, k))
 * the value of name k is k + 1.
 */
json_at json_next_key(const struct json *json, json_at object, json_at key);

/* The hash a name token has whose decoded bytes are `text`; for tables of names. */
uint32_t json_hash(struct span text);

/* The value of a member by its decoded name; JSON_NONE where absent or `object` is none. */
json_at json_get(const struct json *json, json_at object, struct span name);

/* Does the string at `at` (a value or a name) decode to exactly `text`? */
bool json_string_is(const struct json *json, json_at at, struct span text);

/*
 * The decoded bytes of a string (no quotes, escapes resolved, UTF-8). Borrowed from the source
 * where nothing is escaped, else appended to `scratch` and borrowed from there: reserve first or
 * use one scratch a string, for growing moves it. p == NULL where scratch's ceiling was hit.
 */
struct span json_string(const struct json *json, json_at at, struct buf *scratch);

/* The string decoded and added to `out`. */
void json_string_add(const struct json *json, json_at at, struct buf *out);

/* A number that is an integer in range (also 1e2 and 42.0); false otherwise. */
bool json_i64(const struct json *json, json_at at, int64_t *out);
bool json_u64(const struct json *json, json_at at, uint64_t *out);

/* Are two values equal as JSON (numbers by exact decimal value, names in any order)? */
bool json_equal(const struct json *a, json_at at, const struct json *b, json_at bt);
