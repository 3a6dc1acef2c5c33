/* eras_play.c - what is said on the stage of fuzz_eras.c, and whether it may be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eras_play.h"

#include "eras_judge.h"
#include "eras_words.h"

#include "unit/exchange/rig.h"

#include "base/check.h"

static struct ring consumer = RING_INIT;

/* --- the input --- */

bool play_has_more(const struct play *play)
{
	return play->size && play->steps < PLAY_STEPS;
}

uint8_t play_byte(struct play *play)
{
	play->steps++;
	if (!play->size)
		return 0;
	play->size--;
	return *play->data++;
}

static void take(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final)
{
	struct request *request = LIST_ENTRY(sink, struct request, sink);

	(void)x;
	(void)status;
	check(request->open);
	if (final)
		request->open = false;
	/* Without a word ends only what the client has given up. */
	if (message.n == 0)
		check(final && (request->cancelled || request->player->client->closed));
	else
		judge_heard(request->player, request, message, final);
}

static bool take_unasked(struct outlet *outlet, struct span message)
{
	judge_heard(LIST_ENTRY(outlet, struct player, outlet), NULL, message, false);
	return true;
}

static void outlet_closed(struct outlet *outlet)
{
	(void)outlet;
}

/* --- what a client says --- */

static void start(struct player *player, struct json *json, const struct message *message)
{
	struct request *request = NULL;

	for (size_t i = 0; i < PLAY_REQUESTS && !request; i++)
		if (!player->requests[i].open)
			request = &player->requests[i];
	if (!request || !span_to_cstr(message_token(json, message->id), request->id, sizeof(request->id)))
		return;
	for (size_t i = 0; i < PLAY_REQUESTS; i++)
		if (player->requests[i].open && !strcmp(player->requests[i].id, request->id))
			return;
	*request = (struct request){
		.sink = { .send = take }, .player = player, .open = true, .method = message->method
	};
	(void)span_to_cstr(message_token(json, message->id), request->id, sizeof(request->id));
	exchange_start(&worker, message,
		       &(struct exchange_options){ .client = player->client,
						   .only = player->client->only,
						   .sink = &request->sink,
						   .revision = player->client->revision });
}

static void client_says(struct player *player, struct span text)
{
	struct message message;

	if (player->client->closed || !json_parse(&worker.json, text, text.n) ||
	    message_read(&worker.json, 0, &message) != MESSAGE_OK)
		return;
	if (message.kind == MESSAGE_REQUEST && message.method != METHOD_INITIALIZE)
		start(player, &worker.json, &message);
	else if (message.kind == MESSAGE_NOTIFICATION)
		client_notified(player->client, player->client->only, &message);
	else if (message.kind != MESSAGE_REQUEST && !player_is_modern(player))
		client_answered(player->client, &message);
}

/* `more` are further members of params. */
static void ask_text(struct player *player, unsigned which, struct span more)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)PLAY_TEXT);
	bool modern = player_is_modern(player);
	const char *params;

	which %= modern ? COUNT(modern_texts) : COUNT(legacy_texts);
	params = modern ? modern_texts[which].params : legacy_texts[which].params;
	player->last_text = which;
	buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":{", ++player->next_id,
		 modern ? modern_texts[which].method : legacy_texts[which].method);
	buf_add(&text, more);
	buf_addf(&text, "%s%s}}", more.n && *params ? "," : "", params);
	client_says(player, buf_span(&text));
}

void play_ask(struct play *play, enum era era)
{
	ask_text(&play->clients[era == ERA_MODERN], play_byte(play), S(""));
}

void play_come_back(struct play *play)
{
	struct player *player = &play->clients[1];
	CLEANUP(buf_release) struct buf more = BUF_INIT((size_t)PLAY_TEXT);
	uint8_t byte = play_byte(play);

	if (!player->state[0])
		return;
	buf_addf(&more, "\"inputResponses\":{%s},\"requestState\":\"%s\"", responses[byte % COUNT(responses)],
		 player->state);
	ask_text(player, byte < 0xe0 ? player->state_request : byte, buf_span(&more));
}

