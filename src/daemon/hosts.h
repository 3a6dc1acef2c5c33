/* hosts.h - who speaks to the gate over its control socket: commands, and hosts on stdio. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "net/channel.h"

struct hosts;

struct hosts_options {
	struct loop *loop;
	struct log *log;
	const char *control;   /* path of the socket */
	int control_fd;	       /* another gate's, taken over; nobody is heard before hosts_begin(). 0: none */
	uint64_t idle_exit_ms; /* 0: never */
	void (*on_reload)(void *owner); /* hosts_reloaded() follows, now or later */
	/* NULL: hosts_upgraded() follows, now or later; else why it is refused. May be NULL. */
	const char *(*on_upgrade)(void *owner);
	/* Hosts that older gates still have: they count where it is asked whether there are any. May be NULL.
	 */
	uint64_t (*elsewhere)(void *owner);
	void (*on_count)(void *owner); /* hosts_count() has changed. May be NULL */
	bool makes_room;	       /* CONTROL_YIELD: on_idle() at once where there is no host */
	void (*on_idle)(void *owner);  /* no host for idle_exit_ms */
	/* Adds the members, `"name":value,…`, that the manager has for CONTROL_STATE. May be NULL. */
	void (*on_state)(void *owner, struct buf *out);
	void *owner;
};

struct hosts *hosts_new(const struct hosts_options *options, struct err *err);
/* Ends every conversation. NULL is harmless. Returns NULL. */
struct hosts *hosts_free(struct hosts *hosts);
/* For one with another gate's socket: hears who comes from now on. */
void hosts_begin(struct hosts *hosts);
/* Hears nobody new; hosts that are there stay, and who asks to be one is sent to the next gate. */
void hosts_close(struct hosts *hosts);

/* The processes as they come and go; NULL: none now. */
void hosts_set_worker(struct hosts *hosts, struct channel *worker);
void hosts_set_keeper(struct hosts *hosts, struct channel *keeper);
void hosts_set_launcher(struct hosts *hosts, struct channel *launcher);
/* hosts_stdio.c: a new launcher learns the servers of the hosts that are there. */
void hosts_define(struct hosts *hosts, struct channel *launcher);

/* A reload is over: whoever asked for one is told so. `why` NULL: the config is in force. */
void hosts_reloaded(struct hosts *hosts, const char *why);

/* The same of an upgrade; NULL: another gate is there, or the same one, by another program. */
void hosts_upgraded(struct hosts *hosts, const char *why);
/* Hosts on stdio. */
size_t hosts_count(const struct hosts *hosts);
int hosts_control_fd(const struct hosts *hosts);

/* hosts_stdio.c: WORK_STDIO_ENDED and WORK_STDIO_SERVER. */
void hosts_from_worker(struct hosts *hosts, struct wire_in *in);
