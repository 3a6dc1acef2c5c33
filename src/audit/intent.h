/* intent.h - what the writer was about to append, for the one that takes over after its death. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define INTENT_FILE "audit.state"

/*
 * Records leave the ring only when they are on the disk. A writer that dies in between leaves them
 * in both places; from its last intent the next one knows how many of the ring's records the file
 * has already, and appends each exactly once. Written before the append, to two slots in turn, each
 * with a check; it needs no sync, for without power the ring is gone as well.
 */
enum { INTENT_CHUNKS = 32 };

struct intent_chunk {
	uint64_t ring_id; /* 0: lines of the writer's own */
	uint64_t from;	  /* the ring's place of the first record */
	uint64_t bytes;	  /* in the file */
	uint64_t records;
};

struct intent {
	uint64_t generation; /* grows with each intent */
	uint64_t inode;	     /* of the file */
	uint64_t offset;     /* of the first chunk; the others follow it */
	uint64_t n;
	struct intent_chunk chunks[INTENT_CHUNKS];
};

/* Opens FOLDER's file of intents (made where absent) and reads the newest valid one; n = 0: none. */
int intent_open(int folder_fd, int *out_fd, struct intent *intent, struct err *err) MUST_CHECK;

/* Writes it under the next generation. Returns 0 or an errno. */
int intent_write(int fd, struct intent *intent) MUST_CHECK;
