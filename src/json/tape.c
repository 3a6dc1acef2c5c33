/* tape.c - walking a parsed text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/tape.h"

#include <stdlib.h>

#include "json/string.h"

void json_release(struct json *json)
{
	free(json->tokens);
	*json = (struct json){ .tokens = NULL };
}

const char *json_reason_text(enum json_reason reason)
{
	switch (reason) {
	case JSON_OK:
		return "nothing is wrong";
	case JSON_EMPTY:
		return "there is no value";
	case JSON_SYNTAX:
		return "a character cannot stand here";
	case JSON_CUT:
		return "the text ends inside a value";
	case JSON_TRAILING:
		return "something follows the value";
	case JSON_BAD_NUMBER:
		return "a number is malformed";
	case JSON_BAD_ESCAPE:
		return "an escape in a string is malformed";
	case JSON_CONTROL:
		return "a control character stands in a string without an escape";
	case JSON_BAD_UTF8:
		return "a string is not valid UTF-8";
	case JSON_LONE_SURROGATE:
		return "half of a surrogate pair stands alone";
	case JSON_DUPLICATE_KEY:
		return "a name occurs twice in one object";
	case JSON_TOO_DEEP:
		return "values are nested too deeply";
	case JSON_TOO_BIG:
		return "the text is too large or has too many values or names";
	case JSON_NO_MEMORY:
		return "there is no memory for it";
	}
	return "it is not valid JSON";
}

json_at json_first(const struct json *json, json_at container)
{
	return json->tokens[container].count > 0 ? container + 1 : JSON_NONE;
}

json_at json_next(const struct json *json, json_at container, json_at element)
{
	json_at next = json->tokens[element].next;

	return next < json->tokens[container].next ? next : JSON_NONE;
}

json_at json_next_key(const struct json *json, json_at object, json_at key)
{
	return json_next(json, object, key + 1);
}

json_at json_get(const struct json *json, json_at object, struct span name)
{
	uint32_t hash;

	if (!json_is(json, object, JSON_OBJECT))
		return JSON_NONE;
	hash = json_hash(name);
	for (json_at k = json_first(json, object); k != JSON_NONE; k = json_next_key(json, object, k)) {
		if (json->tokens[k].hash == hash && json_string_is(json, k, name))
			return k + 1;
	}
	return JSON_NONE;
}
