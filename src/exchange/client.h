/* client.h - one client of the gate: a legacy session, a modern principal, or a host on one channel. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/share.h"
#include "crypto/digest.h"
#include "exchange/exchange.h"
#include "exchange/token_cache.h"
#include "exchange/uri_set.h"
#include "mcp/offer.h"

struct account;
struct client;

enum client_kind {
	CLIENT_SESSION, /* legacy HTTP: found by its session id */
	CLIENT_CONTEXT, /* modern HTTP: all requests of one principal; holds its processes, no protocol state
			 */
	CLIENT_CHANNEL, /* one channel, one client: channel_host.h */
};

/* Where messages go that belong to no request: an event stream, or stdout. */
struct outlet {
	/* False: cannot take it (full); the caller treats the client as unreachable. */
	bool (*send)(struct outlet *outlet, struct span message);
	void (*close)(struct outlet *outlet);
};

/* What a client declared: a legacy one in `initialize`, a modern one with each request. */
enum {
	CLIENT_SAMPLING = 1 << 0,
	CLIENT_ELICITATION = 1 << 1, /* by a form */
	CLIENT_ROOTS = 1 << 2,
	CLIENT_TASKS = 1 << 3,
	CLIENT_ELICITATION_URL = 1 << 4,
	CLIENT_TAKES_TASKS = 1 << 5, /* modern: a server may answer with a task */
};

/* What a client was given of a server in its last list of all servers. */
struct given {
	bool there; /* not left out of it */
	bool shows; /* anything */
	uint8_t digest[DIGEST_BYTES];
};

/* One of a server's lists besides its tools, as a client of all servers has it. */
struct shelf {
	struct gather *fetch; /* under way; NULL: none */
	struct offer *offer;  /* the last one that came whole; NULL: none yet */
	bool current;	      /* it is what the server has now */
	bool stale;	      /* the server says that it has changed: it is to be fetched again */
	bool told;	      /* left out of the client's list, who was told that there is some */
	uint64_t ttl_ms;
	uint64_t tried_ms;  /* when the last fetch ended; 0: none did on this link */
	uint64_t known_ms;  /* known.h: when `offer` was what a process had that has ended; 0: it was not */
	struct share share; /* of `offer` */
	struct given given;
	/* At this server alone, also of its tools: view.h. */
	bool alone;	/* the client was given the list */
	bool known;	/* … and `mark` is a digest of what it saw in it, or was told of since */
	bool doubted;	/* the server says that it has changed: it is to be looked at */
	bool looked_at; /* it is, by a fetch that began after that */
	uint8_t mark[OFFER_DIGEST_BYTES];
};

/* The tools of a process that has ended, or of a server that is away: known.h. */
struct known {
	struct catalogue *tools; /* NULL: it had none, where `ms` is not 0 */
	struct share share;
	uint64_t ms; /* when they were what it had; 0: they are not known, or only what it had once */
	enum revision revision;
	bool watched; /* it would have said that they change */
};

/* A client's connection to one server, made when it is first needed and again after its death. */
struct attachment {
	struct list node; /* of client->attachments */
	struct client *client;
	struct server *server; /* referenced */
	struct link *link;     /* NULL: none now */
	uint64_t key;	       /* modern clients: marks the capabilities in `hello`; see attachment_for() */
	struct buf hello;      /* modern clients: what the server is greeted with */
	struct list waiting;   /* struct exchange, for the link or for the catalogue */
	struct gather *fetch;  /* tools/list under way; NULL: none */
	uint64_t fetched_ms;
	struct call heed,
	    heed_next;	       /* heed.c: the gate's subscription to it, and the one to take its place */
	uint64_t heed_ms;      /* not before then is one begun */
	struct later heeding;  /* what is wanted of it has changed */
	uint64_t heeded;       /* what the newest of them asks for: a mark of its filter */
	struct list watches;   /* struct watch: resources that somebody wants to hear of */
	struct later watching; /* a watch has come to an end of its asking */
	unsigned changed;      /* VIEW_…: of this server's lists, what is yet to be told */
	uint64_t told_ms;      /* when something of that was told */
	struct given given_tools;
	struct known known;
	struct shelf shelves[OFFER_KINDS];
	struct uri_set learnt; /* URIs that stood in its results: owner.c */
	uint64_t instance;     /* the last process started for it; 0: none */
	bool crowded;	       /* it could not be opened: the principal has all the processes it may have */
	uint64_t rest_ms; /* how long it is left alone, as was found when it was last needed; 0: it is not */
	bool lost;	  /* its connection died, or could not be had: it was not ended on purpose */
	unsigned deaths;  /* since a call was last answered */
	uint64_t died_ms, ready_ms;
	enum link_failure failure;
	char why[200];
};

