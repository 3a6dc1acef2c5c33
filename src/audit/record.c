/* record.c - one line of the audit log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"

#include "audit/line.h"
#include "audit/redact.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "json/write.h"

enum {
	/* {"bytes":18446744073709551615,"blake2b":"64 digits"} */
	DIGEST_TEXT_BYTES = 9 + 20 + 12 + 64 + 2,
	REPLACED_BYTES = 2048,	/* of lengths inside one call's arguments */
	SECRET_NAME_BYTES = 12, /* a shorter name is no secret itself */
	FIXED_BYTES = 1024,	/* of a line: names, numbers, punctuation, a few digests */
};

static const struct span by_name = SPAN("{\"redacted\":\"name\"}");
static const struct span by_shape = SPAN("{\"redacted\":\"shape\"}");

/* Where a value is replaced, and by what. Lengths are written into `texts`. */
struct redaction {
	struct json_edit edits[RECORD_REDACTIONS];
	size_t n;
	char texts[REPLACED_BYTES];
	size_t texts_n;
	size_t kept; /* bytes of names and values that stay */
	char decoded[RECORD_TEXT_BYTES];
};

static void add_digest(struct line *line, struct span bytes, const uint8_t key[RECORD_KEY_BYTES])
{
	uint8_t digest[DIGEST_BYTES];

	digest_keyed(key, bytes, digest);
	line_add(line, S("{\"bytes\":"));
	line_u64(line, bytes.n);
	line_add(line, S(",\"blake2b\":\""));
	line_hex(line, digest_span(digest));
	line_add(line, S("\"}"));
}

/* What is long is measured only: the digest of all arguments stands for its bytes. */
static void add_length(struct line *line, struct span bytes)
{
	line_add(line, S("{\"bytes\":"));
	line_u64(line, bytes.n);
	line_add(line, S("}"));
}

