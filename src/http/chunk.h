/* chunk.h - takes the chunks off a body. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/reason.h"

enum http_chunk_state {
	HTTP_CHUNK_FIRST, /* the first digit of a size */
	HTTP_CHUNK_SIZE,  /* another digit, or the line's end */
	HTTP_CHUNK_SIZE_LF,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_DATA_CR,
	HTTP_CHUNK_DATA_LF,
	HTTP_CHUNK_LAST_CR, /* after the chunk of size 0 */
	HTTP_CHUNK_LAST_LF,
	HTTP_CHUNK_END,
};

/* Digits of a chunk's size, leading zeros counted. */
enum { HTTP_CHUNK_DIGITS = 16 };

/* Where the body stands. Zero is its beginning, but for `room`. */
struct http_chunks {
	enum http_chunk_state state;
	unsigned digits;
	uint64_t left; /* bytes of the current chunk that are missing */
	uint64_t room; /* bytes the rest of the body may have */
};

enum http_chunk_step { HTTP_CHUNK_MORE, HTTP_CHUNK_PIECE, HTTP_CHUNK_DONE, HTTP_CHUNK_BAD };

/*
 * Consumes from `*in`. On HTTP_CHUNK_PIECE `*piece` are bytes of the body, inside `*in`'s memory.
 * A size is hexadecimal digits and CR LF, nothing else: extensions and trailers mean nothing
 * here and would have to be dropped, so they are refused.
 */
enum http_chunk_step http_chunks_take(struct http_chunks *chunks, struct span *in, struct span *piece,
				      enum http_reason *why);
