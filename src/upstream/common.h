/* common.h - what the worker's threads know and count of one server together. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include "upstream/health.h"

enum { COMMON_CALLERS = 32 };

/* Of one caller, by whose words a program has died or hung before it answered the greeting. */
struct caller_health {
	uint64_t key; /* 0: none */
	struct health health;
};

/* Zero is legal: a server that one thread has. Its threads hold a reference each. */
struct server_common {
	_Atomic unsigned refs;
	pthread_mutex_t lock;
	struct health health;			      /* of who wants to reach it, whoever it is */
	struct caller_health callers[COMMON_CALLERS]; /* those who met a fault last */
	unsigned vain;				      /* attempts in a row, whoever made them */
	const char *reason;			      /* of the last of these; a constant */
	_Atomic bool ill;	  /* `vain`, for who only wants to know that there are none */
	_Atomic bool blamed;	  /* the same of `callers` */
	_Atomic size_t n_calls;	  /* of these the server works on: exchange/turnstile.h */
	_Atomic size_t n_waiting; /* and for a place among them wait so many */
	_Atomic uint64_t last_id; /* of the requests of all who share one process of it: house.h */
};

/* With one reference. NULL without memory. */
struct server_common *server_common_new(void);
struct server_common *server_common_ref(struct server_common *common);
/* NULL is harmless. Returns NULL. */
struct server_common *server_common_unref(struct server_common *common);

/* As health.h has them. `reason` is one of a few words, and a constant. */
void common_fault(struct server_common *common, const char *reason, uint64_t now_ms);
void common_well(struct server_common *common);
uint64_t common_wait_ms(struct server_common *common, uint64_t now_ms);
bool common_rests(struct server_common *common, uint64_t now_ms);

/* An attempt was in vain, and it may be for what the caller said: others need not wait for that. */
void common_vain(struct server_common *common, const char *reason);
/* The same, by the caller's key, which is not 0: he is to wait. Who met a fault long ago is forgotten. */
void common_caller_fault(struct server_common *common, uint64_t key, uint64_t now_ms);
void common_caller_well(struct server_common *common, uint64_t key);
uint64_t common_caller_wait_ms(struct server_common *common, uint64_t key, uint64_t now_ms);

/* For who looks at it from outside. */
struct common_view {
	unsigned vain;	    /* attempts in a row that were */
	uint64_t rests_ms;  /* it is left alone by everybody */
	const char *reason; /* why the last was in vain; NULL: it was not */
};

struct common_view common_view(struct server_common *common, uint64_t now_ms);
