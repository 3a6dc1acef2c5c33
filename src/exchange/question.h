/* question.h - what a legacy server asks, kept until its modern client brings the answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

enum { QUESTIONS = 32 /* not answered yet */ };

/* Of one call, or of one task. Their names, "ask-1", "ask-2"…, are never used again. */
struct questions {
	struct list list;
	unsigned n, asked;     /* waiting; in all */
	struct budget *budget; /* what they hold is charged to it */
};

void questions_init(struct questions *questions, struct budget *budget);
void questions_clear(struct questions *questions);

/* Keeps a server's request. False: it cannot be asked of a modern client, or too much is; it is not kept. */
bool questions_put(struct questions *questions, const struct message *message) MUST_CHECK;

/* The server takes one back, by its id of it (JSON). False: it is none of these. */
bool questions_forget(struct questions *questions, struct span id);

/* Adds them as members of `inputRequests`, without braces. */
void questions_add(const struct questions *questions, struct buf *out);

/*
 * Gives the server the answers that stand in `responses` (inputResponses; JSON_NONE: none); these questions
 * are gone. What is no answer to one leaves it open. A response has at most `max` bytes.
 */
void questions_answer(struct questions *questions, struct link *link, const struct json *json,
		      json_at responses, size_t max);
