/* hosts_stdio.c - a caller of the control socket as a host on stdio: its name, its server, its pipes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hosts_parts.h"

#include <unistd.h>

#include "base/secret.h"
#include "base/tr.h"
#include "daemon/control.h"
#include "daemon/gate_config.h"
#include "daemon/work.h"
#include "jail/launch.h"
#include "text/utf8.h"

void caller_forget_server(struct caller *caller)
{
	struct wire_out out = { 0 };

	if (!caller->hosts->launcher || !caller->server[0])
		return;
	wire_begin(&out, LAUNCH_FORGET, 0);
	wire_put_span(&out, span_str(caller->server));
	channel_send(caller->hosts->launcher, &out);
	wire_out_release(&out);
}

void caller_drop_definition(struct caller *caller)
{
	if (caller->definition.p)
		secret_wipe(caller->definition.p, caller->definition.n);
	buf_release(&caller->definition);
	caller->definition = (struct buf){ 0 };
}

void caller_end_host(struct caller *caller, uint64_t code)
{
	struct wire_out out = { 0 };

	if (caller->ended)
		return;
	caller->ended = true;
	wire_begin(&out, CONTROL_ENDED, 0);
	wire_put_u64(&out, code);
	channel_send(caller->channel, &out);
	wire_out_release(&out);
}

void caller_define(struct caller *caller, struct channel *launcher)
{
	struct wire_out out = { .bytes = caller->definition };

	if (caller->definition.n == 0)
		return;
	if (caller->folder >= 0)
		wire_put_fd(&out, caller->folder);
	channel_send(launcher, &out);
}

/* A short name of letters the catalogue's rules allow; what a host calls itself may be anything. */
static void clean_name(struct span name, char out[HOSTS_NAME_BYTES])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n + 1 < HOSTS_NAME_BYTES; i++) {
		char c = name.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     c == '.' || c == '-';

		out[n++] = plain ? c : '-';
	}
	out[n] = '\0';
	if (n == 0)
		(void)snprintf(out, HOSTS_NAME_BYTES, "server");
}

/* The name as it was given, in whole characters; what cannot be shown is a dash. */
static void take_shown(struct caller *caller, struct span name)
{
	struct buf out = { .p = caller->shown, .cap = HOSTS_SHOWN_BYTES, .max = HOSTS_SHOWN_BYTES };
	uint32_t point;

	while (name.n) {
		size_t n = utf8_decode(name, &point);
		bool plain = n && point >= ' ' && !(point >= 0x7f && point < 0xa0);
		struct span part = plain ? span_first(name, n) : S("-");

		if (out.n + part.n > HOSTS_SHOWN_BYTES)
			break;
		buf_add(&out, part);
		name = span_skip(name, n ? n : 1);
	}
	caller->shown[out.n] = '\0';
}

/* Nothing of a request that was refused stays behind: the next one begins anew. */
static void drop_request(struct caller *caller)
{
	caller->server[0] = '\0';
	caller_drop_definition(caller);
	closep(&caller->folder);
}

/* The launcher's words are the command's own: argv and environment pass through, the name is ours. */
static bool take_definition(struct caller *caller, struct wire_in *in)
{
	struct wire_out out = { .bytes = BUF_INIT(WIRE_MAX_BYTES) };
	uint64_t n;

	wire_begin(&out, LAUNCH_DEFINE, 0);
	wire_put_span(&out, span_str(caller->server));
	wire_put_span(&out, S(""));
	for (int part = 0; part < 2; part++) {
		n = wire_get_u64(in);
		if (in->bad || n > LAUNCH_MAX_ARGS)
			break;
		wire_put_u64(&out, n);
		for (uint64_t i = 0; i < n; i++)
			wire_put_span(&out, wire_get_span(in));
	}
	caller->definition = out.bytes;
	return !in->bad && buf_ok(&out.bytes);
}

static void send_host(struct caller *caller, struct span principal, struct span name, int in_fd, int out_fd)
{
	CLEANUP(buf_release) struct buf definition = BUF_INIT((size_t)4096);
	struct wire_out out = { 0 };

	if (caller->server[0])
		gate_config_host_server(span_str(caller->server), span_str(caller->shown), &definition);
	wire_begin(&out, WORK_STDIO, 0);
	wire_put_u64(&out, caller->number);
	wire_put_span(&out, principal);
	wire_put_span(&out, name);
	wire_put_span(&out, buf_span(&definition));
	wire_put_fd(&out, in_fd);
	wire_put_fd(&out, out_fd);
	channel_send(caller->hosts->worker, &out);
	wire_out_release(&out);
}

/* A stdio client's principal is its user and the entry of its configuration. */
void caller_begin_host(struct caller *caller, struct wire_in *in, bool run)
{
	struct hosts *hosts = caller->hosts;
	CLEANUP(buf_release) struct buf principal = BUF_INIT((size_t)256);
	CLEANUP(closep) int in_fd = -1;
	CLEANUP(closep) int out_fd = -1;
	char clean[HOSTS_NAME_BYTES];
	struct span name = run ? wire_get_span(in) : S("");
	struct span host = wire_get_span(in);

	if (hosts->leaving) {
		caller_reply(caller, CONTROL_LEAVING, 0, S(""));
		return;
	}
	if (caller->number || !hosts->worker || !hosts->launcher || hosts->n_hosts >= HOSTS_MAX) {
		caller_reply(caller, CONTROL_FAILED, 0,
			     span_str(tr("the gate cannot take another host now")));
		return;
	}
	clean_name(run ? name : S("catalogue"), clean);
	take_shown(caller, run && name.n ? name : span_str(clean));
	if (run)
		(void)snprintf(caller->server, sizeof(caller->server), "%s~%llu", clean,
			       (unsigned long long)hosts->next + 1);
	if (run && !take_definition(caller, in))
		in->bad = true;
	in_fd = wire_get_fd(in);
	out_fd = wire_get_fd(in);
	if (run)
		caller->folder = wire_get_fd(in);
	if (!wire_in_done(in)) {
		drop_request(caller);
		caller_reply(caller, CONTROL_FAILED, 0,
			     span_str(tr("the command and its environment are too long, or malformed")));
		return;
	}
	caller->number = ++hosts->next;
	hosts_add(hosts, 1);
	hosts_watch_idle(hosts);
	buf_addf(&principal, "local:%u:%s", (unsigned)getuid(), clean);
	caller_define(caller, hosts->launcher);
	send_host(caller, buf_span(&principal), host.n ? span_first(host, 64) : span_str(clean), in_fd,
		  out_fd);
	caller_reply(caller, CONTROL_RUNNING, 0, S(""));
}

static struct caller *host_of(struct hosts *hosts, uint64_t number)
{
	LIST_EACH(&hosts->callers, node) {
		struct caller *caller = LIST_ENTRY(node, struct caller, node);

		if (caller->number == number && number)
			return caller;
	}
	return NULL;
}

void hosts_from_worker(struct hosts *hosts, struct wire_in *in)
{
	struct caller *caller = host_of(hosts, wire_get_u64(in));
	uint64_t code, signal;

	if (!caller)
		return;
	if (in->kind == WORK_STDIO_ENDED) {
		caller->released = true;
		caller_end_host(caller, wire_get_u64(in) ? EXIT_OF_GATE : 0);
		return;
	}
	code = wire_get_u64(in);
	signal = wire_get_u64(in);
	caller_end_host(caller, signal ? 128 + signal : code);
}

void hosts_define(struct hosts *hosts, struct channel *launcher)
{
	LIST_EACH(&hosts->callers, node)
		caller_define(LIST_ENTRY(node, struct caller, node), launcher);
}
