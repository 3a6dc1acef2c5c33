/* ring.c - full, corrupt, and both ends killed again and again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/random.h"
#include "tap.h"

enum { ROUNDS = 200, PAGE = 4096 };

struct bench {
	struct ring_fds fds;
	struct ring producer, consumer;
};

static void bench_make(struct bench *b)
{
	struct err err = ERR_INIT;

	*b = (struct bench){ .fds = RING_FDS_INIT, .producer = RING_INIT, .consumer = RING_INIT };
	ok(ring_create(RING_BYTES_MIN, &b->fds, &err) == 0, "a ring %s", err.text);
	ok(ring_map(&b->producer, &b->fds, RING_PRODUCER, &err) == 0, "its producer %s", err.text);
	ok(ring_map(&b->consumer, &b->fds, RING_CONSUMER, &err) == 0, "its consumer %s", err.text);
}

static void bench_remove(struct bench *b)
{
	ring_unmap(&b->producer);
	ring_unmap(&b->consumer);
	ring_fds_release(&b->fds);
}

static void no_ring(void)
{
	CLEANUP(ring_fds_release) struct ring_fds fds = RING_FDS_INIT;
	struct ring ring = RING_INIT;
	struct err err = ERR_INIT;
	char some[RING_BYTES_MIN] = { 0 };

	ok(ring_create(0, &fds, &err) < 0, "no bytes");
	ok(ring_create(RING_BYTES_MIN + 8, &fds, &err) < 0, "no power of two");
	ok(ring_create((size_t)RING_BYTES_MAX * 2, &fds, &err) < 0, "too large");
	fds.memory = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ok(ftruncate(fds.memory, PAGE + RING_BYTES_MIN) == 0, "memory that is not sealed");
	ok(ring_map(&ring, &fds, RING_CONSUMER, &err) < 0, "is no ring");
	ok(write(fds.memory, some, sizeof(some)) > 0 && fcntl(fds.memory, F_ADD_SEALS, F_SEAL_SHRINK) == 0,
	   "half");
	ok(ring_map(&ring, &fds, RING_CONSUMER, &err) < 0, "nor is half sealed memory");
	closep(&fds.memory);
	fds.memory = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ok(ftruncate(fds.memory, PAGE + RING_BYTES_MIN) == 0 &&
	       fcntl(fds.memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0,
	   "sealed zeros");
	ok(ring_map(&ring, &fds, RING_PRODUCER, &err) < 0, "are no ring for a producer");
}

static void sealed(void)
{
	CLEANUP(bench_remove) struct bench b;

	bench_make(&b);
	ok(ftruncate(b.fds.memory, PAGE) < 0 && errno == EPERM, "nobody takes the memory away");
	ok(ftruncate(b.fds.memory, PAGE + 2 * RING_BYTES_MIN) < 0, "nor adds to it");
}

static void full(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	CLEANUP(buf_release) struct buf little = BUF_INIT(10);
	char record[RING_RECORD_MAX + 1];
	unsigned n = 0, read = 0;

	bench_make(&b);
	memset(record, 'r', sizeof(record));
	ok(!ring_put(&b.producer, S("")), "an empty record");
	ok(!ring_put(&b.producer, span_of(record, sizeof(record))), "too long a record");
	is_int(ring_read(&b.consumer, &out), RING_EMPTY, "nothing is there");
	while (n < 10000 && ring_put(&b.producer, span_of(record, 1000)))
		n++;
	is_int(n, RING_BYTES_MIN / 1008, "as many as fit");
	ok(!ring_put(&b.producer, span_of(record, 1000)), "and no more");
	is_int(ring_waiting(&b.producer), n * 1008, "all of them wait");
	is_int(ring_read(&b.consumer, &out), RING_RECORD, "one is read");
	ok(!ring_put(&b.producer, span_of(record, 1000)), "that is no room yet");
	ring_rewind(&b.consumer);
	buf_clear(&out);
	is_int(ring_read(&b.consumer, &out), RING_RECORD, "and again");
	is_span(buf_span(&out), span_of(record, 1000), "the same");
	ring_commit(&b.consumer);
	ok(ring_put(&b.producer, span_of(record, 1000)), "committed is room");
	for (buf_clear(&out); ring_read(&b.consumer, &out) == RING_RECORD; buf_clear(&out))
		read++;
	is_int(read, n, "all come out, the last one around the end");
	ring_rewind(&b.consumer);
	is_int(ring_read(&b.consumer, &little), RING_EMPTY, "no room to read into");
	ok(little.over, "is said so");
}

static void failed(void)
{
	CLEANUP(bench_remove) struct bench b;
	struct err err = ERR_INIT;

	bench_make(&b);
	ring_set_failure(&b.consumer, ENOSPC);
	ok(!ring_put(&b.producer, S("x")), "refused while the consumer fails");
	is_int(ring_failure(&b.producer), ENOSPC, "and why");
	ring_unmap(&b.producer);
	ok(ring_map(&b.producer, &b.fds, RING_PRODUCER, &err) == 0 && !ring_put(&b.producer, S("x")),
	   "also for a new producer");
	ring_set_failure(&b.consumer, 0);
	ok(ring_put(&b.producer, S("x")), "accepted again");
}

static void goes_on(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct err err = ERR_INIT;

	bench_make(&b);
	ok(ring_put(&b.producer, S("one")) && ring_put(&b.producer, S("two")), "two records");
	ring_unmap(&b.producer);
	is_int(ring_read(&b.consumer, &out), RING_RECORD, "one is read, not committed");
	ring_unmap(&b.consumer);
	ok(ring_map(&b.producer, &b.fds, RING_PRODUCER, &err) == 0 && ring_put(&b.producer, S("three")),
	   "a third");
	ok(ring_map(&b.consumer, &b.fds, RING_CONSUMER, &err) == 0, "both ends began anew");
	buf_clear(&out);
	while (ring_read(&b.consumer, &out) == RING_RECORD)
		buf_add_char(&out, ' ');
	is_span(buf_span(&out), S("one two three "), "and nothing was lost");
}

static void bell(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct pollfd p;

	bench_make(&b);
	p = (struct pollfd){ .fd = b.fds.wake, .events = POLLIN };
	ok(ring_put(&b.producer, S("x")) && poll(&p, 1, 0) == 0, "no bell for one who is awake");
	ok(!ring_sleep(&b.consumer), "no sleep while a record waits");
	is_int(ring_read(&b.consumer, &out), RING_RECORD, "read");
	ok(ring_sleep(&b.consumer), "now it sleeps");
	ok(poll(&p, 1, 0) == 0, "in silence");
	ok(ring_put(&b.producer, S("y")) && poll(&p, 1, 0) == 1, "a record rings");
	ring_awake(&b.consumer);
	ok(ring_put(&b.producer, S("z")) && poll(&p, 1, 0) == 0, "awake it does not");
}

/* The mapping as a worker that was taken over may write it. */
static char *raw_of(const struct bench *b)
{
	void *raw = mmap(NULL, PAGE + RING_BYTES_MIN, PROT_READ | PROT_WRITE, MAP_SHARED, b->fds.memory, 0);

	if (raw == MAP_FAILED)
		_exit(9);
	return raw;
}

