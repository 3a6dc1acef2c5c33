/* role_users.c - as whom each process of a running gate runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/role_users.h"

#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "base/tr.h"

enum { STATUS_BYTES = 16 * 1024, WORDS_BYTES = 64 * 1024 };

/* In the order they are shown in: whom peers reach comes first. */
static const enum role shown[] = { ROLE_WORKER, ROLE_EGRESS, ROLE_KEEPER, ROLE_LAUNCHER, ROLE_MANAGER };

static bool read_proc(pid_t pid, const char *name, struct buf *out)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	buf_clear(out);
	return file_read(path, out, NULL) == 0;
}

/* The `n`th word behind a label such as "Uid:". */
static struct span word_after(struct span status, struct span label, unsigned n)
{
	struct span word = S("");

	while (status.n) {
		struct span line = span_cut(&status, '\n');

		if (!span_starts(line, label))
			continue;
		for (line = span_skip(line, label.n); n > 0 && line.n; n--)
			word = span_trim(span_cut(&line, '\t'));
		return word;
	}
	return word;
}

static bool is_child_of(struct span status, pid_t parent)
{
	uint64_t found;

	return span_u64(word_after(status, S("PPid:\t"), 1), &found) && found == (uint64_t)parent;
}

static struct role_user read_user(struct span status)
{
	struct role_user user = { 0 };
	uint64_t uid;

	user.known = span_u64(word_after(status, S("Uid:\t"), 2), &uid);
	user.uid = user.known ? (uid_t)uid : 0;
	user.powerless = span_eq(word_after(status, S("CapEff:\t"), 1), S("0000000000000000"));
	return user;
}

/* "kanmon\0--role\0worker\0" */
static bool find_role(struct span words, enum role *role)
{
	(void)span_cut(&words, '\0');
	if (!span_eq(span_cut(&words, '\0'), S("--role")))
		return false;
	words = span_cut(&words, '\0');
	for (size_t i = 0; i < COUNT(shown); i++)
		if (span_eq(words, span_str(role_name(shown[i])))) {
			*role = shown[i];
			return true;
		}
	return false;
}

void role_users_find(pid_t manager, struct role_users *out)
{
	CLEANUP(buf_release) struct buf status = BUF_INIT(STATUS_BYTES);
	CLEANUP(buf_release) struct buf words = BUF_INIT(WORDS_BYTES);
	DIR *folder;
	const struct dirent *entry;
	enum role role;
	uint64_t pid;

	*out = (struct role_users){ 0 };
	if (manager <= 0 || !read_proc(manager, "status", &status))
		return;
	out->of[ROLE_MANAGER] = read_user(buf_span(&status));
	folder = opendir("/proc");
	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (span_u64(span_str(entry->d_name), &pid) && read_proc((pid_t)pid, "status", &status) &&
		    is_child_of(buf_span(&status), manager) && read_proc((pid_t)pid, "cmdline", &words) &&
		    find_role(buf_span(&words), &role))
			out->of[role] = read_user(buf_span(&status));
	(void)closedir(folder);
}

void role_users_describe(const struct role_users *users, struct buf *out)
{
	size_t start = out->n;

	for (size_t i = 0; i < COUNT(shown); i++) {
		const struct role_user *user = &users->of[shown[i]];

		if (!user->known)
			continue;
		buf_addf(out, "%s%s ", out->n > start ? ", " : "", role_name(shown[i]));
		if (user->uid)
			buf_addf(out, "%u", (unsigned)user->uid);
		else
			buf_add(out,
				span_str(user->powerless ? tr("root without capabilities") : tr("root")));
	}
}
