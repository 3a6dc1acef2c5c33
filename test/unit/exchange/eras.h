/* eras.h - clients and servers of both eras on the rig, and the words they say to each other. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "rig.h"

#define CLAIM(capabilities, more)                                                                            \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":" capabilities more "}"
#define EVERYTHING "{\"sampling\":{},\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"
#define META CLAIM(EVERYTHING, "")
#define REQUEST(id, method, params)                                                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define FORM                                                                                                 \
	"\"message\":\"Name?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"    \
	"\"string\"}}}"
#define SERVER_ASKS(id, method, params) REQUEST("\"" id "\"", method, params)

enum { EVERYTHING_DECLARED = CLIENT_SAMPLING | CLIENT_ELICITATION | CLIENT_ELICITATION_URL | CLIENT_ROOTS };

/* A server that speaks this era, as its config says. */
__attribute__((unused)) static struct server *server_of(const char *name, enum era era)
{
	struct server *server = rig_server(name);

	if (era == ERA_LEGACY)
		server->modern = SPEAKS_NO;
	else
		server->legacy = SPEAKS_NO;
	return server;
}

/* All that came for one request, a line each. */
struct page {
	struct sink sink;
	unsigned sent, finals;
	struct buf all;
};

static void page_take(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct page *page = LIST_ENTRY(sink, struct page, sink);

	(void)x;
	(void)status;
	page->sent++;
	page->finals += final;
	page->all.max = (size_t)4 << 20;
	buf_add(&page->all, message);
	buf_add_char(&page->all, '\n');
}

/* Sends a client's request on its way. What was heard before is forgotten. */
__attribute__((unused)) static void page_ask(struct client *client, struct page *page, const char *text)
{
	struct message message;

	buf_release(&page->all);
	*page = (struct page){ .sink = { .send = page_take } };
	if (!json_parse(&worker.json, span_str(text), strlen(text)) ||
	    message_read(&worker.json, 0, &message) != MESSAGE_OK)
		abort();
	exchange_start(
	    &worker, &message,
	    &(struct exchange_options){
		.client = client, .only = client->only, .sink = &page->sink, .revision = client->revision });
}

__attribute__((unused)) static bool page_has(const struct page *page, const char *part)
{
	return span_contains(buf_span(&page->all), span_str(part));
}

/* What the client says besides requests: an answer to what it was asked, or a notification. */
__attribute__((unused, format(printf, 2, 3))) static void client_says(struct client *client,
								      const char *format, ...)
{
	static char text[65536];
	struct message message;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!json_parse(&worker.json, span_of(text, (size_t)n), (size_t)n) ||
	    message_read(&worker.json, 0, &message) != MESSAGE_OK)
		abort();
	if (message.kind == MESSAGE_NOTIFICATION)
		client_notified(client, client->only, &message);
	else
		client_answered(client, &message);
}

/* The id of the nth (from 1) request that the client was asked on this page; 0: there is none. */
__attribute__((unused)) static unsigned asked_id(const struct page *page, unsigned nth)
{
	struct span rest = buf_span(&page->all);

	while (rest.n) {
		struct span line = span_cut(&rest, '\n');

		if (span_contains(line, S("\"method\":")) && span_contains(line, S("\"id\":")) && !--nth)
			return rig_id(line);
	}
	return 0;
}

/* What the server was first asked to tell of, when it was brought up; empty: nothing. */
__attribute__((unused)) static char listened[4096];

/* Brings a server up for this client, which lists one tool, "t". `capabilities` are the server's. */
__attribute__((unused)) static void bring_up(struct client *client, struct peer *peer,
					     const char *capabilities)
{
	struct page page = { 0 };
	struct span line;

	listened[0] = '\0';
	page_ask(client, &page, REQUEST("\"up\"", "tools/list", META));
	if (!rig_greet(peer, capabilities))
		abort();
	line = rig_hear_of(peer, "tools/list");
	rig_say(peer,
		"{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{"
		"\"type\":\"object\"}}]}}",
		rig_id(line));
	TURN_UNTIL(&worker.loop, page.finals);
	if (client->era == ERA_LEGACY &&
	    LIST_ENTRY(client->attachments.next, struct attachment, node)->heeded)
		(void)span_to_cstr(rig_hear_of(peer, "subscriptions/listen"), listened, sizeof(listened));
	ok(page_has(&page, "\"name\":\"t\"") || page_has(&page, "__t\""), "# a server is up");
	buf_release(&page.all);
}

__attribute__((unused)) static struct client *client_of(enum era era, struct server *only)
{
	struct client *client = rig_client(era, only, "mcp");

	client->declared = era == ERA_LEGACY ? EVERYTHING_DECLARED : 0;
	return client;
}

/* The only attachment of the client. */
__attribute__((unused)) static struct attachment *attachment_in(const struct client *client)
{
	return LIST_ENTRY(client->attachments.next, struct attachment, node);
}
