/* definitions.c - the config's servers, as launcher and egress are told of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/definitions.h"

#include "base/secret.h"
#include "conf/url.h"
#include "egress/resolve.h"
#include "jail/definition.h"
#include "jail/launch.h"
#include "net/dial.h"

static const struct conf_node *first_server(const struct gate_config *config)
{
	return conf_get_first(conf_root(config->conf), "servers");
}

/* It may hold secrets of the environment. */
static void release_wiped(struct wire_out *out)
{
	if (out->bytes.p)
		secret_wipe(out->bytes.p, out->bytes.n);
	wire_out_release(out);
}

static int write_program(const struct conf_node *server, struct wire_out *out, struct err *err)
{
	if (gate_config_launch(server, out, err) < 0)
		return -1;
	if (!buf_ok(&out->bytes))
		return err_set(err, ERR_LIMIT, "command and environment are longer than %d bytes",
			       WIRE_MAX_BYTES);
	return 0;
}

/* As the launcher reads it. */
static int check_program(const struct conf_node *server, struct err *err)
{
	CLEANUP(release_wiped) struct wire_out out = { 0 };
	CLEANUP(definition_freep) struct definition *definition = NULL;
	struct wire_in in;

	if (write_program(server, &out, err) < 0)
		return -1;
	in = wire_in_of(&out);
	return definition_read(&in, &definition, err);
}

static int check_address(const struct conf_node *server, struct err *err)
{
	struct conf_url url;
	struct host host;

	if (conf_url_parse(conf_get_text(server, "url"), &url, err) < 0)
		return -1;
	return url.kind == CONF_URL_UNIX ? 0 : host_parse(url.host, &host, err);
}

int definitions_check(const struct gate_config *config, struct err *err)
{
	for (const struct conf_node *at = first_server(config); at; at = conf_next(at)) {
		int rc = gate_config_is_program(at) ? check_program(at, err) : check_address(at, err);

		if (rc < 0)
			return err_wrap(err, "server %.*s", SPAN_ARG(conf_name(at)));
	}
	return 0;
}

void definitions_send(const struct gate_config *config, bool programs, struct channel *to,
		      const struct log *log)
{
	for (const struct conf_node *at = first_server(config); at; at = conf_next(at)) {
		CLEANUP(release_wiped) struct wire_out out = { 0 };
		struct err err = ERR_INIT;

		if (gate_config_is_program(at) != programs)
			continue;
		if (!programs)
			gate_config_dial(at, &out);
		else if (write_program(at, &out, &err) < 0)
			log_event(log, LOG_ERROR, "server.undefined",
				  "A server cannot be started as configured.", LF("server", conf_name(at)),
				  LFS("why", err.text));
		if (!err.code)
			(void)channel_send(to, &out);
	}
}

void definitions_forget(const struct gate_config *old, const struct gate_config *now, bool programs,
			struct channel *to)
{
	for (const struct conf_node *at = first_server(old); at; at = conf_next(at)) {
		const struct conf_node *same = gate_config_server(now, conf_name(at));
		struct wire_out out = { 0 };

		if (gate_config_is_program(at) != programs ||
		    (same && gate_config_is_program(same) == programs))
			continue;
		wire_begin(&out, programs ? (uint32_t)LAUNCH_FORGET : (uint32_t)DIAL_FORGET, 0);
		wire_put_span(&out, conf_name(at));
		(void)channel_send(to, &out);
		wire_out_release(&out);
	}
}
