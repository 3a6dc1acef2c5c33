/* cmd_version.c - kanmon version. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/tr.h"
#include "cli/cmd.h"

static int run(const struct options *options)
{
	(void)options;
	printf("kanmon %s\n", KANMON_VERSION);
	return EXIT_OK;
}

static const struct option table[] = { { 0 } };

const struct cmd cmd_version = { .name = "version",
				 .summary = TR_MARK("the version of this program"),
				 .usage = "",
				 .options = table,
				 .run = run };
