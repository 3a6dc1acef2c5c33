/* fuzz_websocket.c - frames of hostile peers, in both roles: the same story however they arrive. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/check.h"
#include "http/frames.h"

enum { STORY_BYTES = 1 << 20, CEILING = 300, BUDGET = 4096 };

static bool tell_piece(struct buf *story, struct frames *frames, struct span in)
{
	for (;;) {
		enum frames_step step = frames_next(frames, &in);

		if (step == FRAMES_MORE) {
			check(in.n == 0);
			return true;
		}
		buf_addf(story, "%d ", (int)step);
		if (step == FRAMES_BAD) {
			buf_addf(story, "%u", frames->code);
			return false;
		}
		if (step == FRAMES_LONG || step == FRAMES_LONG_END)
			continue;
		check(frames->payload.n <= CEILING);
		if (step == FRAMES_CLOSE)
			buf_addf(story, "%u ", frames->code);
		buf_add(story, frames->payload);
		buf_add(story, S("\n"));
	}
}

static void tell(struct buf *story, enum frames_role role, struct span bytes, size_t step)
{
	struct budget budget = { .max = BUDGET };
	struct frames frames;
	bool going = true;

	check(frames_init(&frames, role, CEILING, &budget, NULL) == 0);
	for (size_t at = 0; going && at < bytes.n; at += step) {
		struct span piece = span_first(span_skip(bytes, at), step);
		char *copy = malloc(piece.n);

		check(copy);
		memcpy(copy, piece.p, piece.n);
		going = tell_piece(story, &frames, span_of(copy, piece.n));
		free(copy);
	}
	frames_release(&frames);
	check(budget.used == 0);
}

/* What one side writes, the other reads as what it was. */
static void write_back(enum frames_role role, struct span bytes)
{
	struct frames writer, reader;
	struct buf out = BUF_INIT(STORY_BYTES);
	struct span in, short_one = span_first(bytes, 125);

	check(frames_init(&writer, role, STORY_BYTES, NULL, NULL) == 0);
	check(frames_init(&reader, role == FRAMES_SERVER ? FRAMES_CLIENT : FRAMES_SERVER, STORY_BYTES, NULL,
			  NULL) == 0);
	frames_write(&writer, &out, FRAMES_SEND_PING, short_one);
	frames_write(&writer, &out, FRAMES_SEND_TEXT, bytes);
	frames_write_close(&writer, &out, FRAMES_NORMAL, short_one);
	in = buf_span(&out);
	check(frames_next(&reader, &in) == FRAMES_PING && span_eq(reader.payload, short_one));
	check(frames_next(&reader, &in) == FRAMES_MESSAGE && span_eq(reader.payload, bytes));
	check(frames_next(&reader, &in) == FRAMES_CLOSE && reader.code == FRAMES_NORMAL &&
	      span_eq(reader.payload, span_first(bytes, 123)));
	check(frames_next(&reader, &in) == FRAMES_MORE && in.n == 0);
	frames_release(&writer);
	frames_release(&reader);
	buf_release(&out);
}

/* The last byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of((const char *)data, size);

	for (enum frames_role role = FRAMES_SERVER; role <= FRAMES_CLIENT; role++) {
		struct buf whole = BUF_INIT(STORY_BYTES), parts = BUF_INIT(STORY_BYTES);

		tell(&whole, role, bytes, size ? size : 1);
		tell(&parts, role, bytes, size ? 1U + data[size - 1] % 32U : 1);
		check(span_eq(buf_span(&whole), buf_span(&parts)));
		buf_release(&whole);
		buf_release(&parts);
		write_back(role, bytes);
	}
	return 0;
}
