/* topic.c - resources that several clients of one process subscribed to. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/topic.h"

#include <stdlib.h>

void holder_init(struct holder *holder)
{
	*holder = (struct holder){ .n = 0 };
	list_init(&holder->holds);
}

struct topic *topic_find(const struct list *topics, struct span uri)
{
	LIST_EACH(topics, node)
		if (span_eq(LIST_ENTRY(node, struct topic, node)->uri, uri))
			return LIST_ENTRY(node, struct topic, node);
	return NULL;
}

static struct hold *hold_of(const struct topic *topic, const struct holder *holder)
{
	LIST_EACH(&topic->holds, node)
		if (LIST_ENTRY(node, struct hold, in_topic)->holder == holder)
			return LIST_ENTRY(node, struct hold, in_topic);
	return NULL;
}

static struct topic *topic_new(struct list *topics, struct span uri)
{
	struct topic *topic = calloc(1, sizeof(*topic) + uri.n);

	if (!topic)
		return NULL;
	memcpy(topic->bytes, uri.p, uri.n);
	topic->uri = span_of(topic->bytes, uri.n);
	list_init(&topic->holds);
	list_add(topics, &topic->node);
	return topic;
}

static void free_empty(struct topic *topic)
{
	if (!list_empty(&topic->holds))
		return;
	list_remove(&topic->node);
	free(topic);
}

/* Each holder is charged as if it were the only one: who stays when others leave owes no more than before. */
static size_t cost_of(const struct topic *topic)
{
	return sizeof(*topic) + sizeof(struct hold) + topic->uri.n;
}

struct topic *topic_hold(struct list *topics, struct holder *holder, struct span uri)
{
	struct topic *topic = topic_find(topics, uri);
	struct hold *hold;

	if (topic && hold_of(topic, holder))
		return topic;
	if (holder->n >= TOPICS_MOST || uri.n > TOPIC_URI_BYTES)
		return NULL;
	hold = calloc(1, sizeof(*hold));
	if (!hold)
		return NULL;
	if (!topic)
		topic = topic_new(topics, uri);
	if (!topic) {
		free(hold);
		return NULL;
	}
	hold->topic = topic;
	hold->holder = holder;
	list_add(&topic->holds, &hold->in_topic);
	list_add(&holder->holds, &hold->in_holder);
	holder->n++;
	holder->bytes += cost_of(topic);
	return topic;
}

bool topic_is_only(const struct topic *topic, const struct holder *holder)
{
	return topic->holds.next == topic->holds.prev && hold_of(topic, holder);
}

void topic_let_go(struct topic *topic, struct holder *holder)
{
	struct hold *hold = hold_of(topic, holder);

	if (!hold)
		return;
	holder->n--;
	holder->bytes -= cost_of(topic);
	list_remove(&hold->in_topic);
	list_remove(&hold->in_holder);
	free(hold);
	free_empty(topic);
}
