/* ending.c - how a connection of a host on stdio ended, for the host's log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ending.h"

#include <string.h>

#include "base/tr.h"
#include "cli/cmd.h"
#include "cli/state.h"

enum { SIGNAL_BASE = 128, ENDING_BYTES = 8 * 1024 };

static void add_signal(struct buf *out, int code)
{
	const char *name = code > SIGNAL_BASE ? sigabbrev_np(code - SIGNAL_BASE) : NULL;

	if (name)
		buf_addf(out, tr("the server was ended by SIG%s (exit code %d)"), name, code);
	else
		buf_addf(out, tr("the server exited with code %d"), code);
}

/* A server may use the gate's codes for its own ends. */
static void add_meaning(struct buf *out, int code, const char *program)
{
	if (!program)
		buf_add(out, span_str(tr("the gate itself failed")));
	else if (code == EXIT_NOT_FOUND)
		buf_addf(out, tr("there is no program %s, or it exited with code 127 itself"), program);
	else if (code == EXIT_NOT_EXECUTABLE)
		buf_addf(out, tr("%s cannot be executed, or it exited with code 126 itself"), program);
	else if (code == EXIT_KANMON)
		buf_add(out, span_str(tr("the gate itself failed, or the server exited with code 125")));
	else
		add_signal(out, code);
}

/* A gate that has ended by now cannot be asked who started it: then nothing is said of its log. */
static void add_log(struct buf *out, const struct gate_paths *paths)
{
	CLEANUP(state_release) struct state state = STATE_INIT;
	struct err err = ERR_INIT;

	if (state_ask(&state, paths, &err) < 0)
		return;
	buf_add(out, S("; "));
	if (state_is(&state, 0, "started_by", "run"))
		buf_addf(out, tr("the gate's log has more: %s/kanmon.log"), paths->data);
	else
		buf_add(out, span_str(tr("the gate's log has more; it is where `kanmon serve` writes it")));
}

void ending_tell(int code, const char *program, const struct gate_paths *paths)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)ENDING_BYTES);

	add_meaning(&text, code, program);
	add_log(&text, paths);
	(void)cmd_fail(code, "%s", buf_cstr(&text));
}
