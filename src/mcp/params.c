/* params.c - what the params of a client's request must look like. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/params.h"

static bool has_string(const struct json *json, json_at at, struct span member)
{
	return json_is(json, json_get(json, at, member), JSON_STRING);
}

static const char *initialize_fault(const struct message *message)
{
	const struct json *json = message->json;
	json_at params = message->params, info;

	if (params == JSON_NONE || !has_string(json, params, S("protocolVersion")))
		return "Invalid params: protocolVersion must be a string";
	if (!json_is(json, json_get(json, params, S("capabilities")), JSON_OBJECT))
		return "Invalid params: capabilities must be an object";
	info = json_get(json, params, S("clientInfo"));
	if (!json_is(json, info, JSON_OBJECT) || !has_string(json, info, S("name")) ||
	    !has_string(json, info, S("version")))
		return "Invalid params: clientInfo must be an object with a name and a version, both strings";
	return NULL;
}

static const char *meta_fault(const struct message *message)
{
	const struct json *json = message->json;
	json_at token;

	if (message->params == JSON_NONE)
		return NULL;
	if (message->meta == JSON_NONE)
		return json_get(json, message->params, S("_meta")) == JSON_NONE
			   ? NULL
			   : "Invalid params: _meta must be an object";
	token = json_get(json, message->meta, S("progressToken"));
	if (token != JSON_NONE && message_token(json, token).n == 0)
		return "Invalid params: progressToken must be a string or an integer";
	return NULL;
}

static const char *arguments_fault(const struct message *message)
{
	json_at arguments = message->params == JSON_NONE
				? JSON_NONE
				: json_get(message->json, message->params, S("arguments"));

	if (arguments == JSON_NONE || json_is(message->json, arguments, JSON_OBJECT))
		return NULL;
	return "Invalid params: arguments must be an object";
}

const char *params_fault(const struct message *message)
{
	const char *fault = meta_fault(message);

	if (!fault && message->method == METHOD_INITIALIZE)
		fault = initialize_fault(message);
	if (!fault && message->method == METHOD_TOOLS_CALL)
		fault = arguments_fault(message);
	return fault;
}
