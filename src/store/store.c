/* store.c - the store's folder, file and schema. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/sqlite.h"

/* In the header of every store, so that another program's database is not taken for one: "KNMN". */
#define APPLICATION_ID 0x4b4e4d4e

struct store {
	struct sqlite sqlite;
};

/* Step n brings schema n to n + 1. Steps are never edited once published: add one. */
static const char *const steps[STORE_SCHEMA] = {
	/* tokens: `revoked` and `expiry` are 0 where not; a name is taken while its token is not revoked. */
	"CREATE TABLE tokens ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
	" scopes TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" expiry INTEGER NOT NULL,"
	" last_used INTEGER NOT NULL DEFAULT 0,"
	" revoked INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE UNIQUE INDEX tokens_live_name ON tokens (name) WHERE revoked = 0;"
	"CREATE TABLE seal_keys ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 4294967296),"
	" key BLOB NOT NULL CHECK (length(key) = 32),"
	" created INTEGER NOT NULL) STRICT;"
	/* gate_keys: made once, kept for good: what they marked must be recognisable after years. */
	"CREATE TABLE gate_keys ("
	" name TEXT PRIMARY KEY NOT NULL,"
	" key BLOB NOT NULL CHECK (length(key) = 32),"
	" created INTEGER NOT NULL) STRICT;",
};

static int check_owner(const char *path, const struct stat *st, struct err *err)
{
	if (st->st_uid == geteuid())
		return 0;
	return err_set(err, ERR_DENIED,
		       "%s belongs to user %u, not to the user the gateway runs as (%u): run `chown %u %s`",
		       path, st->st_uid, geteuid(), geteuid(), path);
}

static int check_folder(const char *path, struct err *err)
{
	struct stat st;

	if (file_make_dirs(path, err) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return err_sys(err, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_FORMAT, "%s is not a folder", path);
	if (check_owner(path, &st, err) < 0)
		return -1;
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_DENIED,
			       "others may write into the store's folder %s (mode %03o): run `chmod go-w %s`",
			       path, (unsigned)st.st_mode & 0777, path);
	return 0;
}

/* Makes the file where it is absent, and looks at the one that is there. */
static int check_file(const char *path, struct err *err)
{
	CLEANUP(closep)
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_DENIED, "the store %s is a symbolic link: put the file itself there",
			       path);
	if (fd < 0)
		return err_sys(err, "cannot open the store %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(err, ERR_DENIED, "the store %s is not a plain file with one name", path);
	if (check_owner(path, &st, err) < 0)
		return -1;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(
		    err, ERR_DENIED,
		    "others may read or write the store %s, which holds keys (mode %03o): run `chmod 600 %s`",
		    path, (unsigned)st.st_mode & 0777, path);
	return 0;
}

static int read_number(const struct sqlite *db, const char *pragma, uint64_t *out, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	int got;

	if (query_begin(&query, db, pragma, err) < 0)
		return -1;
	got = query_step(&query, err);
	if (got < 0)
		return -1;
	*out = got ? query_get_u64(&query) : 0;
	return 0;
}

static int configure(const struct sqlite *db, struct err *err)
{
	return sqlite_run(db,
			  "PRAGMA journal_mode = WAL;"
			  "PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = ON;"
			  "PRAGMA secure_delete = ON;"
			  "PRAGMA cell_size_check = ON;"
			  "PRAGMA mmap_size = 0;"
			  "PRAGMA cache_size = -512;"
			  "PRAGMA journal_size_limit = 1048576;",
			  err);
}

/* Is this file ours, or new and empty? */
static int check_kind(const struct sqlite *db, const char *path, struct err *err)
{
	uint64_t application = 0, tables = 0;

	/* In this order: another of ours may just be making it, and commits both at once. */
	if (read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0 ||
	    read_number(db, "PRAGMA application_id", &application, err) < 0)
		return err_wrap(err, "%s is not a store", path);
	if (application != APPLICATION_ID && (application != 0 || tables > 0))
		return err_set(err, ERR_FORMAT, "%s is a database of another program", path);
	return 0;
}

static int migrate(const struct sqlite *db, const char *path, struct err *err)
{
	CLEANUP(transaction_release) struct transaction transaction = { 0 };
	char stamp[96];
	uint64_t version = 0;

	/* Inside the transaction: two programs may open a new store at the same moment. */
	if (transaction_begin(&transaction, db, err) < 0 ||
	    read_number(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	if (version > STORE_SCHEMA)
		return err_set(
		    err, ERR_CONFIG,
		    "the store %s was written by a newer Kanmon (schema %llu; this one knows up to %d): run "
		    "the newer program, or restore the backup made before it was updated",
		    path, (unsigned long long)version, STORE_SCHEMA);
	if (version == STORE_SCHEMA)
		return 0;
	for (uint64_t i = version; i < STORE_SCHEMA; i++)
		if (sqlite_run(db, steps[i], err) < 0)
			return err_wrap(err, "cannot bring the store to schema %llu",
					(unsigned long long)i + 1);
	(void)snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		       APPLICATION_ID, STORE_SCHEMA);
	if (sqlite_run(db, stamp, err) < 0)
		return -1;
	return transaction_commit(&transaction, err);
}

/* SQLite's own locks do not wait where a file is switched to WAL: who opens a store opens it alone. */
static int lock_opening(const char *folder, int *fd, struct err *err)
{
	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (*fd >= 0 && flock(*fd, LOCK_EX) < 0)
		if (errno != EINTR)
			closep(fd);
	return *fd < 0 ? err_sys(err, "cannot lock %s", folder) : 0;
}

int store_open(const char *folder, struct store **out, struct err *err)
{
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(closep) int opening = -1;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" STORE_FILE, folder);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ERR_LIMIT, "the path %s is too long", folder);
	if (check_folder(folder, err) < 0 || lock_opening(folder, &opening, err) < 0 ||
	    check_file(path, err) < 0)
		return -1;
	store = calloc(1, sizeof(*store));
	if (!store)
		return err_set(err, ERR_NOMEM, "no memory for the store");
	if (sqlite_open(&store->sqlite, path, err) < 0)
		return err_wrap(err, "%s", path);
	/* Before anything is written: another program's database stays as it is. */
	if (check_kind(&store->sqlite, path, err) < 0)
		return -1;
	if (configure(&store->sqlite, err) < 0)
		return err_wrap(err, "%s", path);
	if (migrate(&store->sqlite, path, err) < 0)
		return -1;
	*out = TAKE(store);
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	sqlite_release(&store->sqlite);
	free(store);
	return NULL;
}

const struct sqlite *store_sqlite(const struct store *store)
{
	return &store->sqlite;
}

uint64_t store_version(const struct store *store)
{
	uint64_t version = 0;

	if (read_number(&store->sqlite, "PRAGMA data_version", &version, NULL) < 0)
		return 0;
	return version;
}

int store_settle(const struct store *store, struct err *err)
{
	return sqlite_run(&store->sqlite, "PRAGMA wal_checkpoint(TRUNCATE)", err);
}
