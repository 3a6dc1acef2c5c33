/* docs.c - the reference pages, written from the tables the program itself uses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"

#include <limits.h>
#include <sys/stat.h>

#include "base/code.h"
#include "base/file.h"
#include "base/tr.h"
#include "cli/manual.h"
#include "conf/reference.h"
#include "daemon/gate_config.h"

enum { PAGE_BYTES = 1024 * 1024 };

const char docs_config[] = "version: 1\n"
			   "listen: 127.0.0.1:7676\n"
			   "servers:\n"
			   "  files:\n"
			   "    run: npx -y @modelcontextprotocol/server-filesystem /home/aoi/work\n"
			   "    tools: { allow: [\"read_*\", \"list_*\"] }\n"
			   "  github:\n"
			   "    run: github-mcp-server stdio\n"
			   "    env: { GITHUB_TOKEN: \"secret:env/GITHUB_TOKEN\" }\n"
			   "    tools: { allow: [\"get_*\", \"list_*\"], deny: [\"*_secret*\"] }\n"
			   "  wiki:\n"
			   "    url: https://wiki.example.com/mcp\n"
			   "    tools: { allow: [\"*\"] }\n";

static void add_written_by(struct buf *out)
{
	buf_add(out, S("<!-- Written by the program itself; see tools/gen-docs. -->\n"));
}

/* --- errors --- */

static void add_code(struct buf *out, const struct code *code)
{
	buf_addf(out, "\n## %s: %s\n\n%s\n\n**%s** %s\n\n```\n%s```\n", code->name, tr(code->title),
		 tr(code->meaning), tr("What to do:"), tr(code->remedy), code->example);
}

static void add_errors(struct buf *out)
{
	add_written_by(out);
	buf_addf(
	    out, "# %s\n\n%s\n", tr("Codes"),
	    tr("Every refusal of the gate has a code. A code keeps its meaning for good; `kanmon explain CODE` prints "
	       "what stands here."));
	for (size_t i = 0; i < codes_n; i++)
		add_code(out, &codes[i]);
}

/* --- the command line --- */

static void add_command(struct buf *out, const struct cmd *cmd)
{
	buf_addf(out, "\n## kanmon %s\n\n%s\n\n```\nkanmon %s%s%s\n```\n", cmd->name, tr(cmd->summary),
		 cmd->name, cmd->usage[0] ? " " : "", cmd->usage);
	for (size_t i = 0; cmd->examples && cmd->examples[i]; i += 2)
		buf_addf(out, "\n%s\n\n```\n%s\n```\n", tr(cmd->examples[i]), cmd->examples[i + 1]);
	if (!cmd->options->name)
		return;
	buf_addf(out, "\n| %s | %s |\n|---|---|\n", tr("Option"), tr("Meaning"));
	for (const struct option *o = cmd->options; o->name; o++) {
		buf_add(out, S("| `"));
		if (o->letter)
			buf_addf(out, "-%c`, `", o->letter);
		buf_addf(out, "--%s%s%s` | %s |\n", o->name, o->argument ? " " : "",
			 o->argument ? o->argument : "", tr(o->text));
	}
}

static void add_command_line(struct buf *out)
{
	add_written_by(out);
	buf_addf(
	    out, "# %s\n\n%s\n", tr("The command line"),
	    tr("`kanmon --lang ja COMMAND` speaks Japanese, `--lang en` English; without it the environment decides "
	       "(KANMON_LANG, LC_ALL, LC_MESSAGES, LANG)."));
	for (size_t i = 0; cmds[i]; i++)
		add_command(out, cmds[i]);
	buf_addf(out, "\n## %s\n\n| %s | %s |\n|---|---|\n", tr("Exit codes"), tr("Code"), tr("Meaning"));
	for (const struct exit_text *at = exit_texts; at->text; at++)
		buf_addf(out, "| %d | %s |\n", at->code, tr(at->text));
}

/* --- the config --- */

