/* keeper.c - answers the questions of ask.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keeper.h"

#include "base/clock.h"
#include "base/secret.h"
#include "base/tr.h"
#include "crypto/digest.h"
#include "store/keys.h"
#include "store/tokens.h"

enum {
	USES_MAX = 256,		/* tokens whose use is still to be written */
	RELOAD_EVERY_MS = 1000, /* an unknown sealing key makes us look, but not more often */
	LIST_ROOM_BYTES = WIRE_MAX_BYTES - 4096,
	PURGE_EVERY_MS = 3600 * 1000,
};

struct keeper {
	struct store *store; /* borrowed */
	const struct keeper_mint *mint;
	uint64_t (*wall_ms)(void);
	struct seal_ring *seals;
	struct buf scratch; /* sealed or opened bytes of one answer */
	struct token_use uses[USES_MAX];
	size_t n_uses;
	uint64_t ticked, flushed, reloaded, purged; /* wall ms of the last time */
	uint64_t version;			    /* of the store, to see what others wrote */
	uint64_t epoch;
};

static void refuse(struct wire_out *out, uint32_t id, struct span sentence)
{
	wire_begin(out, ASK_REFUSED, id);
	wire_put_span(out, sentence);
}

/* Has at least `every` passed since `last`? A clock that was set back counts as yes. */
static bool is_due(uint64_t last, uint64_t now, uint64_t every)
{
	return now < last || now - last >= every;
}

static int flush_uses(struct keeper *keeper, uint64_t now, struct err *err)
{
	size_t n = keeper->n_uses;

	keeper->flushed = now;
	if (n == 0)
		return 0;
	if (tokens_used(keeper->store, keeper->uses, n, err) < 0)
		return -1;
	keeper->n_uses = 0;
	return 0;
}

/* A busy token costs one write a minute. Where the table is full the store refuses writes: the time is lost.
 */
static void note_use(struct keeper *keeper, const struct token_row *row, uint64_t now)
{
	if (!is_due(row->last_used, now, TOKEN_USED_EVERY_MS))
		return;
	for (size_t i = 0; i < keeper->n_uses; i++)
		if (keeper->uses[i].seq == row->seq)
			return;
	if (keeper->n_uses == USES_MAX)
		return;
	keeper->uses[keeper->n_uses++] = (struct token_use){ .seq = row->seq, .when = now };
}

struct found {
	struct keeper *keeper;
	struct wire_out *out;
	uint64_t now;
};

static void put_principal(void *context, const struct token_row *row)
{
	const struct found *found = context;

	wire_put_u64(found->out, 1);
	wire_put_span(found->out, row->id);
	wire_put_span(found->out, row->name);
	wire_put_span(found->out, row->scopes);
	wire_put_u64(found->out, row->expiry);
	note_use(found->keeper, row, found->now);
}

static int answer_token(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct found found = { .keeper = keeper, .out = out, .now = keeper->wall_ms() };
	struct span hash = wire_get_span(in);
	int got;

	if (!wire_in_done(in) || hash.n != DIGEST_BYTES)
		return err_set(err, ERR_FORMAT, "this is no token's hash");
	wire_begin(out, ASK_PRINCIPAL, in->id);
	got = tokens_find(keeper->store, hash, found.now, put_principal, &found, err);
	if (got == 0)
		wire_put_u64(out, 0);
	if (keeper->n_uses == USES_MAX)
		(void)flush_uses(keeper, found.now, NULL);
	return got < 0 ? -1 : 0;
}

static int answer_seal(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct span purpose = wire_get_span(in);
	struct span plain = wire_get_span(in);

	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the question is malformed");
	buf_clear(&keeper->scratch);
	if (seal(keeper->seals, purpose, plain, &keeper->scratch, err) < 0)
		return -1;
	wire_begin(out, ASK_SEALED, in->id);
	wire_put_span(out, buf_span(&keeper->scratch));
	return 0;
}

/* Another program on the same store may have turned the keys. */
static enum seal_outcome open_reloading(struct keeper *keeper, struct span purpose, struct span sealed)
{
	enum seal_outcome outcome = unseal(keeper->seals, purpose, sealed, &keeper->scratch);
	uint64_t now = keeper->wall_ms();

	if (outcome != SEAL_UNKNOWN || !is_due(keeper->reloaded, now, RELOAD_EVERY_MS))
		return outcome;
	keeper->reloaded = now;
	if (keys_load(keeper->store, keeper->seals, NULL) < 0)
		return outcome;
	return unseal(keeper->seals, purpose, sealed, &keeper->scratch);
}

