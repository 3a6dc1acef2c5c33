/* token.c - shapes, scopes and lifetimes of tokens. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/token.h"

#include "crypto/digest.h"
#include "tap.h"

/* Bytes 0..31; its check was computed with zlib. */
#define KNOWN "kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKfL"

static const struct {
	const char *name;
	struct span text;
} misshaped[] = {
	{ "empty", SPAN("") },
	{ "only the prefix", SPAN("kmn_") },
	{ "one character short", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKf") },
	{ "one character long", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKfLL") },
	{ "another prefix", SPAN("kmx_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKfL") },
	{ "a typing error in the secret", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHH8_1iqKfL") },
	{ "a typing error in the check", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKfM") },
	{ "two characters swapped", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdh8H_1iqKfL") },
	{ "no second underscore", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8-1iqKfL") },
	{ "the plain base64 alphabet", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH+8_1iqKfL") },
};

static const struct {
	struct span scopes;
	const char *why;
} bad_scopes[] = {
	{ SPAN(""), "none" },
	{ SPAN(" "), "a space" },
	{ SPAN("mcp "), "a space at the end" },
	{ SPAN(" mcp"), "a space at the front" },
	{ SPAN("mcp  mcp:a"), "two spaces" },
	{ SPAN("mcp\tmcp:a"), "a tab" },
	{ SPAN("MCP"), "another case" },
	{ SPAN("mcp:"), "no server" },
	{ SPAN("mcp:-a"), "a server that begins with a dash" },
	{ SPAN("mcp:a b:c"), "an unknown word" },
	{ SPAN("mcp:a/b"), "a slash" },
	{ SPAN("mcp:a mcp:a"), "twice" },
	{ SPAN("mcp:\xc3\xa9"), "letters beyond ASCII" },
	{ SPAN("admin"), "another scope" },
};

static const struct {
	struct span text;
	uint64_t minutes; /* 0: refused */
} lifetimes[] = {
	{ SPAN(""), 0 },
	{ SPAN("d"), 0 },
	{ SPAN("0d"), 0 },
	{ SPAN("-1d"), 0 },
	{ SPAN("1"), 0 },
	{ SPAN("1x"), 0 },
	{ SPAN("1 d"), 0 },
	{ SPAN("11y"), 0 },
	{ SPAN("99999999999999999999d"), 0 },
	{ SPAN("18446744073709551615m"), 0 },
	{ SPAN("30m"), 30 },
	{ SPAN("12h"), 720 },
	{ SPAN("90d"), 129600 },
	{ SPAN("4w"), 40320 },
	{ SPAN("10y"), 5256000 },
};

static void shapes(void)
{
	char token[TOKEN_CHARS + 1], other[TOKEN_CHARS + 1];
	uint8_t hash[DIGEST_BYTES], hash_of_other[DIGEST_BYTES];

	for (size_t i = 0; i < COUNT(misshaped); i++)
		ok(!token_is_shaped(misshaped[i].text), "refused: %s", misshaped[i].name);
	ok(token_is_shaped(S(KNOWN)), "the known one");
	token_make(token);
	token_make(other);
	is_int(strlen(token), TOKEN_CHARS, "a new one is as long as they say");
	ok(token_is_shaped(span_str(token)), "and has the shape");
	ok(!span_eq(span_str(token), span_str(other)), "no two are the same");
	token_hash(span_str(token), hash);
	token_hash(span_str(other), hash_of_other);
	ok(!span_eq(digest_span(hash), digest_span(hash_of_other)), "nor are their hashes");
	for (size_t i = 0; i < TOKEN_CHARS; i++) {
		char saved = token[i];

		token[i] = saved == 'A' ? 'B' : 'A';
		if (token_is_shaped(span_str(token)))
			ok(false, "a wrong character at %zu passes", i);
		token[i] = saved;
	}
}

static void scopes(void)
{
	CLEANUP(buf_release) struct buf many = BUF_INIT(4096);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < COUNT(bad_scopes); i++) {
		ok(token_scopes_check(bad_scopes[i].scopes, &err) < 0, "refused: %s", bad_scopes[i].why);
		ok(!token_scopes_allow(bad_scopes[i].scopes, S("a")), "and allows nothing");
	}
	for (int i = 0; i <= TOKEN_SCOPES_MAX; i++)
		buf_addf(&many, "%smcp:s%d", i ? " " : "", i);
	ok(token_scopes_check(buf_span(&many), &err) < 0, "too many");
	ok(!token_scopes_allow(S("mcp:files"), S("file")), "no prefix of a name");
	ok(!token_scopes_allow(S("mcp:files"), S("files2")), "no name with more");
	ok(!token_scopes_allow(S("mcp:files"), S("")), "no empty name");
	ok(!token_scopes_allow(S("mcp"), S("a b")), "nothing that is no server");
	ok(token_scopes_check(S("view:few"), &err) < 0 && !token_scopes_allow(S("view:few"), S("few")),
	   "a view alone gives nothing");
	ok(token_scopes_check(S("mcp view:a view:b"), &err) < 0 &&
	       token_scopes_check(S("mcp view:"), &err) < 0,
	   "nor do two, or one without a name");
	ok(token_scopes_check(S("mcp:files view:few"), &err) == 0 &&
	       token_scopes_allow(S("mcp:files view:few"), S("files")) &&
	       !token_scopes_allow(S("mcp:files view:few"), S("few")),
	   "beside a scope it takes nothing and gives nothing here");
	is_span(token_scopes_view(S("mcp:files view:few")), S("few"), "and is the token's view");
	is_int(token_scopes_view(S("mcp mcp:view")).n, 0, "others have none");
	ok(token_scopes_check(TOKEN_DEFAULT_SCOPES, &err) == 0, "the default is one");
	ok(token_scopes_allow(TOKEN_DEFAULT_SCOPES, S("files")), "and is every server's");
	ok(token_scopes_check(S("mcp:files mcp:git.v2"), &err) == 0, "two servers");
	ok(token_scopes_allow(S("mcp:files mcp:git.v2"), S("git.v2")), "the second one");
}

static void expiries(void)
{
	struct err err = ERR_INIT;
	uint64_t expiry;

	for (size_t i = 0; i < COUNT(lifetimes); i++) {
		int done;

		expiry = 77;
		done = token_expiry(lifetimes[i].text, 1000, &expiry, &err);
		if (lifetimes[i].minutes == 0)
			ok(done < 0 && expiry == 77, "refused: '%.*s'", SPAN_ARG(lifetimes[i].text));
		else
			is_int(expiry, 1000 + lifetimes[i].minutes * 60000, "%.*s",
			       SPAN_ARG(lifetimes[i].text));
	}
	ok(token_expiry(S("never"), 1000, &expiry, &err) == 0 && expiry == 0, "never");
}

int main(void)
{
	shapes();
	scopes();
	expiries();
	return tap_done();
}
