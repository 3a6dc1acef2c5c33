/* main.c - one program, many commands. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tr.h"
#include "cli/cmd.h"
#include "cli/docs.h"
#include "daemon/holder.h"
#include "daemon/manager.h"
#include "daemon/spawn.h"
#include "daemon/work.h"
#include "http/message.h"
#include "text/near.h"

const struct cmd *const cmds[] = { &cmd_serve,	 &cmd_run,     &cmd_status,	&cmd_token,   &cmd_doctor,
				   &cmd_explain, &cmd_upgrade, &cmd_completion, &cmd_version, NULL };

const struct cmd *cmd_find(struct span name)
{
	for (size_t i = 0; cmds[i]; i++)
		if (span_eq(span_str(cmds[i]->name), name))
			return cmds[i];
	return NULL;
}

const char *option_nth(const struct options *options, const char *name, size_t nth)
{
	for (size_t i = 0; i < options->n; i++)
		if (strcmp(options->given[i].option->name, name) == 0 && nth-- == 0)
			return options->given[i].value;
	return NULL;
}

const char *option_value(const struct options *options, const char *name)
{
	const char *last = NULL;

	for (size_t i = 0; i < options->n; i++)
		if (strcmp(options->given[i].option->name, name) == 0)
			last = options->given[i].value;
	return last;
}

/* --- the process roles of a gate --- */

/* What reaches all of a group, a terminal's Ctrl-C, or of a name: only the manager acts on it, the others on
 * its word. */
static void ignore_signals(void)
{
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
}

static int run_role(const char *name)
{
	static const struct {
		const char *name;
		int (*run)(int manager_fd, struct log *log);
		bool dies_with_parent;
	} roles[] = {
		{ "worker", worker_main, true },	   { "keeper", keeper_main, false },
		{ "launcher", launcher_role_main, false }, { "egress", egress_role_main, true },
		{ "manager", successor_main, false },	   { "holder", holder_main, false },
	};

	(void)signal(SIGPIPE, SIG_IGN);
	/* What waits for the one who holds the place is to be passed on: ignored, it would be gone. */
	if (strcmp(name, "holder") != 0)
		ignore_signals();
	for (size_t i = 0; i < COUNT(roles); i++) {
		struct log log = { .fd = STDERR_FILENO, .level = LOG_INFO, .role = roles[i].name };

		if (strcmp(roles[i].name, name) != 0)
			continue;
		/* Keeper and launcher have something to finish when the manager's channel closes. */
		if (roles[i].dies_with_parent && !spawn_follow_parent())
			return EXIT_FAILED;
		return roles[i].run(WORK_FD, &log);
	}
	return EXIT_USAGE;
}

/* --- options --- */

static const struct option *find_option(const struct cmd *cmd, struct span name, char letter)
{
	for (const struct option *o = cmd->options; o->name; o++)
		if ((name.n && span_eq(span_str(o->name), name)) || (letter && o->letter == letter))
			return o;
	return NULL;
}

static int take_option(const struct cmd *cmd, struct options *options, char **argv, int argc, int *at)
{
	struct span word = span_str(argv[*at]), name = S("");
	const char *value = NULL;
	const struct option *option;

	if (span_starts(word, S("--"))) {
		name = span_skip(word, 2);
		if (span_find(name, '=') < name.n) {
			value = argv[*at] + 2 + span_find(name, '=') + 1;
			name = span_first(name, span_find(name, '='));
		}
		option = find_option(cmd, name, 0);
	} else {
		option = find_option(cmd, S(""), word.p[1]);
		if (option && word.n > 2)
			value = argv[*at] + 2;
	}
	if (!option)
		return cmd_usage_error(cmd, tr("there is no option %s"), argv[*at]);
	if (!option->argument && value)
		return cmd_usage_error(cmd, tr("the option --%s takes no value"), option->name);
	if (option->argument && !value) {
		if (*at + 1 >= argc)
			return cmd_usage_error(cmd, tr("the option --%s needs a value: %s"), option->name,
					       option->argument);
		value = argv[++*at];
	}
	if (options->n == OPTION_VALUES || (!option->repeated && option_value(options, option->name)))
		return cmd_usage_error(cmd, tr("the option --%s was given twice"), option->name);
	options->given[options->n].option = option;
	options->given[options->n++].value = value ? value : "";
	return 0;
}

