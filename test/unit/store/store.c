/* store.c - which folders and files are no store, and what a new one is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <sys/stat.h>

#include "base/file.h"
#include "store/sqlite.h"
#include "tap.h"

struct place {
	char folder[64], file[96];
};

static void place_make(struct place *place)
{
	(void)snprintf(place->folder, sizeof(place->folder), "/tmp/kanmon-store-XXXXXX");
	ok(mkdtemp(place->folder) != NULL, "a folder");
	(void)snprintf(place->file, sizeof(place->file), "%s/" STORE_FILE, place->folder);
}

static void place_remove(struct place *place)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	char path[128];

	for (size_t i = 0; i < COUNT(endings); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", place->file, endings[i]);
		(void)unlink(path);
	}
	(void)rmdir(place->folder);
}

/* Expects a refusal with this code whose sentence holds `text`. */
static void refuses(const char *folder, enum err_code code, const char *text, const char *name)
{
	CLEANUP(store_closep) struct store *store = NULL;
	struct err err = ERR_INIT;

	ok(store_open(folder, &store, &err) < 0, "refused: %s", name);
	ok(store == NULL, "nothing was opened");
	is_int(err.code, code, "the code (%s)", err.text);
	ok(span_contains(span_str(err.text), span_str(text)), "the sentence says '%s'", text);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (unsigned)st.st_mode & 07777;
}

static void folders(void)
{
	CLEANUP(place_remove) struct place place;
	CLEANUP(store_closep) struct store *store = NULL;
	struct err err = ERR_INIT;
	char link[128];

	place_make(&place);
	ok(chmod(place.folder, 0770) == 0, "a folder its group may write");
	refuses(place.folder, ERR_DENIED, "chmod go-w", "that folder");
	ok(chmod(place.folder, 0757) == 0, "a folder anybody may write");
	refuses(place.folder, ERR_DENIED, "chmod go-w", "that folder");
	ok(chmod(place.folder, 0755) == 0, "a folder others may list");
	ok(store_open(place.folder, &store, &err) == 0, "is one: %s", err.text);
	store = store_close(store);
	ok(chmod(place.file, 0640) == 0, "a file its group may read");
	refuses(place.folder, ERR_DENIED, "chmod 600", "that file");
	ok(chmod(place.file, 0600) == 0, "a private file again");
	(void)snprintf(link, sizeof(link), "%s/other", place.folder);
	ok(rename(place.file, link) == 0 && symlink(link, place.file) == 0, "a link to a store");
	refuses(place.folder, ERR_DENIED, "symbolic link", "a link");
	ok(rename(link, place.file) == 0, "the store itself");
	ok(store_open(place.folder, &store, &err) == 0, "opens again: %s", err.text);
	refuses(place.file, ERR_FORMAT, "not a folder", "a file for a folder");
}

static void others_owner(void)
{
	CLEANUP(place_remove) struct place place;

	place_make(&place);
	if (geteuid() != 0) {
		ok(true, "# SKIP only root can give folders away");
		return;
	}
	ok(chown(place.folder, 12345, 12345) == 0, "somebody else's folder");
	refuses(place.folder, ERR_DENIED, "chown", "that folder");
}

static void other_bytes(void)
{
	CLEANUP(place_remove) struct place place;
	CLEANUP(buf_release) struct buf bytes = BUF_INIT(4096);
	struct err err = ERR_INIT;

	place_make(&place);
	ok(file_replace(place.file, S("this is a letter to my aunt, and no database at all\n"), 0600, &err) ==
	       0,
	   "a letter");
	refuses(place.folder, ERR_SYSTEM, place.file, "a letter");
	ok(file_read(place.file, &bytes, &err) == 0 && span_starts(buf_span(&bytes), S("this is a letter")),
	   "and it is as it was");
}

