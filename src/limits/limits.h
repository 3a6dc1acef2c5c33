/* limits.h - every ceiling a peer can press against, named in one place. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Read from the config (`limits:`); what stands here are the defaults. */
struct limits {
	size_t body_bytes;   /* one message of a client: an HTTP body, a stdio line */
	size_t result_bytes; /* one message of a server: an HTTP body, an SSE event, a stdio line */
	size_t connections;  /* HTTP connections inwards */
	size_t sessions;     /* legacy sessions and modern contexts, all clients together */
	size_t sessions_per_principal;
	size_t processes_per_principal; /* of servers on stdio; the launcher has room for a few times that */
	size_t links_per_principal; /* connections to servers, no fewer than sessions; open files lower it */
	size_t calls;		    /* in flight, all clients together */
	size_t calls_per_client;
	size_t calls_per_principal;
	size_t streams_per_client;   /* open event streams */
	size_t held_bytes;	     /* what waits in memory for a client or a server, all together */
	size_t queue_bytes;	     /* waiting for one slow reader; past it, its stream is closed */
	size_t upstream_connections; /* HTTP connections to one server, of each thread */
	uint64_t idle_ms;	     /* a kept-alive connection without a request */
	uint64_t head_ms;	     /* from a request's first byte to its last */
	uint64_t session_idle_ms;
	uint64_t call_total_ms; /* whatever progress says */
};

extern const struct limits limits_default;

enum {
	LIMIT_HEAD_BYTES = 32 * 1024,
	LIMIT_HEADER_LINE_BYTES = 8 * 1024,
	LIMIT_HEADERS = 100,
	LIMIT_URL_BYTES = 4 * 1024,
	LIMIT_BATCH = 100,
	LIMIT_BODIES_BYTES = 256 * 1024 * 1024, /* of clients' bodies that are coming in, all together */
	LIMIT_UNSENT_BYTES = 256 * 1024 * 1024, /* of answers that clients have not taken yet, all together */
	LIMIT_UPSTREAM_STREAMS = 1024, /* of one HTTP server, in each thread: what clients listen to */
	LIMIT_KEEPALIVE_MS = 15000,    /* between comments on an idle event stream */
	LIMIT_PARKED_MESSAGES = 64,    /* for a client whose event stream is not open yet */
	LIMIT_HANDSHAKE_MS = 30000,
	/* The most `limits.body` and `limits.result` may say: the worker's own buffers hold twice that, a
	   message and its frame. */
	LIMIT_MESSAGE_BYTES = 32 * 1024 * 1024,
};
