/* translate.h - what is said in one revision of MCP, in the words of another. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "mcp/message.h"
#include "json/write.h"

/*
 * Each leg of the gate speaks a revision of its own; what passes from one to the other is changed here, at
 * the edge, and nowhere else. A change is a list of edits for json_emit(), so that all that is not named in
 * it passes exactly as it was read; none lies in what another replaces or drops. What writes into a buffer
 * marks it where memory, or TRANSLATE_EDITS, was not enough. docs/reference/eras.md says what each
 * translation keeps, and what it cannot.
 */

/* Edits of one message, kept in the order json_emit() wants. Zero with an arena is legal. */
struct edits {
	struct arena *arena; /* of the list, and of bytes that are made here */
	struct json_edit *list;
	size_t n, cap;
	bool over; /* no memory, or past TRANSLATE_EDITS: the message is refused */
};

enum { TRANSLATE_EDITS = 100000 };

/*
 * One more edit, wherever it belongs. What is added last of several JSON_INSERT at one place stands first; of
 * several others at one place, the last one counts.
 */
void edits_add(struct edits *edits, struct json_edit edit);

/* The two ends of what is translated: who says it, and who is to understand it. */
struct legs {
	enum revision from, to;
};

/* --- from the client to the server --- */

/*
 * A request. `meta`: the members (JSON without braces, names in META_PREFIX) that a modern server wants in
 * params._meta; empty where `to` is legacy. Borrowed until the edits are emitted.
 *
 * Between the eras the keys of `_meta` leave that MCP itself gives a meaning in one era only; others stay.
 * So do inputResponses and requestState of params. Legacy to modern: `meta` goes into `_meta`.
 * `task` leaves params in any case.
 * False: the method has no words in `to` (the caller serves it otherwise, or refuses).
 */
bool translate_request(const struct message *message, struct legs legs, struct span meta,
		       struct edits *edits);

/*
 * Adds the params of the `initialize` that greets a legacy server for a modern client: `meta` is the client's
 * params._meta. A client that does not say who it is stands under the gate's own name, `own_info` (JSON).
 */
void translate_hello_to_legacy(struct buf *out, const struct json *json, json_at meta, struct span own_info);

/*
 * Adds the members of params._meta (JSON without braces) that a legacy client's requests carry to a modern
 * server: `params` is what it said in `initialize`. No clientInfo where that has no name and version. What
 * the client's revision (its protocolVersion) did not know yet is not declared for it: URL elicitation and
 * tools in sampling before 2025-11-25, elicitation before 2025-06-18.
 */
void translate_hello_to_modern(struct buf *out, const struct json *json, json_at params);

/* --- from the server to the client --- */

/*
 * The result of a request of `method`, a complete one: what asks for input, or stands for a task, is the
 * caller's. Legacy to modern: resultType; ttlMs 0 and cacheScope "private" where the method's results are
 * cached; what stood under the modern era's names leaves. Modern to legacy: these leave. The keys of `_meta`
 * that belong to one era leave both ways. Content that the client's revision does not know becomes text that
 * says what it was (audio before 2025-03-26; resource_link before 2025-06-18; also in messages of prompts).
 * structuredContent that is no object does not reach a legacy client; where it was the only content, it
 * stands as text; before 2025-06-18 an object does as well. Tools of a list: translate_tool().
 */
void translate_result(const struct message *message, enum method method, struct legs legs,
		      struct edits *edits);

/*
 * One tool's definition, the object at `at`: it loses what its reader would refuse. An outputSchema whose
 * root is no object (legacy), `execution` (all but 2025-11-25); a property whose schema is `true` or `false`
 * gets the object that means the same (legacy).
 */
void translate_tool(const struct json *json, json_at at, struct legs legs, struct edits *edits);

/*
 * The code an error of a request of `method` has for the client. -32002 becomes -32602 and back (back only
 * for resources/read whose data names a uri); what exists in one era only becomes the nearest that both know.
 * The codes that the modern specification keeps for itself (-32020 to -32099) never reach a modern client
 * from a legacy server: they become -32603.
 */
int64_t translate_error_code(const struct message *message, enum method method, struct legs legs);

/*
 * A notification of the server's. False: it has no words there, and is dropped. A subscriptionId leaves
 * towards a legacy client; towards a modern one the caller adds it. `cancelled` never passes between the
 * eras: what a server cancels is, in each of them, something that the gate alone knows of.
 */
bool translate_server_notification(const struct message *message, struct legs legs, struct edits *edits);

/*
 * Adds the whole InitializeResult or DiscoverResult (by legs.to) that stands for what the server said when it
 * was greeted: `result` is its DiscoverResult or InitializeResult. `own_info` is the serverInfo for one that
 * gives none. Capabilities that the other era names otherwise change place; those that it has no words for
 * leave.
 */
void translate_greeting(struct buf *out, const struct json *json, json_at result, struct legs legs,
			struct span own_info);

/* --- what a server asks of the client: nothing is added where false is returned --- */

/*
 * Adds one value of `inputRequests`, {"method","params"}, for a legacy server's request. False: the modern
 * era has no words for it (tasks, ping), or it is not what such a request looks like. `task`, elicitationId
 * and the progressToken leave.
 */
bool translate_ask_to_input(struct buf *out, const struct message *message);

/*
 * Adds the legacy request (whole message, under `id`, JSON) for the value of `inputRequests` at `at`.
 * `elicitation_id` (text) is what a URL elicitation is known by. False: it is none, or of a kind the client's
 * revision has no words for. Before 2025-11-25 a message of several blocks is said as several messages, and a
 * titled choice with `enum` and `enumNames`; tools in sampling, and choices of several, have no words there.
 */
bool translate_input_to_ask(struct buf *out, const struct json *json, json_at at, enum revision to,
			    struct span id, struct span elicitation_id);

/*
 * Adds the value of `inputResponses` for a legacy client's answer to a request of `method`. A refusal of an
 * elicitation is one there, too ("cancel"). False: it is an error that has no words in the modern era, or no
 * answer to such a request; the call cannot go on.
 */
bool translate_answer_to_input(struct buf *out, const struct message *answer, enum method method);

/*
 * Adds the result (JSON object) with which a legacy server's request of `method` is answered, for the value
 * of `inputResponses` at `at`. `to` is the server's revision: before 2025-11-25 an answer is one block, so of
 * several the texts are joined, and what else there was is named. False: it is no answer to such a request.
 */
bool translate_input_to_answer(struct buf *out, const struct json *json, json_at at, enum method method,
			       enum revision to);

/*
 * Adds `inputRequests` (a JSON object) for the URL elicitations of an error -32042; its keys are "url-1",
 * "url-2"…, 32 at most. False: `message` is no such error, or names no page to open.
 */
bool translate_url_error_to_inputs(struct buf *out, const struct message *message);
