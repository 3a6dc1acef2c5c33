/* clock.h - the two times: one that only grows, one that people read. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/* Monotonic; for timeouts and durations. */
uint64_t clock_mono_us(void);
static inline uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

/* Since 1970-01-01 UTC; for records and expiries. */
uint64_t clock_wall_ms(void);

/* Adds "2026-11-21T09:07:35.123Z" (RFC 3339, UTC, milliseconds). */
void clock_add_rfc3339(struct buf *buf, uint64_t wall_ms);
