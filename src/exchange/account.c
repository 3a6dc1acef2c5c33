/* account.c - what one principal holds of the gate, in all its sessions together. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/account.h"

#include <stdlib.h>

#include "crypto/digest.h"

/* Four hostile tokens at least for all there is. */
enum { ACCOUNT_PARTS = 4 };

static size_t share_of(const struct worker *worker)
{
	return worker->limits.held_bytes / ACCOUNT_PARTS;
}

static void run_freeing(struct later *later)
{
	struct account *account = LIST_ENTRY(later, struct account, freeing);

	/* A fault of ours; freed, it would be a worse one. Whoever comes back finds it. */
	if (account->n_clients || account->n_channels || account->n_calls || account->n_processes ||
	    account->n_links || account->held.used) {
		log_event(account->worker->log, LOG_ERROR, "account.held",
			  "Nobody uses an account any more, and something is still counted on it.",
			  LF("principal", account->id), LFN("bytes", account->held.used));
		return;
	}
	(void)map_remove(&account->worker->accounts, account->id);
	free(account);
}

static uint64_t key_of(struct span id)
{
	uint8_t digest[DIGEST_BYTES];
	uint64_t key;

	digest_blake2b(id, digest);
	memcpy(&key, digest, sizeof(key));
	return key ? key : 1;
}

struct account *account_of(struct worker *worker, struct span principal_id)
{
	struct account *account = map_get(&worker->accounts, principal_id);

	if (account) {
		loop_later_cancel(&account->freeing);
		return account_ref(account);
	}
	account = calloc(1, sizeof(*account) + principal_id.n);
	if (!account)
		return NULL;
	memcpy(account->bytes, principal_id.p, principal_id.n);
	account->id = span_of(account->bytes, principal_id.n);
	account->key = key_of(principal_id);
	account->refs = 1;
	account->worker = worker;
	account->held = (struct budget){ .max = share_of(worker), .parent = &worker->held };
	account->freeing.run = run_freeing;
	if (map_put(&worker->accounts, account->id, account))
		return account;
	free(account);
	return NULL;
}

struct account *account_unref(struct account *account)
{
	if (!account || --account->refs)
		return NULL;
	/* Not at once: up the stack there may be a buffer that was charged to it. */
	loop_later(&account->worker->loop, &account->freeing);
	return NULL;
}

bool account_note_task(struct account *account, struct span key, uint64_t until_ms)
{
	bool any = account->tasks.n;

	uri_set_add(&account->tasks, &account->held, key);
	if (!uri_set_has(&account->tasks, key))
		return false;
	if (until_ms > account->tasks_until_ms)
		account->tasks_until_ms = until_ms;
	if (!any)
		(void)account_ref(account);
	return true;
}

void accounts_tick(struct worker *worker, uint64_t now_ms)
{
	struct account *account;
	size_t at = 0;

	while ((account = map_next(&worker->accounts, &at)) != NULL) {
		if (!account->tasks.n || now_ms <= account->tasks_until_ms)
			continue;
		uri_set_clear(&account->tasks, &account->held);
		account->tasks_until_ms = 0;
		(void)account_unref(account);
	}
}

void accounts_limit(struct worker *worker)
{
	struct account *account;
	size_t at = 0;

	worker->held.max = worker->crew->held.max = worker->limits.held_bytes;
	while ((account = map_next(&worker->accounts, &at)) != NULL)
		account->held.max = share_of(worker);
}

struct span account_is_full(const struct account *account, size_t more)
{
	if (budget_fits(&account->held, more))
		return S("");
	if (account->held.used + more > account->held.max)
		return S("Your calls and sessions hold as much memory as one token may, a quarter of "
			 "`limits.memory`; wait for a call to end, then retry");
	return S("The gate holds as much for its clients as `limits.memory` allows; try again in a moment");
}
