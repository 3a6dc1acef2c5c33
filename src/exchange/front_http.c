/* front_http.c - clients over Streamable HTTP: the door, sessions, and both eras on one endpoint. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_http.h"

#include <stdlib.h>

#include "audit/ring.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "crypto/encode.h"
#include "exchange/door.h"
#include "exchange/post.h"
#include "exchange/token_cache.h"
#include "store/ask.h"
#include "json/write.h"

/* One request on its way through the door. Kept in memory of its own only where it has to wait. */
struct visit {
	struct worker *worker;
	struct http_request *request;
	const struct http_head *head;
	struct span body;
	struct principal *principal;
	struct server *only; /* the endpoint's server; NULL: the catalogue */
	bool events;
};

/* --- answers of the door itself --- */

static void reply_text(struct http_request *request, unsigned status, struct span text,
		       const struct http_header *more, size_t n_more)
{
	struct http_header headers[4] = { { SPAN("Content-Type"), SPAN("application/json") } };

	check(n_more < COUNT(headers));
	for (size_t i = 0; i < n_more; i++)
		headers[1 + i] = more[i];
	http_reply(request, &(struct http_reply){ .status = status, .headers = headers, .n = 1 + n_more },
		   text);
}

static void reply_error(const struct visit *visit, unsigned status, struct span id, int code,
			const char *kanmon, struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)16384);

	/* An id that cannot be read is left out: no schema of MCP knows null here. */
	buf_add(&out, S("{\"jsonrpc\":\"2.0\","));
	if (id.n) {
		buf_add(&out, S("\"id\":"));
		buf_add(&out, id);
		buf_add_char(&out, ',');
	}
	buf_addf(&out, "\"error\":{\"code\":%d,\"message\":", code);
	json_add_string(&out, text);
	buf_addf(&out, ",\"data\":{\"kanmon\":\"%s\"}}}", kanmon);
	reply_text(visit->request, status, buf_span(&out), NULL, 0);
}

/* spec: RFC 6750 section 3: the challenge names the scheme, and the error where a token was given. */
static void challenge(const struct visit *visit, bool given)
{
	const struct http_header header = {
		S("WWW-Authenticate"),
		given
		    ? S("Bearer realm=\"kanmon\", error=\"invalid_token\", error_description=\"The token is unknown, "
			"expired or revoked\"")
		    : S("Bearer realm=\"kanmon\"")
	};

	visit->worker->metrics.refused_front++;
	reply_text(
	    visit->request, 401,
	    given
		? S("{\"error\":\"invalid_token\",\"error_description\":\"The token is unknown, expired or "
		    "revoked (K502). Create one with: kanmon token create NAME\"}")
		: S("{\"error\":\"invalid_request\",\"error_description\":\"Send Authorization: Bearer TOKEN "
		    "(K501). Create one with: kanmon token create NAME\"}"),
	    &header, 1);
}

static void refuse_method(const struct visit *visit, struct span allow)
{
	const struct http_header header = { S("Allow"), allow };

	reply_text(visit->request, 405, S("{\"error\":\"method_not_allowed\"}"), &header, 1);
}

/* --- what every exchange of a POST needs --- */

static struct post *post_of(const struct visit *visit, struct client *client, bool modern, bool batch)
{
	const struct post_options options = { .client = client,
					      .request = visit->request,
					      .modern = modern,
					      .events = visit->events,
					      .batch = batch };
	struct post *post = post_new(visit->worker, &options);

	if (!post)
		reply_error(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
	return post;
}

static void start_one(const struct visit *visit, struct client *client, const struct message *message,
		      enum revision revision, struct span mirrored)
{
	bool modern = revision >= REVISION_2026_07_28;
	struct post *post = post_of(visit, client, modern, false);
	struct exchange_options options = { .client = client,
					    .only = visit->only,
					    .revision = revision,
					    .mirrored = mirrored,
					    .headers_checked = modern };