static void add_config(struct buf *out)
{
	add_written_by(out);
	buf_addf(
	    out, "# kanmon.yaml\n\n%s\n\n```yaml\n%s```\n\n",
	    tr("One file is one gate. It is a subset of YAML 1.2 that all readers of YAML take alike: "
	       "no anchors, tags or merge keys, and the words yes, no, on and off only in quotes. An "
	       "unknown or repeated key is an error, and a file with an error is not used at all. A "
	       "gate that runs takes over a changed file by itself; `listen`, `metrics`, `threads`, "
	       "`data` and `log` change with a restart only, and until then a file that changes them is not used."),
	    docs_config);
	conf_reference(out, gate_tables);
	buf_addf(out, "\n%s\n\n```yaml\n# yaml-language-server: $schema=./kanmon.schema.json\n```\n",
		 tr("Editors check a config while it is written where its first line names the schema:"));
}

static void add_schema(struct buf *out)
{
	/* Without memory the page is too short, and buf_ok() says so. */
	if (!conf_json_schema(out, gate_tables))
		out->over = true;
	buf_add_char(out, '\n');
}

/* --- files --- */

static void add_config_manual(struct buf *out)
{
	CLEANUP(buf_release) struct buf keys = BUF_INIT(PAGE_BYTES);

	conf_reference(&keys, gate_tables);
	manual_config(out, buf_span(&keys));
}

static int write_page(const char *folder, const char *name, const struct buf *page, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ERR_LIMIT, "the path of a page is too long");
	if (!buf_ok(page))
		return err_set(err, ERR_NOMEM, "the page %s is too large", name);
	return file_replace(path, buf_span(page), 0644, err);
}

static int write_by(const char *folder, const char *name, void (*add)(struct buf *out), struct err *err)
{
	CLEANUP(buf_release) struct buf page = BUF_INIT(PAGE_BYTES);

	add(&page);
	return write_page(folder, name, &page, err);
}

static int write_manuals(const char *folder, const char *below, struct err *err)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%skanmon.1", below);
	if (write_by(folder, name, manual_program, err) < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%skanmon.yaml.5", below);
	if (write_by(folder, name, add_config_manual, err) < 0)
		return -1;
	for (size_t i = 0; cmds[i]; i++) {
		CLEANUP(buf_release) struct buf page = BUF_INIT(PAGE_BYTES);

		(void)snprintf(name, sizeof(name), "%skanmon-%.24s.1", below, cmds[i]->name);
		manual_command(&page, cmds[i]);
		if (write_page(folder, name, &page, err) < 0)
			return -1;
	}
	return 0;
}

static int write_language(const char *folder, bool japanese, struct err *err)
{
	tr_set_language(japanese ? TR_JA : TR_EN);
	if (write_by(folder, japanese ? "reference/errors.ja.md" : "reference/errors.md", add_errors, err) <
		0 ||
	    write_by(folder, japanese ? "reference/cli.ja.md" : "reference/cli.md", add_command_line, err) <
		0 ||
	    write_by(folder, japanese ? "reference/config.ja.md" : "reference/config.md", add_config, err) <
		0)
		return -1;
	return write_manuals(folder, japanese ? "man/ja/" : "man/", err);
}

static int make_folders(const char *folder, struct err *err)
{
	static const char *const below[] = { "", "/reference", "/man", "/man/ja" };
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT(below); i++) {
		int n = snprintf(path, sizeof(path), "%s%s", folder, below[i]);

		if (n < 0 || (size_t)n >= sizeof(path))
			return err_set(err, ERR_LIMIT, "the path of a folder is too long");
		if (mkdir(path, 0755) < 0 && access(path, W_OK) < 0)
			return err_sys(err, "cannot make %s", path);
	}
	return 0;
}

int docs_write(const char *folder)
{
	struct err err = ERR_INIT;

	if (make_folders(folder, &err) == 0 && write_language(folder, false, &err) == 0 &&
	    write_language(folder, true, &err) == 0 &&
	    write_by(folder, "reference/kanmon.schema.json", add_schema, &err) == 0)
		return EXIT_OK;
	return cmd_fail(EXIT_FAILED, "%s", err.text);
}
