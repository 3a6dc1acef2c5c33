/* sqlite.c - the one file that touches SQLite's library. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <dlfcn.h>
#include <stddef.h>

#include "base/check.h"

#define LIBRARY "libsqlite3.so.0"

enum {
	OLDEST_VERSION = 3037000, /* STRICT tables */
	BUSY_MS = 2000,
	MAX_VALUE_BYTES = 1 << 20,
	MAX_SQL_BYTES = 64 * 1024,
};

static const struct {
	const char *name;
	size_t at;
} calls[] = {
#define SQLITE_ENTRY(name) { "sqlite3_" #name, offsetof(struct sqlite, name) },
	SQLITE_CALLS(SQLITE_ENTRY)
#undef SQLITE_ENTRY
};

static int load(struct sqlite *db, struct err *err)
{
	db->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!db->library)
		return err_set(err, ERR_MISSING, "the store needs " LIBRARY " (Debian: libsqlite3-0): %s",
			       dlerror());
	for (size_t i = 0; i < COUNT(calls); i++) {
		void *function = dlsym(db->library, calls[i].name);

		if (!function)
			return err_set(err, ERR_MISSING, LIBRARY " has no %s: it is too old", calls[i].name);
		memcpy((char *)db + calls[i].at, &function, sizeof(function));
	}
	if (db->libversion_number() < OLDEST_VERSION)
		return err_set(err, ERR_MISSING, LIBRARY " is too old: 3.37 or newer is needed");
	return 0;
}

/* A file somebody prepared must not become code or grow without end. */
static int harden(const struct sqlite *db, struct err *err)
{
	static const struct {
		int op, on;
	} switches[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	};

	for (size_t i = 0; i < COUNT(switches); i++)
		if (db->db_config(db->db, switches[i].op, switches[i].on, NULL) != SQLITE_OK)
			return sqlite_fail(db, "cannot set up the store", err);
	(void)db->extended_result_codes(db->db, 1);
	(void)db->busy_timeout(db->db, BUSY_MS);
	(void)db->limit(db->db, SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES);
	(void)db->limit(db->db, SQLITE_LIMIT_SQL_LENGTH, MAX_SQL_BYTES);
	(void)db->limit(db->db, SQLITE_LIMIT_ATTACHED, 0);
	return 0;
}

int sqlite_open(struct sqlite *db, const char *path, struct err *err)
{
	if (load(db, err) < 0)
		return -1;
	if (db->open_v2(path, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return sqlite_fail(db, "cannot open the store", err);
	return harden(db, err);
}

void sqlite_release(struct sqlite *db)
{
	if (db->db)
		(void)db->close_v2(db->db);
	if (db->library)
		(void)dlclose(db->library);
	*db = (struct sqlite){ 0 };
}

int sqlite_fail(const struct sqlite *db, const char *what, struct err *err)
{
	(void)err_set(err, ERR_SYSTEM, "%s: %s", what, db->db ? db->errmsg(db->db) : "out of memory");
	if (err && db->db)
		err->sys = db->system_errno(db->db);
	return -1;
}

int sqlite_run(const struct sqlite *db, const char *sql, struct err *err)
{
	if (db->exec(db->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(db, "the store refuses", err);
	return 0;
}

int query_begin(struct query *query, const struct sqlite *db, const char *sql, struct err *err)
{
	*query = (struct query){ .db = db };
	if (db->prepare_v3(db->db, sql, -1, 0, &query->statement, NULL) != SQLITE_OK)
		return sqlite_fail(db, "the store does not understand a question", err);
	return 0;
}

void query_release(struct query *query)
{
	if (query->statement)
		(void)query->db->finalize(query->statement);
	*query = QUERY_INIT;
}

void query_put_u64(struct query *query, uint64_t value)
{
	int64_t kept = value > INT64_MAX ? INT64_MAX : (int64_t)value;

	if (query->db->bind_int64(query->statement, ++query->bound, kept) != SQLITE_OK)
		query->failed = true;
}

void query_put_text(struct query *query, struct span text)
{
	if (text.n > MAX_VALUE_BYTES || query->db->bind_text(query->statement, ++query->bound, text.p,
							     (int)text.n, SQLITE_STATIC) != SQLITE_OK)
		query->failed = true;
}

void query_put_blob(struct query *query, struct span bytes)
{
	if (bytes.n > MAX_VALUE_BYTES || query->db->bind_blob(query->statement, ++query->bound, bytes.p,
							      (int)bytes.n, SQLITE_STATIC) != SQLITE_OK)
		query->failed = true;
}

int query_step(struct query *query, struct err *err)
{
	int got;

	if (query->failed)
		return sqlite_fail(query->db, "a value does not fit into the store", err);
	query->column = 0;
	got = query->db->step(query->statement);
	if (got == SQLITE_ROW)
		return 1;
	if (got == SQLITE_DONE)
		return 0;
	return sqlite_fail(query->db, "the store cannot be read or written", err);
}

int query_finish(struct query *query, struct err *err)
{
	int got;

	do
		got = query_step(query, err);
	while (got == 1);
	return got;
}

uint64_t query_get_u64(struct query *query)
{
	int64_t value = query->db->column_int64(query->statement, query->column++);

	return value < 0 ? 0 : (uint64_t)value;
}

struct span query_get_text(struct query *query)
{
	int at = query->column++;
	const unsigned char *text = query->db->column_text(query->statement, at);

	if (!text)
		return S("");
	return span_of((const char *)text, (size_t)query->db->column_bytes(query->statement, at));
}

struct span query_get_blob(struct query *query)
{
	int at = query->column++;
	const void *bytes = query->db->column_blob(query->statement, at);

	if (!bytes)
		return S("");
	return span_of(bytes, (size_t)query->db->column_bytes(query->statement, at));
}

int transaction_begin(struct transaction *transaction, const struct sqlite *db, struct err *err)
{
	if (sqlite_run(db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	transaction->db = db;
	return 0;
}

int transaction_commit(struct transaction *transaction, struct err *err)
{
	if (sqlite_run(transaction->db, "COMMIT", err) < 0)
		return -1;
	transaction->db = NULL;
	return 0;
}

void transaction_release(struct transaction *transaction)
{
	const struct sqlite *db = transaction->db;

	/* A failed statement may have rolled back already; a failed rollback leaves nothing to do. */
	if (db && !db->get_autocommit(db->db))
		(void)db->exec(db->db, "ROLLBACK", NULL, NULL, NULL);
	transaction->db = NULL;
}
