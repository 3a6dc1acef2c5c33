/* message.c - one JSON-RPC message of MCP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/message.h"

#include "json/write.h"

/* Longer ids are nobody's; a bound keeps what is stored for every call small. */
enum { MESSAGE_ID_BYTES = 512 };

struct span message_token(const struct json *json, json_at at)
{
	struct span raw;

	if (at == JSON_NONE)
		return S("");
	raw = json_raw(json, at);
	if (raw.n > MESSAGE_ID_BYTES)
		return S("");
	if (json_is(json, at, JSON_STRING))
		return raw;
	if (!json_is(json, at, JSON_NUMBER))
		return S("");
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] == '.' || raw.p[i] == 'e' || raw.p[i] == 'E')
			return S("");
	return raw;
}

static json_at object_at(const struct json *json, json_at at)
{
	return json_is(json, at, JSON_OBJECT) ? at : JSON_NONE;
}

/* Request or notification: what stands beside "method". */
static enum message_verdict read_call(struct message *m, json_at method, json_at id)
{
	const struct json *json = m->json;

	if (!json_is(json, method, JSON_STRING))
		return MESSAGE_BAD_METHOD;
	m->method_raw = json_string_raw(json, method);
	m->method = json->tokens[method].escaped ? METHOD_NONE : method_of(m->method_raw);
	m->kind = id == JSON_NONE ? MESSAGE_NOTIFICATION : MESSAGE_REQUEST;
	if (m->params != JSON_NONE && !json_is(json, m->params, JSON_OBJECT))
		return MESSAGE_BAD_PARAMS;
	if (m->result != JSON_NONE || m->error != JSON_NONE)
		return MESSAGE_MIXED;
	if (m->params != JSON_NONE)
		m->meta = object_at(json, json_get(json, m->params, S("_meta")));
	return MESSAGE_OK;
}

/* Source: JSON-RPC 2.0, section 5.1: code is an integer, message a string. */
static enum message_verdict read_answer(struct message *m, json_at id)
{
	const struct json *json = m->json;
	int64_t code;

	if ((m->result == JSON_NONE) == (m->error == JSON_NONE))
		return MESSAGE_MIXED;
	if (m->result != JSON_NONE) {
		m->kind = MESSAGE_RESULT;
		if (id == JSON_NONE)
			return MESSAGE_BAD_ID;
		if (!json_is(json, m->result, JSON_OBJECT))
			return MESSAGE_BAD_PARAMS;
		m->meta = object_at(json, json_get(json, m->result, S("_meta")));
		return MESSAGE_OK;
	}
	m->kind = MESSAGE_ERROR;
	if (!json_is(json, m->error, JSON_OBJECT) ||
	    !json_i64(json, json_get(json, m->error, S("code")), &code) ||
	    !json_is(json, json_get(json, m->error, S("message")), JSON_STRING))
		return MESSAGE_BAD_PARAMS;
	return MESSAGE_OK;
}

/*
 * Whoever reads the message next decodes names: one written with escapes is the member it decodes to.
 * The six names are short, so a longer one is none of them.
 */
static struct span member_name(const struct json *json, json_at key, char store[16])
{
	struct buf name = { .p = store, .cap = 16, .max = 16 };

	if (!json->tokens[key].escaped)
		return json_string_raw(json, key);
	json_string_add(json, key, &name);
	return buf_ok(&name) ? buf_span(&name) : S("");
}

/* One walk over the members instead of six searches: this runs twice a call. */
static void find_members(struct message *m, json_at *version, json_at *method, json_at *id)
{
	const struct json *json = m->json;

	for (json_at k = json_first(json, m->root); k != JSON_NONE; k = json_next_key(json, m->root, k)) {
		char store[16];
		struct span name = member_name(json, k, store);
		json_at value = k + 1;

		if (span_eq(name, S("jsonrpc")))
			*version = value;
		else if (span_eq(name, S("id")))
			*id = value;
		else if (span_eq(name, S("method")))
			*method = value;
		else if (span_eq(name, S("params")))
			m->params = value;
		else if (span_eq(name, S("result")))
			m->result = value;
		else if (span_eq(name, S("error")))
			m->error = value;
	}
}

enum message_verdict message_read(const struct json *json, json_at root, struct message *out)
{
	struct message m = { .json = json,
			     .root = root,
			     .id = JSON_NONE,
			     .params = JSON_NONE,
			     .result = JSON_NONE,
			     .error = JSON_NONE,
			     .meta = JSON_NONE };
	json_at version = JSON_NONE, method = JSON_NONE, id = JSON_NONE;
	enum message_verdict verdict;

