/* era_words.c - what one era says and the other says otherwise: pages, log levels, states, revisions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras.h"

#include "net/mailbox.h"
#include "upstream/house.h"

#define OFFERS "{\"tools\":{},\"logging\":{}}"
#define CALL(id, more) REQUEST(id, "tools/call", "\"name\":\"t\"," more META)
#define CALL_LOGS(id, level)                                                                                 \
	REQUEST(id, "tools/call",                                                                            \
		"\"name\":\"t\"," CLAIM(EVERYTHING, ",\"io.modelcontextprotocol/logLevel\":\"" level "\""))
#define LOGS(level, text)                                                                                    \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"" level           \
	"\",\"data\":\"" text "\"}}"

struct scene {
	struct server *server;
	struct client *client;
	struct peer peer;
	struct page page;
	char state[2048];
};

static void begin(struct scene *scene, enum era client, enum era server)
{
	*scene = (struct scene){ .server = server_of("files", server) };
	scene->client = client_of(client, scene->server);
	bring_up(scene->client, &scene->peer, OFFERS);
}

static void leave(struct scene *scene)
{
	scene->client = rig_leave(scene->client);
	rig_end(&scene->peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

static void ends_with(struct scene *scene, const char *part)
{
	rig_say(&scene->peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,%s}",
		rig_id(rig_hear_of(&scene->peer, "tools/call")), part);
	TURN_UNTIL(&worker.loop, scene->page.finals);
}

static bool keep_state(struct scene *scene)
{
	struct span all = buf_span(&scene->page.all), key = S("\"requestState\":\"");

	for (size_t i = 0; i + key.n < all.n; i++) {
		struct span rest = span_skip(all, i);

		if (!span_starts(rest, key))
			continue;
		rest = span_skip(rest, key.n);
		return span_to_cstr(span_first(rest, span_find(rest, '"')), scene->state,
				    sizeof(scene->state));
	}
	return false;
}

static void come_back(struct scene *scene, const char *responses)
{
	static char text[8192];

	(void)snprintf(text, sizeof(text), CALL("2", "\"inputResponses\":{%s},\"requestState\":\"%s\","),
		       responses, scene->state);
	page_ask(scene->client, &scene->page, text);
}

/* --- a page that a legacy server wants opened first --- */

#define PAGE_FIRST                                                                                           \
	"\"error\":{\"code\":-32042,\"message\":\"first\",\"data\":{\"elicitations\":[{\"mode\":\"url\","    \
	"\"elicitationId\":\"e1\",\"url\":\"https://a.example/1\",\"message\":\"sign in\"}]}}"

static void pages(void)
{
	struct scene scene;

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page,
		 REQUEST("1", "tools/call", "\"name\":\"t\"," CLAIM(EVERYTHING, "")));
	ends_with(&scene, "\"error\":{\"code\":-32042,\"message\":\"first\"}");
	ok(page_has(&scene.page, "\"code\":-32603") && !page_has(&scene.page, "input_required"),
	   "an error that names no page is an error, under a code that is the client's era's");
	page_ask(scene.client, &scene.page, CALL("1", ""));
	ends_with(&scene, PAGE_FIRST);
	ok(page_has(&scene.page, "\"input_required\"") &&
	       page_has(&scene.page, "\"url-1\":{\"method\":\"elicitation/create\"") &&
	       page_has(&scene.page, "https://a.example/1") && keep_state(&scene),
	   "the client is asked to open the page");
	come_back(&scene, "\"url-1\":{\"action\":\"decline\"}");
	ok(scene.page.finals == 1 && page_has(&scene.page, "declined") &&
	       page_has(&scene.page, "\"isError\":true") && rig_is_silent(&scene.peer),
	   "it declines: the call ends there");
	come_back(&scene, "\"url-1\":{\"action\":\"cancel\"}");
	ok(page_has(&scene.page, "\"isError\":true") && rig_is_silent(&scene.peer), "or gives up");
	come_back(&scene, "\"url-1\":{\"action\":\"accept\"}");
	ends_with(&scene, "\"result\":{\"content\":[]}");
	ok(page_has(&scene.page, "\"complete\"") && !page_has(&scene.page, "\"error\""),
	   "it accepts: the call is made again");
	leave(&scene);
	begin(&scene, ERA_LEGACY, ERA_LEGACY);
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"t\""));
	ends_with(&scene, PAGE_FIRST);
	ok(page_has(&scene.page, "-32042") && page_has(&scene.page, "https://a.example/1"),
	   "a legacy client has the error as it is");
	leave(&scene);
}

