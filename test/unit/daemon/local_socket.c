/* local_socket.c - the file of the unix socket: whose folder, whose file, and what is left at the end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/local_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/gate_config.h"
#include "tap.h"

static char home[64];

/* `%s` is the home. */
static int open_as(const char *format, struct local_socket *local, struct err *err)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	struct gate_config config = { 0 };
	char file[128];
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4096);
	int rc;

	*local = LOCAL_SOCKET_INIT;
	*err = ERR_INIT;
	buf_add(&text, S("version: 1\nunix: { path: "));
	buf_add(&text, span_str(home));
	buf_add(&text, span_str(format));
	buf_add(&text, S(" }\n"));
	(void)snprintf(file, sizeof(file), "%s/kanmon.yaml", home);
	if (file_replace(file, buf_span(&text), 0600, NULL) < 0)
		return -1;
	if (gate_config_load(file, home, &config, &problems, err) < 0) {
		printf("# %.*s\n", SPAN_ARG(problems.n ? problems.at[0].message : S("?")));
		return -1;
	}
	rc = local_socket_open(local, conf_root(config.conf), err);
	gate_config_release(&config);
	return rc;
}

static const char *in_home(const char *name)
{
	static char path[2][128];
	static unsigned turn;
	char *out = path[turn++ % 2];

	(void)snprintf(out, 128, "%s%s", home, name);
	return out;
}

static bool knocks(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return span_to_cstr(span_str(path), name.sun_path, sizeof(name.sun_path)) &&
	       connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0;
}

static void refused(void)
{
	struct local_socket local;
	struct err err;

	ok(open_as("/none/s", &local, &err) < 0 && strstr(err.text, "no folder"), "no folder: %s", err.text);
	ok(open_as("/file/s", &local, &err) < 0 && strstr(err.text, "no folder"), "below a file: %s",
	   err.text);
	(void)mkdir(in_home("/open"), 0700);
	(void)chmod(in_home("/open"), 0770);
	ok(open_as("/open/s", &local, &err) < 0 && strstr(err.text, "others may write"),
	   "a group's folder: %s", err.text);
	(void)chmod(in_home("/open"), 01777);
	ok(open_as("/open/s", &local, &err) < 0, "everybody's folder, though it is sticky");
	(void)!file_replace(in_home("/file"), S("x"), 0600, NULL);
	ok(open_as("/file", &local, &err) < 0 && strstr(err.text, "no socket"), "a file: %s", err.text);
	(void)!symlink("/nowhere", in_home("/link"));
	ok(open_as("/link", &local, &err) < 0 && strstr(err.text, "no socket"), "a link is not followed: %s",
	   err.text);
	ok(open_as("/s, users: [no-such-user-here]", &local, &err) < 0, "a user there is not");
	ok(open_as(
	       "/123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	       "1234567890",
	       &local, &err) < 0,
	   "a path that is too long");
	ok(local.fd == -1, "nothing is bound");
	local_socket_close(&local);
}

static void stands(void)
{
	struct local_socket local, other, next;
	struct err err;
	struct stat st;
	char moved[128];

	ok(open_as("/s", &local, &err) == 0 && local.fd >= 0, "a socket: %s", err.text);
	ok(lstat(in_home("/s"), &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0600,
	   "its file is for its user alone");
	ok(knocks(in_home("/s")), "and is listened at");
	ok(open_as("/s", &other, &err) < 0 && strstr(err.text, "in use"), "nobody else gets it: %s",
	   err.text);
	ok(knocks(in_home("/s")), "nor takes it away");
	(void)close(local.fd);
	ok(!knocks(in_home("/s")) && lstat(in_home("/s"), &st) == 0, "a gate that dies leaves it");
	ok(open_as("/s, users: [0]", &next, &err) == 0, "the next one replaces it: %s", err.text);
	ok(lstat(in_home("/s"), &st) == 0 && (st.st_mode & 07777) == 0666,
	   "where others are named, all may knock");
	/* What stands there now is not ours any more. */
	(void)snprintf(moved, sizeof(moved), "%s", in_home("/t"));
	(void)rename(in_home("/s"), moved);
	(void)!file_replace(in_home("/s"), S("x"), 0600, NULL);
	local_socket_close(&next);
	ok(lstat(in_home("/s"), &st) == 0, "another's file in its place is not removed");
	(void)unlink(in_home("/s"));
	(void)unlink(moved);
	ok(open_as("/s", &local, &err) == 0, "again");
	local_socket_close(&local);
	ok(lstat(in_home("/s"), &st) < 0, "at the end the file goes");
	local_socket_close(&local);
}

int main(void)
{
	(void)snprintf(home, sizeof(home), "/tmp/kanmon-local-XXXXXX");
	if (!ok(mkdtemp(home), "a folder"))
		return tap_done();
	refused();
	stands();
	(void)rmdir(in_home("/open"));
	(void)unlink(in_home("/file"));
	(void)unlink(in_home("/link"));
	(void)unlink(in_home("/kanmon.yaml"));
	(void)rmdir(home);
	return tap_done();
}
