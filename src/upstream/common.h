/* common.h - what the worker's threads know and count of one server together. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include "upstream/health.h"

/* Zero is legal: a server that one thread has. Its threads hold a reference each. */
struct server_common {
	_Atomic unsigned refs;
	pthread_mutex_t lock;
	struct health health;
	_Atomic bool ill;	  /* health.faults, for who only wants to know that there are none */
	_Atomic size_t n_calls;	  /* of these the server works on: exchange/turnstile.h */
	_Atomic size_t n_waiting; /* and for a place among them wait so many */
	_Atomic uint64_t last_id; /* of the requests of all who share one process of it: house.h */
};

/* With one reference. NULL without memory. */
struct server_common *server_common_new(void);
struct server_common *server_common_ref(struct server_common *common);
/* NULL is harmless. Returns NULL. */
struct server_common *server_common_unref(struct server_common *common);

/* As health.h has them. */
void common_fault(struct server_common *common, uint64_t now_ms);
void common_well(struct server_common *common);
uint64_t common_wait_ms(struct server_common *common, uint64_t now_ms);
bool common_rests(struct server_common *common, uint64_t now_ms);
struct health common_health(struct server_common *common);
