/* check_servers.c - doctor: the servers of the config. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/tr.h"
#include "cli/doctor.h"
#include "conf/url.h"

enum { CONNECT_WAIT_MS = 3000 };

/* --- programs --- */

/* The launcher's search: the server's own PATH, else the gate's. */
static struct span search_path(const struct conf_node *server)
{
	const struct conf_node *env = conf_find(server, "env");
	const struct conf_node *own = env ? conf_child(env, S("PATH")) : NULL;
	const char *path = getenv("PATH");

	if (own && !span_starts(conf_text(own), S("secret:")))
		return conf_text(own);
	return path ? span_str(path) : S("/usr/local/bin:/usr/bin:/bin");
}

/* 0, or the errno of the best that was found. */
static int look_at(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, X_OK) < 0 ? errno : 0;
}

static int find_program(const struct conf_node *server, struct span name, char out[PATH_MAX])
{
	struct span rest = search_path(server), cwd = conf_get_text(server, "cwd");
	int worst = ENOENT;

	if (span_find(name, '/') < name.n) {
		bool below = name.p[0] != '/' && cwd.n;

		(void)snprintf(out, PATH_MAX, "%.*s%s%.*s", below ? (int)cwd.n : 0, cwd.p, below ? "/" : "",
			       SPAN_ARG(name));
		return look_at(out);
	}
	while (rest.n) {
		struct span folder = span_cut(&rest, ':');
		int n = snprintf(out, PATH_MAX, "%.*s/%.*s", SPAN_ARG(folder), SPAN_ARG(name));
		int found;

		if (folder.n == 0 || folder.p[0] != '/' || n < 0 || n >= PATH_MAX)
			continue;
		found = look_at(out);
		if (found == 0)
			return 0;
		worst = found == EACCES ? EACCES : worst;
	}
	return worst;
}

static bool check_folder(struct doctor *doctor, const struct conf_node *server)
{
	char cwd[PATH_MAX];
	struct stat st;

	if (!span_to_cstr(conf_get_text(server, "cwd"), cwd, sizeof(cwd)) || !cwd[0])
		return true;
	if (stat(cwd, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	doctor_add(doctor, FINDING_PROBLEM, TR_MARK("server"), tr("correct `cwd`"),
		   tr("%.*s: there is no folder %s"), SPAN_ARG(conf_name(server)), cwd);
	return false;
}

static void check_program_of(struct doctor *doctor, const struct conf_node *server)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct span name = conf_name(server), program = conf_text(conf_get_first(server, "run"));
	char path[PATH_MAX];
	struct err err = ERR_INIT;
	int failure = find_program(server, program, path);

	if (failure == ENOENT)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("server"), tr("install it, or correct `run`"),
			   tr("%.*s: there is no program %.*s"), SPAN_ARG(name), SPAN_ARG(program));
	else if (failure)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("server"),
			   tr("make it executable, or correct `run`"),
			   tr("%.*s: the program %.*s cannot be executed: %s"), SPAN_ARG(name),
			   SPAN_ARG(program), strerrordesc_np(failure));
	else if (gate_config_launch(server, &out, &err) < 0)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("server"),
			   tr("provide the secret, or correct `env`"), "%.*s: %s", SPAN_ARG(name), err.text);
	else if (check_folder(doctor, server))
		doctor_add(doctor, FINDING_GOOD, TR_MARK("server"), NULL, "%.*s: %s", SPAN_ARG(name), path);
}

/* --- addresses --- */

static int try_one(const struct addrinfo *at, struct err *err)
{
	CLEANUP(closep) int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof(int);
	int failure = 0;

	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "%s", strerrordesc_np(errno));
	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return err_set(err, ERR_SYSTEM, "%s", strerrordesc_np(errno));
	if (poll(&p, 1, CONNECT_WAIT_MS) != 1)
		return err_set(err, ERR_LIMIT, "%s", tr("nothing answered within 3 seconds"));
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &n) < 0 || failure)
		return err_set(err, ERR_SYSTEM, "%s", strerrordesc_np(failure));
	return 0;
}

static int try_path(struct span path, struct err *err)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	if (!span_to_cstr(path, name.sun_path, sizeof(name.sun_path)) || fd < 0 ||
	    connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0)
		return err_set(err, ERR_SYSTEM, "%s", strerrordesc_np(errno));
	return 0;
}

static int try_address(const struct conf_url *url, struct err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char host[256], port[8];
	int rc;

	(void)snprintf(port, sizeof(port), "%u", url->port);
	if (!span_to_cstr(url->host, host, sizeof(host)))
		return err_set(err, ERR_CONFIG, "%s", tr("the host's name is too long"));
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return err_set(err, ERR_MISSING, "%s: %s", host, gai_strerror(rc));
	rc = -1;
	for (const struct addrinfo *at = found; at && rc < 0; at = at->ai_next)
		rc = try_one(at, err);
	freeaddrinfo(found);
	return rc;
}

static void check_address_of(struct doctor *doctor, const struct conf_node *server)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT((size_t)CONF_URL_MAX_BYTES + 8);
	struct span name = conf_name(server), text = conf_get_text(server, "url");
	struct conf_url url;
	struct err err = ERR_INIT;

	if (conf_url_parse(text, &url, &err) < 0)
		return;
	conf_url_add_shown(&shown, text);
	text = buf_span(&shown);
	if (!doctor->try_servers)
		doctor_add(doctor, FINDING_GOOD, TR_MARK("server"), NULL,
			   tr("%.*s: %.*s (not tried; --servers tries it)"), SPAN_ARG(name), SPAN_ARG(text));
	else if ((url.kind == CONF_URL_UNIX ? try_path(url.target, &err) : try_address(&url, &err)) < 0)
		doctor_add(doctor, FINDING_PROBLEM, TR_MARK("server"), tr("start it, or correct `url`"),
			   tr("%.*s: %.*s cannot be reached: %s"), SPAN_ARG(name), SPAN_ARG(text), err.text);
	else
		doctor_add(doctor, FINDING_GOOD, TR_MARK("server"), NULL, tr("%.*s: %.*s can be reached"),
			   SPAN_ARG(name), SPAN_ARG(text));
}

void check_servers(struct doctor *doctor)
{
	const struct conf_node *first = conf_get_first(conf_root(doctor->config->conf), "servers");

	if (!first)
		doctor_add(doctor, FINDING_WARNING, TR_MARK("server"), tr("add one under `servers:`"), "%s",
			   tr("there is none in the config"));
	for (const struct conf_node *at = first; at; at = conf_next(at)) {
		struct span name = conf_name(at);

		if (gate_config_is_program(at))
			check_program_of(doctor, at);
		else
			check_address_of(doctor, at);
		if (!conf_get_first(at, "tools.allow"))
			doctor_add(doctor, FINDING_WARNING, TR_MARK("server"), "tools: { allow: [\"*\"] }",
				   tr("%.*s: shows no tools, for it has no `tools.allow`"), SPAN_ARG(name));
	}
}
