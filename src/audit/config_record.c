/* config_record.c - lines of the audit log about the config in force. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/config_record.h"

#include "base/clock.h"
#include "json/write.h"

static void begin(const struct config_record *record, struct buf *out)
{
	buf_add(out, S("{\"t\":\""));
	clock_add_rfc3339(out, record->wall_ms);
	buf_add_char(out, '"');
	json_put_string(out, S("kind"), S("config"));
	json_put_string(out, S("config"), record->config);
}

bool config_record_add_limits(const struct config_record *record, const struct config_limit *limits, size_t n,
			      struct buf *out)
{
	begin(record, out);
	json_add_key(out, S("limits"));
	buf_add_char(out, '{');
	for (size_t i = 0; i < n; i++)
		json_put_u64(out, span_str(limits[i].name), limits[i].value);
	buf_add(out, S("}}"));
	return buf_ok(out);
}

/* The rules of one list from `i` on, until the line is full. Returns the next one. */
static size_t add_rules(struct span name, const struct tool_rule *rules, size_t n, size_t i, size_t full,
			struct buf *out)
{
	json_add_key(out, name);
	buf_add_char(out, '[');
	for (; i < n && out->n < full; i++) {
		json_add_comma(out);
		buf_add_char(out, '[');
		json_add_string(out, rules[i].glob);
		buf_add_char(out, ',');
		buf_add_u64(out, rules[i].line);
		buf_add_char(out, ']');
	}
	buf_add_char(out, ']');
	return i;
}

bool config_record_add_server(const struct config_record *record, const struct config_server *server,
			      size_t *from, struct buf *out)
{
	const struct tool_rules *rules = &server->rules;
	size_t full = out->n + CONFIG_RECORD_FULL_BYTES, at = *from, allowed;

	begin(record, out);
	json_put_string(out, S("server"), server->name);
	json_put_string(out, S("reached"), server->reached);
	if (server->for_one_host)
		json_put_bool(out, S("for_one_host"), true);
	at = at < rules->n_deny ? add_rules(S("deny"), rules->deny, rules->n_deny, at, full, out) : at;
	if (at >= rules->n_deny) {
		allowed = add_rules(S("allow"), rules->allow, rules->n_allow, at - rules->n_deny, full, out);
		at = rules->n_deny + allowed;
	}
	if (at < rules->n_deny + rules->n_allow)
		json_put_bool(out, S("more"), true);
	buf_add_char(out, '}');
	*from = at;
	return buf_ok(out);
}
