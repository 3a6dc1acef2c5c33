/* fuzz_http_request.c - requests of anybody: one verdict however they arrive, and llhttp's body. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http_differ.h"

/* The last byte is the size of the pieces, so that a seed is an ordinary request. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size ? 1U + data[size - 1] % 64U : 1;

	return differ(HTTP_REQUESTS, false, step, span_of((const char *)data, size));
}
