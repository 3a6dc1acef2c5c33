/* rounds.c - a modern server asks by its results, and a legacy client is asked in the words of its era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras.h"

#include "exchange/account.h"
#include "exchange/rounds.h"

#define OFFERS "{\"tools\":{},\"prompts\":{},\"resources\":{}}"
#define CALL REQUEST("1", "tools/call", "\"name\":\"t\",\"arguments\":{\"a\":1}")
#define WANTS_NAME "{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"form\"," FORM "}}"
#define WANTS_ROOTS "{\"method\":\"roots/list\"}"
#define ACCEPTS "{\"action\":\"accept\",\"content\":{\"n\":\"x\"}}"

struct scene {
	struct server *server;
	struct client *client;
	struct peer peer;
	struct page page;
};

static void begin_as(struct scene *scene, enum era client, enum era server)
{
	*scene = (struct scene){ .server = server_of("files", server) };
	scene->client = client_of(client, scene->server);
	bring_up(scene->client, &scene->peer, OFFERS);
}

static void begin(struct scene *scene)
{
	begin_as(scene, ERA_LEGACY, ERA_MODERN);
	page_ask(scene->client, &scene->page, CALL);
}

static void leave(struct scene *scene)
{
	scene->client = rig_leave(scene->client);
	rig_end(&scene->peer);
	worker_drop_server(&worker, scene->server);
	buf_release(&scene->page.all);
	is_int(worker.held.used, 0, "# nothing is held any more");
}

/* The server ends what it is asked now with this result; what it heard is returned. */
static struct span answer(struct scene *scene, const char *method, const char *result)
{
	struct span line = rig_hear_of(&scene->peer, method);

	rig_say(&scene->peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":%s}", rig_id(line), result);
	return line;
}

#define WANT(inputs, more) "{\"resultType\":\"input_required\",\"inputRequests\":{" inputs "}" more "}"

static struct span want(struct scene *scene, const char *result)
{
	struct span line = answer(scene, "tools/call", result);
	unsigned sent = scene->page.sent;

	TURN_UNTIL(&worker.loop, scene->page.sent > sent || scene->page.finals);
	return line;
}

#define DONE "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}"

static bool done(struct scene *scene)
{
	(void)answer(scene, "tools/call", DONE);
	TURN_UNTIL(&worker.loop, scene->page.finals);
	return scene->page.finals == 1 && page_has(&scene->page, "\"done\"") &&
	       !page_has(&scene->page, "resultType") && !page_has(&scene->page, "input_required");
}

/* --- what is not played --- */

static bool given_up(struct scene *scene)
{
	TURN_UNTIL(&worker.loop, scene->page.finals);
	return scene->page.finals == 1 && page_has(&scene->page, "\"K705\"") && rig_is_silent(&scene->peer) &&
	       scene->client->n_asks == 0;
}

static void not_asked(void)
{
	static const struct {
		const char *why, *result;
		unsigned declared;
	} cases[] = {
		{ "what the client does not offer", WANT("\"a\":" WANTS_NAME, ""), CLIENT_ROOTS },
		{ "a page, of who takes forms",
		  WANT(
		      "\"a\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":\"m\",\"url\":\"https://a\"}}",
		      ""),
		  CLIENT_ELICITATION },
		{ "one of two it does not offer", WANT("\"a\":" WANTS_ROOTS ",\"b\":" WANTS_NAME, ""),
		  CLIENT_ROOTS },
		{ "a method that is no question", WANT("\"a\":{\"method\":\"tools/list\"}", ""),
		  EVERYTHING_DECLARED },
		{ "a method nobody knows", WANT("\"a\":{\"method\":\"roots/other\"}", ""),
		  EVERYTHING_DECLARED },
		{ "no method", WANT("\"a\":{}", ""), EVERYTHING_DECLARED },
		{ "no object", WANT("\"a\":7", ""), EVERYTHING_DECLARED },
		{ "a form of nothing", WANT("\"a\":{\"method\":\"elicitation/create\",\"params\":{}}", ""),
		  EVERYTHING_DECLARED },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene scene;

		begin(&scene);
		scene.client->declared = cases[i].declared;
		(void)want(&scene, cases[i].result);
		ok(given_up(&scene), "%s: the call ends with an error", cases[i].why);
		leave(&scene);
	}
}

