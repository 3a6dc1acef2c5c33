/* hide.h - which bytes of a config hold secrets, whether it can be read or not. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/shape.h"
#include "conf/source.h"
#include "conf/yaml.h"

/*
 * Hides the values of secret keys, and of keys that look like a secret key written wrongly. With
 * `tree` NULL the text could not be read: whole lines are hidden then, rather too many than too
 * few. False without memory.
 */
bool hide_secrets(struct source *source, struct arena *arena, const struct shape *shape,
		  struct yaml_node *tree) MUST_CHECK;