	if (!post)
		return;
	options.sink = post_open(post);
	exchange_start(visit->worker, message, &options);
	post_ready(post);
}

/* --- the modern era: every request stands for itself --- */

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
	if (!info->named_by.n || message->params == JSON_NONE)
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

static struct client *context_of(const struct visit *visit, const struct message *message,
				 const struct message_claim *claim, struct err *err)
{
	struct worker *worker = visit->worker;
	struct client *client = map_get(&worker->contexts, visit->principal->id);

	if (client)
		return client_ref(client);
	client = client_new(worker, visit->principal, CLIENT_CONTEXT, ERA_MODERN, NULL, err);
	if (!client)
		return NULL;
	client->revision = REVISION_2026_07_28;
	client->ready = true;
	client_greet_modern(client, message, claim);
	if (map_put(&worker->contexts, client->principal->id, client))
		return client;
	client_close(client, S("no memory"));
	(void)err_set(err, ERR_NOMEM, "no memory for a session");
	return client_unref(client);
}

static void visit_modern(const struct visit *visit, const struct message *message)
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
		reply_error(visit, 400, id, -32600, "K611",
			    S("A modern client sends requests and notifications only"));
		return;
	}
	if (!fault && claim.version != JSON_NONE &&
	    json_string_is(message->json, claim.version, revision_name(REVISION_2026_07_28)))
		fault = header_fault(visit, message);
	if (fault) {
		reply_error(visit, 400, id, -32020, "K607", span_str(fault));
		return;
	}
	client = context_of(visit, message, &claim, &err);
	if (!client) {
		reply_error(visit, 503, id, -32603, "K801", span_str(err.text));
		return;
	}
	collect_params(visit->head, &mirrored);
	start_one(visit, client, message, REVISION_2026_07_28, buf_span(&mirrored));
	(void)client_unref(client);
}

/* --- the legacy era: sessions --- */

/* A session is being made: its id comes back sealed from the keeper. */
struct greeting {
	struct question question;
	struct visit visit;
	struct client *client;
};

static void greeting_gone(void *user)
{
	struct greeting *greeting = user;

	question_cancel(&greeting->question);
	client_close(greeting->client, S("the client left"));
	(void)client_unref(greeting->client);
	(void)principal_unref(greeting->visit.principal);
	(void)server_unref(greeting->visit.only);
	free(greeting);
}

static bool take_session_id(struct client *client, struct span sealed)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);
	uint8_t digest[DIGEST_BYTES];
	struct buf ref = { .p = client->ref, .cap = 8, .max = 8 };

	base64url_add(&text, sealed);
	if (!buf_ok(&text) || text.n < 32)
		return false;
	client->session_id = span_of(text.p, text.n);
	client->session_bytes = TAKE(text.p);
	digest_blake2b(client->session_id, digest);
	buf_add_hex(&ref, span_first(digest_span(digest), 4));
	client->ref[8] = '\0';
	return map_put(&client->worker->sessions, client->session_id, client);
}

