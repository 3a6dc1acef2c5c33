/* server.h - HTTP connections inwards: one request at a time, its reply whole or as a stream. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "http/message.h"
#include "net/stream.h"

struct http_server;
struct http_request;
struct tls_context;

/*
 * The head of a request has come, and its body is still to come: told only where the body would have to be
 * gathered. To refuse the request, answer it with http_reply(): the body is not read, and the connection
 * ends. True: the sender is known, and its body counts among those of the known.
 */
typedef bool http_on_head(void *owner, struct http_request *request, const struct http_head *head);

/* What the servers of several threads count together. Zero at first; it outlives them. */
struct http_share {
	_Atomic size_t connections;
	_Atomic size_t gathered[2]; /* bytes of bodies, of strangers and of the known */
};

struct http_server_options {
	struct http_share *share; /* NULL: its own */
	struct http_limits limits;
	size_t max_connections; /* past it, one that waits for a request makes room, strangers' first */
	/*
	 * What all connections together may hold of bodies that came in pieces: three quarters for senders
	 * that are known, one for others. One body may go over it; past it 503.
	 */
	size_t bodies_bytes;
	/*
	 * What all connections together may hold of answers that nobody has taken yet. Past it, who has been
	 * taking his the longest is cut. 0: no such ceiling.
	 */
	size_t unsent_bytes;
	http_on_head *on_head;	 /* NULL: nothing is decided by the head, and nobody is known */
	uint64_t idle_ms;	 /* a kept-alive connection without a request; a period of taking.h */
	uint64_t head_ms;	 /* from a request's first byte to its last; also for a TLS handshake */
	struct span allow;	 /* the methods that are served, as 405 names them */
	struct tls_context *tls; /* NULL: plain; the server takes a reference */
	/* A connection has come: there is something to time. May be NULL. */
	void (*on_connection)(void *owner);
};

/*
 * A whole request has come. `head` and `body` are valid during the call only, unless
 * http_request_keep() is called in it. Every request is answered exactly once with http_reply(),
 * or http_stream_begin() … http_stream_end(), now or later.
 */
typedef void http_on_request(void *owner, struct http_request *request, const struct http_head *head,
			     struct span body);

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
				    http_on_request *on_request, void *owner, struct log *log,
				    struct err *err);
/* For connections from now on; those that are open stay as they are. NULL: plain. */
void http_server_set_tls(struct http_server *server, struct tls_context *tls);
/* From now on, also for connections that are open; those that are too many stay. */
void http_server_set_limits(struct http_server *server, const struct http_limits *limits,
			    size_t max_connections);
/* Takes a listening socket over. */
int http_server_listen(struct http_server *server, int fd, struct err *err) MUST_CHECK;
/* Connections that are open end after the request at hand; others may come. */
void http_server_retire(struct http_server *server);
/* Accepts no more; kept-alive connections end after their request. */
void http_server_drain(struct http_server *server);
/* The same where another process goes on with the listening sockets: whoever waits there is left to it. */
void http_server_step_back(struct http_server *server);
/* Ends all connections at once. Returns NULL. */
struct http_server *http_server_free(struct http_server *server);
/*
 * Servers of several threads that share their counts, in a circle of these: whose idle connection makes room
 * for a new one is then the same to all. Before they listen; all stand as long as messages are run.
 */
void http_server_set_sibling(struct http_server *server, struct http_server *sibling);
size_t http_server_connections(const struct http_server *server);
/* Those of all servers that share the ceiling. */
size_t http_server_connections_of_all(const struct http_server *server);
/* Ends what is idle or too slow; called about once a second. */
void http_server_tick(struct http_server *server);

/* What the one who answers wants to hear. All may be NULL. */
struct http_request_events {
	void (*on_gone)(void *user);  /* the client left; the request must not be touched after this call */
	void (*on_drain)(void *user); /* the stream's queue is empty again */
};
void http_request_watch(struct http_request *request, const struct http_request_events *events, void *user);

/*
 * Copies head and body, so that they stay valid until the reply. Returns the copies' places;
 * false without memory.
 */
bool http_request_keep(struct http_request *request, const struct http_head **head, struct span *body);

/*
 * Whoever sent the request has shown who he is: where there are too many connections, his are not the first
 * to go, and its body counts among those of the known.
 */
void http_request_trust(struct http_request *request);

/*
 * Goes on in another protocol: sends 101 with `headers` (Upgrade among them, Connection not), and hands the
 * connection over. What came behind the head is added to `ahead`. The request is gone after the call, and the
 * connection no longer counts among the server's.
 */
struct stream *http_request_upgrade(struct http_request *request, const struct http_header *headers, size_t n,
				    struct buf *ahead);

struct http_reply {
	unsigned status;
	const struct http_header *headers; /* Content-Type among them; not what frames the message */
	size_t n;
	bool close; /* end the connection after it */
};

/* The whole reply. The request is gone after the call. */
void http_reply(struct http_request *request, const struct http_reply *reply, struct span body);

/* A reply in pieces, chunked; nothing is held back. */
void http_stream_begin(struct http_request *request, const struct http_reply *reply);
void http_stream_write(struct http_request *request, struct span piece);
/* The request is gone after the call. */
void http_stream_end(struct http_request *request);
/* Bytes that wait for a slow reader. */
size_t http_stream_queued(const struct http_request *request);
/* Cuts the connection: the reader sees that the stream did not end well. The request is gone. */
void http_request_abort(struct http_request *request);
