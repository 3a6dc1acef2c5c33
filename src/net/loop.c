/* loop.c - one event loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/check.h"

/* What is asked for meanwhile waits for the next time. */
static void run_all(struct list *waiting)
{
	struct list batch;

	list_init(&batch);
	while (!list_empty(waiting)) {
		struct list *node = waiting->next;

		list_remove(node);
		list_add(&batch, node);
	}
	while (!list_empty(&batch)) {
		struct later *later = LIST_ENTRY(batch.next, struct later, node);

		list_remove(&later->node);
		later->node = (struct list){ 0 };
		later->run(later);
	}
}

static void on_idle(uv_idle_t *idle)
{
	struct loop *loop = idle->data;

	run_all(&loop->pending);
	if (list_empty(&loop->pending))
		(void)uv_idle_stop(idle);
}

static void wait_for_rest(struct loop *loop);

/*
 * The allocator keeps what lies between two pieces in use, however much it is: a list of megabytes, judged
 * once, would weigh for ever. Waiting itself ends in one turn; more of them, and there was something to do.
 */
static void on_rest(uv_timer_t *timer)
{
	struct loop *loop = timer->data;

	if (loop->n_turns - loop->waited > 1) {
		wait_for_rest(loop);
		return;
	}
	(void)malloc_trim(0);
	loop->n_rests++;
}

static void wait_for_rest(struct loop *loop)
{
	loop->waited = loop->n_turns;
	(void)uv_timer_start(&loop->rest, on_rest, loop->rest_ms, 0);
}

/* After the polling. */
static void on_check(uv_check_t *check)
{
	struct loop *loop = check->data;

	loop_end_now(loop);
	loop->n_turns++;
	if (!uv_is_active((uv_handle_t *)&loop->rest))
		wait_for_rest(loop);
	loop->crowded = loop->n_written > 1;
	loop->n_written = 0;
}

/* Before the polling: what timers and idle calls have left. */
static void on_prepare(uv_prepare_t *prepare)
{
	loop_end_now(prepare->data);
}

/* None of them keeps a loop alive. */
static void start_turns(struct loop *loop)
{
	check(uv_check_init(&loop->uv, &loop->check) == 0);
	check(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
	check(uv_timer_init(&loop->uv, &loop->rest) == 0);
	loop->check.data = loop->prepare.data = loop->rest.data = loop;
	loop->rest_ms = LOOP_REST_MS;
	(void)uv_check_start(&loop->check, on_check);
	(void)uv_prepare_start(&loop->prepare, on_prepare);
	uv_unref((uv_handle_t *)&loop->check);
	uv_unref((uv_handle_t *)&loop->prepare);
	uv_unref((uv_handle_t *)&loop->rest);
}

int loop_init(struct loop *loop, struct err *err)
{
	*loop = (struct loop){ 0 };
	list_init(&loop->pending);
	list_init(&loop->last);
	loop->chunk = malloc(LOOP_CHUNK_BYTES);
	if (!loop->chunk)
		return err_set(err, ERR_NOMEM, "no memory for the event loop");
	if (uv_loop_init(&loop->uv) != 0) {
		freep(&loop->chunk);
		return err_set(err, ERR_SYSTEM, "cannot make an event loop");
	}
	check(uv_idle_init(&loop->uv, &loop->idle) == 0);
	loop->idle.data = loop;
	start_turns(loop);
	return 0;
}

void loop_release(struct loop *loop)
{
	if (!loop->chunk)
		return;
	/* What was put off to the next turn is often memory to give back. */
	while (!list_empty(&loop->pending))
		on_idle(&loop->idle);
	loop_end_now(loop);
	uv_close((uv_handle_t *)&loop->check, NULL);
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->rest, NULL);
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

void loop_at_end(struct loop *loop, struct later *later)
{
	if (!later->node.next)
		list_add(&loop->last, &later->node);
}

void loop_end_now(struct loop *loop)
{
	if (!list_empty(&loop->last))
		run_all(&loop->last);
}

void loop_later_cancel(struct later *later)
{
	if (!later->node.next)
		return;
	list_remove(&later->node);
	later->node = (struct list){ 0 };
}
