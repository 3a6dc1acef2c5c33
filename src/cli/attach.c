/* attach.c - the thin end of a host on stdio. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tr.h"
#include "cli/ending.h"
#include "cli/gate.h"
#include "daemon/control.h"
#include "jail/launch.h"

/* What a program needs to find itself; the gate passes nothing else on unless it is named. */
static const char *const base_environment[] = { "HOME",	 "LANG", "LC_ALL", "LOGNAME", "PATH",
						"SHELL", "TERM", "TZ",	   "USER" };

/*
 * A terminal or a file cannot be made non-blocking without disturbing others who hold it: for
 * those this process carries the bytes through pipes of its own.
 */
struct ends {
	int in, out;	 /* what the gate gets */
	int feed, drain; /* our ends of the pipes; -1: the gate has the real ones */
};

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int open_ends(struct ends *ends, struct err *err)
{
	int fds[2];

	*ends = (struct ends){ .in = STDIN_FILENO, .out = STDOUT_FILENO, .feed = -1, .drain = -1 };
	if (!is_pipe(STDIN_FILENO)) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return err_sys(err, "cannot make a pipe");
		ends->in = fds[0];
		ends->feed = fds[1];
	}
	if (!is_pipe(STDOUT_FILENO)) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return err_sys(err, "cannot make a pipe");
		ends->drain = fds[0];
		ends->out = fds[1];
	}
	return 0;
}

/* Would a write of PIPE_BUF bytes to the pipe not wait? */
static bool has_space(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0;
}

/* One step of carrying bytes, `most` of them; closes `to` at the end of `from`. */
static void carry(int *from, int *to, size_t most, bool close_to)
{
	char chunk[65536];
	ssize_t got = read(*from, chunk, most < sizeof(chunk) ? most : sizeof(chunk));

	if (got > 0) {
		for (ssize_t at = 0; at < got;) {
			ssize_t put = write(*to, chunk + at, (size_t)(got - at));

			if (put < 0 && errno != EINTR)
				break;
			at += put > 0 ? put : 0;
		}
		return;
	}
	if (got < 0 && errno == EINTR)
		return;
	*from = -1;
	if (close_to)
		closep(to);
}

/*
 * Until the gate says how it ended (0, and `code`), or is gone (an exit code, and it is said). It may read no
 * more before its own words are taken: nothing of the host's is carried to it that it would have to be waited
 * for with.
 */
static int wait_end(struct gate *gate, struct ends ends, int *code)
{
	int in = ends.feed >= 0 ? STDIN_FILENO : -1, out = STDOUT_FILENO;

	for (;;) {
		bool space = has_space(ends.feed);
		struct pollfd p[3] = { { .fd = gate->fd, .events = POLLIN },
				       { .fd = space ? in : ends.feed, .events = space ? POLLIN : POLLOUT },
				       { .fd = ends.drain, .events = POLLIN } };
		struct wire_in message;
		int got;

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return cmd_fail(EXIT_KANMON, "poll: %s", strerrordesc_np(errno));
		if (p[1].revents && space)
			carry(&in, &ends.feed, PIPE_BUF, true);
		if (p[2].revents)
			carry(&ends.drain, &out, SIZE_MAX, false);
		if (!p[0].revents)
			continue;
		got = wire_recv(gate->fd, gate->store, &message, NULL);
		if (got < 0)
			return cmd_fail(EXIT_KANMON, "%s",
					tr("the gate is gone; start the host's connection again"));
		if (got > 0 && message.kind == CONTROL_ENDED) {
			*code = (int)wire_get_u64(&message);
			/* The gate lets go of the other ends, also where the host would go on speaking. */
			closep(&ends.feed);
			gate_close(gate);
			while (ends.drain >= 0)
				carry(&ends.drain, &out, SIZE_MAX, false);
			return EXIT_OK;
		}
	}
}

static int connect_gate(const struct options *options, struct gate *gate, struct gate_paths *paths, bool next)
{
	struct gate_config config;
	struct err err = ERR_INIT;
	bool broken;
	int rc = gate_load_running(options, &config, &broken);

	if (rc)
		return rc;
	if (gate_connect_or_start(gate, options, &config, next, &err) < 0)
		rc = cmd_fail(EXIT_KANMON, "%s", err.text);
	*paths = config.paths;
	gate_config_release(&config);
	return rc;
}

/* Has a gate take the host. One that ends takes nobody any more, and the next one is asked. */
static int offer(const struct options *options, struct gate *gate, struct gate_paths *paths,
		 const struct wire_out *out)
{
	for (int gates = 1;; gates++) {
		struct err err = ERR_INIT;
		struct wire_in in;
		int rc = connect_gate(options, gate, paths, gates > 1);

		if (rc)
			return rc;
		if (gate_ask(gate, out, &in, &err) == 0) {
			wire_in_release(&in);
			return EXIT_OK;
		}
		if (err.code != ERR_CLOSED || gates == GATES_ASKED)
			return cmd_fail(EXIT_KANMON, "%s", err.text);
		gate_close(gate);
	}
}

