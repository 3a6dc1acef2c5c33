/* manager_parts.h - the manager and its parts: manager*.c, upgrade.c, successor.c. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/elders.h"
#include "daemon/holder.h"
#include "daemon/hosts.h"
#include "daemon/manager.h"
#include "daemon/reload.h"
#include "daemon/watch.h"
#include "daemon/work.h"

/* How far the gate that is to take our place has come. */
enum upgrade_stage {
	UPGRADE_NONE,
	UPGRADE_STARTING, /* it was started, and is not ready yet */
	UPGRADE_READY,	  /* it is; our keeper is busy with the log */
	UPGRADE_LEAVING,  /* our keeper lets go of the log */
	UPGRADE_TAKING,	  /* the new one takes it */
	UPGRADE_DONE,	  /* it is the gate, and this one its elder */
};

struct upgrade {
	enum upgrade_stage stage;
	pid_t pid;
	struct channel *channel; /* to it, also when it is the gate */
	int holder_fd;		 /* our end of what its notices come by; -1: not ours, or held already */
	int program_fd;		 /* what was started; -1: nothing */
	uv_timer_t timer;
	bool retired; /* nobody is left but hosts */
};

/* A gate that another one has started in its place. */
enum succession_stage {
	SUCCESSION_NONE,    /* it was not; or it has taken over */
	SUCCESSION_WAITING, /* until it is ready, and then for the old one's word */
	SUCCESSION_TAKING,  /* the keeper takes the log */
};

struct succession {
	enum succession_stage stage;
	struct elder *before;		   /* who started us */
	struct handover handover;	   /* what we got from it; descriptors go to where they belong */
	struct listeners clients, metrics; /* its sockets, until the config has said which are wanted */
	struct local_socket local;
	int fd;	     /* to the old one, until `before` has it */
	bool told;   /* that we are ready */
	bool failed; /* the old one knows why */
};

struct manager {
	struct manager_options options;
	struct log *log;
	struct loop loop;
	struct reload reload; /* holds the config in force */
	struct child children[CHILD_ROLES];
	struct ring_fds ring;
	struct listeners clients, metrics;
	struct local_socket local;
	struct briefing briefing;
	struct hosts *hosts;
	struct watch *watch;
	struct notify notify;
	struct upgrade upgrade;
	struct succession succession;
	struct elders elders;
	struct holder holder;
	struct channel *holder_channel; /* to whoever holds us; NULL: nobody does */
	uv_signal_t on_term, on_int, on_hup, on_usr2, on_child;
	uv_timer_t deadline;
	int lock_fd, holder_fd; /* holder_fd: the socket of holder_channel, to be handed on */
	char program[PATH_MAX]; /* where the next gate is started from */
	uint8_t filter[DIGEST_BYTES];
	char not_bound[sizeof(((struct err *)NULL)->text)]; /* why it has no address; "": it has */
	bool ready, stopping;
	bool owns;	/* control socket and listening sockets are ours to remove */
	bool relogging; /* the keeper is told anew which rings there are */
	bool relog;	/* it is to be told: an elder has ended */
	int exit_code;
};

/* manager.c */
/* As manager_main(), with what an older gate has handed over. */
int manager_succeed(const struct manager_options *options, const struct succession *succession);
void manager_say_ready(struct manager *manager);
/* Who holds the place, if anybody does, is told that this is the manager now. */
void manager_tell_holder(const struct manager *manager);
/* It cannot do its work. */
void manager_refused(struct manager *manager, const struct child *child, struct span why);

/* manager_end.c */
/* The gate ends with this code; told once more, without waiting for what is under way. */
void manager_stop(struct manager *manager, int code);
/* All at once but the keeper, which is told when the worker has ended: what was recorded is on the disk. */
void manager_stop_children(struct manager *manager);
void manager_worker_ended(struct manager *manager);
/* Nothing of the gate lives but this process. Elders go with the gate: who waits for it waits for them. */
bool manager_is_alone(const struct manager *manager);

/* manager_places.c */
int manager_take_places(struct manager *manager, struct err *err) MUST_CHECK;

/* manager_log.c */
/* WORK_RING_BROKEN and WORK_LOG_DONE */
void manager_ring_broken(struct manager *manager, uint64_t number);
void manager_log_done(struct manager *manager, struct wire_in *in);
/* What an elder's ring held is written, and the ring let go: now, or when the keeper can. */
void manager_elder_ended(struct manager *manager);
/* The keeper is gone; another follows. */
void manager_keeper_lost(struct manager *manager);

/* manager_state.c */
void manager_add_state(void *owner, struct buf *out);
void manager_add_urls(const struct manager *manager, struct buf *out);

/* upgrade.c: the gate that goes, and what it is as an elder. */
void upgrade_init(struct manager *manager);
/* Where the program is that is to be started then. */
void upgrade_find_program(struct manager *manager);
/* NULL: it has begun, and hosts_upgraded() and the log say what came of it; else why it has not. */
const char *upgrade_start(struct manager *manager);
static inline bool upgrade_is_done(const struct manager *manager)
{
	return manager->upgrade.stage == UPGRADE_DONE;
}
/* A child that was none of the gate's processes has ended: the new gate? */
void upgrade_ended(struct manager *manager, pid_t pid);
/* The keeper has let go of the log, or taken it, or is gone, and with it the log is free. */
void upgrade_log_left(struct manager *manager);
/* Of an elder's clients none is left with it. */
void upgrade_worker_ended(struct manager *manager);
/* Has an elder anything left to do? */
void upgrade_look(struct manager *manager);
/* The gate stops: nobody takes its place. */
void upgrade_give_up(struct manager *manager, const char *why);
void upgrade_release(struct manager *manager);

/* successor.c: the gate that comes. */
/* Takes what the old one has handed over. */
int successor_adopt(struct manager *manager, struct err *err) MUST_CHECK;
/* It has everything; the old one hears so once. */
void successor_ready(struct manager *manager);
void successor_log_taken(struct manager *manager, struct span why);
/* Why it cannot take over; the old one is told, once. */
void successor_fail(struct manager *manager, const char *why);
void successor_on_message(void *owner, struct elder *elder, struct wire_in *in);
void successor_on_gone(void *owner, struct elder *elder);
