/* doctor.h - the list of findings that `kanmon doctor` makes. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "cli/gate.h"
#include "cli/state.h"

enum finding { FINDING_GOOD, FINDING_WARNING, FINDING_PROBLEM };

struct doctor {
	/* NULL where it cannot be used: then only the machine is looked at. Without its `conf` where a gate
	 * runs all the same: then that one, too. */
	const struct gate_config *config;
	bool json, utf8, color;
	bool try_servers; /* connect to the addresses of servers */
	bool running;	  /* a gate of this config is; `state` is what it says */
	bool silent;	  /* it is, and says nothing */
	struct state state;
	struct buf out;
	unsigned warnings, problems;
};

/*
 * Adds a line. `check` is a TR_MARK word; `remedy` (through tr(), may be NULL) is a command or what
 * to write.
 */
void doctor_add(struct doctor *doctor, enum finding finding, const char *check, const char *remedy,
		const char *format, ...) PRINTF(5, 6);

/* How many were found, or the end of the JSON. */
void doctor_finish(struct doctor *doctor);

/* Each looks at one thing and adds at least one line. */
void check_program(struct doctor *doctor);
void check_kernel(struct doctor *doctor);
void check_user(struct doctor *doctor);
void check_clock(struct doctor *doctor);
void check_data(struct doctor *doctor);
void check_audit(struct doctor *doctor);
void check_gate(struct doctor *doctor);
void check_users(struct doctor *doctor);
void check_address(struct doctor *doctor);
void check_tokens(struct doctor *doctor);
void check_servers(struct doctor *doctor);
void check_authorities(struct doctor *doctor);
