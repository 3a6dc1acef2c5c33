/* server.c - where HTTP connections come in: its sockets, its ceilings, and the end of it all. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/tls_context.h"

static void on_connection(uv_stream_t *listener, int status)
{
	struct http_server *server = listener->data;
	struct http_request *conn = status < 0 ? NULL : connection_new(server);
	struct stream *stream = conn ? stream_accept(server->loop, listener, connection_events(), conn)
				     : NULL;

	if (stream && !server->draining && connection_fits(server)) {
		connection_begin(conn, stream);
		return;
	}
	if (stream && !server->draining)
		connection_offer(server, stream);
	else
		(void)stream_close(stream);
	free(conn);
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
				    http_on_request *on_request, void *owner, struct log *log,
				    struct err *err)
{
	struct http_server *server = calloc(1, sizeof(*server));

	if (!server) {
		(void)err_set(err, ERR_NOMEM, "no memory for an HTTP server");
		return NULL;
	}
	server->loop = loop;
	server->options = *options;
	server->share = options->share ? options->share : &server->own;
	if (options->tls)
		(void)tls_context_ref(options->tls);
	server->on_request = on_request;
	server->owner = owner;
	server->log = log;
	server->relief.run = connection_relieve;
	list_init(&server->connections);
	return server;
}

void http_server_set_tls(struct http_server *server, struct tls_context *tls)
{
	struct tls_context *old = server->options.tls;

	server->options.tls = tls ? tls_context_ref(tls) : NULL;
	(void)tls_context_unref(old);
}

void http_server_set_limits(struct http_server *server, const struct http_limits *limits,
			    size_t max_connections)
{
	server->options.limits = *limits;
	server->options.max_connections = max_connections;
}

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle);
}

int http_server_listen(struct http_server *server, int fd, struct err *err)
{
	uv_tcp_t *listener = server->n_listeners < SERVER_LISTENERS ? calloc(1, sizeof(*listener)) : NULL;

	if (!listener) {
		(void)close(fd);
		return err_set(err, ERR_LIMIT, "more than %d listeners", SERVER_LISTENERS);
	}
	check(uv_tcp_init(&server->loop->uv, listener) == 0);
	listener->data = server;
	if (uv_tcp_open(listener, fd) != 0 || uv_listen((uv_stream_t *)listener, 512, on_connection) != 0) {
		uv_close((uv_handle_t *)listener, on_listener_closed);
		return err_set(err, ERR_SYSTEM, "cannot accept connections on a listening socket");
	}
	server->listeners[server->n_listeners++] = listener;
	return 0;
}

static void retire(struct http_server *server, bool unheard)
{
	server->retirements++;
	LIST_EACH(&server->connections, node) {
		struct http_request *conn = LIST_ENTRY(node, struct http_request, node);

		conn->retired = true;
		conn->close_after = true;
		if (conn->state == CONN_READING && !conn->begun && !conn->busy && (unheard || conn->written))
			connection_leave(conn);
	}
}

void http_server_retire(struct http_server *server)
{
	retire(server, true);
}

static void close_listeners(struct http_server *server, bool refuse)
{
	while (server->n_listeners) {
		uv_handle_t *listener = (uv_handle_t *)server->listeners[--server->n_listeners];
		uv_os_fd_t fd;

		if (refuse && uv_fileno(listener, &fd) == 0)
			(void)shutdown(fd, SHUT_RDWR);
		uv_close(listener, on_listener_closed);
	}
}

void http_server_drain(struct http_server *server)
{
	server->draining = true;
	/* Others may hold the sockets, too: whoever comes now is refused, and does not wait. */
	close_listeners(server, true);
	http_server_retire(server);
}

void http_server_step_back(struct http_server *server)
{
	server->stepped_back = true;
	close_listeners(server, false);
	/* Who has just been let in, and not been heard yet, would count as refused. */
	retire(server, false);
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	http_server_drain(server);
	while (!list_empty(&server->connections)) {
		struct http_request *conn = LIST_ENTRY(server->connections.next, struct http_request, node);

		conn->busy = false;
		connection_free(conn);
	}
	loop_later_cancel(&server->relief);
	(void)tls_context_unref(server->options.tls);
	free(server);
	return NULL;
}

size_t http_server_connections(const struct http_server *server)
{
	return server->n;
}

size_t http_server_connections_of_all(const struct http_server *server)
{
	return server->share->connections;
}
