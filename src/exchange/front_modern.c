/* front_modern.c - the modern era over HTTP: every request stands for itself. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/visit.h"
#include "json/write.h"

/*
 * spec: mcp/2026-07-28 transports, MUST: a server that reads the body rejects a message whose
 * mirrored headers differ from it, or lack: 400 and -32020.
 */
static const char *header_fault(const struct visit *visit, const struct message *message)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)16384);
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)64 * 1024);
	struct span method = http_known(visit->head, HTTP_HEADER_MCP_METHOD);
	struct span raw = http_known(visit->head, HTTP_HEADER_MCP_NAME), value;
	const struct method_info *info = method_info(message->method);
	json_at at;

	if (!method.p)
		return "Header mismatch: Mcp-Method is missing";
	if (!header_decode(method, &scratch, &value) || !span_eq(value, message->method_raw))
		return "Header mismatch: Mcp-Method does not match the body";
	/* What does not exist in this revision is told so, whatever headers it has. */
	if (!info->named_by.n || message->params == JSON_NONE ||
	    !method_allowed(message->method, REVISION_2026_07_28, METHOD_FROM_CLIENT))
		return NULL;
	at = json_get(message->json, message->params, info->named_by);
	if (!json_is(message->json, at, JSON_STRING))
		return NULL;
	if (!raw.p)
		return "Header mismatch: Mcp-Name is missing";
	buf_clear(&scratch);
	if (!header_decode(raw, &scratch, &value) || !span_eq(value, json_string(message->json, at, &name)))
		return "Header mismatch: Mcp-Name does not match the body";
	return NULL;
}

static const char *version_fault(const struct visit *visit, const struct message *message,
				 const struct message_claim *claim)
{
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);

	if (claim->version == JSON_NONE)
		return NULL;
	if (!version.p)
		return "Header mismatch: MCP-Protocol-Version is missing";
	if (!json_string_is(message->json, claim->version, version))
		return "Header mismatch: MCP-Protocol-Version does not match the body";
	return NULL;
}

static void collect_params(const struct http_head *head, struct buf *out)
{
	for (size_t i = 0; i < head->n; i++) {
		struct span name = head->headers[i].name;

		if (name.n <= 10 || !span_eq_nocase(span_first(name, 10), S("Mcp-Param-")))
			continue;
		buf_add(out, name);
		buf_add_char(out, '\0');
		buf_add(out, head->headers[i].value);
		buf_add_char(out, '\0');
	}
}

static bool keep_context(struct client *client, struct span view, struct buf *key)
{
	if (!buf_ok(key) || (view.n && !client_set_view(client, view)) ||
	    !map_put(&client->worker->contexts, buf_span(key), client))
		return false;
	client->context_id = buf_span(key);
	client->context_bytes = TAKE(key->p);
	*key = BUF_INIT(0);
	return true;
}

static struct client *context_of(const struct visit *visit, const struct message *message,
				 const struct message_claim *claim, struct err *err)
{
	struct worker *worker = visit->worker;
	CLEANUP(buf_release) struct buf key = BUF_INIT((size_t)4096);
	struct client *client;

	/* No id of a principal has a line break. */
	buf_add(&key, visit->principal->id);
	buf_add_char(&key, '\n');
	buf_add(&key, visit->view);
	client = map_get(&worker->contexts, buf_span(&key));
	if (client)
		return client_ref(client);
	client = client_new(worker, visit->principal, CLIENT_CONTEXT, ERA_MODERN, NULL, err);
	if (!client)
		return NULL;
	client->revision = REVISION_2026_07_28;
	client->ready = true;
	client_greet_modern(client, message, claim);
	if (keep_context(client, visit->view, &key))
		return client;
	client_close(client, S("no memory"));
	(void)err_set(err, ERR_NOMEM, "no memory for a session");
	return client_unref(client);
}

void visit_modern(const struct visit *visit, const struct message *message)
{
	struct message_claim claim = message_claim(message);
	struct span id = message_token(message->json, message->id);
	const char *fault = version_fault(visit, message, &claim);
	CLEANUP(buf_release) struct buf mirrored = BUF_INIT((size_t)64 * 1024);
	struct err err = ERR_INIT;
	struct client *client;

	if (message->kind == MESSAGE_NOTIFICATION) {
		/* Nothing hangs on it: a request is given up by closing its stream. */
		http_reply(visit->request, &(struct http_reply){ .status = 202 }, S(""));
		return;
	}
	if (message->kind != MESSAGE_REQUEST) {
		visit_refuse(visit, 400, id, -32600, "K611",
			     S("A modern client sends requests and notifications only"));
		return;
	}
	if (!fault && claim.version != JSON_NONE &&
	    json_string_is(message->json, claim.version, revision_name(REVISION_2026_07_28)))
		fault = header_fault(visit, message);
	if (fault) {
		visit_refuse(visit, 400, id, -32020, "K607", span_str(fault));
		return;
	}
	client = context_of(visit, message, &claim, &err);
	if (!client) {
		visit_refuse(visit, 503, id, -32603, "K801", span_str(err.text));
		return;
	}
	collect_params(visit->head, &mirrored);
	visit_start(visit, client, message, REVISION_2026_07_28, buf_span(&mirrored));
	(void)client_unref(client);
}
