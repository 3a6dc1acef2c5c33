/* post.c - replies over HTTP: as one text, as a stream, to a reader who leaves, dawdles, or comes back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange/account.h"
#include "exchange/post.h"
#include "exchange/token_cache.h"
#include "http/server.h"
#include "loopback.h"
#include "tap.h"
#include "turns.h"

enum { LARGE = 6 * 1024 * 1024 };

static struct worker worker;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static struct http_server *server;
static struct sockaddr_in address;
static struct client *client;
static struct http_request *request; /* the one that waits */
static char last_id[64];
static bool resumed;

static void on_request(void *owner, struct http_request *made, const struct http_head *head, struct span body)
{
	(void)owner;
	(void)body;
	request = made;
	if (head->method != HTTP_METHOD_GET)
		return;
	(void)span_to_cstr(http_known(head, HTTP_HEADER_LAST_EVENT_ID), last_id, sizeof(last_id));
	resumed = post_resume(client, TAKE(request), span_str(last_id));
	if (!resumed)
		http_reply(made, &(struct http_reply){ .status = 405 }, S(""));
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096, tiny = 200;

	/* Small segments: the kernel keeps little of what nobody reads. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &tiny, sizeof(tiny));
	return loopback_connect(fd, &address);
}

static void send_text(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static int ask(void)
{
	int fd = dial();

	request = NULL;
	send_text(fd, "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	TURN_UNTIL(&worker.loop, request);
	return fd;
}

/* All that comes until the text ends with `end`, or nothing comes any more. */
static struct span hear(int fd, struct buf *got, const char *end)
{
	buf_clear(got);
	for (int turn = 0; turn < 2000 && !span_ends(buf_span(got), span_str(end)); turn++) {
		char chunk[65536];
		ssize_t n;

		one_turn(&worker.loop, turn);
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(got, span_of(chunk, (size_t)n));
		if (n > 0)
			turn = 0;
		if (n == 0)
			break;
	}
	return buf_span(got);
}

static struct post *post_on(struct http_request *r, bool modern, bool events, bool batch)
{
	const struct post_options options = {
		.client = client, .request = r, .modern = modern, .events = events, .batch = batch
	};
	struct post *post = post_new(&worker, &options);

	if (!post)
		abort();
	return post;
}

static void to(struct sink *sink, struct span text, bool final)
{
	sink->send(sink, NULL, 200, text, final);
}

static void make_client(enum revision revision)
{
	struct principal *principal = principal_new(S("token:t-1"), S("laptop"), S("mcp"), 0);
	struct err err = ERR_INIT;

	client = client_new(&worker, principal, CLIENT_SESSION, ERA_LEGACY, NULL, &err);
	(void)principal_unref(principal);
	if (!client)
		abort();
	client->revision = revision;
}

static void drop_client(void)
{
	client_close(client, S("test"));
	client = client_unref(client);
	turn_a_while(&worker.loop);
}

static void nothing_to_answer(struct buf *got)
{
	int fd = ask();

	make_client(REVISION_2025_06_18);
	post_ready(post_on(TAKE(request), false, true, false));
	ok(span_starts(hear(fd, got, "\r\n\r\n"), S("HTTP/1.1 202")), "nothing to answer is 202");
	(void)close(fd);
	drop_client();
}

static void one_text(struct buf *got)
{
	int fd = ask();
	struct post *post;

	make_client(REVISION_2025_06_18);
	post = post_on(TAKE(request), false, true, false);
	to(post_open(post), S("{\"a\":1}"), true);
	post_ready(post);
	ok(span_contains(hear(fd, got, "{\"a\":1}"), S("Content-Type: application/json")),
	   "an answer is one text");
	ok(!span_contains(buf_span(got), S("Mcp-Session-Id")), "without a session that was not begun");
	(void)close(fd);
	fd = ask();
	post = post_on(TAKE(request), false, true, false);
	{
		struct sink *sink = post_open(post);

		to(sink, S("{\"n\":1}"), false);
		to(sink, S("{\"a\":2}"), true);
	}
	post_ready(post);
	ok(span_contains(hear(fd, got, "0\r\n\r\n"), S("data: {\"n\":1}\n\n")) &&
	       span_contains(buf_span(got), S("data: {\"a\":2}\n\n")) &&
	       span_contains(buf_span(got), S("text/event-stream")),
	   "with something before it, a stream that ends");
	ok(!span_contains(buf_span(got), S("id: ")), "without ids for a client that knows none");
	(void)close(fd);
	drop_client();
}

/* One message may be larger than the queue of a slow reader: who reads gets it. */
static void large_answer(struct buf *got)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)LARGE + 64);
	struct post *post;
	struct sink *sink;
	int fd = ask();

	make_client(REVISION_2025_06_18);
	post = post_on(TAKE(request), false, true, false);
	sink = post_open(post);
	post_ready(post);
	buf_add_char(&text, '"');
	while (text.n < LARGE)
		buf_add(&text, S("xxxxxxxxxxxxxxxx"));
	buf_add_char(&text, '"');
	sink->begin(sink, NULL);
	to(sink, buf_span(&text), true);
	ok(hear(fd, got, "0\r\n\r\n").n > LARGE, "an answer larger than the queue of a slow reader arrives");
	(void)close(fd);
	drop_client();
}

