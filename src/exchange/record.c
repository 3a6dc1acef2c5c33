/* record.c - what an exchange leaves in the audit log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"

#include "audit/config_record.h"
#include "audit/ring.h"
#include "base/clock.h"
#include "exchange/client.h"
#include "json/write.h"

static void describe(const struct exchange *x, struct audit_record *record)
{
	const struct client *client = x->client;

	record->wall_ms = clock_wall_ms();
	record->call = x->number;
	record->principal = client->principal->id;
	record->client = span_str(client->name);
	record->transport = client->transport;
	record->revision = revision_name(x->revision);
	record->session = span_str(client->ref);
	record->server = x->server ? server_shown(x->server) : S("");
	record->method = x->message.json ? x->message.method_raw : method_info(x->method)->name;
	record->name = x->own_name;
}

bool record_possible(const struct worker *worker)
{
	return worker->has_audit_key && worker->ring && ring_failure(worker->ring) == 0 &&
	       ring_waiting(worker->ring) + RING_RECORD_MAX <= worker->ring->size;
}

/* The ring has one producer: the threads are it in turns. */
static bool put_line(struct worker *worker)
{
	struct crew *crew = worker->crew;
	bool put;

	if (!worker->ring || crew->n == 1)
		return worker->ring && ring_put(worker->ring, buf_span(&worker->line));
	(void)pthread_mutex_lock(&crew->ring_lock);
	put = ring_put(worker->ring, buf_span(&worker->line));
	(void)pthread_mutex_unlock(&crew->ring_lock);
	return put;
}

static bool put(struct exchange *x, const struct audit_record *record)
{
	struct worker *worker = x->worker;

	buf_clear(&worker->line);
	return worker->has_audit_key && record_add(record, worker->audit_key, &worker->line) &&
	       put_line(worker);
}

/* The arguments exactly as they will leave: without white space, numbers and strings as written. */
static void add_arguments(const struct exchange *x, struct audit_record *record, struct buf *forwarded)
{
	const struct json *json = x->message.json;

	if (!json || x->message.params == JSON_NONE)
		return;
	record->arguments = json_get(json, x->message.params, S("arguments"));
	if (record->arguments == JSON_NONE)
		return;
	record->json = json;
	if (json->compact)
		return;
	json_emit(forwarded, json, record->arguments, NULL, 0);
	record->forwarded = buf_span(forwarded);
}

static bool note_limits(struct worker *worker, const struct config_record *record)
{
	const struct limits *now = &worker->limits;
	const struct config_limit limits[] = {
		{ "body_bytes", now->body_bytes },
		{ "result_bytes", now->result_bytes },
		{ "sessions", now->sessions },
		{ "sessions_per_principal", now->sessions_per_principal },
		{ "processes_per_principal", now->processes_per_principal },
		{ "calls", now->calls },
		{ "calls_per_client", now->calls_per_client },
		{ "calls_per_principal", now->calls_per_principal },
		{ "held_bytes", now->held_bytes },
		{ "call_total_ms", now->call_total_ms },
	};

	buf_clear(&worker->line);
	return config_record_add_limits(record, limits, COUNT(limits), &worker->line) && put_line(worker);
}

static bool note_rules(struct worker *worker, const struct config_record *record,
		       const struct config_server *rules)
{
	size_t from = 0;

	do {
		buf_clear(&worker->line);
		if (!config_record_add_server(record, rules, &from, &worker->line) || !put_line(worker))
			return false;
	} while (from < rules->rules.n_deny + rules->rules.n_allow);
	return true;
}

static bool note_server(struct worker *worker, const struct config_record *record,
			const struct server *server)
{
	return note_rules(worker, record,
			  &(struct config_server){ .name = server_shown(server),
						   .reached = server_kind_name(server->kind),
						   .for_one_host = server->ephemeral,
						   .rules = server->rules });
}

/* Under the name of its endpoint. Without `tools.allow` it lets all tools of its servers through. */
static bool note_view(struct worker *worker, const struct config_record *record, const struct selection *view)
{
	static const struct tool_rule any = { .glob = SPAN("*") };
	CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)256);
	struct config_server rules = { .reached = S("view"), .rules = view->rules };

	if (view->all_tools) {
		rules.rules.allow = &any;
		rules.rules.n_allow = 1;
	}
	buf_add(&name, S("view/"));
	buf_add(&name, view->name);
	rules.name = buf_span(&name);
	return note_rules(worker, record, &rules);
}

static bool note_views(struct worker *worker, const struct config_record *record)
{
	for (size_t i = 0; i < worker->views.n; i++)
		if (!note_view(worker, record, &worker->views.all[i]))
			return false;
	return true;
}

/* What found no room in the ring is tried again with the next decision. */
static bool config_is_noted(struct worker *worker)
{
	struct config_record record = { .config = worker->config_digest };
	bool by_another;

	if (worker->config_noted || worker->config_number == 0)
		return true;
	record.wall_ms = clock_wall_ms();
	/* Once is enough for all threads; a server that one host has is its own thread's to note. */
	by_another = worker->crew->noted >= worker->config_number;
	if (!by_another && worker->limits_noted != worker->config_number &&
	    (!note_limits(worker, &record) || !note_views(worker, &record)))
		return false;
	worker->limits_noted = worker->config_number;
	LIST_EACH(&worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		if (server->rules_noted == worker->config_number || (by_another && !server->ephemeral))
			continue;
		if (!note_server(worker, &record, server))
			return false;
		server->rules_noted = worker->config_number;
	}
	worker->config_noted = true;
	if (worker->crew->noted < worker->config_number)
		worker->crew->noted = worker->config_number;
	return true;
}

void record_config(struct worker *worker)
{
	worker->config_noted = false;
	(void)config_is_noted(worker);
}

bool record_decision(struct exchange *x, bool allowed, const char *code)
{
	struct audit_record record = AUDIT_RECORD_INIT;
	CLEANUP(buf_release) struct buf forwarded = BUF_INIT(x->worker->limits.body_bytes);
	char rule_text[256];
	struct buf rule = buf_over(rule_text, sizeof(rule_text));

	describe(x, &record);
	record.kind = S("decision");
	record.decision = allowed ? RECORD_ALLOW : RECORD_DENY;
	record.code = span_str(code);
	add_arguments(x, &record, &forwarded);
	if (x->decision.list) {
		buf_add(&rule, span_str(x->decision.list));
		buf_add(&rule, x->decision.glob.n ? S(" ") : S(""));
		buf_add(&rule, span_first(x->decision.glob, 200));
		record.rule = buf_span(&rule);
		record.rule_line = x->decision.line;
	}
	record.config = x->worker->config_digest;
	record.scopes = x->client->principal->scopes;
	if (x->tool && x->catalogue)
		record.definition = catalogue_digest(x->catalogue, x->tool);
	if (!config_is_noted(x->worker) || !put(x, &record))
		return false;
	x->recorded = allowed;
	return true;
}

void record_outcome(struct exchange *x, const char *outcome, const char *code, size_t bytes)
{
	struct audit_record record = AUDIT_RECORD_INIT;

	describe(x, &record);
	record.kind = S("outcome");
	record.outcome = span_str(outcome);
	record.code = span_str(code);
	record.result_bytes = bytes;
	record.duration_us = clock_mono_us() - x->started_us;
	/* The call has been made: that its end is not on record must not take the answer away. */
	if (!put(x, &record))
		x->worker->metrics.records_refused++;
}
