/* eras_play.c - what is said on the stage of fuzz_eras.c, and whether it may be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras_play.h"

#include "rig.h"

#include "base/check.h"

#define META_OF(capabilities, more)                                                                          \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":" capabilities more "}"
#define ALL "{\"sampling\":{},\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"
#define META META_OF(ALL, "")
#define FORM                                                                                                 \
	"\"message\":\"Name?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"    \
	"\"string\"}}}"
#define CAPABILITIES                                                                                         \
	"{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true},\"resources\":{\"subscribe\":" \
	"true,\"listChanged\":true},\"logging\":{},\"completions\":{}}"
#define SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

enum {
	PLAY_REQUESTS = 24, /* of one client, at once */
	PLAY_ASKS = 64,	    /* that wait for somebody's answer */
	PLAY_PEERS = 12,
	PLAY_STEPS = 400,
	PLAY_TEXT = 65536,
};

struct player;

/* One request of a client: its answer comes once. */
struct request {
	struct sink sink;
	struct player *player;
	bool open, cancelled;
	enum method method;
	char id[16];
};

/* A client. */
struct player {
	struct play *play;
	struct client *client;
	struct outlet outlet;
	struct request requests[PLAY_REQUESTS];
	unsigned next_id;
	uint64_t asks[PLAY_ASKS]; /* ids of what it is asked and has not answered; 0: none */
	enum method asked[PLAY_ASKS];
	char state[4096];	/* the last requestState it was given */
	unsigned state_request; /* which of its texts that was for */
	unsigned last_text;
};

/* A server's process. */
struct staged {
	struct play *play;
	bool alive;
	enum era era;
	struct peer peer;
	uint64_t open[PLAY_ASKS]; /* ids of the gate's requests */
	enum method methods[PLAY_ASKS];
	uint64_t listens;	  /* the id of the last subscription */
	uint64_t asks[PLAY_ASKS]; /* its own requests without an answer */
	uint64_t next_ask;
};

struct play {
	const uint8_t *data;
	size_t size, steps;
	struct server *servers[2]; /* of the legacy era, of the modern one */
	struct player clients[2];
	struct staged staged[PLAY_PEERS];
	uint64_t later_ms; /* of time that was made to pass */
};

static struct ring consumer = RING_INIT;

/* --- the input --- */

bool play_has_more(const struct play *play)
{
	return play->size && play->steps < PLAY_STEPS;
}

uint8_t play_byte(struct play *play)
{
	play->steps++;
	if (!play->size)
		return 0;
	play->size--;
	return *play->data++;
}

/* --- what a client hears --- */

static bool is_modern(const struct player *player)
{
	return player->client->era == ERA_MODERN;
}

static enum era era_of_server(const struct player *player)
{
	if (!player->client->only)
		return ERA_UNKNOWN;
	return player->client->only == player->play->servers[0] ? ERA_LEGACY : ERA_MODERN;
}

/* A request or notification that the gate sends to the client. */
static void judge_words(struct player *player, const struct message *message)
{
	bool notification = message->kind == MESSAGE_NOTIFICATION;
	uint64_t id = 0;

	check(method_allowed(message->method, player->client->revision, METHOD_FROM_SERVER));
	check(notification == ((method_info(message->method)->flags & METHOD_NOTIFICATION) != 0));
	if (notification)
		return;
	check(!is_modern(player));
	check(json_u64(message->json, message->id, &id) && id);
	for (size_t i = 0; i < PLAY_ASKS; i++)
		check(player->asks[i] != id);
	player->asks[id % PLAY_ASKS] = id;
	player->asked[id % PLAY_ASKS] = message->method;
}

static void keep_state(struct player *player, const struct request *request, const struct message *message)
{
	json_at state = json_get(message->json, message->result, S("requestState"));

	(void)request;
	if (!json_is(message->json, state, JSON_STRING) ||
	    !span_to_cstr(json_string_raw(message->json, state), player->state, sizeof(player->state)))
		return;
	player->state_request = player->last_text;
}

