/* keeper.c - the questions: who may ask, tokens from making to revoking, seals, keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keeper.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/seal.h"
#include "identity/token.h"
#include "store/keys.h"
#include "store/sqlite.h"
#include "store/tokens.h"
#include "tap.h"

#define DAY ((uint64_t)24 * 3600 * 1000)

static uint64_t test_now = 1800000000000U;

static uint64_t now(void)
{
	return test_now;
}

struct bench {
	char folder[64];
	struct store *store;
	struct keeper *keeper;
	struct wire_out ask, reply;
	struct wire_in in, answer; /* the question, and the answer as its asker reads it */
};

static void open_keeper(struct bench *b)
{
	struct err err = ERR_INIT;
	struct keeper_options options = { .mint = &token_mint, .wall_ms = now };

	ok(store_open(b->folder, &b->store, &err) == 0, "the store: %s", err.text);
	options.store = b->store;
	ok(keeper_new(&options, &b->keeper, &err) == 0, "the keeper: %s", err.text);
}

static void close_keeper(struct bench *b)
{
	b->keeper = keeper_free(b->keeper);
	b->store = store_close(b->store);
}

static void bench_make(struct bench *b)
{
	*b = (struct bench){ .folder = "/tmp/kanmon-keeper-XXXXXX" };
	ok(mkdtemp(b->folder) != NULL, "a folder");
	open_keeper(b);
}

static void bench_remove(struct bench *b)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char path[128];

	close_keeper(b);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/" STORE_FILE "%s", b->folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(b->folder);
	wire_out_release(&b->ask);
	wire_out_release(&b->reply);
}

static struct wire_in as_read(const struct wire_out *out)
{
	struct wire_in in = { .rest = span_of(out->bytes.p + 8, out->bytes.n - 8) };

	memcpy(&in.kind, out->bytes.p, 4);
	memcpy(&in.id, out->bytes.p + 4, 4);
	return in;
}

/* Puts the question in b->ask to the keeper; the answer stands in b->answer. */
static uint32_t put(struct bench *b, enum side side)
{
	b->in = as_read(&b->ask);
	keeper_answer(b->keeper, side, &b->in, &b->reply);
	b->answer = as_read(&b->reply);
	if (b->answer.id != b->in.id)
		ok(false, "the answer has the question's id");
	return b->answer.kind;
}

static uint32_t ask_spans(struct bench *b, enum side side, enum ask_kind kind, struct span one,
			  struct span two)
{
	wire_begin(&b->ask, kind, 41);
	wire_put_span(&b->ask, one);
	if (two.p)
		wire_put_span(&b->ask, two);
	return put(b, side);
}

static uint32_t create(struct bench *b, struct span name, struct span scopes, uint64_t expiry)
{
	wire_begin(&b->ask, ASK_TOKEN_CREATE, 42);
	wire_put_span(&b->ask, name);
	wire_put_span(&b->ask, scopes);
	wire_put_u64(&b->ask, expiry);
	return put(b, FROM_MANAGER);
}

/* Reads ASK_TOKEN_MADE. */
static void read_made(struct bench *b, char id[TOKEN_ID_BYTES + 1], char token[TOKEN_CHARS + 1])
{
	bool fits = span_to_cstr(wire_get_span(&b->answer), id, TOKEN_ID_BYTES + 1) &&
		    span_to_cstr(wire_get_span(&b->answer), token, TOKEN_CHARS + 1);

	ok(fits && wire_in_done(&b->answer), "id and token");
}

/* Asks as a worker does; true where the token is good. */
static bool is_known(struct bench *b, const char *token)
{
	uint8_t hash[DIGEST_BYTES];

	token_hash(span_str(token), hash);
	if (ask_spans(b, FROM_WORKER, ASK_TOKEN, digest_span(hash), span_of(NULL, 0)) != ASK_PRINCIPAL)
		return false;
	return wire_get_u64(&b->answer) == 1;
}

