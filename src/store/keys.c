/* keys.c - the keys that the store keeps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/random.h"
#include "base/secret.h"
#include "store/sqlite.h"

int keys_load(const struct store *store, struct seal_ring *ring, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	int got;

	if (query_begin(&query, store_sqlite(store),
			"SELECT id, key FROM seal_keys WHERE id > ?1 ORDER BY id", err) < 0)
		return -1;
	query_put_u64(&query, seal_ring_newest(ring));
	while ((got = query_step(&query, err)) > 0) {
		uint64_t id = query_get_u64(&query);
		struct span key = query_get_blob(&query);

		if (key.n != SEAL_KEY_BYTES || id > UINT32_MAX ||
		    !seal_ring_add(ring, (uint32_t)id, (const uint8_t *)key.p))
			return err_set(err, ERR_FORMAT, "the store holds an odd sealing key");
	}
	return got;
}

/* 1 where the newest key may go on, 0 where it is time for another. */
static int is_fresh(const struct sqlite *db, uint64_t now, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	uint64_t created;
	int got;

	if (query_begin(&query, db, "SELECT created FROM seal_keys ORDER BY id DESC LIMIT 1", err) < 0)
		return -1;
	got = query_step(&query, err);
	if (got <= 0)
		return got;
	created = query_get_u64(&query);
	return created <= now && now - created < SEAL_KEY_AGE_MS;
}

static int add_key(const struct sqlite *db, uint64_t now, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	uint8_t key[SEAL_KEY_BYTES];
	int done;

	if (query_begin(&query, db, "INSERT INTO seal_keys (key, created) VALUES (?1, ?2)", err) < 0)
		return -1;
	random_bytes(key, sizeof(key));
	query_put_blob(&query, span_of((const char *)key, sizeof(key)));
	query_put_u64(&query, now);
	done = query_finish(&query, err);
	secret_wipe(key, sizeof(key));
	return done;
}

static int drop_old(const struct sqlite *db, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(
		&query, db,
		"DELETE FROM seal_keys WHERE id NOT IN (SELECT id FROM seal_keys ORDER BY id DESC LIMIT ?1)",
		err) < 0)
		return -1;
	query_put_u64(&query, SEAL_KEYS);
	return query_finish(&query, err);
}

/* 1 where a key was added. */
static int add_if_due(const struct sqlite *db, uint64_t now, struct err *err)
{
	CLEANUP(transaction_release) struct transaction transaction = { 0 };
	int fresh;

	if (transaction_begin(&transaction, db, err) < 0)
		return -1;
	fresh = is_fresh(db, now, err);
	if (fresh != 0)
		return fresh < 0 ? -1 : 0;
	if (add_key(db, now, err) < 0 || drop_old(db, err) < 0 || transaction_commit(&transaction, err) < 0)
		return -1;
	return 1;
}

int keys_turn(const struct store *store, struct seal_ring *ring, uint64_t now, struct err *err)
{
	int fresh = is_fresh(store_sqlite(store), now, err);
	int added = 0;

	if (fresh < 0)
		return -1;
	if (fresh == 0)
		added = add_if_due(store_sqlite(store), now, err);
	if (added < 0 || keys_load(store, ring, err) < 0)
		return -1;
	/* A dropped key must not live on in the write-ahead log. */
	return added ? store_settle(store, err) : 0;
}

/* 1 found, 0 none. */
static int read_gate(const struct sqlite *db, struct span name, uint8_t out[GATE_KEY_BYTES], struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	struct span key;
	int got;

	if (query_begin(&query, db, "SELECT key FROM gate_keys WHERE name = ?1", err) < 0)
		return -1;
	query_put_text(&query, name);
	got = query_step(&query, err);
	if (got <= 0)
		return got;
	key = query_get_blob(&query);
	if (key.n != GATE_KEY_BYTES)
		return err_set(err, ERR_FORMAT, "the store holds an odd key");
	memcpy(out, key.p, GATE_KEY_BYTES);
	return 1;
}

static int make_gate(const struct sqlite *db, struct span name, uint64_t now, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	uint8_t key[GATE_KEY_BYTES];
	int done;

	if (query_begin(
		&query, db,
		"INSERT INTO gate_keys (name, key, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
		err) < 0)
		return -1;
	random_bytes(key, sizeof(key));
	query_put_text(&query, name);
	query_put_blob(&query, span_of((const char *)key, sizeof(key)));
	query_put_u64(&query, now);
	done = query_finish(&query, err);
	secret_wipe(key, sizeof(key));
	return done;
}

int keys_gate(const struct store *store, struct span name, uint64_t now, uint8_t out[GATE_KEY_BYTES],
	      struct err *err)
{
	const struct sqlite *db = store_sqlite(store);
	int got = read_gate(db, name, out, err);

	if (got != 0)
		return got < 0 ? -1 : 0;
	if (make_gate(db, name, now, err) < 0)
		return -1;
	got = read_gate(db, name, out, err);
	if (got == 0)
		return err_set(err, ERR_MISSING, "a key that was just made is not in the store");
	return got < 0 ? -1 : 0;
}
