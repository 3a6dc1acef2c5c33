/* reference.h - the tables as documents: a JSON Schema, a table of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "conf/item.h"

/* Adds the JSON Schema (2020-12) that editors check a config with. False without memory. */
bool conf_json_schema(struct buf *out, const struct conf_item *const *tables);

/* Adds a Markdown table of all keys, in the chosen language. */
void conf_reference(struct buf *out, const struct conf_item *const *tables);
