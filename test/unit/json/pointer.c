/* pointer.c - tests: JSON Pointers in and out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "json/pointer.h"

#include "base/cleanup.h"

#include "tap.h"

#define MAX_BYTES ((size_t)1 << 20)

/* The document of RFC 6901, section 5, and a few names of our own. */
static const struct span document = SPAN(
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,"
    "\" \":7,\"m~n\":8,\"\\u3042\":{\"01\":[[],[9,{\"\":10}]]},\"~1\":11}");

static const char *const wrong[] = {
	"foo",	    "/nope",
	"/foo/2",   "/foo/-",
	"/foo/01",  "/foo/+1",
	"/foo/1/0", "/foo/",
	"/m~2n",    "/m~",
	"/~",	    "/a~1",
	"/a/b",	    "/foo/18446744073709551616",
	"//",	    "/foo/0/",
	"/m~0n~0",  "/\xe3\x81\x82/1",
	"/foo/1e0",
};

static const struct {
	const char *pointer, *raw;
} right[] = {
	{ "/foo", "[\"bar\",\"baz\"]" },
	{ "/foo/0", "\"bar\"" },
	{ "/foo/1", "\"baz\"" },
	{ "/", "0" },
	{ "/a~1b", "1" },
	{ "/c%d", "2" },
	{ "/e^f", "3" },
	{ "/g|h", "4" },
	{ "/i\\j", "5" },
	{ "/k\"l", "6" },
	{ "/ ", "7" },
	{ "/m~0n", "8" },
	{ "/\xe3\x81\x82/01/1/0", "9" },
	{ "/\xe3\x81\x82/01/1/1/", "10" },
	{ "/~01", "11" },
};

int main(void)
{
	CLEANUP(json_release) struct json json = { .n = 0 };
	CLEANUP(buf_release) struct buf out = BUF_INIT(1000), tight = BUF_INIT(3);
	bool all = true;

	ok(json_parse(&json, document, MAX_BYTES), "the document is accepted");
	for (size_t i = 0; i < COUNT(wrong); i++)
		ok(json_pointer(&json, 0, span_str(wrong[i])) == JSON_NONE, "'%s' names nothing", wrong[i]);
	ok(json_pointer(&json, JSON_NONE, S("/a")) == JSON_NONE, "nothing has no members");
	is_int(json_pointer(&json, 0, S("")), 0, "the empty pointer names the root");
	for (size_t i = 0; i < COUNT(right); i++) {
		json_at at = json_pointer(&json, 0, span_str(right[i].pointer));

		if (!ok(at != JSON_NONE, "'%s' names something", right[i].pointer))
			continue;
		is_span(json_raw(&json, at), span_str(right[i].raw), "it is what it must be");
		buf_clear(&out);
		json_pointer_to(&json, at, &out);
		is_span(buf_span(&out), span_str(right[i].pointer), "and the way back gives the pointer");
	}
	for (json_at at = 0; at < json.n; at++) {
		if (json.tokens[at].is_key)
			continue;
		buf_clear(&out);
		json_pointer_to(&json, at, &out);
		all &= json_pointer(&json, 0, buf_span(&out)) == at;
	}
	ok(all, "every value is found by its own pointer");
	is_int(json_pointer(&json, json_get(&json, 0, S("foo")), S("/1")), 3 + 1, "a pointer from within");
	buf_clear(&out);
	json_pointer_add(&out, S("a/b~c~1"));
	is_span(buf_span(&out), S("/a~1b~0c~01"), "a token is escaped");
	json_pointer_add(&tight, S("abc"));
	ok(!buf_ok(&tight), "a full buffer says so");
	return tap_done();
}
