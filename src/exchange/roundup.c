/* roundup.c - a list of several servers, joined from what each of them answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/roundup.h"

#include <stdlib.h>

#include "exchange/account.h"
#include "exchange/gather.h"
#include "exchange/view.h"
#include "json/write.h"

/* A common answer waits no longer for its slowest server, which is left out then. */
enum { ROUNDUP_PART_MS = 8000 };

struct roundup {
	struct exchange *x;
	struct part {
		struct roundup *roundup;
		struct attachment *attachment;
		struct gather *gather;
	} * parts;
	size_t n, open;
	struct buf items;
	struct later later;
};

static void roundup_free(struct exchange *x);

/* NULL: the exchange is none. */
static struct roundup *roundup_of(const struct exchange *x)
{
	return x->free_work == roundup_free ? x->work : NULL;
}

static void roundup_free(struct exchange *x)
{
	struct roundup *roundup = x->work;

	for (size_t i = 0; i < roundup->n; i++)
		roundup->parts[i].gather = gather_free(roundup->parts[i].gather);
	loop_later_cancel(&roundup->later);
	buf_release(&roundup->items);
	free(roundup->parts);
	free(roundup);
	x->work = NULL;
	x->free_work = NULL;
}

static void roundup_finish(struct later *later)
{
	struct roundup *roundup = LIST_ENTRY(later, struct roundup, later);
	struct exchange *x = roundup->x;
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)64 * 1024 * 1024);

	buf_addf(&result, "{\"%.*s\":[", SPAN_ARG(method_info(x->method)->items));
	buf_add(&result, buf_span(&roundup->items));
	buf_add_char(&result, ']');
	if (x->revision >= REVISION_2026_07_28)
		buf_add(&result, S(",\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\""));
	buf_add_char(&result, '}');
	exchange_answer(x, &result);
}

bool roundup_add(struct buf *out, struct json *json, struct span array, struct span server)
{
	size_t had = out->n;
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)64 * 1024);

	if (!json_parse(json, array, array.n))
		return false;
	for (json_at at = json_first(json, 0); at != JSON_NONE; at = json_next(json, 0, at)) {
		json_at name_at = json_is(json, at, JSON_OBJECT) ? json_get(json, at, S("name")) : JSON_NONE;
		struct json_edit edit;
		CLEANUP(buf_release) struct buf joined = BUF_INIT((size_t)64 * 1024);

		if (!json_is(json, name_at, JSON_STRING))
			continue;
		buf_add(&joined, server);
		buf_add(&joined, S("__"));
		json_string_add(json, name_at, &joined);
		buf_clear(&name);
		json_add_string(&name, buf_span(&joined));
		/* No client could ask for it. */
		if (!buf_ok(&joined) || !buf_ok(&name))
			continue;
		edit = (struct json_edit){ name_at, JSON_REPLACE, buf_span(&name) };
		if (out->n)
			buf_add_char(out, ',');
		json_emit(out, json, at, &edit, 1);
	}
	if (buf_ok(out))
		return true;
	buf_cut(out, had);
	return false;
}

static void note_partial(const struct part *part, struct span why)
{
	log_event(part->roundup->x->worker->log, LOG_WARN, "catalogue.partial",
		  "A server's list is missing from an answer.",
		  LF("server", server_shown(part->attachment->server)), LF("why", why));
}

static void part_over(struct part *part)
{
	struct roundup *roundup = part->roundup;

	part->gather = gather_free(part->gather);
	part->attachment = NULL;
	if (--roundup->open == 0)
		loop_later(&roundup->x->worker->loop, &roundup->later);
}

static bool take_items(const struct part *part, struct span items)
{
	struct roundup *roundup = part->roundup;
	CLEANUP(buf_release) struct buf array = BUF_INIT(items.n + 2);

	buf_add_char(&array, '[');
	buf_add(&array, items);
	buf_add_char(&array, ']');
	return buf_ok(&array) && roundup_add(&roundup->items, &roundup->x->worker->side, buf_span(&array),
					     part->attachment->server->name);
}

static void on_part(void *owner, struct gather *gather, bool fine, struct span why)
{
	struct part *part = owner;

	if (!fine)
		note_partial(part, why);
	else if (take_items(part, gather_items(gather)))
		view_prompts_given(part->attachment, true);
	else
		note_partial(part, span_str(link_crowded));
	part_over(part);
}

void roundup_detach(struct exchange *x, const struct attachment *attachment)
{
	struct roundup *roundup = roundup_of(x);

	for (size_t i = 0; roundup && i < roundup->n; i++) {
		struct part *part = &roundup->parts[i];

		if (part->attachment != attachment || !part->gather)
			continue;
		note_partial(part, S("the server was changed or removed"));
		part_over(part);
	}
}

static void tick_part(struct part *part, uint64_t now_ms)
{
	uint64_t most_ms = part->attachment->server->timeout_ms;

	(void)gather_tick(part->gather, now_ms, most_ms < ROUNDUP_PART_MS ? most_ms : ROUNDUP_PART_MS);
}

/* With the last part the answer comes in a turn of its own: the exchange stays while it is looked at. */
void roundup_tick(struct exchange *x, uint64_t now_ms)
{
	struct roundup *roundup = roundup_of(x);

	for (size_t i = 0; roundup && i < roundup->n; i++)
		if (roundup->parts[i].gather)
			tick_part(&roundup->parts[i], now_ms);
}

static void start_part(struct roundup *roundup, struct attachment *attachment)
{
	struct part *part = &roundup->parts[roundup->n];
	struct link *link = attachment->link;

	if (!link || link->state_of != LINK_READY || !link_has_capability(link, S("prompts")))
		return;
	*part = (struct part){ .roundup = roundup, .attachment = attachment };
	roundup->n++;
	part->gather = gather_start(link, roundup->x->method,
				    link->era == ERA_MODERN ? buf_span(&link->init_params) : S(""), on_part,
				    part);
	if (part->gather)
		roundup->open++;
}

enum stage_result roundup_begin(struct exchange *x)
{
	struct roundup *roundup = calloc(1, sizeof(*roundup));
	size_t n = 0;

	LIST_EACH(&x->client->attachments, node)
		n++;
	if (roundup)
		roundup->parts = calloc(n + 1, sizeof(*roundup->parts));
	if (!roundup || !roundup->parts) {
		free(roundup);
		exchange_refuse(x, 503, -32603, "K803", S("The gate has no memory for the list"), S(""));
		return STAGE_DONE;
	}
	roundup->x = x;
	roundup->items = BUF_CHARGED((size_t)32 * 1024 * 1024, &x->client->account->held);
	roundup->later.run = roundup_finish;
	x->work = roundup;
	x->free_work = roundup_free;
	view_given(x->client, VIEW_PROMPTS);
	LIST_EACH(&x->client->attachments, node) {
		struct attachment *attachment = LIST_ENTRY(node, struct attachment, node);

		view_prompts_given(attachment, false);
		start_part(roundup, attachment);
	}
	if (roundup->open == 0)
		loop_later(&x->worker->loop, &roundup->later);
	x->message = (struct message){ 0 };
	return STAGE_WAIT;
}
