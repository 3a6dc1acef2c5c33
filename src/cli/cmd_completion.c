/* cmd_completion.c - kanmon completion: what a shell needs to complete our command lines. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/code.h"
#include "base/tr.h"
#include "cli/output.h"

enum { COMPLETION_BYTES = 256 * 1024 };

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static bool is_argument(const struct option *option, const char *word)
{
	return option->argument && strcmp(option->argument, word) == 0;
}

/* The words a command may begin with, separated by spaces. */
static void add_words(struct buf *out, const struct cmd *cmd)
{
	for (size_t i = 0; cmd == &cmd_explain && i < codes_n; i++)
		buf_addf(out, "%s%s", i > 0 ? " " : "", codes[i].name);
	for (size_t i = 0; cmd->words && cmd->words[i]; i++)
		buf_addf(out, "%s%s", i > 0 ? " " : "", cmd->words[i]);
}

static void add_commands(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++)
		buf_addf(out, "%s ", cmds[i]->name);
	buf_add(out, S("help"));
}

/* A text for a shell's single quotes; marks in `also` get a backslash. */
static void add_quoted(struct buf *out, const char *text, const char *also)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_add(out, S("'\\'"));
		else if (strchr(also, *text))
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

/* --- bash --- */

/* One branch of `case $prev`: options of all commands whose value is `argument`. */
static void bash_value(struct buf *out, const char *argument, const char *reply)
{
	CLEANUP(buf_release) struct buf done = BUF_INIT((size_t)1024);
	bool any = false;

	for (size_t i = 0; cmds[i]; i++)
		for (const struct option *o = cmds[i]->options; o->name; o++) {
			CLEANUP(buf_release) struct buf mark = BUF_INIT((size_t)128);

			buf_addf(&mark, "|%s|", o->name);
			if (!is_argument(o, argument) || span_contains(buf_span(&done), buf_span(&mark)))
				continue;
			buf_add(&done, buf_span(&mark));
			buf_addf(out, "%s--%s", any ? "|" : "\t", o->name);
			if (o->letter)
				buf_addf(out, "|-%c", o->letter);
			any = true;
		}
	if (any)
		buf_addf(out, ") %s; return ;;\n", reply);
}

static void bash_command(struct buf *out, const struct cmd *cmd)
{
	buf_addf(out, "\t%s) words='", cmd->name);
	add_words(out, cmd);
	buf_add(out, S("' options='"));
	for (const struct option *o = cmd->options; o->name; o++)
		buf_addf(out, "--%s ", o->name);
	buf_add(out, S("--help' ;;\n"));
}

static void add_bash(struct buf *out)
{
	buf_add(out, S("# bash completion of kanmon; to be read with: source <(kanmon completion bash)\n"
		       "_kanmon()\n"
		       "{\n"
		       "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
		       "\tlocal command= first=0 i words= options=\n"
		       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		       "\t\tcase ${COMP_WORDS[i]} in\n"
		       "\t\t--lang) ((i++)) ;;\n"
		       "\t\t-*) ;;\n"
		       "\t\t*) command=${COMP_WORDS[i]} first=$((i + 1)); break ;;\n"
		       "\t\tesac\n"
		       "\tdone\n"
		       "\tCOMPREPLY=()\n"
		       "\tcase $previous in\n"));
	bash_value(out, "FILE",
		   "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$current\"))");
	bash_value(out, "DIR", "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$current\"))");
	bash_value(out, "FORM", "COMPREPLY=($(compgen -W 'text json' -- \"$current\"))");
	buf_add(out, S("\t--lang) COMPREPLY=($(compgen -W 'en ja' -- \"$current\")); return ;;\n"
		       "\tesac\n"
		       "\tcase $command in\n"
		       "\t'') words='"));
	add_commands(out);
	buf_add(out, S("' options='--lang --version --help' ;;\n"));
	for (size_t i = 0; cmds[i]; i++)
		bash_command(out, cmds[i]);
	buf_add(out, S("\thelp) words='"));
	add_commands(out);
	buf_add(out, S(" exit-codes' ;;\n"
		       "\tesac\n"
		       "\tif [[ $current == -* ]]; then\n"
		       "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
		       "\telif [[ $command == run ]]; then\n"
		       "\t\tCOMPREPLY=($(compgen -c -f -- \"$current\"))\n"
		       "\telif [[ -z $command || $COMP_CWORD == \"$first\" ]]; then\n"
		       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
		       "\tfi\n"
		       "}\n"
		       "complete -F _kanmon kanmon\n"));
}

/* --- zsh --- */

static const char *zsh_values(const struct option *option)
{
	if (is_argument(option, "FILE"))
		return "_files";
	if (is_argument(option, "DIR"))
		return "_files -/";
	return is_argument(option, "FORM") ? "(text json)" : "";
}

static void zsh_option(struct buf *out, const struct option *o)
{
	buf_add(out, S(" \\\n\t\t\t"));
	if (o->repeated)
		buf_add(out, S("'*'"));
	else if (o->letter)
		buf_addf(out, "'(-%c --%s)'", o->letter, o->name);
	if (o->letter)
		buf_addf(out, "{-%c,--%s}'[", o->letter, o->name);
	else
		buf_addf(out, "'--%s[", o->name);
	add_quoted(out, tr(o->text), "[]:\\");
	buf_add_char(out, ']');
	if (o->argument) {
		buf_add_char(out, ':');
		add_quoted(out, o->argument, "[]:\\");
		buf_addf(out, ":%s", zsh_values(o));
	}
	buf_add_char(out, '\'');
}

