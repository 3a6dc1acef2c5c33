/* link.h - one live connection to a server, with the gate as its MCP client. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/log.h"
#include "base/map.h"
#include "base/share.h"
#include "mcp/catalogue.h"
#include "mcp/message.h"
#include "net/channel.h"
#include "upstream/server.h"

struct link;
struct call;

/* What all links of a process share. */
struct upstream {
	struct loop *loop;
	struct log *log;
	const struct limits *limits;
	struct channel *launcher; /* NULL while the launcher is being restarted */
	struct channel *egress;
	struct json json;	/* the tape for what servers send; valid during one callback */
	uint64_t next_instance; /* the last number of a started server … */
	uint64_t instance_gap;	/* … and how many after it are other threads' */
	/* Does the text hold something like a secret? Such words of a server's are not repeated; NULL: none
	 * are. */
	bool (*has_secret)(struct span text);
	/* A server's program could not be started: `sys` is the errno. May be NULL. */
	void (*on_not_started)(struct upstream *upstream, const struct server *server, uint64_t sys);
};

enum link_failure {
	LINK_START,    /* the program could not be started, or nothing answers at the address */
	LINK_GONE,     /* it ended, or the connection did */
	LINK_MISMATCH, /* of a call: it does not know what it was greeted with */
	LINK_SILENT,   /* no answer in time */
	LINK_REFUSED,  /* it answered with a refusal: credentials */
	LINK_LOST,     /* it has forgotten the session; of a call: and so has not looked at it */
	LINK_GARBAGE,  /* what it says is not MCP */
	LINK_UNSENT,   /* of a call: there was no connection to send it on, so it had no effect */
	LINK_CROWDED,  /* a ceiling of the gate's, or of its caller's; of a call: so it was not sent */
};

enum { LINK_FAILURES = LINK_CROWDED + 1 };

/*
 * One request under way. Embedded in whoever asked; zero is legal: nothing asked. The callbacks
 * come from the loop, never from inside link_request().
 */
struct call {
	struct list node;
	struct link *link;
	uint64_t id;	    /* our own, unique on the link; the progress token too */
	struct span id_key; /* borrows `id`, for the link's table */
	void *transport;    /* what the transport keeps for it */
	/*
	 * A message that belongs to the request: its result or error (`final`), its progress, or
	 * what else came on its own stream. The tape is valid during the callback.
	 */
	void (*on_message)(struct call *call, const struct message *message, bool final);
	/* No answer will come. The link may be closed in it, and calls on it given up or begun. */
	void (*on_failed)(struct call *call, enum link_failure failure, struct span why);
	/* The server has begun to answer with a stream. May be NULL. */
	void (*on_streaming)(struct call *call);
	/* It has closed the stream before the answer and will be asked again after `retry_ms`. May be NULL.
	 */
	void (*on_polling)(struct call *call, uint64_t retry_ms);
};

/* Words about a message for the transport; HTTP mirrors some of them in headers. */
struct send_facts {
	enum method method;
	struct span method_name;
	struct span name;    /* decoded Mcp-Name value; empty: none */
	struct span headers; /* further header lines, ready to send ("Mcp-Param-X: y\r\n"…) */
	bool repeatable;
};

struct link_events {
	/* The handshake is over: link->era, revision, capabilities and init_result are set. */
	void (*on_ready)(void *owner, struct link *link);
	/* The link is dead; every call on it has failed before. The owner calls link_close(). Once. */
	void (*on_dead)(void *owner, struct link *link, enum link_failure failure, struct span why);
	/* A request or notification of the server that belongs to no call of ours that is known. */
	void (*on_message)(void *owner, struct link *link, const struct message *message);
	/* link_tick() has come by: for deadlines of the owner's own. May be NULL. */
	void (*on_tick)(void *owner, struct link *link, uint64_t now_ms);
	/*
	 * What a legacy HTTP server says unasked is heard from here on; what it said before (requests do not
	 * wait for that) is lost. May be NULL.
	 */
	void (*on_hearing)(void *owner, struct link *link);
};

enum link_state { LINK_OPENING, LINK_READY, LINK_DEAD };

