/* uri_set.c - URIs that were seen: as many as may be, and paid for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/uri_set.h"

#include "mcp/omission.h"
#include "tap.h"

int main(void)
{
	static char longest[OMISSION_URI_BYTES + 1];
	struct budget budget = { .max = 1 << 20 };
	struct uri_set set = { 0 };
	char uri[32];

	memset(longest, 'x', sizeof(longest));
	uri_set_add(&set, &budget, S(""));
	uri_set_add(&set, &budget, span_of(longest, sizeof(longest)));
	budget.max = 10;
	uri_set_add(&set, &budget, S("x://a"));
	budget.max = 1 << 20;
	ok(set.n == 0 && budget.used == 0 && !uri_set_has(&set, S("x://a")), "what may not be kept is not");
	for (int i = 0; i < URI_SET_MAX; i++)
		uri_set_add(&set, &budget, span_of(uri, (size_t)snprintf(uri, sizeof(uri), "x://%d", i)));
	is_int(set.n, URI_SET_MAX, "as many as there may be");
	uri_set_add(&set, &budget, S("x://0"));
	uri_set_add(&set, &budget, S("x://one-more"));
	ok(set.n == URI_SET_MAX && uri_set_has(&set, S("x://0")) && uri_set_has(&set, S("x://one-more")) &&
	       !uri_set_has(&set, S("x://1")) && uri_set_has(&set, S("x://2")),
	   "the oldest makes room, and what is seen again is new");
	uri_set_clear(&set, &budget);
	ok(set.n == 0 && budget.used == 0 && !uri_set_has(&set, S("x://0")), "emptied, it costs nothing");
	uri_set_add(&set, &budget, S("x://a"));
	ok(uri_set_has(&set, S("x://a")), "it can be filled again");
	uri_set_clear(&set, &budget);
	return tap_done();
}
