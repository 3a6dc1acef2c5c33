/* limits.c - the defaults: they are what the config promises, and they fit each other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "limits/limits.h"

#include "base/cleanup.h"
#include "conf/value.h"
#include "exchange/items.h"
#include "tap.h"

static const struct conf_item *item_of(const char *path)
{
	for (const struct conf_item *item = exchange_items; item->path; item++)
		if (span_eq(span_str(item->path), span_str(path)))
			return item;
	return NULL;
}

static int64_t value_of(const struct conf_item *item)
{
	struct span text = span_str(item->fallback);
	struct err err = ERR_INIT;
	int64_t value = -1;

	if (item->type == CONF_BYTES)
		(void)!value_bytes(text, &value, &err);
	else if (item->type == CONF_DURATION)
		(void)!value_duration(text, &value, &err);
	else
		(void)!value_int(text, &value);
	return value;
}

/* A worker that has not heard of its config yet, and one whose config says nothing, hold the same. */
static void promised(void)
{
	const struct limits *d = &limits_default;
	const struct {
		const char *path;
		uint64_t value;
	} keys[] = {
		{ "limits.body", d->body_bytes },
		{ "limits.result", d->result_bytes },
		{ "limits.connections", d->connections },
		{ "limits.sessions", d->sessions },
		{ "limits.sessions-per-token", d->sessions_per_principal },
		{ "limits.processes-per-token", d->processes_per_principal },
		{ "limits.calls", d->calls },
		{ "limits.calls-per-session", d->calls_per_client },
		{ "limits.calls-per-token", d->calls_per_principal },
		{ "limits.memory", d->held_bytes },
		{ "limits.session-idle", d->session_idle_ms },
		{ "limits.call-total", d->call_total_ms },
	};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct conf_item *item = item_of(keys[i].path);

		if (!ok(item && item->fallback, "%s is a key with a default", keys[i].path))
			continue;
		is_int(value_of(item), keys[i].value, "%s: the config's default is the program's",
		       keys[i].path);
		ok(item->min > 0 && value_of(item) >= item->min && value_of(item) <= item->max,
		   "%s: and within the config's own bounds, which leave nothing out", keys[i].path);
	}
	for (const struct conf_item *item = exchange_items; item->path; item++)
		n += span_starts(span_str(item->path), S("limits."));
	is_int(n, COUNT(keys), "no limit of the config is without a default here");
}

static void fitting(void)
{
	const struct limits *d = &limits_default;

	ok(d->body_bytes && d->result_bytes && d->connections && d->sessions && d->sessions_per_principal &&
	       d->processes_per_principal && d->calls && d->calls_per_client && d->calls_per_principal &&
	       d->streams_per_client && d->queue_bytes && d->upstream_connections && d->idle_ms &&
	       d->head_ms && d->session_idle_ms && d->call_total_ms,
	   "none is nothing");
	ok(d->calls_per_client <= d->calls_per_principal && d->calls_per_principal <= d->calls / 4 &&
	       d->sessions_per_principal <= d->sessions,
	   "one client cannot take it all");
	ok(d->held_bytes / 4 >= 4 * d->result_bytes,
	   "and one token's part of the memory holds a few messages");
	ok(LIMIT_URL_BYTES <= LIMIT_HEADER_LINE_BYTES && LIMIT_HEADER_LINE_BYTES <= LIMIT_HEAD_BYTES,
	   "a part of a head is no larger than the head");
	ok(LIMIT_HEAD_BYTES < d->body_bytes && d->body_bytes <= d->result_bytes,
	   "and a head no larger than a message");
	ok(LIMIT_KEEPALIVE_MS < d->idle_ms && LIMIT_KEEPALIVE_MS < d->session_idle_ms,
	   "a stream is kept awake before anything takes it for dead");
	ok(LIMIT_HANDSHAKE_MS < d->call_total_ms,
	   "a server has greeted before a call that waits for it is over");
	ok(LIMIT_BATCH <= d->calls_per_client, "a batch of the greatest size can be served");
}

int main(void)
{
	promised();
	fitting();
	return tap_done();
}
