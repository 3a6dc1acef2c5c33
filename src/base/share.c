/* share.c - what several hold together and one of them pays for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/share.h"

bool share_take(struct list *holders, struct share *share, struct budget *budget, size_t bytes)
{
	size_t due = list_empty(holders) ? bytes : 0;

	if (!budget_take(budget, due))
		return false;
	share->budget = budget;
	share->paid = due;
	list_add(holders, &share->node);
	return true;
}

void share_leave(struct list *holders, struct share *share)
{
	size_t paid = share->paid;

	if (!share->node.next)
		return;
	list_remove(&share->node);
	budget_give(share->budget, paid);
	*share = (struct share){ 0 };
	if (paid && !list_empty(holders)) {
		struct share *next = LIST_ENTRY(holders->next, struct share, node);

		next->paid = paid;
		budget_force(next->budget, paid);
	}
}
