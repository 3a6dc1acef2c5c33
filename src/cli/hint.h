/* hint.h - a command line for people to run. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "daemon/gate_paths.h"

/*
 * Adds "kanmon COMMAND" with the options `-c` and `--data-dir` that make it mean the gate of `paths`, from
 * any folder; each only where the gate would not be found without it. Quoted for a shell.
 */
void hint_add_command(struct buf *out, const char *command, const struct gate_paths *paths);
