/* recent.c - the lists of a server that were seen last: which are kept, for how many, and at whose cost. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/recent.h"
#include "mcp/catalogue.h"
#include "mcp/offer.h"
#include "tap.h"

static struct json json;

/* A list of one tool, of about so many bytes, under a digest that is all `mark`. */
static struct recent_list tools(uint8_t mark, size_t bytes)
{
	struct recent_list list = { .tools = catalogue_new() };
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)64 << 20);

	buf_add(&text, S("[{\"name\":\"t\",\"description\":\""));
	while (text.n < bytes)
		buf_add_char(&text, 'x');
	buf_add(&text, S("\"}]"));
	if (!list.tools || !json_parse(&json, buf_span(&text), text.n) ||
	    !catalogue_add(list.tools, &json, 0))
		abort();
	memset(list.digest, mark, sizeof(list.digest));
	return list;
}

static bool has(struct recent_lists *recent, uint8_t mark)
{
	uint8_t digest[RECENT_DIGEST_BYTES];

	memset(digest, mark, sizeof(digest));
	return recent_find(recent, digest);
}

static void add(struct recent_lists *recent, uint8_t mark, size_t bytes)
{
	struct recent_list list = tools(mark, bytes);

	recent_add(recent, &list);
}

static void not_for_ever(void)
{
	struct recent_lists recent = { 0 };

	ok(!has(&recent, 1), "nothing is recent at first");
	for (unsigned i = 1; i <= RECENT_LISTS; i++)
		add(&recent, (uint8_t)i, 100);
	is_int(recent.n, RECENT_LISTS, "some are kept");
	ok(has(&recent, 1) && !memcmp(recent.lists[0].digest, "\1\1\1\1", 4),
	   "the one that is seen is the newest");
	add(&recent, RECENT_LISTS + 1, 100);
	ok(recent.n == RECENT_LISTS && !has(&recent, 2) && has(&recent, 1) && has(&recent, 3),
	   "and the least recent one leaves");
	recent_clear(&recent);
	is_int(recent.n, 0, "gone");
}

static void held_for_nobody(void)
{
	struct recent_lists recent = { 0 };
	struct catalogue *used;

	add(&recent, 1, (size_t)RECENT_IDLE_BYTES + 1);
	ok(has(&recent, 1), "the newest is kept, however large");
	used = catalogue_ref(recent.lists[0].tools);
	add(&recent, 2, 100);
	ok(has(&recent, 1), "another one too, where somebody uses it");
	used = catalogue_unref(used);
	add(&recent, 3, 100);
	ok(!has(&recent, 1) && has(&recent, 2) && has(&recent, 3), "but not for nobody; what is small is");
	for (uint8_t i = 4; i < 8; i++)
		add(&recent, i, (size_t)RECENT_IDLE_BYTES / 2 - 4096);
	ok(has(&recent, 7) && has(&recent, 6) && !has(&recent, 4), "so much of it together");
	recent_clear(&recent);
}

static void for_all(void)
{
	struct recent_lists recent = { 0 };

	ok(!recent_for_all(&recent), "nothing is for all at first");
	add(&recent, 1, 100);
	ok(!recent_for_all(&recent), "nor what nobody said it of");
	recent.lists[0].for_all = true;
	add(&recent, 2, 100);
	recent.lists[0].for_all = true;
	add(&recent, 3, 100);
	ok(recent_for_all(&recent) == &recent.lists[1], "the newest that is");
	for (int i = 4; i < 4 + RECENT_LISTS; i++)
		add(&recent, (uint8_t)i, 100);
	ok(!recent_for_all(&recent), "as long as it is kept");
	recent_clear(&recent);
}

static void others(void)
{
	struct recent_lists recent = { 0 };
	struct recent_list list = { .offer = offer_read(OFFER_PROMPTS, S("s"), S("[{\"name\":\"p\"}]"),
							&json) };
	struct offer *offer = offer_ref(list.offer);

	recent_add(&recent, &list);
	ok(has(&recent, 0) && offer->refs == 2, "a list of something else is kept");
	recent_clear(&recent);
	is_int(offer->refs, 1, "and let go");
	(void)offer_unref(offer);
}

int main(void)
{
	not_for_ever();
	held_for_nobody();
	for_all();
	others();
	json_release(&json);
	return tap_done();
}
