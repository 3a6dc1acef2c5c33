/* owner.c - whose a URI is where all servers stand together, and what is nobody's. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "exchange/owner.h"
#include "words.h"

#define READ(uri) REQUEST("1", "resources/read", "\"uri\":\"" uri "\"")
#define WATCHED                                                                                              \
	"{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true},\"completions\":{},"           \
	"\"resources\":{\"listChanged\":true,\"subscribe\":true}}"

static struct server *servers[2];
static struct peer peers[2];
static struct heard heard;

static void give(struct peer *peer, const char *method, const char *result)
{
	unsigned id = rig_id(rig_hear_of(peer, method));

	if (!id)
		ok(false, "the server is asked for %s", method);
	rig_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{%s}}", id, result);
	turn_a_while(&worker.loop);
}

#define RESOURCES(list) "\"resources\":[" list "]"
#define TEMPLATES(list) "\"resourceTemplates\":[" list "]"
#define URI(uri) "{\"uri\":\"" uri "\",\"name\":\"n\"}"
#define TEMPLATE(text) "{\"uriTemplate\":\"" text "\",\"name\":\"n\"}"

/* Two servers that have said what they have; a question that has been refused with it. */
static struct client *two(enum era era, const char *const resources[2], const char *const templates[2])
{
	struct client *client = rig_client(era, NULL, "mcp");

	servers[0] = rig_server("one");
	servers[1] = rig_server("two");
	rig_ask(client, &heard,
		era == ERA_LEGACY ? READ("y://nobody")
				  : REQUEST("1", "resources/read", "\"uri\":\"y://nobody\"," META));
	for (int i = 0; i < 2; i++)
		ok(rig_greet(&peers[i], WATCHED), "# a server");
	for (int i = 0; i < 2; i++) {
		give(&peers[i], "resources/list", resources[i]);
		give(&peers[i], "resources/templates/list", templates[i]);
	}
	TURN_UNTIL(&worker.loop, heard.finals);
	return client;
}

static void leave(struct client *client)
{
	client = rig_leave(client);
	for (int i = 0; i < 2; i++) {
		rig_end(&peers[i]);
		worker_drop_server(&worker, servers[i]);
	}
	buf_release(&heard.last);
}

/* Is the server asked with these words, and not the other one? */
static bool reaches(struct client *client, int at, const char *request, const char *words)
{
	struct span line;

	rig_ask(client, &heard, request);
	line = rig_hear_of(&peers[at], words);
	return line.n && rig_is_silent(&peers[1 - at]);
}

static const char *const r_both[2] = { RESOURCES(URI("x://a") "," URI("x://both")),
				       RESOURCES(URI("x://b") "," URI("x://both")) };
static const char *const t_both[2] = { TEMPLATES(TEMPLATE("file://{a}") "," TEMPLATE("w://{a}/x")),
				       TEMPLATES(TEMPLATE("file://{a}") "," TEMPLATE(
					   "w://x/{a}") "," TEMPLATE("z://{a}{?q}")) };

