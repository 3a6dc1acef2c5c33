/* front_unix.c - hosts on a unix socket: who is let in, lines of both eras, the end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <sys/un.h>

#include "rig.h"

#include "exchange/account.h"
#include "exchange/channel_host.h"
#include "exchange/front_unix.h"
#include "words.h"

#define HELLO                                                                                                \
	REQUEST("1", "initialize",                                                                           \
		"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"h\","     \
		"\"version\":\"1\"}")

static struct sockaddr_un name = { .sun_family = AF_UNIX };
static uint32_t uids[2];

/* A listening socket without a file. */
static bool listens(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "kanmon-front-unix-%d", (int)getpid());
	return fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 &&
	       front_unix_listen(&worker, fd, NULL) == 0;
}

static struct peer enter(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		abort();
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return (struct peer){ .in = fd, .out = dup(fd), .notes = -1, .said = { .max = 1 << 20 } };
}

static void leave(struct peer *host)
{
	rig_end(host);
	turn_a_while(&worker.loop);
	(void)rig_starts_nothing();
}

static bool hears(struct peer *host, const char *first, const char *second)
{
	struct span line = rig_hear(host);
	bool found = span_contains(line, span_str(first)) && span_contains(line, span_str(second));

	if (!found)
		printf("# %.*s\n", SPAN_ARG(line));
	return found;
}

static bool is_over(struct peer *host)
{
	char byte;
	ssize_t n = -1;

	TURN_UNTIL(&worker.loop, (n = read(host->in, &byte, 1)) >= 0);
	return n == 0;
}

static void refused(void)
{
	struct peer host;
	size_t most = worker.limits.sessions_per_principal;

	uids[0] = getuid() + 1;
	worker.front = (struct front_rules){ .uids = uids, .n_uids = 1 };
	host = enter();
	ok(hears(&host, "K512", "unix.users") && is_over(&host),
	   "who is not named is told so, and sent away");
	rig_say(&host, "%s", HELLO);
	ok(rig_starts_nothing() && worker.n_clients == 0, "what he says is not read");
	leave(&host);
	worker.front.n_uids = 0;
	host = enter();
	ok(hears(&host, "K512", "error"), "where nobody is named, nobody is let in");
	leave(&host);
	uids[1] = getuid();
	worker.front.n_uids = 2;
	worker.limits.sessions_per_principal = 0;
	host = enter();
	ok(hears(&host, "K801", "limit") && is_over(&host), "nor more than there may be");
	leave(&host);
	worker.limits.sessions_per_principal = most;
}

static void speaks(struct server *server)
{
	struct peer host = enter(), peer;

	server->modern = SPEAKS_NO;
	rig_say(&host, "junk");
	ok(hears(&host, "-32700", "K613"), "what is no JSON");
	rig_say(&host, "%s", HELLO);
	if (!ok(rig_launch(&peer), "a host of this machine"))
		return;
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{"
	    "\"tools\":{}}}}",
	    rig_id(rig_hear_of(&peer, "initialize")));
	ok(hears(&host, "\"id\":1", "2025-11-25"), "is greeted");
	ok(span_eq(LIST_ENTRY(worker.clients.next, struct client, node)->transport, S("unix")),
	   "in records it came by the socket");
	rig_say(&host, "%s", REQUEST("2", "tools/call", "\"name\":\"files__t\""));
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&peer, "tools/list")));
	(void)shutdown(host.out, SHUT_WR);
	turn_a_while(&worker.loop);
	is_int(worker.n_channels, 1, "who has said all still hears");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}",
		rig_id(rig_hear_of(&peer, "tools/call")));
	ok(hears(&host, "\"id\":2", "content"), "what was asked before is answered");
	ok(is_over(&host), "and then it is over");
	leave(&host);
	is_int(worker.n_channels + worker.n_clients, 0, "nobody is there any more");
	is_int(worker.held.used, 0, "and nothing is held");
	rig_end(&peer);
}

static unsigned retired;

static void on_retired(struct worker *gone)
{
	(void)gone;
	retired++;
}

static void another_gate_goes_on(void)
{
	struct peer host = enter(), late;
	struct err err = ERR_INIT;
	uv_os_fd_t fd = -1;
	int others;

	turn_a_while(&worker.loop);
	(void)uv_fileno((uv_handle_t *)worker.unix_listener, &fd);
	others = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	worker.on_retired = on_retired;
	worker_retire(&worker, false);
	late = enter();
	turn_a_while(&worker.loop);
	is_int(worker.n_channels, 1, "where another gate listens, who comes is not refused, and left to it");
	rig_say(&host, "%s", REQUEST("4", "no/such", META));
	ok(hears(&host, "\"id\":4", "K601"), "who is there stays, and is heard");
	ok(retired == 0, "as long as there is somebody");
	worker_retire(&worker, true);
	ok(is_over(&host), "until all are to leave");
	leave(&host);
	TURN_UNTIL(&worker.loop, retired);
	is_int(retired, 1, "then nobody is left, and that is told once");
	worker.retiring = false;
	ok(front_unix_listen(&worker, others, &err) == 0, "the socket is as it was");
	rig_say(&late, "%s", REQUEST("5", "no/such", META));
	ok(hears(&late, "\"id\":5", "K601"), "and who waited is heard");
	leave(&late);
}

static void ends(void)
{
	static char large[3000];
	struct peer host = enter();

	memset(large, 'x', sizeof(large) - 1);
	worker.limits.body_bytes = 2000;
	rig_say(&host, "%s", large);
	ok(hears(&host, "K616", "limit"), "a line over the limit is refused");
	rig_say(&host, "%s", REQUEST("3", "no/such", META));
	ok(hears(&host, "\"id\":3", "K601"), "and the next one taken");
	leave(&host);
	is_int(worker.n_channels, 0, "a connection that just ends");
	host = enter();
	turn_a_while(&worker.loop);
	channel_hosts_tick(&worker, loop_now(&worker.loop) + 2 * LIMIT_HANDSHAKE_MS);
	ok(is_over(&host), "who says nothing is sent away in time");
	leave(&host);
	front_unix_close(&worker, true);
	turn_a_while(&worker.loop);
	host.in = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok(connect(host.in, (struct sockaddr *)&name, sizeof(name)) < 0, "closed, nobody is heard");
	(void)close(host.in);
	front_unix_close(&worker, true);
}

int main(void)
{
	struct server *server;

	if (!ok(rig_start() && listens(), "a worker that listens"))
		return tap_done();
	server = rig_server("files");
	refused();
	speaks(server);
	another_gate_goes_on();
	ends();
	worker_drop_server(&worker, server);
	rig_stop();
	return tap_done();
}
