/* exchange.h - one request of a client on its way to a server and back. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "exchange/worker.h"
#include "mcp/level.h"
#include "mcp/message.h"

struct attachment;
struct task;
struct exchange;
struct parked;

/*
 * Where the messages for one request go. `status` is the HTTP status an answer asks for; other
 * transports ignore it. After `final` the sink forgets the exchange.
 */
struct sink {
	void (*send)(struct sink *sink, struct exchange *x, unsigned status, struct span message, bool final);
	/* Does it take messages beside the answer? NULL: it does. */
	bool (*takes_more)(const struct sink *sink);
	/* The answer will come as a stream, or late: begin the reply now. May be NULL. */
	void (*begin)(struct sink *sink, struct exchange *x);
	/* The server wants the client to come back for the answer after `retry_ms`. May be NULL. */
	void (*poll)(struct sink *sink, struct exchange *x, uint64_t retry_ms);
};

enum stage_result {
	STAGE_NEXT, /* go on */
	STAGE_WAIT, /* parked; exchange_run() comes back to this stage */
	STAGE_DONE, /* answered or refused; the exchange is gone */
};

/* What is under way at the server for a task: task_run.h. */
enum errand {
	ERRAND_NONE,
	ERRAND_STATE,  /* tasks/get */
	ERRAND_RESULT, /* tasks/result */
	ERRAND_UPDATE, /* tasks/update */
	ERRAND_CANCEL, /* tasks/cancel */
	ERRAND_REST,   /* nothing: it is asked again later */
	ERRAND_ASKED,  /* nothing: what the server wants to know is awaited */
	ERRAND_PLAY,   /* nothing: the client is asked */
};

struct exchange {
	struct list in_client;
	struct list waiting; /* on an attachment; unlinked: next == NULL */
	struct worker *worker;
	struct client *client; /* referenced */
	struct server *only;   /* the endpoint's server; NULL: the catalogue of all. Referenced */
	struct server *server; /* where it goes, once routed. Borrowed from `only` or the attachment */
	struct attachment *attachment;
	struct sink *sink; /* NULL: the client is gone */
	struct call call;
	struct message message; /* valid while a stage runs */
	struct arena arena;
	size_t charged; /* of it: ids and tokens may be long */
	unsigned stage;
	enum { WAITED_NOTHING, WAITED_LINK, WAITED_LIST } waited; /* what it was parked for */
	enum method method;
	enum revision revision;
	struct span id;	      /* the client's id, its exact token */
	struct span progress; /* the client's progress token; empty: none */
	double progress_last; /* the last value passed on, where `progressed` */
	struct span name;     /* tool, prompt, or URI as the client wrote it, decoded */
	struct span own_name; /* the same without the server's prefix */
	struct span mirrored; /* Mcp-Param-* lines as received: "name\0value\0"… */
	struct buf body;      /* the message, where it had to wait */
	struct tool *tool;
	struct catalogue *catalogue; /* referenced while `tool` is used */
	struct decision decision;
	uint64_t number; /* of the exchange, for records */
	uint64_t started_us, started_ms;
	uint64_t deadline_ms, last_ms; /* absolute end; end without progress */
	bool opened;		       /* the servers of a common answer were all tried once */
	bool hurry;		       /* no longer wait for servers that have not greeted */
	bool refetched;		       /* the catalogue was fetched again for it */
	bool again;		       /* made a second time, in a new session with its server */
	bool recorded;		       /* as allowed */
	bool counted;		       /* among those its server works on: turnstile.h */
	bool queued;		       /* waits for its turn there */
	bool sent;		       /* to the server: it may have taken effect */
	bool progressed;
	enum level log_level;  /* modern: the request asked for log messages from this one on */
	unsigned declared;     /* modern: CLIENT_…, what may be asked of the client in this request */
	uint64_t hello_key;    /* modern: marks the capabilities the request declares; see attachment_for() */
	uint8_t round_key[32]; /* modern: of the request without its rounds; see round_state.h */
	struct parked *parked; /* what a legacy server asks meanwhile, or has asked: parked.h */
	struct task *task;     /* what it is about, or became; referenced */
	enum errand errand;
	uint64_t rest_ms;     /* until then, where it rests */
	bool wishes;	      /* legacy: it wants a task of a modern server */
	uint64_t wish_ms;     /* to be kept for that long; 0: not said */
	struct span state;    /* the server's own requestState (JSON), where the request brought one back */
	size_t owner_steps;   /* spent on whose its URIs are: owner.c */
	bool headers_checked; /* came over HTTP, modern: mirrored headers must match */
	bool paged;	      /* a further page of a list is asked for */
	unsigned heard; /* VIEW_…: changes its own stream spoke of, where it listens at the server itself */
	void *work;	/* what a multi-server answer gathers in; freed by free_work */
	void (*free_work)(struct exchange *x);
	char id_store[48];
};