static int converse(const struct options *options, const struct wire_out *out, const struct ends *ends)
{
	CLEANUP(gate_close) struct gate gate = GATE_INIT;
	struct gate_paths paths;
	int rc = offer(options, &gate, &paths, out), code = EXIT_OK;

	if (rc)
		return rc;
	/* The gate has them now: the host's closing of its end must be the last one. */
	(void)close(ends->in);
	(void)close(ends->out);
	if (ends->feed < 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (null > 0)
			(void)dup2(null, STDIN_FILENO);
	}
	rc = wait_end(&gate, *ends, &code);
	if (rc == EXIT_OK && code != EXIT_OK)
		ending_tell(code, options->n_words ? options->words[0] : NULL, &paths);
	return rc ? rc : code;
}

int attach_catalogue(const struct options *options)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	struct err err = ERR_INIT;
	struct ends ends;

	if (open_ends(&ends, &err) < 0)
		return cmd_fail(EXIT_KANMON, "%s", err.text);
	wire_begin(&out, CONTROL_ATTACH, 0);
	wire_put_span(&out, S(""));
	wire_put_fd(&out, ends.in);
	wire_put_fd(&out, ends.out);
	return converse(options, &out, &ends);
}

static void put_variable(struct wire_out *out, const char *name, const char *value)
{
	CLEANUP(buf_release) struct buf entry = BUF_INIT(WIRE_MAX_BYTES);

	buf_add(&entry, span_str(name));
	buf_add_char(&entry, '=');
	buf_add(&entry, span_str(value));
	wire_put_span(out, buf_span(&entry));
}

/* Is the variable one the user named? `NAME` is taken from the environment, `NAME=value` as it stands. */
static bool is_named(const struct options *options, struct span name)
{
	const char *given;

	for (size_t i = 0; (given = option_nth(options, "env", i)) != NULL; i++) {
		struct span rest = span_str(given);

		if (span_eq(span_cut(&rest, '='), name))
			return true;
	}
	return false;
}

static bool is_set(const char *value)
{
	return value && strncmp(value, "()", 2) != 0;
}

static void put_environment(const struct options *options, struct wire_out *out)
{
	const char *given;
	uint64_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			wire_put_u64(out, n);
		for (size_t i = 0; i < COUNT(base_environment); i++) {
			const char *value = getenv(base_environment[i]);

			if (!is_set(value) || is_named(options, span_str(base_environment[i])))
				continue;
			n++;
			if (pass)
				put_variable(out, base_environment[i], value);
		}
		for (size_t i = 0; (given = option_nth(options, "env", i)) != NULL; i++) {
			const char *value = strchr(given, '=') ? given : getenv(given);

			if (!value)
				continue;
			n++;
			if (!pass)
				continue;
			if (value == given)
				wire_put_span(out, span_str(given));
			else
				put_variable(out, given, value);
		}
	}
}

/* The name a server gets where none was given: the last part of what is run. */
static struct span default_name(char *const *words, int n)
{
	struct span best = S("server");

	for (int i = 0; i < n; i++) {
		struct span word = span_str(words[i]);

		if (word.n == 0 || word.p[0] == '-')
			continue;
		for (size_t slash = span_find(word, '/'); slash < word.n; slash = span_find(word, '/'))
			word = span_skip(word, slash + 1);
		best = word;
		if (!span_eq(word, S("npx")) && !span_eq(word, S("uvx")) && !span_eq(word, S("node")) &&
		    !span_eq(word, S("python")) && !span_eq(word, S("python3")))
			break;
	}
	return best;
}

/*
 * A name that a config refuses because of the tools' names is refused here too; one with other signs is
 * shown as it is, and cleaned for the rules.
 */
static const char *fault_of_name(struct span name)
{
	if (span_contains(name, S("__")))
		return tr("`__` parts the server from the tool in a tool's name");
	return span_ends(name, S("_")) ? tr("it must not end with `_`") : NULL;
}

int attach_server(const struct options *options)
{
	CLEANUP(wire_out_release) struct wire_out out = { 0 };
	CLEANUP(closep) int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name = option_value(options, "name");
	const char *fault = name ? fault_of_name(span_str(name)) : NULL;
	struct err err = ERR_INIT;
	struct ends ends;

	if (options->n_words == 0)
		return cmd_usage_error(&cmd_run, "%s", tr("run needs a command: kanmon run -- CMD…"));
	if (fault)
		return cmd_usage_error(&cmd_run, "--name %s: %s", name, fault);
	if (options->n_words > LAUNCH_MAX_ARGS)
		return cmd_fail(EXIT_USAGE, tr("a command has at most %d words"), LAUNCH_MAX_ARGS);
	if (folder < 0)
		return cmd_fail(EXIT_KANMON, "%s", tr("the working folder cannot be opened"));
	if (open_ends(&ends, &err) < 0)
		return cmd_fail(EXIT_KANMON, "%s", err.text);
	wire_begin(&out, CONTROL_RUN, 0);
	wire_put_span(&out, name ? span_str(name) : default_name(options->words, options->n_words));
	wire_put_span(&out, S(""));
	wire_put_u64(&out, (uint64_t)options->n_words);
	for (int i = 0; i < options->n_words; i++)
		wire_put_span(&out, span_str(options->words[i]));
	put_environment(options, &out);
	wire_put_fd(&out, ends.in);
	wire_put_fd(&out, ends.out);
	wire_put_fd(&out, folder);
	return converse(options, &out, &ends);
}