/* What questions are called is the server's to say, and is kept as long as the client may take to answer. */
static void long_names(void)
{
	enum { NAME = 40000 };
	static char result[NAME + 1024];
	struct scene scene;
	struct budget *held;
	size_t before;

	(void)snprintf(result, sizeof(result),
		       "{\"resultType\":\"input_required\",\"inputRequests\":{\"%0*d\":" WANTS_ROOTS "}}",
		       NAME, 7);
	begin(&scene);
	held = &scene.client->account->held;
	before = held->used;
	(void)want(&scene, result);
	ok(scene.client->n_asks == 1 && held->used >= before + NAME, "a question's name is charged: %zu",
	   held->used);
	leave(&scene);
	begin(&scene);
	held = &scene.client->account->held;
	held->max = held->used + NAME / 2;
	(void)want(&scene, result);
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(scene.page.finals == 1 && scene.client->n_asks == 0 && !page_has(&scene.page, "roots/list"),
	   "one that does not fit is not asked");
	leave(&scene);
}

static void too_much(void)
{
	CLEANUP(buf_release) struct buf inputs = BUF_INIT((size_t)65536);
	struct scene scene;
	unsigned n = 0;

	buf_add(&inputs, S("{\"resultType\":\"input_required\",\"inputRequests\":{"));
	for (unsigned i = 0; i < ROUNDS_ASKS + 1; i++)
		buf_addf(&inputs, "%s\"i%u\":" WANTS_ROOTS, i ? "," : "", i);
	buf_add(&inputs, S("}}"));
	begin(&scene);
	(void)want(&scene, buf_cstr(&inputs));
	ok(given_up(&scene), "more questions in one round than may be");
	page_ask(scene.client, &scene.page, CALL);
	while (n < ROUNDS + 5 && !scene.page.finals) {
		(void)want(&scene, WANT("\"a\":" WANTS_ROOTS, ""));
		client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
			    asked_id(&scene.page, ++n));
	}
	ok(given_up(&scene) && n == ROUNDS + 1, "more rounds than may be: %u", n);
	leave(&scene);
}

/* A result that only looks like one that asks: of an older server, or where nothing can be asked again. */
static void not_a_round(void)
{
	struct scene scene;

	begin_as(&scene, ERA_LEGACY, ERA_LEGACY);
	page_ask(scene.client, &scene.page, CALL);
	(void)answer(&scene, "tools/call", WANT("", ",\"content\":[]"));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"content\":[]") && !page_has(&scene.page, "\"error\""),
	   "a legacy server's is a result like another");
	leave(&scene);
	begin_as(&scene, ERA_MODERN, ERA_LEGACY);
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"t\"," META));
	(void)answer(&scene, "tools/call",
		     WANT("\"a\":" WANTS_ROOTS, ",\"content\":[],\"requestState\":\"x\""));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"resultType\":\"complete\"") && page_has(&scene.page, "\"content\":[]") &&
	       !page_has(&scene.page, "requestState") && !page_has(&scene.page, "inputRequests"),
	   "for a modern client, too");
	leave(&scene);
	for (int modern = 0; modern < 2; modern++) {
		begin_as(&scene, modern ? ERA_MODERN : ERA_LEGACY, ERA_MODERN);
		page_ask(scene.client, &scene.page,
			 modern ? REQUEST("1", "resources/list", META) : REQUEST("1", "resources/list", ""));
		(void)answer(&scene, "resources/list", WANT("\"a\":" WANTS_ROOTS, ""));
		ok(given_up(&scene), "a list that asks is refused");
		leave(&scene);
	}
}

static void client_refuses(void)
{
	struct scene scene;

	begin(&scene);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS ",\"s\":" WANTS_ROOTS, ""));
	client_says(scene.client,
		    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-1,\"message\":\"no\"}}",
		    asked_id(&scene.page, 1));
	ok(given_up(&scene), "an error that has no words in the modern era ends the call");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 2));
	ok(rig_is_silent(&scene.peer) && scene.page.finals == 1, "what is answered after that is nobody's");
	page_ask(scene.client, &scene.page, CALL);
	(void)want(&scene, WANT("\"n\":" WANTS_NAME, ""));
	client_says(scene.client,
		    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-1,\"message\":\"no\"}}",
		    asked_id(&scene.page, 1));
	ok(span_contains(answer(&scene, "tools/call", DONE),
			 S("\"inputResponses\":{\"n\":{\"action\":\"cancel\"}}")),
	   "of a form it is a word of its own");
	leave(&scene);
}

static void too_late(void)
{
	struct scene scene;

	begin(&scene);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS, ""));
	link_tick(attachment_in(scene.client)->link,
		  loop_now(&worker.loop) + worker.limits.call_total_ms + 1000);
	ok(given_up(&scene), "a client that does not answer in time");
	page_ask(scene.client, &scene.page, CALL);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS, ""));
	exchange_tick(exchange_find(scene.client, S("1")), loop_now(&worker.loop) + 70000);
	ok(scene.page.finals == 0, "it may take longer than a server may");
	exchange_tick(exchange_find(scene.client, S("1")),
		      loop_now(&worker.loop) + worker.limits.call_total_ms + 1000);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K703\"") && scene.client->n_asks == 0,
	   "but not for ever");
	leave(&scene);
}

