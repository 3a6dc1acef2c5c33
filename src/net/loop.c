/* loop.c - one event loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <stdlib.h>

#include "base/check.h"

static void on_idle(uv_idle_t *idle)
{
	struct loop *loop = idle->data;
	struct list batch;

	/* What is asked for during this turn waits for the next. */
	list_init(&batch);
	while (!list_empty(&loop->pending)) {
		struct list *node = loop->pending.next;

		list_remove(node);
		list_add(&batch, node);
	}
	while (!list_empty(&batch)) {
		struct later *later = LIST_ENTRY(batch.next, struct later, node);

		list_remove(&later->node);
		later->node = (struct list){ 0 };
		later->run(later);
	}
	if (list_empty(&loop->pending))
		(void)uv_idle_stop(idle);
}

int loop_init(struct loop *loop, struct err *err)
{
	*loop = (struct loop){ 0 };
	list_init(&loop->pending);
	loop->chunk = malloc(LOOP_CHUNK_BYTES);
	if (!loop->chunk)
		return err_set(err, ERR_NOMEM, "no memory for the event loop");
	if (uv_loop_init(&loop->uv) != 0) {
		freep(&loop->chunk);
		return err_set(err, ERR_SYSTEM, "cannot make an event loop");
	}
	check(uv_idle_init(&loop->uv, &loop->idle) == 0);
	loop->idle.data = loop;
	return 0;
}

void loop_release(struct loop *loop)
{
	if (!loop->chunk)
		return;
	/* What was put off to the next turn is often memory to give back. */
	while (!list_empty(&loop->pending))
		on_idle(&loop->idle);
	uv_close((uv_handle_t *)&loop->idle, NULL);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	check(uv_loop_close(&loop->uv) == 0);
	freep(&loop->chunk);
}

void loop_run(struct loop *loop)
{
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_later(struct loop *loop, struct later *later)
{
	if (later->node.next)
		return;
	list_add(&loop->pending, &later->node);
	(void)uv_idle_start(&loop->idle, on_idle);
}

void loop_later_cancel(struct later *later)
{
	if (!later->node.next)
		return;
	list_remove(&later->node);
	later->node = (struct list){ 0 };
}
