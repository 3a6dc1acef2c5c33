/* report.h - what the load generator saw, and its JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "bench/histogram.h"

enum failure {
	FAILURE_STATUS,	 /* not 200 */
	FAILURE_ANSWER,	 /* 200, but without the id that was asked for */
	FAILURE_FRAMING, /* not HTTP/1.1 with a known length */
	FAILURE_CLOSED,	 /* the connection ended in the middle of a request */
	FAILURE_TIMEOUT, /* no answer before the time was up */
	FAILURE_KINDS,
};

/* Starts as zero. */
struct report {
	struct histogram latency; /* of good answers only */
	uint64_t failures[FAILURE_KINDS];
	uint64_t reconnects; /* the peer closed after an answer */
	uint64_t body_bytes; /* of good answers, summed */
	uint64_t elapsed_ns;
	char first_failure[200]; /* printable, for a person */
};

/* Counts a failure; the first one's `detail` is kept. */
void report_failure(struct report *report, enum failure kind, struct span detail);

uint64_t report_failed(const struct report *report);

/* Writes one JSON object and a newline to stdout. */
void report_print(const struct report *report);
