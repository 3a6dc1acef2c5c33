/* account.c - what one principal may hold, and that it is given back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "exchange/account.h"

#define CALL(pad)                                                                                            \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\",\"arguments\":{" \
	"\"n\":\"" pad "\"}}}"

#define LONG "01234567890123456789012345678901234567890123456789012345678901234567890123456789"

static void counted(void)
{
	struct account *one = account_of(&worker, S("token:a")), *same = account_of(&worker, S("token:a")),
		       *other = account_of(&worker, S("token:b"));

	ok(one && one == same && other && other != one, "one account a principal");
	same = account_unref(same);
	one = account_unref(one);
	same = account_of(&worker, S("token:a"));
	turn_a_while(&worker.loop);
	ok(same == account_of(&worker, S("token:a")), "it stays where somebody comes back at once");
	(void)account_unref(same);
	same = account_unref(same);
	other = account_unref(other);
	turn_a_while(&worker.loop);
	is_int(worker.accounts.n, 0, "and goes with the last who needs it");
}

/* That must not be; it must not be a dangling account either. */
static void still_held(void)
{
	struct account *account = account_of(&worker, S("token:a"));

	ok(budget_take(&account->held, 10), "# something is charged to it");
	(void)account_unref(account);
	turn_a_while(&worker.loop);
	ok(account_of(&worker, S("token:a")) == account, "an account that holds something stays");
	budget_give(&account->held, 10);
	(void)account_unref(account);
	turn_a_while(&worker.loop);
	is_int(worker.accounts.n, 0, "until it holds nothing");
}

static void set_memory(size_t bytes)
{
	worker.limits.held_bytes = bytes;
	accounts_limit(&worker);
}

static bool refused(const struct heard *heard, const char *says)
{
	return heard->finals == 1 && heard->status == 429 && rig_heard(heard, "\"K801\"") &&
	       rig_heard(heard, says);
}

/* A call that has to wait for its server is kept; one that does not fit is refused, and says why. */
static void requests(void)
{
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 }, more = { 0 };
	struct peer peer;

	set_memory(4 * 120);
	rig_ask(client, &heard,
		CALL("0123456789012345678901234567890123456789012345678901234567890123456789"));
	ok(refused(&heard, "a quarter of `limits.memory`"), "more than the token's part: %.*s",
	   SPAN_ARG(buf_span(&heard.last)));
	set_memory(limits_default.held_bytes);
	rig_ask(client, &heard,
		"{\"jsonrpc\":\"2.0\",\"id\":\"" LONG LONG
		"\",\"method\":\"ping\",\"params\":{\"_meta\":{\"progressToken\":1}}}");
	ok(heard.status == 200, "# an id of some length");
	set_memory(4 * 120);
	rig_ask(client, &heard,
		"{\"jsonrpc\":\"2.0\",\"id\":\"" LONG LONG
		"\",\"method\":\"ping\",\"params\":{\"_meta\":{\"progressToken\":1}}}");
	ok(refused(&heard, "a quarter of `limits.memory`"), "an id is kept, too, and counts");
	set_memory(limits_default.held_bytes);
	worker.held.max = worker.held.used;
	rig_ask(client, &heard, CALL(""));
	ok(refused(&heard, "The gate holds as much"), "more than all may hold: %.*s",
	   SPAN_ARG(buf_span(&heard.last)));
	set_memory(limits_default.held_bytes);
	rig_ask(client, &heard, CALL(""));
	ok(!heard.finals && client->account->held.used > 0, "what fits waits, and is counted");
	ok(rig_greet(&peer, "{\"tools\":{}}"), "# a server");
	while (!heard.finals) {
		struct span line = rig_hear(&peer);

		if (!line.n)
			break;
		if (span_contains(line, S("tools/list")))
			rig_say(&peer,
				"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\","
				"\"inputSchema\":{}}]}}",
				rig_id(line));
		else if (span_contains(line, S("tools/call")))
			break;
	}
	set_memory(4 * 100);
	rig_ask(client, &more, CALL("0123456789"));
	ok(refused(&more, "`limits.memory`"), "no call is passed on past it, either");
	set_memory(limits_default.held_bytes);
	client = rig_leave(client);
	is_int(worker.held.used, 0, "all is given back");
	buf_release(&heard.last);
	buf_release(&more.last);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	processes_clear(&worker);
	turn_a_while(&worker.loop);
}

/* What a server has begun and not ended is held for the client, too. */
static void unfinished(void)
{
	static char part[16 * 1024];
	struct server *server = rig_server("files");
	struct client *client = rig_client(ERA_LEGACY, server, "mcp");
	struct heard heard = { 0 };
	struct peer peer;

	memset(part, 'x', sizeof(part));
	set_memory(4 * 2 * sizeof(part));
	rig_ask(client, &heard, CALL(""));
	ok(rig_greet(&peer, "{\"tools\":{}}"), "# a server");
	for (int i = 0; i < 4; i++) {
		(void)!write(peer.out, part, sizeof(part));
		turn_a_while(&worker.loop);
	}
	ok(worker.held.used < 4 * sizeof(part), "a line that does not fit, and has no end yet, is not held");
	(void)!write(peer.out, "\n", 1);
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(heard.finals == 1 && rig_heard(&heard, "`limits.memory`"),
	   "when it ends the call fails, and says why: %.*s", SPAN_ARG(buf_span(&heard.last)));
	client = rig_leave(client);
	is_int(worker.held.used, 0, "all is given back");
	set_memory(limits_default.held_bytes);
	buf_release(&heard.last);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	processes_clear(&worker);
	turn_a_while(&worker.loop);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	counted();
	still_held();
	requests();
	unfinished();
	rig_stop();
	return tap_done();
}