static void page_of_a_prompt(void)
{
	struct scene scene;
	static char text[4096];

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page, REQUEST("1", "prompts/get", "\"name\":\"p\"," META));
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u," PAGE_FIRST "}",
		rig_id(rig_hear_of(&scene.peer, "prompts/get")));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"input_required\"") && keep_state(&scene), "a prompt's page");
	(void)snprintf(text, sizeof(text),
		       REQUEST("2", "prompts/get",
			       "\"name\":\"p\",\"inputResponses\":{\"url-1\":{\"action\":\"decline\"}},"
			       "\"requestState\":\"%s\"," META),
		       scene.state);
	page_ask(scene.client, &scene.page, text);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K618\"") && rig_is_silent(&scene.peer),
	   "is declined with an error");
	leave(&scene);
}

/* --- a modern server's own state --- */

static void states(void)
{
	struct scene scene;
	struct span line;

	begin(&scene, ERA_MODERN, ERA_MODERN);
	page_ask(scene.client, &scene.page, CALL("1", ""));
	ends_with(&scene,
		  "\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":"
		  "\"roots/list\"}},\"requestState\":\"theirs\"}");
	ok(!page_has(&scene.page, "theirs") && keep_state(&scene), "the client does not see the server's");
	page_ask(scene.client, &scene.page, CALL("2", "\"requestState\":\"theirs\","));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K618\"") && rig_is_silent(&scene.peer),
	   "one that it made itself is refused");
	come_back(&scene, "\"a\":{\"roots\":[]}");
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(span_contains(line, S("\"requestState\":\"theirs\"")) &&
	       span_contains(line, S("\"inputResponses\":{\"a\":{\"roots\":[]}}")),
	   "the one it was given is the server's again");
	rig_say(
	    &scene.peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{"
	    "\"a\":{\"method\":\"roots/list\"}}}}",
	    rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(keep_state(&scene), "a server that gives none: the client carries ours");
	come_back(&scene, "\"a\":{\"roots\":[]}");
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(!span_contains(line, S("requestState")) && span_contains(line, S("inputResponses")),
	   "and the server has none again");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\"}}",
		rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	leave(&scene);
}

/* --- log levels --- */

static void levels_to_legacy(void)
{
	struct scene scene;
	struct page other = { 0 };
	unsigned id;

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page, CALL_LOGS("1", "loud"));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K605\"") && rig_is_silent(&scene.peer),
	   "a level that is none is refused");
	page_ask(scene.client, &scene.page, CALL("1", ""));
	id = rig_id(rig_hear_of(&scene.peer, "tools/call"));
	rig_say(&scene.peer, LOGS("error", "one"));
	turn_a_while(&worker.loop);
	is_int(scene.page.sent, 0, "who asked for no log lines has none");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", id);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	page_ask(scene.client, &scene.page, CALL_LOGS("1", "warning"));
	ok(span_contains(rig_hear(&scene.peer), S("\"method\":\"logging/setLevel\",\"params\":{\"level\":"
						  "\"warning\"}")),
	   "the server is told what a request asks for");
	id = rig_id(rig_hear_of(&scene.peer, "tools/call"));
	rig_say(&scene.peer, LOGS("info", "two") "\n" LOGS("error", "three"));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page, "three") && !page_has(&scene.page, "two") && scene.page.sent == 1,
	   "and what is less grave left out");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", id);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	page_ask(scene.client, &scene.page, CALL_LOGS("1", "debug"));
	ok(span_contains(rig_hear(&scene.peer), S("\"level\":\"debug\"")), "it is told to say more");
	(void)rig_hear_of(&scene.peer, "tools/call");
	page_ask(scene.client, &other, CALL_LOGS("2", "error"));
	ok(!span_contains(rig_hear(&scene.peer), S("setLevel")), "but not to say less");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":1}}");
	(void)rig_hear(&scene.peer);
	rig_say(&scene.peer, LOGS("info", "four"));
	turn_a_while(&worker.loop);
	ok(other.sent == 0, "which the one that wants less does not hear");
	leave(&scene);
	buf_release(&other.all);
}

/* Two calls at once on one pipe: whose a line is nobody can tell; what neither asked for is told to nobody.
 */
