/* sqlite.h - the SQLite library, opened when a store is, behind typed function pointers. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * What the store uses of SQLite. Only the processes that open a store pay for the library: no
 * other maps it, and where it is missing the error names it.
 */
#define SQLITE_CALLS(X)                                                                                      \
	X(libversion_number)                                                                                 \
	X(open_v2)                                                                                           \
	X(close_v2)                                                                                          \
	X(db_config)                                                                                         \
	X(busy_timeout)                                                                                      \
	X(extended_result_codes)                                                                             \
	X(limit)                                                                                             \
	X(exec)                                                                                              \
	X(errmsg)                                                                                            \
	X(system_errno)                                                                                      \
	X(changes)                                                                                           \
	X(get_autocommit)                                                                                    \
	X(prepare_v3)                                                                                        \
	X(finalize)                                                                                          \
	X(step)                                                                                              \
	X(bind_int64)                                                                                        \
	X(bind_text)                                                                                         \
	X(bind_blob)                                                                                         \
	X(column_int64)                                                                                      \
	X(column_text)                                                                                       \
	X(column_blob)                                                                                       \
	X(column_bytes)

struct sqlite {
	void *library; /* from dlopen(3) */
	sqlite3 *db;
#define SQLITE_MEMBER(name) __typeof__(&sqlite3_##name) name;
	SQLITE_CALLS(SQLITE_MEMBER)
#undef SQLITE_MEMBER
};

/*
 * Opens the library and the database file, which exists. `*db` is zero before.
 *
 * Owner:   the caller ends `*db` with sqlite_release(), also after a failure.
 * Errors:  ERR_MISSING (no library, or too old), ERR_SYSTEM (the file).
 */
int sqlite_open(struct sqlite *db, const char *path, struct err *err) MUST_CHECK;
void sqlite_release(struct sqlite *db);

/* ERR_SYSTEM from the last failed call: "WHAT: SQLite's text". `sys` is the errno below, if any. */
int sqlite_fail(const struct sqlite *db, const char *what, struct err *err);

/* Runs statements that return nothing. */
int sqlite_run(const struct sqlite *db, const char *sql, struct err *err) MUST_CHECK;

/* One statement: bind in order, step, read columns in order. */
struct query {
	const struct sqlite *db;
	sqlite3_stmt *statement;
	int bound, column;
	bool failed; /* sticky: a bind did not work */
};
#define QUERY_INIT ((struct query){ .bound = 0 })

int query_begin(struct query *query, const struct sqlite *db, const char *sql, struct err *err) MUST_CHECK;
void query_release(struct query *query);

void query_put_u64(struct query *query, uint64_t value);
/* Text and blob are borrowed until the query is released. */
void query_put_text(struct query *query, struct span text);
void query_put_blob(struct query *query, struct span bytes);

/* 1: a row stands; 0: no more; -1: failed. */
int query_step(struct query *query, struct err *err) MUST_CHECK;

/* Steps to the end, for what returns no rows. */
int query_finish(struct query *query, struct err *err) MUST_CHECK;

/* The row's next column. Text and blob are borrowed until the next step. */
uint64_t query_get_u64(struct query *query);
struct span query_get_text(struct query *query);
struct span query_get_blob(struct query *query);

/* A transaction that is undone where its scope ends without transaction_commit(). */
struct transaction {
	const struct sqlite *db; /* NULL: none open */
};
int transaction_begin(struct transaction *transaction, const struct sqlite *db, struct err *err) MUST_CHECK;
int transaction_commit(struct transaction *transaction, struct err *err) MUST_CHECK;
void transaction_release(struct transaction *transaction);
