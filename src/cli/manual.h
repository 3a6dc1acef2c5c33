/* manual.h - manual pages from the tables of commands and of config keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "cli/cmd.h"

/* All add a whole page, in the chosen language. */
void manual_program(struct buf *out);			       /* kanmon(1) */
void manual_command(struct buf *out, const struct cmd *cmd);   /* kanmon-COMMAND(1) */
void manual_config(struct buf *out, struct span config_table); /* kanmon.yaml(5), from conf_reference() */
