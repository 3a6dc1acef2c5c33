/* hosts_parts.h - the callers of the control socket, as hosts.c and hosts_stdio.c share them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/hosts.h"

enum {
	HOSTS_MAX = 1024,
	HOSTS_NAME_BYTES = 32,
	HOSTS_SHOWN_BYTES = 64,
	EXIT_OF_GATE = 125, /* the gate's own fault, in the exit codes of `kanmon run` */
};

/* One connection to the control socket. */
struct caller {
	struct list node;
	struct hosts *hosts;
	struct channel *channel;
	uint64_t number;       /* as a host; 0: a command */
	struct buf definition; /* LAUNCH_DEFINE of its own server, as sent; empty: the catalogue */
	int folder;	       /* the host's working folder; -1: none */
	char server[HOSTS_NAME_BYTES + 24]; /* what the gate calls it */
	char shown[HOSTS_SHOWN_BYTES + 1];  /* what its host calls it, for people */
	struct question question;	    /* to the keeper or the worker */
	uint32_t asked_id;		    /* of the command's own question */
	bool asked;			    /* it waits for an answer */
	uint32_t reload_id;		    /* of its CONTROL_RELOAD */
	bool reloading;			    /* it waits for the end of one */
	uint32_t upgrade_id;		    /* of its CONTROL_UPGRADE */
	bool upgrading;			    /* it waits for the end of one */
	bool ended;			    /* it was told so */
	bool released;			    /* the worker has closed its pipes */
};

struct hosts {
	struct hosts_options options;
	int fd;
	uv_poll_t poll;
	uv_timer_t idle;
	struct list callers;
	size_t n, n_hosts, most;
	unsigned n_handles; /* being closed, at the end */
	bool begun;	    /* it hears who comes */
	bool leaving;	    /* the next gate has room for who comes now */
	uint64_t next;
	struct channel *worker, *keeper, *launcher;
};

/* Tells a caller how its question ended; `text` goes with CONTROL_FAILED only. */
void caller_reply(struct caller *caller, uint32_t kind, uint32_t id, struct span text);

/* `by` hosts more, or fewer; whoever wants to know hears of it. */
void hosts_add(struct hosts *hosts, int by);
/* Looks at whether the time runs after which a gate without hosts ends. */
void hosts_watch_idle(struct hosts *hosts);

/* CONTROL_RUN, or without `run` CONTROL_ATTACH: the caller is a host from now on, or refused. */
void caller_begin_host(struct caller *caller, struct wire_in *in, bool run);
/* Tells a host its exit code, once. */
void caller_end_host(struct caller *caller, uint64_t code);
/* Tells the launcher what the host's own server is. */
void caller_define(struct caller *caller, struct channel *launcher);
/* The launcher need not know it any more. */
void caller_forget_server(struct caller *caller);
/* It holds the server's environment. */
void caller_drop_definition(struct caller *caller);
