/* stages.c - the way of a message, step by step: the map of the program. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "crypto/digest.h"
#include "exchange/account.h"
#include "exchange/client.h"
#include "exchange/finding.h"
#include "exchange/owner.h"
#include "exchange/parked.h"
#include "exchange/round_state.h"
#include "exchange/subscription.h"
#include "exchange/task_run.h"
#include "exchange/view.h"
#include "mcp/params.h"
#include "mcp/translate.h"
#include "schema/schema.h"
#include "json/canonical.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/write.h"

static enum stage_result identify(struct exchange *x);
static enum stage_result admit(struct exchange *x);
static enum stage_result check_message(struct exchange *x);
static enum stage_result route(struct exchange *x);
static enum stage_result decide(struct exchange *x);
/*
 * spec: mcp/2026-07-28 transports: a mirrored parameter that is null is one that is absent, and is sent so by
 * clients. The arguments without those, on the second tape; `*at` and `*json` are left where there are none.
 */
static bool leave_out_nulls(struct exchange *x, const struct json **json, json_at *at, struct buf *store)
{
	struct edits edits = { .arena = &x->arena };

	for (size_t i = 0; i < x->tool->n_params && *at != JSON_NONE; i++) {
		json_at value = json_pointer(*json, *at, x->tool->params[i].pointer);

		if (value != JSON_NONE && json_is(*json, value, JSON_NULL))
			edits_add(&edits, (struct json_edit){ value - 1, JSON_DROP, S("") });
	}
	if (edits.n == 0)
		return !edits.over;
	json_emit(store, *json, *at, edits.list, edits.n);
	if (edits.over || !buf_ok(store) || !json_parse(&x->worker->side, buf_span(store), store->n))
		return false;
	*json = &x->worker->side;
	*at = 0;
	return true;
}

static enum stage_result validate(struct exchange *x);
static enum stage_result record(struct exchange *x);
static enum stage_result resume(struct exchange *x);

/*
 * From the client to the server. The order is meaning: nobody unidentified costs more than a
 * token's look-up, nothing is looked at that breaks the protocol, a tool that is hidden is refused
 * before its arguments are read, and no call leaves before it is recorded. To decide, the server's
 * list is needed, and so `route` opens the connection before `record`: a server may be started,
 * greeted and asked for its list for a call that is then refused. It is not where nothing could be
 * recorded: `route` refuses that first. What comes back passes exchange_receive() below: checked,
 * recorded, replied.
 */
const struct stage stages[] = {
	{ "identify", identify }, { "admit", admit },	{ "check", check_message },
	{ "route", route },	  { "decide", decide }, { "validate", validate },
	{ "resume", resume },	  { "record", record }, { "forward", exchange_forward },
};
const unsigned n_stages = COUNT(stages);

static enum stage_result refused(struct exchange *x, unsigned status, int error, const char *code,
				 struct span text)
{
	x->worker->metrics.denied++;
	exchange_refuse(x, status, error, code, text, S(""));
	return STAGE_DONE;
}

/* --- identify: the front has found the principal; here it must be one that may come this way --- */

static enum stage_result identify(struct exchange *x)
{
	struct client *client = x->client;

	if (client->closed)
		return refused(x, 404, -32001, "K506", S("Session not found"));
	if (x->only &&
	    (!client_selects(client, x->only) ||
	     (!client_sees(client, x->only) && !principal_may_use(client->principal, x->only->name))))
		return refused(x, 403, -32600, "K503", S("Your token does not cover this server"));
	return STAGE_NEXT;
}

/* --- admit: limits --- */

static enum stage_result admit(struct exchange *x)
{
	struct span full;

	if (x->worker->draining)
		return refused(x, 503, -32603, "K802", S("The gate is shutting down; try again in a moment"));
	if (x->client->n_exchanges > x->worker->limits.calls_per_client ||
	    x->client->account->n_calls > x->worker->limits.calls_per_principal ||
	    x->worker->crew->n_calls > x->worker->limits.calls)
		return refused(x, 429, -32603, "K801",
			       S("Too many calls at once; wait for one to end, then retry"));
	full = account_is_full(x->client->account, 0);
	if (full.n)
		return refused(x, 429, -32603, "K801", full);
	return STAGE_NEXT;
}

