/* round_state.c - requestState: opens in the request it was sealed for, and nowhere else. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "rig.h"

#include "base/clock.h"
#include "crypto/encode.h"

#define PURPOSE S("request state")
#define REQUEST(id, params)                                                                                  \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," params "}}"
#define ARGUMENTS "\"arguments\":{\"a\":1}"
#define CALL REQUEST("1", ARGUMENTS)

/* The test's own clock, in place of the one of base: a state is good for an hour. */
static uint64_t wall_ms = 1800000000000;

uint64_t clock_mono_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

uint64_t clock_wall_ms(void)
{
	return wall_ms;
}

void clock_add_rfc3339(struct buf *buf, uint64_t ms)
{
	buf_add_u64(buf, ms);
}

struct who {
	struct client *client;
	struct server *server;
};

/* An exchange as it stands in the stage `resume`. */
struct standing {
	struct exchange x;
	struct json json;
};

static bool stand(struct standing *at, struct who who, struct span text)
{
	*at = (struct standing){ .x = { .worker = &worker,
					.client = who.client,
					.server = who.server,
					.arena = ARENA_INIT(1 << 20) } };
	return json_parse(&at->json, text, text.n) &&
	       message_read(&at->json, 0, &at->x.message) == MESSAGE_OK && round_key_make(&at->x);
}

static void leave(struct standing *at)
{
	arena_release(&at->x.arena);
	json_release(&at->json);
}

/* The state with its quotes; empty: there is none to be had. */
static bool make(struct who who, const char *request, enum round_kind kind, struct span payload,
		 struct buf *state)
{
	struct standing at;
	bool made;

	buf_clear(state);
	made = stand(&at, who, span_str(request)) && round_state_add(state, &at.x, kind, payload);
	leave(&at);
	return made;
}

struct opened {
	bool fine;
	enum round_kind kind;
	char payload[64];
};

/* `before` and `after` are the request around the value of its requestState. */
static struct opened open_in(struct who who, const char *before, struct span state, const char *after)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
	struct opened opened = { 0 };
	struct span payload = S("");
	struct standing at;

	buf_add(&text, span_str(before));
	buf_add(&text, state);
	buf_add(&text, span_str(after));
	if (!stand(&at, who, buf_span(&text)))
		abort();
	opened.fine = round_state_open(&at.x, &opened.kind, &payload);
	if (opened.fine)
		(void)span_to_cstr(payload, opened.payload, sizeof(opened.payload));
	leave(&at);
	return opened;
}

#define BACK                                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," ARGUMENTS ","
#define STATE "\"requestState\":"

static bool opens(struct who who, struct span state)
{
	return open_in(who, BACK STATE, state, "}}").fine;
}

static void not_sealed(struct who who)
{
	static const char *const words[] = { "7",    "null",	 "{}",	     "[]",    "true",
					     "\"\"", "\"AAAA\"", "\"!!!!\"", "\"A\"", "\"\\u0041\"" };

	for (size_t i = 0; i < COUNT(words); i++)
		ok(!opens(who, span_str(words[i])), "%s is no state of ours", words[i]);
}

/* Whatever one byte of it is changed to, and wherever it is cut. */
static void tampered(struct who who, struct span good)
{
	CLEANUP(buf_release) struct buf bad = BUF_INIT((size_t)4096);
	unsigned opened = 0;

	for (size_t i = 1; i + 1 < good.n; i++) {
		buf_clear(&bad);
		buf_add(&bad, good);
		bad.p[i] = bad.p[i] == 'A' ? 'B' : 'A';
		opened += opens(who, buf_span(&bad));
	}
	is_int(opened, 0, "none with a byte changed");
	for (size_t n = 1; n + 1 < good.n; n++) {
		buf_clear(&bad);
		buf_add(&bad, span_first(good, n));
		buf_add_char(&bad, '"');
		opened += opens(who, buf_span(&bad));
	}
	is_int(opened, 0, "none that is cut");
	ok(opens(who, good), "the one as it was made does");
}

