/* front_unix.c - hosts on a unix socket: who they are the kernel says; one message a line, of either era. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_unix.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "exchange/account.h"
#include "exchange/host_lines.h"
#include "mcp/message.h"
#include "net/mailbox.h"
#include "json/write.h"

enum { UNIX_BACKLOG = 512, UNIX_FLUSH_MS = 1000 };

struct unix_front {
	struct host_lines from;
	struct stream *stream;
	struct account *account; /* referenced: an unfinished line is charged to it */
};

static void on_gone(struct host_lines *from)
{
	struct unix_front *front = LIST_ENTRY(from, struct unix_front, from);

	front->account = account_unref(front->account);
	free(front);
}

static void front_free(struct unix_front *front)
{
	host_lines_stop(&front->from, S("the host closed its connection"));
	front->stream = stream_close_flushed(front->stream, UNIX_FLUSH_MS);
	host_lines_release(&front->from);
}

/* --- towards the host --- */

static void port_write(void *carrier, struct span message)
{
	struct unix_front *front = carrier;

	stream_write(front->stream, (struct span[]){ message, S("\n") }, 2);
}

static size_t port_waiting(const void *carrier)
{
	const struct unix_front *front = carrier;

	return stream_queued(front->stream);
}

static bool port_is_deaf(const void *carrier)
{
	const struct unix_front *front = carrier;

	return stream_is_deaf(front->stream);
}

static void port_listen(void *carrier, bool on)
{
	struct unix_front *front = carrier;

	if (on)
		stream_resume(front->stream);
	else
		stream_pause(front->stream);
}

static const struct channel_port port = { .transport = SPAN("unix"),
					  .full = "unix.full",
					  .slow = "unix.slow",
					  .counted = true,
					  .stays = true,
					  .write = port_write,
					  .waiting = port_waiting,
					  .is_deaf = port_is_deaf,
					  .listen = port_listen };

static void on_host_end(void *carrier, bool cut)
{
	(void)cut;
	front_free(carrier);
}

/* --- who is let in --- */

static void ignore_read(void *owner, struct span bytes)
{
	(void)owner;
	(void)bytes;
}

static void ignore_end(void *owner, enum stream_end why)
{
	(void)owner;
	(void)why;
}

static const struct stream_events nothing = { .on_read = ignore_read, .on_end = ignore_end };

/* In the form of the protocol, so that a client can show it. */
static void turn_away(struct worker *worker, struct stream *stream, const char *kanmon, struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)4096);

	worker->metrics.refused_front++;
	message_write_error(
	    &out, &(struct message_error){ .id = S("null"), .code = -32000, .text = text, .kanmon = kanmon });
	buf_add_char(&out, '\n');
	stream_write(stream, (struct span[]){ buf_span(&out) }, 1);
	(void)stream_close_flushed(stream, UNIX_FLUSH_MS);
}

static bool is_welcome(const struct front_rules *rules, uint32_t uid)
{
	for (size_t i = 0; i < rules->n_uids; i++)
		if (rules->uids[i] == uid)
			return true;
	return false;
}

static struct span id_of(uint32_t uid, char store[32])
{
	struct buf id = buf_over(store, 32);

	buf_addf(&id, "local:%u:unix", uid);
	return buf_span(&id);
}

/* One principal a user: whatever it runs is one and the same to rules and limits. */
static struct principal *principal_of(uint32_t uid)
{
	char id_text[32], name_text[32];
	struct buf name = buf_over(name_text, sizeof(name_text));

	buf_addf(&name, "uid %u", uid);
	return principal_new(id_of(uid, id_text), buf_span(&name), S("mcp"), 0);
}

static struct unix_front *front_new(struct worker *worker, struct principal *principal, struct err *err)
{
	struct unix_front *front = calloc(1, sizeof(*front));
	const struct channel_options options = {
		.principal = principal, .port = &port, .carrier = front, .on_end = on_host_end
	};

	if (front)
		front->account = account_of(worker, principal->id);
	if (!front || !front->account) {
		free(front);
		(void)err_set(err, ERR_NOMEM, "no memory for a host's connection");
		return NULL;
	}
	host_lines_init(&front->from, worker, on_gone);
	lines_charge(&front->from.lines, &front->account->held);
	front->from.host = channel_host_new(worker, &options, err);
	if (front->from.host)
		return front;
	host_lines_release(&front->from);
	return NULL;
}

