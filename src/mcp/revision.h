/* revision.h - the published revisions of MCP and the two eras they fall into. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* In order of time; zero is "none agreed yet". */
enum revision {
	REVISION_NONE,
	REVISION_2024_10_07,
	REVISION_2024_11_05,
	REVISION_2025_03_26,
	REVISION_2025_06_18,
	REVISION_2025_11_25,
	REVISION_2026_07_28,
};

#define REVISION_LAST_LEGACY REVISION_2025_11_25
#define REVISION_LAST REVISION_2026_07_28

/* legacy: `initialize` and sessions; modern: metadata with every request, no sessions. */
enum era { ERA_UNKNOWN, ERA_LEGACY, ERA_MODERN };

/* REVISION_NONE for a text that names none. */
enum revision revision_of(struct span text);
struct span revision_name(enum revision revision);
enum era revision_era(enum revision revision);

/* Does `text` look like a revision from 2026-07-28 on? (ids are dates, so they order as text) */
bool revision_text_is_modern(struct span text);
