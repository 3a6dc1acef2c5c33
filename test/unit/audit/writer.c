/* writer.c - what the log's files look like after everything that can go wrong. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "unit/audit/bench.h"

static void lines(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t seq = 0;
	struct stat st;
	char path[128];

	bench_make(&b);
	open_writer(&b);
	turn(&b);
	ok(put(&b, "{\"kind\":\"call\"}") && put(&b, "{\"kind\":\"list\"}"), "two records");
	turn(&b);
	is_int(ring_waiting(&b.producer), 0, "have left the ring");
	read_log(&b, SEGMENT_FILE, &text);
	is_span(buf_span(&text), S("{\"seq\":1,\"kind\":\"call\"}\n{\"seq\":2,\"kind\":\"list\"}\n"),
		"for the file");
	ok(stat(path_of(&b, SEGMENT_FILE, path), &st) == 0 && (st.st_mode & 0777) == 0600,
	   "its owner's only");
	close_writer(&b);
	ok(put(&b, "{\"kind\":\"auth\"}"), "a third, without a writer");
	open_writer(&b);
	turn(&b);
	is_int(writer_seq(b.writer), 3, "the numbers go on");
	read_log(&b, SEGMENT_FILE, &text);
	is_int(check_log(buf_span(&text), &seq, NULL), 3, "three lines");
}

static const struct {
	const char *name;
	struct span record;
} no_records[] = {
	{ "no JSON", SPAN("hello") },
	{ "an array", SPAN("[1]") },
	{ "a cut object", SPAN("{\"a\":1") },
	{ "an empty object", SPAN("{}") },
	{ "an empty object with a space", SPAN("{ }") },
	{ "two lines", SPAN("{\"a\":1,\n\"b\":2}") },
	{ "a forged line behind", SPAN("{\"a\":1}\n{\"seq\":9,\"a\":2}") },
	{ "a carriage return", SPAN("{\"a\":1,\r\"b\":2}") },
	{ "a number of its own", SPAN("{\"seq\":9,\"a\":1}") },
	{ "a number of its own, escaped", SPAN("{\"s\\u0065q\":9,\"a\":1}") },
	{ "bytes that are no text", SPAN("{\"a\":\"\xff\"}") },
	{ "a NUL", SPAN("{\"a\":\"\0\"}") },
};

static void lying_worker(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t seq = 0;
	struct span rest;

	bench_make(&b);
	open_writer(&b);
	for (size_t i = 0; i < COUNT(no_records); i++)
		ok(ring_put(&b.producer, no_records[i].record), "%s", no_records[i].name);
	turn(&b);
	read_log(&b, SEGMENT_FILE, &text);
	is_int(check_log(buf_span(&text), &seq, NULL), COUNT(no_records), "a line for each");
	rest = buf_span(&text);
	for (size_t i = 0; rest.n; i++)
		ok(span_contains(span_cut(&rest, '\n'), S("\"event\":\"bad_record\"")), "refused: %s",
		   no_records[i].name);
}

static void one_writer(void)
{
	CLEANUP(bench_remove) struct bench b;
	struct writer *other = NULL;
	struct err err = ERR_INIT;
	char path[128];

	bench_make(&b);
	open_writer(&b);
	ok(writer_open(&b.options, &other, &err) < 0 && err.code == ERR_DENIED, "a second writer: %s",
	   err.text);
	close_writer(&b);
	ok(chmod(path_of(&b, SEGMENT_FILE, path), 0644) == 0, "a file others may read");
	ok(ring_map(&b.consumer, &b.fds, RING_CONSUMER, &err) == 0, "the consumer");
	ok(writer_open(&b.options, &other, &err) < 0 && span_contains(span_str(err.text), S("chmod 600")),
	   "is refused: %s", err.text);
	ok(unlink(path) == 0 && symlink("/tmp/elsewhere", path) == 0, "a link");
	ok(writer_open(&b.options, &other, &err) < 0, "is refused: %s", err.text);
	ok(unlink(path) == 0, "no link");
	ok(chmod(b.folder, 0770) == 0, "a folder its group may write");
	ok(writer_open(&b.options, &other, &err) < 0 && span_contains(span_str(err.text), S("chmod go-w")),
	   "is refused: %s", err.text);
	ok(chmod(b.folder, 0700) == 0, "a private one");
	b.options.n_rings = WRITER_RINGS_MAX + 1;
	ok(writer_open(&b.options, &other, &err) < 0 && err.code == ERR_LIMIT, "too many rings");
}

/* Writes `text` as the log, opens a writer on it and reads what became of it. */
static void reopen_on(struct bench *b, const char *text, struct buf *out)
{
	struct err err = ERR_INIT;
	char path[128];

	close_writer(b);
	ok(file_replace(path_of(b, SEGMENT_FILE, path), span_str(text), 0600, &err) == 0, "a log as found");
	open_writer(b);
	turn(b);
	read_log(b, SEGMENT_FILE, out);
}