static void refused(struct bench *b, uint32_t kind, const char *text, const char *name)
{
	is_int(kind, ASK_REFUSED, "refused: %s", name);
	ok(span_contains(wire_get_span(&b->answer), span_str(text)), "with the words '%s'", text);
	ok(wire_in_done(&b->answer), "and nothing else");
}

static void sides(void)
{
	CLEANUP(bench_remove) struct bench b;
	static const enum ask_kind managers[] = { ASK_TOKEN_CREATE, ASK_TOKEN_LIST, ASK_TOKEN_ROTATE,
						  ASK_TOKEN_REVOKE };
	static const enum ask_kind workers[] = { ASK_TOKEN, ASK_SEAL, ASK_UNSEAL };
	static const uint32_t nobodys[] = { 0,	     ASK_PRINCIPAL, ASK_EPOCH, ASK_REFUSED,
					    ASK_KEY, 1000,	    UINT32_MAX };
	uint64_t epoch;

	bench_make(&b);
	epoch = keeper_epoch(b.keeper);
	for (size_t i = 0; i < COUNT(managers); i++)
		refused(&b, ask_spans(&b, FROM_WORKER, managers[i], S("a"), S("mcp")), "not yours",
			"a manager's question from a worker");
	for (size_t i = 0; i < COUNT(workers); i++)
		refused(&b, ask_spans(&b, FROM_MANAGER, workers[i], S("a"), S("b")), "not yours",
			"a worker's question from the manager");
	for (size_t i = 0; i < COUNT(nobodys); i++)
		refused(&b, ask_spans(&b, FROM_WORKER, (enum ask_kind)nobodys[i], S("a"), S("b")),
			"no question", "no question");
	is_int(keeper_epoch(b.keeper), epoch, "and nothing changed");
}

static void malformed(void)
{
	CLEANUP(bench_remove) struct bench b;
	static const enum ask_kind kinds[] = { ASK_TOKEN,	 ASK_SEAL,	 ASK_UNSEAL,
					       ASK_TOKEN_CREATE, ASK_TOKEN_LIST, ASK_TOKEN_ROTATE,
					       ASK_TOKEN_REVOKE, ASK_GATE_KEY };

	bench_make(&b);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		bool manager = kinds[i] >= ASK_TOKEN_CREATE && kinds[i] <= ASK_TOKEN_REVOKE;

		wire_begin(&b.ask, kinds[i], 1);
		wire_put_u64(&b.ask, UINT64_MAX); /* a span longer than everything */
		is_int(put(&b, manager ? FROM_MANAGER : FROM_WORKER), ASK_REFUSED, "a broken question %u",
		       (unsigned)kinds[i]);
		wire_begin(&b.ask, kinds[i], 1);
		for (int k = 0; k < 5; k++)
			wire_put_span(&b.ask, S("more than was asked for"));
		is_int(put(&b, manager ? FROM_MANAGER : FROM_WORKER), ASK_REFUSED, "too long a question %u",
		       (unsigned)kinds[i]);
	}
	refused(&b, ask_spans(&b, FROM_WORKER, ASK_TOKEN, S("short"), span_of(NULL, 0)), "no token's hash",
		"a short hash");
	refused(&b, ask_spans(&b, FROM_WORKER, ASK_GATE_KEY, S("seal"), span_of(NULL, 0)), "no such key",
		"another key");
}

