/* stdio_queue.c - what waits for a host on a pair of pipes, and whether the host takes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/stdio_queue.h"

size_t stdio_queue_waiting(const struct stdio_queue *queue)
{
	return queue->out ? stream_queued(queue->out) : 0;
}

void stdio_queue_count(struct stdio_queue *queue)
{
	size_t n = queue->gathered + stdio_queue_waiting(queue);

	budget_force(&queue->account->held, n);
	budget_give(&queue->account->held, queue->charged);
	queue->charged = n;
}

bool stdio_queue_has_room(struct stdio_queue *queue, size_t n)
{
	stdio_queue_count(queue);
	if (queue->charged <= STDIO_PAUSE_BYTES)
		return true;
	return n <= STDIO_QUEUE_BYTES && queue->charged <= STDIO_QUEUE_BYTES - n &&
	       budget_fits(&queue->account->held, n);
}

void stdio_queue_write(struct stdio_queue *queue, struct span message)
{
	stream_write(queue->out, (struct span[]){ message, S("\n") }, 2);
	queue->written += message.n + 1;
	stdio_queue_count(queue);
}

bool stdio_queue_is_stuck(struct stdio_queue *queue, uint64_t now_ms, uint64_t patience_ms)
{
	size_t waiting = stdio_queue_waiting(queue);
	uint64_t taken = queue->written - waiting;

	if (waiting && taken == queue->taken)
		return now_ms > queue->taken_ms + patience_ms;
	queue->taken = taken;
	queue->taken_ms = now_ms;
	return false;
}
