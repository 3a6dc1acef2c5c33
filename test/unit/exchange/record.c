/* record.c - a decision is on record after all that it was decided by, or is none. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "exchange/snapshot.h"
#include "rig.h"

#define MODERN                                                                                               \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define CALL(name)                                                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"," MODERN  \
	"}}"
#define SERVER(name)                                                                                         \
	"{\"name\":\"" name "\",\"kind\":\"stdio\",\"era\":\"modern\",\"timeout_ms\":5000,"                  \
	"\"allow\":[{\"glob\":\"*\",\"line\":4}],\"deny\":[{\"glob\":\"rm\",\"line\":5}]}"
#define CONFIG(name, servers) "{\"config\":\"" name "\",\"limits\":{\"calls\":77},\"servers\":[" servers "]}"
#define TOOL "{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\"}}"
#define RULES(config, name)                                                                                  \
	"\"kind\":\"config\",\"config\":\"" config "\",\"server\":\"" name                                   \
	"\",\"reached\":\"stdio\",\"deny\":[[\"rm\",5]],\"allow\":[[\"*\",4]]}"

static struct ring reader = RING_INIT;

/* All that is on record since the last look, a record a line. */
static struct span records(void)
{
	static struct buf all = { .max = (size_t)8 << 20 };
	struct err err = ERR_INIT;

	if (!reader.map && ring_map(&reader, &rig_fds, RING_CONSUMER, &err) < 0)
		abort();
	buf_clear(&all);
	while (ring_read(&reader, &all) == RING_RECORD)
		buf_add_char(&all, '\n');
	ring_commit(&reader);
	return buf_span(&all);
}

static size_t place(struct span text, const char *part)
{
	for (size_t i = 0; i < text.n; i++)
		if (span_starts(span_skip(text, i), span_str(part)))
			return i;
	return SIZE_MAX;
}

static bool apply(const char *config)
{
	struct err err = ERR_INIT;

	return snapshot_apply(&worker, span_str(config), &err) == 0;
}

/* No room: the rules are on record as soon as there is some, and before the decision. */
static void late(void)
{
	static char junk[RING_RECORD_MAX];
	struct client *client;
	struct heard heard = { 0 };
	struct span said;

	(void)records();
	memset(junk, 'x', sizeof(junk));
	for (size_t n = sizeof(junk); n > 0;)
		if (!ring_put(&rig_ring, span_of(junk, n)))
			n /= 2;
	ok(apply(CONFIG("c0", SERVER("a"))), "a config while the log is full");
	client = rig_client(ERA_MODERN, worker_server(&worker, S("a")), "mcp");
	rig_ask(client, &heard,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nonsense\",\"params\":{" MODERN "}}");
	ok(heard.finals == 1, "who asks is refused");
	said = records();
	ok(place(said, "config") == SIZE_MAX && place(said, "decision") == SIZE_MAX,
	   "and nothing of it is on record");
	rig_ask(client, &heard,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"nonsense\",\"params\":{" MODERN "}}");
	said = records();
	ok(place(said, "\"limits\":{") < place(said, "\"server\":\"a\"") &&
	       place(said, RULES("c0", "a")) < place(said, "\"kind\":\"decision\""),
	   "when there is room, limits and rules come first: %.*s", SPAN_ARG(said));
	buf_release(&heard.last);
	(void)rig_leave(client);
}

static void in_force(void)
{
	struct err err = ERR_INIT;
	struct span said;

	ok(apply(CONFIG("c1", SERVER("a") "," SERVER("b"))), "a config");
	said = records();
	ok(place(said, "\"config\":\"c1\",\"limits\":{") != SIZE_MAX &&
	       place(said, "\"calls\":77") != SIZE_MAX,
	   "its limits are on record");
	ok(place(said, RULES("c1", "a")) != SIZE_MAX && place(said, RULES("c1", "b")) != SIZE_MAX,
	   "and the rules of each server");
	ok(!apply("{\"config\":\"c2\",\"servers\":[{}]}") && records().n == 0,
	   "of one that is refused, nothing");
	ok(apply(CONFIG("c3", SERVER("a"))), "another one");
	said = records();
	ok(place(said, RULES("c3", "a")) != SIZE_MAX && place(said, "\"server\":\"b\"") == SIZE_MAX,
	   "again all its servers, also those that did not change");
	ok(snapshot_add_server(
	       &worker,
	       S("{\"name\":\"host\",\"kind\":\"stdio\",\"ephemeral\":true,\"allow\":[{\"glob\":\"*\","
		 "\"line\":0}],\"deny\":[]}"),
	       &err) != NULL,
	   "a server of one host");
	said = records();
	ok(place(said, "\"for_one_host\":true,\"allow\":[[\"*\",0]]") != SIZE_MAX &&
	       place(said, "\"server\":\"a\"") == SIZE_MAX && place(said, "limits") == SIZE_MAX,
	   "is on record alone");
}

static bool names_definition(struct span said)
{
	CLEANUP(buf_release) struct buf part = BUF_INIT(256);
	uint8_t digest[DIGEST_BYTES];

	digest_blake2b(S(TOOL), digest);
	buf_add(&part, S("\"definition\":\""));
	buf_add_hex(&part, digest_span(digest));
	buf_add(&part, S("\""));
	return place(said, buf_cstr(&part)) != SIZE_MAX;
}

static void decision(void)
{
	struct client *client = rig_client(ERA_MODERN, worker_server(&worker, S("a")), "mcp:a mcp:b");
	struct heard heard = { 0 };
	struct span said;
	struct peer peer;

	rig_ask(client, &heard, CALL("t"));
	(void)rig_greet(&peer, "{\"tools\":{}}");
	rig_say(&peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\",\"tools\":[" TOOL
		"]}}",
		rig_id(rig_hear(&peer)));
	ok(span_contains(rig_hear(&peer), S("tools/call")), "a call goes on");
	said = records();
	ok(place(said, "\"decision\":\"allow\"") != SIZE_MAX &&
	       place(said, "\"config\":\"c3\"") != SIZE_MAX &&
	       place(said, "\"scopes\":\"mcp:a mcp:b\"") != SIZE_MAX,
	   "its record names config and scopes: %.*s", SPAN_ARG(said));
	ok(names_definition(said), "and the definition it was checked against");
	rig_end(&peer);
	(void)rig_leave(client);
	buf_release(&heard.last);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	late();
	in_force();
	decision();
	ring_unmap(&reader);
	rig_stop();
	return tap_done();
}
