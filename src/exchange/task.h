/* task.h - tasks that the gate keeps: whose they are, which server's, and what is known of each. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/client.h"
#include "exchange/question.h"
#include "mcp/task.h"

/*
 * The eras say tasks in different words, and where all servers stand together nobody could tell by its id
 * whose a task is. There the gate keeps them: under ids of its own, which nobody can guess, and for the one
 * client. At one server of the client's era tasks pass as they are: task_own.h.
 *
 * Source: MCP 2025-11-25, "Tasks"; the extension io.modelcontextprotocol/tasks of 2026-07-28.
 */
enum {
	TASKS = 256, /* of one client */
	TASK_ID_BYTES = 16,
	TASK_OWN_BYTES = 1024, /* of a server's id */
	TASK_LEAST_POLL_MS = 1000,
	TASK_MOST_POLL_MS = 60 * 1000,
	TASK_MOST_MS = 24 * 60 * 60 * 1000, /* however long its server keeps it */
	TASK_UNSAID_MS = 60 * 60 * 1000,    /* where that does not say how long; since it was last used */
};

/* Reference counted: the registry's, and one of each who holds it. */
struct task {
	struct list node; /* of client->tasks */
	unsigned refs;
	struct client *client;
	struct attachment *attachment; /* NULL: dropped */
	enum era era;		       /* the server's */
	bool shown;		       /* the client knows it; else a call waits for it, and goes with it */
	unsigned declared;	       /* CLIENT_…, by the request that began it */
	unsigned listeners;	       /* modern: subscriptions that want to hear of it */
	struct task_state state;
	uint64_t expires_ms;
	struct buf kept;		/* what a call ended with that was to be a task, and was none */
	struct call call;		/* tasks/result at a legacy server, to hear what it asks */
	struct questions questions;	/* that it asked there */
	struct exchange *player;	/* which asks its legacy client what the server wants to know */
	char id[2 * TASK_ID_BYTES + 2]; /* ours, as JSON */
	size_t weight;			/* what is charged for it */
	struct span own;		/* the server's, as text; empty: it has none, or has lost it */
	char bytes[];
};

/*
 * What a server has answered x's call with. `own` is its id. The caller's reference; NULL: the client has too
 * many, or there is no memory.
 */
struct task *task_new(struct exchange *x, struct span own, const struct task_state *state, bool shown);
static inline struct task *task_ref(struct task *task)
{
	task->refs++;
	return task;
}
/* A task that is not shown goes with the call that waits for it. Returns NULL. */
struct task *task_unref(struct task *task);

static inline struct span task_id(const struct task *task)
{
	return span_of(task->id + 1, 2 * (size_t)TASK_ID_BYTES);
}
static inline struct span task_id_json(const struct task *task)
{
	return span_of(task->id, sizeof(task->id));
}

/* The one that the client knows by `id`; of `only` where that is not NULL. NULL: there is none. */
struct task *task_find(const struct client *client, const struct server *only, struct span id);
/* The one a server's message says that it is about (related-task in its _meta); NULL: none. */
struct task *task_related(const struct attachment *attachment, const struct message *message);

/* The server has said how it is: who wants to hear of a change does. */
void task_learn(struct task *task, const struct task_state *state);
/* A notification about a task. False: the gate keeps none by that id, and it passes as others do. */
bool task_heard(struct attachment *attachment, const struct message *message);
/* Is a modern server to be listened to for it? */
bool task_is_wanted(const struct task *task);

/*
 * Sends the server a request about the task on `call`; `more`: further members of params, or empty. NULL for
 * `call`: whatever comes of it is dropped. False: there is no connection, or it is too large.
 */
bool task_request(struct task *task, struct call *call, enum method method, struct span more);
/* Adds the _meta that a request about tasks carries to a modern server: what is declared, and the extension.
 */
void task_add_meta(struct buf *out, const struct link *link);

/* A legacy server wants to know something: it says what, if it is asked for the result. */
void task_ask(struct task *task);
/* It asks. True: it is a request about a task, and was taken care of. */
bool task_asked(struct attachment *attachment, const struct message *message);

/* Forgets those of one attachment, or all; the server is told where they still work. */
void tasks_drop_all(struct client *client, const struct attachment *attachment);
/* Has its server tasks of the client, at work or with a result to be fetched? */
bool tasks_are_on(const struct attachment *attachment);
/* The server's process is gone, and its tasks with it. */
void tasks_lost(struct attachment *attachment);
/* Forgets those whose time is over. */
void tasks_tick(struct client *client, uint64_t now_ms);
