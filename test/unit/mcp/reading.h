/* reading.h - what the tests of the translation share: a message that is read, and the words for it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"
#include "mcp/translate.h"
#include "tap.h"

#define R "{\"jsonrpc\":\"2.0\","
#define OLD REVISION_2024_11_05
#define MARCH REVISION_2025_03_26
#define JUNE REVISION_2025_06_18
#define NOVEMBER REVISION_2025_11_25
#define MODERN REVISION_2026_07_28
#define K(name) "\"io.modelcontextprotocol/" name "\""

/* A text that is read, in two ways: as it stands, and with white space, which is emitted by other code. */
struct reading {
	struct json json;
	struct message message;
	char text[8192];
};

__attribute__((unused)) static bool reading_open(struct reading *reading, const char *text, bool spaced)
{
	struct buf out = buf_over(reading->text, sizeof(reading->text));

	buf_add(&out, spaced ? S(" \n") : S(""));
	for (const char *p = text; *p; p++) {
		buf_add_char(&out, *p);
		/* Never inside of a string of these tests, which have no ":" or "," before a quote or a
		 * brace. */
		if (spaced && (*p == ',' || *p == ':') && strchr("\"{[", p[1]))
			buf_add_char(&out, ' ');
	}
	return json_parse(&reading->json, buf_span(&out), sizeof(reading->text)) &&
	       message_read(&reading->json, 0, &reading->message) == MESSAGE_OK;
}

/* What stands for a translation that has no words. */
#define NO_WORDS "no words"

__attribute__((unused)) static void is_text(struct span got, const char *want, const char *name, bool spaced)
{
	is_span(got, span_str(want), "%s%s", name, spaced ? " (spaced)" : "");
}
