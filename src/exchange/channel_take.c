/* channel_take.c - what a host on one channel says: which era it speaks, and what it asks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/channel_parts.h"
#include "json/write.h"

/* Has it only asked which era is spoken? Then it may still choose. */
static bool is_undecided(const struct client *client)
{
	if (client->era == ERA_LEGACY)
		return client->hello.n == 0 && client->n_exchanges == 0;
	LIST_EACH(&client->exchanges, node)
		if (LIST_ENTRY(node, struct exchange, in_client)->method != METHOD_DISCOVER)
			return false;
	return true;
}

/* The channel may have stood open for long before it says anything: its token is looked at anew. */
static void begin(struct channel_host *host, struct client *client)
{
	client->transport = host->options.port->transport;
	(void)span_to_cstr(host->options.ref, client->ref, sizeof(client->ref));
	client_set_outlet(client, &host->outlet);
	client_doubt(client);
}

/*
 * A host may probe with server/discover and go on to initialize, also before the probe is answered:
 * a probe still under way is given up, and its client with it.
 */
static struct client *client_of(struct channel_host *host, enum era era, struct err *err)
{
	struct client *client = host->client;

	if (client && client->era == era)
		return client;
	if (client && !is_undecided(client)) {
		(void)err_set(err, ERR_DENIED,
			      "this connection speaks another generation of the protocol already");
		return NULL;
	}
	if (client) {
		host->client = NULL;
		client->outlet = NULL;
		client_close(client, S("the host went on in the other era"));
		(void)client_unref(client);
	}
	host->client = client_new(host->worker, host->principal, CLIENT_CHANNEL, era, host->options.only,
				  err);
	if (host->client && host->options.view.n)
		(void)client_set_view(host->client, host->options.view);
	if (host->client)
		begin(host, host->client);
	return host->client;
}

/* There is no client of the era that is asked for. */
static void refuse_client(struct channel_host *host, const struct message *message, const struct err *err)
{
	struct span id = message_token(message->json, message->id);

	if (err->code == ERR_DENIED)
		channel_host_refuse(host, id, -32600, "K604", span_str(err->text));
	else
		channel_host_refuse(host, id, -32603, err->code == ERR_LIMIT ? "K801" : "K803",
				    span_str(err->text));
}

static bool is_modern(const struct channel_host *host)
{
	return host->client && host->client->era == ERA_MODERN;
}

static void request_legacy(struct channel_host *host, const struct message *message)
{
	struct span id = message_token(message->json, message->id);
	struct err err = ERR_INIT;
	struct client *client;
	bool greeted = host->client && !is_modern(host) && host->client->hello.n;

	if (message->method != METHOD_INITIALIZE && !greeted &&
	    (message->method != METHOD_PING || is_modern(host))) {
		channel_host_refuse(host, id, -32600, "K505", S("Send initialize first"));
		return;
	}
	client = client_of(host, ERA_LEGACY, &err);
	if (!client) {
		refuse_client(host, message, &err);
		return;
	}
	if (message->method == METHOD_INITIALIZE) {
		if (client->hello.n) {
			channel_host_refuse(host, id, -32600, "K614",
					    S("This connection is initialized already"));
			return;
		}
		client_greet(client, message);
	}
	exchange_start(host->worker, message,
		       &(struct exchange_options){ .client = client,
						   .only = host->options.only,
						   .sink = &host->sink,
						   .revision = client->revision ? client->revision
										: REVISION_LAST_LEGACY });
}

static void request_modern(struct channel_host *host, const struct message *message)
{
	struct message_claim claim = message_claim(message);
	struct err err = ERR_INIT;
	struct client *client = client_of(host, ERA_MODERN, &err);

	if (!client) {
		refuse_client(host, message, &err);
		return;
	}
	if (client->hello.n == 0)
		client_greet_modern(client, message, &claim);
	exchange_start(host->worker, message,
		       &(struct exchange_options){ .client = client,
						   .only = host->options.only,
						   .sink = &host->sink,
						   .revision = REVISION_2026_07_28 });
}

static void take_request(struct channel_host *host, const struct message *message)
{
	struct span id = message_token(message->json, message->id);

	/*
	 * One channel carries all answers: two requests with one id could not be told apart. A probe that
	 * initialize takes the place of gets none.
	 */
	if (host->client && exchange_find(host->client, id) &&
	    !(message->method == METHOD_INITIALIZE && is_modern(host) && is_undecided(host->client))) {
		channel_host_refuse(host, id, -32600, "K615", S("A request with this id is still under way"));
		return;
	}
	if (message->method != METHOD_INITIALIZE &&
	    (message->method == METHOD_DISCOVER || message_claim(message).any))
		request_modern(host, message);
	else
		request_legacy(host, message);
}

/* Elsewhere an array is as little a message as a number is. */
static bool takes_batches(const struct channel_host *host)
{
	return host->client && host->client->revision == REVISION_2025_03_26;
}

void channel_host_read(struct channel_host *host, struct span text)
{
	struct worker *worker = host->worker;
	struct json *json = &worker->json;
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)512);
	struct message message;
	enum message_verdict verdict;

	if (!json_parse(json, text, worker->limits.body_bytes)) {
		worker->metrics.malformed++;
		buf_addf(&why, "Parse error at byte %u: %s", json->reason_off,
			 json_reason_text(json->reason));
		channel_host_refuse(host, S(""), -32700, "K613", buf_span(&why));
		return;
	}
	if (json_is(json, 0, JSON_ARRAY) && takes_batches(host)) {
		channel_host_batch(host, text, json->tokens[0].count);
		return;
	}
	verdict = message_read(json, 0, &message);
	if (verdict != MESSAGE_OK) {
		worker->metrics.malformed++;
		channel_host_refuse(host, message_token(json, message.id), -32600, "K614",
				    span_str(message_verdict_text(verdict)));
		return;
	}
	if (message.kind == MESSAGE_REQUEST)
		take_request(host, &message);
	else if (host->client && message.kind == MESSAGE_NOTIFICATION)
		client_notified(host->client, host->options.only, &message);
	else if (host->client)
		client_answered(host->client, &message);
}