static void bad_tokens(void)
{
	CLEANUP(bench_remove) struct bench b;
	char long_name[TOKEN_NAME_BYTES + 1];
	char token[TOKEN_CHARS + 1];

	bench_make(&b);
	memset(long_name, 'a', sizeof(long_name));
	refused(&b, create(&b, S(""), S("mcp"), 0), "1 to 64", "no name");
	refused(&b, create(&b, span_of(long_name, sizeof(long_name)), S("mcp"), 0), "1 to 64",
		"too long a name");
	refused(&b, create(&b, S("t-laptop"), S("mcp"), 0), "`t-`", "a name like an id");
	refused(&b, create(&b, S("a b"), S("mcp"), 0), "made of", "a space");
	refused(&b, create(&b, S("a\0b"), S("mcp"), 0), "made of", "a NUL");
	refused(&b, create(&b, S("a'; DROP TABLE tokens"), S("mcp"), 0), "made of", "SQL");
	refused(&b, create(&b, S("laptop"), S("root"), 0), "no scope", "a bad scope");
	refused(&b, create(&b, S("laptop"), S("mcp"), test_now), "expired", "an expiry that has passed");
	token_make(token);
	ok(!is_known(&b, token), "a token nobody made is unknown");
	is_int(create(&b, S("laptop"), S("mcp"), 0), ASK_TOKEN_MADE, "a good one");
	refused(&b, create(&b, S("laptop"), S("mcp"), 0), "exists", "its name again");
	refused(&b, ask_spans(&b, FROM_MANAGER, ASK_TOKEN_REVOKE, span_str(token), span_of(NULL, 0)),
		"no live token has this id", "a token for a name is not repeated");
	refused(&b, ask_spans(&b, FROM_MANAGER, ASK_TOKEN_ROTATE, S("desk"), span_of(NULL, 0)), "desk",
		"an unknown name");
}

static void life(void)
{
	CLEANUP(bench_remove) struct bench b;
	char id[TOKEN_ID_BYTES + 1], token[TOKEN_CHARS + 1], id2[TOKEN_ID_BYTES + 1], token2[TOKEN_CHARS + 1];
	uint64_t epoch;

	bench_make(&b);
	epoch = keeper_epoch(b.keeper);
	is_int(create(&b, S("laptop"), S("mcp:files"), test_now + DAY), ASK_TOKEN_MADE, "made");
	read_made(&b, id, token);
	ok(token_is_shaped(span_str(token)), "in its shape");
	ok(keeper_epoch(b.keeper) > epoch, "a new epoch");
	ok(is_known(&b, token), "it is known");
	is_span(wire_get_span(&b.answer), span_str(id), "by its id");
	is_span(wire_get_span(&b.answer), S("laptop"), "and name");
	is_span(wire_get_span(&b.answer), S("mcp:files"), "and scopes");
	is_int(wire_get_u64(&b.answer), test_now + DAY, "and end");
	ok(wire_in_done(&b.answer), "that is all");

	test_now += DAY / 2;
	epoch = keeper_epoch(b.keeper);
	is_int(ask_spans(&b, FROM_MANAGER, ASK_TOKEN_ROTATE, S("laptop"), span_of(NULL, 0)), ASK_TOKEN_MADE,
	       "rotated by name");
	read_made(&b, id2, token2);
	is_span(span_str(id2), span_str(id), "the id stays");
	ok(keeper_epoch(b.keeper) > epoch, "a new epoch");
	ok(!is_known(&b, token), "the old one is dead");
	ok(is_known(&b, token2), "the new one is known");
	for (int i = 0; i < 3; i++)
		(void)wire_get_span(&b.answer);
	is_int(wire_get_u64(&b.answer), test_now + DAY, "its lifetime began again");

	test_now += DAY;
	ok(!is_known(&b, token2), "expired");
	is_int(ask_spans(&b, FROM_MANAGER, ASK_TOKEN_ROTATE, span_str(id), span_of(NULL, 0)), ASK_REFUSED,
	       "what expired cannot be rotated");
	is_int(create(&b, S("laptop"), S("mcp"), 0), ASK_TOKEN_MADE, "its name is free");
	read_made(&b, id, token);
	ok(!span_eq(span_str(id), span_str(id2)), "but it is another token");
	is_int(ask_spans(&b, FROM_MANAGER, ASK_TOKEN_REVOKE, span_str(id), span_of(NULL, 0)), ASK_DONE,
	       "revoked by id");
	ok(!is_known(&b, token), "and dead");
	is_int(ask_spans(&b, FROM_MANAGER, ASK_TOKEN_REVOKE, span_str(id), span_of(NULL, 0)), ASK_REFUSED,
	       "not twice");
	is_int(create(&b, S("laptop"), S("mcp"), 0), ASK_TOKEN_MADE, "its name is free as well");
}

