/* random.h - bytes nobody can guess, from the kernel. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fills `out`. The kernel's generator cannot fail once it is seeded; where it does, check(). */
void random_bytes(void *out, size_t n);
uint64_t random_u64(void);
