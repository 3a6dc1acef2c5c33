/* cmd_token.c - kanmon token: bearer tokens, created, listed, rotated, revoked. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/tr.h"
#include "cli/cmd.h"
#include "cli/gate.h"
#include "cli/output.h"
#include "cli/token_rows.h"
#include "identity/token.h"
#include "store/ask.h"
#include "store/keeper.h"
#include "json/write.h"

/*
 * The keeper's answer, from the running gate where there is one. Where there is none, this process
 * opens the store itself for a moment and answers its own question.
 */
struct answer {
	struct gate gate;
	struct wire_in in;
	struct wire_out own;
};

static void answer_release(struct answer *answer)
{
	wire_in_release(&answer->in);
	if (answer->own.bytes.p)
		secret_wipe(answer->own.bytes.p, answer->own.bytes.n);
	wire_out_release(&answer->own);
	gate_close(&answer->gate);
}

static int ask_store(const struct gate_paths *paths, const struct wire_out *question, struct answer *answer,
		     struct err *err)
{
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP(keeper_freep) struct keeper *keeper = NULL;
	struct keeper_options options = { .mint = &token_mint };
	struct wire_in in;
	char text[sizeof(err->text)];

	if (store_open(paths->data, &store, err) < 0)
		return -1;
	options.store = store;
	if (keeper_new(&options, &keeper, err) < 0)
		return -1;
	in = wire_in_of(question);
	keeper_answer(keeper, FROM_MANAGER, &in, &answer->own);
	answer->in = wire_in_of(&answer->own);
	if (answer->in.kind != ASK_REFUSED)
		return 0;
	if (!span_to_cstr(span_first(wire_get_span(&answer->in), sizeof(text) - 1), text, sizeof(text)))
		(void)snprintf(text, sizeof(text), "the store refused");
	return err_set(err, ERR_DENIED, "%s", text);
}

static int ask(const struct gate_paths *paths, struct wire_out *question, struct answer *answer,
	       struct err *err)
{
	*answer = (struct answer){ .gate = GATE_INIT };
	if (gate_connect(&answer->gate, paths, err) == 0)
		return gate_ask(&answer->gate, question, &answer->in, err);
	if (err->code != ERR_MISSING)
		return -1;
	*err = ERR_INIT;
	return ask_store(paths, question, answer, err);
}

static int print_made(struct answer *answer, const char *name, bool json)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)4096);
	struct span id = wire_get_span(&answer->in), token = wire_get_span(&answer->in);
	int rc;

	if (!wire_in_done(&answer->in))
		return cmd_fail(EXIT_FAILED, "%s", tr("the keeper's answer cannot be read"));
	/* Room at once: a buffer that grows leaves copies of the token behind. */
	(void)buf_reserve(&out, 1024);
	if (json) {
		buf_add_char(&out, '{');
		json_put_string(&out, S("id"), id);
		json_put_string(&out, S("token"), token);
		buf_add_char(&out, '}');
	} else {
		buf_add(&out, token);
	}
	buf_add_char(&out, '\n');
	rc = output_print(&out);
	secret_wipe(out.p, out.n);
	if (rc)
		return cmd_fail(rc, tr("token %.*s was not printed; make another: kanmon token rotate %s"),
				SPAN_ARG(id), name);
	if (!json)
		(void)fprintf(stderr, tr("token %.*s; it is shown this once and kept only as a hash\n"),
			      SPAN_ARG(id));
	return EXIT_OK;
}

static void print_time(uint64_t ms, const char *otherwise, char out[32])
{
	struct buf text = { .p = out, .cap = 31, .max = 31 };

	if (ms)
		clock_add_rfc3339(&text, ms);
	else
		buf_add(&text, span_str(otherwise));
	out[text.n > 20 ? 10 : text.n] = '\0';
}

static const char *state_of(const struct token_row *row)
{
	if (row->revoked)
		return TR_MARK("revoked");
	return row->expiry && row->expiry <= clock_wall_ms() ? TR_MARK("expired") : TR_MARK("live");
}

enum { LIST_COLUMNS = 7 };

static void add_line(struct buf *out, const struct span cells[LIST_COLUMNS])
{
	static const size_t widths[LIST_COLUMNS - 1] = { 12, 22, 22, 12, 12, 12 };

	for (size_t i = 0; i + 1 < LIST_COLUMNS; i++)
		output_cell(out, cells[i], widths[i]);
	buf_add(out, cells[LIST_COLUMNS - 1]);
	buf_add_char(out, '\n');
}

static void add_head(struct buf *out)
{
	const struct span cells[LIST_COLUMNS] = { S("ID"),
						  span_str(tr("NAME")),
						  span_str(tr("SCOPES")),
						  span_str(tr("CREATED")),
						  span_str(tr("EXPIRES")),
						  span_str(tr("USED")),
						  span_str(tr("STATE")) };

	add_line(out, cells);
}

