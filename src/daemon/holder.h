/* holder.h - the process that was started as the gate, while others do its work. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/log.h"
#include "net/channel.h"

/*
 * Whoever started the gate (a shell, systemd, a container) knows one process: its pid stays, whatever program
 * the gate has become. It passes signals on to the manager there is now, tells systemd what that one says,
 * and ends as it ends. Managers that end after another has taken their place become its children and are
 * only buried.
 *
 * manager → holder
 *   HOLD_MANAGER  u64 pid: that is the manager now
 *   HOLD_NOTIFY   span state, for systemd
 */
enum hold_kind { HOLD_MANAGER = 400, HOLD_NOTIFY };

struct holder {
	struct loop *loop;
	struct channel *channel; /* NULL: it hears nothing */
	int fd;			 /* the same socket, for holder_become() */
	pid_t manager;		 /* 0: it has ended */
	int code;		 /* then: how, as a shell says it */
	uv_timer_t timer;
	void (*on_end)(void *owner);
	void *owner;
};

/*
 * Begins to hold `manager`. `fd` is the other end of what managers speak into; taken over. Where there is no
 * memory or descriptor for a channel it holds all the same, and hears of its manager's end only.
 *
 * Errors: ERR_SYSTEM.
 */
int holder_open(struct holder *holder, struct loop *loop, int fd, pid_t manager, struct err *err) MUST_CHECK;
/* Harmless where it holds nobody. */
void holder_close(struct holder *holder);
static inline bool holder_holds(const struct holder *holder)
{
	return holder->loop != NULL;
}

/* False: there is nobody any more. */
bool holder_forward(const struct holder *holder, int number);

/*
 * For SIGCHLD: a child that has ended, and is yet to be waited for; 0: none. Those that are nobody else's are
 * given to holder_bury().
 */
pid_t holder_look(void);
void holder_bury(struct holder *holder, pid_t pid);

/* From here on signals wait, for the program that comes. */
void holder_begin_change(void);
/*
 * This process becomes the one that only holds `manager`: the program that is open as `program`, or, where
 * that cannot be executed, this one. `fd` is as in holder_open(); both are taken over. Returns the exit code.
 */
int holder_become(int fd, pid_t manager, int program, struct log *log);
/* `kanmon --role holder`: what holder_become() executes. */
int holder_main(int manager_fd, struct log *log);