static void refused(void)
{
	struct client *client = two(ERA_LEGACY, r_both, t_both);

	ok(heard.status == 200 && rig_heard(&heard, "\"code\":-32002") &&
	       rig_heard(&heard, "\"uri\":\"y://nobody\""),
	   "nobody's, as the legacy era says it");
	rig_ask(client, &heard, READ("x://both"));
	ok(heard.finals && rig_heard(&heard, "-32002") && rig_heard(&heard, "\"K617\"") &&
	       rig_heard(&heard, "one and two"),
	   "what two list is neither's");
	rig_ask(client, &heard, READ("file://a"));
	ok(heard.finals && rig_heard(&heard, "\"K617\""), "nor a template of both");
	rig_ask(client, &heard, READ("w://x/x"));
	ok(heard.finals && rig_heard(&heard, "\"K617\""), "nor what templates of both may have given");
	rig_ask(client, &heard, REQUEST("1", "resources/subscribe", "\"uri\":\"x://both\""));
	ok(heard.finals && rig_heard(&heard, "\"K617\""), "nor to be subscribed to");
	rig_ask(client, &heard, REQUEST("1", "resources/subscribe", ""));
	ok(heard.finals && rig_heard(&heard, "-32602") && rig_heard(&heard, "\"K605\""), "without a URI");
	rig_ask(client, &heard,
		REQUEST("1", "completion/complete", "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"y://n\"}"));
	ok(heard.finals && rig_heard(&heard, "-32602"), "a completion of nobody's");
	rig_ask(client, &heard, REQUEST("1", "completion/complete", "\"ref\":7"));
	ok(heard.finals && rig_heard(&heard, "\"K605\""), "of nothing");
	ok(rig_is_silent(&peers[0]) && rig_is_silent(&peers[1]), "no server hears of any");
	rig_ask(client, &heard, REQUEST("1", "resources/list", ""));
	ok(heard.finals && rig_heard(&heard, "x://a") && rig_heard(&heard, "x://b") &&
	       !rig_heard(&heard, "x://both"),
	   "a list has what is somebody's, and not what is both's");
	is_int(servers[0]->omitted[OFFER_RESOURCES][OMIT_CONTESTED] +
		   servers[1]->omitted[OFFER_RESOURCES][OMIT_CONTESTED],
	       2, "which is counted for both");
	rig_ask(client, &heard, REQUEST("1", "resources/templates/list", ""));
	ok(heard.finals && rig_heard(&heard, "w://{a}/x") && !rig_heard(&heard, "file://"),
	   "of templates likewise");
	rig_ask(client, &heard, REQUEST("1", "resources/list", "\"cursor\":\"\""));
	ok(heard.finals && rig_heard(&heard, "\"K610\""), "lists come whole");
	leave(client);
}

static void routed(void)
{
	struct client *client = two(ERA_LEGACY, r_both, t_both);

	ok(reaches(client, 0, READ("x://a"), "resources/read"), "what one lists is its own");
	ok(reaches(client, 1, READ("x://b"), "\"uri\":\"x://b\""), "and what the other lists");
	ok(reaches(client, 1, READ("z://1?q=2"), "z://1?q=2"), "what one's template may have given");
	ok(reaches(client, 0, READ("w://1/x"), "w://1/x"), "where the other's may not");
	ok(reaches(client, 1,
		   REQUEST("1", "completion/complete",
			   "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"z://{a}{?q}\"},\"argument\":{}"),
		   "z://{a}{?q}"),
	   "a completion of a template");
	ok(reaches(client, 1,
		   REQUEST("1", "completion/complete",
			   "\"argument\":{},\"ref\":{\"name\":\"two__p\",\"type\":\"ref/prompt\"}"),
		   "\"ref\":{\"name\":\"p\",\"type\":\"ref/prompt\"}"),
	   "of a prompt, by its own name");
	rig_ask(client, &heard,
		REQUEST("1", "completion/complete", "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"}"));
	ok(heard.finals && rig_heard(&heard, "Unknown prompt"), "not by one without the server's");
	leave(client);
}

/* Links in results need not be listed. */
static void learnt(void)
{
	struct client *client = two(ERA_LEGACY, r_both, t_both);

	rig_ask(client, &heard, REQUEST("1", "prompts/get", "\"name\":\"one__p\""));
	give(
	    &peers[0], "prompts/get",
	    "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"resource_link\",\"uri\":\"l://1\",\"name\":\"n\"}},"
	    "{\"role\":\"user\",\"content\":{\"type\":\"resource\",\"resource\":{\"uri\":\"l://2\",\"text\":\"\"}}},"
	    "{\"role\":\"user\",\"content\":{\"type\":\"resource_link\",\"uri\":\"x://b\",\"name\":\"n\"}},7]");
	ok(heard.finals == 1 && rig_heard(&heard, "l://1"), "# a result with links");
	ok(reaches(client, 0, READ("l://1"), "l://1"), "a link in it is its server's");
	ok(reaches(client, 0, READ("l://2"), "l://2"), "and what stands in it");
	ok(reaches(client, 1, READ("x://b"), "x://b"), "but not what another lists");
	rig_ask(client, &heard, REQUEST("7", "prompts/get", "\"name\":\"two__p\""));
	give(&peers[1], "prompts/get",
	     "\"messages\":[{\"content\":[{\"type\":\"resource_link\",\"uri\":\"l://1\"}]}]");
	rig_ask(client, &heard, READ("l://1"));
	ok(heard.finals && rig_heard(&heard, "\"K617\""), "what both have said is neither's");
	leave(client);
}

#define APP(uri)                                                                                             \
	"\"tools\":[{\"name\":\"t\",\"inputSchema\":{},\"_meta\":{\"ui\":{\"resourceUri\":\"" uri "\"}}}]"

/* The page that a tool is shown with need not be listed. */
static void shown(void)
{
	struct client *client = two(ERA_LEGACY, r_both, t_both);

	rig_ask(client, &heard, REQUEST("1", "tools/list", ""));
	give(&peers[0], "tools/list", APP("ui://app"));
	give(&peers[1], "tools/list", APP("x://a"));
	ok(heard.finals == 1 && rig_heard(&heard, "ui://app"), "# two lists of tools");
	ok(reaches(client, 0, READ("ui://app"), "ui://app"), "the page is that of the tool's server");
	ok(reaches(client, 0, READ("x://a"), "x://a"), "but not what another lists");
	leave(client);
}

static struct span told;
static char told_store[4096];

static bool hear(struct outlet *outlet, struct span message)
{
	(void)outlet;
	memcpy(told_store, message.p, message.n < sizeof(told_store) ? message.n : 0);
	told = span_of(told_store, message.n);
	return true;
}

static void deaf(struct outlet *outlet)
{
	(void)outlet;
}

static void say_updated(int at, const char *uri)
{
	told = S("");
	rig_say(
	    &peers[at],
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"%s\"}}",
	    uri);
	turn_a_while(&worker.loop);
}

static void updated(void)
{
	struct client *client = two(ERA_LEGACY, r_both, t_both);
	struct outlet outlet = { .send = hear, .close = deaf };

	client_set_outlet(client, &outlet);
	say_updated(0, "x://a");
	is_int(told.n, 0, "who did not subscribe hears nothing");
	rig_ask(client, &heard, REQUEST("1", "resources/subscribe", "\"uri\":\"x://a\""));
	give(&peers[0], "resources/subscribe", "");
	is_int(heard.finals, 1, "# subscribed");
	say_updated(1, "x://a");
	is_int(told.n, 0, "nor from another server");
	say_updated(0, "x://b");
	is_int(told.n, 0, "nor of another server's");
	say_updated(0, "x://a");
	ok(span_contains(told, S("x://a")), "what was subscribed to");
	say_updated(0, "x://a/part");
	ok(span_contains(told, S("x://a/part")), "and a part of it");
	ok(reaches(client, 0, READ("x://a/part"), "x://a/part"), "which can be read");
	rig_ask(client, &heard, REQUEST("9", "resources/unsubscribe", "\"uri\":\"x://a\""));
	give(&peers[0], "resources/unsubscribe", "");
	say_updated(0, "x://a");
	is_int(told.n, 0, "until it no longer is");
	client->outlet = NULL;
	leave(client);
}

/* What was fetched was fetched long ago. */
static void age(struct client *client)
{
	LIST_EACH(&client->attachments, node)
		LIST_ENTRY(node, struct attachment, node)->shelves[OFFER_RESOURCES].tried_ms = 1;
}

/* A server that is gone keeps what it had: nobody becomes its heir by its death. */
static void dead(void)
{
	struct client *client = two(ERA_LEGACY, r_both, t_both);

	rig_end(&peers[0]);
	TURN_UNTIL(&worker.loop, !LIST_ENTRY(client->attachments.next, struct attachment, node)->link);
	rig_ask(client, &heard, READ("x://both"));
	ok(rig_launch(NULL), "it cannot be started again");
	TURN_UNTIL(&worker.loop, heard.finals);
	ok(rig_heard(&heard, "\"K617\"") && rig_is_silent(&peers[1]),
	   "what was both's is not the other's now");
	leave(client);
}

static void modern(void)
{
	struct client *client = two(ERA_MODERN, r_both, t_both);

	ok(rig_heard(&heard, "\"code\":-32602") && rig_heard(&heard, "\"uri\":\"y://nobody\""),
	   "nobody's, as the modern era says it");
	age(client);
	rig_ask(client, &heard, REQUEST("1", "resources/list", META));
	give(&peers[0], "resources/list",
	     "\"resources\":[" URI("x://a") "],\"ttlMs\":500,\"cacheScope\":\"public\"");
	give(&peers[1], "resources/list",
	     "\"resources\":[" URI("x://b") "],\"ttlMs\":90000,\"cacheScope\":\"public\"");
	ok(heard.finals && rig_heard(&heard, "\"ttlMs\":500,\"cacheScope\":\"private\""),
	   "the least of the times, and nobody else's");
	age(client);
	rig_ask(client, &heard, REQUEST("1", "resources/list", META));
	give(&peers[0], "resources/list", "\"resources\":[],\"ttlMs\":500");
	give(&peers[1], "resources/list", "\"resources\":[]");
	ok(heard.finals && rig_heard(&heard, "\"ttlMs\":0,"), "no time where one says none");
	leave(client);
}

/* --- what it costs --- */

enum { COSTLY = 40, COSTLY_EXPRESSIONS = 300, COSTLY_URI = 4000 };

/* Templates that take long to say that they have not given a long URI. */
static const char *costly_templates(void)
{
	static char store[COSTLY * (COSTLY_EXPRESSIONS * 3 + 64)];
	struct buf out = buf_over(store, sizeof(store) - 1);

	buf_add(&out, S("\"resourceTemplates\":["));
	for (int i = 0; i < COSTLY; i++) {
		buf_addf(&out, "%s{\"name\":\"n\",\"uriTemplate\":\"c://", i ? "," : "");
		for (int k = 0; k < COSTLY_EXPRESSIONS; k++)
			buf_add(&out, S("{a}"));
		buf_addf(&out, "!%d\"}", i);
	}
	buf_add_char(&out, ']');
	store[out.n] = '\0';
	return store;
}

static void listen_to(struct client *client, const char *first, bool costly, const char *last)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)3 * COSTLY_URI);

	buf_addf(&text,
		 "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{" META
		 ",\"notifications\":{\"resourceSubscriptions\":[%s\"c://",
		 first);
	for (int i = 0; costly && i < COSTLY_URI; i++)
		buf_add_char(&text, 'u');
	buf_addf(&text, "\"%s]}}}", last);
	rig_ask_as(client, &heard, buf_span(&text), false);
}

/* Who asks for many that take long to compare has spent what one request may: the rest is nobody's. */
static void costly(void)
{
	const char *const templates[2] = { costly_templates(), TEMPLATES("") };
	struct client *client = two(ERA_MODERN, r_both, templates);

	listen_to(client, "", true, ",\"x://a\"");
	ok(heard.sent == 1 && rig_heard(&heard, "subscriptions/acknowledged") && !rig_heard(&heard, "x://a"),
	   "after one that takes as long as a request may, another is nobody's");
	listen_to(client, "", false, ",\"x://a\"");
	ok(heard.sent == 0 && span_contains(rig_hear_of(&peers[0], "resourceSubscriptions"), S("x://a")),
	   "after one that does not, it is whose it is");
	listen_to(client, "\"x://both\",\"x://b\",", true, "");
	ok(heard.sent == 0 && span_contains(rig_hear_of(&peers[1], "resourceSubscriptions"), S("x://b")),
	   "and so is one before it, in a request of its own");
	leave(client);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	refused();
	routed();
	learnt();
	shown();
	updated();
	dead();
	modern();
	costly();
	rig_stop();
	return tap_done();
}
