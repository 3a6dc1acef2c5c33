/* visit.c - what the parts of the HTTP front share: answers, and the start of an exchange. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/visit.h"

#include "base/check.h"

/* --- answers of the door itself --- */

void visit_reply(struct http_request *request, unsigned status, struct span text,
		 const struct http_header *more, size_t n_more)
{
	struct http_header headers[4] = { { SPAN("Content-Type"), SPAN("application/json") } };

	check(n_more < COUNT(headers));
	for (size_t i = 0; i < n_more; i++)
		headers[1 + i] = more[i];
	http_reply(request, &(struct http_reply){ .status = status, .headers = headers, .n = 1 + n_more },
		   text);
}

void visit_refuse(const struct visit *visit, unsigned status, struct span id, int code, const char *kanmon,
		  struct span text)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)16384);

	message_write_error(
	    &out, &(struct message_error){ .id = id, .code = code, .text = text, .kanmon = kanmon });
	visit_reply(visit->request, status, buf_span(&out), NULL, 0);
}

void visit_refuse_host(const struct visit *visit, const struct err *err)
{
	if (err)
		visit_refuse(visit, 503, S(""), -32603, err->code == ERR_LIMIT ? "K801" : "K803",
			     span_str(err->text));
	else
		visit_refuse(visit, 503, S(""), -32603, "K805", S("The gate is shutting down; try again"));
}

void visit_refuse_method(const struct visit *visit, struct span allow)
{
	const struct http_header header = { S("Allow"), allow };

	visit_reply(visit->request, 405, S("{\"error\":\"method_not_allowed\"}"), &header, 1);
}

/* --- what every exchange of a POST needs --- */

struct post *visit_post_of(const struct visit *visit, struct client *client, bool modern, bool batch)
{
	const struct post_options options = { .client = client,
					      .request = visit->request,
					      .modern = modern,
					      .events = visit->events,
					      .batch = batch };
	struct post *post = post_new(visit->worker, &options);

	if (!post)
		visit_refuse(visit, 503, S(""), -32603, "K803", S("The gate has no memory for the request"));
	return post;
}

void visit_start(const struct visit *visit, struct client *client, const struct message *message,
		 enum revision revision, struct span mirrored)
{
	bool modern = revision >= REVISION_2026_07_28;
	struct post *post = visit_post_of(visit, client, modern, false);
	struct exchange_options options = { .client = client,
					    .only = visit->only,
					    .revision = revision,
					    .mirrored = mirrored,
					    .headers_checked = modern };

	if (!post)
		return;
	options.sink = post_open(post);
	exchange_start(visit->worker, message, &options);
	post_ready(post);
}