/* A batch whose reader takes nothing is cut while its requests are still being started. */
static void cut_while_starting(void)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)LARGE + 64);
	struct post *post;
	int fd = ask();

	make_client(REVISION_2025_03_26);
	buf_add_char(&text, '"');
	while (text.n < LARGE)
		buf_add(&text, S("xxxxxxxxxxxxxxxx"));
	buf_add_char(&text, '"');
	post = post_on(TAKE(request), false, true, true);
	for (int i = 0; i < 5; i++)
		to(post_open(post), buf_span(&text), true);
	post_ready(post);
	TURN_UNTIL(&worker.loop, http_server_connections(server) == 0);
	ok(http_server_connections(server) == 0 && list_empty(&worker.streams),
	   "a reader who takes nothing is cut");
	(void)close(fd);
	drop_client();
}

static void coming_back(struct buf *got)
{
	struct post *post;
	struct sink *sink;
	int fd = ask(), other;

	make_client(REVISION_2025_11_25);
	post = post_on(TAKE(request), false, true, false);
	sink = post_open(post);
	post_ready(post);
	to(sink, S("{\"n\":1}"), false);
	ok(span_contains(hear(fd, got, "{\"n\":1}\n\n\r\n"), S("id: 1-0\nretry: 1000\ndata: \n\n")),
	   "first an id");
	ok(span_contains(buf_span(got), S("id: 1-1\n")), "every event has one");
	(void)close(fd);
	TURN_UNTIL(&worker.loop, !http_server_connections(server));
	to(sink, S("{\"n\":2}"), false);
	to(sink, S("{\"a\":3}"), true);
	ok(!list_empty(&client->posts), "what comes while the client is away is kept");
	for (size_t i = 0; i < 4; i++) {
		static const char *const wrong[] = { "2-1", "1", "x-1", "" };

		other = dial();
		resumed = true;
		send_text(other, "GET /mcp HTTP/1.1\r\nHost: a\r\nLast-Event-ID: ");
		send_text(other, wrong[i]);
		send_text(other, "\r\n\r\n");
		TURN_UNTIL(&worker.loop, !resumed);
		ok(!resumed, "nothing goes by the name '%s'", wrong[i]);
		(void)close(other);
	}
	fd = dial();
	send_text(fd, "GET /mcp HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 1-1\r\n\r\n");
	(void)hear(fd, got, "0\r\n\r\n");
	ok(resumed && !span_contains(buf_span(got), S("{\"n\":1}")) &&
	       span_contains(buf_span(got), S("id: 1-2\ndata: {\"n\":2}\n\n")) &&
	       span_contains(buf_span(got), S("id: 1-3\ndata: {\"a\":3}\n\n")),
	   "who comes back gets what he missed, once, and the end");
	ok(list_empty(&client->posts), "then it is forgotten");
	(void)close(fd);
	drop_client();
}

/* A client asks and leaves; its answer comes then. */
static void left_behind(struct span answer, struct buf *got)
{
	int fd = ask();
	struct post *post = post_on(TAKE(request), false, true, false);
	struct sink *sink = post_open(post);

	post_ready(post);
	to(sink, S("{\"n\":1}"), false);
	(void)hear(fd, got, "{\"n\":1}\n\n\r\n");
	(void)close(fd);
	TURN_UNTIL(&worker.loop, !http_server_connections(server));
	to(sink, answer, true);
}

/* The server wants to be polled: the gate closes the stream itself, and the answer comes when nobody is
 * there. */