/* Sealed by us, and not what we seal: the bytes inside are short, or are for something else. */
static void sealed_oddly(struct who who, struct span good)
{
	CLEANUP(buf_release) struct buf sealed = BUF_INIT((size_t)4096), plain = BUF_INIT((size_t)4096);
	CLEANUP(buf_release) struct buf odd = BUF_INIT((size_t)4096), state = BUF_INIT((size_t)4096);
	unsigned opened = 0;

	ok(base64url_decode(span_first(span_skip(good, 1), good.n - 2), &sealed) &&
	       unseal(worker.round_keys, PURPOSE, buf_span(&sealed), &plain) == SEAL_OPEN,
	   "# what is inside of one");
	for (size_t n = 0; n <= plain.n; n++) {
		buf_clear(&odd);
		buf_clear(&state);
		if (seal(worker.round_keys, PURPOSE, span_first(buf_span(&plain), n), &odd, NULL) < 0)
			abort();
		buf_add_char(&state, '"');
		base64url_add(&state, buf_span(&odd));
		buf_add_char(&state, '"');
		opened += opens(who, buf_span(&state));
	}
	is_int(opened, 1, "of all beginnings of it only the whole");
	buf_clear(&odd);
	buf_clear(&state);
	ok(seal(worker.round_keys, S("another purpose"), buf_span(&plain), &odd, NULL) == 0, "# sealed");
	buf_add_char(&state, '"');
	base64url_add(&state, buf_span(&odd));
	buf_add_char(&state, '"');
	ok(!opens(who, buf_span(&state)), "sealed for another purpose, it does not open");
}

static void somebody_elses(struct who other, struct who elsewhere, struct span good)
{
	ok(!opens(other, good), "another principal's does not open");
	ok(!opens(elsewhere, good), "another server's does not");
}

static void another_request(struct who who, struct span good)
{
	static const struct {
		const char *name, *before, *after;
		bool opens;
	} cases[] = {
		{ "another tool",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"u\"," ARGUMENTS
		  "," STATE,
		  "}}", false },
		{ "other arguments", REQUEST("2", "\"arguments\":{\"a\":2}," STATE), "}}", false },
		{ "one argument more",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
		  "\"arguments\":{\"a\":1,\"b\":1}," STATE,
		  "}}", false },
		{ "no arguments",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," STATE,
		  "}}", false },
		{ "something more",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"," ARGUMENTS
		  ",\"more\":1," STATE,
		  "}}", false },
		{ "another method",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"prompts/get\",\"params\":{\"name\":\"t\"," ARGUMENTS
		  "," STATE,
		  "}}", false },
		{ "another id", BACK STATE, "}}", true },
		{ "answers beside it", BACK "\"inputResponses\":{\"x\":{}}," STATE, "}}", true },
		{ "other metadata", BACK "\"_meta\":{\"progressToken\":7}," STATE, "}}", true },
		{ "spaces",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\": {\"name\": \"t\" ,\n"
		  "\"arguments\": {\"a\" :1}, " STATE,
		  "}}", true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span before = span_str(cases[i].before);
		CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4096);

		/* REQUEST() closes what this one leaves open. */
		buf_add(&text, span_ends(before, S("}}")) ? span_first(before, before.n - 2) : before);
		ok(open_in(who, buf_cstr(&text), good, cases[i].after).fine == cases[i].opens, "%s: it %s",
		   cases[i].name, cases[i].opens ? "opens" : "does not open");
	}
}

static void expired(struct who who)
{
	CLEANUP(buf_release) struct buf state = BUF_INIT((size_t)4096);
	uint64_t was = wall_ms;

	ok(make(who, CALL, ROUND_AGAIN, S(""), &state), "# a state");
	wall_ms = was + 60 * 60 * 1000;
	ok(!opens(who, buf_span(&state)), "after an hour it does not open");
	wall_ms--;
	ok(opens(who, buf_span(&state)), "until then it does");
	wall_ms = was;
}