/* What an incoming request brings besides its tape. */
struct exchange_options {
	struct client *client;
	struct server *only;
	struct sink *sink;
	enum revision revision;
	struct span mirrored;
	bool headers_checked;
};

/*
 * Starts the request `message` (its tape is worker->json) on its way. The sink gets the answer,
 * possibly before this returns; a lack of memory is told to it, too.
 */
void exchange_start(struct worker *worker, const struct message *message,
		    const struct exchange_options *options);

/* Runs the stages from where the exchange stands; its tape is parsed anew where it had waited. */
void exchange_run(struct exchange *x);

/* Copies the message, so that the exchange can wait. False: refused for memory; the exchange is gone. */
bool exchange_keep(struct exchange *x);

/* What it has kept in its arena since it was last charged is charged. False: that is more than may be held.
 */
bool exchange_charge(struct exchange *x) MUST_CHECK;

/* Ends it with a JSON-RPC error. `code` is a stable K code or NULL; `data` further members or empty. */
void exchange_refuse(struct exchange *x, unsigned status, int error, const char *code, struct span text,
		     struct span data);
/* Ends it with a result: `result` is whole JSON, or not ok (told as a lack of memory); NULL: `{}`. */
void exchange_answer(struct exchange *x, const struct buf *result);
/* Ends it with whole JSON-RPC text. */
void exchange_finish(struct exchange *x, unsigned status, struct span message, const char *outcome);
/* The client gave it up (or is gone): the server is told where its era asks for it. */
void exchange_cancel(struct exchange *x, struct span reason);
/* The client cannot be reached any more, but the call goes on (legacy HTTP). */
void exchange_detach(struct exchange *x);

/* Can the client be told or asked something on the request's own stream? */
static inline bool exchange_takes_more(const struct exchange *x)
{
	return x->sink && (!x->sink->takes_more || x->sink->takes_more(x->sink));
}

/* Runs it again from where the server is chosen; it was judged and recorded before. */
void exchange_repeat(struct exchange *x);

/* Deadlines; called about once a second. */
void exchange_tick(struct exchange *x, uint64_t now_ms);

/* stages.c */
struct stage {
	const char *name;
	enum stage_result (*run)(struct exchange *x);
};
extern const struct stage stages[];
extern const unsigned n_stages;

/* forward.c: the last stage. */
enum stage_result exchange_forward(struct exchange *x);

/* The HTTP status that goes with a JSON-RPC error code in the modern era. */
unsigned exchange_status(const struct exchange *x, int64_t code);

/*
 * receive.c: what happens to an answer of the server: the second half of the table. `final` is the result or
 * error of the request.
 */
void exchange_receive(struct exchange *x, const struct message *message, bool final);

/* The same for a part of one: `message` has no root then, and is not looked at for a task's step. */
void exchange_reply(struct exchange *x, const struct message *message);

/* record.c: whether a record would be taken now. Where not, no server is started or spoken to. */
bool record_possible(const struct worker *worker);
/* A config, or a server of one host, came into force: its rules are on record before any decision by them. */
void record_config(struct worker *worker);
/* Before a call leaves. False: it cannot be recorded, and may not leave. */
bool record_decision(struct exchange *x, bool allowed, const char *code);
/* `code` is why there is no answer, or NULL. */
void record_outcome(struct exchange *x, const char *outcome, const char *code, size_t bytes);

/* local.c: answers the gate gives itself: initialize, discover, lists of several servers. */
bool local_method(const struct exchange *x);
enum stage_result local_route(struct exchange *x);
enum stage_result local_answer(struct exchange *x);
/*
 * The member that must not reach one of several servers: the wish for a task, or the client's word that
 * it takes tasks; it could not fetch one. JSON_NONE: there is none.
 */
json_at local_withheld(const struct exchange *x);

struct exchange *exchange_find(struct client *client, struct span id);
