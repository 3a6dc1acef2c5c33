/* writer_death.c - a writer that dies at any moment: the next one leaves each record once, in order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "audit/intent.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "unit/audit/bench.h"

enum { KILLS = 100 };

static void dies_when_full(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_release) struct buf numbers = BUF_INIT(TEXT_MAX);
	uint64_t seq = 0, waiting;
	int status = 0;
	pid_t pid;

	bench_make(&b);
	for (uint64_t i = 1; i <= 200; i++)
		if (!put_number(&b, i))
			ok(false, "a record");
	waiting = ring_waiting(&b.producer);
	pid = fork();
	if (pid == 0) {
		struct err err = ERR_INIT;

		b.options.folder = b.folder;
		b.options.rings = &b.consumer;
		b.options.n_rings = 1;
		if (ring_map(&b.consumer, &b.fds, RING_CONSUMER, &err) < 0 ||
		    writer_open(&b.options, &b.writer, &err) < 0)
			_exit(1);
		_exit(turn_when_full(&b, 6000) == WRITER_RETRY_MS ? 0 : 2);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "a writer fails, and dies");
	is_int(ring_waiting(&b.producer), waiting, "the records outlived it");
	is_int(ring_failure(&b.producer), EFBIG, "and so did the failure");
	open_writer(&b);
	is_int(ring_failure(&b.producer), 0, "until the next one");
	turn(&b);
	read_log(&b, SEGMENT_FILE, &text);
	is_int(check_log(buf_span(&text), &seq, &numbers), 200, "they are all there");
	is_int(numbers.n, 1600, "each once");
}

/* Leaves the files as a writer does that dies with `bytes` of its batch of three in the log. */
static void die_after(struct bench *b, size_t bytes)
{
	static const char batch[] =
	    "{\"seq\":1,\"number\":1}\n{\"seq\":2,\"number\":2}\n{\"seq\":3,\"number\":3}\n";
	struct intent intent = { .n = 1 };
	struct err err = ERR_INIT;
	char path[128];
	struct stat st;
	int fd = -1, folder = open(b->folder, O_RDONLY | O_DIRECTORY);

	ok(file_replace(path_of(b, SEGMENT_FILE, path), span_of(batch, bytes), 0600, &err) == 0 &&
	       stat(path, &st) == 0,
	   "%zu bytes of a batch", bytes);
	ok(ring_map(&b->consumer, &b->fds, RING_CONSUMER, &err) == 0, "the ring");
	intent.inode = st.st_ino;
	intent.chunks[0] = (struct intent_chunk){
		.ring_id = b->consumer.id, .from = b->consumer.tail, .bytes = sizeof(batch) - 1, .records = 3
	};
	ring_unmap(&b->consumer);
	ok(intent_open(folder, &fd, &(struct intent){ 0 }, &err) == 0 && intent_write(fd, &intent) == 0,
	   "its intent");
	(void)close(fd);
	(void)close(folder);
}

static void takes_over(void)
{
	static const size_t cuts[] = { 0, 1, 20, 21, 22, 41, 42, 55, 62, 63 };

	for (size_t i = 0; i < COUNT(cuts); i++) {
		CLEANUP(bench_remove) struct bench b;
		CLEANUP(buf_release) struct buf numbers = BUF_INIT(TEXT_MAX);
		CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
		uint64_t seq = 0;

		bench_make(&b);
		for (int k = 1; k <= 4; k++) {
			char record[32];

			(void)snprintf(record, sizeof(record), "{\"number\":%d}", k);
			ok(put(&b, record), "record %d", k);
		}
		die_after(&b, cuts[i]);
		open_writer(&b);
		turn(&b);
		read_log(&b, SEGMENT_FILE, &text);
		(void)check_log(buf_span(&text), &seq, &numbers);
		is_span(buf_span(&numbers), span_of((const char *)(const uint64_t[]){ 1, 2, 3, 4 }, 32),
			"each record once, in order");
		is_int(span_contains(buf_span(&text), S("repaired")), cuts[i] % 21 != 0,
		       "a torn line is told");
	}
}

/* A writer as the keeper runs it, until it is killed. */
static void run_writer(const struct bench *b)
{
	struct ring ring = RING_INIT;
	struct writer_options options = {
		.folder = b->folder, .rings = &ring, .n_rings = 1, .rotate_bytes = 40000
	};
	struct writer *writer = NULL;
	struct err err = ERR_INIT;

	if (ring_map(&ring, &b->fds, RING_CONSUMER, &err) < 0 || writer_open(&options, &writer, &err) < 0) {
		fprintf(stderr, "# %s\n", err.text);
		_exit(3);
	}
	for (;;) {
		struct pollfd p = { .fd = b->fds.wake, .events = POLLIN };
		int wait = writer_turn(writer, clock_mono_ms());

		(void)poll(wait < 0 ? &p : NULL, wait < 0, wait);
	}
}

static pid_t start_writer(const struct bench *b)
{
	pid_t pid = fork();

	if (pid == 0)
		run_writer(b);
	return pid;
}

static void kill_writer(pid_t pid)
{
	int status = 0;

	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		ok(false, "it ended by itself, with %d", WEXITSTATUS(status));
}

/* Puts records for a moment; a full ring is waited for. */
static void feed(struct bench *b, uint64_t *number, uint64_t how_many)
{
	for (uint64_t i = 0; i < how_many; i++) {
		for (int tries = 0; !put_number(b, *number + 1); tries++) {
			if (tries > 1000)
				return;
			(void)usleep(20);
		}
		(*number)++;
	}
}

/* All files together: every accepted record once, in order. */
static void check_all(struct bench *b, uint64_t accepted)
{
	CLEANUP(buf_release) struct buf numbers = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t seq = 0, wrong = 0;
	char name[SEGMENT_NAME_BYTES], path[128];

	for (unsigned i = 1;; i++) {
		(void)snprintf(name, sizeof(name), "audit-%04u.jsonl", i);
		if (access(path_of(b, name, path), F_OK) < 0)
			break;
		read_log(b, name, &text);
		(void)check_log(buf_span(&text), &seq, &numbers);
		ok(!span_contains(buf_span(&text), S("bad_record")), "no record is damaged");
	}
	read_log(b, SEGMENT_FILE, &text);
	(void)check_log(buf_span(&text), &seq, &numbers);
	is_int(numbers.n / 8, accepted, "as many records as were accepted");
	for (uint64_t i = 0; i < numbers.n / 8; i++)
		wrong += memcmp(numbers.p + i * 8, &(uint64_t){ i + 1 }, 8) != 0;
	is_int(wrong, 0, "each once, in order");
}

static void killed(void)
{
	CLEANUP(bench_remove) struct bench b;
	uint64_t number = 0;
	pid_t pid;

	bench_make(&b);
	pid = start_writer(&b);
	for (int round = 0; round < KILLS; round++) {
		feed(&b, &number, random_u64() % 60);
		(void)usleep((useconds_t)(random_u64() % 3000));
		kill_writer(pid);
		feed(&b, &number, random_u64() % 20);
		pid = start_writer(&b);
	}
	kill_writer(pid);
	b.options.rotate_bytes = 40000;
	open_writer(&b);
	turn(&b);
	ok(number > KILLS, "%llu records through %d deaths", (unsigned long long)number, KILLS);
	check_all(&b, number);
}

int main(void)
{
	struct err err = ERR_INIT;

	ok(crypto_init(&err) == 0, "starts");
	dies_when_full();
	takes_over();
	killed();
	return tap_done();
}
