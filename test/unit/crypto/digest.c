/* digest.c - hashes and encodings against vectors made by other implementations. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include "crypto/encode.h"
#include "tap.h"

/* Bytes 0..31. */
static void counting(uint8_t out[32])
{
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)i;
}

static void is_hex(const uint8_t digest[DIGEST_BYTES], const char *want, const char *name)
{
	CLEANUP(buf_release) struct buf hex = BUF_INIT(128);

	buf_add_hex(&hex, digest_span(digest));
	is_span(buf_span(&hex), span_str(want), "%s", name);
}

/* Made with Python's hashlib. */
static void digests(void)
{
	uint8_t out[DIGEST_BYTES], key[DIGEST_KEY_BYTES];
	struct digest steps, fork;

	counting(key);
	digest_blake2b(S("abc"), out);
	is_hex(out, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", "BLAKE2b-256");
	digest_blake2b(span_of(NULL, 0), out);
	is_hex(out, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
	       "BLAKE2b-256 of nothing");
	digest_keyed(key, S("abc"), out);
	is_hex(out, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f", "keyed");
	token_hash(S("kmn_test"), out);
	is_hex(out, "fe7648e7ac759fc7e322f982556c896334a5fe8612f1a174bcdfe93b9c0cd549", "personalised");

	digest_start(&steps);
	digest_add(&steps, S("a"));
	fork = steps;
	digest_add(&steps, S("bc"));
	digest_finish(&steps, out);
	is_hex(out, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", "in steps");
	digest_add(&fork, S("b"));
	digest_add(&fork, S("c"));
	digest_finish(&fork, out);
	is_hex(out, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
	       "a copy goes on by itself");
}

static const struct span refused[] = {
	SPAN("A"),    SPAN("AAAAA"), SPAN("AA=="), SPAN("AAA="), SPAN("AA A"),	SPAN("AAA\n"),
	SPAN("AA+A"), SPAN("AA/A"),  SPAN("AB"),   SPAN("AAB"),	 SPAN("AA\0A"), SPAN("AA.A"),
};

static const struct {
	struct span bytes, text;
} pairs[] = {
	{ SPAN(""), SPAN("") },		  { SPAN("f"), SPAN("Zg") },
	{ SPAN("fo"), SPAN("Zm8") },	  { SPAN("foo"), SPAN("Zm9v") },
	{ SPAN("foob"), SPAN("Zm9vYg") }, { SPAN("\xfb\xff\xfe"), SPAN("-__-") },
};

static void base64url(void)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(64);

		buf_add(&out, S("x"));
		ok(!base64url_decode(refused[i], &out), "refused: text %zu", i);
		is_span(buf_span(&out), S("x"), "and nothing was added");
	}
	for (size_t i = 0; i < COUNT(pairs); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(64);

		base64url_add(&out, pairs[i].bytes);
		is_span(buf_span(&out), pairs[i].text, "encodes %zu bytes", pairs[i].bytes.n);
		buf_clear(&out);
		ok(base64url_decode(pairs[i].text, &out), "decodes them");
		is_span(buf_span(&out), pairs[i].bytes, "to the same");
	}
}

static void ceilings(void)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(4);

	ok(!base64url_decode(S("Zm9vYmFy"), &out) && out.over && out.n == 0,
	   "a decoded text over the ceiling");
	buf_clear(&out);
	base64url_add(&out, S("foobar"));
	ok(out.over && out.n == 0, "an encoded text over the ceiling");
}

int main(void)
{
	struct err err = ERR_INIT;

	ok(crypto_init(&err) == 0 && crypto_init(&err) == 0, "starts, and starts again");
	digests();
	base64url();
	ceilings();
	return tap_done();
}