void play_client_answers(struct play *play)
{
	struct player *player = &play->clients[0];
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)PLAY_TEXT);
	uint8_t byte = play_byte(play);
	unsigned kind = byte / 8 % COUNT(answers);

	for (size_t i = 0; i < PLAY_ASKS; i++) {
		size_t at = (i + byte) % PLAY_ASKS;

		if (!player->asks[at])
			continue;
		/* Mostly what fits. */
		if (byte < 0xc0)
			kind = player->asked[at] == METHOD_ROOTS_LIST ? 1
			       : player->asked[at] == METHOD_SAMPLING ? 3
								      : 0;
		buf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)player->asks[at],
			 answers[kind]);
		player->asks[at] = 0;
		client_says(player, buf_span(&text));
		return;
	}
}

void play_cancel(struct play *play)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)PLAY_TEXT);
	uint8_t byte = play_byte(play);
	struct player *player = &play->clients[byte & 1];

	for (size_t i = 0; i < PLAY_REQUESTS; i++) {
		struct request *request = &player->requests[(i + byte / 2) % PLAY_REQUESTS];

		if (!request->open)
			continue;
		request->cancelled = true;
		buf_addf(&text,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
			 "\"requestId\":%s}}",
			 request->id);
		client_says(player, buf_span(&text));
		return;
	}
}

void play_free_client(struct play *play)
{
	uint8_t byte = play_byte(play);
	size_t n = play_byte(play);
	struct span text = span_first(span_of((const char *)play->data, play->size), n);
	CLEANUP(buf_release) struct buf copy = BUF_INIT((size_t)PLAY_TEXT);

	buf_add(&copy, text);
	play->data += text.n;
	play->size -= text.n;
	/* A notification of its own may give up any request. */
	for (size_t i = 0; i < PLAY_REQUESTS; i++)
		play->clients[byte & 1].requests[i].cancelled = true;
	client_says(&play->clients[byte & 1], buf_span(&copy));
}

/* --- what a server hears --- */

void play_line(struct staged *staged, const char *format, ...) __attribute__((format(printf, 2, 3)));

void play_line(struct staged *staged, const char *format, ...)
{
	static char text[PLAY_TEXT];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text) - 1 || !staged->alive)
		return;
	text[n] = '\n';
	(void)!write(staged->out, text, (size_t)n + 1);
}