/* Nothing in the folder holds the token's text. */
static void only_hashes(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(query_release) struct query query = QUERY_INIT;
	char id[TOKEN_ID_BYTES + 1], token[TOKEN_CHARS + 1];
	struct err err = ERR_INIT;

	bench_make(&b);
	is_int(create(&b, S("laptop"), S("mcp"), 0), ASK_TOKEN_MADE, "made");
	read_made(&b, id, token);
	ok(query_begin(&query, store_sqlite(b.store), "SELECT hash, id, name, scopes FROM tokens", &err) ==
		   0 &&
	       query_step(&query, &err) == 1,
	   "its row");
	is_int(query_get_blob(&query).n, 32, "holds a hash");
	for (int i = 0; i < 3; i++)
		ok(!span_contains(query_get_text(&query), span_of(token + 4, 8)), "and no part of the token");
}

struct listed {
	struct span id, name, scopes;
	uint64_t created, expiry, last_used, revoked;
};

static struct listed read_listed(struct wire_in *in)
{
	struct listed row = { .id = wire_get_span(in),
			      .name = wire_get_span(in),
			      .scopes = wire_get_span(in) };

	row.created = wire_get_u64(in);
	row.expiry = wire_get_u64(in);
	row.last_used = wire_get_u64(in);
	row.revoked = wire_get_u64(in);
	return row;
}

static uint64_t last_used_of_first(struct bench *b)
{
	wire_begin(&b->ask, ASK_TOKEN_LIST, 1);
	is_int(put(b, FROM_MANAGER), ASK_TOKENS, "a list");
	ok(wire_get_u64(&b->answer) > 0, "of some");
	return read_listed(&b->answer).last_used;
}

static void last_used(void)
{
	CLEANUP(bench_remove) struct bench b;
	char id[TOKEN_ID_BYTES + 1], token[TOKEN_CHARS + 1];
	struct err err = ERR_INIT;
	uint64_t used;

	bench_make(&b);
	is_int(create(&b, S("laptop"), S("mcp"), 0), ASK_TOKEN_MADE, "made");
	read_made(&b, id, token);
	used = test_now;
	ok(is_known(&b, token), "used");
	ok(keeper_tick(b.keeper, &err) == 0, "a tick: %s", err.text);
	is_int(last_used_of_first(&b), 0, "is not written at once");
	test_now += TOKEN_USED_EVERY_MS;
	ok(keeper_tick(b.keeper, &err) == 0, "a minute later: %s", err.text);
	is_int(last_used_of_first(&b), used, "it is");
	ok(is_known(&b, token), "used again");
	used = test_now;
	close_keeper(&b);
	open_keeper(&b);
	is_int(last_used_of_first(&b), used, "an end of the keeper writes it too");
}

/* Reads one page; returns how many, and the last id. */
static uint64_t page(struct bench *b, char last[TOKEN_ID_BYTES + 1])
{
	uint64_t n;

	if (last[0])
		(void)ask_spans(b, FROM_MANAGER, ASK_TOKEN_LIST, span_str(last), span_of(NULL, 0));
	else {
		wire_begin(&b->ask, ASK_TOKEN_LIST, 1);
		(void)put(b, FROM_MANAGER);
	}
	n = wire_get_u64(&b->answer);
	for (uint64_t i = 0; i < n; i++)
		(void)span_to_cstr(read_listed(&b->answer).id, last, TOKEN_ID_BYTES + 1);
	if (!wire_in_done(&b->answer))
		ok(false, "a page ends where it says");
	return n;
}

