/* handover.c - the words between a gate and the one that takes its place while it runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/handover.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/tr.h"
#include "daemon/work.h"

void handover_put(const struct handover *handover, struct wire_out *out)
{
	wire_begin(out, HANDOVER_BEGIN, 0);
	wire_put_u64(out, HANDOVER_VERSION);
	wire_put_u64(out, handover->generation);
	wire_put_u64(out, handover->background);
	wire_put_u64(out, handover->idle_exit_ms);
	wire_put_span(out, span_str(handover->config));
	wire_put_span(out, span_str(handover->data_dir));
	wire_put_span(out, span_str(handover->data));
	wire_put_span(out, span_str(handover->program));
	wire_put_span(out, span_of((const char *)handover->filter, sizeof(handover->filter)));
	wire_put_fd(out, handover->lock_fd);
	wire_put_fd(out, handover->control_fd);
	wire_put_fd(out, handover->holder_fd);
}

static void get_path(struct wire_in *in, char out[PATH_MAX])
{
	if (!span_to_cstr(wire_get_span(in), out, PATH_MAX))
		in->bad = true;
}

static void get_fields(struct wire_in *in, struct handover *handover)
{
	struct span filter;

	handover->generation = wire_get_u64(in);
	handover->background = wire_get_u64(in) != 0;
	handover->idle_exit_ms = wire_get_u64(in);
	get_path(in, handover->config);
	get_path(in, handover->data_dir);
	get_path(in, handover->data);
	get_path(in, handover->program);
	filter = wire_get_span(in);
	if (filter.n == sizeof(handover->filter))
		memcpy(handover->filter, filter.p, filter.n);
	else
		in->bad = true;
	handover->lock_fd = wire_get_fd(in);
	handover->control_fd = wire_get_fd(in);
	handover->holder_fd = wire_get_fd(in);
}

int handover_get(struct wire_in *in, struct handover *handover, struct err *err)
{
	uint64_t version = in->kind == HANDOVER_BEGIN ? wire_get_u64(in) : 0;

	*handover = HANDOVER_INIT;
	if (in->kind == HANDOVER_BEGIN && !in->bad && version != HANDOVER_VERSION)
		return err_set(
		    err, ERR_CONFIG, "%s",
		    tr("the program that runs and the new one do not know each other's way to hand a "
		       "gate over; stop the gate and start the new one"));
	if (version == HANDOVER_VERSION)
		get_fields(in, handover);
	if (version == HANDOVER_VERSION && wire_in_done(in))
		return 0;
	handover_release(handover);
	return err_set(err, ERR_FORMAT, "the hand-over cannot be read");
}

void handover_release(struct handover *handover)
{
	closep(&handover->lock_fd);
	closep(&handover->control_fd);
	closep(&handover->holder_fd);
}

void handover_put_socket(const struct handover_socket *socket, struct wire_out *out)
{
	wire_begin(out, HANDOVER_SOCKET, 0);
	wire_put_u64(out, socket->kind);
	wire_put_span(out, socket->path);
	wire_put_u64(out, socket->device);
	wire_put_u64(out, socket->inode);
	wire_put_fd(out, socket->fd);
}

bool handover_get_socket(struct wire_in *in, struct handover_socket *socket)
{
	*socket = (struct handover_socket){ .kind = wire_get_u64(in), .fd = -1 };
	socket->path = wire_get_span(in);
	socket->device = wire_get_u64(in);
	socket->inode = wire_get_u64(in);
	socket->fd = wire_get_fd(in);
	if (wire_in_done(in) && socket->kind <= LISTEN_UNIX)
		return true;
	closep(&socket->fd);
	return false;
}

void handover_put_elder(uint32_t kind, const struct handover_elder *elder, struct wire_out *out)
{
	wire_begin(out, kind, 0);
	wire_put_u64(out, elder->pid);
	wire_put_u64(out, elder->hosts);
	wire_put_u64(out, elder->since_ms);
	wire_put_fd(out, elder->ring_memory);
	wire_put_fd(out, elder->ring_wake);
	if (elder->channel >= 0)
		wire_put_fd(out, elder->channel);
}

bool handover_get_elder(struct wire_in *in, struct handover_elder *elder)
{
	*elder = (struct handover_elder){ .pid = wire_get_u64(in), .channel = -1 };
	elder->hosts = wire_get_u64(in);
	elder->since_ms = wire_get_u64(in);
	elder->ring_memory = wire_get_fd(in);
	elder->ring_wake = wire_get_fd(in);
	if (in->taken < in->n_fds)
		elder->channel = wire_get_fd(in);
	if (wire_in_done(in) && elder->pid <= INT_MAX)
		return true;
	closep(&elder->ring_memory);
	closep(&elder->ring_wake);
	closep(&elder->channel);
	return false;
}

void handover_put_word(uint32_t kind, struct wire_out *out)
{
	wire_begin(out, kind, 0);
}
