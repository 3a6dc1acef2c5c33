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

/* Writes all of it to stdout; an exit code, and the error is printed. */
int output_print(const struct buf *out) __attribute__((warn_unused_result));

/*
 * Before what is printed once only: can stdout be written, as far as that can be told? 0, or an exit code and
 * the error is printed. A disk that is full is seen when it is written.
 */
int output_check(void) __attribute__((warn_unused_result));

/* May signs beyond ASCII be printed here? By the locale's name: LC_ALL, LC_CTYPE, LANG. */
bool output_utf8(void);
