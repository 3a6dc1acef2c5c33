/* encode.c - bytes as text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/encode.h"

#include <sodium.h>

#include "base/check.h"

enum { URL_ALPHABET = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* `chars` bytes of text for `bytes`, in an alphabet of libsodium's. */
static void add_text(struct buf *out, struct span bytes, size_t chars, int alphabet)
{
	size_t need;
	char *at;

	/* Past this the size of the text overflows; no ceiling of ours is near it. */
	if (bytes.n > SIZE_MAX / 8) {
		out->over = true;
		return;
	}
	need = sodium_base64_encoded_len(bytes.n, alphabet);
	check(need == chars + 1);
	at = buf_reserve(out, need); /* libsodium ends it with a NUL */
	if (!at)
		return;
	(void)sodium_bin2base64(at, need, (const unsigned char *)bytes.p, bytes.n, alphabet);
	out->n += chars;
}

void base64_add(struct buf *out, struct span bytes)
{
	add_text(out, bytes, (bytes.n / 3 + (bytes.n % 3 != 0)) * 4, sodium_base64_VARIANT_ORIGINAL);
}

void base64url_add(struct buf *out, struct span bytes)
{
	add_text(out, bytes, BASE64URL_CHARS(bytes.n), URL_ALPHABET);
}

bool base64url_decode(struct span text, struct buf *out)
{
	size_t most = text.n / 4 * 3 + 3, got = 0;
	const char *end = NULL;
	char *at;

	if (text.n % 4 == 1)
		return false;
	if (text.n == 0)
		return true;
	at = buf_reserve(out, most);
	if (!at)
		return false;
	if (sodium_base642bin((unsigned char *)at, most, text.p, text.n, NULL, &got, &end, URL_ALPHABET) !=
		0 ||
	    end != text.p + text.n)
		return false;
	out->n += got;
	return true;
}
