/* offer.c - lists of prompts, resources and templates: what is left out, and what is shown. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/offer.h"

#include "tap.h"

static struct json json;

static struct offer *offer_of(enum offer_kind kind, const char *array)
{
	return offer_read(kind, S("files"), span_str(array), &json);
}

static void names(void)
{
	char name[80];

	memset(name, 'n', sizeof(name));
	is_int(omission_of_name(5, S("")), OMIT_UNNAMED, "an empty name");
	is_int(omission_of_name(5, S("a b")), OMIT_CHARACTERS, "one with a space");
	is_int(omission_of_name(5, S("a/b")), OMIT_CHARACTERS, "one with a slash");
	is_int(omission_of_name(5, S("\xe6\x97\xa5")), OMIT_CHARACTERS, "one in Japanese");
	is_int(omission_of_name(5, span_of("a\0b", 3)), OMIT_CHARACTERS, "one with a NUL");
	is_int(omission_of_name(5, span_of(name, 58)), OMIT_LONG, "65 characters with the server's");
	is_int(omission_of_name(5, span_of(name, 57)), OMIT_NOTHING, "64");
	is_int(omission_of_name(5, S("A-z_0.9")), OMIT_NOTHING, "all that may stand in one");
	is_int(omission_of_uri(S(""), false), OMIT_UNNAMED, "an empty URI");
	is_int(omission_of_uri(S("x://{"), true), OMIT_TEMPLATE, "a brace that does not close");
	is_int(omission_of_uri(S("x://{"), false), OMIT_NOTHING, "in a URI is a character");
}

static void prompts(void)
{
	struct offer *offer = offer_of(OFFER_PROMPTS,
				       "[7,{},{\"name\":\"\"},{\"name\":\"a b\"},{\"name\":\"p\",\"n\":1.50},"
				       "{\"name\":\"q\"},{\"name\":\"\\u0071\"},{\"name\":\"q\"}]");

	if (!ok(offer, "a list of prompts"))
		return;
	ok(offer->omitted[OMIT_UNNAMED] == 3 && offer->omitted[OMIT_CHARACTERS] == 1 &&
	       offer->omitted[OMIT_TWICE] == 3,
	   "what cannot be named without doubt is left out");
	ok(!offer_find(offer, S("q")) && !offer_find(offer, S("a b")) && !offer_find(offer, S("")) &&
	       !offer_find(NULL, S("p")),
	   "and not found");
	ok(offer_omits(offer, S("q")) && !offer_omits(offer, S("p")) && !offer_omits(offer, S("unlisted")) &&
	       !offer_omits(NULL, S("q")),
	   "what has one name twice is known to be left out");
	is_int(offer->shown, 1, "one is shown");
	is_span(offer_find(offer, S("p"))->raw, S("{\"name\":\"files__p\",\"n\":1.50}"),
		"under its server's name");
	ok(!offer_unref(offer), "gone");
}

static void resources(void)
{
	struct offer *offer = offer_of(
	    OFFER_RESOURCES, "[{\"name\":\"n\"},{\"uri\":\"x://a\",\"name\":\"1\"},{\"uri\":\"x://a\"},"
			     "{\"uri\":\"x:\\/\\/b\"}]");

	if (!ok(offer, "a list of resources"))
		return;
	ok(offer->omitted[OMIT_UNNAMED] == 1 && offer->shown == 3, "without the one that has no URI");
	is_span(offer_find(offer, S("x://a"))->raw, S("{\"uri\":\"x://a\",\"name\":\"1\"}"),
		"URIs stay as they are");
	ok(offer_find(offer, S("x://b")) && !offer_find(offer, S("x:\\/\\/b")), "and are compared decoded");
	(void)offer_unref(offer);
	offer = offer_of(OFFER_TEMPLATES, "[{\"uriTemplate\":\"x://{\"},{\"uriTemplate\":\"x://{a}\"}]");
	ok(offer && offer->shown == 1 && offer->omitted[OMIT_TEMPLATE] == 1,
	   "a template that is none is left out");
	(void)offer_unref(offer);
}

static void compared(void)
{
	struct offer *a = offer_of(OFFER_RESOURCES, "[{\"uri\":\"x://a\"}]"),
		     *b = offer_of(OFFER_RESOURCES, "[{\"uri\":\"x://a\"}]");
	struct offer *c = offer_of(OFFER_RESOURCES, "[{\"uri\":\"x://c\"}]"),
		     *none = offer_of(OFFER_RESOURCES, "[{}]");

	ok(memcmp(a->digest, c->digest, OFFER_DIGEST_BYTES) != 0 && a->shown && !none->shown,
	   "other lists are others");
	ok(memcmp(a->digest, b->digest, OFFER_DIGEST_BYTES) == 0, "the same are the same");
	ok(offer_ref(a) == a && !offer_unref(a) && a->n == 1 && !offer_ref(NULL), "a reference keeps it");
	(void)offer_unref(a);
	(void)offer_unref(b);
	(void)offer_unref(c);
	(void)offer_unref(none);
}

static void limits(void)
{
	CLEANUP(buf_release) struct buf page = BUF_INIT((size_t)8 << 20);

	ok(!offer_of(OFFER_PROMPTS, "{}") && !offer_of(OFFER_PROMPTS, "[") && !offer_of(OFFER_PROMPTS, ""),
	   "what is no list is none");
	buf_add_char(&page, '[');
	for (int i = 0; i < OFFER_ITEMS; i++)
		buf_addf(&page, "{\"uri\":\"x://%d\"},", i);
	buf_addf(&page, "{}]");
	ok(!offer_read(OFFER_RESOURCES, S("s"), buf_span(&page), &json), "one more than there may be");
}

int main(void)
{
	names();
	prompts();
	resources();
	compared();
	limits();
	json_release(&json);
	return tap_done();
}
