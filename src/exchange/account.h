/* account.h - what one principal holds of the gate, in all its sessions together. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/uri_set.h"
#include "exchange/worker.h"

/*
 * Nobody may shut out the others: what all clients share is counted by principal. An account lives
 * as long as anything that is counted on it; each of these holds a reference.
 */
struct account {
	unsigned refs;
	struct worker *worker;
	size_t n_clients;     /* sessions and contexts that are open */
	size_t n_channels;    /* of these that have a channel of their own, before and after they greet */
	size_t n_calls;	      /* under way */
	size_t n_processes;   /* of servers: processes.c */
	size_t n_links;	      /* connections to servers of any kind: attach.c */
	struct budget held;   /* bytes that wait for somebody: a quarter of what all may hold */
	struct uri_set tasks; /* task_own.h: what servers call those it was given; holds a reference */
	uint64_t tasks_until_ms;
	uint64_t key; /* made of its id, and never 0: for what outlives it, or is counted in all threads */
	struct later freeing;
	struct span id; /* the principal's */
	char bytes[];
};

/* The principal's account, made where there is none; the caller's reference. NULL without memory. */
struct account *account_of(struct worker *worker, struct span principal_id);

static inline struct account *account_ref(struct account *account)
{
	account->refs++;
	return account;
}
/* Returns NULL. */
struct account *account_unref(struct account *account);

/* A task was given to the principal, who is known to have it until then. False: there is no room. */
bool account_note_task(struct account *account, struct span key, uint64_t until_ms) MUST_CHECK;
/* Forgets the tasks of those whose last one is over. */
void accounts_tick(struct worker *worker, uint64_t now_ms);

/* `limits.memory` may have changed: what is held already stays. */
void accounts_limit(struct worker *worker);

/* Which ceiling `more` bytes would be over, as a sentence for who asked; empty: none. */
struct span account_is_full(const struct account *account, size_t more);
