/* elders.c - the gates before this one that still have hosts or calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/elders.h"

#include <stdlib.h>
#include <unistd.h>

#include "json/write.h"

static void on_message(void *owner, struct wire_in *in)
{
	struct elder *elder = owner;

	elder->all->on_message(elder->all->owner, elder, in);
}

static void on_gone(void *owner)
{
	struct elder *elder = owner;

	elder->channel = channel_close(elder->channel);
	elder->all->on_gone(elder->all->owner, elder);
}

static const struct channel_events events = { .on_message = on_message, .on_gone = on_gone };

static struct elder *add(struct elders *elders, struct err *err)
{
	struct elder *elder = elders->n < ELDERS_MAX ? calloc(1, sizeof(*elder)) : NULL;

	if (!elder) {
		(void)err_set(err, ERR_LIMIT, "more than %d older gates", ELDERS_MAX);
		return NULL;
	}
	elder->all = elders;
	elder->ring = RING_FDS_INIT;
	elder->number = ++elders->last_number;
	elders->at[elders->n++] = elder;
	return elder;
}

struct elder *elders_add(struct elders *elders, int channel, struct err *err)
{
	struct elder *elder = add(elders, err);

	if (!elder) {
		(void)close(channel);
		return NULL;
	}
	elder->channel = channel_open(elders->loop, channel, &events, elder, err);
	if (elder->channel)
		return elder;
	elders_drop(elders, elder);
	return NULL;
}

struct elder *elders_take(struct elders *elders, const struct handover_elder *handed, struct err *err)
{
	struct elder *elder = handed->channel >= 0 ? elders_add(elders, handed->channel, err)
						   : add(elders, err);
	struct ring_fds ring = { .memory = handed->ring_memory, .wake = handed->ring_wake };

	if (!elder) {
		ring_fds_release(&ring);
		return NULL;
	}
	elder->pid = (pid_t)handed->pid;
	elder->hosts = handed->hosts;
	elder->since_ms = handed->since_ms;
	elder->ring = ring;
	return elder;
}

void elders_drop(struct elders *elders, struct elder *elder)
{
	for (size_t i = 0; i < elders->n; i++) {
		if (elders->at[i] != elder)
			continue;
		elders->at[i] = elders->at[--elders->n];
		break;
	}
	elder->channel = channel_close(elder->channel);
	ring_fds_release(&elder->ring);
	free(elder);
}

void elders_mark_gone(struct elders *elders)
{
	for (size_t i = 0; i < elders->n; i++)
		elders->at[i]->marked = !elders->at[i]->channel;
}

void elders_drop_marked(struct elders *elders)
{
	for (size_t i = elders->n; i-- > 0;)
		if (elders->at[i]->marked)
			elders_drop(elders, elders->at[i]);
}

void elders_release(struct elders *elders)
{
	while (elders->n)
		elders_drop(elders, elders->at[0]);
}

size_t elders_count(const struct elders *elders)
{
	size_t n = 0;

	for (size_t i = 0; i < elders->n; i++)
		n += elders->at[i]->channel != NULL;
	return n;
}

void elders_tell(const struct elders *elders, uint32_t word)
{
	struct wire_out out = { 0 };

	handover_put_word(word, &out);
	for (size_t i = 0; i < elders->n; i++)
		if (elders->at[i]->channel)
			(void)channel_send(elders->at[i]->channel, &out);
	wire_out_release(&out);
}

struct elder *elders_find(const struct elders *elders, uint64_t number)
{
	for (size_t i = 0; i < elders->n; i++)
		if (elders->at[i]->number == number)
			return elders->at[i];
	return NULL;
}

void elders_add_json(const struct elders *elders, struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < elders->n; i++) {
		const struct elder *elder = elders->at[i];

		if (!elder->channel)
			continue;
		json_add_comma(out);
		buf_add_char(out, '{');
		json_put_u64(out, S("pid"), (uint64_t)elder->pid);
		json_put_u64(out, S("hosts"), elder->hosts);
		json_put_u64(out, S("since_ms"), elder->since_ms);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}
