/* worker.h - the process that meets the peers: what all its exchanges share. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/log.h"
#include "base/map.h"
#include "exchange/crew.h"
#include "exchange/secure.h"
#include "identity/principal.h"
#include "limits/limits.h"
#include "policy/selection.h"
#include "telemetry/metrics.h"
#include "upstream/link.h"

struct ring;
struct seal_ring;
struct client;
struct exchange;
struct http_server;
struct token_cache;

/* Host and Origin names that may appear in requests, and users of this machine. Borrowed from the snapshot.
 */
struct front_rules {
	const struct span *hosts;
	size_t n_hosts;
	const struct span *origins;
	size_t n_origins;
	const uint32_t *uids; /* who may use the unix socket */
	size_t n_uids;
};

/* `catalogue.search`: whether a client of all servers is shown the means to find tools instead of the tools.
 */
struct finding {
	bool on;
	size_t above;		 /* where there are more than so many */
	struct catalogue *tools; /* the gate's own; NULL: not made yet */
	struct json json;	 /* the tape of a call that was taken out of another one */
};

/* `views` of the config. */
struct selections {
	struct selection *all;
	size_t n;
	struct arena arena;
	struct span source; /* the JSON they were read from */
};

struct worker {
	struct loop loop;
	struct crew *crew; /* it is one of; its own where it is alone */
	struct crew alone;
	size_t index; /* in the crew */
	struct log *log;
	struct limits limits;
	struct secure secure;
	struct upstream upstream;
	struct channel *manager, *keeper;
	struct ring *ring;
	struct front_rules front;
	struct arena front_arena;
	struct finding finding;
	struct selections views;
	struct list servers;   /* struct server, in the config's order */
	struct list clients;   /* struct client */
	struct list processes; /* processes.c: of whose servers run */
	size_t n_clients, n_calls;
	struct budget held;  /* what waits in memory for somebody, all accounts of this worker together */
	struct map sessions; /* session id → struct client (legacy HTTP) */
	struct map contexts; /* principal id and view → struct client (modern HTTP) */
	struct map event_sessions; /* session id → front_sse.c's */
	struct map accounts;	   /* principal id → struct account */
	struct token_cache *tokens;
	struct http_server *http; /* clients */
	struct http_server *metrics_http;
	uv_pipe_t *unix_listener; /* NULL: none */
	struct log_brake unix_brake;
	struct list free_exchanges;
	size_t n_free_exchanges;
	struct list streams; /* struct event_stream: replies in pieces, open now */
	struct list channel_hosts;
	size_t n_channels; /* of these as are counted: channel_host.h */
	struct json json;  /* the tape for what clients send; valid while one message is worked on */
	struct json side;  /* a second tape, for short work beside the first */
	struct buf out;	   /* scratch for one outgoing message */
	struct buf frame;  /* scratch for one event of a stream */
	struct buf line;   /* scratch for one record */
	struct span config_digest;
	uint64_t config_number; /* counts the configs that came into force */
	uint64_t limits_noted;	/* the one whose limits and views are on record */
	bool config_noted;	/* limits and the rules of all servers are on record */
	uint8_t audit_key[32];	/* from the keeper; nothing is recorded, and so nothing passes, before */
	bool has_audit_key;
	struct seal_ring *round_keys; /* of requestState; NULL before the keeper has spoken */
	struct metrics metrics;
	uint64_t exchange_number; /* of the last; the crew's have numbers in turns */
	uv_timer_t tick;
	bool ticking, draining, retiring;
	void (*on_drained)(struct worker *worker); /* no call is left, while draining */
	void (*on_retired)(
	    struct worker *worker); /* the crew's first: nobody but hosts of the manager's is left */
	void *process;		    /* the daemon's */
	uint64_t started_ms;
};

int worker_init(struct worker *worker, struct log *log, struct err *err) MUST_CHECK;

/*
 * One of a crew, which is zero at first, as its next member; before the threads begin. The log, the ring and
 * the library for TLS are the first member's.
 */
void worker_join(struct worker *worker, struct crew *crew);
/* The same for all when the last has joined. */
void worker_count_in_turns(struct worker *worker);

struct server *worker_server(const struct worker *worker, struct span name);
/* The view of this name; NULL where the config has none. */
const struct selection *worker_view(const struct worker *worker, struct span name);

/* Keeps the once-a-second tick running while there is something to time. */
void worker_need_tick(struct worker *worker);

/* Accepts no more, refuses new calls and ends what listens; on_drained follows when the last call has ended.
 */
void worker_drain(struct worker *worker);

/*
 * Another gate goes on with the listening sockets. Accepts no more, without refusing anybody; connections end
 * when nothing is under way on them, what listens over HTTP is ended. Channels of their own stay and may
 * call; `channels`: they, too, are told to leave. The hosts of the manager's stay in any case.
 */
void worker_retire(struct worker *worker, bool channels);

/* The egress process is (or is no longer) there. */
void worker_set_egress(struct worker *worker, struct channel *egress);

/* Takes a server out of service: what hangs on it is closed, calls under way fail. */
void worker_drop_server(struct worker *worker, struct server *server);
