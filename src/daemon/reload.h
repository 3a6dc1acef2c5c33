/* reload.h - a new config takes the place of the one in force: in all processes, or in none. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/briefing.h"
#include "daemon/hosts.h"
#include "daemon/notify.h"

/*
 * The fresh config goes to launcher and egress and then to the worker, which takes it whole or refuses
 * it. Only then is it the config in force; before, everything can be told the old one again.
 */
struct reload {
	const char *file, *data_dir; /* as the manager was started with; may be NULL */
	const struct briefing *briefing;
	const struct notify *notify;
	struct hosts *hosts;		/* told when a reload is over */
	struct gate_config config;	/* in force */
	struct gate_config fresh;	/* handed to the worker, which has not said yet that it takes it */
	uint8_t resolved[DIGEST_BYTES]; /* gate_config_resolved() of the config in force */
	uint8_t fresh_resolved[DIGEST_BYTES];
	unsigned unanswered; /* configs this worker has not answered */
	bool worker_tls;     /* the worker was started with TLS */
	bool ready;	     /* the gate is: systemd is told so again after each reload */
	bool pending;	     /* there is a `fresh` */
	bool again;	     /* the config changed meanwhile */
	bool logged;	     /* why the config is refused, problem by problem */
	bool replacing;	     /* the worker was ended for the fresh config's sake */
	uint64_t refused_ms; /* wall clock; when the last reload was refused; 0: the file is in force */
	struct buf problems; /* of the file that was refused, conf_problems_json(); empty: it is no fault of
				the file */
	char refused[sizeof(((struct err *)NULL)->text)]; /* why */
};

/* The first config, which needs nobody's consent: the caller has filled in `config`. */
void reload_begin(struct reload *reload);
void reload_release(struct reload *reload);

/* What a process that starts now is told: where the worker refuses it, all are told otherwise. */
const struct gate_config *reload_newest(const struct reload *reload);

/* One line for who asks later: the first problem and its place. -1; `err` is untouched where there is none.
 */
int reload_name_first(const struct conf_problems *problems, struct err *err);

/* Reads the config anew. hosts_reloaded() and the log say what came of it, now or later. */
void reload_start(struct reload *reload);

/* A worker has started: it is told everything. */
void reload_worker_started(struct reload *reload);
void reload_worker_ended(struct reload *reload);
/* The worker's WORK_READY, or WORK_REFUSED and why. False: a refusal that is no reload's. */
bool reload_answered(struct reload *reload, bool taken, struct span why);