static void start_session(struct greeting *greeting)
{
	struct visit *visit = &greeting->visit;
	struct worker *worker = visit->worker;
	struct message message;

	http_request_watch(visit->request, NULL, NULL);
	if (json_parse(&worker->json, visit->body, worker->limits.body_bytes) &&
	    message_read(&worker->json, 0, &message) == MESSAGE_OK)
		start_one(visit, greeting->client, &message, REVISION_LAST_LEGACY, S(""));
	else
		reply_error(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
}

static void on_sealed(struct question *question, struct wire_in *in)
{
	struct greeting *greeting = LIST_ENTRY(question, struct greeting, question);
	struct visit *visit = &greeting->visit;

	if (in && in->kind == ASK_SEALED && take_session_id(greeting->client, wire_get_span(in))) {
		start_session(greeting);
	} else {
		http_request_watch(visit->request, NULL, NULL);
		reply_error(visit, 503, S(""), -32603, "K805",
			    S("The gate cannot make a session now; try again"));
		client_close(greeting->client, S("no session id"));
	}
	(void)client_unref(greeting->client);
	(void)principal_unref(visit->principal);
	(void)server_unref(visit->only);
	free(greeting);
}

/* What is sealed into a session id: enough to say later whose it was and when it began. */
static void ask_seal(struct greeting *greeting)
{
	struct worker *worker = greeting->visit.worker;
	CLEANUP(buf_release) struct buf plain = BUF_INIT((size_t)1024);
	struct wire_out out = { 0 };
	uint64_t now = clock_wall_ms();
	uint8_t nonce[16];

	random_bytes(nonce, sizeof(nonce));
	buf_add(&plain, span_of((const char *)&now, sizeof(now)));
	buf_add(&plain, span_of((const char *)nonce, sizeof(nonce)));
	buf_add(&plain, span_first(greeting->client->principal->id, 128));
	wire_begin(&out, ASK_SEAL, 0);
	wire_put_span(&out, S("session"));
	wire_put_span(&out, buf_span(&plain));
	greeting->question.on_answer = on_sealed;
	channel_ask(worker->keeper, &out, &greeting->question);
	wire_out_release(&out);
}

static void visit_initialize(const struct visit *visit, const struct message *message)
{
	static const struct http_request_events events = { .on_gone = greeting_gone };
	struct worker *worker = visit->worker;
	struct span id = message_token(message->json, message->id);
	struct greeting *greeting = calloc(1, sizeof(*greeting));
	struct err err = ERR_INIT;

	if (greeting && worker->keeper)
		greeting->client = client_new(worker, visit->principal, CLIENT_SESSION, ERA_LEGACY,
					      visit->only, &err);
	if (!greeting || !greeting->client) {
		free(greeting);
		reply_error(visit, 503, id, -32603, worker->keeper ? "K801" : "K805",
			    err.code ? span_str(err.text)
				     : S("The gate cannot make a session now; try again"));
		return;
	}
	client_greet(greeting->client, message);
	greeting->visit = *visit;
	if (!buf_ok(&greeting->client->hello) ||
	    !http_request_keep(visit->request, &greeting->visit.head, &greeting->visit.body)) {
		client_close(greeting->client, S("no memory"));
		(void)client_unref(greeting->client);
		free(greeting);
		reply_error(visit, 413, id, -32600, "K803", S("The greeting is too large"));
		return;
	}
	greeting->visit.principal = principal_ref(visit->principal);
	greeting->visit.only = visit->only ? server_ref(visit->only) : NULL;
	http_request_watch(visit->request, &events, greeting);
	ask_seal(greeting);
}

/*
 * spec: mcp/2025-11-25 transports: 400 without a session id, 404 for one that is not (or no longer)
 * valid. One that is another's, or another endpoint's, is answered like one that never was.
 */
static struct client *session_of(const struct visit *visit, struct span request_id)
{
	struct span id = http_known(visit->head, HTTP_HEADER_MCP_SESSION_ID);
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);
	struct client *client;

	if (version.p && revision_era(revision_of(version)) != ERA_LEGACY) {
		reply_error(visit, 400, request_id, -32600, "K603", S("Unsupported MCP-Protocol-Version"));
		return NULL;
	}
	if (!id.p) {
		reply_error(visit, 400, request_id, -32000, "K505",
			    S("Mcp-Session-Id is missing: send initialize first (or speak 2026-07-28)"));
		return NULL;
	}
	client = map_get(&visit->worker->sessions, id);
	if (!client || !span_eq(client->principal->id, visit->principal->id) || client->only != visit->only) {
		reply_error(visit, 404, request_id, -32001, "K506", S("Session not found"));
		return NULL;
	}
	client->used_ms = loop_now(&visit->worker->loop);
	return client;
}