/* --- check: method, direction, era, shape --- */

/* However it is written: the same capabilities have the same key, where they are not long. */
static uint64_t key_of(const struct json *json, json_at capabilities)
{
	char store[2048];
	struct buf canonical = buf_over(store, sizeof(store));
	uint8_t digest[DIGEST_BYTES];
	struct err err = ERR_INIT;
	uint64_t key;

	if (json_canonical(&canonical, json, capabilities, &err) < 0)
		digest_blake2b(json_raw(json, capabilities), digest);
	else
		digest_blake2b(buf_span(&canonical), digest);
	memcpy(&key, digest, sizeof(key));
	return key;
}

static enum stage_result check_claim(struct exchange *x)
{
	struct message_claim claim = message_claim(&x->message);
	CLEANUP(buf_release) struct buf data = BUF_INIT((size_t)1024);

	if (claim.version == JSON_NONE)
		return refused(x, 400, -32602, "K602", S("params._meta lacks \"" META_VERSION "\""));
	if (!json_string_is(x->message.json, claim.version, revision_name(REVISION_2026_07_28))) {
		buf_add(&data, S("\"supported\":[\"2026-07-28\"],\"requested\":"));
		buf_add(&data, span_first(json_raw(x->message.json, claim.version), 200));
		x->worker->metrics.denied++;
		exchange_refuse(x, 400, -32022, "K603", S("Unsupported protocol version"), buf_span(&data));
		return STAGE_DONE;
	}
	if (claim.capabilities == JSON_NONE)
		return refused(x, 400, -32602, "K602", S("params._meta lacks \"" META_CAPABILITIES "\""));
	if (claim.log_level != JSON_NONE) {
		x->log_level = json_is(x->message.json, claim.log_level, JSON_STRING)
				   ? level_of(json_string_raw(x->message.json, claim.log_level))
				   : LEVEL_NONE;
		if (!x->log_level)
			return refused(x, 400, -32602, "K605", S("Invalid params: no such log level"));
	}
	x->declared = client_capabilities(x->message.json, claim.capabilities);
	x->hello_key = key_of(x->message.json, claim.capabilities);
	return STAGE_NEXT;
}

/* The member of params the method is about (tool, prompt, URI), decoded into the arena. */
static bool take_name(struct exchange *x, struct span member)
{
	const struct json *json = x->message.json;
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)64 * 1024);
	json_at at = x->message.params == JSON_NONE ? JSON_NONE : json_get(json, x->message.params, member);

	if (!json_is(json, at, JSON_STRING))
		return false;
	x->name = arena_dup(&x->arena, json_string(json, at, &scratch));
	x->own_name = x->name;
	return x->name.p != NULL;
}

/* spec: mcp/2025-11-25 tools: input that does not fit is a tool execution error, not a protocol error. */
static enum stage_result bad_arguments(struct exchange *x, struct span text)
{
	CLEANUP(buf_release) struct buf result = BUF_INIT((size_t)8192);

	x->worker->metrics.denied++;
	if (x->revision < REVISION_2025_11_25) {
		exchange_refuse(x, 200, -32602, "K606", text, S(""));
		return STAGE_DONE;
	}
	(void)record_decision(x, false, "K606");
	buf_add(&result, S("{\"content\":[{\"type\":\"text\",\"text\":"));
	json_add_string(&result, text);
	buf_add(&result, S("}],\"isError\":true"));
	if (x->revision >= REVISION_2026_07_28)
		buf_add(&result, S(",\"resultType\":\"complete\""));
	buf_add_char(&result, '}');
	exchange_answer(x, &result);
	return STAGE_DONE;
}

/* What is judged, recorded and sent from here on is the call inside. */
static enum stage_result take_call_out(struct exchange *x)
{
	CLEANUP(buf_release) struct buf fault = BUF_INIT((size_t)2048);

