/* metrics.c - the text for Prometheus: every line is one, buckets add up. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/metrics.h"
#include "base/cleanup.h"
#include "tap.h"

static bool line_is_fine(struct span line)
{
	struct span name = span_cut(&line, ' ');

	if (span_eq(name, S("#")))
		return span_starts(line, S("HELP kanmon_")) || span_starts(line, S("TYPE kanmon_"));
	return span_starts(name, S("kanmon_")) && line.n && line.p[0] >= '0' && line.p[0] <= '9';
}

/* The number behind `name`, or -1. */
static int64_t number_of(struct span text, const char *name)
{
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		uint64_t value;

		if (span_starts(line, span_str(name)) && span_u64(span_skip(line, strlen(name) + 1), &value))
			return (int64_t)value;
	}
	return -1;
}

int main(void)
{
	static const uint64_t times[] = { 0, 50, 51, 1000, 1001, 60000000, 60000001, UINT64_MAX / 2 };
	const struct metric_gauge gauges[] = { { "sessions", "Sessions.", NULL, NULL, 3 },
					       { "streams", "Streams.", "kind", "a", 1 },
					       { "streams", "Streams.", "kind", "b", 2 } };
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);
	struct metrics metrics = { .calls = 7, .denied = 2, .latency_us_sum = 0 };
	bool fine = true;
	struct span rest;

	for (size_t i = 0; i < COUNT(times); i++)
		metrics_observe(&metrics, times[i]);
	metrics_write(&out, &metrics, gauges, COUNT(gauges));
	ok(buf_ok(&out) && span_ends(buf_span(&out), S("\n")), "written");
	rest = buf_span(&out);
	while (rest.n)
		fine = fine && line_is_fine(span_cut(&rest, '\n'));
	ok(fine, "every line is a comment or a number");
	rest = buf_span(&out);
	is_int(number_of(rest, "kanmon_calls_total"), 7, "calls");
	is_int(number_of(rest, "kanmon_calls_denied_total"), 2, "denied");
	is_int(number_of(rest, "kanmon_call_duration_seconds_bucket{le=\"5e-05\"}"), 2,
	       "a bound is inside its bucket");
	is_int(number_of(rest, "kanmon_call_duration_seconds_bucket{le=\"0.001\"}"), 4, "buckets add up");
	is_int(number_of(rest, "kanmon_call_duration_seconds_bucket{le=\"60\"}"), 6, "to the last bound");
	is_int(number_of(rest, "kanmon_call_duration_seconds_bucket{le=\"+Inf\"}"), 8, "and beyond");
	is_int(number_of(rest, "kanmon_call_duration_seconds_count"), 8, "to the count");
	ok(span_contains(rest, S("kanmon_streams{kind=\"a\"} 1\nkanmon_streams{kind=\"b\"} 2\n")),
	   "one head for the values of one gauge");
	buf_clear(&out);
	metrics_add_label(&out, "server", S("a\"b\\c\nd"));
	is_span(buf_span(&out), S("server=\"a\\\"b\\\\c\\nd\""), "what would end a label is escaped");
	return tap_done();
}
