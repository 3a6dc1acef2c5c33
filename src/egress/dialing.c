/* dialing.c - one way out: resolve, judge, connect. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dialing.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"

/* An address gets no less, so that many dead ones do not leave a slow one without a chance. */
#define ATTEMPT_MIN_MS ((uint64_t)1000)

#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_COUNT 4

/* One address under way. On its own, because the loop lets go of a handle only in a later turn. */
struct attempt {
	uv_poll_t poll;
	int fd; /* owned until the handle is closed or the socket handed over */
	struct dialing *dialing;
};

struct dialing {
	struct dialing_options options;
	struct target target;
	uv_timer_t timer;
	uv_work_t work;
	struct attempt *attempt; /* NULL: none under way */
	size_t held;		 /* handles and work the loop still knows */
	bool ended;
	uint64_t deadline_ms;
	int sys; /* of the last address that failed */
	struct address addresses[RESOLVE_MAX];
	size_t n, at;
	/* Written on the thread. */
	int found, found_own;
	struct err err;
	struct address own[DIALING_MAX_OWN];
};

static void let_go(struct dialing *dialing)
{
	void (*on_free)(void *) = dialing->options.on_free;
	void *owner = dialing->options.owner;

	if (--dialing->held > 0)
		return;
	free(dialing);
	on_free(owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
	let_go(handle->data);
}

static void on_attempt_closed(uv_handle_t *handle)
{
	struct attempt *attempt = handle->data;
	struct dialing *dialing = attempt->dialing;

	closep(&attempt->fd);
	free(attempt);
	let_go(dialing);
}

/* Returns the socket where `keep`; else it is closed with its handle. */
static int drop_attempt(struct dialing *dialing, bool keep)
{
	struct attempt *attempt = TAKE(dialing->attempt);
	int fd = -1;

	if (!attempt)
		return -1;
	/* Also takes the socket out of epoll, where it would stay when another process holds it. */
	(void)uv_poll_stop(&attempt->poll);
	if (keep)
		fd = take_fd(&attempt->fd);
	uv_close((uv_handle_t *)&attempt->poll, on_attempt_closed);
	return fd;
}

static void close_down(struct dialing *dialing)
{
	dialing->ended = true;
	(void)drop_attempt(dialing, false);
	(void)uv_cancel((uv_req_t *)&dialing->work);
	uv_close((uv_handle_t *)&dialing->timer, on_timer_closed);
}

void dialing_cancel(struct dialing *dialing)
{
	if (!dialing->ended)
		close_down(dialing);
}

static void end(struct dialing *dialing, int fd, enum dial_failure failure, const char *why)
{
	close_down(dialing);
	dialing->options.on_end(dialing->options.owner, fd, failure, why);
}

static const char *host_words(const struct dialing *dialing)
{
	return dialing->target.host.kind == HOST_LITERAL ? "the address" : dialing->target.host.name;
}

static void fail_connect(struct dialing *dialing)
{
	const char *reason = strerrordesc_np(dialing->sys);
	char why[400], last[ADDRESS_CHARS] = "";

	if (dialing->n > 0)
		address_text(&dialing->addresses[dialing->n - 1], last);
	(void)snprintf(why, sizeof(why), "cannot connect to %s, port %u (last tried %s): %s",
		       host_words(dialing), dialing->target.port, last, reason ? reason : "unknown error");
	end(dialing, -1, dialing->sys == ETIMEDOUT ? DIAL_TIMEOUT : DIAL_NO_CONNECTION, why);
}

static socklen_t make_name(const struct address *address, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (address->v6) {
		memcpy(&v6.sin6_addr, address->bytes, 16);
		memcpy(out, &v6, sizeof(v6));
		return sizeof(v6);
	}
	memcpy(&v4.sin_addr, address->bytes, 4);
	memcpy(out, &v4, sizeof(v4));
	return sizeof(v4);
}

static void tune(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT },
	};

	for (size_t i = 0; i < COUNT(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* A socket on its way to the address, or -1. */
static int begin_connect(const struct address *address, uint16_t port)
{
	CLEANUP(closep) int fd = -1;
	struct sockaddr_storage name;
	socklen_t size = make_name(address, port, &name);

	fd = socket(address->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	tune(fd);
	if (connect(fd, (const struct sockaddr *)&name, size) < 0 && errno != EINPROGRESS)
		return -1;
	return take_fd(&fd);
}

static void on_writable(uv_poll_t *poll, int status, int events);

/* True when there is something to wait for. */
static bool try_address(struct dialing *dialing, const struct address *address)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (!attempt) {
		dialing->sys = ENOMEM;
		return false;
	}
	attempt->dialing = dialing;
	attempt->fd = begin_connect(address, dialing->target.port);
	if (attempt->fd < 0 || uv_poll_init(dialing->timer.loop, &attempt->poll, attempt->fd) != 0) {
		dialing->sys = errno;
		closep(&attempt->fd);
		free(attempt);
		return false;
	}
	attempt->poll.data = attempt;
	dialing->attempt = attempt;
	dialing->held++;
	(void)uv_poll_start(&attempt->poll, UV_WRITABLE, on_writable);
	return true;
}

static void on_timer(uv_timer_t *timer);

static void try_next(struct dialing *dialing)
{
	uint64_t now = uv_now(dialing->timer.loop), left, share;

	while (dialing->at < dialing->n && now < dialing->deadline_ms) {
		left = dialing->deadline_ms - now;
		share = left / (dialing->n - dialing->at);
		if (share < ATTEMPT_MIN_MS)
			share = ATTEMPT_MIN_MS;
		if (!try_address(dialing, &dialing->addresses[dialing->at++]))
			continue;
		(void)uv_timer_start(&dialing->timer, on_timer, share < left ? share : left, 0);
		return;
	}
	if (dialing->at < dialing->n)
		dialing->sys = ETIMEDOUT;
	fail_connect(dialing);
}

static void on_timer(uv_timer_t *timer)
{
	struct dialing *dialing = timer->data;

	dialing->sys = ETIMEDOUT;
	if (dialing->n == 0) {
		end(dialing, -1, DIAL_TIMEOUT, "the name was not resolved in time");
		return;
	}
	(void)drop_attempt(dialing, false);
	try_next(dialing);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct attempt *attempt = poll->data;
	struct dialing *dialing = attempt->dialing;
	int sys = 0;
	socklen_t size = sizeof(sys);

	(void)events;
	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &sys, &size) < 0)
		sys = errno;
	if (status < 0 && sys == 0)
		sys = EIO;
	if (sys == 0) {
		end(dialing, drop_attempt(dialing, true), 0, "");
		return;
	}
	dialing->sys = sys;
	(void)drop_attempt(dialing, false);
	try_next(dialing);
}

