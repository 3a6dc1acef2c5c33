/* connection.c - one HTTP connection inwards: its requests one after another, and their replies. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"

#include <stdlib.h>

#include "base/check.h"
#include "http/write.h"

/* With its ceiling, which may be that of one short body. */
static void drop_body(struct http_request *conn)
{
	conn->server->share->gathered[conn->known] -= conn->gathered.cap;
	buf_release(&conn->gathered);
	conn->gathered = (struct buf){ 0 };
	conn->body = S("");
	conn->kept = false;
}

void connection_free(struct http_request *conn)
{
	conn->dead = true;
	conn->stream = stream_close(conn->stream);
	if (conn->busy)
		return;
	loop_later_cancel(&conn->next);
	list_remove(&conn->node);
	conn->server->n--;
	conn->server->share->connections--;
	http_release(&conn->parser);
	drop_body(conn);
	buf_release(&conn->stash);
	free(conn);
}

static void put(struct http_request *conn, const struct span *parts, size_t n)
{
	struct http_server *server = conn->server;
	size_t before = stream_queued(conn->stream), after;

	for (size_t i = 0; i < n; i++)
		conn->written += parts[i].n;
	stream_write(conn->stream, parts, n);
	after = stream_queued(conn->stream);
	server->unsent += after > before ? after - before : 0;
	/* Not from in here: whoever is cut may stand above us. */
	if (server->options.unsent_bytes && server->unsent > server->options.unsent_bytes)
		loop_later(server->loop, &server->relief);
}

static void send_head(struct http_request *conn, const struct http_reply *reply, enum http_framing framing,
		      struct span body)
{
	char store[1024];
	struct buf head = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
	CLEANUP(buf_release) struct buf large = BUF_INIT(SERVER_HEAD_BYTES);
	struct http_fields fields = { .headers = reply->headers,
				      .n = reply->n,
				      .framing = framing,
				      .length = body.n,
				      .close = conn->close_after };
	struct buf *out = &head;

	if (!http_write_response_head(out, reply->status, S(""), &fields) || !buf_ok(out)) {
		out = &large;
		check(http_write_response_head(out, reply->status, S(""), &fields) && buf_ok(out));
	}
	put(conn, (struct span[]){ buf_span(out), body }, 2);
}

/* What was sent ahead comes first, in a turn of its own; then more is read. */
static void go_on(struct http_request *conn)
{
	if (conn->stash.n)
		loop_later(conn->server->loop, &conn->next);
	else
		stream_resume(conn->stream);
}

void connection_leave(struct http_request *conn)
{
	conn->state = CONN_LEAVING;
	/* That it has nothing more to say is no reason to cut it. */
	stream_pause(conn->stream);
	if (stream_queued(conn->stream))
		return;
	conn->stream = stream_close_flushed(conn->stream, SERVER_LINGER_MS);
	connection_free(conn);
}

/* After a reply: the same connection waits for its next request, or ends. */
static void answered(struct http_request *conn)
{
	conn->events = NULL;
	conn->user = NULL;
	drop_body(conn);
	conn->since_ms = loop_now(conn->server->loop);
	conn->begun = false;
	conn->moved = false;
	if (conn->close_after) {
		connection_leave(conn);
		return;
	}
	http_reset(&conn->parser);
	conn->state = CONN_READING;
	if (!conn->busy)
		go_on(conn);
}

/* What follows is not read as a request any more; the client gets a moment to take the answer. */
static void send_off(struct http_request *conn, const struct http_reply *reply, struct span body)
{
	conn->close_after = true;
	send_head(conn, reply, HTTP_BODY_LENGTH, body);
	conn->state = CONN_LINGERING;
	conn->since_ms = loop_now(conn->server->loop);
	drop_body(conn);
}

