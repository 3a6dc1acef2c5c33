/* tr.c - texts for people. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tr.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/tr_table.h"

/* The one choice a process makes before it starts: not state of a room, hence file scope. */
static enum tr_language chosen = TR_EN;

enum tr_language tr_language_of(const char *name)
{
	return name && strncmp(name, "ja", 2) == 0 && (name[2] == '\0' || strchr("_.-@", name[2])) ? TR_JA
												   : TR_EN;
}

enum tr_language tr_language_from_env(void)
{
	static const char *const names[] = { "KANMON_LANG", "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return tr_language_of(value);
	}
	return TR_EN;
}

void tr_set_language(enum tr_language language)
{
	chosen = language;
}

enum tr_language tr_get_language(void)
{
	return chosen;
}

static int by_english(const void *key, const void *entry)
{
	return strcmp(key, ((const struct tr_entry *)entry)->english);
}

const char *tr(const char *english)
{
	const struct tr_entry *hit;

	if (chosen == TR_EN)
		return english;
	hit = bsearch(english, tr_ja, tr_ja_count, sizeof(*tr_ja), by_english);
	return hit ? hit->other : english;
}
