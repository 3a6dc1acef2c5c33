/* front_http.c - clients over Streamable HTTP: the door, and which way a message goes from there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/front_http.h"

#include <stdlib.h>

#include "audit/ring.h"
#include "base/check.h"
#include "base/zeroed.h"
#include "exchange/token_cache.h"
#include "exchange/visit.h"
#include "http/move.h"
#include "json/write.h"

/* spec: RFC 6750 section 3: the challenge names the scheme, and the error where a token was given. */
static void challenge(const struct visit *visit, bool given)
{
	const struct http_header header = {
		S("WWW-Authenticate"),
		given
		    ? S("Bearer realm=\"kanmon\", error=\"invalid_token\", error_description=\"The token is unknown, "
			"expired or revoked\"")
		    : S("Bearer realm=\"kanmon\"")
	};

	visit->worker->metrics.refused_front++;
	visit_reply(
	    visit->request, 401,
	    given
		? S("{\"error\":\"invalid_token\",\"error_description\":\"The token is unknown, expired or "
		    "revoked (K502). Create one with: kanmon token create NAME\"}")
		: S("{\"error\":\"invalid_request\",\"error_description\":\"Send Authorization: Bearer TOKEN "
		    "(K501). Create one with: kanmon token create NAME\"}"),
	    &header, 1);
}

/* --- POST --- */

static bool is_modern(const struct visit *visit, const struct message *message)
{
	struct span version = http_known(visit->head, HTTP_HEADER_MCP_PROTOCOL_VERSION);

	return (version.p && revision_text_is_modern(version)) || message_claim(message).any;
}

static void bad_json(const struct visit *visit)
{
	const struct json *json = &visit->worker->json;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)512);

	visit->worker->metrics.malformed++;
	buf_addf(&text, "Parse error at byte %u: %s", json->reason_off, json_reason_text(json->reason));
	visit_refuse(visit, 400, S(""), -32700, "K613", buf_span(&text));
}

/* Is the body of a POST of the media type that is served? False: it is answered. */
static bool body_fits(const struct visit *visit)
{
	struct span coding = http_known(visit->head, HTTP_HEADER_CONTENT_ENCODING);

	if (coding.n && !span_eq_nocase(coding, S("identity"))) {
		visit_refuse(visit, 415, S(""), -32000, "K507",
			     S("Content-Encoding is not taken: send plain JSON"));
		return false;
	}
	if (!door_is_json(http_known(visit->head, HTTP_HEADER_CONTENT_TYPE))) {
		visit_refuse(visit, 415, S(""), -32000, "K507", S("Content-Type must be application/json"));
		return false;
	}
	return true;
}

/* Are the media types of a POST those that are served? False: it is answered. */
static bool types_fit(struct visit *visit)
{
	struct span accept = http_known(visit->head, HTTP_HEADER_ACCEPT);

	if (!body_fits(visit))
		return false;
	/* What is answered comes on the session's stream. */
	if (visit->way == DOOR_MESSAGES)
		return true;
	visit->events = door_accepts(accept, S("text/event-stream"));
	if (!visit->events && !door_accepts(accept, S("application/json"))) {
		visit_refuse(visit, 406, S(""), -32000, "K508",
			     S("Accept must take application/json and text/event-stream"));
		return false;
	}
	return true;
}

static void visit_post(struct visit *visit)
{
	struct worker *worker = visit->worker;
	struct json *json = &worker->json;
	struct message message;
	enum message_verdict verdict;

	if (!types_fit(visit))
		return;
	if (!json_parse(json, visit->body, worker->limits.body_bytes)) {
		bad_json(visit);
		return;
	}
	if (json_is(json, 0, JSON_ARRAY)) {
		visit_batch(visit, json);
		return;
	}
	verdict = message_read(json, 0, &message);
	if (verdict != MESSAGE_OK) {
		worker->metrics.malformed++;
		visit_refuse(visit, 400, message_token(json, message.id), -32600, "K614",
			     span_str(message_verdict_text(verdict)));
		return;
	}
	if (is_modern(visit, &message))
		visit_modern(visit, &message);
	else
		visit_legacy(visit, &message);
}

/* --- the door --- */

/* One that does not exist and one the token does not cover are answered alike. */
static bool may_use_view(const struct visit *visit)
{
	const struct selection *view = worker_view(visit->worker, visit->view);
	struct span bound = principal_view(visit->principal);

	if (!view || (bound.n && !span_eq(bound, visit->view)))
		return false;
	for (size_t i = 0; i < view->n_servers; i++)
		if (principal_may_use(visit->principal, view->servers[i]))
			return true;
	return false;
}

static struct span methods_of(const struct visit *visit)
{
	if (visit->way == DOOR_MCP)
		return S("POST, GET, DELETE");
	return visit->way == DOOR_SSE ? S("GET") : S("POST");
}

