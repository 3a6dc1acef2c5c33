/* snapshot.c - the worker's part of the config, taken over without disturbing what did not change. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/snapshot.h"

#include <stdlib.h>

#include "base/arena.h"
#include "exchange/account.h"
#include "exchange/client.h"
#include "exchange/view.h"
#include "http/client.h"
#include "http/server.h"
#include "net/tls_context.h"
#include "upstream/house.h"

enum { SNAPSHOT_BYTES = 16 * 1024 * 1024 };

static struct span text_of(const struct json *json, json_at object, struct span name)
{
	json_at at = json_get(json, object, name);

	/* The manager writes plain texts; one that is escaped is read where it matters (text_copy). */
	return json_is(json, at, JSON_STRING) ? json_string_raw(json, at) : S("");
}

static struct span text_copy(const struct json *json, json_at at, struct arena *arena)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)1 << 20);

	return json_is(json, at, JSON_STRING) ? arena_dup(arena, json_string(json, at, &scratch)) : S("");
}

static uint64_t number_of(const struct json *json, json_at object, struct span name, uint64_t otherwise)
{
	json_at at = json_get(json, object, name);
	uint64_t value;

	return at != JSON_NONE && json_is(json, at, JSON_NUMBER) && json_u64(json, at, &value) ? value
											       : otherwise;
}

static bool flag_of(const struct json *json, json_at object, struct span name)
{
	return json_is(json, json_get(json, object, name), JSON_TRUE);
}

/* --- one server --- */

static const struct tool_rule *read_rules(const struct json *json, json_at array, struct arena *arena,
					  size_t *n)
{
	struct tool_rule *rules;
	size_t i = 0;

	*n = 0;
	if (!json_is(json, array, JSON_ARRAY) || json->tokens[array].count == 0)
		return NULL;
	rules = arena_alloc(arena, json->tokens[array].count * sizeof(*rules));
	for (json_at at = json_first(json, array); rules && at != JSON_NONE;
	     at = json_next(json, array, at), i++) {
		rules[i].glob = text_copy(json, json_get(json, at, S("glob")), arena);
		rules[i].line = (uint32_t)number_of(json, at, S("line"), 0);
	}
	*n = rules ? i : 0;
	return rules;
}

static struct http_limits answer_limits(const struct worker *worker)
{
	return (struct http_limits){ .head_bytes = LIMIT_HEAD_BYTES,
				     .header_line = LIMIT_HEADER_LINE_BYTES,
				     .headers = LIMIT_HEADERS,
				     .url = LIMIT_URL_BYTES,
				     .body_bytes = worker->limits.result_bytes };
}

/* The servers that stay are told of new limits. */
static void hand_on_limits(const struct worker *worker)
{
	const struct http_limits limits = answer_limits(worker);

	LIST_EACH(&worker->servers, node) {
		struct http_pool *pool = LIST_ENTRY(node, struct server, node)->pool;

		if (pool)
			http_pool_set_limits(pool, &limits, worker->limits.calls);
	}
}

static int make_pool(struct worker *worker, struct server *server, const struct secure *secure,
		     struct err *err)
{
	struct tls_context *tls = server->tls ? secure_outwards(secure, server->ca, err) : NULL;
	const struct http_pool_options options = {
		.target = server->name,
		.host = server->host,
		.max_connections = worker->limits.upstream_connections,
		.max_waiting = worker->limits.calls,
		.max_lasting = LIMIT_UPSTREAM_STREAMS,
		.limits = answer_limits(worker),
		.tls = tls,
	};

	/* Never plain where TLS was asked for. */
	if (server->tls && !tls)
		return err_wrap(err, "server %.*s", SPAN_ARG(server->name));
	server->pool = http_pool_new(&worker->loop, worker->upstream.egress, &options, err);
	(void)tls_context_unref(tls);
	return server->pool ? 0 : -1;
}

static enum server_wire wire_of(struct span word)
{
	if (span_eq(word, S("sse")))
		return WIRE_SSE;
	return span_eq(word, S("streamable")) ? WIRE_STREAMABLE : WIRE_UNKNOWN;
}

/* What it is reached by, as far as that is the worker's. */
static int equip(struct worker *worker, struct server *server, const struct secure *secure, struct err *err)
{
	if (server->kind == SERVER_HTTP)
		return make_pool(worker, server, secure, err);
	if (server->kind != SERVER_WS || !server->tls)
		return 0;
	server->outwards = secure_outwards(secure, server->ca, err);
	return server->outwards ? 0 : err_wrap(err, "server %.*s", SPAN_ARG(server->name));
}