static int answer_unseal(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct span purpose = wire_get_span(in);
	struct span sealed = wire_get_span(in);
	bool opened;

	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the question is malformed");
	buf_clear(&keeper->scratch);
	opened = open_reloading(keeper, purpose, sealed) == SEAL_OPEN;
	wire_begin(out, ASK_OPENED, in->id);
	wire_put_u64(out, opened);
	wire_put_span(out, opened ? buf_span(&keeper->scratch) : S(""));
	return 0;
}

static int answer_key(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct span name = wire_get_span(in);
	uint8_t key[GATE_KEY_BYTES];

	if (!wire_in_done(in) || !span_eq(name, GATE_KEY_AUDIT))
		return err_set(err, ERR_DENIED, "the gate hands out no such key");
	if (keys_gate(keeper->store, name, keeper->wall_ms(), key, err) < 0)
		return -1;
	wire_begin(out, ASK_KEY, in->id);
	wire_put_span(out, span_of((const char *)key, sizeof(key)));
	secret_wipe(key, sizeof(key));
	return 0;
}

static void put_made(struct wire_out *out, uint32_t id, const char token_id[TOKEN_ID_BYTES],
		     const char *token)
{
	wire_begin(out, ASK_TOKEN_MADE, id);
	wire_put_span(out, span_of(token_id, TOKEN_ID_BYTES));
	wire_put_span(out, span_str(token));
}

static int answer_create(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct token_new new = { .name = wire_get_span(in) };
	char token[KEEPER_TOKEN_CHARS], id[TOKEN_ID_BYTES];
	uint8_t hash[DIGEST_BYTES];
	int done;

	new.scopes = wire_get_span(in);
	new.expiry = wire_get_u64(in);
	new.now = keeper->wall_ms();
	new.hash = digest_span(hash);
	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the question is malformed");
	if (keeper->mint->check_scopes(new.scopes, err) < 0)
		return -1;
	if (new.expiry != 0 && new.expiry <= new.now)
		return err_set(err, ERR_CONFIG, "the token would have expired already");
	keeper->mint->make(token);
	token_hash(span_str(token), hash);
	done = tokens_add(keeper->store, &new, id, err);
	if (done == 0) {
		put_made(out, in->id, id, token);
		keeper->epoch++;
	}
	secret_wipe(token, sizeof(token));
	return done;
}

static int answer_rotate(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct span name = wire_get_span(in);
	char token[KEEPER_TOKEN_CHARS], id[TOKEN_ID_BYTES];
	uint8_t hash[DIGEST_BYTES];
	int done;

	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the question is malformed");
	keeper->mint->make(token);
	token_hash(span_str(token), hash);
	done = tokens_rotate(keeper->store, name, digest_span(hash), keeper->wall_ms(), id, err);
	if (done == 0) {
		put_made(out, in->id, id, token);
		keeper->epoch++;
	}
	secret_wipe(token, sizeof(token));
	return done;
}

static int answer_revoke(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct span name = wire_get_span(in);

	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the question is malformed");
	if (tokens_revoke(keeper->store, name, keeper->wall_ms(), err) < 0)
		return -1;
	keeper->epoch++;
	wire_begin(out, ASK_DONE, in->id);
	return 0;
}

struct listing {
	struct wire_out rows;
	uint64_t n;
};

static bool put_row(void *context, const struct token_row *row)
{
	struct listing *listing = context;
	struct wire_out *rows = &listing->rows;

	if (rows->bytes.n + row->scopes.n > LIST_ROOM_BYTES)
		return false;
	wire_put_span(rows, row->id);
	wire_put_span(rows, row->name);
	wire_put_span(rows, row->scopes);
	wire_put_u64(rows, row->created);
	wire_put_u64(rows, row->expiry);
	wire_put_u64(rows, row->last_used);
	wire_put_u64(rows, row->revoked);
	listing->n++;
	return true;
}

static int answer_list(struct keeper *keeper, struct wire_in *in, struct wire_out *out, struct err *err)
{
	struct listing listing = { .rows = { .bytes = BUF_INIT(WIRE_MAX_BYTES) } };
	struct span after = in->rest.n ? wire_get_span(in) : S("");
	int done;

	if (!wire_in_done(in))
		return err_set(err, ERR_FORMAT, "the question is malformed");
	done = tokens_list(keeper->store, after, put_row, &listing, err);
	if (done == 0) {
		wire_begin(out, ASK_TOKENS, in->id);
		wire_put_u64(out, listing.n);
		buf_add(&out->bytes, buf_span(&listing.rows.bytes));
	}
	wire_out_release(&listing.rows);
	return done;
}

