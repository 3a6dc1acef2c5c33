/* doctor.c - the list of findings that `kanmon doctor` makes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/tr.h"
#include "cli/output.h"
#include "conf/source.h"
#include "json/write.h"

enum { CHECK_COLUMNS = 11, SENTENCE_BYTES = 2048 };

static void add_sign(struct doctor *doctor, enum finding finding)
{
	static const struct {
		const char *sign, *plain, *color;
	} signs[] = {
		[FINDING_GOOD] = { "✓", "ok", "\033[32m" },
		[FINDING_WARNING] = { "▲", "??", "\033[33m" },
		[FINDING_PROBLEM] = { "✗", "!!", "\033[31m" },
	};

	if (doctor->color)
		buf_add(&doctor->out, span_str(signs[finding].color));
	buf_addf(&doctor->out, " %s", doctor->utf8 ? signs[finding].sign : signs[finding].plain);
	if (doctor->color)
		buf_add(&doctor->out, S("\033[0m"));
	buf_add_char(&doctor->out, ' ');
}

static void add_json(struct doctor *doctor, enum finding finding, const char *check, const char *remedy,
		     struct span sentence)
{
	static const struct span words[] = { [FINDING_GOOD] = SPAN("ok"),
					     [FINDING_WARNING] = SPAN("warning"),
					     [FINDING_PROBLEM] = SPAN("problem") };
	struct buf *out = &doctor->out;

	json_add_comma(out);
	buf_add_char(out, '{');
	json_put_string(out, S("check"), span_str(check));
	json_put_string(out, S("finding"), words[finding]);
	json_put_string(out, S("text"), sentence);
	if (remedy)
		json_put_string(out, S("remedy"), span_str(remedy));
	buf_add_char(out, '}');
}

void doctor_add(struct doctor *doctor, enum finding finding, const char *check, const char *remedy,
		const char *format, ...)
{
	CLEANUP(buf_release) struct buf shown = BUF_INIT((size_t)SENTENCE_BYTES * 3);
	char sentence[SENTENCE_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	source_add_shown(&shown, span_str(sentence));
	doctor->warnings += finding == FINDING_WARNING;
	doctor->problems += finding == FINDING_PROBLEM;
	if (doctor->out.n == 0 && doctor->json)
		buf_add(&doctor->out, S("{\"findings\":["));
	if (doctor->json) {
		add_json(doctor, finding, check, remedy, buf_span(&shown));
		return;
	}
	add_sign(doctor, finding);
	output_cell(&doctor->out, span_str(tr(check)), CHECK_COLUMNS);
	buf_add(&doctor->out, buf_span(&shown));
	if (remedy)
		buf_addf(&doctor->out, "  %s %s", doctor->utf8 ? "→" : "->", remedy);
	buf_add_char(&doctor->out, '\n');
}

void doctor_finish(struct doctor *doctor)
{
	if (doctor->json) {
		buf_add_char(&doctor->out, ']');
		json_put_u64(&doctor->out, S("problems"), doctor->problems);
		json_put_u64(&doctor->out, S("warnings"), doctor->warnings);
		buf_add(&doctor->out, S("}\n"));
		return;
	}
	if (doctor->problems + doctor->warnings == 0)
		buf_addf(&doctor->out, "%s\n", tr("All is well."));
	else
		buf_addf(&doctor->out, tr("Problems: %u, warnings: %u.\n"), doctor->problems,
			 doctor->warnings);
}
