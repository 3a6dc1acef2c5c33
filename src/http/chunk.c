/* chunk.c - takes the chunks off a body. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http/chunk.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum http_reason take_digit(struct http_chunks *chunks, char c)
{
	int digit = hex_value(c);

	if (chunks->state == HTTP_CHUNK_SIZE && c == '\r') {
		chunks->state = HTTP_CHUNK_SIZE_LF;
		return HTTP_FINE;
	}
	if (chunks->state == HTTP_CHUNK_SIZE && c == ';')
		return HTTP_BAD_CHUNK_EXTENSION;
	if (digit < 0 || chunks->digits == HTTP_CHUNK_DIGITS)
		return HTTP_BAD_CHUNK;
	chunks->state = HTTP_CHUNK_SIZE;
	chunks->digits++;
	chunks->left = chunks->left << 4 | (uint64_t)digit;
	return HTTP_FINE;
}

static enum http_reason take_size(struct http_chunks *chunks, char c)
{
	if (c != '\n')
		return HTTP_BAD_CHUNK;
	if (chunks->left > chunks->room)
		return HTTP_BAD_BODY_LONG;
	chunks->room -= chunks->left;
	chunks->digits = 0;
	chunks->state = chunks->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_LAST_CR;
	return HTTP_FINE;
}

static enum http_reason expect(struct http_chunks *chunks, char c, char want, enum http_chunk_state next)
{
	chunks->state = next;
	return c == want ? HTTP_FINE : HTTP_BAD_CHUNK;
}

/* Takes one byte of what stands around the data. */
static enum http_reason take_byte(struct http_chunks *chunks, char c)
{
	switch (chunks->state) {
	case HTTP_CHUNK_FIRST:
	case HTTP_CHUNK_SIZE:
		return take_digit(chunks, c);
	case HTTP_CHUNK_SIZE_LF:
		return take_size(chunks, c);
	case HTTP_CHUNK_DATA_CR:
		return expect(chunks, c, '\r', HTTP_CHUNK_DATA_LF);
	case HTTP_CHUNK_DATA_LF:
		return expect(chunks, c, '\n', HTTP_CHUNK_FIRST);
	case HTTP_CHUNK_LAST_CR:
		return c == '\n'   ? HTTP_BAD_CHUNK
		       : c == '\r' ? expect(chunks, c, '\r', HTTP_CHUNK_LAST_LF)
				   : HTTP_BAD_TRAILER;
	case HTTP_CHUNK_LAST_LF:
		return expect(chunks, c, '\n', HTTP_CHUNK_END);
	case HTTP_CHUNK_DATA:
	case HTTP_CHUNK_END:
		break;
	}
	return HTTP_BAD_CHUNK;
}

enum http_chunk_step http_chunks_take(struct http_chunks *chunks, struct span *in, struct span *piece,
				      enum http_reason *why)
{
	while (chunks->state != HTTP_CHUNK_END) {
		if (in->n == 0)
			return HTTP_CHUNK_MORE;
		if (chunks->state == HTTP_CHUNK_DATA) {
			*piece = span_first(*in, chunks->left < in->n ? (size_t)chunks->left : in->n);
			*in = span_skip(*in, piece->n);
			chunks->left -= piece->n;
			if (chunks->left == 0)
				chunks->state = HTTP_CHUNK_DATA_CR;
			return HTTP_CHUNK_PIECE;
		}
		*why = take_byte(chunks, in->p[0]);
		if (*why != HTTP_FINE)
			return HTTP_CHUNK_BAD;
		*in = span_skip(*in, 1);
	}
	return HTTP_CHUNK_DONE;
}