struct transport {
	/* Begins to reach the server. Later link_up() or link_fail(). False: `err` says why not. */
	bool (*open)(struct link *link, struct err *err);
	void (*send)(struct link *link, struct call *call, struct span message,
		     const struct send_facts *facts);
	/* The call is no longer wanted; what era and transport ask for was sent before. */
	void (*drop)(struct link *link, struct call *call);
	/* The handshake is over, or begins again in the other era. May be NULL. */
	void (*settled)(struct link *link);
	void (*pause)(struct link *link, struct call *call, bool paused);
	void (*close)(struct link *link);
};

extern const struct transport transport_stdio;
extern const struct transport transport_http;
extern const struct transport transport_sse;
extern const struct transport transport_ws;
extern const struct transport transport_unix;
extern const struct transport transport_shared;

/* The one a server is reached by. */
const struct transport *transport_of(const struct server *server);

/* Whom the death of a link keeps from the next attempt for a while. */
enum link_blame {
	BLAME_NOBODY,
	BLAME_CALLER, /* it may have died of what he says of himself: common_caller_fault() is its owner's to
			 say */
	BLAME_SERVER, /* nobody gets through */
};

struct link {
	struct list node; /* among the server's links */
	struct upstream *upstream;
	struct server *server;
	const struct transport *transport;
	void *state;	       /* the transport's */
	const void *payer;     /* whose share of an HTTP server's connections it uses; see http_send() */
	struct budget *budget; /* what is held for it is charged to this; outlives it by a turn of the loop */
	const struct link_events *events;
	void *owner;
	enum link_state state_of;
	enum era era;
	enum revision revision;
	bool initialized_sent;
	bool gave_up; /* a call on it was given up, whose answer may come all the same */
	bool streams; /* it answers with event streams, not with single JSON texts */
	uint64_t next_id;
	struct list calls;
	struct list failing; /* those that are just being told of the link's death */
	struct map by_id;
	struct call handshake;
	bool asked_again;	/* the probe, of a server that speaks the revision after all */
	unsigned turns;		/* how often the greeting has gone on in the other era */
	struct buf init_params; /* legacy: the params of `initialize`; modern: the _meta of each request */
	struct buf init_result; /* legacy: InitializeResult; modern: DiscoverResult */
	unsigned level;		/* legacy: enum level it was asked to log from; 0: nothing was asked */
	struct catalogue *catalogue; /* the last that came; NULL: none did */
	bool stale;		     /* it has changed since it was asked for */
	struct share listed;	     /* of it */
	struct later dying;
	bool telling, told, closed; /* see tell_dead() */
	bool batching;		    /* inside receive_batch() */
	enum link_failure failure;
	enum link_blame blame; /* when it is dead */
	char why[200];	       /* also while it opens: why the first way to reach the server did not do */
	uint64_t deadline_ms;  /* of the handshake */
	uint64_t used_ms;      /* when something was last sent on it */
	struct log_brake brake;
	uint64_t garbage_id; /* of the call link_garbage() tells of; 0: none */
	const char *garbage;
};

/*
 * Opens a link for a client of `era`. `hello` is what the client says of itself: its params of
 * `initialize` in the legacy era (emitted JSON), its request's `_meta` in the modern one. The server is
 * greeted in that era first, unless it is known to speak only the other; if it does not know it, in the other
 * one, in the same words (mcp/translate.h). link->era is what they agreed on.
 *
 * Owner:  ended with link_close(). NULL: `err` says why.
 */
struct link *link_open(struct upstream *upstream, struct server *server, enum era era, struct span hello,
		       const struct link_events *events, void *owner, struct err *err);
/* What a link is opened with, where not over the server's usual transport: for who lends its process to
 * others.
 */
struct link_plan {
	const struct transport *transport;
	struct upstream *upstream;
	struct server *server;
	enum era era;
	struct span hello;
	const struct link_events *events;
	void *owner;
};

struct link *link_open_over(const struct link_plan *plan, struct err *err);
/* Whose it is, before anything came on it: what it holds is charged, its HTTP requests are counted. */
void link_charge(struct link *link, const void *payer, struct budget *budget);
/*
 * The list it has from now on; the reference becomes the link's. NULL: none. Of the links that have it one
 * pays for it. False: that is more than this one may hold; it has none then.
 */
bool link_set_catalogue(struct link *link, struct catalogue *catalogue);
/* Ends it politely (stdin closed, session deleted). Calls on it get no event. Returns NULL. */
struct link *link_close(struct link *link);

