/* client.h - HTTP requests outwards: a pool of kept-alive connections to one target. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "http/message.h"
#include "net/channel.h"
#include "net/stream.h"

struct http_pool;

enum { HTTP_POOL_IDLE_MS = 60000 };
struct http_call;
struct tls_context;

enum http_failure {
	HTTP_FAIL_DIAL,	  /* no connection: refused, unreachable, no such name, not allowed */
	HTTP_FAIL_TLS,	  /* the certificate or the handshake */
	HTTP_FAIL_BROKEN, /* the connection ended before the answer was whole */
	HTTP_FAIL_BAD,	  /* the answer breaks HTTP */
	HTTP_FAIL_LONG,	  /* its body is longer than `limits.body_bytes` */
	HTTP_FAIL_BUSY,	  /* too many calls wait for a connection, or too many last */
};

/* Called from the loop, never from inside http_send(). After on_done or on_fail nothing follows. */
struct http_call_events {
	void (*on_head)(void *owner, const struct http_head *head);
	/* Bytes of the body; valid during the call only. */
	void (*on_body)(void *owner, struct span piece);
	void (*on_done)(void *owner);
	void (*on_fail)(void *owner, enum http_failure failure, struct span why);
};

struct http_pool_options {
	struct span target;	 /* what the egress process knows it by; copied */
	struct span host;	 /* for TLS: the name the certificate must carry; copied */
	struct tls_context *tls; /* NULL: plain; the pool takes a reference */
	size_t max_connections;	 /* for calls: what lasts does not count */
	size_t max_waiting;
	size_t max_lasting; /* see http_send_lasting() */
	struct http_limits limits;
};

struct http_pool *http_pool_new(struct loop *loop, struct channel *egress,
				const struct http_pool_options *options, struct err *err);
/* Ends every connection; calls under way get no further event. Returns NULL. */
struct http_pool *http_pool_free(struct http_pool *pool);
/* What is under way goes on under the limits that are in force now. */
void http_pool_set_limits(struct http_pool *pool, const struct http_limits *limits, size_t max_waiting);
/*
 * To be called about once a second: closes connections that nobody has used for HTTP_POOL_IDLE_MS, which a
 * burst of calls has left. False where it has none at all.
 */
bool http_pool_tick(struct http_pool *pool, uint64_t now_ms);
/* The egress process was started anew. */
void http_pool_set_egress(struct http_pool *pool, struct channel *egress);

/* Whom a request is sent for. */
struct http_payer {
	const void *key;       /* opaque, only compared; NULL: nobody in particular */
	struct budget *budget; /* what is not sent yet is charged to it; NULL: to nothing */
};

/*
 * Sends one request: `head` ends with the empty line, `body` follows. Both are copied where they
 * cannot be written at once. `repeatable` allows one second try where a kept-alive connection
 * turns out to be dead before a byte of the answer came; a tool call never is.
 *
 * What waits to be sent is charged to the payer; and one payer has half of the
 * connections and half of the places to wait at most, so that others find some. Without a key: no such
 * bounds.
 */
struct http_call *http_send(struct http_pool *pool, struct http_payer payer, struct span head,
			    struct span body, bool repeatable, const struct http_call_events *events,
			    void *owner);

/*
 * The same for what is meant to last: an event stream that is listened to. It has a connection outside
 * the ceiling for calls, and a ceiling of its own: past it HTTP_FAIL_BUSY.
 */
struct http_call *http_send_lasting(struct http_pool *pool, struct http_payer payer, struct span head,
				    struct span body, bool repeatable, const struct http_call_events *events,
				    void *owner);

/*
 * Aborts the call by itself after `ms`, or now without memory. For what nobody waits for: its owner must not
 * touch it after this.
 */
void http_call_expire(struct http_call *call, uint64_t ms);

/* No further event; the connection is closed unless the answer was whole. NULL is harmless. Returns NULL. */
struct http_call *http_call_abort(struct http_call *call);

/* In on_head: the body has no end of its own (an event stream); its pieces are bounded by who reads them. */
void http_call_endless(struct http_call *call);

/* Back-pressure: stops and starts reading the answer. */
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
