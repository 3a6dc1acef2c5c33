/* share.c - of those who hold something together one pays, and somebody always does. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/share.h"
#include "tap.h"

int main(void)
{
	struct budget all = { .max = 100 }, poor = { .max = 10, .parent = &all };
	struct budget one = { .max = 50, .parent = &all }, two = { .max = 20, .parent = &all };
	struct share a = { 0 }, b = { 0 }, c = { 0 };
	struct list holders;

	list_init(&holders);
	share_leave(&holders, &a);
	ok(!share_take(&holders, &a, &poor, 30) && list_empty(&holders) && all.used == 0,
	   "who may not hold so much has no part in it");
	ok(share_take(&holders, &a, &one, 30) && one.used == 30 && all.used == 30, "the first pays");
	ok(share_take(&holders, &b, &two, 30) && share_take(&holders, &c, &poor, 30) && two.used == 0 &&
	       all.used == 30,
	   "others do not, whatever they may hold");
	share_leave(&holders, &b);
	ok(one.used == 30 && two.used == 0 && all.used == 30, "one of them leaves: nothing changes");
	ok(share_take(&holders, &b, &two, 30), "# and comes again");
	share_leave(&holders, &a);
	ok(one.used == 0 && poor.used == 30 && all.used == 30, "the first leaves: the next one pays");
	share_leave(&holders, &c);
	ok(poor.used == 0 && two.used == 30 && all.used == 30, "and the next");
	share_leave(&holders, &b);
	share_leave(&holders, &b);
	ok(two.used == 0 && all.used == 0 && list_empty(&holders), "the last one leaves: nobody does");
	return tap_done();
}
