/* revision.c - the published revisions of MCP. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/revision.h"

#include "base/cleanup.h"

static const struct span names[] = {
	[REVISION_NONE] = SPAN(""),
	[REVISION_2024_10_07] = SPAN("2024-10-07"),
	[REVISION_2024_11_05] = SPAN("2024-11-05"),
	[REVISION_2025_03_26] = SPAN("2025-03-26"),
	[REVISION_2025_06_18] = SPAN("2025-06-18"),
	[REVISION_2025_11_25] = SPAN("2025-11-25"),
	[REVISION_2026_07_28] = SPAN("2026-07-28"),
};

enum revision revision_of(struct span text)
{
	for (size_t i = COUNT(names) - 1; i > REVISION_NONE; i--)
		if (span_eq(names[i], text))
			return (enum revision)i;
	return REVISION_NONE;
}

struct span revision_name(enum revision revision)
{
	return names[revision];
}

enum era revision_era(enum revision revision)
{
	if (revision == REVISION_NONE)
		return ERA_UNKNOWN;
	return revision >= REVISION_2026_07_28 ? ERA_MODERN : ERA_LEGACY;
}

bool revision_text_is_modern(struct span text)
{
	return text.n == 10 && text.p[4] == '-' && text.p[7] == '-' && text.p[0] >= '0' && text.p[0] <= '9' &&
	       span_cmp(text, names[REVISION_2026_07_28]) >= 0;
}
