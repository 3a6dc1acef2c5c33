/* metrics.h - what is counted, and how it is shown to Prometheus. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

enum { METRIC_BUCKETS = 14 };

/* Plain counters of one worker; nobody else writes them. */
struct metrics {
	uint64_t requests;	/* HTTP requests */
	uint64_t refused_front; /* Host, Origin, token: refused before a message was read */
	uint64_t malformed;	/* HTTP or JSON or JSON-RPC that is none */
	uint64_t calls;		/* MCP requests of clients */
	uint64_t denied;	/* by a rule, a scope, a limit, the schema */
	uint64_t failed;	/* the server did not answer */
	uint64_t cancelled;
	uint64_t notifications;
	uint64_t server_requests;
	uint64_t records_refused; /* calls refused because they could not be recorded */
	uint64_t latency_us_sum;
	uint64_t latency[METRIC_BUCKETS + 1]; /* the last: above all bounds */
};

void metrics_observe(struct metrics *metrics, uint64_t us);
/* What another worker counted comes on top. */
void metrics_add(struct metrics *metrics, const struct metrics *more);

struct metric_gauge {
	const char *name, *help, *label, *value_label; /* label NULL: none */
	double value;
};

/* Adds name="value" as it stands between braces: with a backslash before what would end it. */
void metrics_add_label(struct buf *out, const char *name, struct span value);

/* Adds the Prometheus text form (version 0.0.4). */
void metrics_write(struct buf *out, const struct metrics *metrics, const struct metric_gauge *gauges,
		   size_t n);
