/* cmd_status.c - kanmon status: the running gate at a glance. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/tr.h"
#include "cli/hint.h"
#include "cli/knock.h"
#include "cli/output.h"
#include "cli/role_users.h"
#include "cli/state.h"
#include "conf/source.h"
#include "daemon/gate_tls.h"
#include "text/utf8.h"
#include "json/write.h"

enum { LABEL_COLUMNS = 11, COLUMNS = 7, STATUS_BYTES = 8 * 1024 * 1024 };

static void add_label(struct buf *out, const char *label)
{
	output_cell(out, span_str(label), LABEL_COLUMNS);
}

/* "2026-11-21T09:07:35Z" */
static void add_since(struct buf *out, uint64_t uptime_ms)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)64);

	clock_add_rfc3339(&text, clock_wall_ms() - uptime_ms);
	buf_add(out, span_first(buf_span(&text), 19));
	buf_add_char(out, 'Z');
}

/* "3 d 4 h", the two largest parts */
static void add_duration(struct buf *out, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	unsigned shown = 0;

	for (size_t i = 0; i < COUNT(units) && shown < 2; i++) {
		uint64_t n = ms / units[i].ms;

		if (n == 0 && (i + 1 < COUNT(units) || shown))
			continue;
		buf_addf(out, "%s%llu %s", shown ? " " : "", (unsigned long long)n, units[i].unit);
		ms %= units[i].ms;
		shown++;
	}
}

static void add_processes(struct buf *out, const struct state *state)
{
	static const char *const names[] = { "keeper", "launcher", "egress" };

	add_label(out, tr("processes"));
	buf_addf(out, "worker %s", tr("ok"));
	for (size_t i = 0; i < COUNT(names); i++)
		buf_addf(out, ", %s %s", names[i], state_flag(state, 0, names[i]) ? tr("ok") : tr("MISSING"));
	buf_add_char(out, '\n');
}

/* Worth a line where they are not all the same. */
static void add_users(struct buf *out, const struct state *state)
{
	struct role_users users;

	role_users_find(state->manager, &users);
	if (!users.of[ROLE_MANAGER].known || users.of[ROLE_MANAGER].uid != 0)
		return;
	add_label(out, tr("users"));
	role_users_describe(&users, out);
	buf_add_char(out, '\n');
}

static void add_audit(struct buf *out, const struct state *state)
{
	uint64_t failure = state_number(state, 0, "record_failure");

	add_label(out, tr("audit log"));
	if (failure == 0)
		buf_addf(out, "%s\n", tr("ok"));
	else
		buf_addf(out, tr("NOT WRITABLE: %s; calls are denied (K804)\n"),
			 strerrordesc_np((int)failure));
}

static unsigned long long count_of(const struct state *state, const char *name)
{
	return (unsigned long long)state_number(state, 0, name);
}

/* Those that are bound, whatever the file says. */
static void add_addresses(struct buf *out, const struct state *state)
{
	json_at all = json_get(&state->json, 0, S("listen"));

	for (json_at at = json_first(&state->json, all); at != JSON_NONE;
	     at = json_next(&state->json, all, at)) {
		add_label(out, tr("address"));
		source_add_shown(out, json_string_raw(&state->json, at));
		buf_add_char(out, '\n');
	}
	if (json_get(&state->json, 0, S("unix")) != JSON_NONE) {
		add_label(out, tr("address"));
		buf_add(out, S("unix:"));
		state_add_text(state, 0, "unix", out);
		buf_add_char(out, '\n');
	}
	if (json_get(&state->json, 0, S("listen_refused")) == JSON_NONE)
		return;
	add_label(out, tr("address"));
	buf_addf(out, "%s: ", tr("none"));
	state_add_text(state, 0, "listen_refused", out);
	buf_add_char(out, '\n');
}

static void add_refusal(struct buf *out, const struct state *state)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)4096);

	if (!state_add_refusal(state, &why))
		return;
	add_label(out, "");
	buf_addf(out, "%s\n", buf_cstr(&why));
}

static void add_config(struct buf *out, const struct state *state, const struct gate_config *config)
{
	add_label(out, tr("config"));
	buf_add(out, span_str(config->paths.config[0] ? config->paths.config : tr("the built-in defaults")));
	if (!config->conf)
		buf_addf(out, " (%s)", tr("BROKEN; the gate goes on with what it read before"));
	buf_add_char(out, '\n');
	add_refusal(out, state);
}