/* The first of the crew makes it, the others find it there. */
static struct server_common *common_of(struct worker *worker, const struct json *json, json_at at)
{
	const struct worker *first = worker->crew->members[0];
	struct server *same;

	/* One host's server is one thread's. */
	if (worker->crew->n == 1 || flag_of(json, at, S("ephemeral")))
		return NULL;
	if (worker == first)
		return server_common_new();
	same = worker_server(first, text_of(json, at, S("name")));
	if (same && same->common && span_eq(same->definition, json_raw(json, at)))
		return server_common_ref(same->common);
	return NULL;
}

/* The same of the one process for all: the first has it, and the others a way to it. */
static bool find_house(struct worker *worker, struct server *server, const struct json *json, json_at at)
{
	const struct server *same;

	if (!flag_of(json, at, S("shared")))
		return true;
	/* The threads count its requests' numbers together: house.h. */
	if (worker->crew->n > 1 && !server->common)
		return false;
	if (worker->index == 0) {
		server->house = house_new(&worker->upstream, server);
		return server->house != NULL;
	}
	same = worker_server(worker->crew->members[0], server->name);
	if (same && same->house && span_eq(same->definition, server->definition))
		server->house = house_ref(same->house);
	return server->house != NULL;
}

static struct server *make_server(struct worker *worker, const struct json *json, json_at at,
				  const struct secure *secure, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	struct arena *arena;
	struct span era = text_of(json, at, S("era")), kind;

	if (!server) {
		(void)err_set(err, ERR_NOMEM, "no memory for a server");
		return NULL;
	}
	server->refs = 1;
	list_init(&server->node);
	list_init(&server->queue);
	server->common = common_of(worker, json, at);
	arena = &server->arena;
	*arena = ARENA_INIT(SNAPSHOT_BYTES);
	server->name = text_copy(json, json_get(json, at, S("name")), arena);
	server->shown = text_copy(json, json_get(json, at, S("shown")), arena);
	server->definition = arena_dup(arena, json_raw(json, at));
	kind = text_of(json, at, S("kind"));
	server->kind = server_kind_of(kind);
	server->wire = wire_of(text_of(json, at, S("transport")));
	server->ephemeral = flag_of(json, at, S("ephemeral"));
	server->timeout_ms = number_of(json, at, S("timeout_ms"), 60000);
	server->idle_ms = number_of(json, at, S("idle_ms"), 0);
	server->max_calls = number_of(json, at, S("calls"), 0);
	server->shown_when_down = flag_of(json, at, S("shown_when_down"));
	server->rules.allow = read_rules(json, json_get(json, at, S("allow")), arena, &server->rules.n_allow);
	server->rules.deny = read_rules(json, json_get(json, at, S("deny")), arena, &server->rules.n_deny);
	server->authority = text_copy(json, json_get(json, at, S("authority")), arena);
	server->path = text_copy(json, json_get(json, at, S("path")), arena);
	server->host = text_copy(json, json_get(json, at, S("host")), arena);
	server->tls = flag_of(json, at, S("tls"));
	server->ca = text_copy(json, json_get(json, at, S("ca")), arena);
	if (span_eq(era, S("legacy")))
		server->modern = SPEAKS_NO;
	if (span_eq(era, S("modern")))
		server->legacy = SPEAKS_NO;
	if (arena->over || server->name.n == 0)
		(void)err_set(err, ERR_FORMAT, "a server's definition cannot be read");
	else if (!find_house(worker, server, json, at))
		(void)err_set(err, ERR_NOMEM, "no memory for a server that clients share");
	else if (equip(worker, server, secure, err) == 0)
		return server;
	(void)server_unref(server);
	return NULL;
}

struct server *snapshot_add_server(struct worker *worker, struct span text, struct err *err)
{
	struct json json = { 0 };
	struct server *server = NULL;

	if (json_parse(&json, text, SNAPSHOT_BYTES) && json_is(&json, 0, JSON_OBJECT))
		server = make_server(worker, &json, 0, &worker->secure, err);
	else
		(void)err_set(err, ERR_FORMAT, "a server's definition is not JSON");
	json_release(&json);
	if (server) {
		list_add(&worker->servers, &server->node);
		record_config(worker);
	}
	return server;
}

/* --- the whole --- */

