/* briefing.c - what each process of the gate is told: when it starts, and of a new config. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/briefing.h"

#include "daemon/definitions.h"
#include "daemon/gate_tls.h"
#include "daemon/work.h"
#include "jail/launch.h"
#include "net/dial.h"

/* Below 2^53 together, so that every reader of JSON has them whole. */
enum { BRIEFING_CALL_BITS = 36, BRIEFING_GENERATIONS = 1 << 16 };

/* How the worker, and how the process itself, hears of a channel between the two. */
static const struct {
	enum work_peer peer;
	uint32_t kind;
} joins[CHILD_ROLES] = {
	[CHILD_KEEPER] = { PEER_KEEPER, WORK_PEER },
	[CHILD_LAUNCHER] = { PEER_LAUNCHER, LAUNCH_WORKER },
	[CHILD_EGRESS] = { PEER_EGRESS, DIAL_WORKER },
};

static void put_setup(const struct briefing *briefing, struct wire_out *out, bool tls, uint64_t threads)
{
	wire_begin(out, WORK_SETUP, 0);
	wire_put_u64(out, briefing->log->level);
	wire_put_u64(out, briefing->log->json);
	wire_put_u64(out, briefing->log->stamp);
	wire_put_u64(out, tls);
	wire_put_u64(out, threads);
	wire_put_u64(out, briefing->generation % BRIEFING_GENERATIONS << BRIEFING_CALL_BITS);
}

static void put_ring(struct channel *keeper, uint64_t number, const struct ring_fds *ring)
{
	struct wire_out out = { 0 };

	wire_begin(&out, WORK_RING, 0);
	wire_put_u64(&out, number);
	wire_put_fd(&out, ring->memory);
	wire_put_fd(&out, ring->wake);
	(void)channel_send(keeper, &out);
	wire_out_release(&out);
}

void briefing_log(const struct briefing *briefing, bool take)
{
	struct channel *keeper = briefing->children[CHILD_KEEPER].channel;
	struct wire_out out = { 0 };

	if (!keeper)
		return;
	if (take) {
		put_ring(keeper, 0, briefing->ring);
		for (size_t i = 0; i < briefing->elders->n; i++)
			if (briefing->elders->at[i]->ring.memory >= 0)
				put_ring(keeper, briefing->elders->at[i]->number,
					 &briefing->elders->at[i]->ring);
	}
	wire_begin(&out, WORK_LOG, 0);
	wire_put_u64(&out, take);
	(void)channel_send(keeper, &out);
	wire_out_release(&out);
}

/* A channel between the worker and another: one end goes with `out`, the other to the worker. */
static int put_joint(const struct briefing *briefing, struct wire_out *out, enum child_role role, int *theirs)
{
	struct wire_out tell = { 0 };
	struct channel *worker = briefing->children[CHILD_WORKER].channel;
	struct err err = ERR_INIT;
	int fds[2];

	*theirs = -1;
	if (wire_pair(fds, &err) < 0) {
		log_event(briefing->log, LOG_ERROR, "process.join", "Two processes could not be joined.",
			  LFS("why", err.text));
		return -1;
	}
	wire_put_fd(out, fds[1]);
	*theirs = fds[1];
	if (worker) {
		wire_begin(&tell, WORK_PEER, 0);
		wire_put_u64(&tell, joins[role].peer);
		wire_put_fd(&tell, fds[0]);
		(void)channel_send(worker, &tell);
		wire_out_release(&tell);
	}
	(void)close(fds[0]);
	return 0;
}

void briefing_keeper(const struct briefing *briefing, const struct gate_config *config)
{
	/* It has the log from the beginning, with the one ring there is. */
	bool alone = briefing->has_log && briefing->elders->n == 0;
	struct wire_out out = { 0 };
	int theirs;

	put_setup(briefing, &out, false, 0);
	wire_put_span(&out, span_str(config->paths.data));
	wire_put_span(&out, span_str(config->paths.audit));
	if (put_joint(briefing, &out, CHILD_KEEPER, &theirs) == 0) {
		if (alone) {
			wire_put_fd(&out, briefing->ring->memory);
			wire_put_fd(&out, briefing->ring->wake);
		}
		(void)channel_send(briefing->children[CHILD_KEEPER].channel, &out);
	}
	closep(&theirs);
	wire_out_release(&out);
	if (briefing->has_log && !alone)
		briefing_log(briefing, true);
}