/* Gates that another program has taken over from. */
static void add_older(struct buf *out, const struct state *state)
{
	json_at all = json_get(&state->json, 0, S("older"));

	if (all == JSON_NONE)
		return;
	for (json_at at = json_first(&state->json, all); at != JSON_NONE;
	     at = json_next(&state->json, all, at)) {
		CLEANUP(buf_release) struct buf since = BUF_INIT((size_t)64);

		add_label(out, tr("older gate"));
		clock_add_rfc3339(&since, state_number(state, at, "since_ms"));
		buf_addf(
		    out,
		    tr("pid %llu, hosts: %llu; ends with its last call and its last host, since %.19sZ\n"),
		    (unsigned long long)state_number(state, at, "pid"),
		    (unsigned long long)state_number(state, at, "hosts"), buf_cstr(&since));
	}
}

static void add_gate(struct buf *out, const struct state *state, const struct gate_config *config)
{
	uint64_t uptime = state_number(state, 0, "uptime_ms");

	add_label(out, tr("gate"));
	buf_add(out, span_str(tr("up since ")));
	add_since(out, uptime);
	buf_add(out, S(" ("));
	add_duration(out, uptime);
	buf_add_char(out, ')');
	if (state_is(state, 0, "started_by", "run"))
		buf_addf(out, "; %s", tr("started by `kanmon run`"));
	buf_add_char(out, '\n');
	add_addresses(out, state);
	add_config(out, state, config);
	add_label(out, tr("data"));
	buf_addf(out, "%s\n", config->paths.data);
	add_label(out, tr("sessions"));
	buf_addf(out, "%llu\n", count_of(state, "sessions"));
	add_label(out, tr("calls"));
	buf_addf(out, tr("%llu; %llu denied, %llu failed, %llu under way\n"), count_of(state, "calls"),
		 count_of(state, "denied"), count_of(state, "failed"), count_of(state, "calls_in_flight"));
	add_processes(out, state);
	add_older(out, state);
	add_users(out, state);
	add_audit(out, state);
}

/* --- the table of servers --- */

struct row {
	struct buf cells[COLUMNS];
};

static void add_eras(struct buf *out, const struct state *state, json_at server)
{
	bool legacy = state_is(state, server, "legacy", "yes"),
	     modern = state_is(state, server, "modern", "yes");

	if (legacy)
		buf_add(out, S("legacy"));
	if (legacy && modern)
		buf_add(out, S(", "));
	if (modern)
		buf_add(out, S("modern"));
	if (!legacy && !modern)
		buf_add_char(out, '-');
}

static void fill_row(struct row *row, const struct state *state, json_at server)
{
	state_add_text(state, server, "name", &row->cells[0]);
	state_add_text(state, server, "kind", &row->cells[1]);
	if (state_flag(state, server, "shared"))
		buf_addf(&row->cells[1], ", %s", tr("shared"));
	add_eras(&row->cells[2], state, server);
	buf_add_u64(&row->cells[3], state_number(state, server, "tools"));
	buf_add_u64(&row->cells[4], state_number(state, server, "connections"));
	buf_add_u64(&row->cells[5], state_number(state, server, "failed"));
	if (state_number(state, server, "rests_ms"))
		buf_addf(&row->cells[6], tr("cannot be reached, next attempt in %llu s: "),
			 (unsigned long long)(state_number(state, server, "rests_ms") + 999) / 1000);
	state_add_text(state, server, "last_failure", &row->cells[6]);
	if (row->cells[6].n == 0)
		buf_add_char(&row->cells[6], '-');
}

static void fill_head(struct row *row)
{
	const char *heads[COLUMNS] = { tr("SERVER"),	  tr("KIND"),	  tr("SPEAKS"),	     tr("TOOLS"),
				       tr("CONNECTIONS"), tr("FAILURES"), tr("LAST FAILURE") };

	for (size_t i = 0; i < COLUMNS; i++)
		buf_add(&row->cells[i], span_str(heads[i]));
}

