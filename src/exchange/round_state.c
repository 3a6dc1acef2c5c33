/* round_state.c - requestState sealed, and opened in the request it was made for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/round_state.h"

#include "base/clock.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/encode.h"
#include "crypto/seal.h"
#include "exchange/client.h"
#include "json/write.h"

enum { ROUND_GOOD_MS = 60 * 60 * 1000 /* a person may have to be asked meanwhile */ };

#define PURPOSE S("request state")

void round_keys_make(struct worker *worker)
{
	uint8_t key[SEAL_KEY_BYTES];

	worker->round_keys = seal_ring_free(worker->round_keys);
	digest_keyed(worker->audit_key, PURPOSE, key);
	if (seal_ring_new(&worker->round_keys, NULL) == 0 && !seal_ring_add(worker->round_keys, 1, key))
		worker->round_keys = seal_ring_free(worker->round_keys);
	secret_wipe(key, sizeof(key));
}

/* What differs from round to round. */
static bool is_of_the_round(const struct json *json, json_at name)
{
	return json_string_is(json, name, S("_meta")) || json_string_is(json, name, S("inputResponses")) ||
	       json_string_is(json, name, S("requestState"));
}

bool round_key_make(struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at params = x->message.params;
	CLEANUP(buf_release) struct buf text = BUF_INIT(x->worker->limits.body_bytes);
	struct digest digest;

	digest_start(&digest);
	digest_add(&digest, x->message.method_raw);
	for (json_at name = json_first(json, params); name != JSON_NONE;
	     name = json_next_key(json, params, name)) {
		if (is_of_the_round(json, name))
			continue;
		digest_add(&digest, json_raw(json, name));
		if (!json->compact) {
			buf_clear(&text);
			json_emit(&text, json, name + 1, NULL, 0);
		}
		digest_add(&digest, json->compact ? json_raw(json, name + 1) : buf_span(&text));
	}
	digest_finish(&digest, x->round_key);
	return buf_ok(&text);
}

static void add_part(struct buf *out, struct span part)
{
	uint32_t n = (uint32_t)part.n;

	buf_add(out, span_of((const char *)&n, sizeof(n)));
	buf_add(out, part);
}

static bool take_part(struct span *rest, struct span *part)
{
	uint32_t n;

	if (rest->n < sizeof(n))
		return false;
	memcpy(&n, rest->p, sizeof(n));
	*rest = span_skip(*rest, sizeof(n));
	if (rest->n < n)
		return false;
	*part = span_first(*rest, n);
	*rest = span_skip(*rest, n);
	return true;
}

bool round_state_add(struct buf *out, const struct exchange *x, enum round_kind kind, struct span payload)
{
	CLEANUP(buf_release) struct buf plain = BUF_INIT((size_t)ROUND_STATE_BYTES);
	CLEANUP(buf_release) struct buf sealed = BUF_INIT((size_t)ROUND_STATE_BYTES + SEAL_OVERHEAD);
	uint64_t until = clock_wall_ms() + ROUND_GOOD_MS;

	if (!x->worker->round_keys)
		return false;
	buf_add_char(&plain, (char)kind);
	buf_add(&plain, span_of((const char *)&until, sizeof(until)));
	buf_add(&plain, span_of((const char *)x->round_key, sizeof(x->round_key)));
	add_part(&plain, x->client->principal->id);
	add_part(&plain, x->server->name);
	add_part(&plain, payload);
	if (!buf_ok(&plain) || seal(x->worker->round_keys, PURPOSE, buf_span(&plain), &sealed, NULL) < 0)
		return false;
	buf_add_char(out, '"');
	base64url_add(out, buf_span(&sealed));
	buf_add_char(out, '"');
	return buf_ok(out);
}

/* Reads what was sealed. False: it is another request's, another's, or too old. */
static bool fits(const struct exchange *x, struct span plain, enum round_kind *kind, struct span *payload)
{
	struct span principal, server;
	uint64_t until;

	if (plain.n < 1 + sizeof(until) + sizeof(x->round_key))
		return false;
	*kind = (enum round_kind)plain.p[0];
	plain = span_skip(plain, 1);
	memcpy(&until, plain.p, sizeof(until));
	plain = span_skip(plain, sizeof(until));
	if (!secret_equal(span_first(plain, sizeof(x->round_key)),
			  span_of((const char *)x->round_key, sizeof(x->round_key))))
		return false;
	plain = span_skip(plain, sizeof(x->round_key));
	return take_part(&plain, &principal) && take_part(&plain, &server) && take_part(&plain, payload) &&
	       until > clock_wall_ms() && span_eq(principal, x->client->principal->id) &&
	       span_eq(server, x->server->name);
}

bool round_state_open(struct exchange *x, enum round_kind *kind, struct span *payload)
{
	const struct json *json = x->message.json;
	json_at at = x->message.params == JSON_NONE ? JSON_NONE
						    : json_get(json, x->message.params, S("requestState"));
	CLEANUP(buf_release) struct buf sealed = BUF_INIT((size_t)ROUND_STATE_BYTES + SEAL_OVERHEAD);
	CLEANUP(buf_release) struct buf plain = BUF_INIT((size_t)ROUND_STATE_BYTES);

	*kind = 0;
	*payload = S("");
	if (at == JSON_NONE)
		return true;
	if (!json_is(json, at, JSON_STRING) || !x->worker->round_keys ||
	    !base64url_decode(json_string_raw(json, at), &sealed) ||
	    unseal(x->worker->round_keys, PURPOSE, buf_span(&sealed), &plain) != SEAL_OPEN ||
	    !fits(x, buf_span(&plain), kind, payload))
		return false;
	*payload = arena_dup(&x->arena, *payload);
	return payload->p != NULL;
}
