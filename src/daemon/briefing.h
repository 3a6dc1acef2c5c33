/* briefing.h - what each process of the gate is told: when it starts, and of a new config. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "audit/ring.h"
#include "daemon/child.h"
#include "daemon/elders.h"
#include "daemon/gate_config.h"
#include "daemon/listen.h"
#include "daemon/local_socket.h"

struct briefing {
	struct log *log;
	struct child *children; /* CHILD_ROLES of them, by role */
	const struct ring_fds *ring;
	const struct listeners *clients, *metrics;
	const struct local_socket *local;
	const struct elders *elders;
	bool has_log;	     /* the log is this gate's to write; of others it has the store only */
	bool listens;	     /* its worker may accept */
	uint64_t generation; /* calls are numbered by it, so that no two gates' are alike in one log */
	uint8_t launch_key[DIGEST_KEY_BYTES]; /* random: for gate_config_worker() */
};

/* A process that has just started. The worker's channels to the others are made here. */
void briefing_keeper(const struct briefing *briefing, const struct gate_config *config);
void briefing_launcher(const struct briefing *briefing, const struct gate_config *config);
void briefing_egress(const struct briefing *briefing, const struct gate_config *config);
/* -1: it has no config and listens nowhere; `err` says why. */
int briefing_worker(const struct briefing *briefing, const struct gate_config *config, struct err *err)
    MUST_CHECK;

/* Hands a config to the worker, which answers with WORK_READY or WORK_REFUSED. */
int briefing_config(const struct briefing *briefing, const struct gate_config *config, struct err *err)
    MUST_CHECK;
/* Tells launcher and egress, those that are there, what the servers are. */
void briefing_define(const struct briefing *briefing, const struct gate_config *config);
/* Takes back from them what only `old` names. */
void briefing_forget(const struct briefing *briefing, const struct gate_config *old,
		     const struct gate_config *now);
/* The keeper takes the log, or lets go of it; WORK_LOG_DONE follows. Nothing where it is not there. */
void briefing_log(const struct briefing *briefing, bool take);
/* The worker accepts from now on. */
void briefing_listen(const struct briefing *briefing);
/* Another channel between the worker and one of the others; nothing where that one is not there. */
void briefing_join(const struct briefing *briefing, enum child_role role);