static void lists(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf scopes = BUF_INIT(TOKEN_SCOPES_BYTES);
	char last[TOKEN_ID_BYTES + 1] = "";
	uint64_t got, all = 0;
	unsigned pages = 0, refusals = 0;
	enum { TOKENS = 100 };

	bench_make(&b);
	is_int(page(&b, last), 0, "none yet");
	for (int i = 0; i < 20; i++)
		buf_addf(&scopes, "%smcp:a-server-with-a-rather-long-name-%02d", i ? " " : "", i);
	for (int i = 0; i < TOKENS; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", i);
		refusals += create(&b, span_str(name), buf_span(&scopes), 0) != ASK_TOKEN_MADE;
	}
	is_int(refusals, 0, "a hundred tokens");
	while ((got = page(&b, last)) > 0 && pages < TOKENS) {
		all += got;
		pages++;
	}
	is_int(all, TOKENS, "all are listed, once");
	ok(pages > 1, "over several messages");
	refused(&b, ask_spans(&b, FROM_MANAGER, ASK_TOKEN_REVOKE, S("n100"), span_of(NULL, 0)), "n100",
		"no such");
}

static void purge(void)
{
	CLEANUP(bench_remove) struct bench b;
	char last[TOKEN_ID_BYTES + 1] = "";
	struct err err = ERR_INIT;

	bench_make(&b);
	is_int(create(&b, S("one"), S("mcp"), 0), ASK_TOKEN_MADE, "one");
	is_int(create(&b, S("two"), S("mcp"), test_now + DAY), ASK_TOKEN_MADE, "two");
	is_int(create(&b, S("three"), S("mcp"), 0), ASK_TOKEN_MADE, "three");
	is_int(ask_spans(&b, FROM_MANAGER, ASK_TOKEN_REVOKE, S("one"), span_of(NULL, 0)), ASK_DONE,
	       "one revoked");
	test_now += TOKENS_DEAD_KEPT_MS;
	ok(keeper_tick(b.keeper, &err) == 0, "ninety days: %s", err.text);
	is_int(page(&b, last), 3, "all are listed still");
	test_now += 2 * DAY;
	last[0] = '\0';
	ok(keeper_tick(b.keeper, &err) == 0, "two more: %s", err.text);
	is_int(page(&b, last), 1, "the dead ones are gone");
}

static void seals(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf sealed = BUF_INIT(1024);
	struct err err = ERR_INIT;

	bench_make(&b);
	refused(&b, ask_spans(&b, FROM_WORKER, ASK_SEAL, S(""), S("x")), "purpose", "no purpose");
	is_int(ask_spans(&b, FROM_WORKER, ASK_SEAL, S("session"), S("state")), ASK_SEALED, "sealed");
	buf_add(&sealed, wire_get_span(&b.answer));
	is_int(ask_spans(&b, FROM_WORKER, ASK_UNSEAL, S("cookie"), buf_span(&sealed)), ASK_OPENED,
	       "an answer");
	is_int(wire_get_u64(&b.answer), 0, "not for another purpose");
	for (unsigned day = 0; day < SEAL_KEYS; day++) {
		is_int(ask_spans(&b, FROM_WORKER, ASK_UNSEAL, S("session"), buf_span(&sealed)), ASK_OPENED,
		       "day %u", day);
		is_int(wire_get_u64(&b.answer), 1, "opens");
		is_span(wire_get_span(&b.answer), S("state"), "the same");
		test_now += DAY;
		ok(keeper_tick(b.keeper, &err) == 0, "the keys turn: %s", err.text);
	}
	is_int(ask_spans(&b, FROM_WORKER, ASK_UNSEAL, S("session"), buf_span(&sealed)), ASK_OPENED,
	       "too old");
	is_int(wire_get_u64(&b.answer), 0, "does not open");
	is_span(wire_get_span(&b.answer), S(""), "and gives nothing");
}

static void seals_outlive(void)
{
	CLEANUP(bench_remove) struct bench b;
	CLEANUP(buf_release) struct buf sealed = BUF_INIT(1024);

	bench_make(&b);
	is_int(ask_spans(&b, FROM_WORKER, ASK_SEAL, S("session"), S("state")), ASK_SEALED, "sealed");
	buf_add(&sealed, wire_get_span(&b.answer));
	close_keeper(&b);
	open_keeper(&b);
	is_int(ask_spans(&b, FROM_WORKER, ASK_UNSEAL, S("session"), buf_span(&sealed)), ASK_OPENED,
	       "restarted");
	is_int(wire_get_u64(&b.answer), 1, "it opens");
}

