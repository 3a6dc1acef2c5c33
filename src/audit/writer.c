/* writer.c - from the rings to the disk. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/writer.h"

#include <errno.h>
#include <signal.h>

#include "audit/intent.h"
#include "audit/segment.h"
#include "base/check.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "json/write.h"

/* More than the largest ring holds. */
enum { CLOSE_CYCLES = RING_BYTES_MAX / WRITER_CYCLE_BYTES + 1 };

struct writer {
	struct ring *rings; /* borrowed */
	size_t n_rings;
	bool reported[WRITER_RINGS_MAX]; /* broken, and a line says so */
	size_t first;			 /* ring that is read first in the next batch */
	const struct log *log;
	struct segment segment;
	uint64_t rotate_bytes;
	int intent_fd;
	struct intent intent;
	struct buf batch, record;
	struct json json;   /* to see whether a record is what it should be */
	uint64_t cycle_seq; /* number of the last line that is synced */
	uint64_t next_ms;
	int failure;
	bool asleep, ready;
};

static void note(const struct writer *writer, enum log_level level, const char *event, const char *text,
		 struct span detail)
{
	if (writer->log)
		log_event(writer->log, level, event, text, LF("detail", detail));
}

/* Begins a line of the writer's own: {"seq":N,"t":"...","event":"NAME" */
static void event_begin(struct writer *writer, struct span name)
{
	struct buf *out = &writer->batch;

	buf_add_char(out, '{');
	json_put_u64(out, S("seq"), ++writer->segment.seq);
	json_add_key(out, S("t"));
	buf_add_char(out, '"');
	clock_add_rfc3339(out, clock_wall_ms());
	buf_add_char(out, '"');
	json_put_string(out, S("event"), name);
}

static void event_end(struct writer *writer)
{
	buf_add(&writer->batch, S("}\n"));
}

static void put_digest(struct buf *out, const uint8_t digest[DIGEST_BYTES])
{
	json_add_key(out, S("blake2b"));
	buf_add_char(out, '"');
	buf_add_hex(out, digest_span(digest));
	buf_add_char(out, '"');
}

/* One line of JSON, an object with something in it, that does not number itself. */
static bool is_record(struct writer *writer, struct span record)
{
	if (record.n < 2 || record.p[0] != '{' || record.p[record.n - 1] != '}' ||
	    memchr(record.p, '\n', record.n) || memchr(record.p, '\r', record.n))
		return false;
	if (!json_parse(&writer->json, record, RING_RECORD_MAX))
		return false;
	return json_first(&writer->json, 0) != JSON_NONE && json_get(&writer->json, 0, S("seq")) == JSON_NONE;
}

static void add_line(struct writer *writer, struct span record)
{
	struct buf *out = &writer->batch;
	uint8_t digest[DIGEST_BYTES];

	if (is_record(writer, record)) {
		buf_add(out, S("{\"seq\":"));
		buf_add_u64(out, ++writer->segment.seq);
		buf_add_char(out, ',');
		buf_add(out, span_skip(record, 1));
		buf_add_char(out, '\n');
		return;
	}
	event_begin(writer, S("bad_record"));
	json_put_u64(out, S("bytes"), record.n);
	digest_blake2b(record, digest);
	put_digest(out, digest);
	event_end(writer);
}

/* Notes what the batch holds from `start` on. The caller sees to it that there is a free chunk. */
static void add_chunk(struct writer *writer, size_t start, uint64_t ring_id, uint64_t from, uint64_t records)
{
	struct intent *intent = &writer->intent;

	check(intent->n < INTENT_CHUNKS);
	intent->chunks[intent->n++] = (struct intent_chunk){
		.ring_id = ring_id, .from = from, .bytes = writer->batch.n - start, .records = records
	};
}

static void report_broken(struct writer *writer, size_t i)
{
	size_t start = writer->batch.n;

	ring_set_failure(&writer->rings[i], EBADMSG);
	if (writer->reported[i])
		return;
	writer->reported[i] = true;
	event_begin(writer, S("ring_broken"));
	json_put_u64(&writer->batch, S("ring"), i);
	event_end(writer);
	add_chunk(writer, start, 0, 0, 1);
	note(writer, LOG_ERROR, "audit.ring_broken", "a worker damaged its audit ring; what it held is lost",
	     S(""));
}