static void large_answer_meanwhile(struct buf *got, size_t bytes, bool kept)
{
	struct buf text = BUF_INIT((size_t)64 << 20);
	int fd = ask();
	struct post *post;
	struct sink *sink;

	make_client(REVISION_2025_11_25);
	post = post_on(TAKE(request), false, true, false);
	sink = post_open(post);
	post_ready(post);
	to(sink, S("{\"n\":1}"), false);
	sink->poll(sink, NULL, 10);
	ok(span_contains(hear(fd, got, "0\r\n\r\n"), S("retry: 10\n")), "a client is sent away");
	(void)close(fd);
	for (size_t i = 0; i < bytes; i++)
		buf_add_char(&text, 'x');
	to(sink, buf_span(&text), true);
	is_int(client->account->held.used > bytes, kept, "an answer of %zu bytes is %s", bytes,
	       kept ? "kept, at the principal's cost" : "more than the gate takes from a server");
	fd = dial();
	send_text(fd, "GET /mcp HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 1-1\r\n\r\n");
	(void)hear(fd, got, kept ? "0\r\n\r\n" : "\r\n\r\n");
	ok(kept ? got->n > bytes && span_contains(buf_span(got), S("id: 1-2\ndata: xxx"))
		: span_starts(buf_span(got), S("HTTP/1.1 405")),
	   "and %s", kept ? "given to who comes back" : "lost");
	(void)close(fd);
	buf_release(&text);
	drop_client();
	is_int(worker.held.used, 0, "# nothing is held any more");
}

/* Whoever leaves again and again must not have the gate keep it all. */
static void many_left_behind(struct buf *got)
{
	size_t n = 0;

	make_client(REVISION_2025_11_25);
	for (size_t i = 0; i < worker.limits.streams_per_client + 10; i++) {
		left_behind(S("{\"a\":1}"), got);
	}
	LIST_EACH(&client->posts, node)
		n++;
	is_int(n, worker.limits.streams_per_client, "so many replies are kept for one client");
	post_tick(client, loop_now(&worker.loop) + 3600 * 1000);
	ok(list_empty(&client->posts), "and none for ever");
	drop_client();
}

/* What is kept for those who are away is the principal's, all together: the oldest makes room. */
static void too_much_to_keep(struct buf *got)
{
	static char text[40 * 1024];
	uint64_t first;

	memset(text, 'x', sizeof(text));
	make_client(REVISION_2025_11_25);
	client->account->held.max = client->account->held.used + 64 * 1024;
	first = client->next_stream + 1;
	for (int i = 0; i < 2; i++) {
		left_behind(span_of(text, sizeof(text)), got);
		ok(client->posts.next == client->posts.prev && !list_empty(&client->posts) &&
		       client->account->held.used >= sizeof(text) &&
		       client->account->held.used <= client->account->held.max,
		   "%d: one fits, and is kept", i + 1);
	}
	for (int i = 0; i < 2; i++) {
		char head[128];
		int fd = dial();

		resumed = i != 0;
		(void)snprintf(head, sizeof(head),
			       "GET /mcp HTTP/1.1\r\nHost: a\r\nLast-Event-ID: %llu-1\r\n\r\n",
			       (unsigned long long)first + (unsigned)i);
		send_text(fd, head);
		(void)hear(fd, got, i ? "0\r\n\r\n" : "\r\n\r\n");
		ok(resumed == (i == 1), i ? "the younger one is there" : "the older one is not");
		(void)close(fd);
	}
	drop_client();
	is_int(worker.held.used, 0, "and all is given back");
}

/* --- what feeds a reader waits for him, and for nobody else --- */

static int stopped;

static void note_pause(struct link *link, struct call *call, bool paused)
{
	(void)link;
	(void)call;
	stopped = paused;
}

/* A call whose reader is there and takes nothing, until the server is made to wait. */
static struct sink *stuff(struct exchange *x, struct link *link, int *fd)
{
	static char text[64 * 1024];
	struct post *post;
	struct sink *sink;

	*fd = ask();
	post = post_on(TAKE(request), false, true, false);
	sink = post_open(post);
	post_ready(post);
	*x = (struct exchange){ .sink = sink,
				.client = client,
				.call = { .link = link },
				.worker = &worker,
				.last_ms = loop_now(&worker.loop),
				.deadline_ms = UINT64_MAX };
	list_add(&client->exchanges, &x->in_client);
	stopped = false;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100 && !stopped; i++)
		sink->send(sink, x, 200, span_of(text, sizeof(text)), false);
	return sink;
}

