/* crew_state.c - what `kanmon status` shows of the worker process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/crew_state.h"

#include "audit/ring.h"
#include "exchange/client.h"
#include "json/write.h"

static const char *speaks_word(enum speaks speaks)
{
	static const char *const words[] = {
		[SPEAKS_UNKNOWN] = "unknown", [SPEAKS_YES] = "yes", [SPEAKS_NO] = "no"
	};

	return words[speaks];
}

static void add_left_out(const struct server *server, struct buf *out)
{
	json_add_key(out, S("left_out"));
	buf_add_char(out, '[');
	for (unsigned kind = 0; kind < OFFER_KINDS; kind++)
		for (unsigned i = OMIT_NOTHING + 1; i < OMISSIONS; i++) {
			if (!server->omitted[kind][i])
				continue;
			json_add_comma(out);
			buf_add_char(out, '{');
			json_put_string(out, S("list"), offer_word((enum offer_kind)kind));
			json_put_string(out, S("reason"), omission_word((enum omission)i));
			json_put_u64(out, S("count"), server->omitted[kind][i]);
			buf_add_char(out, '}');
		}
	buf_add_char(out, ']');
}

/* A server as all threads have it. */
struct sum {
	size_t links, calls, tools;
	uint64_t started, failed, dropped;
	enum speaks legacy, modern;
	const char *last_failure;
	const struct server *seen; /* with the lists that were looked at */
};

static void count_work(const struct worker *worker, const struct server *server, struct sum *sum)
{
	LIST_EACH(&worker->clients, node) {
		const struct client *client = LIST_ENTRY(node, struct client, node);

		LIST_EACH(&client->attachments, entry) {
			const struct attachment *attachment = LIST_ENTRY(entry, struct attachment, node);

			sum->links += attachment->server == server && attachment->link;
		}
		LIST_EACH(&client->exchanges, entry)
			sum->calls += LIST_ENTRY(entry, struct exchange, in_client)->server == server;
	}
}

/* Has any of its lists been looked at here? */
static bool has_lists(const struct server *server)
{
	bool any = false;

	for (size_t i = 0; i < OFFER_KINDS; i++)
		any |= server->recent[i].n > 0;
	return any;
}

static void add_to(struct sum *sum, const struct worker *worker, const struct server *server)
{
	count_work(worker, server, sum);
	sum->started += server->started;
	sum->failed += server->failed;
	sum->dropped += server->dropped;
	if (sum->legacy == SPEAKS_UNKNOWN)
		sum->legacy = server->legacy;
	if (sum->modern == SPEAKS_UNKNOWN)
		sum->modern = server->modern;
	if (!sum->last_failure[0])
		sum->last_failure = server->last_failure;
	if (!has_lists(sum->seen) && has_lists(server))
		sum->seen = server;
	if (!sum->tools && server->recent[OFFER_TOOLS].n)
		sum->tools = server->recent[OFFER_TOOLS].lists[0].tools->n;
}

static void add_server(const struct worker *worker, struct server *server, struct buf *out)
{
	struct sum sum = { .last_failure = "", .seen = server };
	uint64_t now = loop_now(&worker->loop);
	const struct common_view view = common_view(server_common(server), now);

	CREW_EACH(worker->crew, member)
	{
		const struct server *same = member == worker ? server : worker_server(member, server->name);

		if (same)
			add_to(&sum, member, same);
	}
	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("name"), server_shown(server));
	json_put_string(out, S("kind"), server_kind_name(server->kind));
	json_put_bool(out, S("for_one_host"), server->ephemeral);
	json_put_string(out, S("legacy"), span_str(speaks_word(sum.legacy)));
	json_put_string(out, S("modern"), span_str(speaks_word(sum.modern)));
	json_put_u64(out, S("tools"), sum.tools);
	json_put_u64(out, S("connections"), sum.links);
	json_put_u64(out, S("calls"), sum.calls);
	json_put_u64(out, S("started"), sum.started);
	json_put_u64(out, S("failed"), sum.failed);
	json_put_u64(out, S("dropped"), sum.dropped);
	json_put_u64(out, S("allow_rules"), server->rules.n_allow);
	json_put_string(out, S("last_failure"), span_str(sum.last_failure));
	json_put_u64(out, S("faults"), view.vain);
	json_put_bool(out, S("shared"), server_is_shared(server));
	json_put_u64(out, S("rests_ms"), view.rests_ms);
	add_left_out(sum.seen, out);
	buf_add_char(out, '}');
}

void crew_state_add(struct worker *worker, struct buf *out)
{
	const struct crew *crew = worker->crew;
	struct metrics metrics = { 0 };

	CREW_EACH(crew, member)
	metrics_add(&metrics, &member->metrics);
	buf_add_char(out, '{');
	json_put_u64(out, S("uptime_ms"), loop_now(&worker->loop) - worker->started_ms);
	json_put_u64(out, S("sessions"), crew->n_clients);
	json_put_u64(out, S("calls_in_flight"), crew->n_calls);
	json_put_u64(out, S("calls"), metrics.calls);
	json_put_u64(out, S("denied"), metrics.denied);
	json_put_u64(out, S("failed"), metrics.failed);
	json_put_u64(out, S("refused_at_the_door"), metrics.refused_front);
	json_put_u64(out, S("threads"), crew->n);
	json_put_bool(out, S("keeper"), worker->keeper != NULL);
	json_put_bool(out, S("launcher"), worker->upstream.launcher != NULL);
	json_put_bool(out, S("egress"), worker->upstream.egress != NULL);
	json_put_u64(out, S("record_failure"), worker->ring ? (uint64_t)ring_failure(worker->ring) : 0);
	json_put_string(out, S("config"), worker->config_digest);
	json_add_key(out, S("servers"));
	buf_add_char(out, '[');
	CREW_EACH(crew, member)
	LIST_EACH(&member->servers, node) {
		struct server *server = LIST_ENTRY(node, struct server, node);

		if (member == worker || server->ephemeral)
			add_server(member, server, out);
	}
	buf_add(out, S("]}"));
}