/* A request of a server that waits for a legacy client's answer. */
struct ask {
	struct list node; /* of client->asks */
	uint64_t id;	  /* ours, towards the client */
	struct attachment *attachment;
	struct exchange *x; /* it was asked in a round of this call: rounds.h; NULL: by a legacy server */
	struct span key;    /* and under this name, as JSON */
	enum method method;
	bool wants_progress;
	uint64_t deadline_ms;
	char token_store[32];
	struct span id_raw, progress_raw; /* the server's, exact tokens */
	char bytes[];
};

struct client {
	/* Of one that is left alone a tick looks at no more than this: there may be ten thousand. */
	struct list node;
	uint64_t calm_until_ms; /* nothing is late before it, unless something begins */
	size_t n_exchanges;
	struct outlet *outlet;

	unsigned refs;
	struct worker *worker;
	struct principal *principal; /* referenced */
	struct account *account;     /* the principal's; referenced */
	enum client_kind kind;
	struct span transport; /* in records; outlives the client */
	enum era era;
	enum revision revision; /* legacy: agreed in initialize */
	struct server *only;	/* legacy and one channel: the endpoint; NULL: the catalogue. Referenced */
	char view_bytes[64];
	struct span view;	/* the view of the config it is kept to; empty: none */
	struct span context_id; /* CLIENT_CONTEXT: its key in worker->contexts */
	char *context_bytes;
	unsigned declared; /* CLIENT_* */
	bool greeted;	   /* initialize has ended in a result */
	bool ready;	   /* notifications/initialized has come */
	bool closed;
	unsigned given, changed; /* VIEW_…: lists it has had; those it is to be told of */
	struct buf hello;	 /* params of initialize, or the _meta servers are probed with */
	struct span session_id;
	char *session_bytes;
	char name[64]; /* what the client calls itself: a claim, for records only */
	char ref[9];   /* the session in logs and records: the first 8 hex digits of a hash */
	struct list attachments, exchanges, asks;
	struct list posts;	  /* struct post: replies that may be taken up again */
	struct list parked_calls; /* struct parked: calls that wait for the client to come back */
	struct list tasks;	  /* struct task */
	size_t n_tasks;
	size_t n_parked_calls;
	enum level log_level; /* legacy: what it asked for with logging/setLevel */
	uint64_t next_stream;
	size_t n_streams, n_asks, n_watches;
	struct buf parked; /* messages for an outlet that is not there yet, each with a newline */
	size_t n_parked;
	uint64_t next_ask;
	uint64_t used_ms;
	struct token_wait recheck; /* the keeper is asked whether the token is still good */
	uint64_t doubted_ms;	   /* since when that is not known; 0: it is good */
	struct later turning_away; /* its initialize was refused */
};

/* NULL without memory or past a limit (`err`). The caller holds one reference, the worker's list another. */
struct client *client_new(struct worker *worker, struct principal *principal, enum client_kind kind,
			  enum era era, struct server *only, struct err *err);
static inline struct client *client_ref(struct client *client)
{
	client->refs++;
	return client;
}
/* Returns NULL. */
struct client *client_unref(struct client *client);

/*
 * The end: calls under way are given up, servers' questions refused, links and outlet closed, the
 * session id forgotten. Harmless when done twice. Memory goes with the last reference.
 */
void client_close(struct client *client, struct span reason);

/*
 * Its initialize was refused, or it left before it knew its session's id: a session is closed, soon; a host
 * on a channel of its own may say it anew.
 */
void client_turn_away(struct client *client);

/*
 * The attachment to a server for this request, made where there is none. A modern client says with each
 * request what may be asked of it; a legacy server hears it once: it has a connection for each such set.
 * NULL without memory, or where it has too many and uses them all.
 */
struct attachment *attachment_for(struct exchange *x, struct server *server);
/* attach_room.c: STAGE_NEXT: x->attachment and x->server are set to it. STAGE_DONE: refused. */
enum stage_result attachment_choose(struct exchange *x, struct server *server);

/* The server is going away: calls to it fail, its connection is closed. */
void client_detach_server(struct client *client, struct server *server);

/* Keeps it to a view; false: the name is too long for one. A token that is bound to one is kept to it anyway.
 */
bool client_set_view(struct client *client, struct span view);
/* Has the client's view the server? True where it has none. */
bool client_selects(const struct client *client, const struct server *server);

/* May the client use the server, and can it see it (endpoint, scope, config)? */
bool client_sees(const struct client *client, const struct server *server);

/* Sends what belongs to no request: to the outlet, or parked until there is one. False: lost. */
bool client_tell(struct client *client, struct span message);
/*
 * The same for a question that holds up the request `x` (NULL: none that is known), whose own stream cannot
 * take it: false also where no outlet is there and the client waits for nothing but its answer.
 */
