/* sha1.c - SHA-1: the vectors of its RFC, and the answer of RFC 6455's own example. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha1.h"

#include "crypto/digest.h"
#include "crypto/encode.h"
#include "tap.h"

static void hashes(struct span bytes, const char *hex, const char *name)
{
	uint8_t out[SHA1_BYTES];
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)64);

	sha1(bytes, out);
	buf_add_hex(&text, span_of((const char *)out, sizeof(out)));
	is_span(buf_span(&text), span_str(hex), "%s", name);
}

int main(void)
{
	static char many[1000000];
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)64);
	uint8_t out[SHA1_BYTES];

	ok(crypto_init(NULL) == 0, "a library");
	memset(many, 'a', sizeof(many));
	hashes(S(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709", "nothing");
	hashes(S("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d", "one block");
	hashes(S("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	       "84983e441c3bd26ebaae4aa1f95129e5e54670f1", "56 bytes: the length needs a block of its own");
	hashes(span_of(many, 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a", "55 bytes: it just fits");
	hashes(span_of(many, 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d", "a whole block");
	hashes(span_of(many, sizeof(many)), "34aa973cd4c4daa4f61eeb2bdbad27316534016f", "a million");
	sha1(S("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), out);
	base64_add(&text, span_of((const char *)out, sizeof(out)));
	is_span(buf_span(&text), S("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "with padding, in base64");
	buf_clear(&text);
	base64_add(&text, S(""));
	base64_add(&text, S("f"));
	base64_add(&text, S("foobar"));
	is_span(buf_span(&text), S("Zg==Zm9vYmFy"), "and other lengths");
	return tap_done();
}