static void read_limits(struct limits *limits, const struct json *json, json_at at)
{
	limits->body_bytes = number_of(json, at, S("body_bytes"), limits->body_bytes);
	limits->result_bytes = number_of(json, at, S("result_bytes"), limits->result_bytes);
	limits->connections = number_of(json, at, S("connections"), limits->connections);
	limits->sessions = number_of(json, at, S("sessions"), limits->sessions);
	limits->sessions_per_principal = number_of(json, at, S("sessions_per_principal"),
						   limits->sessions_per_principal);
	limits->processes_per_principal = number_of(json, at, S("processes_per_principal"),
						    limits->processes_per_principal);
	limits->calls = number_of(json, at, S("calls"), limits->calls);
	limits->calls_per_client = number_of(json, at, S("calls_per_client"), limits->calls_per_client);
	limits->calls_per_principal = number_of(json, at, S("calls_per_principal"),
						limits->calls_per_principal);
	limits->held_bytes = number_of(json, at, S("held_bytes"), limits->held_bytes);
	limits->session_idle_ms = number_of(json, at, S("session_idle_ms"), limits->session_idle_ms);
	limits->call_total_ms = number_of(json, at, S("call_total_ms"), limits->call_total_ms);
}

static const struct span *read_texts(const struct json *json, json_at array, struct arena *arena, size_t *n)
{
	struct span *texts;
	size_t i = 0;

	*n = 0;
	if (!json_is(json, array, JSON_ARRAY) || json->tokens[array].count == 0)
		return NULL;
	texts = arena_alloc(arena, json->tokens[array].count * sizeof(*texts));
	for (json_at at = json_first(json, array); texts && at != JSON_NONE; at = json_next(json, array, at))
		texts[i++] = text_copy(json, at, arena);
	*n = i;
	return texts;
}

static const uint32_t *read_uids(const struct json *json, json_at array, struct arena *arena, size_t *n)
{
	uint32_t *uids;
	uint64_t uid;
	size_t i = 0;

	*n = 0;
	if (!json_is(json, array, JSON_ARRAY) || json->tokens[array].count == 0)
		return NULL;
	uids = arena_alloc(arena, json->tokens[array].count * sizeof(*uids));
	for (json_at at = json_first(json, array); uids && at != JSON_NONE; at = json_next(json, array, at))
		if (json_is(json, at, JSON_NUMBER) && json_u64(json, at, &uid) && uid < UINT32_MAX)
			uids[i++] = (uint32_t)uid;
	*n = i;
	return uids;
}

static void replace_front(struct worker *worker, const struct json *json)
{
	struct arena *arena = &worker->front_arena;

	arena_release(arena);
	*arena = ARENA_INIT((size_t)1 << 20);
	worker->front.hosts = read_texts(json, json_get(json, 0, S("hosts")), arena, &worker->front.n_hosts);
	worker->front.origins = read_texts(json, json_get(json, 0, S("origins")), arena,
					   &worker->front.n_origins);
	worker->front.uids = read_uids(json, json_get(json, 0, S("uids")), arena, &worker->front.n_uids);
	worker->config_digest = text_copy(json, json_get(json, 0, S("config")), arena);
}

static void read_view(struct selection *view, const struct json *json, json_at at, struct arena *arena)
{
	json_at allow = json_get(json, at, S("allow"));

	view->name = text_copy(json, json_get(json, at, S("name")), arena);
	view->servers = read_texts(json, json_get(json, at, S("servers")), arena, &view->n_servers);
	view->rules.allow = read_rules(json, allow, arena, &view->rules.n_allow);
	view->rules.deny = read_rules(json, json_get(json, at, S("deny")), arena, &view->rules.n_deny);
	view->all_tools = allow == JSON_NONE;
}

static struct server *unselected(const struct client *client)
{
	LIST_EACH(&client->attachments, node) {
		struct server *server = LIST_ENTRY(node, struct attachment, node)->server;

		if (!client_selects(client, server))
			return server;
	}
	return NULL;
}

/* Whoever is kept to a view sees another list now, perhaps, and hears no server any more that is not in it.
 */
static void tell_views(const struct worker *worker)
{
	for (struct list *node = worker->clients.next; node != &worker->clients;) {
		struct client *client = client_ref(LIST_ENTRY(node, struct client, node));
		struct server *server;

		while (client->view.n && !client->closed && (server = unselected(client)) != NULL)
			client_detach_server(client, server);
		if (client->view.n && !client->only)
			client->changed |= client->given;
		node = client->closed ? worker->clients.next : node->next;
		(void)client_unref(client);
	}
}

static int make_views(struct selections *views, const struct json *json, struct err *err)
{
	json_at array = json_get(json, 0, S("views"));
	size_t n = json_is(json, array, JSON_ARRAY) ? json->tokens[array].count : 0;

	views->arena = ARENA_INIT(SNAPSHOT_BYTES);
	if (n == 0)
		return 0;
	views->all = arena_alloc(&views->arena, n * sizeof(*views->all));
	for (json_at at = json_first(json, array); views->all && at != JSON_NONE;
	     at = json_next(json, array, at))
		read_view(&views->all[views->n++], json, at, &views->arena);
	views->source = arena_dup(&views->arena, json_raw(json, array));
	return views->arena.over ? err_set(err, ERR_NOMEM, "no memory for the views") : 0;
}

