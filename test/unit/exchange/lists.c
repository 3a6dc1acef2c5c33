/* lists.c - what is said beside a list of tools, and what is listed of a server that is away. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras.h"

#define TOOLS "{\"tools\":{}}"
#define TOOL "{\"name\":\"t\",\"inputSchema\":{}}"
#define LIST REQUEST("1", "tools/list", META)

/* Its list is asked for, where it need be, and answered with this tool and what stands beside it. */
static void lists(struct client *client, struct page *page, struct peer *peer, const char *tool,
		  const char *beside)
{
	struct span line;

	page_ask(client, page, LIST);
	if (!peer->in && !rig_greet(peer, TOOLS))
		abort();
	line = rig_hear_of(peer, "tools/list");
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[%s]%s}}", rig_id(line), tool,
		beside);
	TURN_UNTIL(&worker.loop, page->finals);
}

static struct client *another(const char *id, enum era era, struct server *only)
{
	return rig_client_of(id, era, only, "mcp");
}

/* One page of the client's, without what only the other era says. */
static bool is_legacy(const struct page *page)
{
	return page_has(page, "\"name\":\"t\"") && !page_has(page, "resultType") &&
	       !page_has(page, "ttlMs") && !page_has(page, "cacheScope");
}

static bool is_modern(const struct page *page, const char *ttl)
{
	return page_has(page, "\"name\":\"t\"") && page_has(page, "\"resultType\":\"complete\"") &&
	       page_has(page, ttl) && page_has(page, "\"cacheScope\":\"private\"") &&
	       !page_has(page, "public");
}

static void end_both(struct client *one, struct client *two, struct peer peers[2])
{
	(void)rig_leave(one);
	(void)rig_leave(two);
	rig_end(&peers[0]);
	rig_end(&peers[1]);
}

