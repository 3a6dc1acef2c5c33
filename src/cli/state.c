/* state.c - what a running gate says about itself. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/tr.h"
#include "conf/source.h"
#include "daemon/control.h"

/* The manager's object becomes the first members of the worker's. */
static bool join(struct state *state, struct span managers, struct span workers)
{
	bool is_object = managers.n >= 2 && managers.p[0] == '{' && workers.n > 2 && workers.p[0] == '{';

	if (!is_object)
		return false;
	buf_add(&state->text, span_first(managers, managers.n - 1));
	buf_add(&state->text, managers.n > 2 ? S(",") : S(""));
	buf_add(&state->text, span_skip(workers, 1));
	return buf_ok(&state->text) && json_parse(&state->json, buf_span(&state->text), STATE_MAX_BYTES) &&
	       json_is(&state->json, 0, JSON_OBJECT);
}

static int read_answer(struct state *state, struct wire_in *in, struct err *err)
{
	CLEANUP(closep) int fd = in->kind == CONTROL_STATE ? wire_get_fd(in) : -1;
	CLEANUP(buf_release) struct buf workers = BUF_INIT((size_t)STATE_MAX_BYTES);
	struct span managers = wire_get_span(in);

	if (fd < 0 || !wire_in_done(in))
		return err_set(err, ERR_FORMAT, "%s", tr("the gate's answer cannot be read"));
	if (lseek(fd, 0, SEEK_SET) < 0 || file_read_fd(fd, "the gate's state", &workers, err) < 0)
		return -1;
	if (!join(state, managers, buf_span(&workers)))
		return err_set(err, ERR_FORMAT, "%s", tr("the gate's answer cannot be read"));
	return 0;
}

int state_ask(struct state *state, const struct gate_paths *paths, struct err *err)
{
	CLEANUP(gate_close) struct gate gate = GATE_INIT;
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct wire_in in = { 0 };
	int rc;

	if (gate_connect(&gate, paths, err) < 0)
		return -1;
	state->manager = gate.pid;
	wire_begin(&out, CONTROL_STATUS, 0);
	if (gate_ask(&gate, &out, &in, err) < 0)
		return -1;
	rc = read_answer(state, &in, err);
	/* Who holds the gate's place may be another than who has its processes. */
	if (rc == 0 && state->manager)
		state->manager = (pid_t)state_number(state, 0, "manager");
	wire_in_release(&in);
	return rc;
}

void state_release(struct state *state)
{
	json_release(&state->json);
	buf_release(&state->text);
}

uint64_t state_number(const struct state *state, json_at object, const char *name)
{
	json_at at = json_get(&state->json, object, span_str(name));
	uint64_t value = 0;

	return json_is(&state->json, at, JSON_NUMBER) && json_u64(&state->json, at, &value) ? value : 0;
}

bool state_flag(const struct state *state, json_at object, const char *name)
{
	return json_is(&state->json, json_get(&state->json, object, span_str(name)), JSON_TRUE);
}

void state_add_text(const struct state *state, json_at object, const char *name, struct buf *out)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)1024 * 1024);
	json_at at = json_get(&state->json, object, span_str(name));

	if (json_is(&state->json, at, JSON_STRING))
		source_add_shown(out, json_string(&state->json, at, &scratch));
}

bool state_is(const struct state *state, json_at object, const char *name, const char *text)
{
	json_at at = json_get(&state->json, object, span_str(name));

	return json_is(&state->json, at, JSON_STRING) && json_string_is(&state->json, at, span_str(text));
}

bool state_add_refusal(const struct state *state, struct buf *out)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)4096);
	CLEANUP(buf_release) struct buf when = BUF_INIT((size_t)64);
	json_at refused = json_get(&state->json, 0, S("config_refused"));

	if (!json_is(&state->json, refused, JSON_OBJECT))
		return false;
	clock_add_rfc3339(&when, state_number(state, refused, "at_ms"));
	state_add_text(state, refused, "why", &why);
	buf_addf(out, tr("the config was refused at %.19sZ, the one before stays in force: %s"),
		 buf_cstr(&when), buf_cstr(&why));
	return true;
}
