/* attach.h - the thin end: hands this process's stdin and stdout to the gate, and waits. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cmd.h"

/* `kanmon serve --stdio`: the catalogue. Returns the exit code. */
int attach_catalogue(const struct options *options);

/* `kanmon run -- CMD…`: one server, started by the gate. Returns the exit code. */
int attach_server(const struct options *options);
