/* cmd_version.c - kanmon version. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tr.h"
#include "cli/output.h"

static int run(const struct options *options)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)256);

	if (options->n_words)
		return cmd_usage_error(&cmd_version, tr("version takes no further words: %s"),
				       options->words[0]);
	buf_addf(&out, "kanmon %s\n", KANMON_VERSION);
	return output_print(&out);
}

static const struct option table[] = { { 0 } };

const struct cmd cmd_version = { .name = "version",
				 .summary = TR_MARK("the version of this program"),
				 .usage = "",
				 .options = table,
				 .run = run };