/* Words are moved to the front of argv. */
static int parse(const struct cmd *cmd, struct options *options, char **argv, int argc)
{
	options->table = cmd->options;
	options->words = argv;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			for (i++; i < argc; i++)
				argv[options->n_words++] = argv[i];
			break;
		}
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			cmd_help(cmd);
			return -1;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			int rc = take_option(cmd, options, argv, argc, &i);

			if (rc)
				return rc;
			continue;
		}
		if (cmd->takes_command) {
			for (; i < argc; i++)
				argv[options->n_words++] = argv[i];
			break;
		}
		argv[options->n_words++] = argv[i];
	}
	return 0;
}

/* --- help --- */

void cmd_help(const struct cmd *cmd)
{
	printf("kanmon %s %s\n\n%s\n", cmd->name, cmd->usage, tr(cmd->summary));
	if (cmd->examples)
		printf("\n");
	for (size_t i = 0; cmd->examples && cmd->examples[i]; i += 2)
		printf("  %s\n      %s\n", tr(cmd->examples[i]), cmd->examples[i + 1]);
	printf("\n");
	for (const struct option *o = cmd->options; o->name; o++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			       o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			       o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-26s %s\n", left, tr(o->text));
	}
	printf("  %-26s %s\n", "-h, --help", tr("this text"));
}

const struct exit_text exit_texts[] = {
	{ EXIT_OK, TR_MARK("done") },
	{ EXIT_FAILED, TR_MARK("failed") },
	{ EXIT_USAGE, TR_MARK("wrong usage, or a wrong config") },
	{ EXIT_FINDINGS, TR_MARK("findings, or problems that were found") },
	{ EXIT_UNREACHABLE, TR_MARK("no gate is running") },
	{ EXIT_KANMON, TR_MARK("run: the gate itself failed") },
	{ EXIT_NOT_EXECUTABLE, TR_MARK("run: the program cannot be executed") },
	{ EXIT_NOT_FOUND, TR_MARK("run: there is no such program") },
	{ 0, NULL },
};

static void print_exit_codes(void)
{
	for (const struct exit_text *at = exit_texts; at->text; at++)
		printf("%-4d %s\n", at->code, tr(at->text));
}

/* Options that stand before a command. */
static const struct span first_options[] = { SPAN("--help"), SPAN("--lang"), SPAN("--version") };

static bool belongs_after(struct span word)
{
	bool is_long = span_starts(word, S("--"));
	struct span name = is_long ? span_skip(word, 2) : S("");

	name = span_first(name, span_find(name, '='));
	for (size_t i = 0; cmds[i]; i++)
		if (find_option(cmds[i], name, !is_long && word.n > 1 ? word.p[1] : '\0'))
			return true;
	return false;
}

static int refuse_option(const char *word)
{
	struct span near = near_name(span_str(word), first_options, COUNT(first_options));

	if (strcmp(word, "--lang") == 0)
		return cmd_fail(EXIT_USAGE, tr("the option --%s was given twice"), "lang");
	if (belongs_after(span_str(word)))
		return cmd_fail(EXIT_USAGE, tr("the option %s belongs after a command; see `kanmon help`"),
				word);
	if (near.n)
		return cmd_fail(EXIT_USAGE, tr("there is no option %s; did you mean `%.*s`?"), word,
				SPAN_ARG(near));
	return cmd_fail(EXIT_USAGE, tr("there is no option %s; see `kanmon help`"), word);
}

