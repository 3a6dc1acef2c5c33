/* definitions.h - the config's servers, as launcher and egress are told of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/gate_config.h"
#include "net/channel.h"

/*
 * Would launcher and egress take every server of this config? Asked before a new config is handed on,
 * so that none is taken by halves.
 *
 * Errors: ERR_CONFIG, ERR_MISSING (a secret), ERR_LIMIT; the sentence names the server.
 */
int definitions_check(const struct gate_config *config, struct err *err) MUST_CHECK;

/*
 * Tells the launcher (`programs`) or egress what each server is. One that cannot be told of is logged,
 * and the other process does not know it.
 */
void definitions_send(const struct gate_config *config, bool programs, struct channel *to,
		      const struct log *log);

/* Takes back what `old` names and `now` does not, or names in the other way. */
void definitions_forget(const struct gate_config *old, const struct gate_config *now, bool programs,
			struct channel *to);