/* spec: mcp/2025-03-26, MUST: batches are received; later revisions have none. */
static void visit_batch(const struct visit *visit, const struct json *json)
{
	struct client *client = session_of(visit, S(""));
	struct post *post;
	CLEANUP(buf_release) struct buf kept = BUF_INIT(visit->worker->limits.body_bytes);
	struct json batch = { 0 };
	size_t n = json->tokens[0].count;

	if (!client)
		return;
	if (client->revision != REVISION_2025_03_26 || n == 0 || n > LIMIT_BATCH || !visit->events) {
		reply_error(
		    visit, 400, S(""), -32600, "K612",
		    n > LIMIT_BATCH
			? S("A batch may hold 100 messages")
			: S("Batches belong to revision 2025-03-26 only, and need text/event-stream"));
		return;
	}
	/* The worker's tape is used by each exchange: the batch gets one of its own. */
	buf_add(&kept, visit->body);
	if (!buf_ok(&kept) || !json_parse(&batch, buf_span(&kept), kept.max)) {
		reply_error(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
		return;
	}
	client = client_ref(client);
	post = post_of(visit, client, false, true);
	for (json_at at = json_first(&batch, 0); post && at != JSON_NONE; at = json_next(&batch, 0, at)) {
		struct exchange_options options = { .client = client,
						    .only = visit->only,
						    .revision = client->revision };
		struct message message;

		if (message_read(&batch, at, &message) != MESSAGE_OK || message.method == METHOD_INITIALIZE)
			continue;
		if (message.kind == MESSAGE_NOTIFICATION) {
			client_notified(client, visit->only, &message);
		} else if (message.kind == MESSAGE_REQUEST) {
			options.sink = post_open(post);
			exchange_start(visit->worker, &message, &options);
		} else {
			client_answered(client, &message);
		}
	}
	if (post)
		post_ready(post);
	(void)client_unref(client);
	json_release(&batch);
}

static void visit_legacy(const struct visit *visit, const struct message *message)
{
	struct client *client;

	if (message->kind == MESSAGE_REQUEST && message->method == METHOD_INITIALIZE) {
		visit_initialize(visit, message);
		return;
	}
	client = session_of(visit, message_token(message->json, message->id));
	if (!client)
		return;
	if (message->kind == MESSAGE_REQUEST) {
		start_one(visit, client, message, client->revision ? client->revision : REVISION_LAST_LEGACY,
			  S(""));
		return;
	}
	client = client_ref(client);
	if (message->kind == MESSAGE_NOTIFICATION)
		client_notified(client, visit->only, message);
	else
		client_answered(client, message);
	(void)client_unref(client);
	http_reply(visit->request, &(struct http_reply){ .status = 202 }, S(""));
}

/* --- POST --- */

static bool is_modern(const struct visit *visit, const struct message *message)
{
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);

	return (version.p && revision_text_is_modern(version)) || message_claim(message).any;
}

static void bad_json(const struct visit *visit)
{
	const struct json *json = &visit->worker->json;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	visit->worker->metrics.malformed++;
	buf_addf(&text, "Parse error at byte %u: %s", json->reason_off, json_reason_text(json->reason));
	reply_error(visit, 400, S(""), -32700, "K613", buf_span(&text));
}

static void visit_post(struct visit *visit)
{
	struct worker *worker = visit->worker;
	struct json *json = &worker->json;
	struct span accept = http_known(visit->head, HTTP_HEADER_ACCEPT);
	struct message message;
	enum message_verdict verdict;

	if (!door_is_json(http_known(visit->head, HTTP_HEADER_CONTENT_TYPE))) {
		reply_error(visit, 415, S(""), -32000, "K507", S("Content-Type must be application/json"));
		return;
	}
	visit->events = door_accepts(accept, S("text/event-stream"));
	if (!visit->events && !door_accepts(accept, S("application/json"))) {
		reply_error(visit, 406, S(""), -32000, "K508",
			    S("Accept must take application/json and text/event-stream"));
		return;
	}
	if (!json_parse(json, visit->body, worker->limits.body_bytes)) {
		bad_json(visit);
		return;
	}
	if (json_is(json, 0, JSON_ARRAY)) {
		visit_batch(visit, json);
		return;
	}
	verdict = message_read(json, 0, &message);
	if (verdict != MESSAGE_OK) {
		worker->metrics.malformed++;
		reply_error(visit, 400, message_token(json, message.id), -32600, "K614",
			    span_str(message_verdict_text(verdict)));
		return;
	}
	if (is_modern(visit, &message))
		visit_modern(visit, &message);
	else
		visit_legacy(visit, &message);
}

/* --- GET: the session's own stream --- */

struct standing {
	struct outlet outlet;
	struct event_stream stream;
	struct client *client; /* referenced */
};

static void standing_free(struct standing *standing)
{
	struct client *client = standing->client;

	if (client->outlet == &standing->outlet)
		client->outlet = NULL;
	client->n_streams--;
	client->used_ms = loop_now(&client->worker->loop);
	free(standing);
	(void)client_unref(client);
}

static bool standing_send(struct outlet *outlet, struct span message)
{
	struct standing *standing = LIST_ENTRY(outlet, struct standing, outlet);

	if (event_stream_send(&standing->stream, S(""), message))
		return true;
	standing_free(standing);
	return false;
}

static void standing_close(struct outlet *outlet)
{
	struct standing *standing = LIST_ENTRY(outlet, struct standing, outlet);

	event_stream_end(&standing->stream);
	standing_free(standing);
}

