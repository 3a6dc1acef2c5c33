/* gather.c - a whole list of a server, page after page. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/gather.h"

#include <stdlib.h>

#include "upstream/words.h"
#include "json/write.h"

enum { GATHER_BYTES = 32 * 1024 * 1024, GATHER_PAGES = 1000, GATHER_TTL_MS = 24 * 3600 * 1000 };

struct gather {
	struct link *link;
	struct call call;
	enum method method;
	struct buf meta, items, result, cursor;
	unsigned pages;
	uint64_t started_ms;
	uint64_t ttl_ms;
	bool late, unknown;
	bool is_public;
	enum link_failure failure;
	gather_done *done;
	void *owner;
};

static void ask_page(struct gather *gather);

static void finish(struct gather *gather, bool fine, struct span why)
{
	gather->done(gather->owner, gather, fine, why);
}

static void on_failed(struct call *call, enum link_failure failure, struct span why)
{
	struct gather *gather = LIST_ENTRY(call, struct gather, call);

	gather->failure = failure;
	finish(gather, false, why);
}

static void take_ttl(struct gather *gather, const struct message *message)
{
	json_at at = json_get(message->json, message->result, S("ttlMs"));
	uint64_t ttl_ms;

	if (!json_is(message->json, at, JSON_NUMBER) || !json_u64(message->json, at, &ttl_ms))
		ttl_ms = 0;
	if (gather->pages == 0 || ttl_ms < gather->ttl_ms)
		gather->ttl_ms = ttl_ms;
}

static void take_scope(struct gather *gather, const struct message *message)
{
	json_at at = json_get(message->json, message->result, S("cacheScope"));

	gather->is_public = (gather->pages == 0 || gather->is_public) &&
			    json_string_is(message->json, at, S("public"));
}

static bool take_page(struct gather *gather, const struct message *message)
{
	const struct json *json = message->json;
	json_at items = json_get(json, message->result, method_info(gather->method)->items);
	json_at cursor = json_get(json, message->result, S("nextCursor"));

	if (!json_is(json, items, JSON_ARRAY))
		return false;
	for (json_at at = json_first(json, items); at != JSON_NONE; at = json_next(json, items, at)) {
		if (gather->items.n)
			buf_add_char(&gather->items, ',');
		json_emit(&gather->items, json, at, NULL, 0);
	}
	if (gather->pages == 0) {
		struct json_edit drop[2] = { { items - 1, JSON_DROP, S("") },
					     { cursor - 1, JSON_DROP, S("") } };
		bool both = cursor != JSON_NONE;

		if (both && cursor < items) {
			drop[0].at = cursor - 1;
			drop[1].at = items - 1;
		}
		json_emit(&gather->result, json, message->result, drop, both ? 2 : 1);
	}
	take_ttl(gather, message);
	take_scope(gather, message);
	buf_clear(&gather->cursor);
	if (json_is(json, cursor, JSON_STRING))
		buf_add(&gather->cursor, json_raw(json, cursor));
	return buf_ok(&gather->items) && buf_ok(&gather->result) && buf_ok(&gather->cursor);
}

static void on_message(struct call *call, const struct message *message, bool final)
{
	struct gather *gather = LIST_ENTRY(call, struct gather, call);

	if (!final)
		return;
	if (message->kind != MESSAGE_RESULT) {
		CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)1024);
		int64_t code;

		buf_add(&why, S("the server refused the list: "));
		words_add_error(&why, gather->link->upstream, message);
		gather->unknown = json_i64(message->json, json_get(message->json, message->error, S("code")),
					   &code) &&
				  code == -32601;
		finish(gather, false, buf_span(&why));
		return;
	}
	if (!take_page(gather, message)) {
		finish(gather, false, S("the server's list is malformed or too large"));
		return;
	}
	if (gather->cursor.n == 0) {
		finish(gather, true, S(""));
		return;
	}
	if (++gather->pages >= GATHER_PAGES) {
		finish(gather, false, S("the server's list has no end"));
		return;
	}
	ask_page(gather);
}

static void ask_page(struct gather *gather)
{
	CLEANUP(buf_release) struct buf message = BUF_INIT((size_t)1 << 20);
	const struct method_info *info = method_info(gather->method);
	const struct send_facts facts = { .method = gather->method,
					  .method_name = info->name,
					  .repeatable = true };

	gather->call = (struct call){ .on_message = on_message, .on_failed = on_failed };
	buf_add(&message, S("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_add_u64(&message, link_take_id(gather->link, &gather->call));
	buf_addf(&message, ",\"method\":\"%.*s\"", SPAN_ARG(info->name));
	if (gather->meta.n || gather->cursor.n) {
		buf_add(&message, S(",\"params\":{"));
		if (gather->meta.n)
			json_put_raw(&message, S("_meta"), buf_span(&gather->meta));
		if (gather->cursor.n)
			json_put_raw(&message, S("cursor"), buf_span(&gather->cursor));
		buf_add_char(&message, '}');
	}
	buf_add_char(&message, '}');
	link_request(gather->link, &gather->call, buf_span(&message), &facts);
}

struct gather *gather_start(struct link *link, enum method method, struct span meta, gather_done *done,
			    void *owner)
{
	struct gather *gather = calloc(1, sizeof(*gather));

	if (!gather)
		return NULL;
	gather->link = link;
	gather->started_ms = loop_now(link->upstream->loop);
	gather->method = method;
	gather->ttl_ms = GATHER_TTL_MS;
	gather->failure = LINK_REFUSED;
	gather->meta = BUF_INIT((size_t)256 * 1024);
	gather->items = BUF_CHARGED(GATHER_BYTES, link->budget);
	gather->result = BUF_CHARGED((size_t)1 << 20, link->budget);
	gather->cursor = BUF_INIT((size_t)64 * 1024);
	gather->done = done;
	gather->owner = owner;
	buf_add(&gather->meta, meta);
	ask_page(gather);
	return gather;
}

bool gather_tick(struct gather *gather, uint64_t now_ms, uint64_t most_ms)
{
	CLEANUP(buf_release) struct buf why = BUF_INIT((size_t)512);
	const char *garbage = link_garbage(gather->link, &gather->call);

	if (now_ms <= gather->started_ms + most_ms)
		return false;
	buf_addf(&why, "it did not answer %.*s within %llu s", SPAN_ARG(method_info(gather->method)->name),
		 (unsigned long long)(most_ms / 1000));
	if (garbage)
		buf_addf(&why, "; what it sent instead is no MCP message: %s", garbage);
	gather->late = true;
	call_cancel(&gather->call, S("timed out"));
	finish(gather, false, buf_span(&why));
	return true;
}

enum link_failure gather_failure(const struct gather *gather)
{
	return gather->late ? LINK_SILENT : gather->failure;
}

struct gather *gather_free(struct gather *gather)
{
	if (!gather)
		return NULL;
	call_cancel(&gather->call, S("no longer needed"));
	buf_release(&gather->meta);
	buf_release(&gather->items);
	buf_release(&gather->result);
	buf_release(&gather->cursor);
	free(gather);
	return NULL;
}

uint64_t gather_ttl_ms(const struct gather *gather)
{
	return gather->ttl_ms;
}

bool gather_is_public(const struct gather *gather)
{
	return gather->is_public;
}

enum method gather_method(const struct gather *gather)
{
	return gather->method;
}

bool gather_is_unknown(const struct gather *gather)
{
	return gather->unknown;
}

struct span gather_items(const struct gather *gather)
{
	return buf_span(&gather->items);
}

struct span gather_result(const struct gather *gather)
{
	return buf_span(&gather->result);
}
