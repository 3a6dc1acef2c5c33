/* front_sse.c - hosts over HTTP+SSE: whose a session is, what is heard on its stream, and how it ends. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "exchange/account.h"
#include "exchange/channel_host.h"
#include "exchange/event_stream.h"
#include "exchange/visit.h"
#include "http/server.h"
#include "loopback.h"
#include "words.h"

#define HELLO(id, revision)                                                                                  \
	REQUEST(id, "initialize",                                                                            \
		"\"protocolVersion\":\"" revision "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"h\","   \
		"\"version\":\"1\"}")

static struct http_server *http;
static struct sockaddr_in address;
static struct server *only;

/* Plays the door: the token is the principal's name. */
static void on_request(void *owner, struct http_request *request, const struct http_head *head,
		       struct span body)
{
	struct span who = http_known(head, HTTP_HEADER_AUTHORIZATION), server;
	struct principal *principal = principal_new(who, S("laptop"), S("mcp"), 0);
	struct visit visit = { .worker = &worker,
			       .request = request,
			       .head = head,
			       .body = body,
			       .principal = principal,
			       .only = only,
			       .way = door_way(head->path, &server) };

	(void)owner;
	if (visit.way == DOOR_SSE)
		visit_sse(&visit);
	else
		visit_sse_message(&visit);
	(void)principal_unref(principal);
}

static bool listen_here(void)
{
	const struct http_server_options options = { .limits = HTTP_LIMITS_INIT,
						     .max_connections = 100,
						     .bodies_bytes = 64 << 20,
						     .idle_ms = 60000,
						     .head_ms = 60000,
						     .allow = SPAN("GET, POST") };
	struct err err = ERR_INIT;
	int fd = loopback_bind(&address);

	http = http_server_new(&worker.loop, &options, on_request, NULL, &quiet, &err);
	return http && http_server_listen(http, fd, &err) == 0;
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	return loopback_connect(fd, &address);
}

/* --- a host --- */

struct host {
	int fd;
	const char *who;
	char id[64];
	struct buf got;
};