static void given_up_by_the_client(void)
{
	struct scene scene;
	unsigned id;

	begin(&scene);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS, ""));
	id = asked_id(&scene.page, 1);
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":1}}");
	ok(scene.client->n_asks == 0 && scene.client->n_exchanges == 0, "cancelled while it is asked");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}", id);
	ok(rig_is_silent(&scene.peer), "its answer is nobody's");
	page_ask(scene.client, &scene.page, CALL);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS, ""));
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 1));
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
				  "\"requestId\":1}}");
	ok(rig_is_silent(&scene.peer), "cancelled with the answer given: no further round");
	page_ask(scene.client, &scene.page, CALL);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS, ""));
	client_close(scene.client, S("gone"));
	ok(scene.client->n_asks == 0, "gone while it is asked");
	leave(&scene);
}

static void link_dies(void)
{
	struct scene scene;
	struct span line;

	begin(&scene);
	(void)want(&scene, WANT("\"r\":" WANTS_ROOTS, ",\"requestState\":\"s1\""));
	rig_end(&scene.peer);
	TURN_UNTIL(&worker.loop, !attachment_in(scene.client)->link);
	ok(scene.client->n_asks == 1 && scene.page.finals == 0, "the server ends while the client is asked");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 1));
	ok(rig_greet(&scene.peer, OFFERS), "answered: it is started again");
	(void)answer(&scene, "tools/list",
		     "{\"resultType\":\"complete\",\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}");
	line = answer(&scene, "tools/call", DONE);
	ok(span_contains(line, S("\"inputResponses\":{\"r\":{\"roots\":[]}}")) &&
	       span_contains(line, S("\"requestState\":\"s1\"")),
	   "and has all it needs: its state is its own");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"done\""), "to the end");
	leave(&scene);
}

/* --- good rounds --- */

static void one_question(void)
{
	struct scene scene;
	struct span line;

	begin(&scene);
	line = want(&scene, WANT("\"a \\u0041\":" WANTS_NAME, ",\"requestState\":\"s\\u00e9\""));
	ok(!span_contains(line, S("inputResponses")) && !span_contains(line, S("requestState")) &&
	       span_contains(line, S("io.modelcontextprotocol/protocolVersion")),
	   "the first round brings nothing");
	ok(scene.page.sent == 1 && page_has(&scene.page, "\"method\":\"elicitation/create\",\"params\":{") &&
	       page_has(&scene.page, "Name?") && !page_has(&scene.page, "requestState"),
	   "the client is asked, in its own words");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" ACCEPTS "}",
		    asked_id(&scene.page, 1));
	line = answer(&scene, "tools/call", DONE);
	ok(span_contains(line, S("\"inputResponses\":{\"a \\u0041\":" ACCEPTS "}")) &&
	       span_contains(line, S("\"requestState\":\"s\\u00e9\"")) &&
	       span_contains(line, S("\"name\":\"t\",\"arguments\":{\"a\":1}")),
	   "the call is made again with the answer, and the state as it was given");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"done\"") && page_has(&scene.page, "\"id\":1,") && scene.page.finals == 1,
	   "the client has one answer to one call");
	leave(&scene);
}

static void several(void)
{
	struct scene scene;
	struct span line;

	begin(&scene);
	(void)want(&scene, WANT("\"a\":" WANTS_NAME ",\"b\":" WANTS_ROOTS, ",\"requestState\":\"s1\""));
	TURN_UNTIL(&worker.loop, scene.page.sent == 2);
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 2));
	ok(rig_is_silent(&scene.peer), "one of two is answered: the server waits");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" ACCEPTS "}",
		    asked_id(&scene.page, 1));
	line = want(&scene, WANT("\"c\":" WANTS_ROOTS, ""));
	ok(span_contains(line, S("\"b\":{\"roots\":[]}")) && span_contains(line, S("\"a\":" ACCEPTS)) &&
	       span_contains(line, S("\"requestState\":\"s1\"")),
	   "then both are passed on");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 3));
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(span_contains(line, S("\"inputResponses\":{\"c\":{\"roots\":[]}}")) &&
	       !span_contains(line, S("requestState")) && !span_contains(line, S("\"a\":{\"action\"")),
	   "a second round holds only its own");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" DONE "}", rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"done\""), "to the end");
	leave(&scene);
}

