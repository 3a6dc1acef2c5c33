/* watch.h - noticing that the config file was changed. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"

struct watch;

/*
 * Calls `changed` some moments after the last of a series of changes to `path`, also where editors
 * replace the file. NULL where the kernel offers no inotify: SIGHUP still works then.
 */
struct watch *watch_new(struct loop *loop, const char *path, void (*changed)(void *owner), void *owner);

/* NULL is harmless. Returns NULL. */
struct watch *watch_free(struct watch *watch);
