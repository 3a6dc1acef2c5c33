/* output.h - how a command prints: its form, its columns, its paragraphs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "cli/cmd.h"

/* Lines of prose end here. */
enum { OUTPUT_COLUMNS = 78 };

/* Takes the option --output. 0, or an exit code and the error is printed. */
int output_form(const struct cmd *cmd, const struct options *options, bool *json)
    __attribute__((warn_unused_result));

/* Adds `text` and spaces up to `columns` of a terminal; a longer text keeps one space. */
void output_cell(struct buf *out, struct span text, size_t columns);

/*
 * Adds `text` in lines of at most OUTPUT_COLUMNS, each behind `indent` spaces, the last with a line
 * feed. Japanese breaks between any two characters but not before a closing mark.
 */
void output_paragraph(struct buf *out, struct span text, size_t indent);

/* Writes all of it to stdout; an exit code. */
int output_print(const struct buf *out);

/* May signs beyond ASCII be printed here? By the locale's name: LC_ALL, LC_CTYPE, LANG. */
bool output_utf8(void);
