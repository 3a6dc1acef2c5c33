/* process.c - what every process of the gate does first. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process.h"

#include <stdlib.h>

enum { SETUP_WAIT_MS = 10000 };

int process_setup_read(int manager_fd, struct process_setup *setup, struct log *log, struct err *err)
{
	CLEANUP(freep) char *store = malloc(WIRE_MAX_BYTES);
	struct wire_in in;

	*setup = (struct process_setup){ .fds = { -1, -1, -1, -1, -1, -1, -1, -1 } };
	if (!store)
		return err_set(err, ERR_NOMEM, "no memory for the set-up");
	if (wire_recv_wait(manager_fd, store, &in, SETUP_WAIT_MS, err) < 0)
		return err_wrap(err, "the set-up");
	if (in.kind != WORK_SETUP) {
		wire_in_release(&in);
		return err_set(err, ERR_FORMAT, "the manager's first message is no set-up");
	}
	log->level = (enum log_level)wire_get_u64(&in);
	log->json = wire_get_u64(&in) != 0;
	log->stamp = wire_get_u64(&in) != 0;
	setup->tls = wire_get_u64(&in) != 0;
	setup->threads = wire_get_u64(&in);
	setup->calls_before = wire_get_u64(&in);
	for (size_t i = 0; i < COUNT(setup->texts) && in.rest.n; i++)
		if (!span_to_cstr(wire_get_span(&in), setup->texts[i], sizeof(setup->texts[i])))
			in.bad = true;
	while (setup->n_fds < in.n_fds)
		setup->fds[setup->n_fds++] = wire_get_fd(&in);
	if (wire_in_done(&in))
		return 0;
	for (size_t i = 0; i < setup->n_fds; i++)
		closep(&setup->fds[i]);
	wire_in_release(&in);
	return err_set(err, ERR_FORMAT, "the manager's set-up cannot be read");
}

int process_confine(enum role role, const struct confine_options *options, const struct log *log,
		    struct err *err)
{
	struct confine_report report = { 0 };

	if (confine(role, options, &report, err) < 0)
		return -1;
	for (size_t i = 0; i < report.n; i++)
		log_event(log, LOG_WARN, "confine.missing",
			  "A layer of this process's confinement is missing.",
			  LFS("layer", report.missing[i].layer), LFS("why", report.missing[i].why),
			  LFS("so", report.missing[i].so));
	return 0;
}