static bool has_type(const struct message *message, struct span type)
{
	json_at at = json_get(message->json, message->result, S("resultType"));

	return json_is(message->json, at, JSON_STRING) &&
	       (type.n == 0 || json_string_is(message->json, at, type));
}

/* Across the eras nothing is left of the other's form. */
static void judge_result(struct player *player, const struct request *request, const struct message *message)
{
	bool crossed = era_of_server(player) != ERA_UNKNOWN && era_of_server(player) != player->client->era;
	bool rounds = has_type(message, S("input_required"));

	check(json_is(message->json, message->result, JSON_OBJECT));
	if (is_modern(player) && crossed)
		check(has_type(message, S("")));
	if (!is_modern(player) && crossed)
		check(!has_type(message, S("")) &&
		      json_get(message->json, message->result, S("inputRequests")) == JSON_NONE);
	if (is_modern(player) && rounds) {
		check(method_info(request->method)->flags & METHOD_MULTI_ROUND);
		check(json_get(message->json, message->result, S("requestState")) != JSON_NONE);
		keep_state(player, request, message);
	}
}

static void judge_error(const struct player *player, const struct message *message)
{
	bool crossed = era_of_server(player) != ERA_UNKNOWN && era_of_server(player) != player->client->era;
	int64_t code = 0;

	check(json_i64(message->json, json_get(message->json, message->error, S("code")), &code));
	if (crossed && is_modern(player))
		check(code != -32042 && code != -32002);
	if (crossed && !is_modern(player))
		check(code != -32020 && code != -32021 && code != -32022);
}

static void hear(struct player *player, struct request *request, struct span text, bool final)
{
	struct json json = { 0 };
	struct message message;

	check(json_parse(&json, text, text.n) && message_read(&json, 0, &message) == MESSAGE_OK);
	if (message.kind == MESSAGE_REQUEST || message.kind == MESSAGE_NOTIFICATION) {
		check(!final);
		judge_words(player, &message);
	} else {
		check(final && request);
		check(span_eq(message_token(&json, message.id), span_str(request->id)));
		if (message.kind == MESSAGE_RESULT)
			judge_result(player, request, &message);
		else
			judge_error(player, &message);
	}
	json_release(&json);
}

static void take(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct request *request = LIST_ENTRY(sink, struct request, sink);

	(void)x;
	(void)status;
	check(request->open);
	if (final)
		request->open = false;
	/* Without a word ends only what the client has given up. */
	if (message.n == 0)
		check(final && (request->cancelled || request->player->client->closed));
	else
		hear(request->player, request, message, final);
}

static bool take_unasked(struct outlet *outlet, struct span message)
{
	hear(LIST_ENTRY(outlet, struct player, outlet), NULL, message, false);
	return true;
}

static void outlet_closed(struct outlet *outlet)
{
	(void)outlet;
}

/* --- what a client says --- */

static void start(struct player *player, struct json *json, const struct message *message)
{
	struct request *request = NULL;

	for (size_t i = 0; i < PLAY_REQUESTS && !request; i++)
		if (!player->requests[i].open)
			request = &player->requests[i];
	if (!request || !span_to_cstr(message_token(json, message->id), request->id, sizeof(request->id)))
		return;
	for (size_t i = 0; i < PLAY_REQUESTS; i++)
		if (player->requests[i].open && !strcmp(player->requests[i].id, request->id))
			return;
	*request = (struct request){
		.sink = { .send = take }, .player = player, .open = true, .method = message->method
	};
	(void)span_to_cstr(message_token(json, message->id), request->id, sizeof(request->id));
	exchange_start(&worker, message,
		       &(struct exchange_options){ .client = player->client,
						   .only = player->client->only,
						   .sink = &request->sink,
						   .revision = player->client->revision });
}