#define GOOD "{\"seq\":7,\"kind\":\"call\"}\n"

static void torn(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t seq = 6;

	bench_make(&b);
	open_writer(&b);
	reopen_on(&b, GOOD "{\"seq\":8,\"kind\":\"ca", &text);
	ok(span_starts(buf_span(&text), S(GOOD "{\"seq\":8,\"t\":\"")), "the torn line is gone");
	ok(span_contains(buf_span(&text), S("\"event\":\"repaired\",\"cut_bytes\":19,\"blake2b\":\"")),
	   "and said so");
	is_int(check_log(buf_span(&text), &seq, NULL), 2, "two lines");
	reopen_on(&b, "{\"seq\":1,\"ki", &text);
	seq = 0;
	is_int(check_log(buf_span(&text), &seq, NULL), 1, "a log that is one torn line");
	reopen_on(&b, GOOD, &text);
	is_span(buf_span(&text), S(GOOD), "a whole one is left alone");
	reopen_on(&b, "", &text);
	is_int(text.n, 0, "and so is an empty one");
}

static void foreign(void)
{
	static const char *const ends[] = {
		"hello\n", "hello", "{\"seq\":8}\n", "{\"seq\":0,\"a\":1}\n", "{\"seq\":x,\"a\":1}\n", "\n"
	};

	for (size_t i = 0; i < COUNT(ends); i++) {
		CLEANUP(bench_remove) struct bench b;
		CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
		CLEANUP(buf_release) struct buf old = BUF_INIT(TEXT_MAX);
		char found[256];

		bench_make(&b);
		open_writer(&b);
		(void)snprintf(found, sizeof(found), GOOD "%s", ends[i]);
		reopen_on(&b, found, &text);
		if (span_eq(span_str(ends[i]), S("hello"))) {
			ok(span_contains(buf_span(&text), S("repaired")), "a torn end of other bytes is cut");
			continue;
		}
		ok(span_starts(buf_span(&text), S("{\"seq\":8,")) &&
		       span_contains(buf_span(&text),
				     S("\"event\":\"set_aside\",\"file\":\"audit-0001.jsonl\"")),
		   "a new log goes on after end %zu", i);
		read_log(&b, "audit-0001.jsonl", &old);
		is_span(buf_span(&old), span_str(found), "the old one is untouched");
	}
}

static void foreign_and_long(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_release) struct buf found = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	char path[128];

	bench_make(&b);
	buf_add(&found, S(GOOD));
	for (int i = 0; i < 400 * 1024; i++)
		buf_add_char(&found, '\0');
	ok(file_replace(path_of(&b, SEGMENT_FILE, path), buf_span(&found), 0600, &err) == 0,
	   "zeros of a power cut");
	open_writer(&b);
	turn(&b);
	read_log(&b, SEGMENT_FILE, &text);
	ok(span_contains(buf_span(&text), S("set_aside")), "are set aside");
}

