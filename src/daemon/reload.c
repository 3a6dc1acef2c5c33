/* reload.c - a new config takes the place of the one in force: in all processes, or in none. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tr.h"
#include "conf/core.h"
#include "conf/source.h"
#include "daemon/definitions.h"
#include "daemon/gate_tls.h"

const struct gate_config *reload_newest(const struct reload *reload)
{
	return reload->pending ? &reload->fresh : &reload->config;
}

static const char not_loaded[] = "The new config was not loaded; the one before stays in force.";

/* Everybody who waits for it is told. */
static void over(struct reload *reload, const char *why)
{
	reload->refused_ms = why ? clock_wall_ms() : 0;
	(void)snprintf(reload->refused, sizeof(reload->refused), "%s", why ? why : "");
	if (!why)
		buf_clear(&reload->problems);
	if (why && !reload->logged)
		log_event(reload->briefing->log, LOG_ERROR, "config.refused", not_loaded, LFS("why", why));
	reload->logged = false;
	/* Who asked meanwhile hears of what is read next. */
	if (!reload->again)
		hosts_reloaded(reload->hosts, why);
	if (reload->ready)
		notify_tell(reload->notify, "READY=1");
}

static void check_roots(const struct reload *reload)
{
	struct err err = ERR_INIT;

	if (!gate_tls_roots_there(&reload->config, &err))
		log_event(reload->briefing->log, LOG_WARN, "tls.roots",
			  "No certificate authorities: https servers without a `ca` of their own cannot be "
			  "reached.",
			  LFS("why", err.text));
}

/* The worker has it: nothing can fail any more. */
static void commit(struct reload *reload)
{
	struct gate_config old = reload->config;

	reload->config = reload->fresh;
	reload->fresh = (struct gate_config){ 0 };
	reload->pending = false;
	memcpy(reload->resolved, reload->fresh_resolved, sizeof(reload->resolved));
	briefing_forget(reload->briefing, &old, &reload->config);
	gate_config_release(&old);
	log_event(reload->briefing->log, LOG_INFO, "config.loaded", "A new config is in force.",
		  LFS("config", reload->config.digest));
	check_roots(reload);
	over(reload, NULL);
}

/* Everybody is told the config again that stays in force; a worker that never had it makes room for one. */
static void roll_back(struct reload *reload, const char *why)
{
	const struct child *worker = &reload->briefing->children[CHILD_WORKER];
	struct gate_config fresh = reload->fresh;

	reload->fresh = (struct gate_config){ 0 };
	reload->pending = false;
	briefing_define(reload->briefing, &reload->config);
	briefing_forget(reload->briefing, &fresh, &reload->config);
	over(reload, why);
	gate_config_release(&fresh);
	if (!worker->ready && worker->pid > 0)
		(void)kill(worker->pid, SIGKILL);
}

/* A confined worker can open no library: where TLS is new to it, another takes its place. */
static int hand_on_config(struct reload *reload, struct err *err)
{
	const struct child *worker = &reload->briefing->children[CHILD_WORKER];

	/* One that starts gets it then. */
	if (!worker->channel)
		return 0;
	if (!gate_tls_wanted(&reload->fresh) || reload->worker_tls) {
		if (briefing_config(reload->briefing, &reload->fresh, err) < 0)
			return -1;
		reload->unanswered++;
		return 0;
	}
	log_note(reload->briefing->log, LOG_WARN, "worker.replaced",
		 "The new config needs TLS, for which the worker was not prepared: another is started, and "
		 "clients must begin again.");
	reload->replacing = true;
	(void)kill(worker->pid, SIGKILL);
	return 0;
}

/* `log.level` (line 3) */
static void name_key(struct buf *out, const struct conf_node *root, const char *key)
{
	const struct conf_node *node = conf_find(root, key);
	uint32_t line = node ? conf_line(node) : 0;

	if (out->n)
		buf_add(out, S(", "));
	buf_addf(out, "`%s`", key);
	if (line)
		buf_addf(out, tr(" (line %u)"), line);
}

/* Adds the keys that differ and cannot be changed in a gate that runs. */
static void name_fixed(struct buf *out, const struct gate_config *old, const struct gate_config *fresh)
{
	const struct conf_node *a = conf_root(old->conf), *b = conf_root(fresh->conf);

	if (!gate_config_same_addresses(old, fresh, "listen"))
		name_key(out, b, "listen");
	if (!gate_config_same_addresses(old, fresh, "metrics"))
		name_key(out, b, "metrics");
	if (!gate_config_same_socket(old, fresh))
		name_key(out, b, "unix");
	if (strcmp(old->paths.data, fresh->paths.data) != 0)
		name_key(out, b, "data");
	if (gate_config_threads(old) != gate_config_threads(fresh))
		name_key(out, b, "threads");
	if (conf_get_word(a, "log.level") != conf_get_word(b, "log.level"))
		name_key(out, b, "log.level");
	if (conf_get_word(a, "log.format") != conf_get_word(b, "log.format"))
		name_key(out, b, "log.format");
}

/* What a gate does once, at its start. */
static int check_fixed(const struct gate_config *old, const struct gate_config *fresh, struct err *err)
{
	CLEANUP(buf_release) struct buf keys = BUF_INIT((size_t)200);

	name_fixed(&keys, old, fresh);
	if (!keys.n)
		return 0;
	return err_set(err, ERR_CONFIG,
		       tr("%s can change with a restart only; the new config was not loaded"),
		       buf_cstr(&keys));
}

