/* words.h - a command line as words, the way a shell splits it, without what a shell expands. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * Takes the next word off `*rest` into `word` (cleared first). Words end at white space; single
 * quotes keep everything, double quotes all but `\"` and `\\`, a backslash the character after it.
 * `$`, `*`, `~` and the like are ordinary characters.
 *
 * Returns 1 with a word, 0 at the end, -1 with ERR_CONFIG where a quote is open, a backslash is
 * last, or where a word is an operator of a shell that nobody here would obey.
 */
int words_next(struct span *rest, struct buf *word, struct err *err) MUST_CHECK;
