/* token_cache.c - tokens, with the test as the keeper: nobody is let in without its word. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "exchange/token_cache.h"
#include "identity/token.h"
#include "store/ask.h"
#include "tap.h"
#include "turns.h"

enum { CROWD = 300 };

struct waiter {
	struct token_wait wait;
	unsigned told;
	bool good, reachable;
};

static struct worker worker;
static struct log quiet = { .fd = -1, .level = LOG_ERROR, .role = "test" };
static int keeper = -1;
static char store[WIRE_MAX_BYTES];

static void done(struct token_wait *wait, struct principal *principal, bool reachable)
{
	struct waiter *waiter = LIST_ENTRY(wait, struct waiter, wait);

	waiter->told++;
	waiter->good = principal && span_eq(principal->id, S("token:t-1"));
	waiter->reachable = reachable;
}

static enum token_state find(const char *token, struct waiter *waiter)
{
	struct principal *principal = NULL;
	enum token_state state;

	*waiter = (struct waiter){ .wait = { .done = done } };
	state = token_cache_find(worker.tokens, span_str(token), &waiter->wait, &principal);
	ok((state == TOKEN_GOOD) == (principal != NULL), "a principal where it is good, and only there");
	return state;
}

/* The id of the next question to the keeper; 0: none came. */
static uint32_t asked(void)
{
	struct wire_in in;

	for (int turn = 0; turn < 300; turn++) {
		one_turn(&worker.loop, 0);
		if (wire_recv(keeper, store, &in, NULL) == 1)
			return in.kind == ASK_TOKEN && wire_get_span(&in).n == 32 ? in.id : 0;
	}
	return 0;
}

static void answer(uint32_t id, bool found, uint64_t expiry)
{
	struct wire_out out = { 0 };

	wire_begin(&out, ASK_PRINCIPAL, id);
	wire_put_u64(&out, found);
	if (found) {
		wire_put_span(&out, S("t-1"));
		wire_put_span(&out, S("laptop"));
		wire_put_span(&out, S("mcp"));
		wire_put_u64(&out, expiry);
	}
	(void)!wire_send_wait(keeper, &out, 1000, NULL);
	wire_out_release(&out);
}

static void odd_answers(const char *token)
{
	struct wire_out out = { 0 };
	struct waiter waiter;
	uint32_t id;

	is_int(find(token, &waiter), TOKEN_PENDING, "asked");
	id = asked();
	wire_begin(&out, ASK_PRINCIPAL, id);
	wire_put_u64(&out, 1);
	wire_put_span(&out, S("t-1"));
	(void)!wire_send_wait(keeper, &out, 1000, NULL);
	TURN_UNTIL(&worker.loop, waiter.told);
	ok(waiter.told == 1 && !waiter.good, "an answer that is cut off lets nobody in");
	is_int(find(token, &waiter), TOKEN_PENDING, "asked again");
	wire_begin(&out, ASK_REFUSED, asked());
	wire_put_u64(&out, 1);
	(void)!wire_send_wait(keeper, &out, 1000, NULL);
	TURN_UNTIL(&worker.loop, waiter.told);
	ok(waiter.told == 1 && !waiter.good && waiter.reachable, "nor does one of another kind");
	wire_out_release(&out);
}

static void refused(const char *token)
{
	struct waiter waiter;
	char wrong[TOKEN_CHARS + 1];

	memcpy(wrong, token, sizeof(wrong));
	wrong[10] = wrong[10] == 'a' ? 'b' : 'a';
	is_int(find("", &waiter), TOKEN_BAD, "no token");
	is_int(find("kmn_short", &waiter), TOKEN_BAD, "one that is too short");
	is_int(find(wrong, &waiter), TOKEN_BAD, "one with a typing error");
	is_int(asked(), 0, "the keeper was not troubled");
	is_int(find(token, &waiter), TOKEN_PENDING, "one that could be");
	answer(asked(), false, 0);
	TURN_UNTIL(&worker.loop, waiter.told);
	ok(waiter.told == 1 && !waiter.good && waiter.reachable, "is unknown");
	is_int(find(token, &waiter), TOKEN_PENDING, "which is not remembered");
	token_wait_cancel(&waiter.wait);
	token_wait_cancel(&waiter.wait);
	answer(asked(), false, 0);
	turn_a_while(&worker.loop);
	is_int(waiter.told, 0, "who no longer waits is not told");
}

static void remembered(const char *token)
{
	struct waiter a, b;
	uint32_t id;

	is_int(find(token, &a), TOKEN_PENDING, "asked");
	is_int(find(token, &b), TOKEN_PENDING, "twice");
	id = asked();
	ok(id && !asked(), "with one question");
	answer(id, true, 0);
	TURN_UNTIL(&worker.loop, b.told);
	ok(a.told == 1 && b.told == 1 && a.good && b.good, "both are told");
	is_int(find(token, &a), TOKEN_GOOD, "and it is remembered");
	token_cache_forget(worker.tokens);
	is_int(find(token, &a), TOKEN_PENDING, "until tokens changed");
	answer(asked(), true, clock_wall_ms() - 1);
	TURN_UNTIL(&worker.loop, a.told);
	is_int(find(token, &a), TOKEN_PENDING, "or its time is over");
	token_wait_cancel(&a.wait);
	answer(asked(), false, 0);
	turn_a_while(&worker.loop);
}

static void crowd(void)
{
	struct waiter *waiters = calloc(CROWD, sizeof(*waiters));
	unsigned pending = 0, busy = 0, told = 0;

	for (size_t i = 0; i < CROWD; i++) {
		char token[TOKEN_CHARS + 1];
		struct principal *principal = NULL;
		enum token_state state;

		token_make(token);
		waiters[i].wait.done = done;
		state = token_cache_find(worker.tokens, span_str(token), &waiters[i].wait, &principal);
		pending += state == TOKEN_PENDING;
		busy += state == TOKEN_BUSY;
	}
	ok(pending == 256 && busy == CROWD - 256, "so many strangers at once, and no more: %u", pending);
	(void)close(keeper);
	keeper = -1;
	TURN_UNTIL(&worker.loop, !worker.keeper);
	for (size_t i = 0; i < CROWD; i++)
		told += waiters[i].told == 1 && !waiters[i].reachable && !waiters[i].good;
	is_int(told, 256, "where the keeper goes, every one of them is told");
	free(waiters);
}

static void on_message(void *owner, struct wire_in *in)
{
	(void)owner;
	(void)in;
}

static void on_gone(void *owner)
{
	(void)owner;
	worker.keeper = channel_close(worker.keeper);
}

int main(void)
{
	static const struct channel_events events = { on_message, on_gone };
	char token[TOKEN_CHARS + 1];
	struct waiter waiter;
	struct err err = ERR_INIT;
	int fds[2];

	worker.log = &quiet;
	list_init(&worker.clients);
	if (!ok(loop_init(&worker.loop, &err) == 0 && wire_pair(fds, &err) == 0, "a loop and a keeper"))
		return tap_done();
	worker.tokens = token_cache_new(&worker);
	token_make(token);
	is_int(find(token, &waiter), TOKEN_BUSY, "without a keeper nobody is let in");
	keeper = fds[1];
	worker.keeper = channel_open(&worker.loop, fds[0], &events, NULL, &err);
	refused(token);
	odd_answers(token);
	remembered(token);
	crowd();
	worker.tokens = token_cache_free(worker.tokens);
	turn_a_while(&worker.loop);
	loop_release(&worker.loop);
	return tap_done();
}