static void answer(struct staged *staged, uint64_t id, const char *rest)
{
	play_line(staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", (unsigned long long)id, rest);
}

static bool listen_to(struct staged *staged)
{
	char chunk[16384];
	ssize_t got = staged->alive ? read(staged->in, chunk, sizeof(chunk)) : 0;

	if (got <= 0)
		return false;
	buf_add(&staged->said, span_of(chunk, (size_t)got));
	for (;;) {
		size_t end = span_find(buf_span(&staged->said), '\n');

		if (end >= staged->said.n)
			return true;
		judge_line(staged, span_first(buf_span(&staged->said), end));
		buf_consume(&staged->said, end + 1);
	}
}

/* --- what a server says --- */

static struct staged *some_server(struct play *play, enum era era, uint8_t byte)
{
	for (size_t i = 0; i < PLAY_PEERS; i++) {
		struct staged *staged = &play->staged[(i + byte) % PLAY_PEERS];

		if (staged->alive && (era == ERA_UNKNOWN || staged->era == era))
			return staged;
	}
	return NULL;
}

static void server_asks(struct staged *staged, const char *method_and_params)
{
	uint64_t id = 1000000 + ++staged->next_ask;

	/* One that was never answered is forgotten with the next of its place. */
	staged->asks[id % PLAY_ASKS] = id;
	play_line(staged, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":%s}", (unsigned long long)id,
		  method_and_params);
}

void play_server_says(struct play *play, enum era era)
{
	uint8_t byte = play_byte(play);
	struct staged *staged = some_server(play, era, play_byte(play));
	unsigned which = byte % (COUNT(asks) + COUNT(notices) + 3);

	if (!staged)
		return;
	if (which < COUNT(asks)) {
		server_asks(staged, asks[which]);
		return;
	}
	which -= (unsigned)COUNT(asks);
	if (which < COUNT(notices))
		play_line(staged, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s}", notices[which]);
	else if (which == COUNT(notices))
		play_line(
		    staged,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
		    "\"params\":{\"notifications\":{\"toolsListChanged\":true,\"resourceSubscriptions\":["
		    "\"x://a\"]},\"_meta\":{\"" SUBSCRIPTION "\":%llu}}}",
		    (unsigned long long)staged->listens);
	else if (which == COUNT(notices) + 1)
		play_line(staged,
			  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{"
			  "\"_meta\":{\"" SUBSCRIPTION "\":%llu}}}",
			  (unsigned long long)staged->listens);
	else
		play_line(staged,
			  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
			  "\"progressToken\":%u,\"progress\":%u}}",
			  byte % 16, byte);
}

void play_server_ends(struct play *play)
{
	uint8_t byte = play_byte(play), which = play_byte(play);
	struct staged *staged = some_server(play, ERA_UNKNOWN, byte);

	for (size_t i = 0; staged && i < PLAY_ASKS; i++) {
		uint64_t *id = &staged->open[(i + byte) % PLAY_ASKS];

		if (!*id)
			continue;
		answer(staged, *id, ends[which % COUNT(ends)]);
		*id = 0;
		return;
	}
}

void play_free_server(struct play *play)
{
	struct staged *staged = some_server(play, ERA_UNKNOWN, play_byte(play));
	size_t n = play_byte(play);
	struct span text = span_first(span_of((const char *)play->data, play->size), n);

	play->data += text.n;
	play->size -= text.n;
	if (!staged)
		return;
	(void)!write(staged->out, text.p, text.n);
	(void)!write(staged->out, "\n", 1);
}

static void end_process(struct staged *staged)
{
	closep(&staged->in);
	closep(&staged->out);
	closep(&staged->notes);
	buf_release(&staged->said);
	staged->alive = false;
}

void play_die(struct play *play)
{
	struct staged *staged = some_server(play, ERA_UNKNOWN, play_byte(play));

	if (staged)
		end_process(staged);
}

/* --- the launcher --- */

static struct staged *free_stage(struct play *play)
{
	for (size_t i = 0; i < PLAY_PEERS; i++)
		if (!play->staged[i].alive)
			return &play->staged[i];
	return NULL;
}

static void start_process(struct play *play, struct wire_in *in)
{
	struct staged *staged = free_stage(play);
	struct wire_out out = { 0 };
	int a[2], b[2], c[2];

	wire_begin(&out, staged ? LAUNCH_STARTED : LAUNCH_FAILED, in->id);
	wire_put_u64(&out, 2);
	if (!staged || pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(c, O_CLOEXEC | O_NONBLOCK) < 0) {
		wire_put_span(&out, S("no such program"));
		check(wire_send_wait(rig_launcher, &out, 1000, NULL) == 0);
		wire_out_release(&out);
		return;
	}
	*staged = (struct staged){ .play = play, .alive = true };
	staged->era = span_eq(wire_get_span(in), S("old")) ? ERA_LEGACY : ERA_MODERN;
	staged->in = a[0];
	staged->out = b[1];
	staged->notes = c[1];
	staged->said.max = 1 << 22;
	wire_put_fd(&out, a[1]);
	wire_put_fd(&out, b[0]);
	wire_put_fd(&out, c[0]);
	check(wire_send_wait(rig_launcher, &out, 1000, NULL) == 0);
	wire_out_release(&out);
	(void)close(a[1]);
	(void)close(b[0]);
	(void)close(c[0]);
}

static bool serve_launcher(struct play *play)
{
	static char store[WIRE_MAX_BYTES];
	struct wire_in in;
	bool any = false;

	while (wire_recv(rig_launcher, store, &in, NULL) == 1) {
		any = true;
		if (in.kind == LAUNCH_START)
			start_process(play, &in);
		wire_in_release(&in);
	}
	return any;
}

void play_settle(struct play *play)
{
	for (int idle = 0, turn = 0; idle < 4 && turn < 200; idle++, turn++) {
		(void)uv_run(&worker.loop.uv, UV_RUN_NOWAIT);
		if (serve_launcher(play))
			idle = 0;
		for (size_t i = 0; i < PLAY_PEERS; i++)
			if (listen_to(&play->staged[i]))
				idle = 0;
	}
}

/* --- time --- */

void play_tick(struct play *play)
{
	static const uint64_t steps[] = { 1000, 1000, 1000, 9000, 31000, 61000, 700000 };
	uint64_t now;

	play->later_ms += steps[play_byte(play) % COUNT(steps)];
	now = loop_now(&worker.loop) + play->later_ms;
	for (size_t i = 0; i < COUNT(play->clients); i++) {
		struct client *client = play->clients[i].client;

		if (!client->closed)
			client_tick(client, now);
		LIST_EACH(&client->exchanges, node)
			exchange_tick(LIST_ENTRY(node, struct exchange, in_client), now);
	}
}

/* --- beginning and end --- */

static void open_client(struct play *play, struct player *player, enum era era, uint8_t where)
{
	struct server *only = where % 3 == 2 ? NULL : play->servers[where % 3];

	player->play = play;
	player->client = rig_client(era, only, "mcp");
	if (where & 0x80)
		player->client->kind = era == ERA_MODERN ? CLIENT_CONTEXT : CLIENT_CHANNEL;
	player->outlet = (struct outlet){ .send = take_unasked, .close = outlet_closed };
	if (era == ERA_MODERN)
		return;
	player->client->declared = where & 0x40 ? CLIENT_ROOTS
						: CLIENT_SAMPLING | CLIENT_ELICITATION |
						      CLIENT_ELICITATION_URL | CLIENT_ROOTS;
	if (where & 0x20)
		player->client->revision = REVISION_2024_11_05 + (where >> 3) % 4;
	client_set_outlet(player->client, &player->outlet);
}

static void rig_once(void)
{
	static bool done;
	struct err err = ERR_INIT;

	if (done)
		return;
	done = true;
	check(rig_start());
	check(ring_map(&consumer, &rig_fds, RING_CONSUMER, &err) == 0);
	/* Time passes where the input says so. */
	worker.ticking = true;
}

static void empty_ring(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)RING_RECORD_MAX);

	while (ring_read(&consumer, &out) == RING_RECORD)
		buf_clear(&out);
	ring_commit(&consumer);
}

