/* report.c - what the load generator saw, and its JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report.h"

#include <stdio.h>

static const char *const failure_names[FAILURE_KINDS] = {
	[FAILURE_STATUS] = "status", [FAILURE_ANSWER] = "answer",   [FAILURE_FRAMING] = "framing",
	[FAILURE_CLOSED] = "closed", [FAILURE_TIMEOUT] = "timeout",
};

void report_failure(struct report *report, enum failure kind, struct span detail)
{
	size_t n = 0;

	report->failures[kind]++;
	if (report->first_failure[0])
		return;
	/* Only what needs no escape in JSON. */
	for (size_t i = 0; i < detail.n && n + 1 < sizeof(report->first_failure); i++) {
		char c = detail.p[i];

		report->first_failure[n++] = c < ' ' || c > '~' ? ' ' : c == '"' || c == '\\' ? '\'' : c;
	}
	report->first_failure[n] = '\0';
}

uint64_t report_failed(const struct report *report)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FAILURE_KINDS; i++)
		sum += report->failures[i];
	return sum;
}

static double us(uint64_t ns)
{
	return (double)ns / 1000.0;
}

void report_print(const struct report *report)
{
	const struct histogram *latency = &report->latency;
	double count = latency->count ? (double)latency->count : 1.0;
	double seconds = (double)report->elapsed_ns / 1e9;

	printf("{\"requests\": %llu, \"seconds\": %.6f, \"per_second\": %.1f, ",
	       (unsigned long long)latency->count, seconds,
	       seconds > 0 ? (double)latency->count / seconds : 0.0);
	printf("\"mean_us\": %.2f, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, "
	       "\"max_us\": %.2f, ",
	       us(latency->sum_ns) / count, us(histogram_at(latency, 0.5)), us(histogram_at(latency, 0.9)),
	       us(histogram_at(latency, 0.99)), us(histogram_at(latency, 0.999)), us(latency->max_ns));
	printf("\"body_bytes\": %.0f, \"reconnects\": %llu, \"failures\": {",
	       (double)report->body_bytes / count, (unsigned long long)report->reconnects);
	for (unsigned i = 0; i < FAILURE_KINDS; i++)
		printf("%s\"%s\": %llu", i ? ", " : "", failure_names[i],
		       (unsigned long long)report->failures[i]);
	printf("}, \"first_failure\": \"%s\"}\n", report->first_failure);
	(void)fflush(stdout);
}
