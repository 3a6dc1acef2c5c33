/* eras_judge.c - may that be said to this client, to this server? */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras_judge.h"

#include "json/number.h"

#define CAPABILITIES                                                                                         \
	"{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true},\"resources\":{\"subscribe\":" \
	"true,\"listChanged\":true},\"logging\":{},\"completions\":{}}"

/* --- what a client hears --- */

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
	check(!player_is_modern(player));
	check(json_u64(message->json, message->id, &id) && id);
	for (size_t i = 0; i < PLAY_ASKS; i++)
		check(player->asks[i] != id);
	player->asks[id % PLAY_ASKS] = id;
	player->asked[id % PLAY_ASKS] = message->method;
}

static void keep_state(struct player *player, const struct message *message)
{
	json_at state = json_get(message->json, message->result, S("requestState"));

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
	if (player_is_modern(player) && crossed)
		check(has_type(message, S("")));
	if (!player_is_modern(player) && crossed)
		check(!has_type(message, S("")) &&
		      json_get(message->json, message->result, S("inputRequests")) == JSON_NONE);
	if (player_is_modern(player) && rounds) {
		check(method_info(request->method)->flags & METHOD_MULTI_ROUND);
		check(json_get(message->json, message->result, S("requestState")) != JSON_NONE);
		keep_state(player, message);
	}
}

static void judge_error(const struct player *player, const struct message *message)
{
	bool crossed = era_of_server(player) != ERA_UNKNOWN && era_of_server(player) != player->client->era;
	int64_t code = 0;

	check(json_i64(message->json, json_get(message->json, message->error, S("code")), &code));
	if (crossed && player_is_modern(player))
		check(code != -32042 && code != -32002);
	if (crossed && !player_is_modern(player))
		check(code != -32020 && code != -32021 && code != -32022);
}

void judge_heard(struct player *player, struct request *request, struct span text, bool final)
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

/* --- what a server hears --- */

/* Lists and greetings are answered at once. True: it was one. */
static bool answer_itself(struct staged *staged, enum method method, uint64_t id)
{
	bool modern = staged->era == ERA_MODERN;

	if (method == METHOD_INITIALIZE)
		play_line(
		    staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)id,
		    modern ? "\"error\":{\"code\":-32601,\"message\":\"no\"}"
			   : "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" CAPABILITIES
			     "}");
	else if (method == METHOD_DISCOVER)
		play_line(
		    staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)id,
		    modern ? "\"result\":{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"
			     "\"capabilities\":" CAPABILITIES "}"
			   : "\"error\":{\"code\":-32601,\"message\":\"no\"}");
	else if (method == METHOD_TOOLS_LIST)
		play_line(
		    staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)id,
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

void judge_line(struct staged *staged, struct span line)
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
