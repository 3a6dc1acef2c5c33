/* looks.h - what looks like a secret in the text of a config, whatever key it stands under. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "conf/shape.h"
#include "conf/source.h"

/*
 * Hides user names, passwords and queries of URLs; what stands behind an option (`--token`) or a
 * variable (`API_KEY=`) with a secret's name; and what `options->has_secret` takes for a secret.
 * What is hidden already is not looked at.
 */
void looks_hide(struct source *source, const struct shape *root, const struct conf_options *options);

/* Is the colon at `at` one that ends a key? */
bool looks_like_key(struct span line, size_t at);
/* The name that ends before the colon at `colon`, without its quotes; may be empty. */
struct span looks_name_before(struct span line, size_t colon);
/* Without the spaces, tabs and line ends at the front. */
struct span looks_skip_blanks(struct span text);