	if (finding_unwrap(x, &fault))
		return STAGE_NEXT;
	if (fault.n)
		return bad_arguments(x, buf_span(&fault));
	return refused(x, 503, -32603, "K803", S("The gate has no memory for the call"));
}

static enum stage_result check_message(struct exchange *x)
{
	const struct method_info *info = method_info(x->method);
	enum stage_result result = STAGE_NEXT;
	const char *fault;

	if (x->revision >= REVISION_2026_07_28)
		result = check_claim(x);
	if (result != STAGE_NEXT)
		return result;
	if (!method_allowed(x->method, x->revision, METHOD_FROM_CLIENT) ||
	    (info->flags & METHOD_NOTIFICATION))
		return refused(x, exchange_status(x, -32601), -32601, "K601", S("Method not found"));
	if (info->named_by.n && !take_name(x, info->named_by))
		return refused(x, 200, -32602, "K605", S("Invalid params: what the method names is missing"));
	fault = params_fault(&x->message);
	if (fault)
		return refused(x, 200, -32602, "K605", span_str(fault));
	return finding_is_call(x) ? take_call_out(x) : STAGE_NEXT;
}

/* --- route: which server, and a live connection to it --- */

static enum stage_result unrecordable(struct exchange *x)
{
	x->worker->metrics.records_refused++;
	return refused(
	    x, 503, -32603, "K804",
	    S("The call cannot be recorded now, so it was not made. An operator must look at the audit log"));
}

/* "server__tool": the server's own names never hold "__". */
static bool split_name(struct exchange *x, struct span *server)
{
	for (size_t i = 1; i + 2 < x->name.n; i++) {
		if (x->name.p[i] != '_' || x->name.p[i + 1] != '_')
			continue;
		*server = span_first(x->name, i);
		x->own_name = span_skip(x->name, i + 2);
		return true;
	}
	return false;
}

static enum stage_result unknown_name(struct exchange *x)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1024);

	buf_add(&text, x->method == METHOD_TOOLS_CALL ? S("Unknown tool: ") : S("Unknown prompt: "));
	buf_add(&text, span_first(x->name, 256));
	return refused(x, 200, -32602, NULL, buf_span(&text));
}

static enum stage_result choose_server(struct exchange *x)
{
	struct span name = S("");
	struct server *server;

	/* The tasks of a process that all share are nobody's in particular: no client is offered any. */
	if (task_method(x->method) && x->only && server_is_shared(x->only))
		return refused(x, exchange_status(x, -32601), -32601, "K601", S("Method not found"));
	if (task_method(x->method)) {
		enum stage_result result = task_route(x);

		if (result != STAGE_NEXT || x->attachment)
			return result;
	}
	if (x->only)
		return attachment_choose(x, x->only);
	/* Whose a skill is, no name and no list says. */
	if (x->method == METHOD_SKILLS_LIST || x->method == METHOD_SKILLS_GET ||
	    x->method == METHOD_DIRECTORY_READ)
		return refused(x, exchange_status(x, -32601), -32601, "K601",
			       S("Method not found: for skills ask one server alone (/mcp/SERVER)"));
	if (!owner_take_reference(x))
		return refused(x, 200, -32602, "K605", S("Invalid params: what the method names is missing"));
	if (owner_is_asked(x))
		return owner_choose(x);
	if (!split_name(x, &name))
		return unknown_name(x);
	server = worker_server(x->worker, name);
	if (!server || !client_sees(x->client, server) ||
	    omission_of_name(name.n, x->own_name) != OMIT_NOTHING)
		return unknown_name(x);
	/* Of two prompts of one name neither can be meant; of tools the catalogue says the same. */
	if (x->method != METHOD_TOOLS_CALL && owner_omits(x, server))
		return unknown_name(x);
	return attachment_choose(x, server);
}

/*
 * A tool nobody has listed yet is looked up before it is called: without its schema the arguments
 * cannot be checked. A name the catalogue does not know is looked up once more, for servers that
 * add tools without a word; but not for every wrong name (at most once in two seconds).
 */