static void rotation(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t seq = 0, sum = 0;
	unsigned files = 0;
	struct stat st;
	char path[128], name[SEGMENT_NAME_BYTES];

	bench_make(&b);
	b.options.rotate_bytes = 1000;
	open_writer(&b);
	for (uint64_t i = 1; i <= 100; i++) {
		if (!put_number(&b, i))
			ok(false, "a record");
		if (i % 5 == 0)
			turn(&b);
		if (i == 50) {
			close_writer(&b);
			open_writer(&b);
		}
	}
	for (;; files++) {
		(void)snprintf(name, sizeof(name), "audit-%04u.jsonl", files + 1);
		if (stat(path_of(&b, name, path), &st) < 0)
			break;
		ok(st.st_size >= 1000 && st.st_size < 2000, "a full file");
		read_log(&b, name, &text);
		sum += check_log(buf_span(&text), &seq, NULL);
	}
	ok(files >= 4, "%u full ones", files);
	read_log(&b, SEGMENT_FILE, &text);
	sum += check_log(buf_span(&text), &seq, NULL);
	is_int(sum, 100, "hold all records, numbered through");
}

static void starts_after_rotation(void)
{
	CLEANUP(bench_remove) struct bench b;
	struct err err = ERR_INIT;
	char path[128];

	bench_make(&b);
	ok(file_replace(path_of(&b, "audit-0009.jsonl", path), S(GOOD), 0600, &err) == 0, "an earlier file");
	ok(file_replace(path_of(&b, "audit-x.jsonl", path), S(GOOD), 0600, &err) == 0,
	   "and one of another name");
	b.options.rotate_bytes = 1;
	open_writer(&b);
	ok(put_number(&b, 1), "a record");
	turn(&b);
	is_int(writer_seq(b.writer), 8, "the number goes on");
	ok(access(path_of(&b, "audit-0010.jsonl", path), F_OK) == 0, "and so do the files");
}

/* It fills up in the middle of a batch. */
static void full_disk(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_release) struct buf numbers = BUF_INIT(TEXT_MAX);
	uint64_t seq = 0, accepted = 0, wrong = 0;

	bench_make(&b);
	open_writer(&b);
	while (accepted < 10)
		ok(put_number(&b, ++accepted), "a record");
	turn(&b);
	while (accepted < 200 && put_number(&b, accepted + 1))
		accepted++;
	b.clock_ms += WRITER_EVERY_MS;
	is_int(turn_when_full(&b, 6000), WRITER_RETRY_MS, "no file over 6000 bytes");
	is_int(writer_failure(b.writer), EFBIG, "the log cannot be written");
	is_int(ring_failure(&b.producer), EFBIG, "the worker sees why");
	ok(!put_number(&b, 1000), "and nothing more is accepted");
	read_log(&b, SEGMENT_FILE, &text);
	is_int(check_log(buf_span(&text), &seq, NULL), 10, "the log ends as it did before");
	is_int(writer_turn(b.writer, b.clock_ms + 10), WRITER_RETRY_MS - 10, "it tries again in a second");
	b.clock_ms += WRITER_RETRY_MS;
	is_int(turn_when_full(&b, 6000), WRITER_RETRY_MS, "in vain");
	b.clock_ms += WRITER_RETRY_MS;
	turn(&b);
	is_int(writer_failure(b.writer), 0, "with room it works");
	is_int(ring_failure(&b.producer), 0, "for the worker too");
	ok(put_number(&b, ++accepted), "a record");
	turn(&b);
	read_log(&b, SEGMENT_FILE, &text);
	seq = 0;
	is_int(check_log(buf_span(&text), &seq, &numbers), accepted, "every record that was accepted");
	for (uint64_t i = 0; i < numbers.n / 8; i++)
		wrong += memcmp(numbers.p + i * 8, &(uint64_t){ i + 1 }, 8) != 0;
	is_int(wrong, 0, "in order");
}