/* The manager has reset it: it is as good as any other again. */
static void forgive(struct writer *writer, size_t i)
{
	if (!writer->reported[i])
		return;
	writer->reported[i] = false;
	ring_set_failure(&writer->rings[i], writer->failure);
}

/* Moves records from one ring into the batch while there is room for one more of any size. */
static void gather_ring(struct writer *writer, size_t i)
{
	struct ring *ring = &writer->rings[i];
	enum ring_state state = RING_EMPTY;
	uint64_t records = 0, from = 0;
	size_t start = writer->batch.n;

	while (writer->batch.n + SEGMENT_LINE_MAX <= WRITER_BATCH_BYTES) {
		uint64_t before = ring->cursor, id = ring->id;

		buf_clear(&writer->record);
		state = ring_read(ring, &writer->record);
		if (state == RING_BROKEN)
			break;
		forgive(writer, i);
		if (state == RING_EMPTY)
			break;
		if (records++ == 0)
			from = ring->id == id ? before : ring->tail;
		add_line(writer, buf_span(&writer->record));
	}
	if (records)
		add_chunk(writer, start, ring->id, from, records);
	if (state == RING_BROKEN)
		report_broken(writer, i);
}

static void gather(struct writer *writer)
{
	for (size_t k = 0; k < writer->n_rings; k++) {
		/* A ring takes two chunks at most: its records, and the line that it is broken. */
		if (writer->intent.n + 2 > INTENT_CHUNKS)
			return;
		gather_ring(writer, (writer->first + k) % writer->n_rings);
	}
	/* Nobody's ring is always the one that finds the batch full. */
	writer->first = writer->n_rings ? (writer->first + 1) % writer->n_rings : 0;
}

/* The intent, then the bytes. 0 or an errno. */
static int append_batch(struct writer *writer)
{
	int failure;

	if (!buf_ok(&writer->batch))
		return ENOMEM;
	failure = intent_write(writer->intent_fd, &writer->intent);
	if (failure == 0)
		failure = segment_append(&writer->segment, buf_span(&writer->batch));
	buf_clear(&writer->batch);
	return failure;
}

static void begin_cycle(struct writer *writer)
{
	buf_clear(&writer->batch);
	writer->cycle_seq = writer->segment.seq;
	writer->intent.inode = writer->segment.inode;
	writer->intent.offset = writer->segment.size;
	writer->intent.n = 0;
}

static void set_failure(struct writer *writer, int failure)
{
	writer->failure = failure;
	for (size_t i = 0; i < writer->n_rings; i++)
		ring_set_failure(&writer->rings[i], failure ? failure : writer->reported[i] ? EBADMSG : 0);
}

/* Everything as before the cycle; the records are still in the rings. */
static void fail_cycle(struct writer *writer, int failure)
{
	struct span reason = span_str(strerrordesc_np(failure));

	if (writer->failure != failure)
		note(writer, LOG_ERROR, "audit.failed", "the audit log cannot be written: calls are denied",
		     reason);
	set_failure(writer, failure);
	(void)segment_undo(&writer->segment); /* if not now, then at the next try */
	buf_clear(&writer->batch);
	writer->segment.seq = writer->cycle_seq;
	for (size_t i = 0; i < writer->n_rings; i++) {
		ring_rewind(&writer->rings[i]);
		/* Its line was undone: say it again. */
		if (writer->rings[i].broken)
			writer->reported[i] = false;
	}
}

static void end_cycle(struct writer *writer)
{
	for (size_t i = 0; i < writer->n_rings; i++)
		if (!writer->rings[i].broken || writer->rings[i].cursor != writer->rings[i].tail)
			ring_commit(&writer->rings[i]);
	if (writer->failure == 0)
		return;
	set_failure(writer, 0);
	note(writer, LOG_INFO, "audit.recovered", "the audit log is written again", S(""));
}

/* One line about the file, as a batch of its own in the cycle. */
static int append_event(struct writer *writer, struct span name, struct span key, uint64_t value)
{
	size_t start = writer->batch.n;

	event_begin(writer, name);
	json_put_u64(&writer->batch, key, value);
	event_end(writer);
	add_chunk(writer, start, 0, 0, 1);
	return append_batch(writer);
}

