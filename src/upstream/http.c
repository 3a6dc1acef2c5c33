/* http.c - a server over Streamable HTTP, of either era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "http/client.h"
#include "upstream/head.h"
#include "upstream/request.h"

enum { REMOTE_FAREWELL_MS = 5000 /* a server may take so long to let go of a session */ };

static void run_up(struct later *later)
{
	link_up(LIST_ENTRY(later, struct remote, up)->link);
}

static bool remote_open(struct link *link, struct err *err)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (!remote) {
		(void)err_set(err, ERR_NOMEM, "the gate has no memory for a connection; try again later");
		return false;
	}
	remote->link = link;
	remote->head = BUF_INIT((size_t)16384);
	remote->session = BUF_INIT((size_t)512);
	remote->up.run = run_up;
	remote->releasing.run = remote_run_releasing;
	list_init(&remote->requests);
	link->state = remote;
	remote_write_head(remote);
	loop_later(link->upstream->loop, &remote->up);
	return true;
}

static void remote_send(struct link *link, struct call *call, struct span message,
			const struct send_facts *facts)
{
	if (!request_post(link->state, call, message, facts))
		link_fail(link, LINK_GONE, "the gate has no memory for the request; try again later");
}

static void remote_drop(struct link *link, struct call *call)
{
	(void)link;
	if (call->transport)
		request_free(call->transport);
}

static void remote_settled(struct link *link)
{
	remote_write_head(link->state);
}

static void remote_pause(struct link *link, struct call *call, bool paused)
{
	(void)link;
	if (call->transport)
		request_pause(call->transport, paused);
}

static void nothing_head(void *owner, const struct http_head *head)
{
	(void)owner;
	(void)head;
}

static void nothing_body(void *owner, struct span piece)
{
	(void)owner;
	(void)piece;
}

static void nothing_done(void *owner)
{
	(void)owner;
}

static void nothing_fail(void *owner, enum http_failure failure, struct span why)
{
	(void)owner;
	(void)failure;
	(void)why;
}

/* spec: mcp/2025-11-25 transports: a client that no longer needs a session SHOULD delete it. */
static void delete_session(struct remote *remote)
{
	static const struct http_call_events nothing = { .on_head = nothing_head,
							 .on_body = nothing_body,
							 .on_done = nothing_done,
							 .on_fail = nothing_fail };
	/* It outlives the link and who pays for it: all of them share a part of the pool. */
	static const char farewells;
	CLEANUP(buf_release) struct buf head = BUF_INIT((size_t)16384);
	struct http_call *call = NULL;

	head_begin(&head, remote->link, buf_span(&remote->head), S("DELETE"));
	buf_add(&head, S("\r\n"));
	if (buf_ok(&head))
		call = http_send(remote->link->server->pool, (struct http_payer){ .key = &farewells },
				 buf_span(&head), S(""), true, &nothing, NULL);
	if (call)
		http_call_expire(call, REMOTE_FAREWELL_MS);
}

static void remote_close(struct link *link)
{
	struct remote *remote = link->state;

	if (!remote)
		return;
	while (!list_empty(&remote->requests))
		request_free(request_first(remote));
	if (remote->session.n && link->failure != LINK_REFUSED && link->failure != LINK_LOST)
		delete_session(remote);
	loop_later_cancel(&remote->up);
	loop_later_cancel(&remote->releasing);
	buf_release(&remote->head);
	buf_release(&remote->session);
	link->state = NULL;
	free(remote);
}

const struct transport transport_http = {
	.open = remote_open,
	.send = remote_send,
	.drop = remote_drop,
	.settled = remote_settled,
	.pause = remote_pause,
	.close = remote_close,
};
