/* front_legacy.c - the legacy era over HTTP: sessions, batches, the session's own stream. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "crypto/encode.h"
#include "exchange/batch.h"
#include "exchange/door.h"
#include "exchange/visit.h"
#include "store/ask.h"
#include "json/write.h"

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

	/* Its token may have been revoked while the keeper sealed. */
	if (client->closed)
		return false;
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
		visit_start(visit, greeting->client, &message, REVISION_LAST_LEGACY, S(""));
	else {
		visit_refuse(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
		client_turn_away(greeting->client);
	}
}

static void on_sealed(struct question *question, struct wire_in *in)
{
	struct greeting *greeting = LIST_ENTRY(question, struct greeting, question);
	struct visit *visit = &greeting->visit;

	if (in && in->kind == ASK_SEALED && take_session_id(greeting->client, wire_get_span(in))) {
		start_session(greeting);
	} else {
		http_request_watch(visit->request, NULL, NULL);
		visit_refuse(visit, 503, S(""), -32603, "K805",
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
		visit_refuse(visit, 503, id, -32603, worker->keeper ? "K801" : "K805",
			     err.code ? span_str(err.text)
				      : S("The gate cannot make a session now; try again"));
		return;
	}
	client_greet(greeting->client, message);
	greeting->visit = *visit;
	greeting->visit.view = S("");
	if ((visit->view.n && !client_set_view(greeting->client, visit->view)) ||
	    !buf_ok(&greeting->client->hello) ||
	    !http_request_keep(visit->request, &greeting->visit.head, &greeting->visit.body)) {
		client_close(greeting->client, S("no memory"));
		(void)client_unref(greeting->client);
		free(greeting);
		visit_refuse(visit, 413, id, -32600, "K803", S("The greeting is too large"));
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
		visit_refuse(visit, 400, request_id, -32600, "K603", S("Unsupported MCP-Protocol-Version"));
		return NULL;
	}
	if (!id.p) {
		visit_refuse(visit, 400, request_id, -32000, "K505",
			     S("Mcp-Session-Id is missing: send initialize first (or speak 2026-07-28)"));
		return NULL;
	}
	client = map_get(&visit->worker->sessions, id);
	if (!client || !span_eq(client->principal->id, visit->principal->id) || client->only != visit->only ||
	    !span_eq(client->view, visit->view.n ? visit->view : principal_view(visit->principal))) {
		visit_refuse(visit, 404, request_id, -32001, "K506", S("Session not found"));
		return NULL;
	}
	client->used_ms = loop_now(&visit->worker->loop);
	return client;
}

struct visit_batch {
	struct batch batch;
	struct post *post;
};

static struct sink *open_member(struct batch *batch)
{
	return post_open(LIST_ENTRY(batch, struct visit_batch, batch)->post);
}

void visit_batch(const struct visit *visit, const struct json *json)
{
	struct client *client = session_of(visit, S(""));
	struct visit_batch taken = { .batch = { .worker = visit->worker,
						.client = client,
						.only = visit->only,
						.open = open_member } };
	struct span why;

	if (!client)
		return;
	why = batch_refusal(client, json->tokens[0].count);
	if (!why.n && !visit->events)
		why = S("A batch is answered on a stream: Accept must take text/event-stream");
	if (why.n) {
		visit_refuse(visit, 400, S(""), -32600, "K612", why);
		return;
	}
	if (!batch_read(&taken.batch, visit->body)) {
		visit_refuse(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
		return;
	}
	taken.post = visit_post_of(visit, client, false, true);
	if (taken.post) {
		batch_run(&taken.batch);
		post_ready(taken.post);
	}
	batch_release(&taken.batch);
}

void visit_legacy(const struct visit *visit, const struct message *message)
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
		visit_start(visit, client, message,
			    client->revision ? client->revision : REVISION_LAST_LEGACY, S(""));
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

void visit_get(const struct visit *visit)
{
	static const struct http_request_events events = { .on_gone = standing_gone };
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);
	struct span last = http_known(visit->head, HTTP_HEADER_LAST_EVENT_ID);
	struct client *client;
	struct standing *standing;

	if (version.p && revision_text_is_modern(version)) {
		visit_refuse_method(visit, S("POST"));
		return;
	}
	if (!door_accepts(http_known(visit->head, HTTP_HEADER_ACCEPT), S("text/event-stream"))) {
		visit_refuse(visit, 406, S(""), -32000, "K508", S("Accept must take text/event-stream"));
		return;
	}
	client = session_of(visit, S(""));
	if (!client)
		return;
	if (last.n) {
		/* 405 is what hosts take for "there is nothing here" without ending the session. */
		if (!post_resume(client, visit->request, last))
			visit_refuse_method(visit, S("POST, DELETE"));
		return;
	}
	if (client->outlet) {
		visit_refuse(visit, 409, S(""), -32000, "K509",
			     S("Only one event stream is allowed per session"));
		return;
	}
	standing = calloc(1, sizeof(*standing));
	if (!standing) {
		visit_refuse(visit, 503, S(""), -32603, "K803", S("The gate has no memory for a stream"));
		return;
	}
	standing->outlet = (struct outlet){ .send = standing_send, .close = standing_close };
	standing->client = client_ref(client);
	client->n_streams++;
	http_request_watch(visit->request, &events, standing);
	event_stream_begin(&standing->stream, visit->worker, visit->request);
	client_set_outlet(client, &standing->outlet);
}

void visit_delete(const struct visit *visit)
{
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);
	struct client *client;

	if (version.p && revision_text_is_modern(version)) {
		visit_refuse_method(visit, S("POST"));
		return;
	}
	client = session_of(visit, S(""));
	if (!client)
		return;
	client_close(client, S("the client ended its session"));
	http_reply(visit->request, &(struct http_reply){ .status = 200 }, S(""));
}
