/* upgrade.c - the handshake that makes a WebSocket of an HTTP connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/upgrade.h"

#include "base/random.h"
#include "crypto/encode.h"
#include "crypto/sha1.h"

enum { KEY_BYTES = 16, KEY_LETTERS = 22 };

static bool is_base64(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
	       c == '/';
}

bool upgrade_is_key(struct span key)
{
	if (key.n != UPGRADE_KEY_CHARS || !span_ends(key, S("==")))
		return false;
	for (size_t i = 0; i < KEY_LETTERS; i++)
		if (!is_base64(key.p[i]))
			return false;
	return true;
}

/* base64_add() has a NUL behind its text meanwhile. */
static void put_base64(struct span bytes, char *out, size_t chars)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)64);

	base64_add(&text, bytes);
	memcpy(out, text.p, chars);
}

void upgrade_make_key(char key[UPGRADE_KEY_CHARS])
{
	char bytes[KEY_BYTES];

	random_bytes(bytes, sizeof(bytes));
	put_base64(span_of(bytes, sizeof(bytes)), key, UPGRADE_KEY_CHARS);
}

/* Source: RFC 6455 section 1.3, which has chosen the second half. */
void upgrade_accept(struct span key, char accept[UPGRADE_ACCEPT_CHARS])
{
	char store[128];
	struct buf text = buf_over(store, sizeof(store));
	uint8_t digest[SHA1_BYTES];

	buf_add(&text, span_first(key, UPGRADE_KEY_CHARS));
	buf_add(&text, S("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
	sha1(buf_span(&text), digest);
	put_base64(span_of((const char *)digest, sizeof(digest)), accept, UPGRADE_ACCEPT_CHARS);
}

bool upgrade_names(const struct http_head *head, struct span protocol)
{
	size_t from = 0;
	const struct http_header *header;

	while ((header = http_find(head, S("Sec-WebSocket-Protocol"), &from)) != NULL) {
		struct span list = header->value;

		while (list.n)
			if (span_eq(span_trim(span_cut(&list, ',')), protocol))
				return true;
	}
	return false;
}

static bool says_upgrade(const struct http_head *head)
{
	size_t from = 0;
	const struct http_header *header;

	while ((header = http_find(head, S("Connection"), &from)) != NULL) {
		struct span list = header->value;

		while (list.n)
			if (span_eq_nocase(span_trim(span_cut(&list, ',')), S("upgrade")))
				return true;
	}
	return false;
}

const char *upgrade_refusal(const struct http_head *head, struct span key, struct span protocol)
{
	char accept[UPGRADE_ACCEPT_CHARS];
	size_t from = 0;

	if (head->status != 101)
		return "the server does not take a WebSocket at this address";
	upgrade_accept(key, accept);
	if (!span_eq_nocase(http_known(head, HTTP_HEADER_UPGRADE), S("websocket")) || !says_upgrade(head) ||
	    !span_eq(span_trim(http_find(head, S("Sec-WebSocket-Accept"), &from)
				   ? head->headers[from - 1].value
				   : S("")),
		     span_of(accept, sizeof(accept))))
		return "the server's answer is no handshake of a WebSocket";
	from = 0;
	if (http_find(head, S("Sec-WebSocket-Extensions"), &from))
		return "the server chose an extension of WebSocket that was not offered";
	if (!span_eq(http_known(head, HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL), protocol))
		return "the server did not choose the subprotocol mcp: it is no MCP server";
	return NULL;
}
