/* host_batch.c - several messages in one text of a host on one channel. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "exchange/batch.h"
#include "exchange/channel_parts.h"

enum { HOST_BATCH_BYTES = 64 * 1024 * 1024 }; /* the answers to one batch, which come together */

/*
 * spec: mcp/2025-03-26 (JSON-RPC 2.0, section 6): the answers to a batch are one array; where none is
 * due, nothing is written. It lives until the last of its requests has ended, and those end with
 * the client, before the host does.
 */
struct host_batch {
	struct batch batch;
	struct sink sink;
	struct channel_host *host;
	struct buf answers; /* elements of the array, with their commas */
	unsigned open;
	bool starting;
};

static void settle_batch(struct host_batch *taken)
{
	CLEANUP(buf_release) struct buf line = BUF_INIT((size_t)HOST_BATCH_BYTES + 2);

	if (taken->open || taken->starting)
		return;
	if (taken->answers.n) {
		buf_add_char(&line, '[');
		buf_add(&line, buf_span(&taken->answers));
		buf_add_char(&line, ']');
	}
	taken->host->queue.gathered -= taken->answers.n;
	if (line.n && buf_ok(&line))
		channel_host_write(taken->host, buf_span(&line));
	host_queue_count(&taken->host->queue);
	buf_release(&taken->answers);
	free(taken);
}

/* Each answer that is still to come must have room for saying that it has none. */
static bool batch_is_full(const struct host_batch *taken, size_t n)
{
	return taken->answers.n + n + (size_t)(taken->open + 1) * HOST_ERROR_BYTES > HOST_BATCH_BYTES;
}

static void add_answer(struct host_batch *taken, const struct exchange *x, struct span message)
{
	CLEANUP(buf_release) struct buf error = BUF_INIT((size_t)HOST_ERROR_BYTES);
	struct buf *answers = &taken->answers;
	size_t had = answers->n;

	if (x && batch_is_full(taken, message.n)) {
		message_write_error(&error, &(struct message_error){
						.id = x->id,
						.code = -32603,
						.text = S("The answers to the batch are too large together"),
						.kanmon = "K803" });
		message = buf_span(&error);
	} else if (x && !host_queue_has_room(&taken->host->queue, message.n)) {
		channel_host_no_room(&error, x);
		message = buf_span(&error);
	}
	if (answers->n)
		buf_add_char(answers, ',');
	buf_add(answers, message);
	/* Without memory even for that the batch has one answer less. */
	if (!buf_ok(answers))
		buf_cut(answers, had);
	taken->host->queue.gathered += answers->n - had;
}

static void batch_send(struct sink *sink, struct exchange *x, unsigned status, struct span message,
		       bool final)
{
	struct host_batch *taken = LIST_ENTRY(sink, struct host_batch, sink);
	struct channel_host *host = taken->host;

	(void)status;
	if (!final) {
		if (message.n)
			(void)channel_host_offer(host, message);
		return;
	}
	taken->open--;
	if (message.n)
		add_answer(taken, x, message);
	settle_batch(taken);
	channel_host_answered(host);
}

static struct sink *open_member(struct batch *batch)
{
	struct host_batch *taken = LIST_ENTRY(batch, struct host_batch, batch);

	taken->open++;
	return &taken->sink;
}

void channel_host_batch(struct channel_host *host, struct span text, size_t n)
{
	struct span why = batch_refusal(host->client, n);
	struct host_batch *taken = why.n ? NULL : calloc(1, sizeof(*taken));

	if (why.n) {
		channel_host_refuse(host, S(""), -32600, "K612", why);
		return;
	}
	if (taken)
		taken->batch = (struct batch){ .worker = host->worker,
					       .client = host->client,
					       .only = host->options.only,
					       .one_channel = true,
					       .open = open_member };
	if (!taken || !batch_read(&taken->batch, text)) {
		free(taken);
		channel_host_refuse(host, S(""), -32603, "K803", S("The gate has no memory for the request"));
		return;
	}
	taken->sink = (struct sink){ .send = batch_send };
	taken->host = host;
	taken->answers = BUF_INIT((size_t)HOST_BATCH_BYTES);
	taken->starting = true;
	batch_run(&taken->batch);
	batch_release(&taken->batch);
	taken->starting = false;
	settle_batch(taken);
}