static void look_up(uv_work_t *work)
{
	struct dialing *dialing = work->data;

	dialing->found = dialing->options.resolve(dialing->options.resolve_owner, dialing->target.host.name,
						  dialing->addresses, &dialing->err);
	if (dialing->found < 0)
		return;
	dialing->found_own = resolve_own(dialing->own, DIALING_MAX_OWN, &dialing->err);
	if (dialing->found_own < 0)
		dialing->found = -1;
}

/* One bad answer spoils all: who can add it to a name's answers can have it tried first. */
static bool judge(struct dialing *dialing)
{
	struct address_rules rules = { .allow_private = dialing->target.allow_private,
				       .own = dialing->own,
				       .n_own = (size_t)dialing->found_own };

	for (size_t i = 0; i < (size_t)dialing->found; i++) {
		struct address *address = &dialing->addresses[i];
		enum address_kind kind = rules_judge(&rules, address);
		char why[400], text[ADDRESS_CHARS];

		if (kind == ADDRESS_PUBLIC) {
			*address = address_plain(address);
			continue;
		}
		address_text(address, text);
		(void)snprintf(why, sizeof(why), "%s resolves to %s, %s", dialing->target.host.name, text,
			       address_kind_words(kind));
		end(dialing, -1, DIAL_ADDRESS_REFUSED, why);
		return false;
	}
	return true;
}

