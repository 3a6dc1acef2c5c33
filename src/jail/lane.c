/* lane.c - one channel of a process without a loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "jail/lane.h"

struct packet {
	struct list node;
	struct wire_out out;
};

static void close_fds(struct wire_out *out)
{
	for (size_t i = 0; i < out->n_fds; i++)
		(void)close(out->fds[i]);
	out->n_fds = 0;
}

static void packet_free(struct packet *packet)
{
	list_remove(&packet->node);
	close_fds(&packet->out);
	wire_out_release(&packet->out);
	free(packet);
}

void lane_init(struct lane *lane, int fd)
{
	*lane = (struct lane){ .fd = fd };
	list_init(&lane->queue);
}

void lane_close(struct lane *lane)
{
	while (!list_empty(&lane->queue))
		packet_free(LIST_ENTRY(lane->queue.next, struct packet, node));
	lane->n_queue = 0;
	lane->gone = false;
	closep(&lane->fd);
}

static bool enqueue(struct lane *lane, struct wire_out *out)
{
	struct packet *packet;

	if (lane->n_queue >= LANE_QUEUE)
		return false;
	packet = calloc(1, sizeof(*packet));
	if (!packet)
		return false;
	list_add(&lane->queue, &packet->node);
	packet->out.bytes = BUF_INIT(WIRE_MAX_BYTES);
	buf_add(&packet->out.bytes, buf_span(&out->bytes));
	if (!buf_ok(&packet->out.bytes)) {
		packet_free(packet);
		return false;
	}
	memcpy(packet->out.fds, out->fds, sizeof(out->fds));
	packet->out.n_fds = out->n_fds;
	out->n_fds = 0;
	lane->n_queue++;
	return true;
}

void lane_send(struct lane *lane, struct wire_out *out)
{
	int sent = 0;

	if (lane->fd >= 0 && !lane->gone) {
		if (!lane_is_full(lane))
			sent = wire_send(lane->fd, out, NULL);
		if (sent < 0 || (sent == 0 && !enqueue(lane, out)))
			lane->gone = true;
	}
	close_fds(out);
}

void lane_flush(struct lane *lane)
{
	while (!lane->gone && lane_is_full(lane)) {
		struct packet *packet = LIST_ENTRY(lane->queue.next, struct packet, node);
		int sent = wire_send(lane->fd, &packet->out, NULL);

		if (sent == 0)
			return;
		packet_free(packet);
		lane->n_queue--;
		lane->gone = sent < 0;
	}
}