static void keys(struct who who)
{
	CLEANUP(buf_release) struct buf state = BUF_INIT((size_t)4096);
	struct seal_ring *ring;

	ok(make(who, CALL, ROUND_AGAIN, S(""), &state), "# a state");
	round_keys_make(&worker);
	ok(opens(who, buf_span(&state)), "it opens after a restart with the same key");
	worker.audit_key[0] ^= 1;
	round_keys_make(&worker);
	ok(!opens(who, buf_span(&state)), "another gate's does not");
	worker.audit_key[0] ^= 1;
	round_keys_make(&worker);
	ring = TAKE(worker.round_keys);
	ok(!opens(who, buf_span(&state)), "without a key none opens");
	ok(!make(who, CALL, ROUND_AGAIN, S(""), &state), "and none is made");
	worker.round_keys = ring;
}

static void too_long(struct who who)
{
	CLEANUP(buf_release) struct buf state = BUF_INIT((size_t)ROUND_STATE_BYTES * 2);
	CLEANUP(buf_release) struct buf payload = BUF_INIT((size_t)ROUND_STATE_BYTES);

	while (payload.n < ROUND_STATE_BYTES)
		buf_add_char(&payload, 'x');
	ok(!make(who, CALL, ROUND_SERVER, buf_span(&payload), &state), "a server's state may be too long");
	buf_cut(&payload, ROUND_STATE_BYTES / 2);
	ok(make(who, CALL, ROUND_SERVER, buf_span(&payload), &state), "half as long is not");
	ok(opens(who, buf_span(&state)), "and opens");
}

static void good_ones(struct who who)
{
	static const struct {
		enum round_kind kind;
		const char *payload;
	} cases[] = {
		{ ROUND_SERVER, "\"s\"" }, { ROUND_SERVER, "" }, { ROUND_PARKED, "0123" }, { ROUND_AGAIN, "" }
	};
	CLEANUP(buf_release) struct buf state = BUF_INIT((size_t)4096), again = BUF_INIT((size_t)4096);
	struct opened opened = open_in(who, CALL, S(""), "");

	ok(opened.fine && opened.kind == 0 && !opened.payload[0],
	   "a request that brings none is a first one");
	for (size_t i = 0; i < COUNT(cases); i++) {
		ok(make(who, CALL, cases[i].kind, span_str(cases[i].payload), &state), "made");
		opened = open_in(who, BACK STATE, buf_span(&state), "}}");
		ok(opened.fine && opened.kind == cases[i].kind && !strcmp(opened.payload, cases[i].payload),
		   "and opened: %u, %s", opened.kind, opened.payload);
		ok(!span_contains(buf_span(&state), S("token:")) &&
		       make(who, CALL, cases[i].kind, span_str(cases[i].payload), &again) &&
		       !span_eq(buf_span(&state), buf_span(&again)),
		   "it shows nothing of that, and looks another way each time");
	}
}

int main(void)
{
	CLEANUP(buf_release) struct buf good = BUF_INIT((size_t)4096);
	struct who who, other, elsewhere;

	if (!ok(rig_start(), "a worker"))
		return tap_done();
	who.server = rig_server("files");
	who.client = rig_client(ERA_MODERN, who.server, "mcp");
	other = (struct who){ rig_client_of("token:t-2", ERA_MODERN, who.server, "mcp"), who.server };
	elsewhere = (struct who){ who.client, rig_server("notes") };
	ok(make(who, CALL, ROUND_SERVER, S("\"opaque\""), &good), "a state");
	not_sealed(who);
	tampered(who, buf_span(&good));
	sealed_oddly(who, buf_span(&good));
	somebody_elses(other, elsewhere, buf_span(&good));
	another_request(who, buf_span(&good));
	expired(who);
	keys(who);
	too_long(who);
	good_ones(who);
	who.client = rig_leave(who.client);
	other.client = rig_leave(other.client);
	worker_drop_server(&worker, who.server);
	worker_drop_server(&worker, elsewhere.server);
	rig_stop();
	return tap_done();
}