static void add_row(struct buf *out, const struct row *row, const size_t widths[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (i + 1 < COLUMNS)
			output_cell(out, buf_span(&row->cells[i]), widths[i] + 2);
		else
			buf_add(out, buf_span(&row->cells[i]));
	buf_add_char(out, '\n');
}

static void add_servers(struct buf *out, const struct state *state, struct row *rows)
{
	json_at servers = json_get(&state->json, 0, S("servers"));
	size_t widths[COLUMNS] = { 0 }, n = 1;

	fill_head(&rows[0]);
	for (json_at at = json_first(&state->json, servers); at != JSON_NONE;
	     at = json_next(&state->json, servers, at))
		fill_row(&rows[n++], state, at);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < COLUMNS; k++) {
			size_t width = utf8_width(buf_span(&rows[i].cells[k]));

			widths[k] = width > widths[k] ? width : widths[k];
		}
	buf_add_char(out, '\n');
	for (size_t i = 0; i < n; i++)
		add_row(out, &rows[i], widths);
}

static void add_table(struct buf *out, const struct state *state)
{
	json_at servers = json_get(&state->json, 0, S("servers"));
	size_t n = json_is(&state->json, servers, JSON_ARRAY) ? state->json.tokens[servers].count : 0;
	CLEANUP(freep) struct row *rows = n ? calloc(n + 1, sizeof(*rows)) : NULL;

	if (!rows) {
		buf_addf(out, "\n%s\n", tr("There is no server; add one under `servers:` in the config."));
		return;
	}
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k < COLUMNS; k++)
			rows[i].cells[k] = BUF_INIT((size_t)4096);
	add_servers(out, state, rows);
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k < COLUMNS; k++)
			buf_release(&rows[i].cells[k]);
}

/* A server without `tools.allow` looks broken to a client; it is only closed. */
static void add_closed(struct buf *out, const struct state *state)
{
	json_at servers = json_get(&state->json, 0, S("servers"));

	for (json_at at = json_first(&state->json, servers); at != JSON_NONE;
	     at = json_next(&state->json, servers, at)) {
		CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)1024);

		if (state_number(state, at, "allow_rules"))
			continue;
		state_add_text(state, at, "name", &name);
		buf_addf(out, tr("%s shows no tools: it has no `tools.allow`.\n"), buf_cstr(&name));
	}
}

static const char *why_left_out(const struct state *state, json_at entry)
{
	static const struct {
		const char *word, *text;
	} reasons[] = {
		{ "unnamed", TR_MARK("without a name or URI") },
		{ "twice", TR_MARK("with a name that the server gives twice") },
		{ "characters", TR_MARK("with a name of other characters than A-Z a-z 0-9 _ . -") },
		{ "long", TR_MARK("with a name that is too long (64 with the server's), or a URI (4096)") },
		{ "template", TR_MARK("that are no template of RFC 6570") },
		{ "contested", TR_MARK("that another server offers, too") },
	};

	for (size_t i = 0; i < COUNT(reasons); i++)
		if (state_is(state, entry, "reason", reasons[i].word))
			return tr(reasons[i].text);
	return "";
}

/* What clients of all servers together are not shown, for it could not be asked for without doubt. */
static void add_left_out(struct buf *out, const struct state *state)
{
	json_at servers = json_get(&state->json, 0, S("servers"));

	for (json_at at = json_first(&state->json, servers); at != JSON_NONE;
	     at = json_next(&state->json, servers, at)) {
		json_at list = json_get(&state->json, at, S("left_out"));

		for (json_at entry = json_is(&state->json, list, JSON_ARRAY) ? json_first(&state->json, list)
									     : JSON_NONE;
		     entry != JSON_NONE; entry = json_next(&state->json, list, entry)) {
			CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)1024);

			state_add_text(state, at, "name", &name);
			buf_add(&name, S(": "));
			state_add_text(state, entry, "list", &name);
			buf_addf(out, tr("%s: %llu left out, %s.\n"), buf_cstr(&name),
				 (unsigned long long)state_number(state, entry, "count"),
				 why_left_out(state, entry));
		}
	}
}

/* --- JSON --- */

static void put_users(struct buf *out, const struct state *state)
{
	struct role_users users;

	role_users_find(state->manager, &users);
	json_add_key(out, S("users"));
	buf_add_char(out, '{');
	for (size_t i = 0; i < ROLE_USERS; i++)
		if (users.of[i].known)
			json_put_u64(out, span_str(role_name((enum role)i)), users.of[i].uid);
	buf_add_char(out, '}');
}

