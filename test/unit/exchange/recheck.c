/* recheck.c - tokens that change while their work goes on, with the test as the keeper. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "crypto/digest.h"
#include "rig.h"
#include "store/ask.h"

static int keeper = -1;
static char store[WIRE_MAX_BYTES];

static void keeper_gone(void *owner)
{
	(void)owner;
	worker.keeper = channel_close(worker.keeper);
}

static bool keeper_start(void)
{
	static const struct channel_events events = { silent_message, keeper_gone };
	struct err err = ERR_INIT;
	int fds[2];

	if (wire_pair(fds, &err) < 0)
		return false;
	keeper = fds[1];
	worker.keeper = channel_open(&worker.loop, fds[0], &events, NULL, &err);
	return worker.keeper != NULL;
}

/* A client whose token's hash is 32 times `mark`. */
static struct client *client_with(uint8_t mark, uint64_t expiry_ms)
{
	struct principal *principal = principal_new(S("token:t-1"), S("laptop"), S("mcp"), expiry_ms);
	struct err err = ERR_INIT;
	struct client *client;

	if (!principal)
		abort();
	memset(principal->token, mark, sizeof(principal->token));
	principal->has_token = mark != 0;
	client = client_new(&worker, principal, CLIENT_SESSION, ERA_LEGACY, NULL, &err);
	(void)principal_unref(principal);
	if (!client)
		abort();
	return client;
}

/* The id of the next question to the keeper, where it is about this token; 0: none came. */
static uint32_t asked(uint8_t mark)
{
	uint8_t hash[DIGEST_BYTES];
	struct wire_in in;

	memset(hash, mark, sizeof(hash));
	for (int turn = 0; turn < 300; turn++) {
		one_turn(&worker.loop, 0);
		if (wire_recv(keeper, store, &in, NULL) == 1)
			return in.kind == ASK_TOKEN && span_eq(wire_get_span(&in), digest_span(hash)) ? in.id
												      : 0;
	}
	return 0;
}

static void answer(uint32_t id, bool good)
{
	struct wire_out out = { 0 };

	wire_begin(&out, ASK_PRINCIPAL, id);
	wire_put_u64(&out, good);
	if (good) {
		wire_put_span(&out, S("t-1"));
		wire_put_span(&out, S("laptop"));
		wire_put_span(&out, S("mcp"));
		wire_put_u64(&out, 0);
	}
	(void)!wire_send_wait(keeper, &out, 1000, NULL);
	wire_out_release(&out);
	turn_a_while(&worker.loop);
}

static void leave(struct client *client)
{
	client_close(client, S("the test is over"));
	(void)client_unref(client);
}

static void not_good(void)
{
	struct client *a = client_with(1, 0), *b = client_with(1, 0), *other = client_with(2, 0),
		      *local = client_with(0, 0);
	uint32_t first, second;

	token_cache_forget(worker.tokens);
	first = asked(1);
	second = asked(2);
	ok(first && second, "each token is asked about once");
	is_int(asked(1), 0, "and whoever came without one is not");
	ok(!a->closed && !b->closed, "nobody is cut without the keeper's word");
	answer(first, false);
	ok(a->closed && b->closed, "all clients of a revoked token are closed");
	answer(second, true);
	ok(!other->closed && !other->doubted_ms, "one whose token stands goes on");
	ok(!local->closed, "and so does who has none");
	(void)client_unref(a);
	(void)client_unref(b);
	leave(other);
	leave(local);
}

static void left_while_asked(void)
{
	struct client *client = client_with(3, 0);
	uint32_t id;

	token_cache_forget(worker.tokens);
	id = asked(3);
	leave(client);
	answer(id, false);
	ok(id && worker.n_clients == 0, "a client that left meanwhile is not told");
}

static void over(void)
{
	struct client *client = client_with(4, clock_wall_ms() - 1),
		      *later = client_with(4, clock_wall_ms() + 600000);
	uint64_t now = loop_now(&worker.loop);

	client_tick(client, now);
	client_tick(later, now);
	ok(client->closed, "a client is closed when its token's time is over");
	ok(!later->closed, "and not before");
	(void)client_unref(client);
	leave(later);
}

static void keeper_away(void)
{
	struct client *client = client_with(5, 0), *back = client_with(6, 0);
	uint64_t began = loop_now(&worker.loop);

	(void)close(keeper);
	TURN_UNTIL(&worker.loop, !worker.keeper);
	token_cache_forget(worker.tokens);
	began = client->doubted_ms;
	ok(began && !client->closed, "a client goes on while the keeper is away");
	client_tick(client, began + 9999);
	ok(!client->closed, "for a while");
	client_tick(client, began + 10000);
	ok(client->closed, "and no longer");
	ok(keeper_start(), "the keeper comes back");
	client_tick(back, began + 1000);
	answer(asked(6), true);
	ok(!back->doubted_ms, "who was in doubt is asked about again");
	client_tick(back, began + 100000);
	ok(!back->closed, "and goes on");
	(void)client_unref(client);
	leave(back);
}

int main(void)
{
	if (!ok(rig_start() && keeper_start(), "a worker and a keeper"))
		return tap_done();
	not_good();
	left_while_asked();
	over();
	keeper_away();
	worker.keeper = channel_close(worker.keeper);
	(void)close(keeper);
	rig_stop();
	return tap_done();
}
