/* histogram.h - latencies in buckets whose width grows with the value: 1.6 % exact at any size. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_SUB (1U << HISTOGRAM_SUB_BITS)
/* Up to 2^42 ns, about 73 minutes; what is longer counts in the last bucket. */
#define HISTOGRAM_BUCKETS ((42U - HISTOGRAM_SUB_BITS + 1U) * HISTOGRAM_SUB)

/* Starts as zero. */
struct histogram {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/*
 * The value below which `share` (0 to 1) of all values lie: the middle of its bucket.
 * Units: nanoseconds; 0 for an empty histogram.
 */
uint64_t histogram_at(const struct histogram *histogram, double share);
