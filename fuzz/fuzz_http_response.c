/* fuzz_http_response.c - responses of hostile upstreams: one verdict however they arrive. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http_differ.h"

/* The last byte is the size of the pieces, and whether the end of the connection may end a body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t last = size ? data[size - 1] : 0;

	return differ(HTTP_RESPONSES, (last & 64) != 0, 1U + last % 64U, span_of((const char *)data, size));
}