static void client_says(struct player *player, struct span text)
{
	struct message message;

	if (player->client->closed || !json_parse(&worker.json, text, text.n) ||
	    message_read(&worker.json, 0, &message) != MESSAGE_OK)
		return;
	if (message.kind == MESSAGE_REQUEST && message.method != METHOD_INITIALIZE)
		start(player, &worker.json, &message);
	else if (message.kind == MESSAGE_NOTIFICATION)
		client_notified(player->client, player->client->only, &message);
	else if (message.kind != MESSAGE_REQUEST && !is_modern(player))
		client_answered(player->client, &message);
}

static const struct {
	const char *method, *params;
} legacy_texts[] = {
	{ "tools/call", "\"name\":\"t\",\"arguments\":{}" },
	{ "tools/call", "\"name\":\"new__t\",\"_meta\":{\"progressToken\":\"p\"}" },
	{ "tools/call", "\"name\":\"t\",\"_meta\":{\"progressToken\":7},\"task\":{}" },
	{ "prompts/get", "\"name\":\"p\"" },
	{ "resources/read", "\"uri\":\"x://a\"" },
	{ "resources/subscribe", "\"uri\":\"x://a\"" },
	{ "resources/subscribe", "\"uri\":\"x://b\"" },
	{ "resources/unsubscribe", "\"uri\":\"x://a\"" },
	{ "logging/setLevel", "\"level\":\"info\"" },
	{ "completion/complete",
	  "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},\"argument\":{\"name\":\"a\",\"value\":\"\"}" },
	{ "prompts/list", "\"_meta\":{}" },
	{ "tools/list", "\"_meta\":{}" },
	{ "resources/list", "\"cursor\":\"c\"" },
	{ "ping", "" },
	{ "tools/call", "\"name\":\"t\",\"requestState\":\"x\",\"inputResponses\":{}" },
	{ "tasks/get", "\"taskId\":\"1\"" },
};

static const struct {
	const char *method, *params;
} modern_texts[] = {
	{ "tools/call", "\"name\":\"t\",\"arguments\":{}," META },
	{ "tools/call", "\"name\":\"old__t\"," META_OF(ALL, ",\"progressToken\":\"p\"") },
	{ "tools/call",
	  "\"name\":\"t\"," META_OF("{\"roots\":{}}", ",\"io.modelcontextprotocol/logLevel\":\"info\"") },
	{ "prompts/get", "\"name\":\"p\"," META },
	{ "resources/read", "\"uri\":\"x://a\"," META },
	{ "subscriptions/listen",
	  "\"notifications\":{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"x://a\",\"x://b\"]}," META },
	{ "subscriptions/listen", "\"notifications\":{\"promptsListChanged\":true}," META },
	{ "subscriptions/listen", "\"notifications\":{\"resourceSubscriptions\":[\"x://a\"]}," META },
	{ "tools/list", META },
	{ "server/discover", META },
	{ "completion/complete",
	  "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},\"argument\":{\"name\":\"a\",\"value\":\"\"}," META },
	{ "prompts/list", META },
	{ "resources/list", META },
	{ "tools/call", "\"name\":\"t\"," META_OF(ALL, ",\"io.modelcontextprotocol/logLevel\":\"error\"") },
};

/* `more` are further members of params. */
static void ask_text(struct player *player, unsigned which, struct span more)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)PLAY_TEXT);
	bool modern = is_modern(player);
	const char *params;

	which %= modern ? COUNT(modern_texts) : COUNT(legacy_texts);
	params = modern ? modern_texts[which].params : legacy_texts[which].params;
	player->last_text = which;
	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":{", ++player->next_id,
		 modern ? modern_texts[which].method : legacy_texts[which].method);
	buf_add(&text, more);
	buf_addf(&text, "%s%s}}", more.n && *params ? "," : "", params);
	client_says(player, buf_span(&text));
}

void play_ask(struct play *play, enum era era)
{
	ask_text(&play->clients[era == ERA_MODERN], play_byte(play), S(""));
}

