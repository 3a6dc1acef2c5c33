/* ending.h - how a connection of a host on stdio ended, for the host's log. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/gate_paths.h"

/*
 * Says on stderr what an exit code other than 0 means, as far as it tells, and where the log of the gate of
 * `paths` is. `program` is what was to be run; NULL where the host had the catalogue.
 */
void ending_tell(int code, const char *program, const struct gate_paths *paths);
