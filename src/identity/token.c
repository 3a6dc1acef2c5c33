/* token.c - bearer tokens of the gate. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/token.h"

#include "base/check.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/encode.h"

enum {
	SECRET_BYTES = 32,
	SECRET_CHARS = 43,
	HEAD_CHARS = 4 + SECRET_CHARS,
	CHECK_CHARS = 6,
	SERVER_CHARS = 64,
};
_Static_assert((int)TOKEN_CHARS < (int)KEEPER_TOKEN_CHARS, "a token fits where the keeper makes it");
_Static_assert(BASE64URL_CHARS(SECRET_BYTES) == SECRET_CHARS, "256 bits in base64url");

/* CRC-32 as in zlib and Ethernet (reflected polynomial EDB88320), bit by bit: 47 bytes only. */
static uint32_t crc32_of(struct span bytes)
{
	uint32_t crc = 0xffffffffU;

	for (size_t i = 0; i < bytes.n; i++) {
		crc ^= (uint8_t)bytes.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
	}
	return ~crc;
}

static void add_check(struct span head, char out[CHECK_CHARS])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint32_t crc = crc32_of(head);

	for (size_t i = CHECK_CHARS; i-- > 0; crc /= 62)
		out[i] = digits[crc % 62];
}

void token_make(char token[TOKEN_CHARS + 1])
{
	uint8_t secret[SECRET_BYTES];
	char text[TOKEN_CHARS + 8];
	struct buf out = { .p = text, .cap = sizeof(text), .max = sizeof(text) };

	random_bytes(secret, sizeof(secret));
	buf_add(&out, TOKEN_PREFIX);
	base64url_add(&out, span_of((const char *)secret, sizeof(secret)));
	check(buf_ok(&out) && out.n == HEAD_CHARS);
	memcpy(token, text, HEAD_CHARS);
	token[HEAD_CHARS] = '_';
	add_check(span_of(token, HEAD_CHARS), token + HEAD_CHARS + 1);
	token[TOKEN_CHARS] = '\0';
	secret_wipe(secret, sizeof(secret));
	secret_wipe(text, sizeof(text));
}

bool token_is_shaped(struct span text)
{
	char decoded[SECRET_BYTES + 8], expected[CHECK_CHARS];
	struct buf out = { .p = decoded, .cap = sizeof(decoded), .max = sizeof(decoded) };
	bool canonical;

	if (text.n != TOKEN_CHARS || !span_starts(text, TOKEN_PREFIX) || text.p[HEAD_CHARS] != '_')
		return false;
	canonical = base64url_decode(span_of(text.p + 4, SECRET_CHARS), &out) && out.n == SECRET_BYTES;
	secret_wipe(decoded, sizeof(decoded));
	add_check(span_first(text, HEAD_CHARS), expected);
	return canonical && secret_equal(span_of(expected, CHECK_CHARS), span_skip(text, HEAD_CHARS + 1));
}

static bool is_server_name(struct span name)
{
	if (name.n == 0 || name.n > SERVER_CHARS)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}

#define VIEW_SCOPE S("view:")

static bool is_scope(struct span scope)
{
	if (span_eq(scope, S("mcp")))
		return true;
	return (span_starts(scope, S("mcp:")) && is_server_name(span_skip(scope, 4))) ||
	       (span_starts(scope, VIEW_SCOPE) && is_server_name(span_skip(scope, VIEW_SCOPE.n)));
}

static bool holds_scope(struct span scopes, struct span scope)
{
	while (scopes.n)
		if (span_eq(span_cut(&scopes, ' '), scope))
			return true;
	return false;
}

int token_scopes_check(struct span scopes, struct err *err)
{
	struct span rest = scopes;
	size_t n = 0, views = 0;

	if (scopes.n == 0)
		return err_set(err, ERR_CONFIG, "a token needs a scope: `mcp`, or `mcp:SERVER`");
	if (span_ends(scopes, S(" ")))
		return err_set(err, ERR_CONFIG, "scopes are separated by one space, with none at the end");
	while (rest.n) {
		struct span scope = span_cut(&rest, ' ');

		if (!is_scope(scope))
			return err_set(err, ERR_CONFIG, "`%.*s` is no scope: write `mcp` or `mcp:SERVER`",
				       SPAN_ARG(span_first(scope, SERVER_CHARS + 4)));
		if (++n > TOKEN_SCOPES_MAX)
			return err_set(err, ERR_CONFIG, "a token has at most %d scopes", TOKEN_SCOPES_MAX);
		if (holds_scope(rest, scope))
			return err_set(err, ERR_CONFIG, "the scope %.*s is named twice", SPAN_ARG(scope));
		views += span_starts(scope, VIEW_SCOPE);
	}
	if (views > 1)
		return err_set(err, ERR_CONFIG, "a token is bound to one view at most");
	if (views == n)
		return err_set(err, ERR_CONFIG, "a token needs a scope: `mcp`, or `mcp:SERVER`");
	return 0;
}

bool token_scopes_allow(struct span scopes, struct span server)
{
	if (!is_server_name(server) || token_scopes_check(scopes, NULL) < 0)
		return false;
	while (scopes.n) {
		struct span scope = span_cut(&scopes, ' ');

		if (span_eq(scope, S("mcp")) ||
		    (span_starts(scope, S("mcp:")) && span_eq(span_skip(scope, 4), server)))
			return true;
	}
	return false;
}

struct span token_scopes_view(struct span scopes)
{
	while (scopes.n) {
		struct span scope = span_cut(&scopes, ' ');

		if (span_starts(scope, VIEW_SCOPE))
			return span_skip(scope, VIEW_SCOPE.n);
	}
	return S("");
}

int token_expiry(struct span text, uint64_t now_ms, uint64_t *expiry_ms, struct err *err)
{
	static const struct {
		char letter;
		uint64_t minutes;
	} units[] = { { 'm', 1 }, { 'h', 60 }, { 'd', 1440 }, { 'w', 10080 }, { 'y', 525600 } };
	const uint64_t longest = (uint64_t)10 * 525600;
	uint64_t number = 0;

	if (span_eq(text, S("never"))) {
		*expiry_ms = 0;
		return 0;
	}
	if (text.n < 2 || !span_u64(span_first(text, text.n - 1), &number) || number == 0)
		return err_set(err, ERR_CONFIG,
			       "a lifetime is a number and a unit (30m, 12h, 90d, 4w, 1y), or `never`");
	for (size_t i = 0; i < COUNT(units); i++) {
		if (units[i].letter != text.p[text.n - 1])
			continue;
		if (number > longest / units[i].minutes)
			return err_set(err, ERR_CONFIG, "a lifetime is at most ten years, or `never`");
		*expiry_ms = now_ms + number * units[i].minutes * 60000;
		return 0;
	}
	return err_set(err, ERR_CONFIG, "`%c` is no unit of time: use m, h, d, w or y",
		       text.p[text.n - 1] > ' ' && text.p[text.n - 1] < 127 ? text.p[text.n - 1] : '?');
}

static void mint_make(char token[KEEPER_TOKEN_CHARS])
{
	token_make(token);
}

const struct keeper_mint token_mint = { .make = mint_make, .check_scopes = token_scopes_check };