void play_come_back(struct play *play)
{
	static const char *const responses[] = {
		"",
		"\"ask-1\":{\"action\":\"accept\",\"content\":{\"n\":\"x\"}}",
		"\"ask-1\":{\"roots\":[]},\"ask-2\":{\"roots\":[]}",
		"\"ask-1\":{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\",\"text\":\"a\"}}",
		"\"url-1\":{\"action\":\"accept\"},\"ask-2\":{\"action\":\"decline\"}",
		"\"url-1\":{\"action\":\"decline\"},\"a\":7",
	};
	struct player *player = &play->clients[1];
	CLEANUP(buf_release) struct buf more = BUF_INIT((size_t)PLAY_TEXT);
	uint8_t byte = play_byte(play);

	if (!player->state[0])
		return;
	buf_addf(&more, "\"inputResponses\":{%s},\"requestState\":\"%s\"", responses[byte % COUNT(responses)],
		 player->state);
	ask_text(player, byte < 0xe0 ? player->state_request : byte, buf_span(&more));
}

void play_client_answers(struct play *play)
{
	static const char *const answers[] = {
		"\"result\":{\"action\":\"accept\",\"content\":{\"n\":\"x\"}}",
		"\"result\":{\"roots\":[]}",
		"\"error\":{\"code\":-1,\"message\":\"no\"}",
		"\"result\":{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\",\"text\":\"a\"}}",
		"\"result\":{}",
	};
	struct player *player = &play->clients[0];
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)PLAY_TEXT);
	uint8_t byte = play_byte(play);
	unsigned kind = byte / 8 % COUNT(answers);

	for (size_t i = 0; i < PLAY_ASKS; i++) {
		size_t at = (i + byte) % PLAY_ASKS;

		if (!player->asks[at])
			continue;
		/* Mostly what fits. */
		if (byte < 0xc0)
			kind = player->asked[at] == METHOD_ROOTS_LIST ? 1
			       : player->asked[at] == METHOD_SAMPLING ? 3
								      : 0;
		buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)player->asks[at],
			 answers[kind]);
		player->asks[at] = 0;
		client_says(player, buf_span(&text));
		return;
	}
}

void play_cancel(struct play *play)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)PLAY_TEXT);
	uint8_t byte = play_byte(play);
	struct player *player = &play->clients[byte & 1];

	for (size_t i = 0; i < PLAY_REQUESTS; i++) {
		struct request *request = &player->requests[(i + byte / 2) % PLAY_REQUESTS];

		if (!request->open)
			continue;
		request->cancelled = true;
		buf_addf(&text,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
			 "\"requestId\":%s}}",
			 request->id);
		client_says(player, buf_span(&text));
		return;
	}
}

void play_free_client(struct play *play)
{
	uint8_t byte = play_byte(play);
	size_t n = play_byte(play);
	struct span text = span_first(span_of((const char *)play->data, play->size), n);
	CLEANUP(buf_release) struct buf copy = BUF_INIT((size_t)PLAY_TEXT);

	buf_add(&copy, text);
	play->data += text.n;
	play->size -= text.n;
	/* A notification of its own may give up any request. */
	for (size_t i = 0; i < PLAY_REQUESTS; i++)
		play->clients[byte & 1].requests[i].cancelled = true;
	client_says(&play->clients[byte & 1], buf_span(&copy));
}

/* --- what a server hears --- */

static void server_line(struct staged *staged, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void server_line(struct staged *staged, const char *format, ...)
{
	static char text[PLAY_TEXT];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text) - 1 || !staged->alive)
		return;
	text[n] = '\n';
	(void)!write(staged->peer.out, text, (size_t)n + 1);
}

static void answer(struct staged *staged, uint64_t id, const char *rest)
{
	server_line(staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)id, rest);
}