static void levels_of_two(void)
{
	struct scene scene;
	struct page other = { 0 };
	uint64_t before;

	begin(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page, CALL_LOGS("1", "debug"));
	(void)rig_hear_of(&scene.peer, "tools/call");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":1}}");
	page_ask(scene.client, &scene.page, CALL_LOGS("2", "error"));
	page_ask(scene.client, &other, CALL_LOGS("3", "warning"));
	(void)rig_hear_of(&scene.peer, "tools/call");
	(void)rig_hear_of(&scene.peer, "tools/call");
	before = worker.metrics.notifications;
	rig_say(&scene.peer, LOGS("info", "quiet"));
	turn_a_while(&worker.loop);
	is_int(worker.metrics.notifications, before, "less grave than either asked for: dropped");
	rig_say(&scene.peer, LOGS("warning", "loud"));
	turn_a_while(&worker.loop);
	is_int(worker.metrics.notifications, before + 1, "as grave as one did: told");
	leave(&scene);
	buf_release(&other.all);
}

/* In the modern era a line is of a request that asked for it; of a process that clients share, whose? */
static void levels_shared(void)
{
	struct scene scene = { .server = server_of("files", ERA_MODERN) };
	struct err err = ERR_INIT;
	struct mailbox mailbox;

	ok(mailbox_open(&mailbox, &worker.loop, &err) == 0, "# a mailbox");
	scene.server->house = house_new(&worker.upstream, scene.server);
	scene.client = client_of(ERA_LEGACY, scene.server);
	bring_up(scene.client, &scene.peer, OFFERS);
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(&scene.peer, "tools/call");
	rig_say(&scene.peer, LOGS("error", "another's"));
	turn_a_while(&worker.loop);
	is_int(scene.page.sent, 0, "a session that asked for no lines has none of what others asked for");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":1}}");
	page_ask(scene.client, &scene.page, REQUEST("2", "logging/setLevel", "\"level\":\"warning\""));
	page_ask(scene.client, &scene.page, REQUEST("3", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(&scene.peer, "tools/call");
	rig_say(&scene.peer, LOGS("info", "verbose") "\n" LOGS("error", "grave"));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(scene.page.sent == 1 && page_has(&scene.page, "grave"), "and then those that are so grave");
	leave(&scene);
	turn_a_while(&worker.loop);
	mailbox_close(&mailbox);
	turn_a_while(&worker.loop);
	worker.loop.mailbox = NULL;
}

static void levels_to_modern(void)
{
	struct scene scene;
	struct span line;

	begin(&scene, ERA_LEGACY, ERA_MODERN);
	page_ask(scene.client, &scene.page, REQUEST("1", "logging/setLevel", "\"level\":\"loud\""));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K605\""), "a level that is none is refused");
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"t\""));
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(!span_contains(line, S("logLevel")), "a session that asked for none asks for none");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\"}}",
		rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	page_ask(scene.client, &scene.page, REQUEST("1", "logging/setLevel", "\"level\":\"notice\""));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"result\":{}") && rig_is_silent(&scene.peer),
	   "one that does is answered here");
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"t\""));
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(span_contains(line, S("\"io.modelcontextprotocol/logLevel\":\"notice\"")),
	   "and says so with each request");
	rig_say(&scene.peer, LOGS("error", "one"));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	ok(page_has(&scene.page, "one"), "the line is the session's");
	leave(&scene);
	begin(&scene, ERA_LEGACY, ERA_MODERN);
	scene.client->only = server_unref(scene.client->only);
	page_ask(scene.client, &scene.page, REQUEST("1", "logging/setLevel", "\"level\":\"notice\""));
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"result\":{}") && rig_is_silent(&scene.peer),
	   "among all servers: a modern one is sent nothing it does not know");
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"files__t\""));
	ok(span_contains(rig_hear_of(&scene.peer, "tools/call"), S("logLevel\":\"notice\"")),
	   "but what its requests ask for");
	leave(&scene);
}

/* --- notifications of the client's --- */

static void not_passed_on(void)
{
	struct scene scene;

	begin(&scene, ERA_LEGACY, ERA_MODERN);
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}");
	ok(rig_is_silent(&scene.peer), "a modern server is sent no word of a legacy client's");
	leave(&scene);
	begin(&scene, ERA_LEGACY, ERA_LEGACY);
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}");
	ok(rig_hear_of(&scene.peer, "roots/list_changed").n, "a legacy one is");
	leave(&scene);
}

/* --- legacy sessions of older revisions --- */

#define INITIALIZE(version)                                                                                  \
	REQUEST("1", "initialize",                                                                           \
		"\"protocolVersion\":\"" version                                                             \
		"\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}")

