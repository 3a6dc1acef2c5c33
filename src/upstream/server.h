/* server.h - one configured MCP server, and what has been learnt about it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "limits/limits.h"
#include "mcp/omission.h"
#include "mcp/revision.h"
#include "net/loop.h"
#include "policy/tool_rules.h"
#include "upstream/common.h"
#include "upstream/recent.h"

struct http_pool;
struct tls_context;
struct house;

/* How it is reached. */
enum server_kind {
	SERVER_STDIO, /* a program the launcher starts */
	SERVER_HTTP,  /* Streamable HTTP, or HTTP+SSE: see `wire` */
	SERVER_WS,    /* WebSocket, one message a frame */
	SERVER_UNIX,  /* a unix socket, one message a line */
};

/* Which of the two ways a server on HTTP is spoken to; what is not said is found out by its first answer. */
enum server_wire { WIRE_UNKNOWN, WIRE_STREAMABLE, WIRE_SSE };

/* Learnt while talking, unless the config says it; forgotten when the server's definition changes. */
enum speaks { SPEAKS_UNKNOWN, SPEAKS_YES, SPEAKS_NO };

/* What of its capabilities the gate has a use for. */
enum {
	DECLARES_TOOLS = 1 << 0,
	DECLARES_PROMPTS = 1 << 1,
	DECLARES_RESOURCES = 1 << 2,
	DECLARES_SUBSCRIBE = 1 << 3,
	DECLARES_COMPLETIONS = 1 << 4,
	DECLARES_LOGGING = 1 << 5,
	DECLARES_TASKS = 1 << 6,
	DECLARES_GREETED = 1 << 7, /* it was greeted: what is not here it does not declare */
};

/* A server that was updated speaks more than it did: what it does not speak is asked again after this. */
enum { SERVER_FORGET_MS = 5 * 60 * 1000 };

/*
 * The worker's view: no argv and no environment (those are the launcher's), no address (that is
 * egress's); both know the server by its name.
 */
struct server {
	struct list node;
	unsigned refs;
	struct span name;
	struct span shown; /* what its host calls it; empty: `name`, see server_shown() */
	enum server_kind kind;
	enum server_wire wire; /* HTTP: as configured */
	enum server_wire met;  /* HTTP: as it was reached last; WIRE_UNKNOWN: find out */
	bool ephemeral;	       /* made by `kanmon run`, gone with its client */
	bool removed; /* no longer in the config, or another one now: its calls were ended, and its links */
	uint64_t timeout_ms;
	struct tool_rules rules;
	uint64_t rules_noted;  /* the config, by worker.h's number, under which they are on record */
	struct span authority; /* HTTP, WebSocket: the Host header */
	struct span path;      /* HTTP, WebSocket: path and query */
	struct span host;      /* HTTP, WebSocket: the name a certificate must carry */
	bool tls;
	struct tls_context *outwards; /* WebSocket with TLS; referenced */
	struct span ca;		      /* HTTP: PEM text of further roots; empty: the system's */
	struct http_pool *pool;	      /* HTTP */
	enum speaks legacy, modern;
	uint64_t legacy_until_ms, modern_until_ms; /* how long a SPEAKS_NO holds; 0: for good */
	struct recent_lists recent[OFFER_KINDS];   /* for links that see the same lists */
	size_t omitted[OFFER_KINDS]
		      [OMISSIONS];    /* what was left out of its lists when they were last looked at */
	unsigned declared;	      /* DECLARES_…, by its last greeting here; 0: there was none */
	struct server_common own;     /* where no other thread has it */
	struct server_common *common; /* NULL: its own; see server_common() */
	struct house *house;	      /* one process for all clients; NULL: one for each. Referenced */
	uint64_t idle_ms;     /* a started one without work ends after this; 0: with its last client */
	bool shown_when_down; /* its tools stay listed while it cannot be reached */
	size_t max_calls;     /* requests it works on at once; 0: no ceiling */
	struct list queue;    /* struct exchange: what waits for its turn */
	struct later turn;
	uint64_t late_until_ms;	  /* lists of all servers do not wait for it: it was late for one */
	unsigned late;		  /* how often in a row */
	bool late_list;		  /* it had been greeted then: a greeting says nothing of the next one */
	uint64_t started, failed; /* counters: links opened; links that died, lists not had */
	uint64_t dropped;	  /* notifications that break the protocol and were not passed on */
	char last_failure[200];
	struct span definition; /* the JSON it was made from */
	struct arena arena;	/* owns the spans and rules */
};

/* What hosts and people are told: of `kanmon run` the name in the host's configuration, not the gate's own.
 */
static inline struct span server_shown(const struct server *server)
{
	return server->shown.n ? server->shown : server->name;
}

/* What is known of it and counted in all threads. */
static inline struct server_common *server_common(struct server *server)
{
	return server->common ? server->common : &server->own;
}

/* The word for it in definitions, state and records: "stdio", "http", "ws", "unix". */
struct span server_kind_name(enum server_kind kind);
/* SERVER_STDIO for a word that names none. */
enum server_kind server_kind_of(struct span word);

/* Is it a process of ours? */
static inline bool server_is_started(const struct server *server)
{
	return server->kind == SERVER_STDIO;
}

/* Have all clients one process of it together? */
static inline bool server_is_shared(const struct server *server)
{
	return server->house != NULL;
}

/* How a server on HTTP is spoken to, as configured or as learnt; WIRE_UNKNOWN: the next link finds out. */
static inline enum server_wire server_wire_of(const struct server *server)
{
	return server->wire != WIRE_UNKNOWN ? server->wire : server->met;
}

/*
 * Has each request headers, a stream and an end of its own (Streamable HTTP)? Else one channel carries all.
 * Of what is not known yet the former is expected; a link knows: link_has_requests().
 */
static inline bool server_has_requests(const struct server *server)
{
	return server->kind == SERVER_HTTP && server_wire_of(server) != WIRE_SSE;
}

/* May it be greeted in this era? Forgets what was learnt too long ago. */
bool server_may_speak(struct server *server, enum era era, uint64_t now_ms);
/* What a greeting has shown. A NO of the config is not overruled. */
void server_learn(struct server *server, enum era era, bool speaks, uint64_t now_ms);
/* What it was learnt from is gone: the next greeting finds out anew. */
void server_forget(struct server *server);

/* For so long nobody waits for who was late; twice as long after each further time, and no longer than that.
 */
enum { SERVER_LATE_MS = 60 * 1000, SERVER_LATE_MAX_MS = 10 * 60 * 1000 };

/* It was late for a list of all servers: to be greeted, or (`list`) with its own. */
void server_was_late(struct server *server, bool list, uint64_t now_ms);
/* What it was late with has come. */
void server_has_come(struct server *server, bool list);

struct server *server_unref(struct server *server);
static inline struct server *server_ref(struct server *server)
{
	server->refs++;
	return server;
}
