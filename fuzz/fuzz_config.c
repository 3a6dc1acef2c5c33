/* fuzz_config.c - any bytes as a config: read, or refused with places that exist. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/redact.h"
#include "base/check.h"
#include "conf/conf.h"
#include "conf/core.h"
#include "text/utf8.h"
#include "upstream/items.h"
#include "json/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_item *const tables[] = { conf_core_items, upstream_items, NULL };

/* Every value of a good config can be asked for. */
static void read_servers(const struct conf_node *root)
{
	const struct conf_node *server = conf_get_first(root, "servers");

	check(conf_get_int(root, "version") == 1);
	check(conf_get_first(root, "listen"));
	for (; server; server = conf_next(server)) {
		const struct conf_node *env = conf_get_first(server, "env");

		check(conf_has(server, "run") != conf_has(server, "url"));
		check(conf_line(server) > 0 && conf_get_ms(server, "timeout") > 0);
		for (; env; env = conf_next(env))
			check(conf_name(env).n > 0 && utf8_valid(conf_text(env)));
	}
}

static void read_problems(const struct conf_problems *problems)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)4 << 20);
	CLEANUP(json_release) struct json json = { .n = 0 };

	check(problems->n > 0);
	for (size_t i = 0; i < problems->n; i++) {
		check(problems->at[i].code[0] == 'K' && problems->at[i].message.n > 0);
		check(!problems->at[i].placed || (problems->at[i].line > 0 && problems->at[i].column > 0));
	}
	conf_problems_render(&out, problems, &(struct conf_render){ .color = true, .footer = S("footer") });
	check(buf_ok(&out) && utf8_valid(buf_span(&out)));
	buf_clear(&out);
	conf_problems_json(&out, problems);
	check(buf_ok(&out) && json_parse(&json, buf_span(&out), out.max));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf_options options = {
		.tables = tables,
		.home = S("/home/a"),
		.is_secret_name = redact_is_secret_name,
		.has_secret = redact_has_secret,
	};
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;
	CLEANUP(conf_unrefp) struct conf *conf = NULL;
	struct span text = span_of((const char *)data, size);

	if (conf_load_text(S("/etc/kanmon/kanmon.yaml"), size ? text : S(""), &options, &conf, &problems) ==
	    0)
		read_servers(conf_root(conf));
	else
		read_problems(&problems);
	return 0;
}