static void refuse(struct http_request *conn)
{
	struct http_server *server = conn->server;
	enum http_reason reason = conn->parser.reason;
	struct span name = http_reason_name(reason);
	char store[256];
	struct buf body = { .p = store, .cap = sizeof(store), .max = sizeof(store) };
	/* The last goes with 405 only. */
	const struct http_header headers[] = { { S("Content-Type"), S("application/json") },
					       { S("Allow"), server->options.allow } };
	const struct http_reply reply = { .status = http_reason_status(reason),
					  .headers = headers,
					  .n = reason == HTTP_BAD_METHOD_REFUSED ? 2 : 1 };
	uint32_t missed;

	if (log_brake_pass(&server->brake, loop_now(server->loop), 5, &missed))
		log_event(server->log, LOG_WARN, "http.refused", "A request that breaks HTTP was refused.",
			  LF("reason", name), LF("peer", stream_peer(conn->stream, conn->peer)),
			  LFN("more", missed));
	buf_addf(&body, "{\"error\":\"bad_request\",\"error_description\":\"%s\",\"reason\":\"%.*s\"}",
		 http_reason_text(reason), SPAN_ARG(name));
	send_off(conn, &reply, buf_ok(&body) ? buf_span(&body) : S("{}"));
}

/* More of a body, within its own ceiling and that of all bodies together. */
static enum http_reason gather(struct http_request *conn, struct span piece)
{
	struct http_server *server = conn->server;
	_Atomic size_t *all = &server->share->gathered[conn->known];
	size_t quarter = server->options.bodies_bytes / 4, before = conn->gathered.cap;

	if (conn->gathered.n + piece.n > before && *all + piece.n > (conn->known ? 3 * quarter : quarter))
		return HTTP_BAD_CROWDED;
	buf_add(&conn->gathered, piece);
	*all += conn->gathered.cap - before;
	return buf_ok(&conn->gathered) ? HTTP_FINE : HTTP_BAD_MEMORY;
}

/* One piece of a body: borrowed where it is all of it, gathered otherwise. */
static bool take_piece(struct http_request *conn)
{
	struct http_parser *parser = &conn->parser;

	if (parser->head.framing == HTTP_BODY_LENGTH && parser->piece.n == parser->head.length) {
		conn->body = parser->piece;
		return true;
	}
	if (conn->gathered.max == 0)
		conn->gathered = BUF_INIT((size_t)conn->server->options.limits.body_bytes);
	parser->reason = gather(conn, parser->piece);
	return parser->reason == HTTP_FINE;
}

/* With `here` bytes at hand: would the body have to be gathered? Only that costs memory. */
static bool is_unfinished(const struct http_head *head, size_t here)
{
	return head->has_body && (head->framing != HTTP_BODY_LENGTH || here < head->length);
}

static void begin(struct http_request *conn, size_t here)
{
	const struct http_server *server = conn->server;
	const struct http_head *head = &conn->parser.head;

	drop_body(conn);
	conn->known = false;
	if (server->options.on_head && is_unfinished(head, here)) {
		conn->state = CONN_HEAD;
		conn->known = server->options.on_head(server->owner, conn, head);
		if (conn->dead || conn->state != CONN_HEAD)
			return;
		conn->trusted |= conn->known;
		conn->state = CONN_READING;
	}
	if (conn->parser.head.expect_continue)
		put(conn, (struct span[]){ S("HTTP/1.1 100 Continue\r\n\r\n") }, 1);
}

static void done(struct http_request *conn, struct span rest)
{
	struct http_server *server = conn->server;

	if (conn->gathered.n)
		conn->body = buf_span(&conn->gathered);
	conn->state = CONN_ANSWERING;
	conn->close_after = !conn->parser.head.keep_alive || server->draining || conn->retired;
	conn->rest = rest;
	server->on_request(server->owner, conn, &conn->parser.head, conn->body);
	conn->rest = S("");
	if (!conn->kept)
		drop_body(conn);
}

/* Who asks and asks, and takes no answer, has to wait with the next question. */
static bool is_clogged(const struct http_request *conn)
{
	return !conn->begun && stream_queued(conn->stream) > SERVER_UNREAD_BYTES;
}

