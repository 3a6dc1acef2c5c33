/* connection.h - one HTTP connection inwards, as the files of the server share it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/server.h"
#include "http/taking.h"
#include "net/mailbox.h"

enum {
	SERVER_STASH_BYTES = 64 * 1024,	 /* what a client may send ahead while its request is worked on */
	SERVER_UNREAD_BYTES = 64 * 1024, /* of replies not yet taken; past it no further request is begun */
	SERVER_LINGER_MS = 2000,	 /* how long a refused client may take to notice */
	SERVER_HEAD_BYTES = 16 * 1024,
	SERVER_LISTENERS = 16,
	SERVER_GRACE_PART = 64, /* of idle_ms: for so long nobody new has to make room */
};

/* One connection, which is one request at a time. */
struct http_request {
	struct list node;
	struct http_server *server;
	struct stream *stream;
	struct http_parser parser;
	enum {
		CONN_READING,	/* the next request is awaited or has begun */
		CONN_HEAD,	/* its head is shown to on_head */
		CONN_ANSWERING, /* it is whole; its answer is not */
		CONN_STREAMING, /* the answer has begun, in chunks */
		CONN_LINGERING, /* refused and told; waiting for the client to leave */
		CONN_LEAVING,	/* answered for the last time; the client takes the rest */
	} state;
	struct span body; /* of the request at hand */
	struct span rest; /* of the bytes at hand, behind the request; while it is `busy` */
	struct buf gathered, stash;
	const struct http_request_events *events;
	void *user;
	struct later next;	/* the next request, out of the stash */
	struct http_server *to; /* where it is to go on; NULL: here */
	struct mail moving;
	struct stream_parcel parcel; /* its stream, on the way */
	unsigned retirements;	     /* of the server it left */
	uint64_t since_ms;	     /* when the state began, or the first byte of a request came */
	uint64_t written;	     /* bytes, in all */
	struct taking taking;
	bool securing; /* the TLS handshake is not done */
	bool begun;    /* the first byte of a request has come */
	bool busy;     /* inside on_read: not to be freed */
	bool dead, close_after;
	bool retired; /* it ends after the request at hand */
	bool known;   /* the sender of the request at hand */
	bool kept;    /* its body is needed until the reply */
	bool trusted;
	bool moved; /* with the request at hand, from another server */
	char peer[64];
};

struct http_server {
	struct loop *loop;
	struct http_server_options options;
	http_on_request *on_request;
	void *owner;
	struct log *log;
	struct list connections;
	size_t n;
	uv_tcp_t *listeners[SERVER_LISTENERS];
	size_t n_listeners;
	struct http_share *share;    /* the options', or its own */
	struct http_server *sibling; /* the next in the circle; NULL: there are none */
	struct http_share own;
	size_t unsent; /* no less than what waits in all connections */
	struct later relief;
	unsigned retirements; /* how often its connections were */
	bool draining;
	bool stepped_back; /* another process listens: one request of each that still comes */
	struct log_brake brake, tls_brake, slow_brake;
};

/* At once, or when its bytes that are being read are worked through. */
void connection_free(struct http_request *conn);
/* The same, and tells who is answering. */
void connection_lose(struct http_request *conn);

/*
 * Ends one that was answered for the last time, as soon as the client has taken everything. What waits is
 * still the connection's, and counts as such, until it is taken.
 */
void connection_leave(struct http_request *conn);

/* One without a stream, that is not counted yet. NULL without memory. */
struct http_request *connection_new(struct http_server *server);
/* It is one of its server's, or freed. */
void connection_begin(struct http_request *conn, struct stream *stream);
/* Is there room for one more, or has one made room? */
bool connection_fits(struct http_server *server);
/* move.c: a new connection for which there is none here: perhaps there is at one of the others. It is closed
 * where there is none. */
void connection_offer(struct http_server *from, struct stream *stream);

/* What the stream of a connection tells. */
const struct stream_events *connection_events(void);
/* move.c: sends it to where it is to go on, at once or when its queue is empty. */
void connection_move(struct http_request *conn);

/* patience.c: ends one that waits for a request, or for the rest of one. False: all are at work. */
bool connection_make_room(struct http_server *server);
/* patience.c: answers that nobody takes are too much for all together: ends connections until they are not.
 */
void connection_relieve(struct later *relief);