/* A server that wants to be asked again, and asks nothing: not at once, for it may do so again and again. */
static void nothing_asked(void)
{
	static const char *const results[] = { WANT("", ",\"requestState\":\"s1\""),
					       "{\"resultType\":\"input_required\"}" };

	for (size_t i = 0; i < COUNT(results); i++) {
		struct scene scene;
		struct span line;

		begin(&scene);
		(void)answer(&scene, "tools/call", results[i]);
		ok(rig_is_silent(&scene.peer) && scene.page.sent == 0, "not at once");
		exchange_tick(exchange_find(scene.client, S("1")), loop_now(&worker.loop));
		line = rig_hear(&scene.peer);
		ok(span_contains(line, S("tools/call")) &&
		       span_contains(line, S("\"requestState\":\"s1\"")) == (i == 0) &&
		       !span_contains(line, S("inputResponses")),
		   "but with the next second");
		rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" DONE "}", rig_id(line));
		TURN_UNTIL(&worker.loop, scene.page.finals);
		ok(page_has(&scene.page, "\"done\""), "to the end");
		leave(&scene);
	}
}

/* What a legacy client has in its params under the modern era's names is not for the server. */
static void not_the_clients(void)
{
	struct scene scene;
	struct span line;

	begin_as(&scene, ERA_LEGACY, ERA_MODERN);
	page_ask(scene.client, &scene.page,
		 REQUEST("1", "tools/call",
			 "\"requestState\":\"mine\",\"name\":\"t\",\"inputResponses\":{\"a\":{}}"));
	line = want(&scene, WANT("\"a\":" WANTS_ROOTS, ",\"requestState\":\"s1\""));
	ok(!span_contains(line, S("mine")) && !span_contains(line, S("inputResponses")),
	   "answers that nobody asked for are left out");
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 1));
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(!span_contains(line, S("mine")) && span_contains(line, S("\"requestState\":\"s1\"")) &&
	       span_contains(line, S("\"inputResponses\":{\"a\":{\"roots\":[]}}")),
	   "also beside the gate's own");
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" DONE "}", rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	leave(&scene);
}

/* Under its name among all servers the tool is found again in each round. */
static void of_all_servers(void)
{
	struct server *server = server_of("files", ERA_MODERN);
	struct scene scene = { .server = server, .client = client_of(ERA_LEGACY, NULL) };
	struct span line;

	bring_up(scene.client, &scene.peer, OFFERS);
	page_ask(scene.client, &scene.page, REQUEST("1", "tools/call", "\"name\":\"files__t\""));
	(void)want(&scene, WANT("\"a\":" WANTS_ROOTS, ""));
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 1));
	line = rig_hear_of(&scene.peer, "tools/call");
	ok(span_contains(line, S("\"name\":\"t\"")) && span_contains(line, S("inputResponses")),
	   "the server's own name: %.*s", SPAN_ARG(line));
	rig_say(&scene.peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":" DONE "}", rig_id(line));
	TURN_UNTIL(&worker.loop, scene.page.finals);
	ok(page_has(&scene.page, "\"done\""), "to the end");
	page_ask(scene.client, &scene.page, REQUEST("2", "tools/call", "\"name\":\"files__t\""));
	(void)want(&scene, WANT("\"a\":" WANTS_ROOTS, ""));
	client_detach_server(scene.client, server);
	ok(scene.page.finals == 1 && page_has(&scene.page, "\"K704\"") && scene.client->n_asks == 0,
	   "the server is taken away while the client is asked");
	leave(&scene);
}

static void other_methods(void)
{
	struct scene scene;

	begin_as(&scene, ERA_LEGACY, ERA_MODERN);
	page_ask(scene.client, &scene.page, REQUEST("1", "prompts/get", "\"name\":\"p\""));
	(void)answer(&scene, "prompts/get", WANT("\"a\":" WANTS_ROOTS, ""));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 1));
	ok(span_contains(answer(&scene, "prompts/get", "{\"resultType\":\"complete\",\"messages\":[]}"),
			 S("\"inputResponses\":{\"a\":")),
	   "a prompt may ask");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	page_ask(scene.client, &scene.page, REQUEST("1", "resources/read", "\"uri\":\"x://a\""));
	(void)answer(&scene, "resources/read", WANT("\"a\":" WANTS_ROOTS, ""));
	TURN_UNTIL(&worker.loop, scene.page.sent);
	client_says(scene.client, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"roots\":[]}}",
		    asked_id(&scene.page, 1));
	ok(span_contains(answer(&scene, "resources/read", "{\"resultType\":\"complete\",\"contents\":[]}"),
			 S("\"inputResponses\":{\"a\":")),
	   "and a resource");
	TURN_UNTIL(&worker.loop, scene.page.finals);
	page_ask(scene.client, &scene.page, CALL);
	ok(done(&scene), "and nobody has to");
	leave(&scene);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	not_asked();
	long_names();
	too_much();
	not_a_round();
	client_refuses();
	too_late();
	given_up_by_the_client();
	link_dies();
	one_question();
	several();
	nothing_asked();
	not_the_clients();
	of_all_servers();
	other_methods();
	rig_stop();
	return tap_done();
}