static void on_looked_up(uv_work_t *work, int status)
{
	struct dialing *dialing = work->data;

	if (!dialing->ended && (status < 0 || dialing->found < 0)) {
		end(dialing, -1, DIAL_NO_NAME, dialing->err.text[0] ? dialing->err.text : "not resolved");
	} else if (!dialing->ended && dialing->found == 0) {
		end(dialing, -1, DIAL_NO_NAME, "the name has no address");
	} else if (!dialing->ended && judge(dialing)) {
		dialing->n = (size_t)dialing->found;
		try_next(dialing);
	}
	let_go(dialing);
}

static void begin_look_up(struct dialing *dialing)
{
	dialing->work.data = dialing;
	dialing->held++;
	(void)uv_timer_start(&dialing->timer, on_timer, dialing->options.timeout_ms, 0);
	check(uv_queue_work(dialing->timer.loop, &dialing->work, look_up, on_looked_up) == 0);
}

/* --- a socket of this machine --- */

static void fail_path(struct dialing *dialing, int sys)
{
	const char *path = dialing->target.path, *reason = strerrordesc_np(sys);
	char why[400];

	switch (sys) {
	case ENOENT:
	case ENOTDIR:
		(void)snprintf(why, sizeof(why), "there is no socket %s: start the server, or correct `url`",
			       path);
		break;
	case EACCES:
	case EPERM:
		(void)snprintf(why, sizeof(why),
			       "the gate may not use the socket %s: its egress process (see `kanmon status`) "
			       "needs the right to write to it, and to enter its folders",
			       path);
		break;
	case ECONNREFUSED:
		(void)snprintf(why, sizeof(why), "nobody listens at %s: start the server, or correct `url`",
			       path);
		break;
	case EAGAIN:
		(void)snprintf(why, sizeof(why),
			       "too many connections wait at %s: the server does not take them", path);
		break;
	default:
		(void)snprintf(why, sizeof(why), "cannot connect to the socket %s: %s", path,
			       reason ? reason : "unknown error");
	}
	end(dialing, -1, DIAL_NO_CONNECTION, why);
}

/* It is connected at once, or not at all. */
static void dial_path(struct dialing *dialing)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	_Static_assert(sizeof(name.sun_path) >= sizeof(dialing->target.path), "a path fits");
	memcpy(name.sun_path, dialing->target.path, sizeof(dialing->target.path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0)
		fail_path(dialing, errno);
	else
		end(dialing, take_fd(&fd), 0, "");
}

/* Whoever asked is not called back from inside his call. */
static void on_begin(uv_timer_t *timer)
{
	struct dialing *dialing = timer->data;

	if (dialing->target.path[0])
		dial_path(dialing);
	else
		try_next(dialing);
}

struct dialing *dialing_start(const struct dialing_options *options)
{
	static const struct address localhost[] = { { .bytes = { 127, 0, 0, 1 } },
						    { .v6 = true, .bytes = { [15] = 1 } } };
	struct dialing *dialing = calloc(1, sizeof(*dialing));

	if (!dialing)
		return NULL;
	dialing->options = *options;
	dialing->target = *options->target;
	check(uv_timer_init(&options->loop->uv, &dialing->timer) == 0);
	dialing->timer.data = dialing;
	dialing->held = 1;
	uv_update_time(&options->loop->uv);
	dialing->deadline_ms = loop_now(options->loop) + options->timeout_ms;
	if (dialing->target.path[0]) {
		(void)uv_timer_start(&dialing->timer, on_begin, 0, 0);
		return dialing;
	}
	switch (dialing->target.host.kind) {
	case HOST_NAME:
		begin_look_up(dialing);
		return dialing;
	case HOST_LITERAL:
		dialing->addresses[0] = address_plain(&dialing->target.host.literal);
		dialing->n = 1;
		break;
	case HOST_LOCALHOST:
		memcpy(dialing->addresses, localhost, sizeof(localhost));
		dialing->n = COUNT(localhost);
		break;
	}
	(void)uv_timer_start(&dialing->timer, on_begin, 0, 0);
	return dialing;
}