static int refuse_command(const char *word)
{
	struct span names[COUNT(cmds)], near;

	for (size_t i = 0; i < COUNT(cmds); i++)
		names[i] = cmds[i] ? span_str(cmds[i]->name) : S("help");
	near = near_name(span_str(word), names, COUNT(names));
	if (near.n)
		return cmd_fail(EXIT_USAGE, tr("there is no command %s; did you mean `%.*s`?"), word,
				SPAN_ARG(near));
	return cmd_fail(EXIT_USAGE, tr("there is no command %s; see `kanmon help`"), word);
}

static int help(const char *topic)
{
	const struct cmd *cmd = topic ? cmd_find(span_str(topic)) : NULL;

	if (cmd) {
		cmd_help(cmd);
		return EXIT_OK;
	}
	if (topic && strcmp(topic, "exit-codes") == 0) {
		print_exit_codes();
		return EXIT_OK;
	}
	if (topic)
		return topic[0] == '-' ? refuse_option(topic) : refuse_command(topic);
	printf("%s\n\n", tr("kanmon - the gate that every MCP message passes"));
	for (size_t i = 0; cmds[i]; i++)
		printf("  %-12s %s\n", cmds[i]->name, tr(cmds[i]->summary));
	printf("  %-12s %s\n\n", "help", tr("this text; help COMMAND, help exit-codes"));
	printf("  %-12s %s\n", "--lang en|ja", tr("before a command: the language of its texts"));
	printf("  %-12s %s\n\n%s\n", "-V", tr(cmd_version.summary), tr("Start with: kanmon serve"));
	return EXIT_OK;
}

PRINTF(1, 0) static void print_error(const char *format, va_list args)
{
	bool color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");

	(void)fprintf(stderr, "%s%s%s: ", color ? "\033[1;31m" : "", tr("error"), color ? "\033[0m" : "");
	(void)vfprintf(stderr, format, args);
	(void)fprintf(stderr, "\n");
}

int cmd_fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(format, args);
	va_end(args);
	return code;
}

int cmd_usage_error(const struct cmd *cmd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(format, args);
	va_end(args);
	(void)fprintf(stderr, "%s: kanmon %s --help\n", tr("help"), cmd->name);
	return EXIT_USAGE;
}

/* A language given in front of the command (`kanmon --lang ja status`) counts more than the environment. */
static int choose_language(int *argc, char ***argv)
{
	const char *word = *argc > 1 ? (*argv)[1] : "", *language = NULL;
	int n = 1;

	tr_set_language(tr_language_from_env());
	if (strncmp(word, "--lang=", 7) == 0) {
		language = word + 7;
	} else if (strcmp(word, "--lang") == 0) {
		if (*argc == 2)
			return cmd_fail(EXIT_USAGE, "%s", tr("--lang needs a value: en or ja"));
		language = (*argv)[2];
		n = 2;
	}
	if (!language)
		return 0;
	if (strcmp(language, "en") != 0 && strcmp(language, "ja") != 0)
		return cmd_fail(EXIT_USAGE, tr("there is no language %s; there are en and ja"), language);
	tr_set_language(tr_language_of(language));
	*argc -= n;
	*argv += n;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	const struct cmd *cmd;
	int rc;

	rc = choose_language(&argc, &argv);
	if (rc)
		return rc;
	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return run_role(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--gen-docs") == 0)
		return docs_write(argv[2]);
	if (!http_strict_build())
		return cmd_fail(EXIT_FAILED,
				"this kanmon was built with a loose HTTP parser and must not be used");
	if (argc < 2 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		return help(NULL);
	if (strcmp(argv[1], "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		options.words = argv + 2;
		options.n_words = argc - 2;
		return cmd_version.run(&options);
	}
	cmd = cmd_find(span_str(argv[1]));
	if (!cmd)
		return help(argv[1]);
	rc = parse(cmd, &options, argv + 2, argc - 2);
	if (rc)
		return rc < 0 ? EXIT_OK : rc;
	(void)signal(SIGPIPE, SIG_IGN);
	return cmd->run(&options);
}
