/* gather.c - a list of many pages: what is joined, and what ends it early. The server is the test. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/gather.h"
#include "audit/redact.h"
#include "rig.h"

struct got {
	unsigned done;
	bool fine, late, is_public;
	uint64_t ttl_ms;
	struct buf why, items, result;
	struct gather *gather;
};

static void on_done(void *owner, struct gather *gather, bool fine, struct span why)
{
	struct got *got = owner;

	got->done++;
	got->fine = fine;
	got->late = gather_failure(gather) == LINK_SILENT;
	got->is_public = gather_is_public(gather);
	got->ttl_ms = gather_ttl_ms(gather);
	buf_clear(&got->why);
	buf_add(&got->why, why);
	buf_clear(&got->items);
	buf_add(&got->items, gather_items(gather));
	buf_clear(&got->result);
	buf_add(&got->result, gather_result(gather));
	got->gather = gather_free(gather);
}

static struct got got_new(void)
{
	return (struct got){ .why = BUF_INIT(4096), .items = BUF_INIT(65536), .result = BUF_INIT(65536) };
}

static void got_release(struct got *got)
{
	buf_release(&got->why);
	buf_release(&got->items);
	buf_release(&got->result);
}

static unsigned ready, dead;

static void on_ready(void *owner, struct link *link)
{
	(void)owner;
	(void)link;
	ready++;
}

static void on_dead(void *owner, struct link *link, enum link_failure failure, struct span why)
{
	(void)owner;
	(void)link;
	(void)failure;
	(void)why;
	dead++;
}

static void on_message(void *owner, struct link *link, const struct message *message)
{
	(void)owner;
	(void)link;
	(void)message;
}

static const struct link_events events = { .on_ready = on_ready,
					   .on_dead = on_dead,
					   .on_message = on_message };

static struct link *open_link(struct server *server, struct peer *peer)
{
	struct err err = ERR_INIT;
	struct link *link = link_open(&worker.upstream, server, ERA_LEGACY, S("{}"), &events, NULL, &err);

	ready = dead = 0;
	if (!link || !rig_greet(peer, "{}"))
		abort();
	TURN_UNTIL(&worker.loop, ready);
	return link;
}

static const struct {
	const char *answer, *why; /* the answer without its id */
} refusals[] = {
	{ "\"error\":{\"code\":-1,\"message\":\"log in with password=hunter2hunter2\"}",
	  "the server refused the list: (withheld: it looks like it holds a secret)" },
	{ "\"error\":{\"code\":-1,\"message\":\"not \\\"now\\\"\"}",
	  "the server refused the list: not \"now\"" },
	{ "\"result\":{}", "the server's list is malformed or too large" },
	{ "\"result\":{\"tools\":{}}", "the server's list is malformed or too large" },
	{ "\"result\":{\"prompts\":[]}", "the server's list is malformed or too large" },
};

static void refused(struct link *link, struct peer *peer)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct got got = got_new();

		got.gather = gather_start(link, METHOD_TOOLS_LIST, S(""), on_done, &got);
		rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,%s}", rig_id(rig_hear(peer)),
			refusals[i].answer);
		TURN_UNTIL(&worker.loop, got.done);
		ok(got.done == 1 && !got.fine, "refused: %s", refusals[i].answer);
		is_span(buf_span(&got.why), span_str(refusals[i].why), "and said why");
		got_release(&got);
	}
}

static void endless(struct link *link, struct peer *peer)
{
	struct got got = got_new();
	unsigned pages = 0;

	got.gather = gather_start(link, METHOD_TOOLS_LIST, S(""), on_done, &got);
	for (; pages < 5000 && !got.done; pages++) {
		struct span line = rig_hear(peer);

		rig_say(peer,
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[],\"nextCursor\":\"on\"}}",
			rig_id(line));
		if (pages == CATALOGUE_PAGES - 1)
			TURN_UNTIL(&worker.loop, got.done);
	}
	ok(got.done == 1 && !got.fine && pages == CATALOGUE_PAGES, "a list without an end has one here (%u)",
	   pages);
	got_release(&got);
}

static void given_up(struct link *link, struct peer *peer)
{
	struct got got = got_new();

	ok(!gather_free(NULL), "nothing to give up");
	got.gather = gather_start(link, METHOD_TOOLS_LIST, S(""), on_done, &got);
	(void)rig_hear(peer);
	got.gather = gather_free(got.gather);
	ok(span_contains(rig_hear(peer), S("notifications/cancelled")), "given up: the server is told");
	turn_a_while(&worker.loop);
	is_int(got.done, 0, "and nobody else");
	got_release(&got);
}

/* The server says nothing, or what nobody can read, and then has had its time. */
static void late(struct link *link, struct peer *peer)
{
	static const char *const junk[] = { NULL, "{\"a\":1,\"a\":2}" };
	static const char *const whys[] = {
		"it did not answer tools/list within 60 s",
		"it did not answer tools/list within 60 s; what it sent instead is no MCP message: a name occurs "
		"twice in one object"
	};

	for (size_t i = 0; i < COUNT(junk); i++) {
		struct got got = got_new();
		uint64_t now = loop_now(&worker.loop);

		got.gather = gather_start(link, METHOD_TOOLS_LIST, S(""), on_done, &got);
		(void)rig_hear(peer);
		if (junk[i])
			rig_say(peer, "%s", junk[i]);
		turn_a_while(&worker.loop);
		ok(!gather_tick(got.gather, now + 60000, 60000) && !got.done, "%zu: it has its time", i);
		ok(gather_tick(got.gather, now + 120001, 60000) && got.done == 1 && !got.fine && got.late,
		   "and no more");
		is_span(buf_span(&got.why), span_str(whys[i]), "and says so");
		ok(span_contains(rig_hear(peer), S("notifications/cancelled")), "the server is told");
		got_release(&got);
	}
}

