/* snapshot.c - the worker's part of the config: taken over whole, or not at all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/snapshot.h"

#include "exchange/crew_state.h"
#include "tap.h"

#define LIMITS "\"limits\":{\"body_bytes\":5000,\"connections\":7,\"session_idle_ms\":9}"
#define GOOD "{\"name\":\"a\",\"kind\":\"stdio\",\"era\":\"auto\",\"timeout_ms\":5,\"allow\":[],\"deny\":[]}"

static bool is_untouched(const struct worker *worker)
{
	return memcmp(&worker->limits, &limits_default, sizeof(worker->limits)) == 0 &&
	       list_empty(&worker->servers) && worker->config_digest.n == 0;
}

static void refused(struct worker *worker)
{
	static const char *const cases[] = {
		"",
		"[]",
		"{" LIMITS ",\"servers\":[" GOOD ",{\"name\":\"\",\"kind\":\"stdio\"}]}",
		"{" LIMITS ",\"servers\":[" GOOD ",{\"name\":\"b\",\"kind\":\"http\",\"tls\":true}]}",
		"{" LIMITS ",\"servers\":[],\"tls\":{\"cert\":\"\",\"key\":\"\"}}",
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = ERR_INIT;
		int rc = snapshot_apply(worker, span_str(cases[i]), &err);

		ok(rc < 0 && err.code && is_untouched(worker), "refused whole: %s", err.text);
	}
}

static void taken(struct worker *worker)
{
	struct err err = ERR_INIT;
	const char *text = "{\"config\":\"c1\"," LIMITS ",\"servers\":[" GOOD "]}";

	ok(snapshot_apply(worker, span_str(text), &err) == 0, "taken over: %s", err.text);
	ok(worker->limits.body_bytes == 5000 && worker->limits.connections == 7 &&
	       worker->limits.session_idle_ms == 9 && worker->limits.calls == limits_default.calls,
	   "with its limits; what it does not name stays");
	ok(worker_server(worker, S("a")) && span_eq(worker->config_digest, S("c1")), "and its servers");
}

/* A server that changed is another one; its place among the others is the config's. */
static void in_order(struct worker *worker)
{
	static const char changed[] =
	    "{\"servers\":[{\"name\":\"b\",\"kind\":\"stdio\"},{\"name\":\"a\",\"kind\":\"stdio\",\"timeout_ms\":7}]}";
	static const char more[] =
	    "{\"servers\":[{\"name\":\"b\",\"kind\":\"stdio\",\"timeout_ms\":9},{\"name\":\"a\",\"kind\":\"stdio\",\"timeout_ms\":7}]}";
	struct err err = ERR_INIT;

	for (int i = 0; i < 2; i++) {
		ok(snapshot_apply(worker, span_str(i ? more : changed), &err) == 0, "# a config");
		is_span(LIST_ENTRY(worker->servers.next, struct server, node)->name, S("b"),
			"in the config's order");
	}
}

/* What `kanmon status` reads. */
static void state(struct worker *worker)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);

	worker_server(worker, S("a"))->omitted[OFFER_PROMPTS][OMIT_LONG] = 2;
	crew_state_add(worker, &out);
	ok(span_contains(buf_span(&out), S("\"left_out\":[]")) &&
	       span_contains(buf_span(&out),
			     S("\"left_out\":[{\"list\":\"prompts\",\"reason\":\"long\",\"count\":2}]")),
	   "the state says what is left out, and why");
}

int main(void)
{
	static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
	static struct worker worker;
	struct err err = ERR_INIT;

	if (!ok(worker_init(&worker, &quiet, &err) == 0, "a worker"))
		return tap_done();
	refused(&worker);
	taken(&worker);
	in_order(&worker);
	state(&worker);
	return tap_done();
}
