/* file.c - files, errors and texts: what is refused says why, what is replaced is replaced whole. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tr.h"
#include "base/tr_table.h"
#include "tap.h"

static char folder[] = "/tmp/kanmon-file-XXXXXX";
static char path[64], other[64];

static void refused(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4);
	struct err err = ERR_INIT;

	is_int(file_read(path, &out, &err), -1, "a file that is not there");
	ok(err.code == ERR_SYSTEM && err.sys == ENOENT && strstr(err.text, path),
	   "is named, with the reason: %s", err.text);
	is_int(file_read(folder, &out, &err), -1, "a folder is no file");
	is_int(err.code, ERR_FORMAT, "and is called none");
	is_int(file_replace(path, S("12345"), 0600, &err), 0, "written");
	is_int(file_read(path, &out, &err), -1, "larger than the ceiling");
	is_int(err.code, ERR_LIMIT, "is a limit");
	is_int(mkfifo(other, 0600), 0, "a pipe with a name");
	is_int(file_read(other, &out, &err), -1, "is refused and does not block");
	(void)unlink(other);
}

static void replaced(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(64);
	struct err err = ERR_INIT;
	struct stat st;

	is_int(file_replace(path, S("new"), 0640, &err), 0, "replaced");
	ok(file_read(path, &out, &err) == 0 && span_eq(buf_span(&out), S("new")), "and read again");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640, "with its mode");
	is_int(symlink(path, other), 0, "a link to it");
	is_int(file_replace(other, S("mine"), 0600, &err), 0, "is replaced");
	ok(lstat(other, &st) == 0 && S_ISREG(st.st_mode), "by a file");
	ok(file_read(path, &out, &err) == 0 && span_eq(buf_span(&out), S("new")), "and not followed");
	(void)unlink(other);
	is_int(file_replace("/tmp/kanmon-no-such-folder/x", S(""), 0600, &err), -1, "no folder, no file");
	ok(err.code == ERR_SYSTEM && err.sys == ENOENT, "and that is said");
}

static void folders(void)
{
	struct err err = ERR_INIT;
	char deep[96];
	struct stat st;

	(void)snprintf(deep, sizeof(deep), "%s/a/b/c", folder);
	is_int(file_make_dirs(deep, &err), 0, "made with its parents");
	ok(stat(deep, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700, "private");
	is_int(file_make_dirs(deep, &err), 0, "again is nothing new");
	is_int(chmod(deep, 0755), 0, "a folder that is there");
	ok(file_make_dirs(deep, &err) == 0 && stat(deep, &st) == 0 && (st.st_mode & 0777) == 0755,
	   "stays as it is");
	(void)snprintf(deep, sizeof(deep), "%s/a/b/c/", folder);
	is_int(file_make_dirs(deep, &err), 0, "a slash at the end");
	(void)snprintf(deep, sizeof(deep), "%s/x", path);
	is_int(file_make_dirs(deep, &err), -1, "a file is no parent");
	ok(err.code == ERR_SYSTEM && err.sys == ENOTDIR, "and that is said");
	is_int(file_make_dirs(path, &err), -1, "nor is it the folder");
	is_int(file_make_dirs("", &err), -1, "no path at all");
}

static void flags(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct err err = ERR_INIT;

	ok(file_set_nonblock(fd, true, &err) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK), "does not block");
	ok(file_set_nonblock(fd, false, &err) == 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK), "blocks");
	(void)close(fd);
	is_int(file_set_nonblock(fd, true, &err), -1, "a closed one has no flags");
	is_int(file_write_fd(fd, "nothing", S("x"), &err), -1, "and takes nothing");
}

static void errors(void)
{
	struct err err = ERR_INIT;
	char large[600];

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	is_int(err_set(&err, ERR_LIMIT, "more than %d", 3), -1, "an error is minus one");
	ok(err.code == ERR_LIMIT && strcmp(err.text, "more than 3") == 0 && err.sys == 0, "and a sentence");
	is_int(err_wrap(&err, "line %d", 7), -1, "with a context");
	ok(strcmp(err.text, "line 7: more than 3") == 0 && err.code == ERR_LIMIT, "before it: %s", err.text);
	errno = EACCES;
	(void)err_sys(&err, "cannot open %s", "x");
	ok(strcmp(err.text, "cannot open x: Permission denied") == 0 && err.sys == EACCES, "the kernel's: %s",
	   err.text);
	(void)err_set(&err, ERR_FORMAT, "%s", large);
	is_int(strlen(err.text), sizeof(err.text) - 1, "a long one is cut");
	(void)err_wrap(&err, "ctx");
	ok(strncmp(err.text, "ctx: xxx", 8) == 0 && strlen(err.text) == sizeof(err.text) - 1,
	   "also with a context");
	is_int(err_set(NULL, ERR_FORMAT, "nobody"), -1, "who does not want it gets none");
}

static void texts(void)
{
	bool sorted = true, found = true;

	is_int(tr_language_of("jazz"), TR_EN, "only ja is Japanese");
	is_int(tr_language_of(NULL), TR_EN, "no name is English");
	ok(tr_language_of("ja") == TR_JA && tr_language_of("ja_JP.UTF-8") == TR_JA, "ja is");
	(void)setenv("KANMON_LANG", "", 1);
	(void)setenv("LC_ALL", "ja_JP.UTF-8", 1);
	(void)setenv("LANG", "en_US.UTF-8", 1);
	is_int(tr_language_from_env(), TR_JA, "an empty variable is passed over");
	(void)setenv("KANMON_LANG", "en", 1);
	is_int(tr_language_from_env(), TR_EN, "our own comes first");
	tr_set_language(TR_JA);
	for (unsigned i = 0; i < tr_ja_count; i++) {
		sorted = sorted && (i == 0 || strcmp(tr_ja[i - 1].english, tr_ja[i].english) < 0);
		found = found && tr(tr_ja[i].english) == tr_ja[i].other;
	}
	ok(tr_ja_count > 0 && sorted && found, "every text of the table is found");
	ok(strcmp(tr("no such text, ever"), "no such text, ever") == 0, "one that is not stays English");
	tr_set_language(TR_EN);
	ok(tr(tr_ja[0].english) == tr_ja[0].english, "English is itself");
}

static void clean_up(void)
{
	static const char *const inside[] = { "/a/b/c", "/a/b", "/a", "" };
	char part[96];

	(void)unlink(path);
	for (size_t i = 0; i < COUNT(inside); i++) {
		(void)snprintf(part, sizeof(part), "%s%s", folder, inside[i]);
		(void)rmdir(part);
	}
}

int main(void)
{
	if (!mkdtemp(folder)) {
		printf("1..0 # SKIP no temporary folder\n");
		return 0;
	}
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	refused();
	replaced();
	folders();
	flags();
	errors();
	texts();
	clean_up();
	return tap_done();
}