/* Waits until its stream says these words; what was said so far is in `got`. */
static bool hear(struct host *host, const char *words)
{
	for (int turn = 0; turn < 3000; turn++) {
		char chunk[65536];
		ssize_t n;

		if (span_contains(buf_span(&host->got), span_str(words)))
			return true;
		one_turn(&worker.loop, turn);
		n = read(host->fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(&host->got, span_of(chunk, (size_t)n));
		if (n == 0)
			break;
	}
	return span_contains(buf_span(&host->got), span_str(words));
}

/* Reads what there is and forgets it. Was there something? */
static bool read_away(const struct host *host)
{
	static char chunk[1 << 20];

	return read(host->fd, chunk, sizeof(chunk)) > 0;
}

static bool begin_with(struct host *host, const char *who, const char *accept)
{
	char text[256];
	struct span id;

	*host = (struct host){ .fd = dial(), .who = who, .got = BUF_INIT((size_t)64 << 20) };
	(void)snprintf(text, sizeof(text), "GET /sse HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n%s\r\n", who,
		       accept);
	(void)!write(host->fd, text, strlen(text));
	if (!hear(host, "\n\n") || !span_contains(buf_span(&host->got), S("event: endpoint\n")))
		return false;
	id = buf_span(&host->got);
	while (id.n && !span_starts(id, S("sessionId=")))
		id = span_skip(id, 1);
	id = span_skip(id, 10);
	id = span_cut(&id, '\n');
	return span_to_cstr(id, host->id, sizeof(host->id)) && id.n == DOOR_SESSION_CHARS;
}

static bool begin(struct host *host, const char *who)
{
	return begin_with(host, who, "Accept: text/event-stream\r\n");
}

static void leave(struct host *host)
{
	closep(&host->fd);
	buf_release(&host->got);
	turn_a_while(&worker.loop);
}

/* The status of a POST to the session `id` by `who`. */
static unsigned post_as(const char *who, const char *id, const char *text)
{
	static struct buf request = { .max = 1 << 20 };
	char reply[4096];
	ssize_t n = -1;
	uint64_t status = 0;
	int fd = dial();

	buf_clear(&request);
	buf_addf(&request,
		 "POST /messages?sessionId=%s HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n"
		 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		 id, who, strlen(text), text);
	(void)!write(fd, request.p, request.n);
	TURN_UNTIL(&worker.loop, (n = read(fd, reply, sizeof(reply))) >= 0);
	(void)close(fd);
	buf_release(&request);
	(void)span_u64(span_of(reply + 9, n > 12 ? 3 : 0), &status);
	if (status == 202 && strlen(text) < 1000)
		ok(span_ends(span_of(reply, (size_t)n), S("\r\n\r\nAccepted")), "accepted, in as many words");
	return (unsigned)status;
}

static unsigned post(const struct host *host, const char *text)
{
	return post_as(host->who, host->id, text);
}

/* --- whose it is --- */

static void stolen(void)
{
	struct host host, other;
	char wrong[64];

	ok(begin(&host, "token:a") && begin(&other, "token:b"), "two sessions");
	ok(strcmp(host.id, other.id) != 0, "of different ids");
	is_int(post_as("token:b", host.id, HELLO("1", "2025-11-25")), 404, "another's session is none");
	is_int(post_as("token:a", other.id, HELLO("1", "2025-11-25")), 404, "the other way round");
	(void)memcpy(wrong, host.id, sizeof(wrong));
	wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
	is_int(post_as("token:a", wrong, HELLO("1", "2025-11-25")), 404, "one letter is another");
	turn_a_while(&worker.loop);
	ok(worker.n_clients == 0 && !hear(&host, "event: message"), "nothing of it was heard");
	is_int(post(&host, HELLO("1", "2025-11-25")), 202, "its own is");
	ok(hear(&host, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"), "and answered");
	leave(&other);
	is_int(post_as("token:b", other.id, HELLO("1", "2025-11-25")), 404, "what has ended is none");
	leave(&host);
	ok(worker.n_clients == 0 && worker.n_channels == 0 && list_empty(&worker.streams) &&
	       worker.event_sessions.n == 0,
	   "the end of the stream is the end of the session");
}

static void not_begun(void)
{
	struct host host;

	ok(!begin_with(&host, "token:a", "Accept: application/json\r\n") && hear(&host, "406"),
	   "a client that takes no events has no session");
	leave(&host);
	worker.limits.sessions_per_principal = 1;
	ok(begin(&host, "token:a"), "one session");
	{
		struct host more;

		ok(!begin(&more, "token:a") && hear(&more, "K801") && hear(&more, "503"),
		   "one more than the token may have");
		leave(&more);
		ok(begin(&more, "token:b"), "another token may");
		leave(&more);
	}
	leave(&host);
	worker.limits.sessions_per_principal = limits_default.sessions_per_principal;
	worker.draining = true;
	ok(!begin(&host, "token:a") && hear(&host, "503"), "a gate that shuts down begins none");
	worker.draining = false;
	leave(&host);
}

/* --- what is heard --- */

static void errors(void)
{
	struct host host;

	ok(begin(&host, "token:a"), "a session");
	is_int(post(&host, "{"), 202, "what is no JSON");
	ok(hear(&host, "\"code\":-32700"), "is answered on the stream");
	is_int(post(&host, REQUEST("1", "tools/list", "")), 202, "what comes too early");
	ok(hear(&host, "K505"), "as well");
	is_int(post(&host, "[" REQUEST("2", "ping", "") "]"), 202, "an array before there is a revision");
	ok(hear(&host, "K614"), "as well");
	leave(&host);
}

static void batch(void)
{
	struct host host;

	ok(begin(&host, "token:a"), "a session");
	is_int(post(&host, HELLO("1", "2025-03-26")), 202, "of 2025-03-26");
	ok(hear(&host, "\"protocolVersion\":\"2025-03-26\""), "is agreed");
	is_int(post(&host, "[" REQUEST("2", "ping", "") "," REQUEST("3", "ping", "") "]"), 202, "a batch");
	ok(hear(&host, "data: [{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":3,"),
	   "is answered in one event");
	leave(&host);
}

static void modern(void)
{
	struct host host;

	ok(begin(&host, "token:a"), "a session");
	is_int(post(&host, REQUEST("1", "server/discover", META)), 202, "the modern era");
	ok(hear(&host, "\"supportedVersions\":"), "is spoken as well");
	leave(&host);
}

static void calls(void)
{
	struct server *server = rig_server("files");
	struct host host;
	struct peer peer;
	const struct client *client;

	only = server;
	ok(begin(&host, "token:a"), "a session of one server");
	is_int(post(&host, HELLO("1", "2025-11-25")), 202, "greets");
	if (!ok(rig_greet(&peer, "{\"tools\":{}}"), "the server is started"))
		return;
	ok(hear(&host, "\"id\":1,\"result\""), "and greets");
	client = LIST_ENTRY(worker.clients.next, struct client, node);
	ok(strlen(client->ref) == 8 && !strstr(host.id, client->ref) && span_eq(client->transport, S("sse")),
	   "records know it by another name");
	is_int(post(&host, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"), 202,
	       "a notification");
	is_int(post(&host, REQUEST("7", "tools/list", "")), 202, "asks");
	rig_say(
	    &peer,
	    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{}}]}}",
	    rig_id(rig_hear_of(&peer, "tools/list")));
	ok(hear(&host, "\"id\":7,\"result\":{\"tools\":[{\"name\":\"t\""), "and is answered");
	is_int(post(&host, REQUEST("8", "tools/call", "\"name\":\"t\",\"arguments\":{}")), 202, "calls");
	ok(rig_hear_of(&peer, "tools/call").n, "which the server hears");
	closep(&host.fd);
	ok(span_contains(rig_hear(&peer), S("notifications/cancelled")), "with the stream the call ends");
	leave(&host);
	rig_end(&peer);
	only = NULL;
	worker_drop_server(&worker, server);
	(void)rig_starts_nothing();
	ok(worker.n_calls == 0 && worker.n_clients == 0, "and the session");
}

/* --- how it ends --- */

static void idle(void)
{
	struct host host, mute;
	uint64_t now = loop_now(&worker.loop);

	ok(begin(&host, "token:a") && begin(&mute, "token:a"), "two sessions");
	is_int(post(&host, HELLO("1", "2025-11-25")), 202, "one greets");
	ok(hear(&host, "\"id\":1,\"result\""), "and is greeted");
	LIST_EACH(&worker.streams, node)
		event_stream_tick(LIST_ENTRY(node, struct event_stream, node),
				  now + LIMIT_KEEPALIVE_MS + 60000);
	ok(hear(&host, ":\n\n"), "a comment keeps it alive");
	channel_hosts_tick(&worker, now + LIMIT_HANDSHAKE_MS + 60000);
	ok(hear(&mute, "0\r\n\r\n"), "the other one is ended");
	channel_hosts_tick(&worker, now + worker.limits.session_idle_ms - 60000);
	turn_a_while(&worker.loop);
	is_int(post(&host, REQUEST("2", "ping", "")), 202, "the first is there");
	channel_hosts_tick(&worker, loop_now(&worker.loop) + worker.limits.session_idle_ms + 60000);
	ok(hear(&host, "0\r\n\r\n") && worker.event_sessions.n == 0, "and ends well when it has been idle");
	leave(&host);
	leave(&mute);
}

/* Who reads nothing is not heard for ever, and not kept for ever. */
static void slow(void)
{
	CLEANUP(buf_release) struct buf large = BUF_INIT((size_t)1 << 20);
	struct account *account = account_of(&worker, S("token:a"));
	struct host host;
	unsigned status = 202;

	for (int i = 0; i < 100; i++) {
		buf_addf(&large, "%s{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":\"%03d", i ? "," : "[",
			 i);
		for (int k = 0; k < 24; k++)
			buf_add(&large, S("xxxxxxxxxxxxxxxxxxxx"));
		buf_add(&large, S("\"}"));
	}
	buf_add(&large, S("]"));
	ok(begin(&host, "token:a"), "a session");
	is_int(post(&host, HELLO("1", "2025-03-26")), 202, "that has batches");
	is_int(post(&host, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"), 202, "begins");
	for (int i = 0; i < 2000 && status == 202; i++)
		status = post(&host, buf_cstr(&large));
	is_int(status, 503, "who takes nothing is not heard any more");
	ok(account->held.used > (size_t)8 << 20, "what waits for it is its account's");
	TURN_UNTIL(&worker.loop, !read_away(&host) && account->held.used < 100000);
	is_int(post(&host, REQUEST("9", "ping", "")), 202, "and is heard again");
	leave(&host);
	is_int((int)account->held.used, 0, "nothing is left behind");
	(void)account_unref(account);
	turn_a_while(&worker.loop);
}

int main(void)
{
	if (!ok(rig_start() && listen_here(), "a worker, and a door"))
		return tap_done();
	stolen();
	not_begun();
	errors();
	batch();
	modern();
	calls();
	idle();
	slow();
	http = http_server_free(http);
	rig_stop();
	return tap_done();
}
