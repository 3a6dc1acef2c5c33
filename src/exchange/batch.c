/* batch.c - several messages in one body or line: each is taken for itself. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/batch.h"

#include "json/write.h"

_Static_assert(LIMIT_BATCH == 100, "the sentence below says so");

/* spec: mcp/2025-03-26, MUST: batches are received; the other revisions have none. */
struct span batch_refusal(const struct client *client, size_t n)
{
	if (client->revision != REVISION_2025_03_26)
		return S("Batches belong to revision 2025-03-26 only: send the messages one by one");
	if (n == 0)
		return S("A batch must hold a message");
	if (n > LIMIT_BATCH)
		return S("A batch may hold 100 messages");
	return S("");
}

/* The worker's tape is used by each exchange: the batch gets one of its own. */
bool batch_read(struct batch *batch, struct span text)
{
	batch->text = BUF_INIT(batch->worker->limits.body_bytes);
	batch->json = (struct json){ 0 };
	buf_add(&batch->text, text);
	if (buf_ok(&batch->text) && json_parse(&batch->json, buf_span(&batch->text), batch->text.max))
		return true;
	batch_release(batch);
	return false;
}

void batch_release(struct batch *batch)
{
	json_release(&batch->json);
	buf_release(&batch->text);
}

/* Source: JSON-RPC 2.0, section 6: each element that is no message is answered for itself. */
static void refuse_member(struct batch *batch, struct span id, const char *code, struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)16384);
	struct sink *sink = batch->open(batch);

	message_write_error(
	    &out, &(struct message_error){ .id = id, .code = -32600, .text = text, .kanmon = code });
	sink->send(sink, NULL, 200, buf_span(&out), true);
}

static void take_request(struct batch *batch, const struct message *message)
{
	struct span id = message_token(message->json, message->id);
	struct exchange_options options = { .client = batch->client,
					    .only = batch->only,
					    .revision = batch->client->revision };

	if (message->method == METHOD_INITIALIZE) {
		refuse_member(batch, id, "K612", S("initialize cannot be part of a batch"));
		return;
	}
	if (batch->one_channel && exchange_find(batch->client, id)) {
		refuse_member(batch, id, "K615", S("A request with this id is still under way"));
		return;
	}
	options.sink = batch->open(batch);
	exchange_start(batch->worker, message, &options);
}

static void take_member(struct batch *batch, json_at at)
{
	struct message message;
	enum message_verdict verdict = message_read(&batch->json, at, &message);

	if (verdict != MESSAGE_OK) {
		batch->worker->metrics.malformed++;
		refuse_member(batch, S("null"), "K614", span_str(message_verdict_text(verdict)));
	} else if (message.kind == MESSAGE_REQUEST) {
		take_request(batch, &message);
	} else if (message.kind == MESSAGE_NOTIFICATION) {
		client_notified(batch->client, batch->only, &message);
	} else {
		client_answered(batch->client, &message);
	}
}

void batch_run(struct batch *batch)
{
	struct client *client = client_ref(batch->client);

	for (json_at at = json_first(&batch->json, 0); at != JSON_NONE; at = json_next(&batch->json, 0, at))
		take_member(batch, at);
	(void)client_unref(client);
}