/* For programs an event each, for people all of them as they are shown at a start. */
static void tell_problems(struct reload *reload, const struct conf_problems *problems)
{
	const struct log *log = reload->briefing->log;
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 * 1024);
	const struct conf_render render = { .footer =
						span_str(tr("this file was not loaded; the config that is in "
							    "force stays in force")) };

	if (!log->json) {
		conf_problems_render(&text, problems, &render);
		(void)!write(STDERR_FILENO, text.p, text.n);
		return;
	}
	for (size_t i = 0; i < problems->n; i++) {
		const struct conf_problem *problem = &problems->at[i];

		log_event(log, LOG_ERROR, "config.refused", not_loaded, LFS("code", problem->code),
			  LF("file", problem->file), LFN("line", problem->line),
			  LFN("column", problem->column), LF("key", problem->key),
			  LF("why", problem->message), LF("help", problem->label));
	}
	reload->logged = problems->n > 0;
}

int reload_name_first(const struct conf_problems *problems, struct err *err)
{
	const struct conf_problem *first = &problems->at[0];
	CLEANUP(buf_release) struct buf file = BUF_INIT((size_t)16 * 1024);

	if (problems->n == 0)
		return -1;
	source_add_shown(&file, first->file);
	if (first->placed)
		return err_set(err, ERR_CONFIG, "%.*s:%u: %s: %.*s", SPAN_ARG(buf_span(&file)), first->line,
			       first->code, SPAN_ARG(first->message));
	return err_set(err, ERR_CONFIG, "%.*s: %s: %.*s", SPAN_ARG(buf_span(&file)), first->code,
		       SPAN_ARG(first->message));
}

/* 1 a config that can be handed on; 0 the one that is in force; -1 neither. */
static int read_fresh(struct reload *reload, struct gate_config *fresh, struct err *err)
{
	CLEANUP(conf_problems_release) struct conf_problems problems = CONF_PROBLEMS_INIT;

	buf_clear(&reload->problems);
	if (gate_config_load(reload->file, reload->data_dir, fresh, &problems, err) < 0) {
		tell_problems(reload, &problems);
		conf_problems_json(&reload->problems, &problems);
		return reload_name_first(&problems, err);
	}
	if (check_fixed(&reload->config, fresh, err) < 0)
		return -1;
	/* Before anybody is told: what changes after this is news to the next reload. */
	gate_config_resolved(fresh, reload->briefing->launch_key, reload->fresh_resolved);
	if (memcmp(reload->fresh_resolved, reload->resolved, sizeof(reload->resolved)) == 0)
		return 0;
	if (definitions_check(fresh, err) < 0 || (gate_tls_wanted(fresh) && gate_tls_probe(err) < 0))
		return -1;
	return 1;
}

/* 1: the worker has it, and over() comes later; 0 nothing to do; -1: over() says why. */
static int try_fresh(struct reload *reload, struct err *err)
{
	struct gate_config fresh = { 0 };
	int rc;

	if (reload->pending) {
		reload->again = true;
		return 1;
	}
	rc = read_fresh(reload, &fresh, err);
	if (rc <= 0) {
		gate_config_release(&fresh);
		return rc;
	}
	reload->fresh = fresh;
	reload->pending = true;
	log_event(reload->briefing->log, LOG_INFO, "config.read", "A new config was read and is handed on.",
		  LFS("config", fresh.digest));
	/* The launcher knows a server before the worker can ask for it. */
	briefing_define(reload->briefing, &reload->fresh);
	if (hand_on_config(reload, err) == 0)
		return 1;
	roll_back(reload, err->text);
	return 1;
}

void reload_start(struct reload *reload)
{
	struct err err = ERR_INIT;
	int rc;

	notify_tell(reload->notify, "RELOADING=1");
	rc = try_fresh(reload, &err);
	if (rc == 0)
		log_event(reload->briefing->log, LOG_INFO, "config.unchanged",
			  "The config was read again, and nothing in it has changed.",
			  LFS("config", reload->config.digest));
	if (rc <= 0)
		over(reload, rc < 0 ? err.text : NULL);
}

/* What changed while a config was under way is read now. */
static void read_again(struct reload *reload)
{
	if (!reload->again || reload->pending || reload->briefing->children[CHILD_WORKER].stopping)
		return;
	reload->again = false;
	reload_start(reload);
}

void reload_worker_started(struct reload *reload)
{
	struct err err = ERR_INIT;

	reload->worker_tls = gate_tls_wanted(reload_newest(reload));
	reload->unanswered = 1;
	if (briefing_worker(reload->briefing, reload_newest(reload), &err) == 0)
		return;
	log_event(reload->briefing->log, LOG_ERROR, "config.send", "The config could not be handed on.",
		  LFS("why", err.text));
	if (reload->pending)
		roll_back(reload, err.text);
}

void reload_worker_ended(struct reload *reload)
{
	if (reload->pending && !reload->replacing)
		roll_back(reload, tr("the worker ended while it took the config over"));
	reload->replacing = false;
	read_again(reload);
}

/* It answers every config it gets, in their order: the last answer is the fresh one's. */
bool reload_answered(struct reload *reload, bool taken, struct span why)
{
	char text[sizeof(((struct err *)NULL)->text)];

	if (reload->unanswered)
		reload->unanswered--;
	if (!reload->pending || reload->unanswered)
		return taken;
	(void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(why, sizeof(text) - 1)));
	if (taken)
		commit(reload);
	else
		roll_back(reload, text);
	read_again(reload);
	return true;
}

void reload_begin(struct reload *reload)
{
	gate_config_resolved(&reload->config, reload->briefing->launch_key, reload->resolved);
	check_roots(reload);
}

void reload_release(struct reload *reload)
{
	gate_config_release(&reload->config);
	gate_config_release(&reload->fresh);
	buf_release(&reload->problems);
}
