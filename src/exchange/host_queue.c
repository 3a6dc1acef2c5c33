/* host_queue.c - what waits for a host on one channel, and whether the host takes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/host_queue.h"

size_t host_queue_waiting(const struct host_queue *queue)
{
	return queue->port ? queue->port->waiting(queue->carrier) : 0;
}

void host_queue_count(struct host_queue *queue)
{
	size_t n = queue->gathered + host_queue_waiting(queue);

	budget_force(&queue->account->held, n);
	budget_give(&queue->account->held, queue->charged);
	queue->charged = n;
}

bool host_queue_has_room(struct host_queue *queue, size_t n)
{
	host_queue_count(queue);
	if (queue->charged <= HOST_PAUSE_BYTES)
		return true;
	return n <= HOST_QUEUE_BYTES && queue->charged <= HOST_QUEUE_BYTES - n &&
	       budget_fits(&queue->account->held, n);
}

void host_queue_write(struct host_queue *queue, struct span message)
{
	/* With what frames it the carrier has more to send; but never more that was taken. */
	size_t before = host_queue_waiting(queue), after;

	queue->port->write(queue->carrier, message);
	after = host_queue_waiting(queue);
	queue->written += after > before + message.n ? after - before : message.n;
	host_queue_count(queue);
}

bool host_queue_is_stuck(struct host_queue *queue, uint64_t now_ms, uint64_t patience_ms)
{
	size_t waiting = host_queue_waiting(queue);
	uint64_t taken = queue->written - waiting;

	if (waiting && taken == queue->taken)
		return now_ms > queue->taken_ms + patience_ms;
	queue->taken = taken;
	queue->taken_ms = now_ms;
	return false;
}
