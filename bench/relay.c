/* relay.c - the floor: bytes from one socket to another and back, nothing looked at. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "bench/socket.h"

#define HALF_BYTES (64U * 1024U)
#define EVENTS 256

/* What was read from one end and is not yet written to the other. */
struct half {
	struct pair *pair;
	struct half *peer;
	int fd;
	bool ended;	    /* this end has sent its last byte */
	size_t from, until; /* of `bytes`, read here, to be written to the peer */
	char bytes[HALF_BYTES];
};

struct pair {
	struct half near, far;
	struct pair *next_dead;
	bool dead;
};

static void pair_kill(struct pair *pair, struct pair **dead)
{
	if (pair->dead)
		return;
	pair->dead = true;
	closep(&pair->near.fd);
	closep(&pair->far.fd);
	pair->next_dead = *dead;
	*dead = pair;
}

/* Writes what this half holds; false where the connection is lost. */
static bool half_flush(struct half *half)
{
	while (half->from < half->until) {
		ssize_t n = write(half->peer->fd, half->bytes + half->from, half->until - half->from);

		if (n < 0)
			return errno == EAGAIN;
		half->from += (size_t)n;
	}
	half->from = half->until = 0;
	return true;
}

/* Passes the end on once everything before it is written; false when both ends have ended. */
static bool half_end(struct half *half)
{
	if (!half_flush(half))
		return false;
	if (half->until)
		return true;
	(void)shutdown(half->peer->fd, SHUT_WR);
	return !half->peer->ended;
}

/* Moves bytes from this end to the other until one of them would block. */
static bool half_move(struct half *half)
{
	while (!half->ended) {
		ssize_t n;

		if (!half_flush(half))
			return false;
		if (half->until)
			return true;
		n = read(half->fd, half->bytes, HALF_BYTES);
		if (n < 0)
			return errno == EAGAIN;
		half->ended = n == 0;
		half->until = (size_t)n;
		/* A short read has emptied the socket; the next edge will tell of more. */
		if (n > 0 && (size_t)n < HALF_BYTES)
			return half_flush(half);
	}
	return half_end(half);
}

/* Starts a pair for the accepted socket `near`, which is closed where that fails. */
static void pair_open(int epoll, int near, uint16_t upstream)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	if (!pair) {
		closep(&near);
		return;
	}
	pair->near.pair = pair->far.pair = pair;
	pair->near.peer = &pair->far;
	pair->far.peer = &pair->near;
	pair->near.fd = near;
	pair->far.fd = socket_connect(upstream);
	if (pair->far.fd >= 0 && socket_watch(epoll, pair->far.fd, &pair->far) == 0 &&
	    socket_watch(epoll, near, &pair->near) == 0)
		return;
	closep(&pair->near.fd);
	closep(&pair->far.fd);
	free(pair);
}

static void accept_all(int epoll, int listener, uint16_t upstream)
{
	int fd = socket_accept(listener);

	for (; fd >= 0; fd = socket_accept(listener))
		pair_open(epoll, fd, upstream);
}

static void on_event(const struct epoll_event *event, struct pair **dead)
{
	struct half *half = event->data.ptr;
	bool alive = true;

	if (half->pair->dead)
		return;
	if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		alive = half_move(half);
	/* Room again at this end: the other half may go on, but only where it was stuck. */
	if (alive && (event->events & EPOLLOUT) && half->peer->until)
		alive = half_move(half->peer);
	if (!alive)
		pair_kill(half->pair, dead);
}

static void serve(int epoll, int listener, uint16_t upstream)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		struct pair *dead = NULL;
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(&events[i], &dead);
			else
				accept_all(epoll, listener, upstream);
		}
		/* Later events of this batch may still name a pair, so it dies after the batch. */
		while (dead) {
			struct pair *pair = dead;

			dead = pair->next_dead;
			free(pair);
		}
	}
}

int main(int argc, char **argv)
{
	uint16_t port, upstream;
	CLEANUP(closep) int epoll = epoll_create1(EPOLL_CLOEXEC);
	CLEANUP(closep) int listener = -1;

	if (argc != 3 || !socket_port(argv[1], &port) || !socket_port(argv[2], &upstream)) {
		(void)fputs("usage: bench_relay PORT UPSTREAM-PORT\n", stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	socket_raise_limit();
	listener = socket_listen(port);
	if (epoll < 0 || listener < 0 || socket_watch(epoll, listener, NULL) != 0) {
		perror("bench_relay");
		return 1;
	}
	serve(epoll, listener, upstream);
	return 0;
}
