/* json_second.h - another reader's opinion of a text: jansson's. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

enum json_second {
	SECOND_ACCEPTS,
	SECOND_REFUSES,
	SECOND_LIMIT, /* refused for a limit of its own, which says nothing about the text */
};

/*
 * Asks. Where the text is accepted, `*rewritten` is what jansson writes for it.
 *
 * Owner: the caller frees `*rewritten`, which may be NULL.
 */
enum json_second json_second(struct span text, char **rewritten);
