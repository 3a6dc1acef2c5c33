/* near.c - tests of the nearest name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "text/near.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct span names[] = { SPAN("allow"), SPAN("deny"),   SPAN("timeout"),	SPAN("run"),
				     SPAN("tools"), SPAN("listen"), SPAN("environment") };

static const struct {
	struct span wrong, want;
} cases[] = {
	{ SPAN(""), SPAN("") },
	{ SPAN("x"), SPAN("") },
	{ SPAN("policy"), SPAN("") },
	{ SPAN("routing"), SPAN("") },
	{ SPAN("dxxy"), SPAN("") },
	{ SPAN("alow"), SPAN("allow") },
	{ SPAN("allwo"), SPAN("allow") },
	{ SPAN("Deny"), SPAN("deny") },
	{ SPAN("TIMEOUT"), SPAN("timeout") },
	{ SPAN("time-out"), SPAN("timeout") },
	{ SPAN("urn"), SPAN("run") },
	{ SPAN("listne"), SPAN("listen") },
	{ SPAN("enviroment"), SPAN("environment") },
	{ SPAN("enviromnet"), SPAN("environment") },
};

static void bounds(void)
{
	char text[NEAR_MAX_BYTES + 1] = { 0 };
	struct span long_name = span_of(text, sizeof(text));
	struct span fits = span_of(text, NEAR_MAX_BYTES);

	memset(text, 'a', sizeof(text));
	ok(near_name(long_name, &long_name, 1).n == 0, "a name past the ceiling is near nothing");
	ok(near_name(fits, &long_name, 1).n == 0, "nothing is near a name past the ceiling");
	ok(near_name(fits, &fits, 1).n == NEAR_MAX_BYTES, "a name at the ceiling is compared");
	is_int(near_distance(S("abc"), S("xyz"), 2), 3, "past the limit is the limit and one");
	is_int(near_distance(S("ab"), S("ba"), 2), 1, "a swap is one edit");
	is_int(near_distance(S("kitten"), S("sitting"), 5), 3, "three edits");
	is_int(near_distance(S(""), S("ab"), 5), 2, "from nothing");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		is_span(near_name(cases[i].wrong, names, COUNT(names)), cases[i].want, "near '%.*s'",
			SPAN_ARG(cases[i].wrong));
	bounds();
	return tap_done();
}