/* Feeds bytes until they are used up, or a request has to be answered first. */
static void feed(struct http_request *conn, struct span *in)
{
	while (!conn->dead && conn->state == CONN_READING && !is_clogged(conn)) {
		if (in->n && !conn->begun) {
			conn->begun = true;
			conn->since_ms = loop_now(conn->server->loop);
		}
		switch (http_feed(&conn->parser, in)) {
		case HTTP_MORE:
			/* What was read so far must outlive the caller's bytes. */
			if (conn->begun && conn->parser.at != HTTP_AT_HEAD &&
			    !http_keep_head(&conn->parser)) {
				conn->parser.reason = HTTP_BAD_MEMORY;
				refuse(conn);
			}
			return;
		case HTTP_HEAD:
			begin(conn, in->n);
			break;
		case HTTP_BODY:
			if (!take_piece(conn))
				refuse(conn);
			break;
		case HTTP_DONE:
			done(conn, *in);
			break;
		case HTTP_BAD:
			refuse(conn);
			break;
		}
	}
}

static void keep_ahead(struct http_request *conn, struct span rest)
{
	if (conn->state == CONN_LINGERING || conn->state == CONN_LEAVING || rest.n == 0)
		return;
	if (conn->stash.max == 0)
		conn->stash = BUF_INIT((size_t)SERVER_STASH_BYTES + LOOP_CHUNK_BYTES);
	buf_add(&conn->stash, rest);
	if (!buf_ok(&conn->stash)) {
		connection_free(conn);
		return;
	}
	if (conn->stash.n >= SERVER_STASH_BYTES)
		stream_pause(conn->stream);
}

static void on_read(void *owner, struct span bytes)
{
	struct http_request *conn = owner;

	conn->busy = true;
	if (conn->stash.n == 0)
		feed(conn, &bytes);
	if (!conn->dead)
		keep_ahead(conn, bytes);
	conn->busy = false;
	if (conn->dead)
		connection_free(conn);
	else if (conn->to)
		connection_move(conn);
}

static void run_next(struct later *later)
{
	struct http_request *conn = LIST_ENTRY(later, struct http_request, next);
	struct buf stash = conn->stash;
	struct span in = buf_span(&stash);

	if (conn->state != CONN_READING || stash.n == 0)
		return;
	conn->stash = (struct buf){ 0 };
	conn->busy = true;
	feed(conn, &in);
	if (!conn->dead)
		keep_ahead(conn, in);
	conn->busy = false;
	buf_release(&stash);
	if (conn->dead)
		connection_free(conn);
	else if (conn->to)
		connection_move(conn);
	else if (conn->state == CONN_READING && conn->stash.n == 0)
		stream_resume(conn->stream);
}

static void log_insecure(struct http_request *conn)
{
	struct http_server *server = conn->server;
	uint32_t missed;

	if (log_brake_pass(&server->tls_brake, loop_now(server->loop), 5, &missed))
		log_event(server->log, LOG_WARN, "tls.refused",
			  "A connection was ended before it was secure.", LF("why", stream_why(conn->stream)),
			  LF("peer", stream_peer(conn->stream, conn->peer)), LFN("more", missed));
}

static void on_secure(void *owner)
{
	struct http_request *conn = owner;

	conn->securing = false;
	conn->since_ms = loop_now(conn->server->loop);
}

void connection_lose(struct http_request *conn)
{
	const struct http_request_events *events = conn->events;
	void *user = conn->user;

	connection_free(conn);
	if (events && events->on_gone)
		events->on_gone(user);
}

static void on_end(void *owner, enum stream_end why)
{
	struct http_request *conn = owner;

	if (why == STREAM_INSECURE)
		log_insecure(conn);
	connection_lose(conn);
}

static void on_drain(void *owner)
{
	struct http_request *conn = owner;

	if (conn->state == CONN_STREAMING && conn->events && conn->events->on_drain)
		conn->events->on_drain(conn->user);
	else if (conn->state == CONN_READING)
		go_on(conn);
	else if (conn->state == CONN_LEAVING)
		connection_leave(conn);
	else if (conn->to)
		connection_move(conn);
}

static const struct stream_events conn_events = {
	.on_read = on_read, .on_end = on_end, .on_drain = on_drain, .on_secure = on_secure
};

const struct stream_events *connection_events(void)
{
	return &conn_events;
}

bool connection_fits(struct http_server *server)
{
	return server->share->connections < server->options.max_connections || connection_make_room(server);
}

