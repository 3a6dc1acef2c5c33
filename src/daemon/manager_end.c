/* manager_end.c - the gate ends: what is under way first, then process after process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "base/tr.h"
#include "daemon/manager_parts.h"
#include "jail/launch.h"

enum {
	MANAGER_DRAIN_MS = 10000, /* for calls under way when the gate is told to stop */
	/* For the processes to end after that; the launcher's servers need LAUNCH_END_MS of it. */
	MANAGER_STOP_MS = 8000,
};
_Static_assert((int)LAUNCH_END_MS < (int)MANAGER_STOP_MS && (int)LAUNCH_END_MS < (int)MANAGER_DRAIN_MS,
	       "servers have the time to end that they are promised");

bool manager_is_alone(const struct manager *manager)
{
	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].pid)
			return false;
	return elders_count(&manager->elders) == 0;
}

static void kill_all(uv_timer_t *timer)
{
	struct manager *manager = timer->data;

	for (size_t i = 0; i < CHILD_ROLES; i++)
		if (manager->children[i].pid)
			(void)kill(manager->children[i].pid, SIGKILL);
	elders_release(&manager->elders);
	if (manager_is_alone(manager))
		loop_stop(&manager->loop);
}

void manager_stop_children(struct manager *manager)
{
	for (size_t i = CHILD_ROLES; i-- > 0;) {
		if (i == CHILD_KEEPER && manager->children[CHILD_WORKER].pid)
			child_is_last(&manager->children[i]);
		else
			child_stop(&manager->children[i]);
	}
	(void)uv_timer_start(&manager->deadline, kill_all, MANAGER_STOP_MS, 0);
	if (manager_is_alone(manager))
		loop_stop(&manager->loop);
}

void manager_worker_ended(struct manager *manager)
{
	struct child *keeper = &manager->children[CHILD_KEEPER];

	if (keeper->stopping && keeper->channel)
		child_stop(keeper);
}

static void on_drain_deadline(uv_timer_t *timer)
{
	manager_stop_children(timer->data);
}

void manager_stop(struct manager *manager, int code)
{
	struct wire_out out = { 0 };

	if (manager->stopping) {
		manager_stop_children(manager);
		return;
	}
	upgrade_give_up(manager, tr("the gate is ending; try again"));
	manager->stopping = true;
	manager->exit_code = code;
	notify_tell(&manager->notify, "STOPPING=1");
	log_note(manager->log, LOG_INFO, upgrade_is_done(manager) ? "elder.stopping" : "gate.stopping",
		 "The gate stops: no new calls, those under way may end.");
	if (manager->succession.stage == SUCCESSION_NONE)
		elders_tell(&manager->elders, HANDOVER_STOP);
	else
		elders_release(&manager->elders);
	manager->succession.before = NULL;
	hosts_close(manager->hosts);
	if (!manager->children[CHILD_WORKER].channel || !manager->ready) {
		manager_stop_children(manager);
		return;
	}
	wire_begin(&out, WORK_DRAIN, 0);
	(void)channel_send(manager->children[CHILD_WORKER].channel, &out);
	wire_out_release(&out);
	(void)uv_timer_start(&manager->deadline, on_drain_deadline, MANAGER_DRAIN_MS, 0);
}
