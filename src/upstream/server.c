/* server.c - one configured server: what is known of it, and its end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/server.h"

#include <stdlib.h>

#include "http/client.h"
#include "net/tls_context.h"
#include "upstream/house.h"

static const struct span kind_names[] = { [SERVER_STDIO] = SPAN("stdio"),
					  [SERVER_HTTP] = SPAN("http"),
					  [SERVER_WS] = SPAN("ws"),
					  [SERVER_UNIX] = SPAN("unix") };

struct span server_kind_name(enum server_kind kind)
{
	return kind_names[kind];
}

enum server_kind server_kind_of(struct span word)
{
	for (size_t i = 0; i < COUNT(kind_names); i++)
		if (span_eq(word, kind_names[i]))
			return (enum server_kind)i;
	return SERVER_STDIO;
}

struct known {
	enum speaks *speaks;
	uint64_t *until_ms;
};

static struct known known_of(struct server *server, enum era era)
{
	if (era == ERA_MODERN)
		return (struct known){ &server->modern, &server->modern_until_ms };
	return (struct known){ &server->legacy, &server->legacy_until_ms };
}

static void forget(struct known known)
{
	/* What has no end is the config's word. */
	if (*known.speaks != SPEAKS_NO || !*known.until_ms)
		return;
	*known.speaks = SPEAKS_UNKNOWN;
	*known.until_ms = 0;
}

bool server_may_speak(struct server *server, enum era era, uint64_t now_ms)
{
	struct known known = known_of(server, era);

	if (now_ms >= *known.until_ms)
		forget(known);
	return *known.speaks != SPEAKS_NO;
}

void server_learn(struct server *server, enum era era, bool speaks, uint64_t now_ms)
{
	struct known known = known_of(server, era);

	if (*known.speaks == SPEAKS_NO && !*known.until_ms)
		return;
	*known.speaks = speaks ? SPEAKS_YES : SPEAKS_NO;
	*known.until_ms = speaks ? 0 : now_ms + SERVER_FORGET_MS;
}

void server_forget(struct server *server)
{
	forget(known_of(server, ERA_LEGACY));
	forget(known_of(server, ERA_MODERN));
	server->met = WIRE_UNKNOWN;
}

void server_was_late(struct server *server, bool list, uint64_t now_ms)
{
	uint64_t pause = SERVER_LATE_MS;

	server->late_list |= list;
	/* Several waited for it at once. */
	if (now_ms < server->late_until_ms)
		return;
	for (unsigned i = 0; i < server->late && pause < SERVER_LATE_MAX_MS; i++)
		pause *= 2;
	server->late++;
	server->late_until_ms = now_ms + (pause < SERVER_LATE_MAX_MS ? pause : SERVER_LATE_MAX_MS);
}

void server_has_come(struct server *server, bool list)
{
	if (server->late_list && !list)
		return;
	server->late_list = false;
	server->late = 0;
	server->late_until_ms = 0;
}

struct server *server_unref(struct server *server)
{
	if (!server || --server->refs)
		return NULL;
	loop_later_cancel(&server->turn);
	server->pool = http_pool_free(server->pool);
	(void)tls_context_unref(server->outwards);
	server->common = server_common_unref(server->common);
	server->house = house_unref(server->house);
	for (size_t i = 0; i < OFFER_KINDS; i++)
		recent_clear(&server->recent[i]);
	arena_release(&server->arena);
	free(server);
	return NULL;
}