/* Lists and greetings are answered at once. True: it was one. */
static bool answer_itself(struct staged *staged, enum method method, uint64_t id)
{
	bool modern = staged->era == ERA_MODERN;

	if (method == METHOD_INITIALIZE)
		answer(staged, id,
		       modern
			   ? "\"error\":{\"code\":-32601,\"message\":\"no\"}"
			   : "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" CAPABILITIES
			     "}");
	else if (method == METHOD_DISCOVER)
		answer(staged, id,
		       modern
			   ? "\"result\":{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"
			     "\"capabilities\":" CAPABILITIES "}"
			   : "\"error\":{\"code\":-32601,\"message\":\"no\"}");
	else if (method == METHOD_TOOLS_LIST)
		answer(staged, id,
		       "\"result\":{\"resultType\":\"complete\",\"tools\":[{\"name\":\"t\",\"inputSchema\":{"
		       "\"type\":\"object\"}}]}");
	else
		return false;
	return true;
}

/* Is it a legacy server that no legacy client reaches, whose words would pass as they are? */
static bool hears_modern_only(const struct staged *staged)
{
	return staged->era == ERA_LEGACY && staged->play->clients[0].client->only == staged->play->servers[1];
}

static void judge_request(struct staged *staged, const struct message *message)
{
	enum revision revision = staged->era == ERA_MODERN ? REVISION_2026_07_28 : REVISION_2025_11_25;
	bool greeting = message->method == METHOD_INITIALIZE || message->method == METHOD_DISCOVER;
	struct message_claim claim;
	uint64_t id = 0;

	check(json_u64(message->json, message->id, &id) && id);
	if (!greeting)
		check(method_allowed(message->method, revision, METHOD_FROM_CLIENT));
	check(!(method_info(message->method)->flags & METHOD_NOTIFICATION));
	if (staged->era == ERA_MODERN && !greeting) {
		claim = message_claim(message);
		check(claim.version != JSON_NONE && claim.capabilities != JSON_NONE);
	}
	if (hears_modern_only(staged) && message->method != METHOD_DISCOVER && message->params != JSON_NONE)
		check(json_get(message->json, message->params, S("requestState")) == JSON_NONE &&
		      json_get(message->json, message->params, S("inputResponses")) == JSON_NONE);
	if (message->method == METHOD_LISTEN)
		staged->listens = id;
	if (answer_itself(staged, message->method, id))
		return;
	staged->open[id % PLAY_ASKS] = id;
	staged->methods[id % PLAY_ASKS] = message->method;
}

/* An answer of the gate's: to what was asked, and once. */
static void judge_answer(struct staged *staged, const struct message *message)
{
	uint64_t id = 0;

	check(staged->era == ERA_LEGACY);
	check(json_u64(message->json, message->id, &id));
	/* Those beyond are the input's own. */
	if (id < 1000000)
		return;
	check(staged->asks[id % PLAY_ASKS] == id);
	staged->asks[id % PLAY_ASKS] = 0;
}

static void judge_line(struct staged *staged, struct span line)
{
	struct json json = { 0 };
	struct message message;

	check(json_parse(&json, line, line.n) && message_read(&json, 0, &message) == MESSAGE_OK);
	if (message.kind == MESSAGE_REQUEST) {
		judge_request(staged, &message);
	} else if (message.kind == MESSAGE_NOTIFICATION) {
		check(method_info(message.method)->flags & METHOD_NOTIFICATION);
		check(method_allowed(message.method,
				     staged->era == ERA_MODERN ? REVISION_2026_07_28 : REVISION_2025_11_25,
				     METHOD_FROM_CLIENT));
	} else {
		judge_answer(staged, &message);
	}
	json_release(&json);
}

static bool listen_to(struct staged *staged)
{
	char chunk[16384];
	ssize_t got = staged->alive ? read(staged->peer.in, chunk, sizeof(chunk)) : 0;

	if (got <= 0)
		return false;
	buf_add(&staged->peer.said, span_of(chunk, (size_t)got));
	for (;;) {
		size_t end = span_find(buf_span(&staged->peer.said), '\n');

		if (end >= staged->peer.said.n)
			return true;
		judge_line(staged, span_first(buf_span(&staged->peer.said), end));
		buf_consume(&staged->peer.said, end + 1);
	}
}

