/* check_gate.c - doctor: the data folder, the audit log, the gate and its address, the tokens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tr.h"
#include "cli/doctor.h"
#include "cli/knock.h"
#include "cli/role_users.h"
#include "cli/token_rows.h"
#include "daemon/gate_tls.h"
#include "daemon/listen.h"

#define ROOM_LITTLE_BYTES (UINT64_C(100) << 20)
#define ROOM_NONE_BYTES (UINT64_C(4) << 20)

/* --- the data folder --- */

static void check_room(struct doctor *doctor, const char *folder)
{
	struct statvfs fs;
	uint64_t room;

	if (statvfs(folder, &fs) < 0)
		return;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room < ROOM_NONE_BYTES)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("data"), tr("make room"),
			   tr("%s has only %llu KiB left; without room for records no call is made"), folder,
			   (unsigned long long)(room >> 10));
	else if (room < ROOM_LITTLE_BYTES)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("data"), tr("make room"),
			   tr("%s has only %llu MiB left"), folder, (unsigned long long)(room >> 20));
}

void check_data(struct doctor *doctor)
{
	const char *folder = doctor->config->paths.data;
	CLEANUP(buf_release) struct buf remedy = BUF_INIT((size_t)PATH_MAX * 2);
	struct stat st;

	if (stat(folder, &st) < 0) {
		if (errno == ENOENT)
			doctor_add(doctor, FINDING_GOOD, TR_MARK("data"), NULL,
				   tr("%s will be made by the first start"), folder);
		else
			doctor_add(doctor, FINDING_PROBLEM, TR_MARK("data"), NULL, "%s: %s", folder,
				   strerrordesc_np(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("data"), tr("choose another folder with `data:`"),
			   tr("%s is no folder"), folder);
		return;
	}
	buf_addf(&remedy, st.st_uid != geteuid() ? "chown -R \"$(id -un)\" %s" : "chmod 700 %s", folder);
	if (st.st_uid != geteuid())
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("data"), buf_cstr(&remedy),
			   tr("%s belongs to another user (%u)"), folder, (unsigned)st.st_uid);
	else if (st.st_mode & 022)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("data"), buf_cstr(&remedy),
			   tr("others may write into %s"), folder);
	else if (st.st_mode & 055)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("data"), buf_cstr(&remedy),
			   tr("others may look into %s"), folder);
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("data"), NULL, tr("%s; yours alone"), folder);
	check_room(doctor, folder);
}

/* --- the audit log --- */

/* Writes a block to a file without a name; 0 or an errno. */
static int try_write(const char *folder)
{
	CLEANUP(closep) int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	const char block[4096] = { 0 };

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		return access(folder, W_OK | X_OK) < 0 ? errno : 0;
	if (fd < 0)
		return errno;
	if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fsync(fd) < 0)
		return errno ? errno : ENOSPC;
	return 0;
}

void check_audit(struct doctor *doctor)
{
	const char *folder = doctor->config->paths.audit;
	int failure = doctor->running ? (int)state_number(&doctor->state, 0, "record_failure") : 0;
	struct stat st;

	if (failure == 0 && stat(folder, &st) < 0) {
		if (errno == ENOENT)
			doctor_add(doctor, FINDING_GOOD, TR_MARK("audit log"), NULL,
				   tr("%s will be made by the first start"), folder);
		else
			doctor_add(doctor, FINDING_PROBLEM, TR_MARK("audit log"), NULL, "%s: %s", folder,
				   strerrordesc_np(errno));
		return;
	}
	if (failure == 0)
		failure = try_write(folder);
	if (failure)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("audit log"), "kanmon explain K804",
			   tr("%s cannot be written: %s; calls are denied"), folder,
			   strerrordesc_np(failure));
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("audit log"), NULL, tr("%s; writable"), folder);
}

/* --- the gate --- */

static void shown_address(const struct conf_address *address, char *out, size_t size)
{
	(void)snprintf(out, size, address->v6 ? "[%.*s]:%u" : "%.*s:%u",
		       SPAN_ARG(span_first(address->host, 200)), address->port);
}

static bool is_loopback(const struct conf_address *address)
{
	return span_eq(address->host, S("localhost")) || span_starts(address->host, S("127.")) ||
	       span_eq(address->host, S("::1"));
}

