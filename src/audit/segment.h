/* segment.h - the audit log's files: the one being written, and those before it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define SEGMENT_FILE "audit.jsonl"

enum {
	SEGMENT_LINE_MAX = 17 * 1024, /* longest line, its newline included */
	SEGMENT_NAME_BYTES = 32,
};

/*
 * FOLDER/audit.jsonl grows; when it is full it becomes audit-0001.jsonl, then -0002, … and is never
 * touched again. Every line begins with {"seq":N, and N goes up by one from line to line, across
 * files. One process writes: the folder is locked (flock(2)) while a segment is open.
 */
struct segment {
	int folder_fd, fd;
	uint64_t size;	 /* bytes of the current file that are ours */
	uint64_t synced; /* of these, on the disk */
	uint64_t inode;
	uint64_t seq; /* of the last line; 0 before the first */
};
#define SEGMENT_INIT ((struct segment){ .folder_fd = -1, .fd = -1 })

/* What was found wrong with the file when it was opened, and how it was put right. */
struct segment_repair {
	uint64_t cut_bytes;		    /* of a torn last line, taken off */
	uint8_t cut_digest[32];		    /* BLAKE2b-256 of them */
	char set_aside[SEGMENT_NAME_BYTES]; /* not ours at its end: kept under this name; "" otherwise */
};

/*
 * Opens the current file (made with 0600 where absent) and finds the last number. A torn last line,
 * left by a power cut or a full disk, is cut off; a file whose end this program did not write is
 * set aside untouched, and a new one begins. The caller writes a line about either.
 *
 * Errors: ERR_DENIED where another process writes there, or others may touch the file
 *         or write into the folder; ERR_SYSTEM.
 */
int segment_open(struct segment *segment, const char *folder, struct segment_repair *repair, struct err *err)
    MUST_CHECK;
void segment_release(struct segment *segment);

/* Appends with write(2). Returns 0 or an errno; part of the bytes may be in the file then. */
int segment_append(struct segment *segment, struct span bytes) MUST_CHECK;

/* What was appended is on the disk. Returns 0 or an errno. */
int segment_sync(struct segment *segment) MUST_CHECK;

/* Takes back what was appended after the last sync. Returns 0 or an errno. */
int segment_undo(struct segment *segment);

enum segment_state {
	SEGMENT_AS_LEFT,
	SEGMENT_CHANGED, /* somebody else made it longer or shorter */
	SEGMENT_REMOVED, /* nobody would find what is written now */
};
/* Looks at the file; call it when everything is synced. */
enum segment_state segment_look(struct segment *segment);

/* Ends the current file and begins the next. Where the old one cannot be renamed, it goes on. */
int segment_rotate(struct segment *segment, struct err *err) MUST_CHECK;

/* After SEGMENT_REMOVED: begins a new file. */
int segment_renew(struct segment *segment, struct err *err) MUST_CHECK;

/* Counts newlines in [from, to) of the current file. */
int segment_count_lines(const struct segment *segment, uint64_t from, uint64_t to, uint64_t *out,
			struct err *err) MUST_CHECK;

/* The number of a line that begins {"seq":N, and ends with }; false for any other. */
bool segment_line_seq(struct span line, uint64_t *out);