static void add_text_row(struct buf *out, const struct token_row *row)
{
	char created[32], expiry[32], used[32];

	print_time(row->created, "-", created);
	print_time(row->expiry, tr("never"), expiry);
	print_time(row->last_used, tr("never"), used);
	add_line(out, (const struct span[LIST_COLUMNS]){ row->id, row->name, row->scopes, span_str(created),
							 span_str(expiry), span_str(used),
							 span_str(tr(state_of(row))) });
}

static void add_row(struct buf *out, const struct token_row *row)
{
	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("id"), row->id);
	json_put_string(out, S("name"), row->name);
	json_put_string(out, S("scopes"), row->scopes);
	json_put_u64(out, S("created_ms"), row->created);
	json_put_u64(out, S("expires_ms"), row->expiry);
	json_put_u64(out, S("used_ms"), row->last_used);
	json_put_u64(out, S("revoked_ms"), row->revoked);
	json_put_string(out, S("state"), span_str(state_of(row)));
	buf_add_char(out, '}');
}

enum { LIST_BYTES = 64 * 1024 * 1024 };

struct listing {
	struct buf text;
	bool json;
};

static bool list_row(void *context, const struct token_row *row)
{
	struct listing *listing = context;

	if (listing->json)
		add_row(&listing->text, row);
	else
		add_text_row(&listing->text, row);
	return true;
}

static int print_list(const struct gate_paths *paths, bool json)
{
	struct listing listing = { .text = BUF_INIT(LIST_BYTES), .json = json };
	struct err err = ERR_INIT;
	int rc;

	if (json)
		buf_add_char(&listing.text, '[');
	else
		add_head(&listing.text);
	rc = token_rows_of_gate(paths, list_row, &listing, &err);
	if (rc < 0 && err.code == ERR_MISSING) {
		err = ERR_INIT;
		rc = token_rows_of_store(paths->data, list_row, &listing, &err);
	}
	if (json)
		buf_add(&listing.text, S("]\n"));
	if (rc == 0 && !buf_ok(&listing.text))
		rc = err_set(&err, ERR_LIMIT, "%s", tr("there are too many tokens for one list"));
	rc = rc < 0 ? cmd_fail(EXIT_FAILED, "%s", err.text) : output_print(&listing.text);
	buf_release(&listing.text);
	return rc;
}

static int answer_question(const struct gate_paths *paths, struct wire_out *question, const char *name,
			   bool json)
{
	struct answer answer;
	struct err err = ERR_INIT;
	int rc = EXIT_OK;

	if (ask(paths, question, &answer, &err) < 0)
		rc = cmd_fail(EXIT_FAILED, "%s", err.text);
	else if (answer.in.kind == ASK_TOKEN_MADE)
		rc = print_made(&answer, name, json);
	else
		(void)fprintf(stderr, "%s\n", tr("revoked; it is refused from now on"));
	answer_release(&answer);
	return rc;
}

/* A view is one more scope, which takes away instead of giving. */
static void add_scopes(const struct options *options, struct buf *out)
{
	const char *scope = option_value(options, "scope"), *view = option_value(options, "view");

	buf_add(out, scope ? span_str(scope) : TOKEN_DEFAULT_SCOPES);
	if (view)
		buf_addf(out, " view:%s", view);
}

static int put_create(const struct options *options, struct wire_out *out)
{
	const char *expires = option_value(options, "expires");
	CLEANUP(buf_release) struct buf scopes = BUF_INIT((size_t)4096);
	uint64_t expiry = 0;
	struct err err = ERR_INIT;

	add_scopes(options, &scopes);
	if (!buf_ok(&scopes) || token_scopes_check(buf_span(&scopes), &err) < 0)
		return cmd_usage_error(&cmd_token, "--%s: %s",
				       option_value(options, "scope") ? "scope" : "view", err.text);
	if (expires && token_expiry(span_str(expires), clock_wall_ms(), &expiry, &err) < 0)
		return cmd_usage_error(&cmd_token, "--expires: %s", err.text);
	wire_begin(out, ASK_TOKEN_CREATE, 0);
	wire_put_span(out, span_str(options->words[1]));
	wire_put_span(out, buf_span(&scopes));
	wire_put_u64(out, expiry);
	return 0;
}

/* What is given and says nothing was meant to say something. */
static int refuse_for_create(const struct options *options)
{
	static const char *const names[] = { "scope", "expires", "view" };
	const char *unused = NULL;

	for (size_t i = 0; i < COUNT(names) && !unused; i++)
		unused = option_value(options, names[i]) ? names[i] : NULL;
	if (!unused)
		return 0;
	return cmd_usage_error(&cmd_token, tr("the option --%s is for token create, not for token %s"),
			       unused, options->words[0]);
}

