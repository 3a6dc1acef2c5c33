/* tree.c - the processes below a process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/span.h"

/* Processes of a machine that are looked at; with more, the rest is found in a later round. */
#define TREE_MAX ((size_t)65536)
#define TREE_ROUNDS 400
#define TREE_PAUSE_NS (5L * 1000 * 1000)

struct process {
	pid_t pid, parent;
	uint64_t started; /* with the pid, the only name a process keeps */
	bool below;
	bool spared;
};

struct census {
	struct process *all;
	size_t n, cap;
};

static void census_release(struct census *census)
{
	freep(&census->all);
}

/* The fields after the command's name, which ends at the last ')': state, parent, … 20th is the start. */
static bool parse_stat(struct span text, struct process *out)
{
	size_t end = text.n;
	uint64_t parent = 0;

	while (end > 0 && text.p[end - 1] != ')')
		end--;
	text = span_trim(span_skip(text, end));
	for (size_t field = 3; field <= 22 && text.n > 0; field++) {
		struct span word = span_cut(&text, ' ');

		if (field == 3 && (span_eq(word, S("Z")) || span_eq(word, S("X"))))
			return false;
		if (field == 4 && !span_u64(word, &parent))
			return false;
		if (field == 22 && span_u64(word, &out->started)) {
			out->parent = (pid_t)parent;
			return true;
		}
	}
	return false;
}

static bool read_process(pid_t pid, struct process *out)
{
	CLEANUP(closep) int fd = -1;
	char path[32], text[1024];
	ssize_t got;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text));
	*out = (struct process){ .pid = pid };
	return got > 0 && parse_stat(span_of(text, (size_t)got), out);
}

static bool add(struct census *census, const struct process *process)
{
	if (census->n == census->cap) {
		size_t cap = census->cap ? census->cap * 2 : 256;
		struct process *grown = cap > TREE_MAX ? NULL : realloc(census->all, cap * sizeof(*grown));

		if (!grown)
			return false;
		census->all = grown;
		census->cap = cap;
	}
	census->all[census->n++] = *process;
	return true;
}

static void take_census(struct census *census)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)) != NULL) {
		struct process process;
		uint64_t pid;

		if (!span_u64(span_str(entry->d_name), &pid) || pid == 0 || pid > INT32_MAX)
			continue;
		if (read_process((pid_t)pid, &process) && !add(census, &process))
			break;
	}
	(void)closedir(folder);
}

static bool contains(const pid_t *list, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == pid)
			return true;
	return false;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Is its parent one whose children are to be killed? */
static bool hangs_below(const struct census *census, const struct process *process, pid_t root)
{
	struct process key = { .pid = process->parent };
	const struct process *parent;

	if (process->parent == root)
		return true;
	parent = bsearch(&key, census->all, census->n, sizeof(key), by_pid);
	return parent && parent->below && !parent->spared;
}

/* Marks the children of what is marked, until a pass marks nothing more. */
static void mark(struct census *census, pid_t root)
{
	bool again = census->n > 0;

	if (again)
		qsort(census->all, census->n, sizeof(*census->all), by_pid);
	while (again) {
		again = false;
		for (size_t i = 0; i < census->n; i++) {
			struct process *p = &census->all[i];

			if (p->below || !hangs_below(census, p, root))
				continue;
			p->below = true;
			again = true;
		}
	}
}

/* Through a pidfd, so that a number that was used again meanwhile is not hit. */
static bool kill_one(const struct process *process)
{
	CLEANUP(closep) int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	struct process now;

	if (fd < 0 && errno == ENOSYS)
		return kill(process->pid, SIGKILL) == 0;
	if (fd < 0 || !read_process(process->pid, &now) || now.started != process->started)
		return false;
	return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
}

size_t tree_kill(pid_t root, const pid_t *spare, size_t n_spare)
{
	CLEANUP(census_release) struct census census = { 0 };
	size_t found = 0;

	take_census(&census);
	for (size_t i = 0; i < census.n; i++)
		census.all[i].spared = contains(spare, n_spare, census.all[i].pid);
	mark(&census, root);
	for (size_t i = 0; i < census.n; i++)
		if (census.all[i].below && !census.all[i].spared && kill_one(&census.all[i]))
			found++;
	return found;
}

void tree_reap(const pid_t *spare, size_t n_spare)
{
	for (size_t i = 0; i < TREE_MAX; i++) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		if (contains(spare, n_spare, info.si_pid))
			return;
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

bool tree_clear(pid_t root, const pid_t *spare, size_t n_spare)
{
	struct timespec pause = { .tv_nsec = TREE_PAUSE_NS };

	for (int round = 0; round < TREE_ROUNDS; round++) {
		size_t found = tree_kill(root, spare, n_spare);

		tree_reap(spare, n_spare);
		if (found == 0)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}
