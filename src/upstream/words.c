/* words.c - what a server says of its own, where the gate repeats it: in a reason, in the log. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/words.h"

enum { WORDS_BYTES = 16 * 1024 };

struct span words_shown(const struct upstream *upstream, struct span words)
{
	if (!upstream->has_secret || upstream->has_secret(words))
		return S("(withheld: it looks like it holds a secret)");
	return words;
}

/* At most `most` bytes, and no half of a character at the end. */
static struct span cut(struct span words, size_t most)
{
	size_t n = most;

	if (words.n <= most)
		return words;
	while (n && ((unsigned char)words.p[n] & 0xc0) == 0x80)
		n--;
	return span_first(words, n);
}

void words_add_error(struct buf *out, const struct upstream *upstream, const struct message *message)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)WORDS_BYTES);
	struct span words = S("(withheld: it is too long)");

	json_string_add(message->json, json_get(message->json, message->error, S("message")), &text);
	if (buf_ok(&text))
		words = words_shown(upstream, buf_span(&text));
	buf_add(out, cut(words, out->max - out->n));
}