static const struct {
	const char *asked, *answered;
	enum era server;
	bool audio, link;
	bool agrees; /* the server, to what the client asked for */
} sessions[] = {
	{ "2024-11-05", "2024-11-05", ERA_LEGACY, false, false, false },
	{ "2024-11-05", "2024-11-05", ERA_LEGACY, false, false, true },
	{ "2025-03-26", "2025-03-26", ERA_LEGACY, true, false, false },
	{ "2025-03-26", "2025-03-26", ERA_LEGACY, true, false, true },
	{ "2025-06-18", "2025-06-18", ERA_LEGACY, true, true, false },
	{ "2025-06-18", "2025-06-18", ERA_LEGACY, true, true, true },
	{ "2024-11-05", "2024-11-05", ERA_MODERN, false, false, false },
	{ "2025-03-26", "2025-03-26", ERA_MODERN, true, false, false },
	{ "2025-11-25", "2025-11-25", ERA_MODERN, true, true, false },
	{ "1999-01-01", "2025-11-25", ERA_MODERN, true, true, false },
	{ "2026-07-28", "2025-11-25", ERA_LEGACY, true, true, false },
};

static bool greet_in(struct peer *peer, const char *revision)
{
	if (!rig_launch(peer))
		return false;
	rig_say(
	    peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"%s\",\"capabilities\":" OFFERS
	    "}}",
	    rig_id(rig_hear(peer)), revision);
	return true;
}

static void revisions(void)
{
	for (size_t i = 0; i < COUNT(sessions); i++) {
		struct scene scene = { .server = server_of("files", sessions[i].server) };
		char text[512];

		scene.client = client_of(ERA_LEGACY, scene.server);
		(void)snprintf(text, sizeof(text), INITIALIZE("%s"), sessions[i].asked);
		page_ask(scene.client, &scene.page, text);
		ok(sessions[i].agrees ? greet_in(&scene.peer, sessions[i].asked)
				      : rig_greet(&scene.peer, OFFERS),
		   "%s to %s%s", sessions[i].asked, sessions[i].server == ERA_MODERN ? "modern" : "legacy",
		   sessions[i].agrees ? ", which agrees" : "");
		TURN_UNTIL(&worker.loop, scene.page.finals);
		(void)snprintf(text, sizeof(text), "\"protocolVersion\":\"%s\"", sessions[i].answered);
		ok(page_has(&scene.page, text), "answered in %s", sessions[i].answered);
		page_ask(scene.client, &scene.page, REQUEST("2", "tools/call", "\"name\":\"t\""));
		rig_say(&scene.peer,
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"complete\",\"tools\":[{"
			"\"name\":\"t\",\"inputSchema\":{}}]}}",
			rig_id(rig_hear_of(&scene.peer, "tools/list")));
		ends_with(&scene,
			  "\"result\":{\"content\":[{\"type\":\"audio\",\"data\":\"AAAA\",\"mimeType\":"
			  "\"audio/wav\"},{\"type\":\"resource_link\",\"uri\":\"x://a\",\"name\":\"a\"}],"
			  "\"structuredContent\":{\"k\":1}}");
		ok(page_has(&scene.page, "\"type\":\"audio\"") == sessions[i].audio &&
		       page_has(&scene.page, "\"type\":\"resource_link\"") == sessions[i].link &&
		       page_has(&scene.page, "structuredContent"),
		   "with the content it knows");
		leave(&scene);
	}
}

/* A server of a later revision asks what this session has no words for, whatever it declared. */
static void later_questions(void)
{
	static const char ask[] = REQUEST("\"q\"", "elicitation/create", FORM);
	struct scene scene;

	begin(&scene, ERA_LEGACY, ERA_LEGACY);
	scene.client->revision = REVISION_2024_11_05;
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"t\""));
	(void)rig_hear_of(&scene.peer, "tools/call");
	rig_say(&scene.peer, "%s", ask);
	ok(span_contains(rig_hear(&scene.peer), S("\"id\":\"q\",\"error\":{\"code\":-32601")) &&
	       scene.page.sent == 0,
	   "a session of 2024-11-05 is not asked to fill in a form");
	scene.client->revision = REVISION_2025_06_18;
	rig_say(&scene.peer, "%s", ask);
	turn_a_while(&worker.loop);
	TURN_UNTIL(&worker.loop, scene.client->n_asks);
	ok(scene.client->n_asks == 1 && rig_is_silent(&scene.peer), "one of 2025-06-18 is");
	leave(&scene);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	pages();
	page_of_a_prompt();
	states();
	levels_to_legacy();
	levels_of_two();
	levels_shared();
	levels_to_modern();
	not_passed_on();
	revisions();
	later_questions();
	rig_stop();
	return tap_done();
}
