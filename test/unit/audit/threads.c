/* threads.c - a producer and the writer at the same time, on one ring: nothing is lost, doubled or torn. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/clock.h"
#include "unit/audit/bench.h"

/* Some times more than the ring holds, so that it is full, empty, and wraps. */
enum { RECORDS = 20000, WAIT_MS = 60 * 1000 };

struct meeting {
	struct bench bench;
	/* Of the same mapping as the writer's: only so a race detector sees both sides touch one place. */
	struct ring producer;
	atomic_bool ended;
	uint64_t full; /* times the ring had no room */
};

static void *produce(void *argument)
{
	struct meeting *meeting = argument;
	uint64_t end = clock_mono_ms() + WAIT_MS;

	for (int i = 0; i < RECORDS && clock_mono_ms() < end;) {
		char record[64];
		int n = snprintf(record, sizeof(record), "{\"number\":%d}", i);

		if (ring_put(&meeting->producer, span_of(record, (size_t)n))) {
			i++;
			continue;
		}
		meeting->full++;
		(void)sched_yield();
	}
	atomic_store(&meeting->ended, true);
	return NULL;
}

/* As the keeper's thread does it. */
static void *write_all(void *argument)
{
	struct meeting *meeting = argument;
	struct bench *b = &meeting->bench;

	for (;;) {
		bool ended = atomic_load(&meeting->ended);
		int wait = writer_turn(b->writer, clock_mono_ms());
		struct pollfd wake = { .fd = b->fds.wake, .events = POLLIN };

		if (wait < 0 && ended)
			return NULL;
		/* The end rings no bell. */
		(void)poll(&wake, wait < 0, wait < 0 || wait > 20 ? 20 : wait);
	}
}

static bool is_in_order(struct span numbers)
{
	for (uint64_t i = 0; i < numbers.n / sizeof(i); i++) {
		uint64_t number;

		memcpy(&number, numbers.p + i * sizeof(number), sizeof(number));
		if (number != i)
			return false;
	}
	return true;
}

int main(void)
{
	static struct meeting meeting;
	struct bench *b = &meeting.bench;
	CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_release) struct buf numbers = BUF_INIT(TEXT_MAX);
	pthread_t producer, writer;
	uint64_t seq = 0;

	bench_make(b);
	open_writer(b);
	meeting.producer = b->consumer;
	check(pthread_create(&writer, NULL, write_all, &meeting) == 0);
	check(pthread_create(&producer, NULL, produce, &meeting) == 0);
	(void)pthread_join(producer, NULL);
	(void)pthread_join(writer, NULL);
	ok(meeting.full > 0, "the ring was full %llu times", (unsigned long long)meeting.full);
	is_int(writer_failure(b->writer), 0, "the writer has not failed");
	is_int(ring_waiting(&meeting.producer), 0, "nothing waits");
	read_log(b, SEGMENT_FILE, &text);
	is_int(check_log(buf_span(&text), &seq, &numbers), RECORDS, "a line for each record");
	ok(is_in_order(buf_span(&numbers)), "in the order they were made");
	bench_remove(b);
	return tap_done();
}