static enum stage_result need_tool(struct exchange *x)
{
	struct attachment *attachment = x->attachment;
	enum stage_result result;
	struct catalogue *catalogue;

	/* Without the capability there is no list to look it up in, and so no such tool. */
	if (!attachment->link->catalogue && !link_has_capability(attachment->link, S("tools")))
		return unknown_name(x);
	result = attachment_need_catalogue(x, false);
	if (result != STAGE_NEXT)
		return result;
	catalogue = attachment->link->catalogue;
	x->tool = catalogue_find(catalogue, x->own_name);
	if (!x->tool && !x->refetched && loop_now(&x->worker->loop) > attachment->fetched_ms + 2000) {
		result = attachment_need_catalogue(x, true);
		if (result == STAGE_WAIT)
			x->refetched = true;
		if (result != STAGE_NEXT)
			return result;
	}
	/* In a further round there is one from the round before. */
	(void)catalogue_unref(x->catalogue);
	x->catalogue = catalogue_ref(catalogue);
	return STAGE_NEXT;
}

static enum stage_result route(struct exchange *x)
{
	enum stage_result result;

	/* Asked anew after each wait: what follows starts servers and speaks to them. */
	if (!record_possible(x->worker))
		return unrecordable(x);
	if (local_method(x))
		return local_route(x);
	if (!x->attachment) {
		result = choose_server(x);
		if (result != STAGE_NEXT)
			return result;
	}
	if (x->waited != WAITED_LIST) {
		result = attachment_need_link(x);
		if (result != STAGE_NEXT)
			return result;
	}
	return x->method == METHOD_TOOLS_CALL ? need_tool(x) : STAGE_NEXT;
}

/* --- decide: the rules. A hidden tool and one that does not exist are answered alike --- */

static enum stage_result decide(struct exchange *x)
{
	if (x->method != METHOD_TOOLS_CALL || finding_is_asked(x)) {
		x->decision = (struct decision){ .verdict = VERDICT_ALLOW, .list = "protocol" };
		return STAGE_NEXT;
	}
	x->decision = view_decide(x->attachment, x->own_name);
	if (!x->tool || x->decision.verdict != VERDICT_ALLOW ||
	    (!x->only && x->tool->omission != OMIT_NOTHING))
		return unknown_name(x);
	return STAGE_NEXT;
}

/* --- validate: the arguments against the tool's inputSchema, the mirrored headers against both --- */

static struct span next_part(struct span *rest)
{
	return span_cut(rest, '\0');
}

static bool header_fits(const struct exchange *x, const struct header_param *param, json_at arguments)
{
	CLEANUP(buf_release) struct buf scratch = BUF_INIT((size_t)16384);
	struct span rest = x->mirrored;
	json_at at = arguments == JSON_NONE ? JSON_NONE
					    : json_pointer(x->message.json, arguments, param->pointer);
	struct span value;

	while (rest.n) {
		struct span name = next_part(&rest), raw = next_part(&rest);

		if (span_eq_nocase(name, param->header))
			return header_decode(raw, &scratch, &value) &&
			       header_param_matches(param, x->message.json, arguments, value);
	}
	return at == JSON_NONE || json_is(x->message.json, at, JSON_NULL);
}