static void waiting_for_readers(struct buf *got)
{
	static const struct transport transport = { .pause = note_pause };
	struct link link = { .transport = &transport };
	struct exchange x;
	struct sink *sink;
	char id[64];
	int fd, other;

	make_client(REVISION_2025_11_25);
	sink = stuff(&x, &link, &fd);
	ok(stopped, "a reader takes nothing: the server waits");
	(void)close(fd);
	TURN_UNTIL(&worker.loop, !http_server_connections(server));
	ok(!stopped && !list_empty(&client->posts), "he leaves, and may come back: the server goes on");
	list_remove(&x.in_client);
	to(sink, S("{\"a\":1}"), true);
	fd = dial();
	(void)snprintf(id, sizeof(id), "GET /mcp HTTP/1.1\r\nHost: a\r\nLast-Event-ID: %llu-0\r\n\r\n",
		       (unsigned long long)client->next_stream);
	send_text(fd, id);
	ok(span_contains(hear(fd, got, "0\r\n\r\n"), S("{\"a\":1}")), "and he finds the answer");
	(void)close(fd);
	sink = stuff(&x, &link, &fd);
	ok(stopped, "# it waits again");
	other = dial();
	(void)snprintf(id, sizeof(id), "GET /mcp HTTP/1.1\r\nHost: a\r\nLast-Event-ID: %llu-99\r\n\r\n",
		       (unsigned long long)client->next_stream);
	send_text(other, id);
	(void)hear(other, got, "event-stream\r\n");
	turn_a_while(&worker.loop);
	ok(!stopped, "he is back on another connection before the first is known to be dead: likewise");
	list_remove(&x.in_client);
	to(sink, S("{\"a\":2}"), true);
	ok(span_contains(hear(other, got, "0\r\n\r\n"), S("{\"a\":2}")), "and the answer comes on that");
	(void)close(fd);
	(void)close(other);
	drop_client();
}

/* --- who takes nothing loses what he asked for, but not under the hands of who tells him --- */

static struct exchange *exchange_on(struct post *post)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		abort();
	*x = (struct exchange){ .worker = &worker,
				.client = client_ref(client),
				.sink = post_open(post),
				.method = METHOD_LISTEN };
	list_add(&client->exchanges, &x->in_client);
	client->n_exchanges++;
	client->account->n_calls++;
	worker.n_calls++;
	worker.crew->n_calls++;
	return x;
}

static size_t n_exchanges(void)
{
	size_t n = 0;

	LIST_EACH(&client->exchanges, node)
		n++;
	return n;
}

static void cut_while_told(void)
{
	static char text[64 * 1024];
	struct post *post;
	struct exchange *x;
	int fd = ask();

	make_client(REVISION_2026_07_28);
	memset(text, 'x', sizeof(text));
	post = post_on(TAKE(request), true, true, false);
	x = exchange_on(post);
	(void)exchange_on(post);
	post_ready(post);
	for (int i = 0; i < 1000 && (i == 0 || !list_empty(&worker.streams)); i++)
		x->sink->send(x->sink, x, 200, span_of(text, sizeof(text)), false);
	ok(list_empty(&worker.streams), "a modern reader takes nothing, and is cut");
	is_int(n_exchanges(), 2, "what he asked for is there yet for who walks among it");
	x->sink->send(x->sink, x, 200, S("{}"), false);
	is_int(n_exchanges(), 2, "and may be told more");
	turn_a_while(&worker.loop);
	is_int(n_exchanges(), 0, "a turn later it is cancelled");
	is_int(worker.metrics.cancelled, 2, "all of it");
	(void)close(fd);
	drop_client();
}

static void start(void)
{
	const struct http_server_options options = { .limits = { .head_bytes = 4096,
								 .header_line = 1024,
								 .headers = 20,
								 .url = 200,
								 .body_bytes = 1000 },
						     .max_connections = 100,
						     .bodies_bytes = 1 << 20,
						     .idle_ms = 100000,
						     .head_ms = 100000 };
	struct err err = ERR_INIT;
	int fd = loopback_bind(&address);

	server = http_server_new(&worker.loop, &options, on_request, NULL, &quiet, &err);
	if (!server || http_server_listen(server, fd, &err) < 0)
		abort();
}

int main(void)
{
	CLEANUP(buf_release) struct buf got = BUF_INIT((size_t)64 << 20);
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!ok(worker_init(&worker, &quiet, &err) == 0, "a worker"))
		return tap_done();
	start();
	nothing_to_answer(&got);
	one_text(&got);
	large_answer(&got);
	cut_while_starting();
	coming_back(&got);
	large_answer_meanwhile(&got, worker.limits.result_bytes + (size_t)128 * 1024, false);
	large_answer_meanwhile(&got, (size_t)2 << 20, true);
	many_left_behind(&got);
	waiting_for_readers(&got);
	too_much_to_keep(&got);
	cut_while_told();
	server = http_server_free(server);
	/* A worker ends with its process; what the test made, it takes back. */
	worker.tokens = token_cache_free(worker.tokens);
	map_release(&worker.accounts);
	buf_release(&worker.out);
	buf_release(&worker.frame);
	uv_close((uv_handle_t *)&worker.tick, NULL);
	turn_a_while(&worker.loop);
	loop_release(&worker.loop);
	return tap_done();
}
