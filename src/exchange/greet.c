/* greet.c - what a client says of itself when it comes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/client.h"
#include "json/write.h"

static void take_client_name(struct client *client, const struct json *json, json_at info)
{
	char store[256];
	struct buf scratch = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
	json_at name = json_get(json, info, S("name"));

	if (!json_is(json, name, JSON_STRING))
		return;
	json_string_add(json, name, &scratch);
	if (!span_to_cstr(span_first(buf_span(&scratch), sizeof(client->name) - 1), client->name,
			  sizeof(client->name)))
		client->name[0] = '\0';
}

static void read_capabilities(struct client *client, const struct message *message)
{
	static const struct {
		struct span name;
		unsigned flag;
	} known[] = { { SPAN("sampling"), CLIENT_SAMPLING },
		      { SPAN("elicitation"), CLIENT_ELICITATION },
		      { SPAN("roots"), CLIENT_ROOTS },
		      { SPAN("tasks"), CLIENT_TASKS } };
	json_at capabilities = message->params == JSON_NONE
				   ? JSON_NONE
				   : json_get(message->json, message->params, S("capabilities"));

	if (!json_is(message->json, capabilities, JSON_OBJECT))
		return;
	for (size_t i = 0; i < COUNT(known); i++)
		if (json_is(message->json, json_get(message->json, capabilities, known[i].name), JSON_OBJECT))
			client->declared |= known[i].flag;
}

void client_greet(struct client *client, const struct message *message)
{
	if (message->params != JSON_NONE)
		json_emit(&client->hello, message->json, message->params, NULL, 0);
	read_capabilities(client, message);
	if (message->params != JSON_NONE)
		take_client_name(client, message->json,
				 json_get(message->json, message->params, S("clientInfo")));
}

/* What servers are greeted with: the first request's claim, without what belongs to that request. */
void client_greet_modern(struct client *client, const struct message *message,
			 const struct message_claim *claim)
{
	struct buf *out = &client->hello;

	buf_add(out, S("{"));
	json_put_string(out, S(META_VERSION), revision_name(REVISION_2026_07_28));
	if (claim->client != JSON_NONE) {
		json_add_key(out, S(META_CLIENT));
		json_emit(out, message->json, claim->client, NULL, 0);
	} else {
		json_put_raw(out, S(META_CLIENT),
			     S("{\"name\":\"kanmon\",\"version\":\"" KANMON_VERSION "\"}"));
	}
	if (claim->capabilities != JSON_NONE) {
		json_add_key(out, S(META_CAPABILITIES));
		json_emit(out, message->json, claim->capabilities, NULL, 0);
	} else {
		json_put_raw(out, S(META_CAPABILITIES), S("{}"));
	}
	buf_add_char(out, '}');
	client->revision = REVISION_2026_07_28;
	client->ready = true;
	take_client_name(client, message->json, claim->client);
}