/* How long a list holds is said to each client; that the tools are the same makes it no other's word. */
static void each_its_time(void)
{
	struct server *server = server_of("files", ERA_MODERN);
	struct client *one = another("token:a", ERA_MODERN, server);
	struct client *two = another("token:b", ERA_MODERN, server);
	struct peer peers[2] = { 0 };
	struct page page = { 0 };

	lists(one, &page, &peers[0], TOOL,
	      ",\"resultType\":\"complete\",\"ttlMs\":5,\"cacheScope\":\"public\"");
	ok(is_modern(&page, "\"ttlMs\":5,"), "the first hears how long its list holds");
	lists(two, &page, &peers[1], TOOL, ",\"ttlMs\":90000000,\"cacheScope\":\"private\"");
	ok(is_modern(&page, "\"ttlMs\":90000000,"), "the second hears what was said to it");
	ok(attachment_in(one)->link->catalogue == attachment_in(two)->link->catalogue,
	   "though they share the list");
	lists(one, &page, &peers[0], TOOL, ",\"ttlMs\":7");
	ok(is_modern(&page, "\"ttlMs\":7,"), "and another time the first another one");
	lists(one, &page, &peers[0], TOOL, "");
	ok(is_modern(&page, "\"ttlMs\":0,"), "what is not said is none");
	lists(one, &page, &peers[0], TOOL, ",\"ttlMs\":-1");
	ok(is_modern(&page, "\"ttlMs\":0,"), "nor what makes no sense");
	end_both(one, two, peers);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* The same for clients of all servers, whose list holds as long as the shortest does. */
static void each_its_time_of_all(void)
{
	struct server *server = server_of("files", ERA_MODERN);
	struct client *one = another("token:a", ERA_MODERN, NULL),
		      *two = another("token:b", ERA_MODERN, NULL);
	struct peer peers[2] = { 0 };
	struct page page = { 0 };

	lists(one, &page, &peers[0], TOOL, ",\"ttlMs\":5000");
	lists(two, &page, &peers[1], TOOL, ",\"ttlMs\":90000");
	ok(page_has(&page, "\"ttlMs\":90000,"), "the second hears what was said to it");
	server->late_until_ms = UINT64_MAX;
	page_ask(one, &page, LIST);
	ok(page.finals == 1 && page_has(&page, "\"ttlMs\":5000,"), "the first still hears its own");
	end_both(one, two, peers);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* A server of both eras, which lists the same to clients of both; `first` is who comes first. */
static void both_eras(enum era first)
{
	struct server *server = rig_server("files");
	struct client *clients[2];
	struct peer peers[2] = { 0 };
	struct page page = { 0 };

	for (int i = 0; i < 2; i++) {
		enum era era = (i == 0) == (first == ERA_MODERN) ? ERA_MODERN : ERA_LEGACY;

		clients[i] = another(i ? "token:b" : "token:a", era, server);
		lists(clients[i], &page, &peers[i], TOOL,
		      era == ERA_MODERN
			  ? ",\"ttlMs\":5,\"cacheScope\":\"public\",\"resultType\":\"complete\",\"more\":1"
			  : ",\"more\":1");
		if (era == ERA_MODERN)
			ok(is_modern(&page, "\"ttlMs\":5,") && page_has(&page, "\"more\":1"),
			   "%d: a modern client hears how long its list holds", i);
		else
			ok(is_legacy(&page) && page_has(&page, "\"more\":1"),
			   "%d: a legacy one hears nothing of that", i);
	}
	ok(attachment_in(clients[0])->link->era != attachment_in(clients[1])->link->era &&
	       attachment_in(clients[0])->link->catalogue == attachment_in(clients[1])->link->catalogue,
	   "they share the list, each in its era");
	for (int i = 0; i < 2; i++) {
		clients[i] = rig_leave(clients[i]);
		rig_end(&peers[i]);
	}
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* What a server says in the words of the other era is not passed on. */
static void out_of_its_era(void)
{
	struct server *server = server_of("files", ERA_LEGACY);
	struct client *legacy = another("token:a", ERA_LEGACY, server);
	struct client *modern = another("token:b", ERA_MODERN, server);
	struct peer peers[2] = { 0 };
	struct page page = { 0 };

	lists(legacy, &page, &peers[0], TOOL, ",\"ttlMs\":5,\"more\":1,\"cacheScope\":\"public\"");
	ok(is_legacy(&page) && page_has(&page, "\"more\":1"), "a legacy client has no use for it");
	lists(modern, &page, &peers[1], TOOL, ",\"ttlMs\":5,\"more\":1,\"cacheScope\":\"public\"");
	ok(is_modern(&page, "\"ttlMs\":0,"), "and it does not bind the server");
	end_both(legacy, modern, peers);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* --- `when-down` --- */

/* The server's process ends, and is not started again at once. */
static void goes_away(const struct client *client, struct peer *peer)
{
	struct attachment *attachment = attachment_in(client);

	rig_end(peer);
	*peer = (struct peer){ 0 };
	TURN_UNTIL(&worker.loop, !attachment->link);
	attachment->deaths = 9;
}

static void when_down(bool list)
{
	struct server *server = server_of("files", ERA_LEGACY);
	struct client *client = rig_client(ERA_LEGACY, NULL, "mcp");
	struct page page = { 0 };
	struct peer peer = { 0 };

	server->shown_when_down = list;
	lists(client, &page, &peer, TOOL, "");
	ok(page_has(&page, "files__t"), "# a list");
	goes_away(client, &peer);
	page_ask(client, &page, LIST);
	ok(page.finals == 1 && page_has(&page, "files__t") == list && rig_starts_nothing(),
	   "away: its tools are %s", list ? "still listed" : "not listed");
	page_ask(client, &page, REQUEST("1", "tools/call", "\"name\":\"files__t\""));
	ok(page_has(&page, "\"K706\""), "a call says why it cannot be made");
	client = rig_leave(client);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* A client that has never had a list of the server, which cannot be reached. */
static struct client *newcomer(const char *id, enum era era, struct page *page)
{
	struct client *client = another(id, era, NULL);

	page_ask(client, page, LIST);
	if (!rig_launch(NULL))
		abort();
	TURN_UNTIL(&worker.loop, page->finals);
	return client;
}

/* What a server says is its client's own, no other is shown. */
static void private_when_down(enum era server_era, const char *scope, bool others)
{
	struct server *server = server_of("files", server_era);
	struct client *one = another("token:a", ERA_MODERN, NULL), *two, *three;
	struct page page = { 0 };
	struct peer peer = { 0 };

	server->shown_when_down = true;
	lists(one, &page, &peer, TOOL, scope);
	ok(page_has(&page, "files__t"), "# a list");
	goes_away(one, &peer);
	two = newcomer("token:b", ERA_MODERN, &page);
	ok(page.finals == 1 && page_has(&page, "files__t") == others, "[%s] away: another client is %s",
	   scope, others ? "shown it" : "not shown it");
	three = newcomer("token:c", ERA_LEGACY, &page);
	ok(page.finals == 1 && page_has(&page, "files__t") == others && !page_has(&page, "ttlMs"),
	   "nor is one of the other era shown more");
	page_ask(one, &page, LIST);
	ok(page.finals == 1 && page_has(&page, "files__t") && page_has(&page, "\"ttlMs\":0,"),
	   "who had it is, and is to ask again");
	one = rig_leave(one);
	two = rig_leave(two);
	three = rig_leave(three);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* A client's own list is kept for it also where it may have changed since, or no program of ours had it. */
static void kept_when_down(bool stale, bool list)
{
	struct server *server = server_of("files", ERA_MODERN);
	struct client *one = another("token:a", ERA_MODERN, NULL);
	struct page page = { 0 };
	struct peer peer = { 0 };

	server->shown_when_down = list;
	lists(one, &page, &peer, TOOL, ",\"ttlMs\":5,\"cacheScope\":\"private\"");
	/* Who is to be told would have it looked at. */
	one->given = 0;
	if (stale)
		attachment_in(one)->link->stale = true;
	else
		server->kind = SERVER_UNIX;
	goes_away(one, &peer);
	ok(!attachment_in(one)->known.ms && (attachment_in(one)->known.tools != NULL) == list, "%s: it is %s",
	   stale ? "stale" : "not started here", list ? "kept, as an old one" : "not kept");
	page_ask(one, &page, LIST);
	ok(page.finals == 1 && page_has(&page, "files__t") == list, "and %s", list ? "shown" : "not shown");
	server->kind = SERVER_STDIO;
	attachment_in(one)->deaths = 0;
	page_ask(one, &page, LIST);
	ok(rig_greet(&peer, TOOLS) && !page.finals, "it does not stand for one that can be had");
	rig_list_tools(&peer, "{\"name\":\"new\",\"inputSchema\":{}}");
	TURN_UNTIL(&worker.loop, page.finals);
	ok(page_has(&page, "files__new") && !page_has(&page, "files__t") && !attachment_in(one)->known.tools,
	   "which takes its place");
	one = rig_leave(one);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

/* Two who see different lists, each its own: each is shown what it had. */
static void each_its_own(void)
{
	static const char *const tools[] = { "{\"name\":\"a\",\"inputSchema\":{}}",
					     "{\"name\":\"b\",\"inputSchema\":{}}" };
	struct server *server = server_of("files", ERA_MODERN);
	struct client *clients[3] = { another("token:a", ERA_MODERN, NULL),
				      another("token:b", ERA_MODERN, NULL),
				      another("token:c", ERA_MODERN, NULL) };
	struct peer peers[3] = { 0 };
	struct page page = { 0 };

	server->shown_when_down = true;
	lists(clients[0], &page, &peers[0], tools[0], ",\"ttlMs\":5,\"cacheScope\":\"private\"");
	lists(clients[1], &page, &peers[1], tools[1], ",\"ttlMs\":5,\"cacheScope\":\"private\"");
	lists(clients[2], &page, &peers[2], TOOL, ",\"ttlMs\":5,\"cacheScope\":\"public\"");
	/* The last word counts: a private list is in force now, a public one stays the public one. */
	lists(clients[1], &page, &peers[1], tools[1], ",\"ttlMs\":5,\"cacheScope\":\"private\"");
	for (int i = 0; i < 3; i++)
		goes_away(clients[i], &peers[i]);
	page_ask(clients[0], &page, LIST);
	ok(page_has(&page, "files__a") && !page_has(&page, "files__b"), "away: the first is shown its own");
	page_ask(clients[1], &page, LIST);
	ok(page_has(&page, "files__b") && !page_has(&page, "files__a"), "the second, too");
	for (int i = 0; i < 3; i++)
		clients[i] = rig_leave(clients[i]);
	clients[0] = newcomer("token:d", ERA_MODERN, &page);
	ok(page_has(&page, "files__t") && !page_has(&page, "files__a") && !page_has(&page, "files__b"),
	   "and who is new the newest that is anybody's");
	clients[0] = rig_leave(clients[0]);
	worker_drop_server(&worker, server);
	buf_release(&page.all);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	each_its_time();
	each_its_time_of_all();
	both_eras(ERA_MODERN);
	both_eras(ERA_LEGACY);
	out_of_its_era();
	when_down(false);
	when_down(true);
	private_when_down(ERA_MODERN, ",\"ttlMs\":5,\"cacheScope\":\"private\"", false);
	private_when_down(ERA_MODERN, ",\"ttlMs\":5", false);
	private_when_down(ERA_MODERN, ",\"ttlMs\":5,\"cacheScope\":\"public\"", true);
	private_when_down(ERA_LEGACY, "", true);
	for (int i = 0; i < 4; i++)
		kept_when_down(i & 1, i & 2);
	each_its_own();
	rig_stop();
	return tap_done();
}
