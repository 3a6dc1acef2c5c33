/* store.h - what outlives the gate: one SQLite file in a private folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"

#define STORE_FILE "kanmon.db"

/* What this program reads and writes; kept in the file as `user_version`. */
enum { STORE_SCHEMA = 1 };

struct store;

/*
 * Opens the store in `folder`, which is made (0700, with its parents) where it is absent, as is the
 * file (0600). An older schema is brought up to date in one transaction. Only the keeper opens a
 * store, or a short-lived command while no gateway runs.
 *
 * Owner:   the caller ends it with store_close(); on failure `*out` is untouched.
 * Errors:  ERR_DENIED where folder or file belong to somebody else, or others may write the folder
 *          or touch the file (the sentence says what to run); ERR_CONFIG where the schema is newer
 *          than this program's; ERR_FORMAT where the file is no store; ERR_MISSING without SQLite;
 *          ERR_SYSTEM.
 */
int store_open(const char *folder, struct store **out, struct err *err) MUST_CHECK;
/* Returns NULL. */
struct store *store_close(struct store *store);
static inline void store_closep(struct store **store)
{
	*store = store_close(*store);
}

/* The open library and connection, for the nouns of this room. */
struct sqlite;
const struct sqlite *store_sqlite(const struct store *store);

/* A number that differs after another process wrote the file; 0 where it cannot be read. */
uint64_t store_version(const struct store *store);

/* Empties the write-ahead log, so that what was deleted is gone from the disk's files too. */
int store_settle(const struct store *store, struct err *err) MUST_CHECK;
