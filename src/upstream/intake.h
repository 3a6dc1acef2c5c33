/* intake.h - what a server says, one message a line: to its link, and what is too long is answered for. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/lines.h"
#include "upstream/link.h"

enum {
	INTAKE_SKIP_TIMES = 4,	     /* a message that is so often too long has no end */
	INTAKE_SKIP_TIMES_LENT = 64, /* where that would end the process of several clients */
};

/* INTAKE_INIT. */
struct intake {
	struct link *link;
	struct lines lines;
	enum { INTAKE_FITS, INTAKE_TOO_LONG, INTAKE_CROWDED } size; /* of a message that has not ended yet */
	struct overlong overlong;				    /* that message */
	bool closed, busy;
	void (*on_over)(struct intake *intake);
};

/* Bytes have come. Its link may end in it, and with it intake_close() be called. */
void intake_take(struct intake *intake, struct span bytes);

/*
 * Nothing more is taken. Whoever embeds it is freed in on_over, which is called here, or when intake_take()
 * up the stack is done with it.
 */
void intake_close(struct intake *intake, void (*on_over)(struct intake *intake));

#define INTAKE_INIT(of_link)                                                                                 \
	((struct intake){ .link = (of_link), .lines = LINES_INIT((of_link)->upstream->limits->result_bytes) })
