/* known.c - the lists of a server that were seen last: which are kept, for how many, and at whose cost. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/known.h"
#include "mcp/catalogue.h"
#include "mcp/offer.h"
#include "tap.h"

static struct json json;

/* A list of one tool, of about so many bytes, under a digest that is all `mark`. */
static struct known_list tools(uint8_t mark, size_t bytes)
{
	struct known_list list = { .tools = catalogue_new() };
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

static bool has(struct known_lists *known, uint8_t mark)
{
	uint8_t digest[KNOWN_DIGEST_BYTES];

	memset(digest, mark, sizeof(digest));
	return known_find(known, digest);
}

static void add(struct known_lists *known, uint8_t mark, size_t bytes)
{
	struct known_list list = tools(mark, bytes);

	known_add(known, &list);
}

static void not_for_ever(void)
{
	struct known_lists known = { 0 };

	ok(!has(&known, 1), "nothing is known at first");
	for (uint8_t i = 1; i <= KNOWN_LISTS; i++)
		add(&known, i, 100);
	is_int(known.n, KNOWN_LISTS, "some are kept");
	ok(has(&known, 1) && !memcmp(known.lists[0].digest, "\1\1\1\1", 4),
	   "the one that is seen is the newest");
	add(&known, KNOWN_LISTS + 1, 100);
	ok(known.n == KNOWN_LISTS && !has(&known, 2) && has(&known, 1) && has(&known, 3),
	   "and the least recent one leaves");
	known_clear(&known);
	is_int(known.n, 0, "gone");
}

static void held_for_nobody(void)
{
	struct known_lists known = { 0 };
	struct catalogue *used;

	add(&known, 1, (size_t)KNOWN_IDLE_BYTES + 1);
	ok(has(&known, 1), "the newest is kept, however large");
	used = catalogue_ref(known.lists[0].tools);
	add(&known, 2, 100);
	ok(has(&known, 1), "another one too, where somebody uses it");
	used = catalogue_unref(used);
	add(&known, 3, 100);
	ok(!has(&known, 1) && has(&known, 2) && has(&known, 3), "but not for nobody; what is small is");
	for (uint8_t i = 4; i < 8; i++)
		add(&known, i, (size_t)KNOWN_IDLE_BYTES / 2 - 4096);
	ok(has(&known, 7) && has(&known, 6) && !has(&known, 4), "so much of it together");
	known_clear(&known);
}

static void others(void)
{
	struct known_lists known = { 0 };
	struct known_list list = { .offer = offer_read(OFFER_PROMPTS, S("s"), S("[{\"name\":\"p\"}]"),
						       &json) };
	struct offer *offer = offer_ref(list.offer);

	known_add(&known, &list);
	ok(has(&known, 0) && offer->refs == 2, "a list of something else is kept");
	known_clear(&known);
	is_int(offer->refs, 1, "and let go");
	(void)offer_unref(offer);
}

int main(void)
{
	not_for_ever();
	held_for_nobody();
	others();
	json_release(&json);
	return tap_done();
}
