/* greet.c - what a client says of itself when it comes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/client.h"
#include "mcp/task.h"
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

unsigned client_capabilities(const struct json *json, json_at capabilities)
{
	static const struct {
		struct span name;
		unsigned flag;
	} known[] = { { SPAN("sampling"), CLIENT_SAMPLING },
		      { SPAN("elicitation"), CLIENT_ELICITATION },
		      { SPAN("roots"), CLIENT_ROOTS },
		      { SPAN("tasks"), CLIENT_TASKS } };
	unsigned declared = 0;
	json_at at;

	if (!json_is(json, capabilities, JSON_OBJECT))
		return 0;
	for (size_t i = 0; i < COUNT(known); i++)
		if (json_is(json, json_get(json, capabilities, known[i].name), JSON_OBJECT))
			declared |= known[i].flag;
	at = json_get(json, json_get(json, capabilities, S("extensions")), S(TASKS_EXTENSION));
	if (json_is(json, at, JSON_OBJECT))
		declared |= CLIENT_TAKES_TASKS;
	if (!(declared & CLIENT_ELICITATION))
		return declared;
	/* spec: mcp/2025-11-25 elicitation: an empty object means forms. */
	at = json_get(json, capabilities, S("elicitation"));
	if (json_is(json, json_get(json, at, S("url")), JSON_OBJECT))
		declared |= CLIENT_ELICITATION_URL;
	if ((declared & CLIENT_ELICITATION_URL) && !json_is(json, json_get(json, at, S("form")), JSON_OBJECT))
		declared &= ~(unsigned)CLIENT_ELICITATION;
	return declared;
}

/* spec: mcp/2025-11-25 elicitation: without a mode it is a form. */
static bool is_by_url(const struct message *message)
{
	json_at mode = message->params == JSON_NONE ? JSON_NONE
						    : json_get(message->json, message->params, S("mode"));

	return json_is(message->json, mode, JSON_STRING) && json_string_is(message->json, mode, S("url"));
}

bool client_takes(unsigned declared, const struct message *message)
{
	if (message->method == METHOD_SAMPLING)
		return declared & CLIENT_SAMPLING;
	if (message->method == METHOD_ELICITATION)
		return declared & (is_by_url(message) ? CLIENT_ELICITATION_URL : CLIENT_ELICITATION);
	if (message->method == METHOD_ROOTS_LIST)
		return declared & CLIENT_ROOTS;
	return declared & CLIENT_TASKS;
}

void client_greet(struct client *client, const struct message *message)
{
	if (message->params != JSON_NONE)
		json_emit(&client->hello, message->json, message->params, NULL, 0);
	if (message->params == JSON_NONE)
		return;
	client->declared = client_capabilities(message->json,
					       json_get(message->json, message->params, S("capabilities")));
	take_client_name(client, message->json, json_get(message->json, message->params, S("clientInfo")));
}

void client_claim(struct buf *out, const struct message *message, const struct message_claim *claim)
{
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
}

void client_greet_modern(struct client *client, const struct message *message,
			 const struct message_claim *claim)
{
	client_claim(&client->hello, message, claim);
	client->revision = REVISION_2026_07_28;
	client->ready = true;
	take_client_name(client, message->json, claim->client);
}
