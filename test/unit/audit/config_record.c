/* config_record.c - what the log says of the config in force: all of it, in lines that fit. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/config_record.h"

#include "audit/ring.h"
#include "tap.h"
#include "json/tape.h"

static const struct config_record record = { .wall_ms = 0, .config = SPAN("c1") };

#define HEAD "{\"t\":\"1970-01-01T00:00:00.000Z\",\"kind\":\"config\",\"config\":\"c1\","

static void full(void)
{
	static const struct config_limit limit = { "calls", 5 };
	struct config_server server = { .name = S("a"), .reached = S("http") };
	size_t from = 0;

	for (size_t room = 0; room < 70; room += 33) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(room);

		ok(!config_record_add_limits(&record, &limit, 1, &out), "limits in %zu bytes", room);
		buf_clear(&out);
		out.over = false;
		ok(!config_record_add_server(&record, &server, &from, &out), "a server in %zu bytes", room);
	}
}

static void lines(void)
{
	static const struct config_limit limits[] = { { "calls", 5 }, { "body_bytes", UINT64_MAX } };
	static const struct tool_rule allow[] = { { SPAN("*"), 8 }, { SPAN("a\"b"), 9 } };
	static const struct tool_rule deny[] = { { SPAN("delete_*"), 0 } };
	struct config_server server = { .name = S("files"), .reached = S("stdio") };
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	size_t from = 0;

	ok(config_record_add_limits(&record, limits, 2, &out), "limits");
	is_span(buf_span(&out), S(HEAD "\"limits\":{\"calls\":5,\"body_bytes\":18446744073709551615}}"),
		"each by its name");
	buf_clear(&out);
	ok(config_record_add_server(&record, &server, &from, &out) && from == 0, "a server without rules");
	is_span(buf_span(&out), S(HEAD "\"server\":\"files\",\"reached\":\"stdio\",\"allow\":[]}"),
		"allows nothing");
	server.rules = (struct tool_rules){ .allow = allow, .n_allow = 2, .deny = deny, .n_deny = 1 };
	server.for_one_host = true;
	buf_clear(&out);
	ok(config_record_add_server(&record, &server, &from, &out) && from == 3, "one with rules");
	is_span(buf_span(&out),
		S(HEAD "\"server\":\"files\",\"reached\":\"stdio\",\"for_one_host\":true,"
		       "\"deny\":[[\"delete_*\",0]],\"allow\":[[\"*\",8],[\"a\\\"b\",9]]}"),
		"both lists, each rule with its line");
}

/* Counts the rules of a line's list that are the ones expected next. */
static size_t follow(const struct json *line, struct span list, const struct tool_rule *rules)
{
	json_at array = json_get(line, 0, list);
	size_t n = 0;

	if (array == JSON_NONE)
		return 0;
	for (json_at at = json_first(line, array); at != JSON_NONE; at = json_next(line, array, at), n++)
		if (!json_string_is(line, json_first(line, at), rules[n].glob))
			return n;
	return n;
}

static void many(void)
{
	enum { RULES = 700 };
	static char globs[RULES][256];
	static struct tool_rule rules[RULES];
	struct config_server server = { .name = S("a"), .reached = S("http") };
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(json_release) struct json line = { 0 };
	size_t from = 0, denied = 0, allowed = 0, n = 0, before;
	bool fine = true;

	for (size_t i = 0; i < RULES; i++) {
		memset(globs[i], i % 2 ? '\\' : 'x', sizeof(globs[i]));
		(void)snprintf(globs[i], 8, "%zu", i);
		globs[i][strlen(globs[i])] = 'y';
		rules[i] = (struct tool_rule){ span_of(globs[i], sizeof(globs[i])), (uint32_t)i };
	}
	server.rules =
	    (struct tool_rules){ .allow = rules, .n_allow = RULES, .deny = rules, .n_deny = RULES };
	do {
		before = from;
		buf_clear(&out);
		fine = fine && config_record_add_server(&record, &server, &from, &out) && from > before &&
		       json_parse(&line, buf_span(&out), RING_RECORD_MAX);
		denied += fine ? follow(&line, S("deny"), rules + denied) : 0;
		allowed += fine ? follow(&line, S("allow"), rules + allowed) : 0;
		fine = fine && (json_get(&line, 0, S("more")) != JSON_NONE) == (from < 2 * (size_t)RULES);
		n++;
	} while (fine && from < 2 * (size_t)RULES);
	ok(fine && n > 20, "1400 long rules in %zu lines, each a record", n);
	ok(denied == RULES && allowed == RULES, "none is lost, none twice");
}

int main(void)
{
	full();
	lines();
	many();
	return tap_done();
}
