/* code.h - the codes that stand in our messages, and what each asks of its reader. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/*
 * A code never changes its meaning and is never given to anything else. K1xx: the config; K5xx: at
 * the door; K6xx: the request; K7xx: the server behind the gate; K8xx: the gate itself; K9xx: its
 * start. All texts but the example are for tr().
 */
struct code {
	const char *name;    /* "K102" */
	const char *title;   /* without a full stop */
	const char *meaning; /* sentences */
	const char *remedy;  /* sentences */
	const char *example; /* lines of a config, of a command or of a reply; each ends with a newline */
};

/* Sorted by name. */
extern const struct code codes[];
extern const size_t codes_n;

/* The code of this name, in large or small letters; NULL where there is none. */
const struct code *code_find(struct span name);

/* The code whose number is closest to that of `name`, of the same hundred where there is one. */
const struct code *code_near(struct span name);
