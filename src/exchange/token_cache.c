/* token_cache.c - bearer tokens as the worker sees them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/token_cache.h"

#include <stdlib.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "exchange/client.h"
#include "identity/token.h"
#include "store/ask.h"

enum {
	TOKENS_KEPT = 4096,
	TOKENS_ASKING = 256,
	TOKENS_FRESH_MS = 60000, /* believed for so long, unless the keeper says otherwise */
};

/* Keyed by the token's hash; the token itself is never kept. */
struct entry {
	struct list node; /* of tokens->entries, oldest first; or tokens->asking */
	struct token_cache *tokens;
	struct principal *principal; /* NULL: asking */
	uint64_t until_ms;
	struct question question;
	struct list waiting; /* struct token_wait */
	uint8_t hash[DIGEST_BYTES];
};

struct token_cache {
	struct worker *worker;
	struct map by_hash;
	struct list entries;
	size_t n, asking;
};

static void entry_free(struct entry *entry)
{
	(void)map_remove(&entry->tokens->by_hash, digest_span(entry->hash));
	question_cancel(&entry->question);
	entry->principal = principal_unref(entry->principal);
	list_remove(&entry->node);
	entry->tokens->n--;
	free(entry);
}

struct token_cache *token_cache_new(struct worker *worker)
{
	struct token_cache *tokens = calloc(1, sizeof(*tokens));

	if (!tokens)
		return NULL;
	tokens->worker = worker;
	list_init(&tokens->entries);
	return tokens;
}

struct token_cache *token_cache_free(struct token_cache *tokens)
{
	if (!tokens)
		return NULL;
	while (!list_empty(&tokens->entries))
		entry_free(LIST_ENTRY(tokens->entries.next, struct entry, node));
	map_release(&tokens->by_hash);
	free(tokens);
	return NULL;
}

void token_cache_forget(struct token_cache *tokens)
{
	LIST_EACH(&tokens->entries, node) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);

		if (entry->principal)
			entry_free(entry);
	}
	LIST_EACH(&tokens->worker->clients, node)
		client_doubt(LIST_ENTRY(node, struct client, node));
}

static void tell(struct entry *entry, bool reachable)
{
	struct list batch;
	struct principal *principal = entry->principal ? principal_ref(entry->principal) : NULL;

	list_init(&batch);
	while (!list_empty(&entry->waiting)) {
		struct list *node = entry->waiting.next;

		list_remove(node);
		list_add(&batch, node);
	}
	if (!principal)
		entry_free(entry);
	while (!list_empty(&batch)) {
		struct token_wait *wait = LIST_ENTRY(batch.next, struct token_wait, node);

		list_remove(&wait->node);
		wait->node = (struct list){ 0 };
		wait->done(wait, principal, reachable);
	}
	(void)principal_unref(principal);
}

static struct principal *principal_of(struct wire_in *in, const uint8_t hash[DIGEST_BYTES])
{
	struct principal *principal;
	CLEANUP(buf_release) struct buf id = BUF_INIT((size_t)256);
	struct span token_id, name, scopes;
	uint64_t expiry;

	if (in->kind != ASK_PRINCIPAL || wire_get_u64(in) != 1)
		return NULL;
	token_id = wire_get_span(in);
	name = wire_get_span(in);
	scopes = wire_get_span(in);
	expiry = wire_get_u64(in);
	if (!wire_in_done(in))
		return NULL;
	buf_add(&id, S("token:"));
	buf_add(&id, token_id);
	principal = buf_ok(&id) ? principal_new(buf_span(&id), name, scopes, expiry) : NULL;
	if (!principal)
		return NULL;
	memcpy(principal->token, hash, sizeof(principal->token));
	principal->has_token = true;
	return principal;
}

static void on_answer(struct question *question, struct wire_in *in)
{
	struct entry *entry = LIST_ENTRY(question, struct entry, question);
	struct token_cache *tokens = entry->tokens;

	tokens->asking--;
	entry->until_ms = loop_now(&tokens->worker->loop) + TOKENS_FRESH_MS;
	entry->principal = in ? principal_of(in, entry->hash) : NULL;
	tell(entry, in != NULL);
}

/* Those still being asked about have somebody waiting; there are fewer of them than places. */
static void forget_oldest(struct token_cache *tokens)
{
	LIST_EACH(&tokens->entries, node) {
		struct entry *entry = LIST_ENTRY(node, struct entry, node);

		if (!entry->principal)
			continue;
		entry_free(entry);
		return;
	}
}

static enum token_state ask(struct token_cache *tokens, const uint8_t hash[DIGEST_BYTES],
			    struct token_wait *wait)
{
	struct worker *worker = tokens->worker;
	struct wire_out out = { 0 };
	struct entry *entry;

	if (!worker->keeper || tokens->asking >= TOKENS_ASKING)
		return TOKEN_BUSY;
	if (tokens->n >= TOKENS_KEPT)
		forget_oldest(tokens);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return TOKEN_BUSY;
	entry->tokens = tokens;
	memcpy(entry->hash, hash, DIGEST_BYTES);
	list_init(&entry->waiting);
	list_add(&tokens->entries, &entry->node);
	tokens->n++;
	if (!map_put(&tokens->by_hash, digest_span(entry->hash), entry)) {
		entry_free(entry);
		return TOKEN_BUSY;
	}
	list_add(&entry->waiting, &wait->node);
	entry->question.on_answer = on_answer;
	wire_begin(&out, ASK_TOKEN, 0);
	wire_put_span(&out, digest_span(hash));
	channel_ask(worker->keeper, &out, &entry->question);
	wire_out_release(&out);
	tokens->asking++;
	return TOKEN_PENDING;
}

/* What is remembered of a token and still believed; or that it is being asked about. */
static struct entry *known(struct token_cache *tokens, const uint8_t hash[DIGEST_BYTES])
{
	struct entry *entry = map_get(&tokens->by_hash, digest_span(hash));

	if (!entry || !entry->principal ||
	    (loop_now(&tokens->worker->loop) < entry->until_ms &&
	     !principal_is_over(entry->principal, clock_wall_ms())))
		return entry;
	entry_free(entry);
	return NULL;
}

enum token_state token_cache_find(struct token_cache *tokens, struct span token, struct token_wait *wait,
				  struct principal **principal)
{
	uint8_t hash[DIGEST_BYTES];

	if (token.n != TOKEN_CHARS)
		return TOKEN_BAD;
	token_hash(token, hash);
	/* A typing error is told from an unknown token without a question to the keeper. */
	if (!known(tokens, hash) && !token_is_shaped(token))
		return TOKEN_BAD;
	return token_cache_find_hash(tokens, hash, wait, principal);
}

enum token_state token_cache_find_hash(struct token_cache *tokens, const uint8_t hash[DIGEST_BYTES],
				       struct token_wait *wait, struct principal **principal)
{
	struct entry *entry = known(tokens, hash);

	if (!entry)
		return ask(tokens, hash, wait);
	if (!entry->principal) {
		list_add(&entry->waiting, &wait->node);
		return TOKEN_PENDING;
	}
	*principal = entry->principal;
	return TOKEN_GOOD;
}

void token_wait_cancel(struct token_wait *wait)
{
	if (!wait->node.next)
		return;
	list_remove(&wait->node);
	wait->node = (struct list){ 0 };
}
