/* omission.h - why a tool, prompt or resource of a server is left out of the lists, and which names fit. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* Nothing is renamed and nobody wins: what cannot be named without doubt is left out, and shown. */
enum omission {
	OMIT_NOTHING, /* it is shown */
	OMIT_UNNAMED, /* its name, URI or template is missing or empty */
	OMIT_TWICE,   /* its server gives two of them one name */
	OMIT_CHARACTERS,
	OMIT_LONG,
	OMIT_TEMPLATE,	/* no template of RFC 6570 */
	OMIT_CONTESTED, /* another server has it, too */
	OMISSIONS,
};

/* What a server offers lists of. */
enum offer_kind { OFFER_TOOLS, OFFER_PROMPTS, OFFER_RESOURCES, OFFER_TEMPLATES, OFFER_KINDS };

enum {
	OMISSION_NAME_CHARS = 64, /* of a name with its server's before it: what models' interfaces take */
	OMISSION_URI_BYTES = 4096,
};

/* The word for logs, status and metrics; empty for OMIT_NOTHING. */
struct span omission_word(enum omission omission);
/* "tools", "prompts", "resources", "templates". */
struct span offer_word(enum offer_kind kind);

/* Of a tool's or prompt's name that would stand as SERVER__NAME; `server_n` is the length of the server's. */
enum omission omission_of_name(size_t server_n, struct span name);
/* Of a URI, or of a template where `template`. */
enum omission omission_of_uri(struct span uri, bool template);