static void let_in(struct worker *worker, struct stream *stream, uint32_t uid)
{
	struct principal *principal = principal_of(uid);
	struct err err = ERR_INIT;
	struct unix_front *front = principal ? front_new(worker, principal, &err) : NULL;

	(void)principal_unref(principal);
	if (!front) {
		turn_away(worker, stream, err.code == ERR_LIMIT ? "K801" : "K803",
			  err.code ? span_str(err.text) : S("The gate has no memory for the connection"));
		return;
	}
	front->stream = stream;
	stream_half_open(stream);
	stream_hand_over(stream, &host_lines_events, &front->from);
}

/* One that was let in, on its way to the thread that has its user's calls. */
struct passage {
	struct mail mail;
	struct worker *home;
	struct stream_parcel parcel;
	uint32_t uid;
};

static void run_passage(struct mail *mail)
{
	struct passage *passage = LIST_ENTRY(mail, struct passage, mail);
	struct stream *stream = stream_attach(&passage->home->loop, &passage->parcel, &nothing, NULL, NULL);

	if (stream)
		let_in(passage->home, stream, passage->uid);
	free(passage);
}

static void send_home(struct worker *home, struct stream *stream, uint32_t uid)
{
	struct passage *passage = calloc(1, sizeof(*passage));
	bool waits;

	if (!passage || !stream_detach(stream, &passage->parcel, &waits)) {
		free(passage);
		(void)stream_close(stream);
		return;
	}
	passage->mail.run = run_passage;
	passage->home = home;
	passage->uid = uid;
	mailbox_post(home->loop.mailbox, &passage->mail);
}

static void welcome(struct worker *worker, struct stream *stream, uint32_t uid)
{
	char id_text[32];
	struct worker *home = crew_home(worker, id_of(uid, id_text));

	if (home == worker)
		let_in(worker, stream, uid);
	else
		send_home(home, stream, uid);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct worker *worker = listener->data;
	struct stream *stream = status < 0 ? NULL : stream_accept(&worker->loop, listener, &nothing, NULL);
	uint32_t uid;
	uint32_t missed;

	if (!stream)
		return;
	if (!stream_peer_uid(stream, &uid) || !is_welcome(&worker->front, uid)) {
		if (log_brake_pass(&worker->unix_brake, loop_now(&worker->loop), 5, &missed))
			log_event(worker->log, LOG_WARN, "unix.refused",
				  "A program of a user who may not use the unix socket was turned away.",
				  LFN("uid", uid), LFN("more", missed));
		turn_away(
		    worker, stream, "K512",
		    S("This user may not use the gate's socket; `unix.users` in its config names who may"));
	} else if (worker->draining) {
		turn_away(worker, stream, "K805", S("The gate is shutting down; try again"));
	} else {
		welcome(worker, stream, uid);
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

int front_unix_listen(struct worker *worker, int fd, struct err *err)
{
	uv_pipe_t *listener = worker->unix_listener ? NULL : calloc(1, sizeof(*listener));

	if (!listener) {
		(void)close(fd);
		return err_set(err, ERR_NOMEM, "no memory for a listener");
	}
	check(uv_pipe_init(&worker->loop.uv, listener, 0) == 0);
	listener->data = worker;
	worker->unix_listener = listener;
	if (uv_pipe_open(listener, fd) != 0) {
		(void)close(fd);
		front_unix_close(worker, true);
		return err_set(err, ERR_SYSTEM, "cannot accept connections on a listening socket");
	}
	if (uv_listen((uv_stream_t *)listener, UNIX_BACKLOG, on_connection) == 0)
		return 0;
	front_unix_close(worker, true);
	return err_set(err, ERR_SYSTEM, "cannot accept connections on a listening socket");
}

void front_unix_close(struct worker *worker, bool refuse)
{
	uv_pipe_t *listener = TAKE(worker->unix_listener);
	uv_os_fd_t fd;

	if (!listener)
		return;
	/* The manager holds the socket, too: whoever comes now is refused, and does not wait. */
	if (refuse && uv_fileno((uv_handle_t *)listener, &fd) == 0)
		(void)shutdown(fd, SHUT_RDWR);
	uv_close((uv_handle_t *)listener, on_closed);
}
