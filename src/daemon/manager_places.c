/* manager_places.c - what there can be one of: the data folder's lock, and addresses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/core.h"
#include "daemon/data_lock.h"
#include "daemon/manager_parts.h"

/* A gate in the background is there for hosts on stdio: it can do without an address. */
static int open_sockets(struct manager *manager, struct err *err)
{
	const struct conf_node *root = conf_root(manager->reload.config.conf);

	if (listeners_open(&manager->clients, conf_get_first(root, "listen"), &manager->succession.clients,
			   err) < 0) {
		if (!manager->options.background)
			return -1;
		log_event(manager->log, LOG_WARN, "listen.taken",
			  "The gate serves hosts on stdio only: its address cannot be used.",
			  LFS("why", err->text));
		(void)snprintf(manager->not_bound, sizeof(manager->not_bound), "%s", err->text);
		*err = ERR_INIT;
	}
	if (listeners_open(&manager->metrics, conf_get_first(root, "metrics"), &manager->succession.metrics,
			   err) < 0) {
		if (!manager->options.background)
			return -1;
		log_event(manager->log, LOG_WARN, "metrics.taken",
			  "The gate gives no metrics: their address cannot be used.", LFS("why", err->text));
		*err = ERR_INIT;
	}
	if (local_socket_take(&manager->local, root, &manager->succession.local, err) == 0)
		return 0;
	if (!manager->options.background)
		return -1;
	log_event(manager->log, LOG_WARN, "unix.taken",
		  "The gate serves nobody on its unix socket: it cannot be used.", LFS("why", err->text));
	*err = ERR_INIT;
	return 0;
}

static int lock_data(struct manager *manager, struct err *err)
{
	const struct gate_paths *paths = &manager->reload.config.paths;

	/* Handed over. */
	if (manager->lock_fd >= 0)
		return 0;
	if (data_lock(paths->data, &manager->lock_fd, err) == 0)
		return 0;
	closep(&manager->lock_fd);
	if (err->code != ERR_DENIED || !manager->options.make_room ||
	    manager->options.make_room(paths, &manager->lock_fd, err) < 0)
		return -1;
	*err = ERR_INIT;
	log_note(manager->log, LOG_INFO, "gate.takeover",
		 "A gate that `kanmon run` had started, and that no host used, has ended to make room.");
	return 0;
}

int manager_take_places(struct manager *manager, struct err *err)
{
	return lock_data(manager, err) < 0 || open_sockets(manager, err) < 0 ? -1 : 0;
}