static void standing_gone(void *user)
{
	struct standing *standing = user;

	event_stream_forget(&standing->stream);
	standing_free(standing);
}

static void visit_get(const struct visit *visit)
{
	static const struct http_request_events events = { .on_gone = standing_gone };
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);
	struct span last = http_known(visit->head, HTTP_HEADER_LAST_EVENT_ID);
	struct client *client;
	struct standing *standing;

	if (version.p && revision_text_is_modern(version)) {
		refuse_method(visit, S("POST"));
		return;
	}
	if (!door_accepts(http_known(visit->head, HTTP_HEADER_ACCEPT), S("text/event-stream"))) {
		reply_error(visit, 406, S(""), -32000, "K508", S("Accept must take text/event-stream"));
		return;
	}
	client = session_of(visit, S(""));
	if (!client)
		return;
	if (last.n) {
		/* 405 is what hosts take for "there is nothing here" without ending the session. */
		if (!post_resume(client, visit->request, last))
			refuse_method(visit, S("POST, DELETE"));
		return;
	}
	if (client->outlet) {
		reply_error(visit, 409, S(""), -32000, "K509",
			    S("Only one event stream is allowed per session"));
		return;
	}
	standing = calloc(1, sizeof(*standing));
	if (!standing) {
		reply_error(visit, 503, S(""), -32603, "K803", S("The gate has no memory for a stream"));
		return;
	}
	standing->outlet = (struct outlet){ .send = standing_send, .close = standing_close };
	standing->client = client_ref(client);
	client->n_streams++;
	http_request_watch(visit->request, &events, standing);
	event_stream_begin(&standing->stream, visit->worker, visit->request);
	client_set_outlet(client, &standing->outlet);
}

static void visit_delete(const struct visit *visit)
{
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);
	struct client *client;

	if (version.p && revision_text_is_modern(version)) {
		refuse_method(visit, S("POST"));
		return;
	}
	client = session_of(visit, S(""));
	if (!client)
		return;
	client_close(client, S("the client ended its session"));
	http_reply(visit->request, &(struct http_reply){ .status = 200 }, S(""));
}

/* --- the door --- */

static void identified(struct visit *visit, struct span server)
{
	if (server.n) {
		visit->only = worker_server(visit->worker, server);
		/* One that does not exist and one the token does not cover are answered alike. */
		if (!visit->only || visit->only->ephemeral || !principal_may_use(visit->principal, server)) {
			reply_error(visit, 404, S(""), -32600, "K503",
				    S("No such server here, or your token does not cover it"));
			return;
		}
	}
	if (visit->head->method == HTTP_METHOD_POST)
		visit_post(visit);
	else if (visit->head->method == HTTP_METHOD_GET)
		visit_get(visit);
	else if (visit->head->method == HTTP_METHOD_DELETE)
		visit_delete(visit);
	else
		refuse_method(visit, S("POST, GET, DELETE"));
}

/* A request whose token the keeper is being asked about. */
struct caller {
	struct token_wait wait;
	struct visit visit;
};

static void caller_gone(void *user)
{
	struct caller *caller = user;

	token_wait_cancel(&caller->wait);
	free(caller);
}

static void caller_known(struct token_wait *wait, struct principal *principal, bool reachable)
{
	struct caller *caller = LIST_ENTRY(wait, struct caller, wait);
	struct visit visit = caller->visit;
	struct span server;

	http_request_watch(visit.request, NULL, NULL);
	free(caller);
	if (!reachable) {
		reply_error(&visit, 503, S(""), -32603, "K805",
			    S("The gate cannot check tokens now; try again"));
		return;
	}
	if (!principal) {
		challenge(&visit, true);
		return;
	}
	visit.principal = principal;
	check(door_endpoint(visit.head->path, &server));
	identified(&visit, server);
}

