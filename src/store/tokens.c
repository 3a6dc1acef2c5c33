/* tokens.c - the rows of the tokens table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tokens.h"

#include "base/random.h"
#include "base/secret.h"
#include "store/sqlite.h"

#define COLUMNS "seq, id, name, scopes, created, expiry, last_used, revoked"
/* Bound once: now. */
#define IS_LIVE "revoked = 0 AND (expiry = 0 OR expiry > ?1)"

enum { ID_TRIES = 8 };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name_char(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '@';
}

int token_name_check(struct span name, struct err *err)
{
	if (name.n == 0 || name.n > TOKEN_NAME_BYTES)
		return err_set(err, ERR_CONFIG, "a token's name has 1 to %d characters", TOKEN_NAME_BYTES);
	if (!is_alnum(name.p[0]))
		return err_set(err, ERR_CONFIG, "a token's name begins with a letter or a digit");
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return err_set(err, ERR_CONFIG,
				       "a token's name is made of letters, digits, `.`, `_`, `-`, `@`");
	if (span_starts(name, S("t-")))
		return err_set(err, ERR_CONFIG, "`t-` begins the ids of tokens: choose another name");
	return 0;
}

/* No vowels and no look-alikes: ids are read aloud and must not spell words. */
static void make_id(char id[TOKEN_ID_BYTES])
{
	static const char letters[32] = "23456789bcdfghjkmnpqrstvwxyzBCDF";
	uint64_t bits = random_u64();

	id[0] = 't';
	id[1] = '-';
	for (size_t i = 2; i < TOKEN_ID_BYTES; i++, bits >>= 5)
		id[i] = letters[bits & 31];
}

static void read_row(struct query *query, struct token_row *row)
{
	row->seq = query_get_u64(query);
	row->id = query_get_text(query);
	row->name = query_get_text(query);
	row->scopes = query_get_text(query);
	row->created = query_get_u64(query);
	row->expiry = query_get_u64(query);
	row->last_used = query_get_u64(query);
	row->revoked = query_get_u64(query);
}

/* The name of an expired token becomes free again. */
static int retire_expired(const struct sqlite *db, struct span name, uint64_t now, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(
		&query, db,
		"UPDATE tokens SET revoked = expiry WHERE name = ?2 AND revoked = 0 AND expiry <> 0 AND "
		"expiry <= ?1",
		err) < 0)
		return -1;
	query_put_u64(&query, now);
	query_put_text(&query, name);
	return query_finish(&query, err);
}

static int count_live(const struct sqlite *db, uint64_t now, uint64_t *out, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(&query, db, "SELECT count(*) FROM tokens WHERE " IS_LIVE, err) < 0)
		return -1;
	query_put_u64(&query, now);
	if (query_step(&query, err) < 0)
		return -1;
	*out = query_get_u64(&query);
	return 0;
}

static int exists(const struct sqlite *db, const char *sql, struct span text, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(&query, db, sql, err) < 0)
		return -1;
	query_put_text(&query, text);
	return query_step(&query, err);
}

static int free_id(const struct sqlite *db, char id[TOKEN_ID_BYTES], struct err *err)
{
	for (int i = 0; i < ID_TRIES; i++) {
		int taken;

		make_id(id);
		taken = exists(db, "SELECT 1 FROM tokens WHERE id = ?1", span_of(id, TOKEN_ID_BYTES), err);
		if (taken <= 0)
			return taken;
	}
	return err_set(err, ERR_LIMIT, "no free token id was found");
}

