/* batch.h - several messages in one body or line: what each of them may be, whatever way they came. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"

/*
 * Filled by the front: all but `text` and `json`. `open` gives the sink for one more answer; it is
 * called once for each member that is answered, and the sink gets exactly one final message for it.
 */
struct batch {
	struct worker *worker;
	struct client *client;
	struct server *only; /* NULL: the catalogue of all */
	bool one_channel;    /* all answers of the client share one: an id under way cannot be used again */
	struct sink *(*open)(struct batch *batch);
	struct buf text;
	struct json json;
};

/* Why the client may not send a batch of `n` messages; empty: it may. */
struct span batch_refusal(const struct client *client, size_t n);

/* Takes a copy of the text, which the worker has read as an array. False: no memory. */
bool batch_read(struct batch *batch, struct span text) MUST_CHECK;
/* Starts each message on its way. */
void batch_run(struct batch *batch);
void batch_release(struct batch *batch);
