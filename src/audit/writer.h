/* writer.h - the keeper's side of the audit log: from the rings to the disk. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "audit/ring.h"
#include "base/log.h"

enum {
	WRITER_RINGS_MAX = 16,
	WRITER_BATCH_BYTES = 64 * 1024, /* one write(2) */
	WRITER_CYCLE_BYTES = 1 << 20,	/* at most this between two syncs */
	WRITER_EVERY_MS = 5,		/* between two cycles */
	WRITER_RETRY_MS = 1000,		/* after a failure */
};
#define WRITER_ROTATE_BYTES ((uint64_t)64 << 20)

struct writer_options {
	const char *folder;
	struct ring *rings; /* borrowed: mapped as RING_CONSUMER, and nobody else's while the writer lives */
	size_t n_rings;
	uint64_t rotate_bytes; /* 0: WRITER_ROTATE_BYTES */
	const struct log *log; /* borrowed; NULL for none */
};

struct writer;

/*
 * Takes the log over from the writer before it: repairs a torn end (and says so in a line), goes on
 * with the numbers, and skips in the rings what is in the file already. Ignores SIGXFSZ in this
 * process: a file size limit is to be an error, not a death.
 *
 * Errors: those of segment_open(); ERR_LIMIT (too many rings); ERR_NOMEM; ERR_SYSTEM.
 */
int writer_open(const struct writer_options *options, struct writer **out, struct err *err) MUST_CHECK;
/* Writes what is waiting, if it can be written, and closes. Returns NULL. */
struct writer *writer_close(struct writer *writer);
static inline void writer_closep(struct writer **writer)
{
	*writer = writer_close(*writer);
}

/*
 * Does what is due. Each record becomes one line, `"seq":N,` inserted after its brace; lines are
 * appended in batches and are on the disk before the ring gives their room back. A record that is
 * no line of ours is replaced by an event that counts and digests it. When the disk fails, every
 * ring gets the errno (producers deny from then on), the records stay where they are, and writing
 * is tried again each WRITER_RETRY_MS; when it works the rings are open again.
 *
 * It blocks in fdatasync(2): give it a thread of its own.
 *
 * Returns when to call again, in ms; -1: nothing is due, call when a ring's `wake_fd` is readable.
 * Watch those descriptors only after -1: a producer can ring as often as it likes.
 */
int writer_turn(struct writer *writer, uint64_t mono_ms);

/* The errno the log fails with now; 0 while it works. */
int writer_failure(const struct writer *writer);
/* Was ring `i` found broken, and not reset since? The manager ends its producer and resets it. */
bool writer_is_broken(const struct writer *writer, size_t i);
/* Number of the last line. */
uint64_t writer_seq(const struct writer *writer);