static void put_u32(char *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_u64(char *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Where the first page has the producer's place. */
enum { AT_HEAD = 128, AT_TAIL = 192 };

static const struct {
	const char *name;
	size_t at;
	uint64_t value;
	bool wide;
} lies[] = {
	{ "a length of 4 GiB", PAGE, UINT32_MAX, false },
	{ "a length of nothing", PAGE, 0, false },
	{ "a length beyond what is there", PAGE, 4000, false },
	{ "a wrong check", PAGE + 4, 7, false },
	{ "other bytes", PAGE + 8, 7, false },
	{ "a place far ahead", AT_HEAD, 1ULL << 40, true },
	{ "a place behind", AT_HEAD, UINT64_MAX - 7, true },
	{ "a crooked place", AT_HEAD, 13, true },
};

static void lying_producer(void)
{
	for (size_t i = 0; i < COUNT(lies); i++) {
		CLEANUP(bench_remove) struct bench b;
		CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
		struct err err = ERR_INIT;
		char *raw;

		bench_make(&b);
		raw = raw_of(&b);
		ok(ring_put(&b.producer, S("a record of some length")), "a record");
		if (lies[i].wide)
			put_u64(raw + lies[i].at, lies[i].value);
		else
			put_u32(raw + lies[i].at, (uint32_t)lies[i].value);
		is_int(ring_read(&b.consumer, &out), RING_BROKEN, "found out: %s", lies[i].name);
		is_int(out.n, 0, "and nothing came of it");
		ok(ring_sleep(&b.consumer), "the consumer can wait for a reset");
		ok(ring_reset(&b.fds, &err) == 0, "which comes");
		ring_unmap(&b.producer);
		ok(ring_map(&b.producer, &b.fds, RING_PRODUCER, &err) == 0 && ring_put(&b.producer, S("new")),
		   "with a new producer");
		is_int(ring_read(&b.consumer, &out), RING_RECORD, "and the ring works");
		is_span(buf_span(&out), S("new"), "again");
		ring_commit(&b.consumer);
		(void)munmap(raw, PAGE + RING_BYTES_MIN);
	}
}

static void broken_at_start(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct ring late = RING_INIT;
	struct err err = ERR_INIT;
	char *raw;

	bench_make(&b);
	raw = raw_of(&b);
	put_u64(raw + AT_TAIL, 1ULL << 40);
	ok(ring_map(&late, &b.fds, RING_PRODUCER, &err) < 0, "a producer does not begin on a broken ring");
	ok(ring_map(&late, &b.fds, RING_CONSUMER, &err) == 0, "a consumer does");
	is_int(ring_read(&late, &out), RING_BROKEN, "to report it");
	ring_unmap(&late);
	(void)munmap(raw, PAGE + RING_BYTES_MIN);
}

/* Whatever stands in the ring, the consumer comes to an end and stays within it. */
static void noise(void)
{
	unsigned broken = 0;

	for (unsigned round = 0; round < 300; round++) {
		CLEANUP(ring_fds_release) struct ring_fds fds = RING_FDS_INIT;
		CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
		struct ring consumer = RING_INIT;
		struct err err = ERR_INIT;
		enum ring_state state = RING_RECORD;
		char bytes[512];

		if (ring_create(RING_BYTES_MIN, &fds, &err) < 0 ||
		    ring_map(&consumer, &fds, RING_CONSUMER, &err) < 0)
			ok(false, "a ring");
		random_bytes(bytes, sizeof(bytes));
		put_u32(bytes, round % 300);
		ok(pwrite(fds.memory, bytes, sizeof(bytes), PAGE) > 0 || round, "noise");
		put_u64(bytes, round % 3 ? (random_u64() & 0xfff8) : random_u64());
		ok(pwrite(fds.memory, bytes, 8, AT_HEAD) == 8 || round, "and a place");
		for (int i = 0; i < RING_BYTES_MIN && state == RING_RECORD; i++) {
			buf_clear(&out);
			state = ring_read(&consumer, &out);
		}
		broken += state == RING_BROKEN;
		ring_unmap(&consumer);
	}
	ok(broken > 250, "noise is found out (%u of 300)", broken);
}

/* What both processes and the test share besides the ring. */
struct shared {
	_Atomic uint64_t claimed;  /* the producer knows that it put this number */
	_Atomic uint64_t consumed; /* the highest number the consumer saw */
	_Atomic uint32_t errors;
	_Atomic uint32_t stuck;
};

/* Numbers in records of all lengths, from the one after the last claimed on. */
static void produce(const struct ring_fds *fds, struct shared *shared)
{
	struct ring ring = RING_INIT;
	uint64_t record[64];

	if (ring_map(&ring, fds, RING_PRODUCER, NULL) < 0)
		_exit(3);
	for (;;) {
		uint64_t number = shared->claimed + 1;
		size_t words = 1 + number % COUNT(record);

		for (size_t i = 0; i < words; i++)
			record[i] = number;
		while (!ring_put(&ring, span_of((const char *)record, words * 8)))
			(void)sched_yield();
		shared->claimed = number;
	}
}

/* Returns the record's number; 0 where it is damaged. */
static uint64_t number_of(struct span record)
{
	uint64_t number = 0, word;

	if (record.n < 8)
		return 0;
	memcpy(&number, record.p, 8);
	if (record.n != (1 + number % 64) * 8)
		return 0;
	for (size_t i = 0; i < record.n; i += 8) {
		memcpy(&word, record.p + i, 8);
		if (word != number)
			return 0;
	}
	return number;
}

/*
 * One step of the consumer: numbers go up by one. One comes twice where a producer died between its
 * put and its claim; a batch comes again where a consumer died before its commit.
 */
static bool consume_one(struct ring *ring, struct buf *out, uint64_t *last, struct shared *shared)
{
	uint64_t number;

	buf_clear(out);
	switch (ring_read(ring, out)) {
	case RING_EMPTY:
		return false;
	case RING_BROKEN:
		shared->errors++;
		_exit(4);
	case RING_RECORD:
		break;
	}
	number = number_of(buf_span(out));
	if (number == 0 || (*last ? number != *last + 1 && number != *last : number > shared->consumed + 1))
		shared->errors++;
	*last = number;
	if (number > shared->consumed)
		shared->consumed = number;
	return true;
}

static void consume(const struct ring_fds *fds, struct shared *shared)
{
	struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct ring ring = RING_INIT;
	uint64_t last = 0;

	if (ring_map(&ring, fds, RING_CONSUMER, NULL) < 0)
		_exit(3);
	for (unsigned n = 0;; n++) {
		struct pollfd p = { .fd = fds->wake, .events = POLLIN };

		if (consume_one(&ring, &out, &last, shared)) {
			if (n % 7 == 0)
				ring_commit(&ring);
			continue;
		}
		ring_commit(&ring);
		if (!ring_sleep(&ring))
			continue;
		if (poll(&p, 1, 10000) == 0 && ring_waiting(&ring) > 0)
			shared->stuck++;
		ring_awake(&ring);
	}
}

typedef void role(const struct ring_fds *fds, struct shared *shared);

static pid_t start(role *as, const struct ring_fds *fds, struct shared *shared)
{
	pid_t pid = fork();

	if (pid == 0) {
		as(fds, shared);
		_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	int status = 0;

	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		ok(false, "it ended by itself, with %d", WEXITSTATUS(status));
}

static void killed(void)
{
	CLEANUP(ring_fds_release) struct ring_fds fds = RING_FDS_INIT;
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct shared *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ring ring = RING_INIT;
	struct err err = ERR_INIT;
	uint64_t last = 0;
	pid_t producer, consumer;

	ok(ring_create(RING_BYTES_MIN, &fds, &err) == 0, "a ring");
	producer = start(produce, &fds, shared);
	consumer = start(consume, &fds, shared);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t dice = random_u64();

		(void)usleep((useconds_t)(dice % 2000));
		if (dice >> 32 & 1) {
			end(producer);
			producer = start(produce, &fds, shared);
		} else {
			end(consumer);
			consumer = start(consume, &fds, shared);
		}
	}
	end(producer);
	end(consumer);
	ok(ring_map(&ring, &fds, RING_CONSUMER, &err) == 0, "the ring after %d deaths", ROUNDS);
	while (consume_one(&ring, &out, &last, shared))
		;
	is_int(shared->errors, 0, "no record was lost, doubled or damaged");
	is_int(shared->stuck, 0, "no wake-up was lost");
	ok(shared->consumed >= shared->claimed && shared->consumed <= shared->claimed + 1,
	   "all %llu that were accepted came out", (unsigned long long)shared->claimed);
	ok(shared->claimed > 1000, "and they were many");
	ring_unmap(&ring);
	(void)munmap(shared, PAGE);
}

int main(void)
{
	no_ring();
	sealed();
	full();
	failed();
	goes_on();
	bell();
	lying_producer();
	broken_at_start();
	noise();
	killed();
	return tap_done();
}
