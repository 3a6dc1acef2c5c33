/* attach_refuse.c - why a server cannot be had, as far as its clients are told. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/client.h"

static bool is_on_the_way(const struct attachment *attachment, enum link_failure failure)
{
	return !server_is_started(attachment->server) && (failure == LINK_START || failure == LINK_UNSENT);
}

bool attachment_hides(struct attachment *attachment, enum link_failure failure, struct span why)
{
	struct worker *worker = attachment->client->worker;
	struct server *server = attachment->server;
	struct link *link = attachment->link;
	uint32_t missed;

	if (!is_on_the_way(attachment, failure))
		return false;
	if (!link || link->state_of != LINK_READY)
		return true;
	(void)span_to_cstr(span_first(why, sizeof(server->last_failure) - 1), server->last_failure,
			   sizeof(server->last_failure));
	if (log_brake_pass(&link->brake, loop_now(&worker->loop), 3, &missed))
		log_event(worker->log, LOG_WARN, "upstream.unreached",
			  "A server that was connected cannot be reached now.",
			  LF("server", server_shown(server)), LF("why", why), LFN("more", missed));
	return true;
}

/* Left alone, it is so for what others met on the way, too. */
static bool hides(const struct attachment *attachment)
{
	return is_on_the_way(attachment, attachment->rest_ms ? LINK_START : attachment->failure);
}

static const char *trouble(const struct attachment *attachment)
{
	if (!hides(attachment) && attachment->link && attachment->link->state_of == LINK_READY)
		return "does not list its tools";
	return server_is_started(attachment->server) && attachment->failure == LINK_START
		   ? "cannot be started"
		   : "cannot be reached";
}

/* It has been greeted, and then said nothing for as long as it may. */
static bool is_silent(const struct attachment *attachment)
{
	return attachment->link && attachment->link->state_of == LINK_READY &&
	       attachment->failure == LINK_SILENT;
}

/* The gate had no room for the connection, or this token has too many: the server was not tried. */
static bool is_crowded_out(const struct attachment *attachment)
{
	return !attachment->link && !attachment->rest_ms && attachment->failure == LINK_CROWDED;
}

static enum stage_result refuse_crowded_out(struct exchange *x)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);

	x->worker->metrics.denied++;
	buf_addf(&text, "The server %.*s was not connected to: %s",
		 SPAN_ARG(server_shown(x->attachment->server)), x->attachment->why);
	exchange_refuse(x, 429, -32603, "K801", buf_span(&text), S(""));
	return STAGE_DONE;
}

enum stage_result attachment_refuse_unreachable(struct exchange *x)
{
	struct attachment *attachment = x->attachment;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);

	if (is_crowded_out(attachment))
		return refuse_crowded_out(x);
	x->worker->metrics.failed++;
	buf_addf(&text, "The server %.*s %s", SPAN_ARG(server_shown(attachment->server)),
		 trouble(attachment));
	if (hides(attachment))
		buf_add(&text, S("; the gate's log says why"));
	else
		buf_addf(&text, ": %s", attachment->why);
	if (is_silent(attachment))
		buf_add(&text, S(". The request was not sent."));
	if (attachment->rest_ms)
		buf_addf(&text, ". It failed again and again; the next attempt is in %llu s",
			 (unsigned long long)(attachment->rest_ms + 999) / 1000);
	exchange_refuse(x, 200, -32603,
			attachment->rest_ms	? "K706"
			: is_silent(attachment) ? "K703"
						: "K701",
			buf_span(&text), S(""));
	return STAGE_DONE;
}
