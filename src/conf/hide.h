/* hide.h - which bytes of a config hold secrets, whether it can be read or not. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "conf/shape.h"
#include "conf/source.h"
#include "conf/yaml.h"

/*
 * Hides the values of secret keys, of keys that look like a secret key written wrongly and of keys
 * that nobody knows, and what looks like a secret wherever it stands. With `tree` NULL the text
 * could not be read: lines are hidden then, rather too many than too few.
 */
void hide_secrets(struct source *source, const struct shape *shape, struct yaml_node *tree,
		  const struct conf_options *options);
