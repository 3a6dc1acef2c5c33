/* metrics.c - counters in Prometheus' text form. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/metrics.h"

#include "base/cleanup.h"

_Static_assert(sizeof(struct metrics) % sizeof(uint64_t) == 0, "counters, and nothing else");

static const uint64_t bounds_us[METRIC_BUCKETS] = {
	50, 100, 250, 500, 1000, 2500, 5000, 10000, 50000, 100000, 500000, 1000000, 10000000, 60000000
};

void metrics_observe(struct metrics *metrics, uint64_t us)
{
	size_t i = 0;

	while (i < METRIC_BUCKETS && us > bounds_us[i])
		i++;
	metrics->latency[i]++;
	metrics->latency_us_sum += us;
}

void metrics_add(struct metrics *metrics, const struct metrics *more)
{
	uint64_t *to = (uint64_t *)metrics;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*metrics) / sizeof(*to); i++)
		to[i] += from[i];
}

void metrics_add_label(struct buf *out, const char *name, struct span value)
{
	buf_addf(out, "%s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\n') {
			buf_add(out, S("\\n"));
			continue;
		}
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, value.p[i]);
	}
	buf_add_char(out, '"');
}

static void add_counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
	buf_addf(out, "# HELP kanmon_%s %s\n# TYPE kanmon_%s counter\nkanmon_%s ", name, help, name, name);
	buf_add_u64(out, value);
	buf_add_char(out, '\n');
}

static void add_histogram(struct buf *out, const struct metrics *metrics)
{
	uint64_t sum = 0;

	buf_add(out, S("# HELP kanmon_call_duration_seconds Time from a client's request to its answer.\n"
		       "# TYPE kanmon_call_duration_seconds histogram\n"));
	for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
		sum += metrics->latency[i];
		if (i < METRIC_BUCKETS)
			buf_addf(out, "kanmon_call_duration_seconds_bucket{le=\"%g\"} ",
				 (double)bounds_us[i] / 1e6);
		else
			buf_add(out, S("kanmon_call_duration_seconds_bucket{le=\"+Inf\"} "));
		buf_add_u64(out, sum);
		buf_add_char(out, '\n');
	}
	buf_addf(out, "kanmon_call_duration_seconds_sum %.6f\nkanmon_call_duration_seconds_count ",
		 (double)metrics->latency_us_sum / 1e6);
	buf_add_u64(out, sum);
	buf_add_char(out, '\n');
}

static void add_labelled(struct buf *out, const struct metric_gauge *g)
{
	buf_addf(out, "kanmon_%s{", g->name);
	metrics_add_label(out, g->label, span_str(g->value_label));
	buf_addf(out, "} %g\n", g->value);
}

static void add_gauges(struct buf *out, const struct metric_gauge *gauges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct metric_gauge *g = &gauges[i];

		if (i == 0 || span_cmp(span_str(g->name), span_str(gauges[i - 1].name)) != 0)
			buf_addf(out, "# HELP kanmon_%s %s\n# TYPE kanmon_%s gauge\n", g->name, g->help,
				 g->name);
		if (g->label)
			add_labelled(out, g);
		else
			buf_addf(out, "kanmon_%s %g\n", g->name, g->value);
	}
}

void metrics_write(struct buf *out, const struct metrics *m, const struct metric_gauge *gauges, size_t n)
{
	const struct {
		const char *name, *help;
		uint64_t value;
	} counters[] = {
		{ "http_requests_total", "HTTP requests received.", m->requests },
		{ "front_refused_total", "Requests refused for Host, Origin or token.", m->refused_front },
		{ "malformed_total", "Messages refused as malformed.", m->malformed },
		{ "calls_total", "MCP requests received.", m->calls },
		{ "calls_denied_total", "MCP requests denied by a rule, a scope, a limit or a schema.",
		  m->denied },
		{ "calls_failed_total", "MCP requests whose server did not answer.", m->failed },
		{ "calls_cancelled_total", "MCP requests given up by their client.", m->cancelled },
		{ "notifications_total", "Notifications passed on, both ways.", m->notifications },
		{ "server_requests_total", "Requests of servers to clients.", m->server_requests },
		{ "records_refused_total", "MCP requests denied because they could not be recorded.",
		  m->records_refused },
	};

	for (size_t i = 0; i < COUNT(counters); i++)
		add_counter(out, counters[i].name, counters[i].help, counters[i].value);
	add_histogram(out, m);
	add_gauges(out, gauges, n);
}
