/* topic.c - subscriptions of several to the same: who is the first, who the last, and how many may be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "mcp/uri.h"
#include "tap.h"
#include "upstream/topic.h"

int main(void)
{
	static char longest[TOPIC_URI_BYTES + 1];
	struct list topics;
	struct holder a, b;
	struct topic *topic;
	char uri[16];

	list_init(&topics);
	holder_init(&a);
	holder_init(&b);
	memset(longest, 'u', sizeof(longest));
	ok(!topic_find(&topics, S("u:1")), "at first there is nothing");
	ok(!topic_hold(&topics, &a, span_of(longest, sizeof(longest))) && a.n == 0 && list_empty(&topics),
	   "a URI that is too long is not held");
	topic = topic_hold(&topics, &a, S("u:1"));
	ok(topic && topic_is_only(topic, &a) && !topic_is_only(topic, &b) && b.n == 0 && !topic->on,
	   "the first has it alone");
	ok(topic_hold(&topics, &a, S("u:1")) == topic && a.n == 1, "to say it twice is to say it once");
	ok(topic_hold(&topics, &b, S("u:1")) == topic && !topic_is_only(topic, &a) && a.bytes == b.bytes,
	   "the second shares it, and is charged the same");
	ok(topic_hold(&topics, &b, S("u:2")) != topic && b.n == 2, "another one is another one");
	topic_let_go(topic, &a);
	ok(a.n == 0 && a.bytes == 0 && topic_is_only(topic, &b), "who lets go has nothing left");
	topic_let_go(topic, &a);
	ok(topic_find(&topics, S("u:1")) == topic, "to let go of what one has not changes nothing");
	ok(uri_covers(topic->uri, S("u:1")) && uri_covers(topic->uri, S("u:1/a")) &&
	       uri_covers(topic->uri, S("u:1#a")) && !uri_covers(topic->uri, S("u:10")) &&
	       !uri_covers(topic->uri, S("u:")),
	   "it covers its parts, and nothing beside them");
	topic_let_go(topic, &b);
	topic_let_go(topic_find(&topics, S("u:2")), &b);
	ok(list_empty(&topics) && b.bytes == 0, "with the last holder it is gone");
	for (int i = 0; i < TOPICS_MOST; i++) {
		(void)snprintf(uri, sizeof(uri), "n:%d", i);
		topic = topic_hold(&topics, &a, span_str(uri));
	}
	ok(topic && !topic_hold(&topics, &a, S("n:more")) && !topic_find(&topics, S("n:more")),
	   "there is a ceiling");
	while (!list_empty(&a.holds))
		topic_let_go(LIST_ENTRY(a.holds.next, struct hold, in_holder)->topic, &a);
	ok(list_empty(&topics), "and an end");
	return tap_done();
}