struct play *play_begin(const uint8_t *data, size_t size)
{
	struct play *play = calloc(1, sizeof(*play));
	uint8_t mode;

	rig_once();
	check(play != NULL);
	play->data = data;
	play->size = size;
	play->servers[0] = rig_server("old");
	play->servers[1] = rig_server("new");
	mode = play_byte(play);
	if (mode & 1)
		play->servers[0]->modern = SPEAKS_NO;
	if (mode & 2)
		play->servers[1]->legacy = SPEAKS_NO;
	open_client(play, &play->clients[0], ERA_LEGACY, play_byte(play));
	open_client(play, &play->clients[1], ERA_MODERN, play_byte(play));
	return play;
}

void play_end(struct play *play)
{
	play_settle(play);
	for (size_t i = 0; i < COUNT(play->clients); i++) {
		struct player *player = &play->clients[i];

		client_close(player->client, S("the play is over"));
		for (size_t k = 0; k < PLAY_REQUESTS; k++)
			check(!player->requests[k].open);
	}
	play_settle(play);
	for (size_t i = 0; i < COUNT(play->servers); i++)
		worker_drop_server(&worker, play->servers[i]);
	for (size_t i = 0; i < PLAY_PEERS; i++)
		if (play->staged[i].alive)
			end_process(&play->staged[i]);
	play_settle(play);
	for (size_t i = 0; i < COUNT(play->clients); i++)
		play->clients[i].client = client_unref(play->clients[i].client);
	processes_clear(&worker);
	empty_ring();
	check(worker.n_calls == 0 && worker.n_clients == 0 && worker.held.used == 0);
	free(play);
}
