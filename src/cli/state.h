/* state.h - what a running gate says about itself. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/gate.h"
#include "json/tape.h"

enum { STATE_MAX_BYTES = 4 * 1024 * 1024 };

/*
 * The manager's JSON ("hosts"; "started_by": "serve" or "run"; "listen": URLs that are bound;
 * "listen_refused": why there is none; "manager": its pid; "older":
 * [{"pid", "hosts", "since_ms"}] gates before it that still have something to do; "config_refused":
 * {"why", "at_ms"} of the last reload) and the worker's (exchange/crew_state.h), read as one.
 */
struct state {
	pid_t manager; /* 0: not known here */
	struct buf text;
	struct json json;
};
#define STATE_INIT ((struct state){ .text = BUF_INIT((size_t)STATE_MAX_BYTES) })

/*
 * Asks the gate of this data folder.
 *
 * Owner:   state_release(), also after a failure.
 * Errors:  ERR_MISSING where no gate is running; ERR_FORMAT where its answer cannot be read.
 */
int state_ask(struct state *state, const struct gate_paths *paths, struct err *err) MUST_CHECK;
void state_release(struct state *state);

/* Members of an object of it; 0, false and "" where absent. A text is as it stands in JSON, escaped. */
uint64_t state_number(const struct state *state, json_at object, const char *name);
bool state_flag(const struct state *state, json_at object, const char *name);
/* Adds a text so that a terminal shows it and does nothing else. */
void state_add_text(const struct state *state, json_at object, const char *name, struct buf *out);
/*
 * Adds a sentence on the last reload, if it was refused: when and why, and what the gate does. False: it was
 * not.
 */
bool state_add_refusal(const struct state *state, struct buf *out);
bool state_is(const struct state *state, json_at object, const char *name, const char *text);