/* Is the file still the one we left? Else a new one begins and says why. 0 or an errno. */
static int look_after(struct writer *writer)
{
	enum segment_state state = segment_look(&writer->segment);
	uint64_t expected = writer->segment.size;
	struct err err = ERR_INIT;

	if (state == SEGMENT_AS_LEFT)
		return 0;
	if (state == SEGMENT_CHANGED && segment_rotate(&writer->segment, &err) < 0)
		return err.sys ? err.sys : EACCES;
	if (state == SEGMENT_REMOVED && segment_renew(&writer->segment, &err) < 0)
		return err.sys ? err.sys : EACCES;
	begin_cycle(writer);
	note(writer, LOG_WARN, "audit.disturbed",
	     "somebody else changed or removed the audit log; a new file begins", S(""));
	return append_event(writer, state == SEGMENT_CHANGED ? S("file_changed") : S("file_removed"),
			    S("expected_bytes"), expected);
}

static void rotate_if_full(struct writer *writer)
{
	struct err err = ERR_INIT;

	if (writer->segment.size < writer->rotate_bytes)
		return;
	/* The full file goes on growing: better than no log. */
	if (segment_rotate(&writer->segment, &err) < 0)
		note(writer, LOG_WARN, "audit.rotate", "the audit log cannot be rotated", span_str(err.text));
	begin_cycle(writer);
}

/* Appends batches until the rings are empty or the cycle is full. 0 or an errno. */
static int append_all(struct writer *writer)
{
	uint64_t start = writer->segment.size;

	while (writer->intent.n + 2 <= INTENT_CHUNKS && writer->segment.size - start < WRITER_CYCLE_BYTES) {
		int failure;

		gather(writer);
		if (writer->batch.n == 0)
			return 0;
		failure = append_batch(writer);
		if (failure)
			return failure;
	}
	return 0;
}

/* From the rings to the disk. True where something was written. */
static bool run_cycle(struct writer *writer)
{
	int failure = segment_undo(&writer->segment);
	bool wrote;

	begin_cycle(writer);
	if (failure == 0)
		failure = look_after(writer);
	if (failure == 0)
		failure = append_all(writer);
	if (failure == 0)
		failure = segment_sync(&writer->segment);
	if (failure) {
		fail_cycle(writer, failure);
		return false;
	}
	end_cycle(writer);
	wrote = writer->intent.n > 0;
	rotate_if_full(writer);
	return wrote;
}

static bool fall_asleep(struct writer *writer)
{
	for (size_t i = 0; i < writer->n_rings; i++)
		if (!ring_sleep(&writer->rings[i]))
			return false;
	writer->asleep = true;
	return true;
}

static void wake_up(struct writer *writer)
{
	if (!writer->asleep)
		return;
	for (size_t i = 0; i < writer->n_rings; i++)
		ring_awake(&writer->rings[i]);
	writer->asleep = false;
}

int writer_turn(struct writer *writer, uint64_t mono_ms)
{
	if (mono_ms < writer->next_ms)
		return (int)(writer->next_ms - mono_ms);
	wake_up(writer);
	if (run_cycle(writer)) {
		writer->next_ms = mono_ms + WRITER_EVERY_MS;
		return WRITER_EVERY_MS;
	}
	if (writer->failure) {
		writer->next_ms = mono_ms + WRITER_RETRY_MS;
		return WRITER_RETRY_MS;
	}
	return fall_asleep(writer) ? -1 : 0;
}

/* How many of a chunk's records the file holds. */
static int records_in_file(struct writer *writer, const struct intent_chunk *chunk, uint64_t start,
			   uint64_t *out, struct err *err)
{
	*out = 0;
	if (writer->segment.size >= start + chunk->bytes) {
		*out = chunk->records;
		return 0;
	}
	if (writer->segment.size <= start)
		return 0;
	return segment_count_lines(&writer->segment, start, writer->segment.size, out, err);
}

static void skip_records(struct writer *writer, struct ring *ring, uint64_t records)
{
	for (; records > 0; records--) {
		buf_clear(&writer->record);
		if (ring_read(ring, &writer->record) != RING_RECORD)
			break;
	}
}

