/* glob.h - name patterns: `*` and `?`. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/*
 * Does all of `text` match `pattern`? `*` stands for any run of characters, also none; `?` for one
 * character. Everything else stands for itself, case included; there is no escape.
 *
 * Shape:   UTF-8; a byte that is no part of a valid character counts as one character.
 * Units:   time is at most pattern.n × text.n steps, memory none.
 */
bool glob_match(struct span pattern, struct span text);