/* Two keepers on one store: what the second one's new key sealed, the first opens. */
static void two_keepers(void)
{
	CLEANUP(bench_remove) struct bench b;
	struct keeper_options options = { .mint = &token_mint, .wall_ms = now };
	CLEANUP(buf_release) struct buf sealed = BUF_INIT(1024);
	struct keeper *first;
	struct err err = ERR_INIT;
	uint64_t epoch;

	bench_make(&b);
	first = b.keeper;
	test_now += DAY + 1;
	options.store = b.store;
	ok(keeper_new(&options, &b.keeper, &err) == 0, "a second keeper turns the keys: %s", err.text);
	is_int(ask_spans(&b, FROM_WORKER, ASK_SEAL, S("session"), S("state")), ASK_SEALED, "and seals");
	buf_add(&sealed, wire_get_span(&b.answer));
	b.keeper = keeper_free(b.keeper);
	b.keeper = first;
	is_int(ask_spans(&b, FROM_WORKER, ASK_UNSEAL, S("session"), buf_span(&sealed)), ASK_OPENED,
	       "the first");
	is_int(wire_get_u64(&b.answer), 1, "opens it");
	ok(keeper_tick(b.keeper, &err) == 0, "a tick: %s", err.text);
	epoch = keeper_epoch(b.keeper);
	keeper_announce(b.keeper, &b.reply);
	b.answer = as_read(&b.reply);
	ok(b.answer.kind == ASK_EPOCH && wire_get_u64(&b.answer) == epoch && wire_in_done(&b.answer),
	   "the epoch");
	{
		CLEANUP(store_closep) struct store *other = NULL;

		ok(store_open(b.folder, &other, &err) == 0 && tokens_revoke(other, S("x"), 1, NULL) < 0 &&
		       sqlite_run(store_sqlite(other), "DELETE FROM gate_keys", &err) == 0 &&
		       sqlite_run(store_sqlite(other), "INSERT INTO gate_keys VALUES ('x', zeroblob(32), 1)",
				  &err) == 0,
		   "a command writes: %s", err.text);
	}
	ok(keeper_tick(b.keeper, &err) == 0 && keeper_epoch(b.keeper) == epoch,
	   "a tick too soon looks at nothing");
	test_now += KEEPER_TICK_LEAST_MS;
	ok(keeper_tick(b.keeper, &err) == 0 && keeper_epoch(b.keeper) > epoch, "the next sees a new epoch");
}

static void gate_key(void)
{
	CLEANUP(bench_remove) struct bench b;
	uint8_t key[GATE_KEY_BYTES] = { 0 };
	struct span got;

	bench_make(&b);
	is_int(ask_spans(&b, FROM_WORKER, ASK_GATE_KEY, GATE_KEY_AUDIT, span_of(NULL, 0)), ASK_KEY, "a key");
	got = wire_get_span(&b.answer);
	if (ok(got.n == sizeof(key), "of 32 bytes"))
		memcpy(key, got.p, sizeof(key));
	close_keeper(&b);
	open_keeper(&b);
	is_int(ask_spans(&b, FROM_MANAGER, ASK_GATE_KEY, GATE_KEY_AUDIT, span_of(NULL, 0)), ASK_KEY, "again");
	is_span(wire_get_span(&b.answer), span_of((const char *)key, sizeof(key)), "the same, ever after");
}

int main(void)
{
	struct err err = ERR_INIT;

	ok(crypto_init(&err) == 0, "starts");
	sides();
	malformed();
	bad_tokens();
	life();
	only_hashes();
	last_used();
	lists();
	purge();
	seals();
	seals_outlive();
	two_keepers();
	gate_key();
	return tap_done();
}