/* With a second call under way nobody can tell whose answer it was. */
static void not_to_blame(struct link *link, struct peer *peer)
{
	struct got a = got_new(), b = got_new();
	uint64_t now = loop_now(&worker.loop);

	a.gather = gather_start(link, METHOD_TOOLS_LIST, S(""), on_done, &a);
	b.gather = gather_start(link, METHOD_PROMPTS_LIST, S(""), on_done, &b);
	rig_say(peer, "no message");
	turn_a_while(&worker.loop);
	(void)gather_tick(a.gather, now + 120001, 60000);
	is_span(buf_span(&a.why), S("it did not answer tools/list within 60 s"),
		"two calls: neither is blamed");
	b.gather = gather_free(b.gather);
	for (int i = 0; i < 4; i++)
		(void)rig_hear(peer);
	got_release(&a);
	got_release(&b);
}

static void joined(struct link *link, struct peer *peer)
{
	struct got got = got_new();
	struct span line;

	got.gather = gather_start(link, METHOD_PROMPTS_LIST, S("{\"m\":1}"), on_done, &got);
	line = rig_hear(peer);
	ok(span_ends(line, S(",\"method\":\"prompts/list\",\"params\":{\"_meta\":{\"m\":1}}}")),
	   "the first page");
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%u,"
		"\"progress\":1}}",
		rig_id(line));
	rig_say(
	    peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"a\":1,\"nextCursor\":\"x\\u0022y\",\"prompts\":[{\"n\": 1.0}, "
	    "{\"n\":2}],\"ttlMs\":5}}",
	    rig_id(line));
	line = rig_hear(peer);
	ok(span_ends(line, S("\"params\":{\"_meta\":{\"m\":1},\"cursor\":\"x\\u0022y\"}}")),
	   "the second, under the server's cursor as it wrote it");
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[],\"b\":1,\"nextCursor\":\"\"}}",
		rig_id(line));
	line = rig_hear(peer);
	ok(span_ends(line, S("\"cursor\":\"\"}}")), "an empty cursor is one");
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[{\"n\":3}],\"nextCursor\":null}}",
		rig_id(line));
	TURN_UNTIL(&worker.loop, got.done);
	ok(got.done == 1 && got.fine && !got.gather, "no cursor is the end");
	is_span(buf_span(&got.items), S("{\"n\":1.0},{\"n\":2},{\"n\":3}"), "all items, numbers as written");
	is_span(buf_span(&got.result), S("{\"a\":1,\"ttlMs\":5}"), "and what the first page says besides");
	got_release(&got);
}

/* Whose a list is, and how long it holds, by what its pages say. */
static void scopes(struct link *link, struct peer *peer)
{
	static const struct {
		const char *pages[2];
		bool is_public;
		uint64_t ttl_ms;
	} cases[] = {
		{ { "", "" }, false, 0 },
		{ { ",\"cacheScope\":\"private\",\"ttlMs\":5", ",\"cacheScope\":\"public\",\"ttlMs\":9" },
		  false,
		  5 },
		{ { ",\"cacheScope\":\"public\",\"ttlMs\":9", ",\"ttlMs\":5" }, false, 5 },
		{ { ",\"cacheScope\":\"PUBLIC\"", ",\"cacheScope\":\"public\",\"ttlMs\":5" }, false, 0 },
		{ { ",\"cacheScope\":[\"public\"]", ",\"cacheScope\":\"public\"" }, false, 0 },
		{ { ",\"cacheScope\":\"public\",\"ttlMs\":172800000",
		    ",\"cacheScope\":\"public\",\"ttlMs\":172800001" },
		  true,
		  172800000 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct got got = got_new();

		got.gather = gather_start(link, METHOD_PROMPTS_LIST, S(""), on_done, &got);
		rig_say(peer,
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[],\"nextCursor\":\"x\"%s}}",
			rig_id(rig_hear(peer)), cases[i].pages[0]);
		rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"prompts\":[]%s}}",
			rig_id(rig_hear(peer)), cases[i].pages[1]);
		TURN_UNTIL(&worker.loop, got.done);
		ok(got.fine && got.is_public == cases[i].is_public && got.ttl_ms == cases[i].ttl_ms,
		   "%zu: it is %s, for %llu ms", i, got.is_public ? "everybody's" : "one client's",
		   (unsigned long long)got.ttl_ms);
		got_release(&got);
	}
}

static void dying(struct link *link, struct peer *peer)
{
	struct got got = got_new();

	got.gather = gather_start(link, METHOD_TOOLS_LIST, S(""), on_done, &got);
	(void)rig_hear(peer);
	rig_end(peer);
	TURN_UNTIL(&worker.loop, dead);
	ok(got.done == 1 && !got.fine && got.why.n, "the server ends: so does the list");
	got_release(&got);
}

int main(void)
{
	struct server *server;
	struct peer peer;
	struct link *link;

	if (!ok(rig_start(), "a worker"))
		return tap_done();
	worker.upstream.has_secret = redact_has_secret;
	server = rig_server("files");
	link = open_link(server, &peer);
	refused(link, &peer);
	endless(link, &peer);
	given_up(link, &peer);
	late(link, &peer);
	not_to_blame(link, &peer);
	joined(link, &peer);
	scopes(link, &peer);
	dying(link, &peer);
	link = link_close(link);
	rig_stop();
	return tap_done();
}