/* --- what a server says --- */

static struct staged *some_server(struct play *play, enum era era, uint8_t byte)
{
	for (size_t i = 0; i < PLAY_PEERS; i++) {
		struct staged *staged = &play->staged[(i + byte) % PLAY_PEERS];

		if (staged->alive && (era == ERA_UNKNOWN || staged->era == era))
			return staged;
	}
	return NULL;
}

static void server_asks(struct staged *staged, const char *method_and_params)
{
	uint64_t id = 1000000 + ++staged->next_ask;

	/* One that was never answered is forgotten with the next of its place. */
	staged->asks[id % PLAY_ASKS] = id;
	server_line(staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":%s}", (unsigned long long)id,
		    method_and_params);
}

static const char *const asks[] = {
	"\"elicitation/create\",\"params\":{" FORM "}",
	"\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":\"m\",\"url\":\"https://a\",\"elicitationId\":\"1\"}",
	"\"roots/list\"",
	"\"sampling/createMessage\",\"params\":{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"a\"}}],\"maxTokens\":1}",
	"\"ping\"",
	"\"tools/list\"",
	"\"roots/list\",\"params\":{\"_meta\":{\"progressToken\":1}}",
};

static const char *const words[] = {
	"tools/list_changed\"",
	"prompts/list_changed\"",
	"resources/list_changed\"",
	"resources/updated\",\"params\":{\"uri\":\"x://a\"}",
	"resources/updated\",\"params\":{\"uri\":\"x://b/c\"}",
	"message\",\"params\":{\"level\":\"info\",\"data\":1}",
	"message\",\"params\":{\"level\":\"error\",\"data\":1,\"_meta\":{\"io.modelcontextprotocol/x\":1}}",
	"elicitation/complete\",\"params\":{\"elicitationId\":\"1\"}",
	"tasks/status\",\"params\":{\"taskId\":\"1\",\"status\":\"working\"}",
	"cancelled\",\"params\":{\"requestId\":1000001}",
	"cancelled\",\"params\":{\"requestId\":2}",
};

void play_server_says(struct play *play, enum era era)
{
	uint8_t byte = play_byte(play);
	struct staged *staged = some_server(play, era, play_byte(play));
	unsigned which = byte % (COUNT(asks) + COUNT(words) + 3);

	if (!staged)
		return;
	if (which < COUNT(asks)) {
		server_asks(staged, asks[which]);
		return;
	}
	which -= (unsigned)COUNT(asks);
	if (which < COUNT(words))
		server_line(staged, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s}", words[which]);
	else if (which == COUNT(words))
		server_line(
		    staged,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
		    "\"params\":{\"notifications\":{\"toolsListChanged\":true,\"resourceSubscriptions\":["
		    "\"x://a\"]},\"_meta\":{\"" SUBSCRIPTION "\":%llu}}}",
		    (unsigned long long)staged->listens);
	else if (which == COUNT(words) + 1)
		server_line(
		    staged,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{"
		    "\"_meta\":{\"" SUBSCRIPTION "\":%llu}}}",
		    (unsigned long long)staged->listens);
	else
		server_line(staged,
			    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
			    "\"progressToken\":%u,\"progress\":%u}}",
			    byte % 16, byte);
}

static const char *const ends[] = {
	"\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}",
	"\"result\":{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":[1]}",
	"\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":\"roots/list\"}},\"requestState\":\"s\"}",
	"\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":\"elicitation/create\",\"params\":{" FORM
	"}},\"b\":{\"method\":\"roots/list\"}}}",
	"\"result\":{\"resultType\":\"input_required\",\"requestState\":\"s\"}",
	"\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":7}}",
	"\"error\":{\"code\":-32042,\"message\":\"m\",\"data\":{\"elicitations\":[{\"mode\":\"url\",\"elicitationId\":\"1\",\"url\":\"https://a\",\"message\":\"m\"}]}}",
	"\"error\":{\"code\":-32002,\"message\":\"m\",\"data\":{\"uri\":\"x://a\"}}",
	"\"error\":{\"code\":-32021,\"message\":\"m\"}",
	"\"result\":{}",
	"\"result\":{\"contents\":[{\"uri\":\"x://a\",\"text\":\"a\"}]}",
	"\"result\":{\"resources\":[{\"uri\":\"x://a\",\"name\":\"a\"}]}",
	"\"result\":{\"prompts\":[{\"name\":\"p\"}]}",
	"\"result\":{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"audio\",\"data\":\"AA==\",\"mimeType\":\"a/b\"}}]}",
	"\"error\":{\"code\":-32601,\"message\":\"m\"}",
	"\"result\":{\"resultType\":7,\"_meta\":{\"" SUBSCRIPTION "\":1}}",
};