static bool is_secure(struct span url)
{
	return span_starts(url, S("https:"));
}

/* "http://[::1]:7676/mcp", as a gate shows its address. */
static bool url_address(struct span url, struct conf_address *out)
{
	const char *slashes = url.n ? memmem(url.p, url.n, "//", 2) : NULL;
	struct span rest = slashes ? span_skip(url, (size_t)(slashes - url.p) + 2) : S("");
	const char *slash = memchr(rest.p, '/', rest.n), *colon;
	uint64_t port;

	rest = span_first(rest, slash ? (size_t)(slash - rest.p) : 0);
	colon = memrchr(rest.p, ':', rest.n);
	if (!colon || !span_u64(span_skip(rest, (size_t)(colon - rest.p) + 1), &port) || port > UINT16_MAX)
		return false;
	*out = (struct conf_address){ .host = span_first(rest, (size_t)(colon - rest.p)),
				      .port = (uint16_t)port };
	out->v6 = span_starts(out->host, S("["));
	if (out->v6)
		out->host = span_first(span_skip(out->host, 1), out->host.n - 2);
	return true;
}

/* Over TLS its own word about its processes stands for /readyz: that somebody listens is tried. */
static int get_secure(const struct doctor *doctor, const struct conf_address *address, struct err *err)
{
	CLEANUP(closep) int fd = knock_open(address, err);
	const struct state *state = &doctor->state;

	if (fd < 0)
		return -1;
	return state_flag(state, 0, "keeper") && state_flag(state, 0, "launcher") &&
		       state_flag(state, 0, "egress") && state_number(state, 0, "record_failure") == 0
		   ? 200
		   : 503;
}

static void check_health(struct doctor *doctor, struct span url)
{
	struct conf_address address;
	struct err err = ERR_INIT;
	char shown[128];
	int status;

	if (!url_address(url, &address) || !span_to_cstr(url, shown, sizeof(shown)))
		return;
	if (is_secure(url))
		status = get_secure(doctor, &address, &err);
	else
		status = knock_status(&address, "/healthz", &err);
	if (status == 200 && !is_secure(url))
		status = knock_status(&address, "/readyz", &err);
	if (status == 200)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("gate"), NULL, tr("%s; running, healthy, ready"),
			   shown);
	else if (status == 503)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("gate"), "kanmon status",
			   tr("%s; running, not ready: a process or the audit log is missing"), shown);
	else if (status > 0)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("gate"), tr("see the gate's log"),
			   tr("%s answers with status %d"), shown, status);
	else
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("gate"), tr("see the gate's log"),
			   tr("the gate is running and cannot be reached at %s: %s"), shown, err.text);
}

/* It is asked where it listens, which need not be what the file says by now. */
static void check_running(struct doctor *doctor)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)8192);
	const struct json *json = &doctor->state.json;
	json_at all = json_get(json, 0, S("listen"));

	if (!doctor->config->conf)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("gate"), tr("correct the config"), "%s",
			   tr("it runs, with the config it read before"));
	else if (state_add_refusal(&doctor->state, &why))
		doctor_add(doctor, FINDING_WARNING, TR_MARK("gate"), tr("correct the config"), "%s",
			   buf_cstr(&why));
	for (json_at at = json_first(json, all); at != JSON_NONE; at = json_next(json, all, at))
		check_health(doctor, json_string_raw(json, at));
	buf_clear(&why);
	state_add_text(&doctor->state, 0, "listen_refused", &why);
	if (why.n)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("gate"), NULL,
			   tr("it serves hosts on stdio only: %s"), buf_cstr(&why));
}

/* False: it is not, and a line says so. */
static bool is_free(struct doctor *doctor, const char *key, struct listeners *listeners)
{
	const struct conf_node *first = conf_get_first(conf_root(doctor->config->conf), key);
	struct err err = ERR_INIT;

	if (listeners_open(listeners, first, NULL, &err) == 0)
		return true;
	doctor_add(doctor, FINDING_PROBLEM, TR_MARK("gate"), NULL, "%s", err.text);
	return false;
}

static void close_all(struct listeners *listeners)
{
	while (listeners->n)
		closep(&listeners->fds[--listeners->n]);
}

