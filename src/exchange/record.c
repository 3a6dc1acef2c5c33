/* record.c - what an exchange leaves in the audit log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"

#include "audit/ring.h"
#include "base/clock.h"
#include "exchange/client.h"
#include "json/write.h"

static struct span transport_of(const struct client *client)
{
	return client->kind == CLIENT_STDIO ? S("stdio") : S("http");
}

static void describe(const struct exchange *x, struct audit_record *record)
{
	const struct client *client = x->client;

	record->wall_ms = clock_wall_ms();
	record->call = x->number;
	record->principal = client->principal->id;
	record->client = span_str(client->name);
	record->transport = transport_of(client);
	record->revision = revision_name(x->revision);
	record->session = span_str(client->ref);
	record->server = x->server ? x->server->name : S("");
	record->method = x->message.json ? x->message.method_raw : method_info(x->method)->name;
	record->name = x->own_name;
}

static bool put(struct exchange *x, const struct audit_record *record)
{
	struct worker *worker = x->worker;

	buf_clear(&worker->line);
	return worker->has_audit_key && record_add(record, worker->audit_key, &worker->line) &&
	       worker->ring && ring_put(worker->ring, buf_span(&worker->line));
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
	if (!put(x, &record))
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
