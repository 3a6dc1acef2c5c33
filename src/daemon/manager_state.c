/* manager_state.c - what the manager says of the gate to who asks: what is bound, and in force. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "conf/source.h"
#include "daemon/gate_tls.h"
#include "daemon/manager_parts.h"
#include "json/write.h"

/* A sentence may hold a path, which is any bytes. */
static void put_shown(struct buf *out, struct span name, const char *text)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT((size_t)4096);

	source_add_shown(&shown, span_str(text));
	json_put_string(out, name, buf_span(&shown));
}

static void put_refusal(const struct reload *reload, struct buf *out)
{
	if (!reload->refused_ms)
		return;
	json_add_key(out, S("config_refused"));
	buf_add_char(out, '{');
	put_shown(out, S("why"), reload->refused);
	json_put_u64(out, S("at_ms"), reload->refused_ms);
	if (reload->problems.n && buf_ok(&reload->problems))
		json_put_raw(out, S("problems"), buf_span(&reload->problems));
	buf_add_char(out, '}');
}

/* What is bound and in force, whatever the file says by now. */
void manager_add_state(void *owner, struct buf *out)
{
	const struct manager *manager = owner;

	json_put_string(out, S("started_by"), manager->options.background ? S("run") : S("serve"));
	json_add_key(out, S("listen"));
	buf_add_char(out, '[');
	for (size_t i = 0; i < manager->clients.n_names; i++) {
		CLEANUP(buf_release) struct buf url = BUF_INIT((size_t)128);

		listener_add_url(&manager->clients.names[i], gate_tls_listens(&manager->reload.config), &url);
		json_add_comma(out);
		json_add_string(out, buf_span(&url));
	}
	buf_add_char(out, ']');
	if (manager->local.fd >= 0)
		put_shown(out, S("unix"), manager->local.path);
	if (manager->not_bound[0])
		put_shown(out, S("listen_refused"), manager->not_bound);
	put_refusal(&manager->reload, out);
	json_put_u64(out, S("manager"), (uint64_t)getpid());
	if (!elders_count(&manager->elders))
		return;
	json_add_key(out, S("older"));
	elders_add_json(&manager->elders, out);
}

void manager_add_urls(const struct manager *manager, struct buf *out)
{
	for (size_t i = 0; i < manager->clients.n_names; i++) {
		if (i)
			buf_add_char(out, ' ');
		listener_add_url(&manager->clients.names[i], gate_tls_listens(&manager->reload.config), out);
	}
	if (manager->local.fd >= 0)
		buf_addf(out, " unix:%s", manager->local.path);
}