/* The writer before us died after an append and before its commit: those records are not to come twice. */
static int take_over(struct writer *writer, struct err *err)
{
	const struct intent *intent = &writer->intent;
	uint64_t start = intent->offset;

	if (intent->inode != writer->segment.inode)
		return 0;
	for (size_t k = 0; k < intent->n; k++) {
		const struct intent_chunk *chunk = &intent->chunks[k];
		uint64_t records;

		if (records_in_file(writer, chunk, start, &records, err) < 0)
			return -1;
		start += chunk->bytes;
		for (size_t i = 0; i < writer->n_rings; i++)
			if (!writer->rings[i].broken && writer->rings[i].id == chunk->ring_id &&
			    writer->rings[i].cursor == chunk->from)
				skip_records(writer, &writer->rings[i], records);
	}
	return 0;
}

static int tell_repair(struct writer *writer, const struct segment_repair *repair, struct err *err)
{
	struct buf *out = &writer->batch;

	begin_cycle(writer);
	if (repair->cut_bytes == 0 && repair->set_aside[0] == '\0')
		return 0;
	if (repair->cut_bytes) {
		event_begin(writer, S("repaired"));
		json_put_u64(out, S("cut_bytes"), repair->cut_bytes);
		put_digest(out, repair->cut_digest);
		note(writer, LOG_WARN, "audit.repaired", "a torn line was cut off the audit log", S(""));
	} else {
		event_begin(writer, S("set_aside"));
		json_put_string(out, S("file"), span_str(repair->set_aside));
		note(writer, LOG_WARN, "audit.set_aside",
		     "the audit log ended in what this program did not write", span_str(repair->set_aside));
	}
	event_end(writer);
	errno = segment_append(&writer->segment, buf_span(out));
	if (errno == 0)
		errno = segment_sync(&writer->segment);
	buf_clear(out);
	return errno ? err_sys(err, "cannot write the audit log") : 0;
}

int writer_open(const struct writer_options *options, struct writer **out, struct err *err)
{
	CLEANUP(writer_closep) struct writer *writer = NULL;
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct segment_repair repair;

	if (options->n_rings > WRITER_RINGS_MAX)
		return err_set(err, ERR_LIMIT, "at most %d audit rings have one writer", WRITER_RINGS_MAX);
	if (sigaction(SIGXFSZ, &ignore, NULL) < 0)
		return err_sys(err, "cannot ignore SIGXFSZ");
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return err_set(err, ERR_NOMEM, "no memory for the audit writer");
	writer->segment = SEGMENT_INIT;
	writer->intent_fd = -1;
	writer->batch = BUF_INIT(WRITER_BATCH_BYTES + SEGMENT_LINE_MAX);
	writer->record = BUF_INIT(RING_RECORD_MAX);
	writer->log = options->log;
	writer->rotate_bytes = options->rotate_bytes ? options->rotate_bytes : WRITER_ROTATE_BYTES;
	if (segment_open(&writer->segment, options->folder, &repair, err) < 0 ||
	    intent_open(writer->segment.folder_fd, &writer->intent_fd, &writer->intent, err) < 0)
		return -1;
	writer->rings = options->rings;
	writer->n_rings = options->n_rings;
	if (take_over(writer, err) < 0)
		return -1;
	/* Before a line about the repair can be taken for one of theirs. */
	for (size_t i = 0; i < writer->n_rings; i++)
		ring_commit(&writer->rings[i]);
	if (tell_repair(writer, &repair, err) < 0)
		return -1;
	set_failure(writer, 0);
	writer->ready = true;
	*out = TAKE(writer);
	return 0;
}

struct writer *writer_close(struct writer *writer)
{
	if (!writer)
		return NULL;
	/* Each cycle empties something or stops; a producer that is still alive cannot hold us here. */
	for (int i = 0; i < CLOSE_CYCLES && writer->ready; i++)
		if (!run_cycle(writer))
			break;
	segment_release(&writer->segment);
	closep(&writer->intent_fd);
	buf_release(&writer->batch);
	buf_release(&writer->record);
	json_release(&writer->json);
	free(writer);
	return NULL;
}

int writer_failure(const struct writer *writer)
{
	return writer->failure;
}

bool writer_is_broken(const struct writer *writer, size_t i)
{
	return writer->rings[i].broken;
}

uint64_t writer_seq(const struct writer *writer)
{
	return writer->segment.seq;
}
