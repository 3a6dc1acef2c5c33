/* cmd.h - one command of `kanmon`: its words, its options, its work. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* Exit codes; `kanmon help exit-codes` prints them. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2, /* wrong usage, or a wrong config */
	EXIT_FINDINGS = 3,
	EXIT_UNREACHABLE = 69, /* no gate is running */
	EXIT_KANMON = 125,     /* `run`: the fault is the gate's */
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

struct option {
	char letter;	      /* 0: none */
	const char *name;     /* "config" */
	const char *argument; /* "FILE"; NULL: a switch */
	bool repeated;	      /* may be given several times */
	const char *text;     /* TR_MARK */
};

enum { OPTION_VALUES = 64 };

/* What was given on the command line. */
struct options {
	const struct option *table;
	struct {
		const struct option *option;
		const char *value; /* "" for a switch */
	} given[OPTION_VALUES];
	size_t n;
	char **words; /* what is no option */
	int n_words;
};

/* The last value given, or NULL. A switch that was given has "". */
const char *option_value(const struct options *options, const char *name);
/* The value of the nth time the option was given, or NULL. */
const char *option_nth(const struct options *options, const char *name, size_t nth);

struct cmd {
	const char *name;
	const char *summary;	      /* TR_MARK; one line */
	const char *usage;	      /* after "kanmon NAME " */
	const char *const *examples;  /* pairs: what, how; ended by NULL */
	const struct option *options; /* ended by an empty one; the common ones are added */
	const char *const *words; /* what the first word may be, ended by NULL; NULL: anything, or nothing */
	bool takes_command;	  /* options end at the first word or "--" */
	int (*run)(const struct options *options);
};

extern const struct cmd *const cmds[]; /* ended by NULL */
const struct cmd *cmd_find(struct span name);

/* What `kanmon help exit-codes` prints; ended by one without a text. */
struct exit_text {
	int code;
	const char *text; /* TR_MARK */
};
extern const struct exit_text exit_texts[];

/* For errors of the command line: prints the sentence and where help is; returns EXIT_USAGE. */
int cmd_usage_error(const struct cmd *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints "error: sentence" (in colour on a terminal) to stderr; returns `code`. */
int cmd_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cmd_help(const struct cmd *cmd);

/* Options every command that speaks to a gate has. */
#define OPTION_CONFIG                                                                                        \
	{                                                                                                    \
		'c', "config", "FILE", false, TR_MARK("the config file")                                     \
	}
#define OPTION_DATA                                                                                          \
	{                                                                                                    \
		0, "data-dir", "DIR", false, TR_MARK("the folder for the store and the audit log")           \
	}
#define OPTION_OUTPUT                                                                                        \
	{                                                                                                    \
		'o', "output", "FORM", false, TR_MARK("text or json")                                        \
	}

extern const struct cmd cmd_completion, cmd_doctor, cmd_explain, cmd_run, cmd_serve, cmd_status, cmd_token,
    cmd_upgrade, cmd_version;
