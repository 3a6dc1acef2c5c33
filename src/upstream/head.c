/* head.c - the heads of what is asked of a server over Streamable HTTP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/head.h"

#include "mcp/header.h"

void head_common(struct buf *out, const struct link *link, struct span session)
{
	buf_clear(out);
	buf_add(out, S(" HTTP/1.1\r\nHost: "));
	buf_add(out, link->server->authority);
	buf_add(out, S("\r\nUser-Agent: kanmon/" KANMON_VERSION "\r\n"));
	if (link->era == ERA_MODERN || link->revision >= REVISION_2025_06_18) {
		buf_add(out, S("MCP-Protocol-Version: "));
		buf_add(out, revision_name(link->era == ERA_MODERN ? REVISION_2026_07_28 : link->revision));
		buf_add(out, S("\r\n"));
	}
	if (session.n) {
		buf_add(out, S("Mcp-Session-Id: "));
		buf_add(out, session);
		buf_add(out, S("\r\n"));
	}
}

void head_begin(struct buf *out, const struct link *link, struct span common, struct span method)
{
	buf_add(out, method);
	buf_add_char(out, ' ');
	buf_add(out, link->server->path);
	buf_add(out, common);
}

void head_post(struct buf *out, const struct link *link, struct span common, const struct send_facts *facts,
	       size_t length)
{
	head_begin(out, link, common, S("POST"));
	buf_add(out, S("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"));
	if (link->era == ERA_MODERN && facts->method_name.n) {
		buf_add(out, S("Mcp-Method: "));
		header_encode(out, facts->method_name);
		if (facts->name.n) {
			buf_add(out, S("\r\nMcp-Name: "));
			header_encode(out, facts->name);
		}
		buf_add(out, S("\r\n"));
		buf_add(out, facts->headers);
	}
	buf_add(out, S("Content-Length: "));
	buf_add_u64(out, length);
	buf_add(out, S("\r\n\r\n"));
}

bool head_is_type(struct span value, struct span type)
{
	struct span head = span_cut(&value, ';');

	return span_eq_nocase(span_trim(head), type);
}