static int insert(const struct sqlite *db, const struct token_new *token, struct span id, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(
		&query, db,
		"INSERT INTO tokens (id, name, hash, scopes, created, expiry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		err) < 0)
		return -1;
	query_put_text(&query, id);
	query_put_text(&query, token->name);
	query_put_blob(&query, token->hash);
	query_put_text(&query, token->scopes);
	query_put_u64(&query, token->now);
	query_put_u64(&query, token->expiry);
	return query_finish(&query, err);
}

int tokens_add(const struct store *store, const struct token_new *token, char id[TOKEN_ID_BYTES],
	       struct err *err)
{
	const struct sqlite *db = store_sqlite(store);
	CLEANUP(transaction_release) struct transaction transaction = { 0 };
	uint64_t live = 0;
	int taken;

	if (token_name_check(token->name, err) < 0)
		return -1;
	if (token->scopes.n == 0 || token->scopes.n > TOKEN_SCOPES_BYTES)
		return err_set(err, ERR_CONFIG, "a token's scopes have 1 to %d characters",
			       TOKEN_SCOPES_BYTES);
	if (transaction_begin(&transaction, db, err) < 0 ||
	    retire_expired(db, token->name, token->now, err) < 0 ||
	    count_live(db, token->now, &live, err) < 0)
		return -1;
	if (live >= TOKENS_LIVE_MAX)
		return err_set(err, ERR_LIMIT, "there are %d tokens already: revoke some first",
			       TOKENS_LIVE_MAX);
	taken = exists(db, "SELECT 1 FROM tokens WHERE name = ?1 AND revoked = 0", token->name, err);
	if (taken < 0)
		return -1;
	if (taken)
		return err_set(err, ERR_CONFIG,
			       "a token named %.*s exists: rotate or revoke it, or choose another name",
			       SPAN_ARG(token->name));
	if (free_id(db, id, err) < 0 || insert(db, token, span_of(id, TOKEN_ID_BYTES), err) < 0)
		return -1;
	return transaction_commit(&transaction, err);
}

static int missing(struct span id_or_name, struct err *err)
{
	struct span shown = span_first(id_or_name, TOKEN_NAME_BYTES);

	/* What somebody typed may be the token itself: show only what looks like a name or an id. */
	if (id_or_name.n > TOKEN_NAME_BYTES ||
	    (!span_starts(shown, S("t-")) && token_name_check(shown, NULL) < 0) ||
	    span_starts(shown, S("kmn_")))
		return err_set(err, ERR_MISSING, "no live token has this id or name");
	return err_set(err, ERR_MISSING, "no live token has the id or name %.*s", SPAN_ARG(shown));
}

int tokens_rotate(const struct store *store, struct span id_or_name, struct span hash, uint64_t now,
		  char id[TOKEN_ID_BYTES], struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	struct span got;
	int row;

	if (query_begin(&query, store_sqlite(store),
			"UPDATE tokens SET hash = ?3, created = ?1, last_used = 0, "
			"expiry = CASE WHEN expiry = 0 THEN 0 ELSE ?1 + max(expiry - created, 1) END "
			"WHERE (id = ?2 OR name = ?2) AND " IS_LIVE " RETURNING id",
			err) < 0)
		return -1;
	query_put_u64(&query, now);
	query_put_text(&query, id_or_name);
	query_put_blob(&query, hash);
	row = query_step(&query, err);
	if (row < 0)
		return -1;
	if (row == 0)
		return missing(id_or_name, err);
	got = query_get_text(&query);
	if (got.n != TOKEN_ID_BYTES)
		return err_set(err, ERR_FORMAT, "the store holds a token with an odd id");
	memcpy(id, got.p, TOKEN_ID_BYTES);
	return query_finish(&query, err);
}

int tokens_revoke(const struct store *store, struct span id_or_name, uint64_t now, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(&query, store_sqlite(store),
			"UPDATE tokens SET revoked = max(?1, 1) WHERE (id = ?2 OR name = ?2) AND revoked = 0",
			err) < 0)
		return -1;
	query_put_u64(&query, now);
	query_put_text(&query, id_or_name);
	if (query_finish(&query, err) < 0)
		return -1;
	if (query.db->changes(query.db->db) == 0)
		return missing(id_or_name, err);
	return 0;
}

int tokens_find(const struct store *store, struct span hash, uint64_t now, token_found *found, void *context,
		struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	struct token_row row;
	int got;

	if (query_begin(&query, store_sqlite(store),
			"SELECT " COLUMNS ", hash FROM tokens WHERE hash = ?2 AND " IS_LIVE, err) < 0)
		return -1;
	query_put_u64(&query, now);
	query_put_blob(&query, hash);
	got = query_step(&query, err);
	if (got <= 0)
		return got;
	read_row(&query, &row);
	/* The index compares bytewise, on a hash nobody can steer; the answer rests on this. */
	if (!secret_equal(query_get_blob(&query), hash))
		return 0;
	found(context, &row);
	return 1;
}

int tokens_list(const struct store *store, struct span after, token_each *each, void *context,
		struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;
	int got;

	if (query_begin(&query, store_sqlite(store),
			"SELECT " COLUMNS
			" FROM tokens WHERE seq > coalesce((SELECT seq FROM tokens WHERE id = ?1), 0) "
			"ORDER BY seq",
			err) < 0)
		return -1;
	query_put_text(&query, after);
	while ((got = query_step(&query, err)) > 0) {
		struct token_row row;

		read_row(&query, &row);
		if (!each(context, &row))
			return 0;
	}
	return got;
}

static int note_use(const struct sqlite *db, const struct token_use *use, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (query_begin(&query, db, "UPDATE tokens SET last_used = ?1 WHERE seq = ?2 AND last_used < ?1",
			err) < 0)
		return -1;
	query_put_u64(&query, use->when);
	query_put_u64(&query, use->seq);
	return query_finish(&query, err);
}

int tokens_used(const struct store *store, const struct token_use *uses, size_t n, struct err *err)
{
	const struct sqlite *db = store_sqlite(store);
	CLEANUP(transaction_release) struct transaction transaction = { 0 };

	if (transaction_begin(&transaction, db, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (note_use(db, &uses[i], err) < 0)
			return -1;
	return transaction_commit(&transaction, err);
}

int tokens_purge(const struct store *store, uint64_t now, struct err *err)
{
	CLEANUP(query_release) struct query query = QUERY_INIT;

	if (now < TOKENS_DEAD_KEPT_MS)
		return 0;
	if (query_begin(
		&query, store_sqlite(store),
		"DELETE FROM tokens WHERE (revoked <> 0 AND revoked < ?1) OR (expiry <> 0 AND expiry < ?1)",
		err) < 0)
		return -1;
	query_put_u64(&query, now - TOKENS_DEAD_KEPT_MS);
	return query_finish(&query, err);
}