/* Reserves the id (and progress token) the next request of `call` goes out with. */
uint64_t link_take_id(struct link *link, struct call *call);
/* Sends the request whose bytes carry the id of link_take_id(). */
void link_request(struct link *link, struct call *call, struct span message, const struct send_facts *facts);
/* Sends a notification, or the answer to a request of the server. */
void link_send(struct link *link, struct span message, const struct send_facts *facts);
/* Sends `notifications/initialized` once (legacy). */
void link_initialized(struct link *link);
/* Gives a request up: tells the server as its era and transport ask for. Harmless where nothing is open. */
void call_cancel(struct call *call, struct span reason);
/* Gives it up without a word to the server. */
void call_forget(struct call *call);
/* `to`, which has its callbacks and is not open, takes the place of `from`. */
void call_move(struct call *to, struct call *from);
static inline bool call_is_open(const struct call *call)
{
	return call->link != NULL;
}
/*
 * Why something that can only have been meant for this open call was dropped as no MCP message: it came on
 * the call's own stream, or while nothing else was asked. NULL: nothing such came.
 */
const char *link_garbage(const struct link *link, const struct call *call);
/* Stops and starts what feeds this call: back-pressure. */
void call_pause(struct call *call, bool paused);

/* Has each request headers, a stream and an end of its own (Streamable HTTP)? Else one channel carries all.
 */
static inline bool link_has_requests(const struct link *link)
{
	return link->transport == &transport_http;
}

/* Is it a part in a process that others use, too? What counts for the process is the house's to count. */
static inline bool link_is_lent(const struct link *link)
{
	return link->transport == &transport_shared;
}

/* Does the server's InitializeResult or DiscoverResult declare this capability (a member name)? */
bool link_has_capability(const struct link *link, struct span name);

/* Does it declare `member` of a capability as true (tools, listChanged)? */
bool link_declares(const struct link *link, struct span name, struct span member);

/*
 * Does it say that tools/call may become a task: by its capabilities of 2025-11-25, or by the extension of
 * the modern era?
 */
bool link_takes_tasks(const struct link *link);

/* DECLARES_…: all of that at once. */
unsigned link_declared(const struct link *link);

/* For transports. */
void link_up(struct link *link);
/*
 * The server is not reached over this transport, for the reason `why`: it is tried over another one. The old
 * one's state is gone after the call, and so is what the greeting was begun with.
 */
void link_switch(struct link *link, const struct transport *transport, const char *why);
/* The session's own event stream stands, and nothing on it was kept from before. */
void link_hearing(struct link *link);
/*
 * One JSON text of the server: a message, or an array of them where 2025-03-26 was agreed; `via` is the call
 * whose own stream carried it, or NULL. False: not MCP.
 */
bool link_receive(struct link *link, struct call *via, struct span text);
/*
 * Some legacy servers end at a word they do not know: that shows their era as well as an answer would. Of a
 * link that has failed.
 */
bool link_ended_at_probe(const struct link *link);
/* The link is dead; told in the next turn of the loop. */
void link_fail(struct link *link, enum link_failure failure, const char *why);
/* Why an answer over `limits.result` is refused: the limit by name, and what it is. Returns `store`. */
enum { LINK_WHY_BYTES = 160 };
const char *link_too_long(const struct link *link, char store[LINK_WHY_BYTES]);
/* Why one is refused that would be more than may be held. */
extern const char link_crowded[];
/*
 * A message that cannot be held, and so not read: it can only have been meant for the one call there is when
 * it begins, which fails with it at its end, if it is still open. Where there are several the link dies,
 * unless they are of several clients (house.h): of these none fails, either, once one has given a call up.
 */
struct overlong {
	uint64_t call_id; /* 0: nobody waits for it */
	bool anybodys;
};
struct overlong link_overlong_begin(const struct link *link);
/* `crowded`: it would have been more than may be held now; else it was longer than any may be. */
void link_overlong_end(struct link *link, struct overlong overlong, bool crowded);
/* One call has failed; the link lives on. */
void link_fail_call(struct link *link, struct call *call, enum link_failure failure, struct span why);
const char *link_failure_word(enum link_failure failure);
/* Does it say, of a link that was being opened, that the server was tried in vain? */
bool link_failure_is_vain(enum link_failure failure);

/* Checks deadlines; called about once a second. */
void link_tick(struct link *link, uint64_t now_ms);
