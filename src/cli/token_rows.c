/* token_rows.c - the tokens there are, page by page from the keeper or straight from the store. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token_rows.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/tr.h"
#include "cli/gate.h"
#include "store/ask.h"

/* The last token received, after which the next page begins. */
struct page {
	char last[TOKEN_ID_BYTES];
	size_t last_n;
	uint64_t n;
	bool stopped;
};

static struct token_row read_row(struct wire_in *in)
{
	struct token_row row = { 0 };

	row.id = wire_get_span(in);
	row.name = wire_get_span(in);
	row.scopes = wire_get_span(in);
	row.created = wire_get_u64(in);
	row.expiry = wire_get_u64(in);
	row.last_used = wire_get_u64(in);
	row.revoked = wire_get_u64(in);
	return row;
}

static void read_page(struct wire_in *in, struct page *page, token_each *each, void *context)
{
	page->n = wire_get_u64(in);
	for (uint64_t i = 0; i < page->n && !in->bad && !page->stopped; i++) {
		struct token_row row = read_row(in);

		if (in->bad || row.id.n > sizeof(page->last)) {
			in->bad = true;
			return;
		}
		page->last_n = row.id.n;
		memcpy(page->last, row.id.p, row.id.n);
		page->stopped = !each(context, &row);
	}
}

static int next_page(struct gate *gate, struct page *page, token_each *each, void *context, struct err *err)
{
	CLEANUP(wire_out_release) struct wire_out question = { 0 };
	struct wire_in in = { 0 };
	bool bad;

	wire_begin(&question, ASK_TOKEN_LIST, 0);
	if (page->last_n)
		wire_put_span(&question, span_of(page->last, page->last_n));
	if (gate_ask(gate, &question, &in, err) < 0)
		return -1;
	read_page(&in, page, each, context);
	bad = in.bad;
	wire_in_release(&in);
	return bad ? err_set(err, ERR_FORMAT, "%s", tr("the keeper's answer cannot be read")) : 0;
}

int token_rows_of_gate(const struct gate_paths *paths, token_each *each, void *context, struct err *err)
{
	CLEANUP(gate_close) struct gate gate = GATE_INIT;
	struct page page = { .n = 1 };

	if (gate_connect(&gate, paths, err) < 0)
		return -1;
	while (page.n && !page.stopped)
		if (next_page(&gate, &page, each, context, err) < 0)
			return -1;
	return 0;
}

int token_rows_of_store(const char *folder, token_each *each, void *context, struct err *err)
{
	CLEANUP(store_closep) struct store *store = NULL;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" STORE_FILE, folder);

	/* A store is not made by looking for one. */
	if (n < 0 || (size_t)n >= sizeof(path) || access(path, F_OK) < 0)
		return 0;
	if (store_open(folder, &store, err) < 0)
		return -1;
	return tokens_list(store, S(""), each, context, err);
}
