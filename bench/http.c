/* http.c - where one HTTP/1.1 message begins and ends. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/http.h"

#define HEAD_BYTES_MAX (64U * 1024U)
#define CHUNK_LINE_MAX 64U

enum chunk_step {
	CHUNK_SIZE,
	CHUNK_DATA,
	CHUNK_DATA_END,
	CHUNK_TRAILER,
};

struct span http_header(struct span head, struct span name)
{
	struct span rest = head;

	(void)span_cut(&rest, '\n');
	while (rest.n) {
		struct span line = span_cut(&rest, '\n');
		struct span key = span_cut(&line, ':');

		if (!span_eq_nocase(key, name))
			continue;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		return span_trim(line);
	}
	return S("");
}

/* "HTTP/1.1 200 OK" gives 200, "POST / HTTP/1.1" gives 0. */
static bool first_line(struct http_message *message, struct span head)
{
	struct span line = span_cut(&head, '\n');
	uint64_t status;

	message->status = 0;
	if (!span_starts(line, S("HTTP/1.")))
		return true;
	(void)span_cut(&line, ' ');
	if (!span_u64(span_first(line, 3), &status))
		return false;
	message->status = (unsigned)status;
	return true;
}

static enum http_read read_head(struct http_message *message, const char *bytes, size_t n)
{
	const char *end = memmem(bytes, n, "\r\n\r\n", 4);
	struct span head, length, encoding;
	uint64_t wanted = 0;

	if (!end)
		return n > HEAD_BYTES_MAX ? HTTP_BAD : HTTP_MORE;
	head = span_of(bytes, (size_t)(end - bytes) + 4);
	if (!first_line(message, head))
		return HTTP_BAD;
	length = http_header(head, S("content-length"));
	encoding = http_header(head, S("transfer-encoding"));
	message->close = span_eq_nocase(http_header(head, S("connection")), S("close"));
	message->chunked = span_eq_nocase(encoding, S("chunked"));
	if ((encoding.n && !message->chunked) || (length.n && !span_u64(length, &wanted)))
		return HTTP_BAD;
	/* An answer that only ends with its connection is of no use over keep-alive. */
	if (message->status && message->status != 204 && !length.n && !message->chunked)
		return HTTP_BAD;
	message->wanted = (size_t)wanted;
	message->head_bytes = message->used = head.n;
	return HTTP_DONE;
}

/* The size in front of a chunk, extensions ignored. */
static bool chunk_size(struct span line, size_t *out)
{
	size_t value = 0, i = 0;

	for (; i < line.n && i < 8; i++) {
		char c = line.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			break;
		value = value * 16 + (size_t)digit;
	}
	*out = value;
	return i > 0;
}

/* Takes one line of chunk framing; HTTP_DONE with the line, its end already skipped. */
static enum http_read chunk_line(struct http_message *message, const char *bytes, size_t n, struct span *line)
{
	struct span rest = span_of(bytes + message->used, n - message->used);
	size_t at = span_find(rest, '\n');

	if (at == rest.n)
		return rest.n > CHUNK_LINE_MAX ? HTTP_BAD : HTTP_MORE;
	if (at == 0 || rest.p[at - 1] != '\r')
		return HTTP_BAD;
	*line = span_first(rest, at - 1);
	message->used += at + 1;
	return HTTP_DONE;
}

/* Moves what is here of the current chunk to the end of the content. */
static enum http_read chunk_data(struct http_message *message, char *bytes, size_t n)
{
	size_t here = n - message->used < message->wanted ? n - message->used : message->wanted;

	memmove(bytes + message->head_bytes + message->body_bytes, bytes + message->used, here);
	message->body_bytes += here;
	message->used += here;
	message->wanted -= here;
	return message->wanted ? HTTP_MORE : HTTP_DONE;
}

static enum http_read read_chunks(struct http_message *message, char *bytes, size_t n)
{
	for (;;) {
		struct span line = S("");
		enum http_read got = message->step == CHUNK_DATA ? chunk_data(message, bytes, n)
								 : chunk_line(message, bytes, n, &line);

		if (got != HTTP_DONE)
			return got;
		switch ((enum chunk_step)message->step) {
		case CHUNK_SIZE:
			if (!chunk_size(line, &message->wanted))
				return HTTP_BAD;
			message->step = message->wanted ? CHUNK_DATA : CHUNK_TRAILER;
			break;
		case CHUNK_DATA:
			message->step = CHUNK_DATA_END;
			break;
		case CHUNK_DATA_END:
			message->step = CHUNK_SIZE;
			break;
		case CHUNK_TRAILER:
			if (line.n == 0)
				return HTTP_DONE;
			break;
		}
	}
}

enum http_read http_read(struct http_message *message, char *bytes, size_t n)
{
	if (message->head_bytes == 0) {
		enum http_read got = read_head(message, bytes, n);

		if (got != HTTP_DONE)
			return got;
	}
	if (message->chunked)
		return read_chunks(message, bytes, n);
	if (n - message->head_bytes < message->wanted)
		return HTTP_MORE;
	message->body_bytes = message->wanted;
	message->used = message->head_bytes + message->wanted;
	return HTTP_DONE;
}