static enum stage_result validate(struct exchange *x)
{
	static const char empty_object[] = "{}";
	struct schema_problem problem = { 0 };
	const struct schema *schema;
	const struct json *json = x->message.json;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)2048);
	CLEANUP(buf_release) struct buf plain = BUF_INIT(x->worker->limits.body_bytes);
	json_at arguments;

	if (x->method != METHOD_TOOLS_CALL)
		return STAGE_NEXT;
	arguments = json_get(json, x->message.params, S("arguments"));
	for (size_t i = 0; x->headers_checked && i < x->tool->n_params; i++)
		if (!header_fits(x, &x->tool->params[i], arguments)) {
			buf_addf(&text, "Header mismatch: %.*s does not match the arguments",
				 SPAN_ARG(x->tool->params[i].header));
			return refused(x, 400, -32020, "K607", buf_span(&text));
		}
	if (x->tool->bad_params && link_has_requests(x->attachment->link) &&
	    x->attachment->link->era == ERA_MODERN)
		return unknown_name(x);
	schema = catalogue_schema(x->catalogue, x->tool);
	if (!schema) {
		buf_addf(&text, "The tool %.*s cannot be used: its inputSchema is not one (%.*s)",
			 SPAN_ARG(span_first(x->name, 128)), SPAN_ARG(span_first(x->tool->problem, 300)));
		return refused(x, 200, -32603, "K608", buf_span(&text));
	}
	if (arguments == JSON_NONE) {
		check(json_parse(&x->worker->side, span_of(empty_object, 2), 2));
		json = &x->worker->side;
		arguments = 0;
	}
	if (x->tool->n_params && !leave_out_nulls(x, &json, &arguments, &plain))
		return refused(x, 503, -32603, "K803", S("The gate has no memory for the request"));
	switch (schema_check(schema, json, arguments, &problem)) {
	case SCHEMA_VALID:
		return STAGE_NEXT;
	case SCHEMA_INVALID:
		buf_addf(&text, "Invalid arguments for tool %.*s: %s", SPAN_ARG(span_first(x->name, 128)),
			 problem.text);
		return bad_arguments(x, buf_span(&text));
	case SCHEMA_TOO_COSTLY:
		break;
	}
	return refused(x, 200, -32603, "K609",
		       S("The arguments are too costly to check against the tool's schema"));
}

/* --- resume: a further round of a call is one of the same call, and of nobody else's --- */

static enum stage_result declined(struct exchange *x)
{
	static const char text[] = "The page that the server wanted opened was declined";

	return x->method == METHOD_TOOLS_CALL ? bad_arguments(x, span_str(text))
					      : refused(x, 200, -32603, "K618", span_str(text));
}

/* Has the user refused one of the pages the server wants opened? */
static bool has_declined(const struct exchange *x)
{
	const struct json *json = x->message.json;
	json_at responses = json_get(json, x->message.params, S("inputResponses"));

	if (!json_is(json, responses, JSON_OBJECT))
		return false;
	for (json_at name = json_first(json, responses); name != JSON_NONE;
	     name = json_next_key(json, responses, name)) {
		json_at action = json_is(json, name + 1, JSON_OBJECT) ? json_get(json, name + 1, S("action"))
								      : JSON_NONE;

		if (json_is(json, action, JSON_STRING) && !json_string_is(json, action, S("accept")))
			return true;
	}
	return false;
}

static enum stage_result resume(struct exchange *x)
{
	enum round_kind kind;
	struct span payload;

	if (x->client->era != ERA_MODERN || !(method_info(x->method)->flags & METHOD_MULTI_ROUND))
		return STAGE_NEXT;
	if (!round_key_make(x) || !round_state_open(x, &kind, &payload) ||
	    (kind == ROUND_PARKED && !parked_find(x, payload)))
		return refused(x, 200, -32602, "K618",
			       S("Invalid params: requestState is not of this request, or too old"));
	if (kind == ROUND_SERVER)
		x->state = payload;
	if (kind == ROUND_AGAIN && has_declined(x))
		return declined(x);
	return STAGE_NEXT;
}

/* --- record --- */

static enum stage_result record(struct exchange *x)
{
	/* A call that is made again in its rounds is one call. */
	if (x->recorded)
		return STAGE_NEXT;
	/* All that it keeps of its request is kept by now. */
	if (!exchange_charge(x))
		return refused(
		    x, 429, -32603, "K801",
		    S("Your calls and sessions hold as much memory as they may; wait for a call to end, "
		      "then retry"));
	return record_decision(x, true, NULL) ? STAGE_NEXT : unrecordable(x);
}

void exchange_repeat(struct exchange *x)
{
	for (x->stage = 0; stages[x->stage].run != route; x->stage++)
		;
	exchange_run(x);
}
