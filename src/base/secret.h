/* secret.h - comparing and wiping what must not leak. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* Equal, in time that depends on the lengths only. */
bool secret_equal(struct span a, struct span b);

/* Overwrites; the compiler may not drop it. */
void secret_wipe(void *p, size_t n);