static bool is_tail_byte(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 character at the front; 0 where there is none. */
static size_t character(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (p[0] < 0x80)
		return 1;
	if (s.n >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && is_tail_byte(p[1]))
		return 2;
	if (s.n >= 3 && (p[0] & 0xf0) == 0xe0 && is_tail_byte(p[1]) && is_tail_byte(p[2]))
		return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ? 0 : 3;
	if (s.n >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4 && is_tail_byte(p[1]) && is_tail_byte(p[2]) &&
	    is_tail_byte(p[3]))
		return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
	return 0;
}

/* May it stand in a line? Headers of clients can hold anything. */
static bool is_text(struct span s)
{
	/* Eight at a time while they are ASCII; a control character borrows into the top bit. */
	for (; s.n >= 8; s = span_skip(s, 8)) {
		uint64_t word;

		memcpy(&word, s.p, sizeof(word));
		if ((word | (word - 0x2020202020202020ULL)) & 0x8080808080808080ULL)
			break;
	}
	while (s.n) {
		size_t n = (unsigned char)s.p[0] < 0x20 ? 0 : character(s);

		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

/* False where there are too many. */
static bool add_edit(struct redaction *redaction, json_at at, struct span bytes)
{
	if (redaction->n == RECORD_REDACTIONS)
		return false;
	redaction->edits[redaction->n++] =
	    (struct json_edit){ .at = at, .kind = JSON_REPLACE, .bytes = bytes };
	return true;
}

static bool replace_by_length(struct redaction *redaction, json_at at, struct span raw)
{
	char *p = redaction->texts + redaction->texts_n;
	struct line line = { .p = p, .end = redaction->texts + sizeof(redaction->texts) };

	add_length(&line, raw);
	if (line.over)
		return false;
	redaction->texts_n += (size_t)(line.p - p);
	return add_edit(redaction, at, span_of(p, (size_t)(line.p - p)));
}

/* The decoded string, of at most RECORD_TEXT_BYTES of source. Borrowed until the next one. */
static struct span decode(struct redaction *redaction, const struct json *json, json_at at)
{
	struct buf scratch = buf_over(redaction->decoded, sizeof(redaction->decoded));

	return json_string(json, at, &scratch);
}

/* A string that is no name. False: these arguments cannot be shown in parts. */
static bool redact_string(struct redaction *redaction, const struct json *json, json_at at)
{
	struct span raw = json_string_raw(json, at);

	if (raw.n > RECORD_TEXT_BYTES)
		return replace_by_length(redaction, at, raw);
	if (redact_has_secret(decode(redaction, json, at)))
		return add_edit(redaction, at, by_shape);
	redaction->kept += raw.n + 3;
	return true;
}

/*
 * A name; sets `*secret` where its value is not to be shown. False where the name itself is too
 * long or looks like a secret, for a name cannot be replaced.
 */
static bool redact_name(struct redaction *redaction, const struct json *json, json_at at, bool *secret)
{
	struct span raw = json_string_raw(json, at), name;

	if (raw.n > RECORD_TEXT_BYTES)
		return false;
	name = decode(redaction, json, at);
	*secret = redact_is_secret_name(name) &&
		  !(json_is(json, at + 1, JSON_NUMBER) && redact_is_count_name(name));
	redaction->kept += raw.n + 4;
	return name.n < SECRET_NAME_BYTES || !redact_has_secret(name);
}

/* Looks at every token once, in order: no depth to keep. False: show their length only. */
static bool redact(struct redaction *redaction, const struct json *json, json_at from)
{
	json_at end = json->tokens[from].next;

	for (json_at at = from; at < end; at++) {
		const struct json_token *token = &json->tokens[at];
		bool secret = false;

		if (redaction->kept > RECORD_ARGUMENTS_BYTES)
			return false;
		if (token->is_key) {
			if (!redact_name(redaction, json, at, &secret))
				return false;
			if (secret && !add_edit(redaction, at + 1, by_name))
				return false;
			if (secret)
				at = json->tokens[at + 1].next - 1;
		} else if (token->type == JSON_STRING) {
			if (!redact_string(redaction, json, at))
				return false;
		} else if (token->type != JSON_OBJECT && token->type != JSON_ARRAY) {
			redaction->kept += token->end - token->off + 1;
		}
	}
	return true;
}

/* The arguments with their redactions. False, and `out` as before, where only their length may stand. */
static bool put_redacted(const struct audit_record *record, struct buf *out)
{
	/* Four KiB that are written before they are read: clearing them would cost a tenth of the record. */
	__attribute__((uninitialized)) struct redaction redaction;
	size_t start = out->n, max = out->max;

	redaction.n = redaction.texts_n = redaction.kept = 0;
	if (!redact(&redaction, record->json, record->arguments))
		return false;
	/* A ceiling of their own, so that too long arguments take no room from the rest. */
	if (max - start > RECORD_ARGUMENTS_BYTES)
		out->max = start + RECORD_ARGUMENTS_BYTES;
	json_emit(out, record->json, record->arguments, redaction.edits, redaction.n);
	out->max = max;
	/* The buffer may be larger already than that ceiling. */
	if (buf_ok(out) && out->n - start <= RECORD_ARGUMENTS_BYTES)
		return true;
	buf_cut(out, start);
	return false;
}

static void put_arguments(const struct audit_record *record, const uint8_t key[RECORD_KEY_BYTES],
			  struct buf *out)
{
	struct span raw = json_raw(record->json, record->arguments);
	uint8_t digest[DIGEST_BYTES];
	struct line line;
	bool shown;

	buf_add(out, S(",\"args\":"));
	if (!buf_ok(out))
		return;
	shown = put_redacted(record, out);
	line = line_open(out, 2 * DIGEST_TEXT_BYTES);
	if (!shown)
		add_length(&line, raw);
	digest_keyed(key, record->forwarded.n ? record->forwarded : raw, digest);
	line_add(&line, S(",\"args_blake2b\":\""));
	line_hex(&line, digest_span(digest));
	line_add(&line, S("\""));
	line_close(&line);
}

/* A text of the gate's own, cut between characters where it is long; `key` is `,"name":"`. */
static inline __attribute__((always_inline)) void put_own(struct line *line, struct span key,
							  struct span text)
{
	if (text.n == 0)
		return;
	if (text.n > RECORD_TEXT_BYTES)
		for (text.n = RECORD_TEXT_BYTES; text.n > 0 && is_tail_byte((unsigned char)text.p[text.n]);)
			text.n--;
	line_add(line, key);
	line_text(line, text);
	line_add(line, S("\""));
}

/* A text of a peer's; `key` is `,"name":` */
static void put_text(struct line *line, struct span key, struct span text,
		     const uint8_t gate_key[RECORD_KEY_BYTES])
{
	if (text.n == 0)
		return;
	line_add(line, key);
	if (text.n > RECORD_TEXT_BYTES || !is_text(text)) {
		add_digest(line, text, gate_key);
		return;
	}
	if (redact_has_secret(text)) {
		line_add(line, by_shape);
		return;
	}
	line_add(line, S("\""));
	line_text(line, text);
	line_add(line, S("\""));
}

/* `key` is `,"name":` */
static inline __attribute__((always_inline)) void put_number(struct line *line, struct span key,
							     uint64_t value)
{
	if (value == 0)
		return;
	line_add(line, key);
	line_u64(line, value);
}

static void put_who(const struct audit_record *record, const uint8_t key[RECORD_KEY_BYTES], struct line *line)
{
	put_own(line, S(",\"kind\":\""), record->kind);
	put_number(line, S(",\"call\":"), record->call);
	put_own(line, S(",\"principal\":\""), record->principal);
	put_text(line, S(",\"client\":"), record->client, key);
	put_own(line, S(",\"transport\":\""), record->transport);
	put_own(line, S(",\"revision\":\""), record->revision);
	put_own(line, S(",\"session\":\""), record->session);
	put_own(line, S(",\"server\":\""), record->server);
	put_text(line, S(",\"method\":"), record->method, key);
	put_text(line, S(",\"name\":"), record->name, key);
}

/* Never cut: a scope less would be another decision. */
static void put_scopes(struct span scopes, const uint8_t key[RECORD_KEY_BYTES], struct line *line)
{
	if (scopes.n == 0)
		return;
	line_add(line, S(",\"scopes\":"));
	if (scopes.n > RECORD_SCOPES_BYTES || !is_text(scopes)) {
		add_digest(line, scopes, key);
		return;
	}
	line_add(line, S("\""));
	line_text(line, scopes);
	line_add(line, S("\""));
}

static void put_decision(const struct audit_record *record, const uint8_t key[RECORD_KEY_BYTES],
			 struct line *line)
{
	switch (record->decision) {
	case RECORD_UNDECIDED:
		break;
	case RECORD_ALLOW:
		line_add(line, S(",\"decision\":\"allow\""));
		break;
	case RECORD_DENY:
		line_add(line, S(",\"decision\":\"deny\""));
		break;
	}
	put_own(line, S(",\"code\":\""), record->code);
	put_own(line, S(",\"rule\":\""), record->rule);
	put_number(line, S(",\"rule_line\":"), record->rule_line);
	put_own(line, S(",\"config\":\""), record->config);
	put_own(line, S(",\"definition\":\""), record->definition);
	put_scopes(record->scopes, key, line);
	put_number(line, S(",\"request_bytes\":"), record->request_bytes);
	put_number(line, S(",\"result_bytes\":"), record->result_bytes);
	put_number(line, S(",\"duration_us\":"), record->duration_us);
	put_own(line, S(",\"outcome\":\""), record->outcome);
	line_add(line, S("}"));
}

/* What a text can come to at most. */
static size_t room_of(struct span text)
{
	return LINE_TEXT_ROOM(text.n < RECORD_TEXT_BYTES ? text.n : RECORD_TEXT_BYTES);
}

static size_t room_of_who(const struct audit_record *record)
{
	return FIXED_BYTES + room_of(record->kind) + room_of(record->principal) + room_of(record->client) +
	       room_of(record->transport) + room_of(record->revision) + room_of(record->session) +
	       room_of(record->server) + room_of(record->method) + room_of(record->name);
}

static size_t room_of_decision(const struct audit_record *record)
{
	size_t scopes = record->scopes.n <= RECORD_SCOPES_BYTES ? record->scopes.n : 0;

	return FIXED_BYTES + room_of(record->code) + room_of(record->rule) + room_of(record->config) +
	       room_of(record->definition) + LINE_TEXT_ROOM(scopes) + room_of(record->outcome);
}

bool record_add(const struct audit_record *record, const uint8_t key[RECORD_KEY_BYTES], struct buf *out)
{
	size_t start = out->n;
	struct line line;

	buf_add(out, S("{\"t\":\""));
	clock_add_rfc3339(out, record->wall_ms);
	buf_add_char(out, '"');
	line = line_open(out, room_of_who(record));
	put_who(record, key, &line);
	line_close(&line);
	if (record->json && record->arguments != JSON_NONE)
		put_arguments(record, key, out);
	line = line_open(out, room_of_decision(record));
	put_decision(record, key, &line);
	line_close(&line);
	if (!buf_ok(out))
		out->n = start;
	return buf_ok(out);
}
