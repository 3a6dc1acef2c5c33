/* gate.h - how a command reaches the running gate, or starts one. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cmd.h"
#include "daemon/gate_config.h"
#include "net/wire.h"

/*
 * Reads the config the command was given (or the user's own), for a command that asks a gate which runs.
 * Problems are printed; the exit code is returned, 0 where all is well. A gate that runs does not need the
 * file any more: where the config cannot be used and its gate runs all the same, the problems are printed,
 * `*broken` is set, and `config` has its paths only (`conf` is NULL).
 *
 * Owner: caller releases `config` with gate_config_release().
 */
int gate_load_running(const struct options *options, struct gate_config *config, bool *broken)
    __attribute__((warn_unused_result));

/* Where the gate that runs has its data, though its config cannot be used; false: none runs. */
bool gate_find_running(const struct options *options, struct gate_paths *paths);

/* How often the next one is asked where a gate ends before it has answered. */
enum { GATES_ASKED = 3 };

/* An open conversation with a gate. */
struct gate {
	int fd;
	pid_t pid;   /* who listens there; 0: cannot be seen from this pid namespace */
	char *store; /* WIRE_MAX_BYTES */
};
#define GATE_INIT ((struct gate){ .fd = -1 })

/* ERR_MISSING where none is running. */
int gate_connect(struct gate *gate, const struct gate_paths *paths, struct err *err) MUST_CHECK;
void gate_close(struct gate *gate);

/*
 * Sends a question and waits for its answer. CONTROL_FAILED and ASK_REFUSED become an ERR_DENIED, ERR_CLOSED
 * is a gate that ends and has taken nothing.
 */
int gate_ask(struct gate *gate, const struct wire_out *out, struct wire_in *in, struct err *err) MUST_CHECK;
/* The same for an answer that takes its time. */
int gate_ask_for(struct gate *gate, const struct wire_out *out, int timeout_ms, struct wire_in *in,
		 struct err *err) MUST_CHECK;

/*
 * Asks the gate of a data folder to leave where `kanmon run` started it and no host is attached, and waits
 * until it has: 0, and `lock_fd` holds the folder's lock. -1 where it stays: `err` tells what to do about a
 * gate that hosts use, or how another `kanmon serve` is found.
 */
int gate_make_room(const struct gate_paths *paths, int *lock_fd, struct err *err) MUST_CHECK;

/*
 * Connects; where no gate is running one is started in the background and waited for. `next`: one has just
 * ended, and the one it makes room for is given a moment to come.
 */
int gate_connect_or_start(struct gate *gate, const struct options *options, const struct gate_config *config,
			  bool next, struct err *err) MUST_CHECK;
