/* recheck.c - whether a client's token is still good while its work goes on. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "exchange/client.h"

enum { CLIENT_DOUBT_MS = 10000 /* how long a client goes on while the keeper cannot be asked */ };

static void cut(struct client *client, struct span why)
{
	log_event(client->worker->log, LOG_INFO, "client.ended",
		  "A client was cut: its token is not good any more.", LF("principal", client->principal->id),
		  LF("why", why));
	client_close(client, why);
}

static void on_word(struct token_wait *wait, struct principal *principal, bool reachable)
{
	struct client *client = LIST_ENTRY(wait, struct client, recheck);

	if (principal)
		client->doubted_ms = 0;
	else if (reachable)
		cut(client, S("the token was revoked"));
}

static void ask_again(struct client *client)
{
	struct principal *principal;

	client->recheck.done = on_word;
	switch (token_cache_find_hash(client->worker->tokens, client->principal->token, &client->recheck,
				      &principal)) {
	case TOKEN_GOOD:
		client->doubted_ms = 0;
		break;
	case TOKEN_BAD:
	case TOKEN_PENDING:
	case TOKEN_BUSY:
		break;
	}
}

void client_doubt(struct client *client)
{
	if (!client->principal->has_token || client->closed)
		return;
	if (!client->doubted_ms)
		client->doubted_ms = loop_now(&client->worker->loop);
	client->calm_until_ms = 0;
	if (!client->recheck.node.next)
		ask_again(client);
}

void client_recheck(struct client *client, uint64_t now_ms)
{
	if (principal_is_over(client->principal, clock_wall_ms()))
		cut(client, S("the token has expired"));
	else if (client->doubted_ms && now_ms >= client->doubted_ms + CLIENT_DOUBT_MS)
		cut(client, S("the token cannot be checked"));
	else if (client->doubted_ms && !client->recheck.node.next)
		ask_again(client);
}
