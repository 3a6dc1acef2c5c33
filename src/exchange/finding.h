/* finding.h - a list too long to be read whole: two tools of the gate's own, to find one and to call it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/exchange.h"

/*
 * Where `catalogue.search` is `always`, or a client of all servers would see more tools than it says, the
 * list holds find_tool and call_tool instead. They open no other way: what is found is what the list would
 * have shown, and call_tool becomes the call it names before anything is decided.
 */

/* Is the list of `n` tools answered with the two? */
bool finding_replaces(const struct exchange *x, size_t n);
/* Adds their definitions, as the inside of an array. */
void finding_add_tools(struct worker *worker, struct buf *out);

/* Is it a call of call_tool? */
bool finding_is_call(const struct exchange *x);
/*
 * Makes the exchange the call that it names. False: `fault` says what is wrong with its arguments, or is
 * empty, and memory is short.
 */
bool finding_unwrap(struct exchange *x, struct buf *fault);

/* Is it a call of find_tool, which the gate answers itself? */
bool finding_is_asked(const struct exchange *x);
/* Fetches the lists, as a list of all tools does; then x->tool and x->catalogue are the gate's own. */
enum stage_result finding_route(struct exchange *x);
enum stage_result finding_answer(struct exchange *x);

void finding_release(struct worker *worker);
