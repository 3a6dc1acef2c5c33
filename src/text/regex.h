/* regex.h - regular expressions of ECMA-262, matched within a budget. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum regex_limit {
	REGEX_PATTERN_BYTES = 8192, /* a pattern as it is written */
	REGEX_NESTING = 50,	    /* parentheses in parentheses */
	REGEX_DEPTH = 20000,	    /* how far one match may backtrack at a time */
	REGEX_HEAP_KIB = 8192,	    /* memory of one match */
};

/* Compiled and immutable; threads may share it. */
struct regex;

/*
 * Compiles a pattern in the syntax of ECMA-262 with its `u` flag, as JSON Schema asks for: \d and
 * \w mean ASCII, $ is the end of the text, characters are code points. A stray escape of
 * punctuation and a hyphen beside a class escape are taken literally, for many schemas have them.
 * The engine is PCRE2, opened at the first use; what only PCRE2 knows (verbs, \K, recursion,
 * possessive repeats, inline flags) is refused.
 *
 * Shape:   valid UTF-8, at most REGEX_PATTERN_BYTES. Look-behind must have a fixed length.
 * Owner:   the caller releases `*out` with regex_free(); on failure it is untouched.
 * Errors:  ERR_FORMAT names the pattern and what is wrong in it; ERR_LIMIT; ERR_MISSING without
 *          the library; ERR_NOMEM.
 */
int regex_compile(struct span pattern, struct regex **out, struct err *err) MUST_CHECK;
struct regex *regex_free(struct regex *regex);

/* Opens the engine ahead, for a process that confines itself before it reads patterns. */
int regex_preload(struct err *err) MUST_CHECK;

enum regex_verdict { REGEX_LIMIT = 0, REGEX_NO, REGEX_YES };

/*
 * Does the pattern match anywhere in `text`? Every step takes from `*budget`, and a step before
 * much text takes more; without a rest the verdict is REGEX_LIMIT.
 *
 * Shape:   `text` is valid UTF-8; it is not checked again.
 * Units:   about ten nanoseconds a unit.
 */
enum regex_verdict regex_match(const struct regex *regex, struct span text, uint64_t *budget) MUST_CHECK;