static int put_question(const struct options *options, struct wire_out *out)
{
	struct span verb = options->n_words ? span_str(options->words[0]) : S("");
	bool list = span_eq(verb, S("list"));

	if (verb.n == 0)
		return cmd_usage_error(&cmd_token, "%s",
				       tr("token needs one of: create, list, rotate, revoke"));
	if (options->n_words != (list ? 1 : 2))
		return cmd_usage_error(&cmd_token, tr("token %s needs %s"), options->words[0],
				       list ? tr("nothing more") : tr("one name or id"));
	if (span_eq(verb, S("create")))
		return put_create(options, out);
	if (!list && !span_eq(verb, S("rotate")) && !span_eq(verb, S("revoke")))
		return cmd_usage_error(&cmd_token,
				       tr("token has no verb %s; it has create, list, rotate, revoke"),
				       options->words[0]);
	if (!list) {
		wire_begin(out, span_eq(verb, S("rotate")) ? ASK_TOKEN_ROTATE : ASK_TOKEN_REVOKE, 0);
		wire_put_span(out, span_str(options->words[1]));
	}
	return refuse_for_create(options);
}

/* The server may come later; it may also be misspelt. */
static void note_scopes(const struct options *options, const struct gate_config *config)
{
	const char *scope = option_value(options, "scope");
	struct span scopes = span_str(scope);

	while (scope && config->conf && scopes.n) {
		struct span one = span_cut(&scopes, ' '), server = span_skip(one, 4);

		if (server.n == 0 || !span_starts(one, S("mcp:")) || gate_config_server(config, server))
			continue;
		(void)fprintf(stderr, "%s: ", tr("note"));
		(void)fprintf(
		    stderr,
		    tr("no server of the config is called %.*s, to which mcp:%.*s would give access\n"),
		    SPAN_ARG(server), SPAN_ARG(server));
	}
}

/* A token for a view that is not there would be refused each time it is shown. */
static int refuse_view(const struct options *options, const struct gate_config *config)
{
	CLEANUP(buf_release) struct buf scopes = BUF_INIT((size_t)4096);
	struct span view;

	add_scopes(options, &scopes);
	view = token_scopes_view(buf_span(&scopes));
	if (view.n == 0 || !config->conf)
		return 0;
	for (const struct conf_node *at = conf_get_first(conf_root(config->conf), "views"); at;
	     at = conf_next(at))
		if (span_eq(conf_name(at), view))
			return 0;
	return cmd_usage_error(&cmd_token, tr("no view of the config is called %.*s"), SPAN_ARG(view));
}

static bool is_made_by(const struct wire_out *question)
{
	uint32_t kind = question->bytes.n ? wire_in_of(question).kind : 0;

	return kind == ASK_TOKEN_CREATE || kind == ASK_TOKEN_ROTATE;
}

static int run(const struct options *options)
{
	struct gate_config config;
	CLEANUP(wire_out_release) struct wire_out question = { 0 };
	bool json, broken;
	int rc = put_question(options, &question);

	if (rc == 0)
		rc = output_form(&cmd_token, options, &json);
	/* A token is shown once: where it cannot be, none is made. */
	if (rc == 0 && is_made_by(&question))
		rc = output_check();
	if (rc)
		return rc;
	/* A file that may not grow is an error of write(2), with a sentence, and no sudden death. */
	(void)signal(SIGXFSZ, SIG_IGN);
	rc = gate_load_running(options, &config, &broken);
	if (rc)
		return rc;
	rc = refuse_view(options, &config);
	if (rc) {
		gate_config_release(&config);
		return rc;
	}
	rc = question.bytes.n ? answer_question(&config.paths, &question, options->words[1], json)
			      : print_list(&config.paths, json);
	if (rc == 0)
		note_scopes(options, &config);
	gate_config_release(&config);
	return rc;
}

static const struct option table[] = {
	OPTION_CONFIG,
	OPTION_DATA,
	OPTION_OUTPUT,
	{ 0, "scope", "SCOPES", false,
	  TR_MARK("create: mcp (all servers) or mcp:SERVER, separated by spaces") },
	{ 0, "view", "VIEW", false, TR_MARK("create: only what this view of the config has") },
	{ 0, "expires", "TIME", false, TR_MARK("create: 12h, 30d, 1y or never (the default)") },
	{ 0 },
};

static const char *const examples[] = { TR_MARK("A token for one server, for a month:"),
					"kanmon token create laptop --scope mcp:files --expires 30d",
					TR_MARK("What there is, and when it was last used:"),
					"kanmon token list", NULL };

static const char *const verbs[] = { "create", "list", "rotate", "revoke", NULL };

const struct cmd cmd_token = { .name = "token",
			       .summary = TR_MARK("bearer tokens: create, list, rotate, revoke"),
			       .usage = "create NAME | list | rotate NAME | revoke NAME  [-c FILE]",
			       .examples = examples,
			       .options = table,
			       .words = verbs,
			       .run = run };
