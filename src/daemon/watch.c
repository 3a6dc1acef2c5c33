/* watch.c - noticing that the config file was changed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/watch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/check.h"

enum { WATCH_QUIET_MS = 250 }; /* an editor writes in several steps */

struct watch {
	uv_poll_t poll;
	uv_timer_t quiet;
	int fd;
	unsigned n_handles; /* being closed, at the end */
	char name[NAME_MAX + 1];
	void (*changed)(void *owner);
	void *owner;
};

static void on_quiet(uv_timer_t *timer)
{
	struct watch *watch = timer->data;

	watch->changed(watch->owner);
}

/* The folder is watched, for a file that is replaced is another file. */
static void on_events(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	_Alignas(struct inotify_event) char store[4096];
	ssize_t got = read(watch->fd, store, sizeof(store));
	bool ours = false;

	(void)status;
	(void)events;
	for (char *at = store; got > 0 && at < store + got;) {
		const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

		ours |= event->len && strcmp(event->name, watch->name) == 0;
		at += sizeof(*event) + event->len;
	}
	if (ours)
		(void)uv_timer_start(&watch->quiet, on_quiet, WATCH_QUIET_MS, 0);
}

struct watch *watch_new(struct loop *loop, const char *path, void (*changed)(void *owner), void *owner)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!watch || !slash || slash == path || (size_t)(slash - path) >= sizeof(folder) ||
	    strlen(slash + 1) >= sizeof(watch->name)) {
		free(watch);
		return NULL;
	}
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	(void)snprintf(watch->name, sizeof(watch->name), "%s", slash + 1);
	watch->changed = changed;
	watch->owner = owner;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0 ||
	    inotify_add_watch(watch->fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0) {
		if (watch->fd >= 0)
			(void)close(watch->fd);
		free(watch);
		return NULL;
	}
	check(uv_poll_init(&loop->uv, &watch->poll, watch->fd) == 0);
	check(uv_timer_init(&loop->uv, &watch->quiet) == 0);
	watch->poll.data = watch;
	watch->quiet.data = watch;
	(void)uv_poll_start(&watch->poll, UV_READABLE, on_events);
	return watch;
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;

	if (--watch->n_handles == 0)
		free(watch);
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	watch->n_handles = 2;
	uv_close((uv_handle_t *)&watch->poll, on_closed);
	uv_close((uv_handle_t *)&watch->quiet, on_closed);
	closep(&watch->fd);
	return NULL;
}
