/* fuzz_ring.c - a producer that writes anything into its ring; the consumer stays within bounds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/ring.h"
#include "base/check.h"

enum { PAGE = 4096, HEAD_AT = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first 8 bytes are the producer's place, the others what stands in the ring from its start on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(ring_fds_release) struct ring_fds fds = RING_FDS_INIT;
	CLEANUP(ring_unmap) struct ring ring = RING_INIT;
	CLEANUP(buf_release) struct buf out = BUF_INIT(RING_RECORD_MAX);
	struct err err;
	unsigned read = 0;

	if (size < 8 || size > RING_BYTES_MIN || ring_create(RING_BYTES_MIN, &fds, &err) < 0 ||
	    ring_map(&ring, &fds, RING_CONSUMER, &err) < 0)
		return 0;
	if (pwrite(fds.memory, data, 8, HEAD_AT) != 8 ||
	    pwrite(fds.memory, data + 8, size - 8, PAGE) != (ssize_t)size - 8)
		return 0;
	while (ring_read(&ring, &out) == RING_RECORD) {
		buf_clear(&out);
		check(++read <= RING_BYTES_MIN);
	}
	return 0;
}