void play_server_ends(struct play *play)
{
	uint8_t byte = play_byte(play), which = play_byte(play);
	struct staged *staged = some_server(play, ERA_UNKNOWN, byte);

	for (size_t i = 0; staged && i < PLAY_ASKS; i++) {
		uint64_t *id = &staged->open[(i + byte) % PLAY_ASKS];

		if (!*id)
			continue;
		answer(staged, *id, ends[which % COUNT(ends)]);
		*id = 0;
		return;
	}
}

void play_free_server(struct play *play)
{
	struct staged *staged = some_server(play, ERA_UNKNOWN, play_byte(play));
	size_t n = play_byte(play);
	struct span text = span_first(span_of((const char *)play->data, play->size), n);

	play->data += text.n;
	play->size -= text.n;
	if (!staged)
		return;
	(void)!write(staged->peer.out, text.p, text.n);
	(void)!write(staged->peer.out, "\n", 1);
}

static void end_process(struct staged *staged)
{
	rig_end(&staged->peer);
	staged->alive = false;
}

void play_die(struct play *play)
{
	struct staged *staged = some_server(play, ERA_UNKNOWN, play_byte(play));

	if (staged)
		end_process(staged);
}

/* --- the launcher --- */

static struct staged *free_stage(struct play *play)
{
	for (size_t i = 0; i < PLAY_PEERS; i++)
		if (!play->staged[i].alive)
			return &play->staged[i];
	return NULL;
}

static void start_process(struct play *play, struct wire_in *in)
{
	struct staged *staged = free_stage(play);
	struct wire_out out = { 0 };
	int a[2], b[2], c[2];

	wire_begin(&out, staged ? LAUNCH_STARTED : LAUNCH_FAILED, in->id);
	wire_put_u64(&out, 2);
	if (!staged || pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(c, O_CLOEXEC | O_NONBLOCK) < 0) {
		wire_put_span(&out, S("no such program"));
		check(wire_send_wait(rig_launcher, &out, 1000, NULL) == 0);
		wire_out_release(&out);
		return;
	}
	*staged = (struct staged){ .play = play, .alive = true };
	staged->era = span_eq(wire_get_span(in), S("old")) ? ERA_LEGACY : ERA_MODERN;
	staged->peer = (struct peer){ .in = a[0], .out = b[1], .notes = c[1], .said = { .max = 1 << 22 } };
	wire_put_fd(&out, a[1]);
	wire_put_fd(&out, b[0]);
	wire_put_fd(&out, c[0]);
	check(wire_send_wait(rig_launcher, &out, 1000, NULL) == 0);
	wire_out_release(&out);
	(void)close(a[1]);
	(void)close(b[0]);
	(void)close(c[0]);
}

static bool serve_launcher(struct play *play)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_in in;
	bool any = false;

	while (wire_recv(rig_launcher, store, &in, NULL) == 1) {
		any = true;
		if (in.kind == LAUNCH_START)
			start_process(play, &in);
		wire_in_release(&in);
	}
	return any;
}

