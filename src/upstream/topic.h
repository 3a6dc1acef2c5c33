/* topic.h - resources that several clients of one process subscribed to, each asked for once. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "base/list.h"
#include "base/span.h"

enum {
	TOPICS_MOST = 256,	/* of one holder */
	TOPIC_URI_BYTES = 8192, /* of one URI */
};

/* Who subscribes. Zero is not legal: holder_init(). */
struct holder {
	struct list holds;
	size_t n;
	size_t bytes; /* that are kept for it */
};

struct topic {
	struct list node; /* of all of a process */
	struct list holds;
	bool on; /* the server has accepted it */
	struct span uri;
	char bytes[];
};

/* One holder of one topic. */
struct hold {
	struct list in_topic, in_holder;
	struct topic *topic;
	struct holder *holder;
};

void holder_init(struct holder *holder);

/* NULL where nobody holds it. */
struct topic *topic_find(const struct list *topics, struct span uri);
/* Adds the holder; once, however often it is said. NULL: it has too many, the URI is too long, or no memory.
 */
struct topic *topic_hold(struct list *topics, struct holder *holder, struct span uri) MUST_CHECK;
/* The holder, and nobody else? */
bool topic_is_only(const struct topic *topic, const struct holder *holder);
/* Takes the holder off; the topic is gone with the last one. Nothing where it does not hold it. */
void topic_let_go(struct topic *topic, struct holder *holder);
