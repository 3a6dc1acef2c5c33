/* uri.h - which resources a URI stands for where it is subscribed to. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/* Does news of `uri` concern who has subscribed to `whole`? It may be a part of that. */
bool uri_covers(struct span whole, struct span uri);