static void replace_views(struct worker *worker, struct selections *next)
{
	struct selections old = worker->views;

	worker->views = *next;
	*next = old;
	if (!span_eq(old.source, worker->views.source))
		tell_views(worker);
}

static void replace_finding(struct worker *worker, const struct json *json)
{
	json_at at = json_get(json, 0, S("search_above"));

	worker->finding.on = json_is(json, at, JSON_NUMBER);
	worker->finding.above = (size_t)number_of(json, 0, S("search_above"), 0);
}

/* The old goes with `*next`; connections that stand hold what they need of it. */
static void replace_secure(struct worker *worker, struct secure *next)
{
	struct secure old = worker->secure;

	worker->secure = *next;
	*next = old;
	if (worker->http)
		http_server_set_tls(worker->http, worker->secure.inwards);
	/* Who came in when less was asked for does not stay for good. */
	if (worker->http && strcmp(next->clients, worker->secure.clients) != 0)
		http_server_retire(worker->http);
}

/* Makes what is new; the unchanged stay in place. The old list is not touched yet. */
static int make_changed(struct worker *worker, const struct json *json, json_at servers,
			const struct secure *secure, struct list *fresh, struct err *err)
{
	for (json_at at = json_first(json, servers); at != JSON_NONE; at = json_next(json, servers, at)) {
		struct server *old = worker_server(worker, text_of(json, at, S("name")));
		struct server *made;

		if (old && span_eq(old->definition, json_raw(json, at)))
			continue;
		made = make_server(worker, json, at, secure, err);
		if (!made)
			return -1;
		list_add(fresh, &made->node);
	}
	return 0;
}

static bool is_named(const struct json *json, json_at servers, const struct server *server)
{
	for (json_at at = json_first(json, servers); at != JSON_NONE; at = json_next(json, servers, at))
		if (span_eq(json_raw(json, at), server->definition))
			return true;
	return false;
}

/* The config's order is that of the lists. */
static void sort_servers(struct worker *worker, const struct json *json, json_at named)
{
	for (json_at at = json_first(json, named); at != JSON_NONE; at = json_next(json, named, at)) {
		struct server *server = worker_server(worker, text_of(json, at, S("name")));

		if (!server)
			continue;
		list_remove(&server->node);
		list_add(&worker->servers, &server->node);
	}
}

int snapshot_apply(struct worker *worker, struct span text, struct err *err)
{
	struct json json = { 0 };
	struct secure secure = { 0 };
	struct selections views = { .source = S("") };
	struct limits before = worker->limits;
	struct list fresh;
	json_at servers;
	int rc = -1;

	list_init(&fresh);
	if (!json_parse(&json, text, SNAPSHOT_BYTES) || !json_is(&json, 0, JSON_OBJECT)) {
		(void)err_set(err, ERR_FORMAT, "the manager's config is not JSON");
		goto out;
	}
	servers = json_get(&json, 0, S("servers"));
	read_limits(&worker->limits, &json, json_get(&json, 0, S("limits")));
	rc = worker->index ? secure_share(&worker->crew->members[0]->secure, &secure)
			   : secure_read(&worker->secure, &json, &secure, err);
	if (rc == 0)
		rc = make_changed(worker, &json, servers, &secure, &fresh, err);
	if (rc == 0)
		rc = make_views(&views, &json, err);
	if (rc == 0) {
		LIST_EACH(&worker->servers, node) {
			struct server *server = LIST_ENTRY(node, struct server, node);

			if (!server->ephemeral && !is_named(&json, servers, server))
				worker_drop_server(worker, server);
		}
		replace_front(worker, &json);
		replace_finding(worker, &json);
		replace_views(worker, &views);
		replace_secure(worker, &secure);
		hand_on_limits(worker);
		accounts_limit(worker);
		worker->config_number++;
	}
	while (!list_empty(&fresh)) {
		struct server *server = LIST_ENTRY(fresh.next, struct server, node);

		list_remove(&server->node);
		if (rc == 0) {
			list_add(&worker->servers, &server->node);
			view_added(worker, server);
		} else {
			(void)server_unref(server);
		}
	}
	if (rc < 0) {
		worker->limits = before;
	} else {
		sort_servers(worker, &json, servers);
		record_config(worker);
	}
out:
	arena_release(&views.arena);
	secure_release(&secure);
	json_release(&json);
	return rc;
}