	*out = m;
	if (!json_is(json, root, JSON_OBJECT))
		return MESSAGE_NOT_OBJECT;
	find_members(&m, &version, &method, &id);
	if (message_token(json, id).n)
		m.id = id;
	if (version == JSON_NONE || !json_string_is(json, version, S("2.0")))
		verdict = MESSAGE_NO_VERSION;
	else if (id != JSON_NONE && m.id == JSON_NONE && (method != JSON_NONE || m.error == JSON_NONE))
		verdict = MESSAGE_BAD_ID;
	else if (method != JSON_NONE)
		verdict = read_call(&m, method, m.id);
	else
		verdict = read_answer(&m, m.id);
	*out = m;
	return verdict;
}

const char *message_verdict_text(enum message_verdict verdict)
{
	static const char *const texts[] = {
		[MESSAGE_OK] = "a well-formed message",
		[MESSAGE_NOT_OBJECT] = "a message must be a JSON object",
		[MESSAGE_NO_VERSION] = "\"jsonrpc\" must be \"2.0\"",
		[MESSAGE_BAD_ID] = "\"id\" must be a string or an integer",
		[MESSAGE_BAD_METHOD] = "\"method\" must be a string",
		[MESSAGE_BAD_PARAMS] = "\"params\", \"result\" or \"error\" has the wrong shape",
		[MESSAGE_MIXED] = "a message is either a call, a result or an error",
	};

	return texts[verdict];
}

struct message_claim message_claim(const struct message *message)
{
	const struct json *json = message->json;
	struct message_claim claim = { false, JSON_NONE, JSON_NONE, JSON_NONE, JSON_NONE };

	if (message->meta == JSON_NONE || message->params == JSON_NONE)
		return claim;
	for (json_at k = json_first(json, message->meta); k != JSON_NONE;
	     k = json_next_key(json, message->meta, k)) {
		json_at value = k + 1;

		if (json_string_is(json, k, S(META_VERSION))) {
			claim.any = true;
			claim.version = json_is(json, value, JSON_STRING) ? value : JSON_NONE;
		} else if (json_string_is(json, k, S(META_CAPABILITIES))) {
			claim.any = true;
			claim.capabilities = object_at(json, value);
		} else if (json_string_is(json, k, S(META_CLIENT))) {
			claim.any = true;
			claim.client = object_at(json, value);
		} else if (json_string_is(json, k, S(META_LOG_LEVEL))) {
			claim.any = true;
			claim.log_level = json_is(json, value, JSON_STRING) ? value : JSON_NONE;
		}
	}
	return claim;
}

json_at message_progress_token(const struct message *message)
{
	json_at at = JSON_NONE;

	if (message->kind == MESSAGE_REQUEST && message->meta != JSON_NONE)
		at = json_get(message->json, message->meta, S("progressToken"));
	return message_token(message->json, at).n ? at : JSON_NONE;
}

struct span message_cancelled(const struct message *message)
{
	return message->params == JSON_NONE
		   ? S("")
		   : message_token(message->json, json_get(message->json, message->params, S("requestId")));
}

enum level message_level(const struct message *message)
{
	const struct json *json = message->json;
	json_at at = message->params == JSON_NONE ? JSON_NONE : json_get(json, message->params, S("level"));

	return json_is(json, at, JSON_STRING) ? level_of(json_string_raw(json, at)) : LEVEL_NONE;
}

void message_write_error(struct buf *out, const struct message_error *error)
{
	buf_add(out, S("{\"jsonrpc\":\"2.0\","));
	if (error->id.n) {
		buf_add(out, S("\"id\":"));
		buf_add(out, error->id);
		buf_add_char(out, ',');
	}
	buf_add(out, S("\"error\":{\"code\":"));
	buf_add_i64(out, error->code);
	buf_add(out, S(",\"message\":"));
	json_add_string(out, error->text);
	if (error->kanmon || error->data.n)
		buf_add(out, S(",\"data\":{"));
	if (error->kanmon) {
		buf_add(out, S("\"kanmon\":\""));
		buf_add(out, span_str(error->kanmon));
		buf_add_char(out, '"');
	}
	if (error->kanmon && error->data.n)
		buf_add_char(out, ',');
	buf_add(out, error->data);
	buf_add(out, error->kanmon || error->data.n ? S("}}}") : S("}}"));
}
