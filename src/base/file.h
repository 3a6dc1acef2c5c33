/* file.h - whole files: capped reads, atomic writes, private folders. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * Reads a regular file to its end into `out` (cleared first).
 *
 * Errors: ERR_SYSTEM; ERR_LIMIT where it is larger than out->max; ERR_FORMAT where it is no
 *         regular file.
 */
int file_read(const char *path, struct buf *out, struct err *err) MUST_CHECK;

/* The same from a descriptor, from where it stands to its end. `name` is for errors. */
int file_read_fd(int fd, const char *name, struct buf *out, struct err *err) MUST_CHECK;

/* Writes all of `bytes` to `fd`. */
int file_write_fd(int fd, const char *name, struct span bytes, struct err *err) MUST_CHECK;

/*
 * Replaces `path` in one step: a reader sees the old bytes or the new ones, also after a crash.
 * `mode` is the new file's; a symbolic link at `path` is replaced, not followed.
 */
int file_replace(const char *path, struct span bytes, unsigned mode, struct err *err) MUST_CHECK;

/* Makes `path` and its parents with 0700. Present folders stay as they are. */
int file_make_dirs(const char *path, struct err *err) MUST_CHECK;

int file_set_nonblock(int fd, bool on, struct err *err) MUST_CHECK;