static void zsh_command(struct buf *out, const struct cmd *cmd)
{
	CLEANUP(buf_release) struct buf words = BUF_INIT((size_t)4096);

	buf_addf(out, "\t\t%s)\n\t\t\t_arguments", cmd->name);
	for (const struct option *o = cmd->options; o->name; o++)
		zsh_option(out, o);
	add_words(&words, cmd);
	if (cmd->takes_command)
		buf_add(out, S(" \\\n\t\t\t'*::CMD:_normal'"));
	else if (words.n)
		buf_addf(out, " \\\n\t\t\t'1:WORD:(%.*s)'", SPAN_ARG(buf_span(&words)));
	buf_add(out, S(" \\\n\t\t\t'(-h --help)'{-h,--help}'["));
	add_quoted(out, tr("this text"), "[]:\\");
	buf_add(out, S("]' ;;\n"));
}

static void add_zsh(struct buf *out)
{
	buf_add(out, S("#compdef kanmon\n"
		       "_kanmon()\n"
		       "{\n"
		       "\tlocal state line\n"
		       "\tlocal -a commands=(\n"));
	for (size_t i = 0; cmds[i]; i++) {
		buf_addf(out, "\t\t'%s:", cmds[i]->name);
		add_quoted(out, tr(cmds[i]->summary), "\\");
		buf_add(out, S("'\n"));
	}
	buf_add(out, S("\t\t'help'\n"
		       "\t)\n"
		       "\t_arguments -C '--lang[]:LANG:(en ja)' '1:COMMAND:->command' '*::WORD:->words'\n"
		       "\tcase $state in\n"
		       "\tcommand) _describe -t commands command commands ;;\n"
		       "\twords)\n"
		       "\t\tcase $words[1] in\n"));
	for (size_t i = 0; cmds[i]; i++)
		zsh_command(out, cmds[i]);
	buf_add(out, S("\t\thelp) _arguments '1:COMMAND:("));
	add_commands(out);
	buf_add(out, S(" exit-codes)' ;;\n"
		       "\t\tesac ;;\n"
		       "\tesac\n"
		       "}\n"
		       "if [ \"$funcstack[1]\" = _kanmon ]; then\n"
		       "\t_kanmon \"$@\"\n"
		       "else\n"
		       "\tcompdef _kanmon kanmon\n"
		       "fi\n"));
}

/* --- fish --- */

static void fish_option(struct buf *out, const struct cmd *cmd, const struct option *o)
{
	buf_addf(out, "complete -c kanmon -n '__fish_seen_subcommand_from %s' -l %s", cmd->name, o->name);
	if (o->letter)
		buf_addf(out, " -s %c", o->letter);
	if (is_argument(o, "FILE"))
		buf_add(out, S(" -r -F"));
	else if (is_argument(o, "DIR"))
		buf_add(out, S(" -x -a '(__fish_complete_directories)'"));
	else if (is_argument(o, "FORM"))
		buf_add(out, S(" -x -a 'text json'"));
	else if (o->argument)
		buf_add(out, S(" -x"));
	buf_add(out, S(" -d '"));
	add_quoted(out, tr(o->text), "\\");
	buf_add(out, S("'\n"));
}

static void fish_command(struct buf *out, const struct cmd *cmd)
{
	CLEANUP(buf_release) struct buf words = BUF_INIT((size_t)4096);

	buf_addf(out, "complete -c kanmon -n __fish_use_subcommand -a %s -d '", cmd->name);
	add_quoted(out, tr(cmd->summary), "\\");
	buf_add(out, S("'\n"));
	for (const struct option *o = cmd->options; o->name; o++)
		fish_option(out, cmd, o);
	add_words(&words, cmd);
	if (cmd->takes_command)
		buf_addf(out,
			 "complete -c kanmon -n '__fish_seen_subcommand_from %s' "
			 "-a '(__fish_complete_subcommand)'\n",
			 cmd->name);
	else if (words.n)
		buf_addf(out, "complete -c kanmon -n '__fish_seen_subcommand_from %s' -a '%.*s'\n", cmd->name,
			 SPAN_ARG(buf_span(&words)));
}

static void add_fish(struct buf *out)
{
	buf_add(out, S("# fish completion of kanmon; to be read with: kanmon completion fish | source\n"
		       "complete -c kanmon -f\n"
		       "complete -c kanmon -n __fish_use_subcommand -a help\n"
		       "complete -c kanmon -n __fish_use_subcommand -l lang -x -a 'en ja'\n"
		       "complete -c kanmon -n '__fish_seen_subcommand_from help' -a '"));
	add_commands(out);
	buf_add(out, S(" exit-codes'\n"));
	for (size_t i = 0; cmds[i]; i++)
		fish_command(out, cmds[i]);
}

static int run(const struct options *options)
{
	static void (*const writers[])(struct buf * out) = { add_bash, add_zsh, add_fish };
	CLEANUP(buf_release) struct buf out = BUF_INIT(COMPLETION_BYTES);

	for (size_t i = 0; options->n_words == 1 && shells[i]; i++) {
		if (strcmp(options->words[0], shells[i]) != 0)
			continue;
		writers[i](&out);
		return output_print(&out);
	}
	return cmd_usage_error(&cmd_completion, "%s", tr("completion needs one of: bash, zsh, fish"));
}

static const struct option table[] = { { 0 } };

static const char *const examples[] = { TR_MARK("In ~/.bashrc:"),
					"source <(kanmon completion bash)",
					TR_MARK("In ~/.zshrc:"),
					"source <(kanmon completion zsh)",
					TR_MARK("For fish:"),
					"kanmon completion fish > ~/.config/fish/completions/kanmon.fish",
					NULL };

const struct cmd cmd_completion = { .name = "completion",
				    .summary = TR_MARK("completion of command lines for bash, zsh or fish"),
				    .usage = "bash | zsh | fish",
				    .examples = examples,
				    .options = table,
				    .words = shells,
				    .run = run };
