/* subscription.c - what a modern client listens to: begun, and ended with a word. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/subscription.h"

#include "exchange/view.h"
#include "json/write.h"

/* What a client may ask to hear of, and is told by the gate. */
static const struct {
	struct span name;
	unsigned view;
} filters[] = { { SPAN("toolsListChanged"), VIEW_TOOLS }, { SPAN("promptsListChanged"), VIEW_PROMPTS } };

/* spec: mcp/2026-07-28 subscriptions: the first message names the subset that is really served. */
enum stage_result subscription_begin(struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at asked = json_get(json, x->message.params, S("notifications"));
	CLEANUP(buf_release) struct buf out = BUF_INIT(x->id.n + 2048);

	buf_add(&out,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
		  "\"notifications\":{"));
	for (size_t i = 0; i < COUNT(filters) && json_is(json, asked, JSON_OBJECT); i++) {
		if (!json_is(json, json_get(json, asked, filters[i].name), JSON_TRUE))
			continue;
		x->listens |= filters[i].view;
		json_put_bool(&out, filters[i].name, true);
	}
	buf_add(&out, S("},\"_meta\":{\"" META_SUBSCRIPTION "\":"));
	buf_add(&out, x->id);
	buf_add(&out, S("}}}"));
	x->message = (struct message){ 0 };
	if (x->sink)
		x->sink->send(x->sink, x, 200, buf_span(&out), false);
	return STAGE_WAIT;
}

void subscription_tell(struct exchange *x, unsigned view)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(x->id.n + 2048);

	if (!(x->listens & view) || !x->sink)
		return;
	buf_addf(&out,
		 "{\"jsonrpc\":\"2.0\",\"method\":\"%.*s\",\"params\":{\"_meta\":{\"" META_SUBSCRIPTION "\":",
		 SPAN_ARG(method_info(view_method(view))->name));
	buf_add(&out, x->id);
	buf_add(&out, S("}}}"));
	x->worker->metrics.notifications++;
	x->sink->send(x->sink, x, 200, buf_span(&out), false);
}

/*
 * spec: mcp/2026-07-28 subscriptions: the closing result tells the client that its stream is over. On
 * a pipe it is told by notifications/cancelled, too; the two pages of the specification overlap there.
 */
static void close_with(struct exchange *x, struct span cancelled)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT(x->id.n + 2048);

	if (x->client->kind == CLIENT_CHANNEL && x->sink && cancelled.n)
		x->sink->send(x->sink, x, 200, cancelled, false);
	buf_add(&result, S("{\"resultType\":\"complete\",\"_meta\":{\"" META_SUBSCRIPTION "\":"));
	buf_add(&result, x->id);
	buf_add(&result, S("}}"));
	exchange_answer(x, &result);
}

void subscription_ended(struct exchange *x, const struct message *message)
{
	const struct json *json = message->json;
	struct json_edit edit = { json_get(json, message->params, S("requestId")), JSON_REPLACE, x->id };
	struct buf *out = &x->worker->out;

	buf_clear(out);
	json_emit(out, json, message->root, &edit, 1);
	close_with(x, buf_ok(out) ? buf_span(out) : S(""));
}

void subscription_end(struct exchange *x, struct span reason)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(x->id.n + 2048);

	if (x->waiting.next) {
		exchange_refuse(x, 503, -32603, "K802", S("The gate is shutting down; try again in a moment"),
				S(""));
		return;
	}
	call_cancel(&x->call, reason);
	buf_add(&out,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"));
	buf_add(&out, x->id);
	buf_add(&out, S(",\"reason\":"));
	json_add_string(&out, reason);
	buf_add(&out, S("}}"));
	close_with(x, buf_ok(&out) ? buf_span(&out) : S(""));
}