/* Runs SQL on the file as another program would. */
static void alter(const struct place *place, const char *sql)
{
	struct sqlite db = { 0 };
	struct err err = ERR_INIT;

	ok(sqlite_open(&db, place->file, &err) == 0 && sqlite_run(&db, sql, &err) == 0, "%s %s", sql,
	   err.text);
	sqlite_release(&db);
}

static void schemas(void)
{
	CLEANUP(place_remove) struct place place;
	CLEANUP(store_closep) struct store *store = NULL;
	struct err err = ERR_INIT;

	place_make(&place);
	ok(store_open(place.folder, &store, &err) == 0, "a new store: %s", err.text);
	store = store_close(store);
	alter(&place, "PRAGMA user_version = 2");
	refuses(place.folder, ERR_CONFIG, "newer Kanmon", "a newer schema");
	alter(&place, "PRAGMA user_version = 1");
	alter(&place, "PRAGMA application_id = 7");
	refuses(place.folder, ERR_FORMAT, "another program", "another program's database");
	alter(&place, "PRAGMA application_id = 0");
	refuses(place.folder, ERR_FORMAT, "another program", "a database with tables of nobody's");
	alter(&place, "PRAGMA application_id = 1263422798");
	ok(store_open(place.folder, &store, &err) == 0, "ours: %s", err.text);
}

/* A process that died between making the file and its tables leaves one of these. */
static void half_made(void)
{
	CLEANUP(place_remove) struct place place;
	CLEANUP(store_closep) struct store *store = NULL;
	struct err err = ERR_INIT;

	place_make(&place);
	ok(file_replace(place.file, S(""), 0600, &err) == 0, "an empty file");
	alter(&place, "PRAGMA journal_mode = WAL");
	ok(store_open(place.folder, &store, &err) == 0, "becomes a store: %s", err.text);
}

static void twice(void)
{
	CLEANUP(place_remove) struct place place;
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(store_closep) struct store *other = NULL;
	struct err err = ERR_INIT;
	uint64_t version;

	place_make(&place);
	(void)rmdir(place.folder);
	ok(store_open(place.folder, &store, &err) == 0, "makes the folder: %s", err.text);
	is_int(mode_of(place.folder), 0700, "for its owner only");
	is_int(mode_of(place.file), 0600, "and so the file");
	ok(store_open(place.folder, &other, &err) == 0, "a command may open it as well: %s", err.text);
	version = store_version(store);
	ok(sqlite_run(store_sqlite(other), "INSERT INTO gate_keys VALUES ('x', zeroblob(32), 1)", &err) == 0,
	   "and write: %s", err.text);
	ok(store_version(store) != version, "which the first one notices");
	ok(store_settle(store, &err) == 0, "settles: %s", err.text);
}

static void transactions(void)
{
	CLEANUP(place_remove) struct place place;
	CLEANUP(store_closep) struct store *store = NULL;
	struct err err = ERR_INIT;
	struct query query = QUERY_INIT;

	place_make(&place);
	ok(store_open(place.folder, &store, &err) == 0, "a store: %s", err.text);
	{
		CLEANUP(transaction_release) struct transaction transaction = { 0 };

		ok(transaction_begin(&transaction, store_sqlite(store), &err) == 0, "a transaction");
		ok(sqlite_run(transaction.db, "INSERT INTO gate_keys VALUES ('x', zeroblob(32), 1)", &err) ==
		       0,
		   "with an insert: %s", err.text);
	}
	ok(query_begin(&query, store_sqlite(store), "SELECT count(*) FROM gate_keys", &err) == 0 &&
	       query_step(&query, &err) == 1,
	   "asks");
	is_int(query_get_u64(&query), 0, "what was not committed is not there");
	query_release(&query);
	ok(sqlite_run(store_sqlite(store), "INSERT INTO gate_keys VALUES ('x', zeroblob(31), 1)", &err) < 0,
	   "a key of 31 bytes is refused");
}

int main(void)
{
	folders();
	others_owner();
	other_bytes();
	schemas();
	half_made();
	twice();
	transactions();
	return tap_done();
}
