/* manager_log.c - the rings of this gate and of older ones, and the keeper that writes what is in them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "daemon/manager_parts.h"

/* A worker that writes nonsense into the ring is not to be trusted with anything. */
void manager_ring_broken(struct manager *manager, uint64_t number)
{
	const struct elder *elder = elders_find(&manager->elders, number);
	struct wire_out out = { 0 };
	struct err err = ERR_INIT;

	if (elder && elder->channel) {
		handover_put_word(HANDOVER_RING, &out);
		(void)channel_send(elder->channel, &out);
		wire_out_release(&out);
	}
	if (number)
		return;
	log_note(manager->log, LOG_ERROR, "audit.broken",
		 "The worker wrote nonsense to the audit ring; it is ended.");
	if (manager->children[CHILD_WORKER].pid)
		(void)kill(manager->children[CHILD_WORKER].pid, SIGKILL);
	if (ring_reset(&manager->ring, &err) < 0)
		log_event(manager->log, LOG_ERROR, "audit.reset", "The audit ring cannot be reset.",
			  LFS("why", err.text));
}

/* What the rings of elders held that have ended is written, and the rings are let go. */
static void relog(struct manager *manager)
{
	/* Where the log is about to change hands, the next gate does it. */
	if (!manager->relog || manager->relogging || !manager->briefing.has_log ||
	    manager->upgrade.stage > UPGRADE_STARTING || !manager->children[CHILD_KEEPER].channel)
		return;
	manager->relog = false;
	manager->relogging = true;
	elders_mark_gone(&manager->elders);
	briefing_log(&manager->briefing, false);
}

void manager_elder_ended(struct manager *manager)
{
	if (manager->stopping) {
		if (manager_is_alone(manager))
			loop_stop(&manager->loop);
		return;
	}
	manager->relog = true;
	relog(manager);
}

void manager_keeper_lost(struct manager *manager)
{
	manager->relog |= manager->relogging;
	manager->relogging = false;
	upgrade_log_left(manager);
}

static void log_taken(struct manager *manager, struct span why)
{
	manager->relogging = false;
	if (manager->succession.stage == SUCCESSION_TAKING) {
		successor_log_taken(manager, why);
		return;
	}
	if (why.n) {
		manager_refused(manager, &manager->children[CHILD_KEEPER], why);
		/* The next one tries it again. */
		if (manager->children[CHILD_KEEPER].pid > 0)
			(void)kill(manager->children[CHILD_KEEPER].pid, SIGKILL);
	}
	upgrade_log_left(manager);
	/* One that ended meanwhile. */
	if (!why.n)
		relog(manager);
}

void manager_log_done(struct manager *manager, struct wire_in *in)
{
	bool taken = wire_get_u64(in) != 0;
	uint64_t waiting = wire_get_u64(in);
	struct span why = wire_get_span(in);

	if (taken) {
		log_taken(manager, why);
	} else if (manager->relogging) {
		/* What cannot be written yet must not be lost. */
		if (waiting == 0)
			elders_drop_marked(&manager->elders);
		briefing_log(&manager->briefing, true);
	} else {
		upgrade_log_left(manager);
	}
}