static void set_up_joined(const struct briefing *briefing, enum child_role role)
{
	struct wire_out out = { 0 };
	int theirs;

	put_setup(briefing, &out, false, 0);
	if (put_joint(briefing, &out, role, &theirs) == 0)
		(void)channel_send(briefing->children[role].channel, &out);
	closep(&theirs);
	wire_out_release(&out);
}

void briefing_launcher(const struct briefing *briefing, const struct gate_config *config)
{
	set_up_joined(briefing, CHILD_LAUNCHER);
	definitions_send(config, true, briefing->children[CHILD_LAUNCHER].channel, briefing->log);
}

void briefing_egress(const struct briefing *briefing, const struct gate_config *config)
{
	set_up_joined(briefing, CHILD_EGRESS);
	definitions_send(config, false, briefing->children[CHILD_EGRESS].channel, briefing->log);
}

int briefing_config(const struct briefing *briefing, const struct gate_config *config, struct err *err)
{
	CLEANUP(closep) int fd = gate_config_seal(config, briefing->launch_key, err);
	struct wire_out out = { 0 };

	if (fd < 0)
		return -1;
	wire_begin(&out, WORK_CONFIG, 0);
	wire_put_fd(&out, fd);
	(void)channel_send(briefing->children[CHILD_WORKER].channel, &out);
	wire_out_release(&out);
	return 0;
}

static void send_listener(struct channel *worker, int fd, enum work_listen kind)
{
	struct wire_out out = { 0 };

	wire_begin(&out, WORK_LISTEN, 0);
	wire_put_u64(&out, kind);
	wire_put_fd(&out, fd);
	(void)channel_send(worker, &out);
	wire_out_release(&out);
}

static void send_listeners(struct channel *worker, const struct listeners *listeners, enum work_listen kind)
{
	for (size_t i = 0; i < listeners->n; i++)
		send_listener(worker, listeners->fds[i], kind);
}

void briefing_join(const struct briefing *briefing, enum child_role role)
{
	struct child *child = &briefing->children[role];
	struct wire_out out = { 0 };
	int theirs;

	if (!child->channel)
		return;
	wire_begin(&out, joins[role].kind, 0);
	if (joins[role].kind == WORK_PEER)
		wire_put_u64(&out, joins[role].peer);
	if (put_joint(briefing, &out, role, &theirs) == 0)
		(void)channel_send(child->channel, &out);
	closep(&theirs);
	wire_out_release(&out);
}

int briefing_worker(const struct briefing *briefing, const struct gate_config *config, struct err *err)
{
	struct channel *worker = briefing->children[CHILD_WORKER].channel;
	struct wire_out out = { 0 };
	int rc;

	put_setup(briefing, &out, gate_tls_wanted(config), gate_config_threads(config));
	wire_put_fd(&out, briefing->ring->memory);
	wire_put_fd(&out, briefing->ring->wake);
	(void)channel_send(worker, &out);
	wire_out_release(&out);
	/* Listening comes last: what the kernel queued meanwhile finds a gate that is whole. */
	rc = briefing_config(briefing, config, err);
	briefing_join(briefing, CHILD_KEEPER);
	briefing_join(briefing, CHILD_LAUNCHER);
	briefing_join(briefing, CHILD_EGRESS);
	if (briefing->listens)
		briefing_listen(briefing);
	return rc;
}

void briefing_listen(const struct briefing *briefing)
{
	struct channel *worker = briefing->children[CHILD_WORKER].channel;

	if (!worker)
		return;
	send_listeners(worker, briefing->clients, LISTEN_CLIENTS);
	send_listeners(worker, briefing->metrics, LISTEN_METRICS);
	if (briefing->local->fd >= 0)
		send_listener(worker, briefing->local->fd, LISTEN_UNIX);
}

static struct channel *channel_for(const struct briefing *briefing, bool programs)
{
	return briefing->children[programs ? CHILD_LAUNCHER : CHILD_EGRESS].channel;
}

void briefing_define(const struct briefing *briefing, const struct gate_config *config)
{
	for (int programs = 0; programs < 2; programs++)
		if (channel_for(briefing, programs))
			definitions_send(config, programs, channel_for(briefing, programs), briefing->log);
}

void briefing_forget(const struct briefing *briefing, const struct gate_config *old,
		     const struct gate_config *now)
{
	for (int programs = 0; programs < 2; programs++)
		if (channel_for(briefing, programs))
			definitions_forget(old, now, programs, channel_for(briefing, programs));
}
