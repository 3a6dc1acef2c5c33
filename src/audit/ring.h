/* ring.h - records between two processes, in memory that outlives both. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * A byte ring in a sealed memfd that the manager makes and keeps: one producer (a worker's thread)
 * and one consumer (the keeper's writer). What ring_put() accepted survives the death of either at
 * any instruction; a process that starts again maps the same descriptor and goes on. Only the
 * manager's end, or the machine's, ends the ring.
 *
 * The consumer trusts nothing it reads: each record is copied out before it is looked at, its
 * length is bounded, and its check includes its place. A producer can lie about its own records,
 * but it cannot make the consumer read elsewhere, wait or fall over: the ring is BROKEN then,
 * and the manager, who ends that producer, calls ring_reset().
 */
enum {
	RING_RECORD_MAX = 16 * 1024, /* bytes of one record; none is empty */
	RING_BYTES_MIN = 64 * 1024,
	RING_BYTES_MAX = 64 << 20,
};

struct ring_map;

struct ring {
	struct ring_map *map;
	size_t map_bytes; /* what munmap(2) gets */
	uint64_t size;	  /* bytes of records, a power of two */
	uint64_t head;	  /* the producer's own place */
	uint64_t tail;	  /* producer: as last seen; consumer: what is committed */
	uint64_t cursor;  /* the consumer's place: what is read but not committed lies behind it */
	uint64_t id;	  /* of the ring's contents since the last reset */
	int wake_fd;	  /* borrowed */
	bool broken;	  /* consumer: sticky until the ring is reset */
};
#define RING_INIT ((struct ring){ .wake_fd = -1 })

/* Two descriptors, both close-on-exec; the manager owns them and hands copies on. */
struct ring_fds {
	int memory; /* the ring */
	int wake;   /* an eventfd, written when the consumer sleeps */
};
#define RING_FDS_INIT ((struct ring_fds){ .memory = -1, .wake = -1 })

/*
 * Makes a ring for `bytes` of records (a power of two from RING_BYTES_MIN to RING_BYTES_MAX). Its
 * memory is there at once, so that no later write can fail, and sealed against every change of size.
 */
int ring_create(size_t bytes, struct ring_fds *out, struct err *err) MUST_CHECK;
void ring_fds_release(struct ring_fds *fds);

enum ring_end { RING_PRODUCER, RING_CONSUMER };

/*
 * Maps a ring and takes up its end where the last one left it. The descriptors are borrowed:
 * `memory` may be closed afterwards, `wake` must live as long as the ring.
 *
 * Errors: ERR_FORMAT where it is no ring, or its places contradict each other; ERR_SYSTEM.
 */
int ring_map(struct ring *ring, const struct ring_fds *fds, enum ring_end end, struct err *err) MUST_CHECK;
void ring_unmap(struct ring *ring);

/*
 * Producer: adds one record, all of it or nothing. False where it is full, the consumer has set a
 * failure, or the record is empty or longer than RING_RECORD_MAX: deny then.
 */
bool ring_put(struct ring *ring, struct span record) MUST_CHECK;

/* The errno the consumer failed with; 0 while all is well. */
int ring_failure(const struct ring *ring);

/* Bytes accepted and not yet committed; for health and for tests. */
uint64_t ring_waiting(const struct ring *ring);

enum ring_state { RING_EMPTY, RING_RECORD, RING_BROKEN };

/*
 * Consumer: adds the next record to `out` and moves past it. Nothing is committed yet. Where `out`
 * has no room, `out->over` is set, and the record stays the next one.
 */
enum ring_state ring_read(struct ring *ring, struct buf *out) MUST_CHECK;

/* Consumer: what was read is safe elsewhere, its room is free again. */
void ring_commit(struct ring *ring);
/* Consumer: go back, and read again what was not committed. */
void ring_rewind(struct ring *ring);

/* Consumer: refuse (errno) or accept (0) further records. */
void ring_set_failure(struct ring *ring, int failure);

/*
 * Consumer: says that it will now wait for `wake_fd` to become readable. False where a record is
 * there already: read on instead.
 */
bool ring_sleep(struct ring *ring) MUST_CHECK;
/* Consumer: takes the wake-up back out of the eventfd. */
void ring_awake(struct ring *ring);

/*
 * Manager: empties a ring whose producer is dead, and forgets a failure. A consumer that had found
 * it BROKEN takes it up again by itself; records that were not read are lost.
 */
int ring_reset(const struct ring_fds *fds, struct err *err) MUST_CHECK;
