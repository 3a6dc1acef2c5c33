/* underway.h - an HTTP request to a server, as request.c and answer.c share it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/client.h"
#include "http/sse.h"
#include "upstream/request.h"

enum {
	REMOTE_ERROR_BYTES = 64 * 1024, /* of a refusal's body */
	REMOTE_RETRY_MAX_MS = 30000,	/* before a broken event stream is taken up again, at the most */
	REMOTE_DOUBLINGS = 5,		/* of the pause, while tries are in vain */
};

/* One HTTP request under way, or an event stream that waits to be taken up again. */
struct request {
	struct list node;
	struct remote *remote;
	struct http_call *http;
	uint64_t call_id; /* of the call it carries; 0: none */
	enum { BODY_NONE, BODY_JSON, BODY_EVENTS, BODY_REFUSAL } mode;
	unsigned status;
	bool standing;	  /* the session's own event stream (GET) */
	bool initialized; /* carries notifications/initialized */
	bool repeatable;
	bool lasting;	 /* its answer is an event stream without end */
	struct buf held; /* head and message, while they wait to be sent */
	size_t held_head;
	bool ended;	     /* its call is answered; the stream only has to close */
	unsigned resumes;    /* in all */
	unsigned vain;	     /* how many in a row have brought nothing */
	uint64_t retry_ms;   /* the pause that the server asked for */
	uint64_t streams_ms; /* since when, in BODY_EVENTS */
	struct buf body;
	struct sse_parser events;
	struct sse_limits event_limits;
	bool parsing;
	struct buf last_id;
	uv_timer_t *timer; /* made when it is first needed: most requests never wait */
	bool closing;
	bool busy; /* inside a callback */
};

extern const struct http_call_events request_events;

/* The call it carries; NULL: none, or it is no longer open. */
struct call *request_call(const struct request *request);
/* The end of a callback: frees what was given up in it. */
void request_leave(struct request *request);
/* Gives it up after `ms`, whatever comes until then. False: without memory. */
bool request_linger(struct request *request, uint64_t ms) MUST_CHECK;
/* Ends it, and with it its call. */
void request_fail(struct request *request, enum link_failure failure, struct span why);
/* A session's own stream ends, and will not come again; that is logged. */
void request_fall_silent(struct request *request, struct span why);
/* Has its event stream taken up again after a pause. False: there is nothing to take up. */
bool request_resume_later(struct request *request);
/* Opens the session's own event stream. */
void request_open_standing(struct remote *remote);