static void add_json(struct buf *out, const struct state *state, const struct gate_config *config)
{
	CLEANUP(buf_release) struct buf ours = BUF_INIT((size_t)64 * 1024);
	struct json_edit edit = { .at = 0, .kind = JSON_INSERT };

	json_put_bool(&ours, S("running"), true);
	json_put_string(&ours, S("config_file"), span_str(config->paths.config));
	json_put_bool(&ours, S("config_file_usable"), config->conf != NULL);
	json_put_string(&ours, S("data"), span_str(config->paths.data));
	put_users(&ours, state);
	edit.bytes = buf_span(&ours);
	json_emit(out, &state->json, 0, &edit, 1);
	buf_add_char(out, '\n');
}

/* A gate with another data folder has the address, and is not found in this one. */
static bool answers(const struct gate_config *config, char *shown, size_t size)
{
	const struct conf_node *first = config->conf ? conf_get_first(conf_root(config->conf), "listen")
						     : NULL;
	bool tls = config->conf && gate_tls_listens(config);

	for (const struct conf_node *at = first; at; at = conf_next(at)) {
		const struct conf_address address = conf_address(at);
		struct err err = ERR_INIT;
		CLEANUP(closep) int fd = tls ? knock_open(&address, &err) : -1;

		if (fd < 0 && (tls || knock_status(&address, "/healthz", &err) != 200))
			continue;
		(void)snprintf(shown, size, address.v6 ? "[%.*s]:%u" : "%.*s:%u",
			       SPAN_ARG(span_first(address.host, 200)), address.port);
		return true;
	}
	return false;
}

static int tell_absence(const struct gate_config *config)
{
	CLEANUP(buf_release) struct buf command = BUF_INIT((size_t)PATH_MAX * 4);
	const char *file = config->paths.config[0] ? config->paths.config : tr("the built-in defaults");
	char shown[256];

	if (answers(config, shown, sizeof(shown)))
		return cmd_fail(
		    EXIT_UNREACHABLE,
		    tr("no gate is running for %s in %s, and yet %s answers: perhaps a gate with another --data-dir"),
		    file, config->paths.data, shown);
	hint_add_command(&command, "serve", &config->paths);
	return cmd_fail(EXIT_UNREACHABLE, tr("no gate is running for %s; start it with `%s`"), file,
			buf_cstr(&command));
}

static int show(const struct gate_config *config, bool json)
{
	CLEANUP(state_release) struct state state = STATE_INIT;
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)STATUS_BYTES);
	struct err err = ERR_INIT;

	if (state_ask(&state, &config->paths, &err) < 0) {
		bool absent = err.code == ERR_MISSING;

		if (absent && json)
			(void)puts("{\"running\":false}");
		if (!absent)
			return cmd_fail(EXIT_FAILED, "%s", err.text);
		return tell_absence(config);
	}
	if (json) {
		add_json(&out, &state, config);
		return output_print(&out);
	}
	add_gate(&out, &state, config);
	add_table(&out, &state);
	add_closed(&out, &state);
	add_left_out(&out, &state);
	return output_print(&out);
}

static int run(const struct options *options)
{
	struct gate_config config;
	bool json, broken;
	int rc = output_form(&cmd_status, options, &json);

	if (rc)
		return rc;
	if (options->n_words)
		return cmd_usage_error(&cmd_status, tr("status takes no further words: %s"),
				       options->words[0]);
	rc = gate_load_running(options, &config, &broken);
	if (rc)
		return rc;
	rc = show(&config, json);
	gate_config_release(&config);
	return rc;
}

static const struct option table[] = { OPTION_CONFIG, OPTION_DATA, OPTION_OUTPUT, { 0 } };

static const char *const examples[] = { TR_MARK("The gate of the user's own config:"), "kanmon status",
					TR_MARK("For a program:"), "kanmon status -o json", NULL };

const struct cmd cmd_status = { .name = "status",
				.summary = TR_MARK("the running gate: calls, processes, servers"),
				.usage = "[-c FILE] [-o FORM]",
				.examples = examples,
				.options = table,
				.run = run };
