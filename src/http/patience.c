/* patience.c - how long the server waits for a client: to ask, to be done, to take its answer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"

static void log_slow(struct http_request *conn, size_t queued)
{
	struct http_server *server = conn->server;
	uint32_t missed;

	if (log_brake_pass(&server->slow_brake, loop_now(server->loop), 5, &missed))
		log_event(server->log, LOG_WARN, "http.slow",
			  "A client that takes its answers too slowly was cut.", LFN("bytes", queued),
			  LF("peer", stream_peer(conn->stream, conn->peer)), LFN("more", missed));
}

static size_t unsent_of_all(const struct http_server *server)
{
	size_t all = 0;

	LIST_EACH(&server->connections, node)
		all += stream_queued(LIST_ENTRY(node, struct http_request, node)->stream);
	return all;
}

/* Who has been taking what waits for him the longest; of those who just began, who has the most. */
static struct http_request *slowest(const struct http_server *server)
{
	struct http_request *found = NULL;
	uint64_t found_ms = 0;
	size_t found_bytes = 0;

	LIST_EACH(&server->connections, node) {
		struct http_request *conn = LIST_ENTRY(node, struct http_request, node);
		uint64_t begun_ms = conn->taking.begun_ms ? conn->taking.begun_ms : UINT64_MAX;
		size_t bytes = stream_queued(conn->stream);

		if (bytes == 0 ||
		    (found && (begun_ms > found_ms || (begun_ms == found_ms && bytes <= found_bytes))))
			continue;
		found = conn;
		found_ms = begun_ms;
		found_bytes = bytes;
	}
	return found;
}

void connection_relieve(struct later *relief)
{
	struct http_server *server = LIST_ENTRY(relief, struct http_server, relief);

	server->unsent = unsent_of_all(server);
	while (server->unsent > server->options.unsent_bytes) {
		struct http_request *conn = slowest(server);

		if (!conn)
			return;
		log_slow(conn, stream_queued(conn->stream));
		connection_lose(conn);
		server->unsent = unsent_of_all(server);
	}
}

/* A stranger may go in the middle of his head; who is known, only between two requests. */
static bool may_go(const struct http_request *conn, bool trusted)
{
	if (conn->trusted != trusted || conn->busy || conn->stash.n)
		return false;
	return conn->state == CONN_LINGERING || (conn->state == CONN_READING && !(trusted && conn->begun));
}

static struct http_request *oldest(const struct http_server *server, bool trusted)
{
	struct http_request *found = NULL;

	uint64_t grace_ms = server->options.idle_ms / SERVER_GRACE_PART;

	LIST_EACH(&server->connections, node) {
		struct http_request *conn = LIST_ENTRY(node, struct http_request, node);

		if (may_go(conn, trusted) && (!found || conn->since_ms < found->since_ms))
			found = conn;
	}
	return found && loop_now(server->loop) > found->since_ms + grace_ms ? found : NULL;
}

/*
 * Connections that nobody uses must not shut others out. Whoever has something to say has said it before it
 * is his turn.
 */
bool connection_make_room(struct http_server *server)
{
	struct http_request *conn = oldest(server, false);

	if (!conn)
		conn = oldest(server, true);
	if (conn)
		connection_lose(conn);
	return conn != NULL;
}

/* As long as there is something of its answer to take, a connection is not idle; but it may be slow. */
static bool is_slow(struct http_request *conn, uint64_t now)
{
	size_t queued = stream_queued(conn->stream);
	uint64_t sent = conn->written > queued ? conn->written - queued : 0;

	if (conn->state == CONN_READING && !conn->begun && queued)
		conn->since_ms = now;
	if (!taking_is_slow(&conn->taking, sent, queued, now, conn->server->options.idle_ms))
		return false;
	log_slow(conn, queued);
	return true;
}

static bool is_late(const struct http_request *conn, uint64_t now)
{
	const struct http_server_options *options = &conn->server->options;

	if (conn->state == CONN_LINGERING)
		return now > conn->since_ms + SERVER_LINGER_MS;
	if (conn->state != CONN_READING)
		return false;
	return now > conn->since_ms + (conn->begun || conn->securing ? options->head_ms : options->idle_ms);
}

void http_server_tick(struct http_server *server)
{
	uint64_t now = loop_now(server->loop);
	struct list *node = server->connections.next;

	while (node != &server->connections) {
		struct http_request *conn = LIST_ENTRY(node, struct http_request, node);
		bool told = conn->events != NULL;

		node = node->next;
		if (!is_slow(conn, now) && !is_late(conn, now))
			continue;
		connection_lose(conn);
		/* Who hears of it may end others, too. */
		if (told)
			node = server->connections.next;
	}
	server->unsent = unsent_of_all(server);
}