void check_gate(struct doctor *doctor)
{
	struct listeners clients = { .n = 0 }, metrics = { .n = 0 };
	bool free_for_clients, free_for_metrics;

	if (doctor->running) {
		check_running(doctor);
		return;
	}
	if (doctor->silent || !doctor->config->conf)
		return;
	free_for_clients = is_free(doctor, "listen", &clients);
	free_for_metrics = is_free(doctor, "metrics", &metrics);
	if (free_for_clients && free_for_metrics)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("gate"), NULL, "%s",
			   tr("not running; its address is free"));
	close_all(&clients);
	close_all(&metrics);
}

/* An ordinary user's gate is all his. */
void check_users(struct doctor *doctor)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);
	struct role_users users;
	const struct role_user *worker = &users.of[ROLE_WORKER], *egress = &users.of[ROLE_EGRESS];

	if (!doctor->running)
		return;
	role_users_find(doctor->state.manager, &users);
	if (!users.of[ROLE_MANAGER].known || users.of[ROLE_MANAGER].uid != 0)
		return;
	role_users_describe(&users, &text);
	if ((worker->known && worker->uid == 0) || (egress->known && egress->uid == 0))
		doctor_add(doctor, FINDING_WARNING, TR_MARK("users"), tr("run it as a user of its own"), "%s",
			   buf_cstr(&text));
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("users"), NULL, "%s", buf_cstr(&text));
}

/* True: only this machine reaches it. */
static bool is_inner(struct doctor *doctor, const struct conf_address *address, bool tls)
{
	char shown[260];

	if (is_loopback(address))
		return true;
	shown_address(address, shown, sizeof(shown));
	if (tls)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("address"), NULL,
			   tr("%s: other machines reach it, over TLS"), shown);
	else
		doctor_add(doctor, FINDING_WARNING, TR_MARK("address"),
			   tr("listen on 127.0.0.1, or set `tls.cert` and `tls.key`"),
			   tr("%s: other machines reach it, and tokens travel without TLS"), shown);
	return false;
}

static bool all_bound_inner(struct doctor *doctor)
{
	const struct json *json = &doctor->state.json;
	json_at all = json_get(json, 0, S("listen"));
	bool inner = true;

	for (json_at at = json_first(json, all); at != JSON_NONE; at = json_next(json, all, at)) {
		struct span url = json_string_raw(json, at);
		struct conf_address address;

		inner &= !url_address(url, &address) || is_inner(doctor, &address, is_secure(url));
	}
	return inner;
}

static bool all_written_inner(struct doctor *doctor)
{
	const struct conf_node *first = conf_get_first(conf_root(doctor->config->conf), "listen");
	bool inner = true;

	for (const struct conf_node *at = first; at; at = conf_next(at)) {
		struct conf_address address = conf_address(at);

		inner &= is_inner(doctor, &address, gate_tls_listens(doctor->config));
	}
	return inner;
}

void check_address(struct doctor *doctor)
{
	bool inner = doctor->running ? all_bound_inner(doctor) : all_written_inner(doctor);

	if (inner)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("address"), NULL, "%s",
			   tr("only this machine reaches the gate"));
}

/* --- TLS --- */

void check_authorities(struct doctor *doctor)
{
	struct err err = ERR_INIT;

	if (!gate_tls_roots_there(doctor->config, &err))
		doctor_add(doctor, FINDING_WARNING, TR_MARK("TLS"), tr("install them, or set `ca`"), "%s",
			   err.text);
}

/* --- tokens --- */

static bool count_live(void *context, const struct token_row *row)
{
	size_t *live = context;

	*live += !row->revoked && (!row->expiry || row->expiry > clock_wall_ms());
	return true;
}

void check_tokens(struct doctor *doctor)
{
	const struct gate_paths *paths = &doctor->config->paths;
	struct err err = ERR_INIT;
	size_t live = 0;
	int rc = doctor->running || doctor->silent
		     ? token_rows_of_gate(paths, count_live, &live, &err)
		     : token_rows_of_store(paths->data, count_live, &live, &err);

	if (rc < 0)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("tokens"), NULL, "%s", err.text);
	else if (live == 0)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("tokens"), "kanmon token create NAME", "%s",
			   tr("there is none: no client can use the gate over HTTP"));
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("tokens"), NULL, tr("%zu in use"), live);
}