static const struct {
	int (*answer)(struct keeper *, struct wire_in *, struct wire_out *, struct err *);
	bool from[2]; /* by enum side */
} questions[] = {
	[ASK_TOKEN] = { answer_token, { [FROM_WORKER] = true } },
	[ASK_SEAL] = { answer_seal, { [FROM_WORKER] = true } },
	[ASK_UNSEAL] = { answer_unseal, { [FROM_WORKER] = true } },
	[ASK_TOKEN_CREATE] = { answer_create, { [FROM_MANAGER] = true } },
	[ASK_TOKEN_LIST] = { answer_list, { [FROM_MANAGER] = true } },
	[ASK_TOKEN_ROTATE] = { answer_rotate, { [FROM_MANAGER] = true } },
	[ASK_TOKEN_REVOKE] = { answer_revoke, { [FROM_MANAGER] = true } },
	[ASK_GATE_KEY] = { answer_key, { [FROM_WORKER] = true, [FROM_MANAGER] = true } },
};

void keeper_answer(struct keeper *keeper, enum side side, struct wire_in *in, struct wire_out *out)
{
	struct err err = ERR_INIT;

	if (in->kind >= COUNT(questions) || !questions[in->kind].answer) {
		refuse(out, in->id, span_str(tr("this is no question the keeper knows")));
		return;
	}
	if (!questions[in->kind].from[side]) {
		refuse(out, in->id, span_str(tr("this question is not yours to ask")));
		return;
	}
	if (questions[in->kind].answer(keeper, in, out, &err) < 0)
		refuse(out, in->id, span_str(err.text));
	else if (!buf_ok(&out->bytes))
		refuse(out, in->id, span_str(tr("the answer is too long for one message")));
}

uint64_t keeper_epoch(const struct keeper *keeper)
{
	return keeper->epoch;
}

void keeper_announce(const struct keeper *keeper, struct wire_out *out)
{
	wire_begin(out, ASK_EPOCH, 0);
	wire_put_u64(out, keeper->epoch);
}

int keeper_tick(struct keeper *keeper, struct err *err)
{
	uint64_t now = keeper->wall_ms(), version;

	if (!is_due(keeper->ticked, now, KEEPER_TICK_LEAST_MS))
		return 0;
	keeper->ticked = now;
	version = store_version(keeper->store);
	if (version != keeper->version) {
		keeper->version = version;
		keeper->epoch++;
	}
	if (keys_turn(keeper->store, keeper->seals, now, err) < 0)
		return -1;
	if (is_due(keeper->flushed, now, TOKEN_USED_EVERY_MS) && flush_uses(keeper, now, err) < 0)
		return -1;
	if (!is_due(keeper->purged, now, PURGE_EVERY_MS))
		return 0;
	if (tokens_purge(keeper->store, now, err) < 0)
		return -1;
	keeper->purged = now;
	return 0;
}

int keeper_new(const struct keeper_options *options, struct keeper **out, struct err *err)
{
	CLEANUP(keeper_freep) struct keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper)
		return err_set(err, ERR_NOMEM, "no memory for the keeper");
	keeper->store = options->store;
	keeper->mint = options->mint;
	keeper->wall_ms = options->wall_ms ? options->wall_ms : clock_wall_ms;
	keeper->scratch = BUF_INIT(WIRE_MAX_BYTES);
	keeper->flushed = keeper->wall_ms();
	keeper->version = store_version(keeper->store);
	keeper->epoch = 1;
	if (seal_ring_new(&keeper->seals, err) < 0)
		return -1;
	if (keys_turn(keeper->store, keeper->seals, keeper->wall_ms(), err) < 0)
		return err_wrap(err, "the sealing keys");
	*out = TAKE(keeper);
	return 0;
}

struct keeper *keeper_free(struct keeper *keeper)
{
	if (!keeper)
		return NULL;
	if (keeper->store)
		(void)flush_uses(keeper, keeper->flushed, NULL);
	keeper->seals = seal_ring_free(keeper->seals);
	if (keeper->scratch.p)
		secret_wipe(keeper->scratch.p, keeper->scratch.cap);
	buf_release(&keeper->scratch);
	free(keeper);
	return NULL;
}