static void disturbed(void)
{
	CLEANUP(bench_remove) struct bench b;
	char path[128];
	int fd;

	bench_make(&b);
	open_writer(&b);
	ok(put_number(&b, 1), "a record");
	turn(&b);
	ok(truncate(path_of(&b, SEGMENT_FILE, path), 10) == 0, "somebody cuts the log");
	ok(put_number(&b, 2), "a record");
	turn(&b);
	ok(log_has(&b, "\"event\":\"file_changed\",\"expected_bytes\":"), "which the next one says");
	ok(log_has(&b, "\"number\":2"), "before the record");
	fd = open(path, O_WRONLY | O_APPEND);
	ok(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0, "somebody adds to it");
	ok(put_number(&b, 3), "a record");
	turn(&b);
	ok(log_has(&b, "file_changed") && log_has(&b, "\"number\":3") && !log_has(&b, "\"number\":2"),
	   "a new file");
	ok(unlink(path) == 0, "somebody removes it");
	ok(put_number(&b, 4), "a record");
	turn(&b);
	ok(log_has(&b, "file_removed") && log_has(&b, "\"number\":4"), "a new one says so");
}

static void broken(void)
{
	CLEANUP(bench_remove) struct bench b;
	struct err err = ERR_INIT;
	uint64_t place = 1ULL << 40;

	bench_make(&b);
	open_writer(&b);
	ok(put_number(&b, 1), "a record");
	turn(&b);
	ok(pwrite(b.fds.memory, &place, sizeof(place), 128) == 8, "a worker writes over its ring");
	turn(&b);
	ok(writer_is_broken(b.writer, 0), "which the writer knows");
	ok(log_has(&b, "\"event\":\"ring_broken\",\"ring\":0"), "and says");
	ok(!put_number(&b, 2), "nothing more is accepted");
	ok(ring_reset(&b.fds, &err) == 0, "the manager resets it %s", err.text);
	ring_unmap(&b.producer);
	ok(ring_map(&b.producer, &b.fds, RING_PRODUCER, &err) == 0, "a new worker %s", err.text);
	turn(&b);
	ok(put_number(&b, 3), "is heard");
	turn(&b);
	ok(log_has(&b, "\"number\":3") && !writer_is_broken(b.writer, 0), "and written");
}

static void many_rings(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_release) struct buf numbers = BUF_INIT(TEXT_MAX);
	struct ring_fds fds[3] = { RING_FDS_INIT, RING_FDS_INIT, RING_FDS_INIT };
	struct ring producers[3], consumers[3];
	struct writer_options options = { .rings = consumers, .n_rings = 3 };
	struct err err = ERR_INIT;
	uint64_t seq = 0, place = 13;

	bench_make(&b);
	options.folder = b.folder;
	for (int i = 0; i < 3; i++)
		ok(ring_create(RING_BYTES_MIN, &fds[i], &err) == 0 &&
		       ring_map(&producers[i], &fds[i], RING_PRODUCER, &err) == 0 &&
		       ring_map(&consumers[i], &fds[i], RING_CONSUMER, &err) == 0,
		   "ring %d", i);
	ok(writer_open(&options, &b.writer, &err) == 0, "one writer %s", err.text);
	for (int i = 0; i < 900; i++)
		if (!ring_put(&producers[i % 3], S("{\"number\":1,\"pad\":\"xxxxxxxxxxxxxxxxxxxx\"}")))
			ok(false, "a record");
	ok(pwrite(fds[1].memory, &place, sizeof(place), 128) == 8, "one ring breaks");
	turn(&b);
	ok(writer_is_broken(b.writer, 1) && !writer_is_broken(b.writer, 0), "which is known");
	is_int(ring_waiting(&producers[0]) + ring_waiting(&producers[2]), 0, "the others are empty");
	read_log(&b, SEGMENT_FILE, &text);
	is_int(check_log(buf_span(&text), &seq, &numbers), 601, "and their records in the log");
	b.writer = writer_close(b.writer);
	for (int i = 0; i < 3; i++) {
		ring_unmap(&producers[i]);
		ring_unmap(&consumers[i]);
		ring_fds_release(&fds[i]);
	}
}

int main(void)
{
	struct err err = ERR_INIT;

	ok(crypto_init(&err) == 0, "starts");
	one_writer();
	lying_worker();
	lines();
	torn();
	foreign();
	foreign_and_long();
	rotation();
	starts_after_rotation();
	full_disk();
	disturbed();
	broken();
	many_rings();
	return tap_done();
}