static void ask_who(const struct visit *visit, struct span token, struct span server)
{
	static const struct http_request_events events = { .on_gone = caller_gone };
	struct caller *caller = calloc(1, sizeof(*caller));
	struct visit known = *visit;
	enum token_state state = TOKEN_BUSY;

	if (caller)
		state = token_cache_find(visit->worker->tokens, token, &caller->wait, &known.principal);
	if (state == TOKEN_PENDING) {
		caller->wait.done = caller_known;
		caller->visit = *visit;
		if (http_request_keep(visit->request, &caller->visit.head, &caller->visit.body)) {
			http_request_watch(visit->request, &events, caller);
			return;
		}
		token_wait_cancel(&caller->wait);
		state = TOKEN_BUSY;
	}
	free(caller);
	if (state == TOKEN_GOOD)
		identified(&known, server);
	else if (state == TOKEN_BAD)
		challenge(visit, true);
	else
		reply_error(visit, 503, S(""), -32603, "K805",
			    S("The gate cannot check tokens now; try again"));
}

static bool is_ready(const struct worker *worker)
{
	return worker->keeper && worker->upstream.launcher && worker->upstream.egress && !worker->draining &&
	       worker->ring && ring_failure(worker->ring) == 0;
}

static bool answer_health(const struct visit *visit)
{
	bool ready;

	if (visit->head->method != HTTP_METHOD_GET)
		return false;
	if (span_eq(visit->head->path, S("/healthz"))) {
		reply_text(visit->request, 200, S("{\"status\":\"ok\"}"), NULL, 0);
		return true;
	}
	if (!span_eq(visit->head->path, S("/readyz")))
		return false;
	ready = is_ready(visit->worker);
	reply_text(visit->request, ready ? 200 : 503,
		   ready ? S("{\"status\":\"ready\"}") : S("{\"status\":\"not ready\"}"), NULL, 0);
	return true;
}

void front_http_on_request(void *owner, struct http_request *request, const struct http_head *head,
			   struct span body)
{
	struct worker *worker = owner;
	struct visit visit = { .worker = worker, .request = request, .head = head, .body = body };
	struct span origin = http_known(head, HTTP_HEADER_ORIGIN);
	struct span authorization = http_known(head, HTTP_HEADER_AUTHORIZATION);
	struct span server;

	worker->metrics.requests++;
	if (!door_host_allowed(&worker->front, http_known(head, HTTP_HEADER_HOST))) {
		worker->metrics.refused_front++;
		reply_error(&visit, 403, S(""), -32000, "K504",
			    S("This Host is not one the gate answers to"));
		return;
	}
	if (origin.p && !door_origin_allowed(&worker->front, origin)) {
		worker->metrics.refused_front++;
		reply_error(&visit, 403, S(""), -32000, "K504", S("This Origin may not speak to the gate"));
		return;
	}
	if (answer_health(&visit))
		return;
	if (!door_endpoint(head->path, &server)) {
		reply_text(request, 404,
			   S("{\"error\":\"not_found\",\"error_description\":\"The endpoints are /mcp and "
			     "/mcp/SERVER\"}"),
			   NULL, 0);
		return;
	}
	/* A token in a URL is in logs and histories already: such a request is not served at all. */
	if (head->query.p) {
		reply_error(&visit, 400, S(""), -32600, "K510", S("The endpoints take no query string"));
		return;
	}
	if (!authorization.p)
		challenge(&visit, false);
	else
		ask_who(&visit, door_bearer(authorization), server);
}

void front_metrics_on_request(void *owner, struct http_request *request, const struct http_head *head,
			      struct span body)
{
	struct worker *worker = owner;
	struct visit visit = { .worker = worker, .request = request, .head = head, .body = body };
	const struct http_header type = { S("Content-Type"), S("text/plain; version=0.0.4; charset=utf-8") };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);
	struct metric_gauge gauges[] = {
		{ "sessions", "Sessions of clients.", NULL, NULL, (double)worker->n_clients },
		{ "calls_in_flight", "Calls under way.", NULL, NULL, (double)worker->n_calls },
		{ "record_bytes_waiting", "Bytes of records not yet on the disk.", NULL, NULL,
		  worker->ring ? (double)ring_waiting(worker->ring) : 0 },
	};

	if (answer_health(&visit))
		return;
	if (head->method != HTTP_METHOD_GET || !span_eq(head->path, S("/metrics"))) {
		reply_text(request, 404, S("{\"error\":\"not_found\"}"), NULL, 0);
		return;
	}
	metrics_write(&out, &worker->metrics, gauges, COUNT(gauges));
	http_reply(request, &(struct http_reply){ .status = 200, .headers = &type, .n = 1 }, buf_span(&out));
}