/* False: it is answered. */
static bool method_fits(const struct visit *visit)
{
	enum http_method method = visit->head->method;

	if (method == HTTP_METHOD_POST && visit->way != DOOR_SSE)
		return true;
	if (method == HTTP_METHOD_GET && visit->way != DOOR_MESSAGES)
		return true;
	if (method == HTTP_METHOD_DELETE && visit->way == DOOR_MCP)
		return true;
	visit_refuse_method(visit, methods_of(visit));
	return false;
}

/* The caller's sessions are another thread's: there the request begins anew. */
static void go_home(const struct visit *visit, struct worker *home)
{
	if (!http_request_move(visit->request, home->http))
		visit_refuse(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
}

static void identified(struct visit *visit, struct span server)
{
	struct span bound = principal_view(visit->principal);
	struct worker *home = crew_home(visit->worker, visit->principal->id);

	http_request_trust(visit->request);
	if (home != visit->worker) {
		go_home(visit, home);
		return;
	}
	if (bound.n && !worker_view(visit->worker, bound)) {
		visit_refuse(visit, 403, S(""), -32600, "K503",
			     S("Your token is bound to a view that the config does not have (any more)"));
		return;
	}
	if (span_starts(server, DOOR_VIEW)) {
		visit->view = span_skip(server, DOOR_VIEW.n);
		if (!may_use_view(visit)) {
			visit_refuse(visit, 404, S(""), -32600, "K503",
				     S("No such view here, or your token does not cover it"));
			return;
		}
	} else if (server.n) {
		visit->only = worker_server(visit->worker, server);
		/* One that does not exist and one the token does not cover are answered alike. */
		if (!visit->only || visit->only->ephemeral || !principal_may_use(visit->principal, server)) {
			visit_refuse(visit, 404, S(""), -32600, "K503",
				     S("No such server here, or your token does not cover it"));
			return;
		}
	}
	if (!method_fits(visit))
		return;
	if (visit->way == DOOR_SSE)
		visit_sse(visit);
	else if (visit->head->websocket)
		visit_websocket(visit);
	else if (visit->head->method == HTTP_METHOD_GET)
		visit_get(visit);
	else if (visit->head->method == HTTP_METHOD_DELETE)
		visit_delete(visit);
	else if (visit->way == DOOR_MCP)
		visit_post(visit);
	else if (types_fit(visit))
		visit_sse_message(visit);
}

/* A request whose token the keeper is being asked about. */
struct caller {
	struct token_wait wait;
	struct visit visit;
};

static void caller_gone(void *user)
{
	struct caller *caller = user;

	token_wait_cancel(&caller->wait);
	free(caller);
}

static void caller_known(struct token_wait *wait, struct principal *principal, bool reachable)
{
	struct caller *caller = LIST_ENTRY(wait, struct caller, wait);
	struct visit visit = caller->visit;
	struct span server;

	http_request_watch(visit.request, NULL, NULL);
	free(caller);
	if (!reachable) {
		visit_refuse(&visit, 503, S(""), -32603, "K805",
			     S("The gate cannot check tokens now; try again"));
		return;
	}
	if (!principal) {
		challenge(&visit, true);
		return;
	}
	visit.principal = principal;
	check(door_way(visit.head->path, &server) == visit.way);
	identified(&visit, server);
}

static void ask_who(const struct visit *visit, struct span token, struct span server)
{
	static const struct http_request_events events = { .on_gone = caller_gone };
	struct caller *caller = zeroed(sizeof(*caller));
	struct visit known = *visit;
	enum token_state state = TOKEN_BUSY;

	if (caller)
		state = token_cache_find(visit->worker->tokens, token, &caller->wait, &known.principal);
	if (state == TOKEN_PENDING) {
		caller->wait.done = caller_known;
		caller->visit = *visit;
		if (http_request_keep(visit->request, &caller->visit.head, &caller->visit.body)) {
			http_request_watch(visit->request, &events, caller);
			return;
		}
		token_wait_cancel(&caller->wait);
		state = TOKEN_BUSY;
	}
	free(caller);
	if (state == TOKEN_GOOD)
		identified(&known, server);
	else if (state == TOKEN_BAD)
		challenge(visit, true);
	else
		visit_refuse(visit, 503, S(""), -32603, "K805",
			     S("The gate cannot check tokens now; try again"));
}

static bool is_ready(const struct worker *worker)
{
	return worker->keeper && worker->upstream.launcher && worker->upstream.egress && !worker->draining &&
	       worker->ring && ring_failure(worker->ring) == 0;
}

static bool answer_health(const struct visit *visit)
{
	bool ready;

	if (visit->head->method != HTTP_METHOD_GET)
		return false;
	if (span_eq(visit->head->path, S("/healthz"))) {
		visit_reply(visit->request, 200, S("{\"status\":\"ok\"}"), NULL, 0);
		return true;
	}
	if (!span_eq(visit->head->path, S("/readyz")))
		return false;
	ready = is_ready(visit->worker);
	visit_reply(visit->request, ready ? 200 : 503,
		    ready ? S("{\"status\":\"ready\"}") : S("{\"status\":\"not ready\"}"), NULL, 0);
	return true;
}

/* Does it name this gate (or, with `by_address`, any address), and come from no foreign page? False: it is
 * answered. */
static bool names_us(const struct visit *visit, bool by_address)
{
	struct worker *worker = visit->worker;
	struct span host = http_known(visit->head, HTTP_HEADER_HOST);
	struct span origin = http_known(visit->head, HTTP_HEADER_ORIGIN);

	if (!door_host_allowed(&worker->front, host) && !(by_address && door_host_is_address(host))) {
		worker->metrics.refused_front++;
		visit_refuse(visit, 403, S(""), -32000, "K504",
			     S("This Host is not one the gate answers to"));
		return false;
	}
	if (origin.p && !door_origin_allowed(&worker->front, origin)) {
		worker->metrics.refused_front++;
		visit_refuse(visit, 403, S(""), -32000, "K504", S("This Origin may not speak to the gate"));
		return false;
	}
	return true;
}

/*
 * A token in a URL is in logs and histories already: such a request is not served at all. What HTTP+SSE has
 * there is worth nothing without the token.
 */
static bool query_fits(const struct visit *visit)
{
	return visit->way == DOOR_MESSAGES ? door_session(visit->head->query).n > 0
					   : visit->head->query.p == NULL;
}

/* What the head says without a look at the token. False: it is answered. */
static bool passes_door(struct visit *visit, struct span *server)
{
	if (!names_us(visit, false) || answer_health(visit))
		return false;
	visit->way = door_way(visit->head->path, server);
	if (visit->way == DOOR_NOWHERE || (visit->way != DOOR_MCP && visit->head->websocket)) {
		visit_reply(
		    visit->request, 404,
		    S("{\"error\":\"not_found\",\"error_description\":\"The endpoints are /mcp, "
		      "/mcp/SERVER and /mcp/view/VIEW; for HTTP+SSE /sse, /sse/SERVER and /sse/view/VIEW\"}"),
		    NULL, 0);
		return false;
	}
	if (!query_fits(visit)) {
		visit_refuse(
		    visit, 400, S(""), -32600, "K510",
		    visit->way == DOOR_MESSAGES
			? S("Send what the endpoint event said: sessionId alone, and no other parameter")
			: S("The endpoints take no query string"));
		return false;
	}
	if (!http_has(visit->head, HTTP_HEADER_AUTHORIZATION)) {
		challenge(visit, false);
		return false;
	}
	return true;
}

/* Looks the token up, or has the keeper look while the body comes. */
static enum token_state token_at_head(const struct visit *visit)
{
	struct token_wait wait = { 0 };
	struct principal *principal;
	struct span token = door_bearer(http_known(visit->head, HTTP_HEADER_AUTHORIZATION));
	enum token_state state = token_cache_find(visit->worker->tokens, token, &wait, &principal);

	token_wait_cancel(&wait);
	return state;
}

static bool is_welcome(struct visit *visit, bool *known)
{
	struct span server;
	enum token_state state;

	if (!passes_door(visit, &server))
		return false;
	state = token_at_head(visit);
	if (state == TOKEN_BAD) {
		challenge(visit, true);
		return false;
	}
	if (visit->head->method != HTTP_METHOD_POST || visit->way == DOOR_SSE) {
		visit_refuse_method(visit, methods_of(visit));
		return false;
	}
	*known = state == TOKEN_GOOD;
	return types_fit(visit);
}

bool front_http_on_head(void *owner, struct http_request *request, const struct http_head *head)
{
	struct worker *worker = owner;
	struct visit visit = { .worker = worker, .request = request, .head = head };
	bool known = false;

	if (is_welcome(&visit, &known))
		return known;
	worker->metrics.requests++;
	return false;
}

void front_http_on_request(void *owner, struct http_request *request, const struct http_head *head,
			   struct span body)
{
	struct worker *worker = owner;
	struct visit visit = { .worker = worker, .request = request, .head = head, .body = body };
	struct span server;

	worker->metrics.requests += !http_request_has_moved(request);
	if (passes_door(&visit, &server))
		ask_who(&visit, door_bearer(http_known(head, HTTP_HEADER_AUTHORIZATION)), server);
}

/* Each thread has looked at the same lists, or at none. */
static size_t omissions_of(const struct crew *crew, const struct server *server, unsigned reason)
{
	size_t most = 0;

	CREW_EACH(crew, member)
	{
		const struct server *same = worker_server(member, server->name);
		size_t n = 0;

		for (size_t kind = 0; same && kind < OFFER_KINDS; kind++)
			n += same->omitted[kind][reason];
		most = n > most ? n : most;
	}
	return most;
}

/* One for each reason, over all servers and lists. Returns how many. */
static size_t gauge_omissions(const struct worker *worker, struct metric_gauge *gauges)
{
	for (unsigned i = OMIT_NOTHING + 1; i < OMISSIONS; i++) {
		size_t n = 0;

		LIST_EACH(&worker->servers, node)
			n += omissions_of(worker->crew, LIST_ENTRY(node, struct server, node), i);
		gauges[i - 1] = (struct metric_gauge){ "catalogue_refused",
						       "What is left out of the servers' lists, by reason.",
						       "reason", omission_word((enum omission)i).p,
						       (double)n };
	}
	return OMISSIONS - 1;
}

/* Why the last attempt to have the server, or its tools listed, was in vain; NULL: it was not. */
static const char *down_reason(const struct crew *crew, struct server *server)
{
	const char *reason = common_view(server_common(server), 0).reason;

	CREW_EACH(crew, member)
	{
		const struct server *same = worker_server(member, server->name);

		if (!reason && same && same->late_list)
			reason = link_failure_word(LINK_SILENT);
	}
	return reason;
}

/* All that there can be, whatever it is now: a series that comes and goes has no past to compare with. */
static void add_reasons(struct buf *out, const struct server *server, const char *reason)
{
	for (unsigned i = 0; i < LINK_FAILURES; i++) {
		const char *word = link_failure_word((enum link_failure)i);

		if (!link_failure_is_vain((enum link_failure)i))
			continue;
		buf_add(out, S("kanmon_server_down_reason{"));
		metrics_add_label(out, "server", server->name);
		buf_add_char(out, ',');
		metrics_add_label(out, "reason", span_str(word));
		buf_addf(out, "} %d\n", reason && span_eq(span_str(reason), span_str(word)));
	}
}

static void add_up(struct buf *out, const struct server *server, bool up)
{
	buf_add(out, S("kanmon_server_up{"));
	metrics_add_label(out, "server", server->name);
	buf_addf(out, "} %d\n", up);
}

/* Whether each server that the config names can be reached, and why not. */
static void add_servers(struct buf *out, const struct worker *worker)
{
	buf_add(
	    out,
	    S("# HELP kanmon_server_up Whether the last attempt to reach the server, or to have its tools listed, was not in vain.\n"
	      "# TYPE kanmon_server_up gauge\n"));
	LIST_EACH(&worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		if (!server->ephemeral)
			add_up(out, server, !down_reason(worker->crew, server));
	}
	buf_add(
	    out,
	    S("# HELP kanmon_server_down_reason Whether this is the reason why the last attempt was in vain.\n"
	      "# TYPE kanmon_server_down_reason gauge\n"));
	LIST_EACH(&worker->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		if (!server->ephemeral)
			add_reasons(out, server, down_reason(worker->crew, server));
	}
}

void front_metrics_on_request(void *owner, struct http_request *request, const struct http_head *head,
			      struct span body)
{
	struct worker *worker = owner;
	struct visit visit = { .worker = worker, .request = request, .head = head, .body = body };
	const struct http_header type = { S("Content-Type"), S("text/plain; version=0.0.4; charset=utf-8") };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);
	struct metrics metrics = { 0 };
	struct metric_gauge gauges[3 + OMISSIONS] = {
		{ "sessions", "Sessions of clients.", NULL, NULL, (double)worker->crew->n_clients },
		{ "calls_in_flight", "Calls under way.", NULL, NULL, (double)worker->crew->n_calls },
		{ "record_bytes_waiting", "Bytes of records not yet on the disk.", NULL, NULL,
		  worker->ring ? (double)ring_waiting(worker->ring) : 0 },
	};

	/* Whether it lives may be asked by any name: a probe has its own for it. */
	if (answer_health(&visit) || !names_us(&visit, true))
		return;
	if (head->method != HTTP_METHOD_GET || !span_eq(head->path, S("/metrics"))) {
		visit_reply(request, 404, S("{\"error\":\"not_found\"}"), NULL, 0);
		return;
	}
	crew_hold(worker->crew);
	CREW_EACH(worker->crew, member)
	metrics_add(&metrics, &member->metrics);
	metrics_write(&out, &metrics, gauges, 3 + gauge_omissions(worker, gauges + 3));
	add_servers(&out, worker);
	crew_release(worker->crew);
	http_reply(request, &(struct http_reply){ .status = 200, .headers = &type, .n = 1 }, buf_span(&out));
}

bool front_metrics_on_head(void *owner, struct http_request *request, const struct http_head *head)
{
	front_metrics_on_request(owner, request, head, S(""));
	return false;
}
