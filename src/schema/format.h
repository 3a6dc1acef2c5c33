/* format.h - the values of "format" that can be asserted. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

enum format {
	FORMAT_UNKNOWN = 0, /* asserts nothing */
	FORMAT_DATE,
	FORMAT_DATE_TIME,
	FORMAT_DURATION,
	FORMAT_EMAIL,
	FORMAT_HOSTNAME,
	FORMAT_IPV4,
	FORMAT_IPV6,
	FORMAT_JSON_POINTER,
	FORMAT_REGEX,
	FORMAT_RELATIVE_JSON_POINTER,
	FORMAT_TIME,
	FORMAT_URI,
	FORMAT_URI_REFERENCE,
	FORMAT_UUID,
};

/*
 * The format of a name. Not implemented, hence FORMAT_UNKNOWN: idn-email, idn-hostname, iri,
 * iri-reference, uri-template.
 */
enum format format_of(struct span name);

/* The name of a known format. */
const char *format_name(enum format format);

/* Does the decoded string keep to the format? Linear in its length but for FORMAT_REGEX. */
bool format_check(enum format format, struct span text);
