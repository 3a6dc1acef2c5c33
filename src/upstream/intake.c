/* intake.c - what a server says, one message a line. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/intake.h"

/* Told at its end: who waited for it is answered when the server is ready for the next. */
static void tell_overlong(struct intake *intake)
{
	char why[LINK_WHY_BYTES];
	size_t times = server_is_shared(intake->link->server) ? INTAKE_SKIP_TIMES_LENT : INTAKE_SKIP_TIMES;
	bool endless = intake->lines.skipped / times > intake->lines.ceiling;

	if (intake->size == INTAKE_FITS || (intake->lines.skipping && !endless))
		return;
	if (endless)
		link_fail(intake->link, LINK_GARBAGE, link_too_long(intake->link, why));
	else
		link_overlong_end(intake->link, intake->overlong, intake->size == INTAKE_CROWDED);
	intake->size = INTAKE_FITS;
}

static void over(struct intake *intake)
{
	lines_release(&intake->lines);
	intake->on_over(intake);
}

void intake_take(struct intake *intake, struct span bytes)
{
	enum lines_step step;
	struct span line;

	intake->busy = true;
	lines_set_ceiling(&intake->lines, intake->link->upstream->limits->result_bytes);
	lines_charge(&intake->lines, intake->link->budget);
	do {
		step = lines_next(&intake->lines, &bytes, &line);
		if (step == LINES_TOO_LONG) {
			intake->size = intake->lines.crowded ? INTAKE_CROWDED : INTAKE_TOO_LONG;
			intake->overlong = link_overlong_begin(intake->link);
		}
		tell_overlong(intake);
		if (step == LINES_LINE && !intake->closed)
			(void)link_receive(intake->link, NULL, line);
	} while (step != LINES_MORE && !intake->closed);
	intake->busy = false;
	if (intake->closed)
		over(intake);
}

void intake_close(struct intake *intake, void (*on_over)(struct intake *intake))
{
	intake->closed = true;
	intake->on_over = on_over;
	if (!intake->busy)
		over(intake);
}