void play_settle(struct play *play)
{
	for (int idle = 0, turn = 0; idle < 4 && turn < 200; idle++, turn++) {
		(void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
		if (serve_launcher(play))
			idle = 0;
		for (size_t i = 0; i < PLAY_PEERS; i++)
			if (listen_to(&play->staged[i]))
				idle = 0;
	}
}

/* --- time --- */

void play_tick(struct play *play)
{
	static const uint64_t steps[] = { 1000, 1000, 1000, 9000, 31000, 61000, 700000 };
	uint64_t now;

	play->later_ms += steps[play_byte(play) % COUNT(steps)];
	now = loop_now(&worker.loop) + play->later_ms;
	for (size_t i = 0; i < COUNT(play->clients); i++) {
		struct client *client = play->clients[i].client;

		if (!client->closed)
			client_tick(client, now);
		LIST_EACH(&client->exchanges, node)
			exchange_tick(LIST_ENTRY(node, struct exchange, in_client), now);
	}
}

/* --- beginning and end --- */

static void open_client(struct play *play, struct player *player, enum era era, uint8_t where)
{
	struct server *only = where % 3 == 2 ? NULL : play->servers[where % 3];

	player->play = play;
	player->client = rig_client(era, only, "mcp");
	if (where & 0x80)
		player->client->kind = era == ERA_MODERN ? CLIENT_CONTEXT : CLIENT_CHANNEL;
	player->outlet = (struct outlet){ .send = take_unasked, .close = outlet_closed };
	if (era == ERA_MODERN)
		return;
	player->client->declared = where & 0x40 ? CLIENT_ROOTS
						: CLIENT_SAMPLING | CLIENT_ELICITATION |
						      CLIENT_ELICITATION_URL | CLIENT_ROOTS;
	if (where & 0x20)
		player->client->revision = REVISION_2024_11_05 + (where >> 3) % 4;
	client_set_outlet(player->client, &player->outlet);
}

static void rig_once(void)
{
	static bool done;
	struct err err = ERR_INIT;

	if (done)
		return;
	done = true;
	check(rig_start());
	check(ring_map(&consumer, &rig_fds, RING_CONSUMER, &err) == 0);
	/* Time passes where the input says so. */
	worker.ticking = true;
}

static void empty_ring(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)RING_RECORD_MAX);

	while (ring_read(&consumer, &out) == RING_RECORD)
		buf_clear(&out);
	ring_commit(&consumer);
}

struct play *play_begin(const uint8_t *data, size_t size)
{
	struct play *play = calloc(1, sizeof(*play));
	uint8_t mode;

	rig_once();
	check(play != NULL);
	play->data = data;
	play->size = size;
	play->servers[0] = rig_server("old");
	play->servers[1] = rig_server("new");
	mode = play_byte(play);
	if (mode & 1)
		play->servers[0]->modern = SPEAKS_NO;
	if (mode & 2)
		play->servers[1]->legacy = SPEAKS_NO;
	open_client(play, &play->clients[0], ERA_LEGACY, play_byte(play));
	open_client(play, &play->clients[1], ERA_MODERN, play_byte(play));
	return play;
}

void play_end(struct play *play)
{
	play_settle(play);
	for (size_t i = 0; i < COUNT(play->clients); i++) {
		struct player *player = &play->clients[i];

		client_close(player->client, S("the play is over"));
		for (size_t k = 0; k < PLAY_REQUESTS; k++)
			check(!player->requests[k].open);
		player->client = client_unref(player->client);
	}
	play_settle(play);
	for (size_t i = 0; i < COUNT(play->servers); i++)
		worker_drop_server(&worker, play->servers[i]);
	for (size_t i = 0; i < PLAY_PEERS; i++)
		if (play->staged[i].alive)
			end_process(&play->staged[i]);
	play_settle(play);
	processes_clear(&worker);
	empty_ring();
	check(worker.n_calls == 0 && worker.n_clients == 0 && worker.held.used == 0);
	free(play);
}
