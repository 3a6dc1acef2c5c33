/* bench.h - a folder, a ring and a writer, for the tests of the audit log's writer. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/segment.h"
#include "audit/writer.h"
#include "base/file.h"
#include "tap.h"
#include "json/tape.h"

enum { TEXT_MAX = 32 << 20 };

struct bench {
	char folder[64];
	struct ring_fds fds;
	struct ring producer, consumer;
	struct writer *writer;
	struct writer_options options;
	uint64_t clock_ms;
};

static inline void open_writer(struct bench *b)
{
	struct err err = ERR_INIT;

	ok(ring_map(&b->consumer, &b->fds, RING_CONSUMER, &err) == 0, "the consumer %s", err.text);
	b->options.folder = b->folder;
	b->options.rings = &b->consumer;
	b->options.n_rings = 1;
	ok(writer_open(&b->options, &b->writer, &err) == 0, "the writer %s", err.text);
}

static inline void close_writer(struct bench *b)
{
	b->writer = writer_close(b->writer);
	ring_unmap(&b->consumer);
}

static inline void bench_make(struct bench *b)
{
	struct err err = ERR_INIT;

	*b = (struct bench){ .folder = "/tmp/kanmon-audit-XXXXXX",
			     .fds = RING_FDS_INIT,
			     .producer = RING_INIT,
			     .consumer = RING_INIT };
	ok(mkdtemp(b->folder) != NULL, "a folder");
	ok(ring_create(RING_BYTES_MIN, &b->fds, &err) == 0, "a ring %s", err.text);
	ok(ring_map(&b->producer, &b->fds, RING_PRODUCER, &err) == 0, "the producer %s", err.text);
}

static inline void bench_remove(struct bench *b)
{
	DIR *folder;
	struct dirent *entry;

	close_writer(b);
	ring_unmap(&b->producer);
	ring_fds_release(&b->fds);
	folder = opendir(b->folder);
	while (folder && (entry = readdir(folder)) != NULL)
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		(void)closedir(folder);
	(void)rmdir(b->folder);
}

/* Turns until the writer sleeps or fails. */
static inline void turn(struct bench *b)
{
	int wait = 0;

	for (int i = 0; i < 1000 && wait >= 0; i++) {
		b->clock_ms += WRITER_EVERY_MS;
		wait = writer_turn(b->writer, b->clock_ms);
		if (writer_failure(b->writer))
			return;
	}
	ok(wait == -1, "it comes to rest");
}

static inline bool put(struct bench *b, const char *record)
{
	return ring_put(&b->producer, span_str(record));
}

static inline bool put_number(struct bench *b, uint64_t number)
{
	char record[128];

	(void)snprintf(record, sizeof(record),
		       "{\"number\":%llu,\"pad\":\"................................\"}",
		       (unsigned long long)number);
	return put(b, record);
}

static inline const char *path_of(const struct bench *b, const char *name, char out[128])
{
	(void)snprintf(out, 128, "%s/%s", b->folder, name);
	return out;
}

static inline void read_log(const struct bench *b, const char *name, struct buf *out)
{
	char path[128];
	struct err err = ERR_INIT;

	ok(file_read(path_of(b, name, path), out, &err) == 0, "%s is read %s", name, err.text);
}

/* Every line is JSON and has the number after the one before it. Returns the lines. */
static inline uint64_t check_log(struct span text, uint64_t *seq, struct buf *numbers)
{
	struct json json = { 0 };
	uint64_t lines = 0, bad = 0;

	if (text.n && !span_ends(text, S("\n")))
		ok(false, "the last line ends");
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		uint64_t got = 0, number = 0;

		lines++;
		bad += !json_parse(&json, line, SEGMENT_LINE_MAX) || !segment_line_seq(line, &got) ||
		       got != *seq + 1 || !json_u64(&json, json_get(&json, 0, S("seq")), &got);
		*seq = got;
		if (numbers && json.n && json_u64(&json, json_get(&json, 0, S("number")), &number))
			buf_add(numbers, span_of((const char *)&number, sizeof(number)));
	}
	json_release(&json);
	is_int(bad, 0, "all %llu lines are whole and numbered", (unsigned long long)lines);
	return lines;
}

static inline bool log_has(const struct bench *b, const char *what)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);

	read_log(b, SEGMENT_FILE, &text);
	return span_contains(buf_span(&text), span_str(what));
}

/*
 * A turn on a disk that is full: no file may grow over `bytes`. The limit is this process's, so
 * nothing is printed under it.
 */
static inline int turn_when_full(struct bench *b, uint64_t bytes)
{
	struct rlimit limit, before;
	int wait;

	if (getrlimit(RLIMIT_FSIZE, &before) < 0)
		return -2;
	limit = before;
	limit.rlim_cur = bytes;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return -2;
	wait = writer_turn(b->writer, b->clock_ms);
	if (setrlimit(RLIMIT_FSIZE, &before) < 0)
		return -2;
	return wait;
}
