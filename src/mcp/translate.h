/* translate.h - what is said in one revision of MCP, in the words of another. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "mcp/message.h"
#include "json/write.h"

/*
 * Each leg of the gate speaks a revision of its own; what passes from one to the other is changed here, at
 * the edge, and nowhere else. A change is a list of edits for json_emit(), so that all that is not named in
 * it passes exactly as it was read. docs/reference/eras.md says what each translation keeps, and what it
 * cannot.
 */

/* Edits of one message, kept in the order json_emit() wants. Zero with an arena is legal. */
struct edits {
	struct arena *arena; /* of the list, and of bytes that are made here */
	struct json_edit *list;
	size_t n, cap;
	bool over; /* no memory, or past TRANSLATE_EDITS: the message is refused */
};

enum { TRANSLATE_EDITS = 100000 };

/* One more edit, wherever it belongs. What is added last of several JSON_INSERT at one place stands first. */
void edits_add(struct edits *edits, struct json_edit edit);

/* The two ends of what is translated: who says it, and who is to understand it. */
struct legs {
	enum revision from, to;
};

/* --- from the client to the server --- */

/*
 * A request. `meta`: the members (JSON without braces) that a modern server wants in params._meta; empty
 * where `to` is legacy.
 *
 * Modern to legacy: the modern keys leave `_meta`; inputResponses and requestState leave params. Legacy to
 * modern: `meta` goes in, in place of whatever stood there under the same keys; `task` leaves params.
 * False: the method has no words in `to` (the caller serves it otherwise, or refuses).
 */
bool translate_request(const struct message *message, struct legs legs, struct span meta,
		       struct edits *edits);

/* A notification of the client's. False: it has no words there. */
bool translate_client_notification(const struct message *message, struct legs legs, struct edits *edits);

/*
 * Adds the params of the `initialize` that greets a legacy server for a modern client: `meta` is the client's
 * params._meta. A client that does not say who it is stands under the gate's own name, `own_info` (JSON).
 */
void translate_hello_to_legacy(struct buf *out, const struct json *json, json_at meta, struct span own_info);

/*
 * Adds the members of params._meta (JSON without braces) that a legacy client's requests carry to a modern
 * server: `params` is what it said in `initialize`.
 */
void translate_hello_to_modern(struct buf *out, const struct json *json, json_at params);

/* --- from the server to the client --- */

/*
 * The result of a request of `method`. Legacy to modern: resultType; ttlMs 0 and cacheScope "private" where
 * the method's results are cached. Modern to legacy: these leave. Content that the client's revision does not
 * know becomes text that says what it was (audio before 2025-03-26; resource_link before 2025-06-18; also in
 * messages of prompts). structuredContent that is no object does not reach a legacy client; where it was the
 * only content, it stands as text. An item of a list loses what its reader would refuse: an outputSchema
 * whose root is no object (legacy), `execution` (modern, and before 2025-11-25).
 */
void translate_result(const struct message *message, enum method method, struct legs legs,
		      struct edits *edits);

/* The same for one tool's definition, the object at `at`. */
void translate_tool(const struct json *json, json_at at, struct legs legs, struct edits *edits);

/*
 * The code an error of a request of `method` has for the client. -32002 becomes -32602 and back (back only
 * for resources/read whose data names a uri); what exists in one era only becomes the nearest that both know.
 */
int64_t translate_error_code(const struct message *message, enum method method, struct legs legs);

/* A notification of the server's. False: it has no words there, and is dropped. */
bool translate_server_notification(const struct message *message, struct legs legs, struct edits *edits);

/*
 * Adds the whole InitializeResult or DiscoverResult (by legs.to) that stands for what the server said when it
 * was greeted: `result` is its DiscoverResult or InitializeResult. `own_info` is the serverInfo for one that
 * gives none. Capabilities that the other era names otherwise change place; those that it has no words for
 * leave.
 */
void translate_greeting(struct buf *out, const struct json *json, json_at result, struct legs legs,
			struct span own_info);

/* --- what a server asks of the client --- */

/*
 * Adds one value of `inputRequests`, {"method","params"}, for a legacy server's request. False: the modern
 * era has no words for it (tasks, ping).
 */
bool translate_ask_to_input(struct buf *out, const struct message *message);

/*
 * Adds the legacy request (whole message, under `id`, JSON) for the value of `inputRequests` at `at`.
 * `elicitation_id` is what a URL elicitation is known by; used where `to` wants one. False: it is none, or of
 * a kind the client's revision has no words for.
 */
bool translate_input_to_ask(struct buf *out, const struct json *json, json_at at, enum revision to,
			    struct span id, struct span elicitation_id);

/*
 * Adds the value of `inputResponses` for a legacy client's answer to a request of `method`. A refusal of an
 * elicitation is one there, too ("cancel"). False: it is an error that has no words in the modern era; the
 * call cannot go on.
 */
bool translate_answer_to_input(struct buf *out, const struct message *answer, enum method method);

/*
 * Adds the result (JSON object) with which a legacy server's request of `method` is answered, for the value
 * of `inputResponses` at `at`. `to` is the server's revision. False: it is no answer to such a request.
 */
bool translate_input_to_answer(struct buf *out, const struct json *json, json_at at, enum method method,
			       enum revision to);

/*
 * Adds `inputRequests` (a JSON object) for the URL elicitations of an error -32042; its keys are "url-1",
 * "url-2"…. False: `message` is no such error.
 */
bool translate_url_error_to_inputs(struct buf *out, const struct message *message);
