/* omission.c - why a tool, prompt or resource of a server is left out of the lists. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/omission.h"

#include "mcp/uri_template.h"

struct span omission_word(enum omission omission)
{
	static const struct span words[] = {
		[OMIT_NOTHING] = SPAN(""),
		[OMIT_UNNAMED] = SPAN("unnamed"),
		[OMIT_TWICE] = SPAN("twice"),
		[OMIT_CHARACTERS] = SPAN("characters"),
		[OMIT_LONG] = SPAN("long"),
		[OMIT_TEMPLATE] = SPAN("template"),
		[OMIT_CONTESTED] = SPAN("contested"),
	};

	return words[omission];
}

struct span offer_word(enum offer_kind kind)
{
	static const struct span words[] = { [OFFER_TOOLS] = SPAN("tools"),
					     [OFFER_PROMPTS] = SPAN("prompts"),
					     [OFFER_RESOURCES] = SPAN("resources"),
					     [OFFER_TEMPLATES] = SPAN("templates"),
					     [OFFER_KINDS] = SPAN("") };

	return words[kind];
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '.' || c == '-';
}

enum omission omission_of_name(size_t server_n, struct span name)
{
	if (name.n == 0)
		return OMIT_UNNAMED;
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return OMIT_CHARACTERS;
	return server_n + 2 + name.n > OMISSION_NAME_CHARS ? OMIT_LONG : OMIT_NOTHING;
}

enum omission omission_of_uri(struct span uri, bool template)
{
	if (uri.n == 0)
		return OMIT_UNNAMED;
	if (uri.n > (template ? (size_t)URI_TEMPLATE_BYTES : (size_t)OMISSION_URI_BYTES))
		return OMIT_LONG;
	return template && !uri_template_is_good(uri) ? OMIT_TEMPLATE : OMIT_NOTHING;
}
