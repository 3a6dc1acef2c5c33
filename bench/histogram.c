/* histogram.c - latencies in buckets whose width grows with the value. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/histogram.h"

/*
 * Values below HISTOGRAM_SUB have a bucket each. Above, every power of two is cut into
 * HISTOGRAM_SUB equal parts: the top bits of the value are the number of the part.
 */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift, bucket;

	if (ns < HISTOGRAM_SUB)
		return (unsigned)ns;
	shift = 63U - (unsigned)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
	bucket = (shift + 1) * HISTOGRAM_SUB + (unsigned)((ns >> shift) - HISTOGRAM_SUB);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t middle_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < HISTOGRAM_SUB)
		return bucket;
	shift = bucket / HISTOGRAM_SUB - 1;
	return ((uint64_t)(bucket % HISTOGRAM_SUB + HISTOGRAM_SUB) << shift) + ((1ULL << shift) >> 1);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->count++;
	histogram->sum_ns += ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->bucket[bucket_of(ns)]++;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)((double)histogram->count * share);
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen > wanted)
			return middle_of(i);
	}
	return histogram->max_ns;
}