struct http_request *connection_new(struct http_server *server)
{
	struct http_request *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->server = server;
	conn->next.run = run_next;
	conn->since_ms = loop_now(server->loop);
	http_init(&conn->parser, HTTP_REQUESTS, &server->options.limits);
	return conn;
}

void connection_begin(struct http_request *conn, struct stream *stream)
{
	struct http_server *server = conn->server;

	if (server->options.tls && stream_start_tls(stream, server->options.tls, S(""), NULL) < 0) {
		(void)stream_close(stream);
		free(conn);
		return;
	}
	conn->stream = stream;
	conn->securing = server->options.tls != NULL;
	conn->retired = server->stepped_back;
	list_add(&server->connections, &conn->node);
	server->n++;
	server->share->connections++;
	if (server->options.on_connection)
		server->options.on_connection(server->owner);
}

void http_request_watch(struct http_request *request, const struct http_request_events *events, void *user)
{
	request->events = events;
	request->user = user;
}

bool http_request_keep(struct http_request *request, const struct http_head **head, struct span *body)
{
	if (!http_keep_head(&request->parser))
		return false;
	request->kept = true;
	if (request->gathered.n == 0 && request->body.n) {
		request->gathered = BUF_INIT(request->body.n);
		if (gather(request, request->body) != HTTP_FINE)
			return false;
		request->body = buf_span(&request->gathered);
	}
	*head = &request->parser.head;
	*body = request->body;
	return true;
}

void http_request_trust(struct http_request *request)
{
	_Atomic size_t *gathered = request->server->share->gathered;

	/* What is gathered of it, and what will be, counts among the bodies of the known. */
	gathered[request->known] -= request->gathered.cap;
	gathered[1] += request->gathered.cap;
	request->known = request->trusted = true;
}

void http_reply(struct http_request *request, const struct http_reply *reply, struct span body)
{
	if (request->state == CONN_HEAD) {
		send_off(request, reply, body);
		return;
	}
	check(request->state == CONN_ANSWERING);
	request->close_after |= reply->close;
	send_head(request, reply, reply->status == 202 && body.n == 0 ? HTTP_BODY_NONE : HTTP_BODY_LENGTH,
		  body);
	answered(request);
}

struct stream *http_request_upgrade(struct http_request *request, const struct http_header *headers, size_t n,
				    struct buf *ahead)
{
	CLEANUP(buf_release) struct buf head = BUF_INIT(SERVER_HEAD_BYTES);
	struct http_fields fields = { .headers = headers, .n = n, .upgrade = true };
	struct stream *stream;

	check(request->state == CONN_ANSWERING);
	check(http_write_response_head(&head, 101, S(""), &fields) && buf_ok(&head));
	put(request, (struct span[]){ buf_span(&head) }, 1);
	buf_add(ahead, buf_span(&request->stash));
	buf_add(ahead, request->rest);
	request->events = NULL;
	stream = TAKE(request->stream);
	connection_free(request);
	return stream;
}

void http_stream_begin(struct http_request *request, const struct http_reply *reply)
{
	check(request->state == CONN_ANSWERING);
	request->close_after |= reply->close;
	send_head(request, reply, HTTP_BODY_CHUNKED, S(""));
	request->state = CONN_STREAMING;
}

void http_stream_write(struct http_request *request, struct span piece)
{
	char store[32];
	struct buf open = { .p = store, .cap = sizeof(store), .max = sizeof(store) };

	check(request->state == CONN_STREAMING);
	if (piece.n == 0)
		return;
	http_write_chunk_open(&open, piece.n);
	put(request, (struct span[]){ buf_span(&open), piece, HTTP_CHUNK_CLOSE }, 3);
}

void http_stream_end(struct http_request *request)
{
	check(request->state == CONN_STREAMING);
	put(request, (struct span[]){ HTTP_CHUNK_LAST }, 1);
	answered(request);
}

size_t http_stream_queued(const struct http_request *request)
{
	return stream_queued(request->stream);
}

void http_request_abort(struct http_request *request)
{
	request->events = NULL;
	connection_free(request);
}