bool client_reach(struct client *client, const struct exchange *x, struct span message);
/* Sets where such messages go and sends what was parked. */
void client_set_outlet(struct client *client, struct outlet *outlet);

/* Notifications and answers of the client (its tape is worker->json). */
void client_notified(struct client *client, struct server *only, const struct message *message);
void client_answered(struct client *client, const struct message *message);

/* Puts a server's request before the client; by `x`'s own stream where it belongs to a call. */
void client_ask(struct client *client, struct attachment *attachment, struct exchange *x,
		const struct message *message);

/* A server takes a question back (notifications/cancelled): under the id the client knows it by. */
void client_unasked(struct client *client, struct attachment *attachment, struct exchange *x,
		    const struct message *message);
void ask_free(struct client *client, struct ask *ask);

/* client_tick.c: looks for what is late; sees when nothing can be for a while. */
void client_tick(struct client *client, uint64_t now_ms);
static inline bool client_is_calm(const struct client *client, uint64_t now_ms)
{
	return now_ms < client->calm_until_ms && !client->n_exchanges && !client->outlet;
}

/*
 * recheck.c: tokens changed. The client's is asked about again, and the client closed where it is
 * revoked, rotated or unknown; or where for CLIENT_DOUBT_MS nobody could say.
 */
void client_doubt(struct client *client);
/* Closes a client whose token is over, or asks again. */
void client_recheck(struct client *client, uint64_t now_ms);

/* CLIENT_… of a capabilities object; 0 where there is none. */
unsigned client_capabilities(const struct json *json, json_at capabilities);
/* Adds what servers are greeted with for a modern client: the claim, without what belongs to one request. */
void client_claim(struct buf *out, const struct message *message, const struct message_claim *claim);
/* May a server ask this (its request) of who declared that? */
bool client_takes(unsigned declared, const struct message *message);
/* Answers a server's request with an error. */
void client_refuse_ask(struct link *link, const struct message *message, int code, struct span text);
/* A new ask that waits for the client; NULL: too many, or no memory. `id` and `token` are the asker's. */
struct ask *ask_new(struct client *client, struct attachment *attachment, enum method method, struct span id,
		    struct span token);

/* Takes over what a legacy client says of itself in `initialize`. */
void client_greet(struct client *client, const struct message *message);
/* The same for a modern one, from its first request. */
void client_greet_modern(struct client *client, const struct message *message,
			 const struct message_claim *claim);

/* attach.c: STAGE_NEXT when attachment->link is ready; STAGE_WAIT: parked; STAGE_DONE: refused. */
enum stage_result attachment_need_link(struct exchange *x);
/* Has the server forgotten the session? Then what was asked in it is asked again in the next one. */
static inline bool attachment_begins_anew(const struct attachment *attachment)
{
	const struct link *link = attachment->link;

	return link && link->state_of == LINK_DEAD && link->failure == LINK_LOST;
}
/* Opens a link without an exchange that waits for it. False: could not even begin; see why. */
bool attachment_open(struct attachment *attachment);
/* attach_refuse.c: refuses one whose server could not be reached, or did not list its tools: with
 * attachment->why. */
enum stage_result attachment_refuse_unreachable(struct exchange *x);
/*
 * attach_refuse.c: is a failure's reason for the log and the status only? Where a server is that the gate
 * does not start, and what lies between the two, no client is told. Of a link that goes on it is noted here.
 */
bool attachment_hides(struct attachment *attachment, enum link_failure failure, struct span why);
/* attach_tools.c: as attachment_need_link(), for link->catalogue. `fresh`: fetch again even where there is
 * one. */
enum stage_result attachment_need_catalogue(struct exchange *x, bool fresh);
/* Begins to fetch the tools of a ready link. False: without memory. */
bool attachment_fetch(struct attachment *attachment);
/*
 * Ends a fetch that the server has not answered within its `timeout`. True: it did, and whoever waited went
 * on; the client may be closed, and the attachment gone with it.
 */
bool attachment_tick(struct attachment *attachment, uint64_t now_ms);
/* The exchange waits until something about the attachment changes. False: refused; it is gone. */
bool attachment_park(struct attachment *attachment, struct exchange *x);
void attachment_unpark(struct exchange *x);
/* Everything that waits for it goes on; what still has to wait parks itself anew. */
void attachment_wake(struct attachment *attachment);
void attachment_close(struct attachment *attachment);
/* Opens what was lost again, where somebody is to be told of what is there then: once a second. */
void attachment_reopen(struct attachment *attachment);
/* Does anybody use it, or wait for a word of it? */
bool attachment_is_used(const struct attachment *attachment);
/* Ends a program that had nothing to do for as long as its `idle` says; it is started again when it is
 * needed. */
bool attachment_rest(struct attachment *attachment, uint64_t now_ms);
