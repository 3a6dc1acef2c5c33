/* refusal.c - what an HTTP status other than success means. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/refusal.h"

static bool is_about_the_caller(unsigned status)
{
	return status == 401 || status == 403;
}

bool refusal_may_answer(unsigned status, bool greeting)
{
	if (status < 400 || status > 499 || is_about_the_caller(status))
		return false;
	/* Whoever is asked to come back later has learnt nothing about the era. */
	return !(greeting && status == 429);
}

enum link_failure refusal_means(unsigned status, bool probe)
{
	if (is_about_the_caller(status))
		return LINK_REFUSED;
	return probe && status >= 400 && status <= 499 && status != 429 ? LINK_MISMATCH : LINK_GONE;
}

const char *refusal_text(unsigned status)
{
	if (status < 400)
		return "redirects are not followed; set `url` to the new address";
	if (status == 401 || status == 403)
		return "it lets in only who has credentials, and the gate has none for it";
	if (status == 404)
		return "there is nothing at the path in its `url`";
	if (status == 429)
		return "it was asked too often; try again later";
	return status < 500 ? "it refused the request" : "the fault is the server's; look into its own log";
}

enum link_failure refusal_kind(enum http_failure failure)
{
	switch (failure) {
	case HTTP_FAIL_DIAL:
		return LINK_UNSENT;
	case HTTP_FAIL_BUSY:
		return LINK_CROWDED;
	case HTTP_FAIL_TLS:
		return LINK_START;
	case HTTP_FAIL_BAD:
	case HTTP_FAIL_LONG:
		return LINK_GARBAGE;
	case HTTP_FAIL_BROKEN:
		break;
	}
	return LINK_GONE;
}

/* spec: mcp/2025-11-25 transports, backwards compatibility: 400, 404 and 405. */
bool refusal_hints_at_sse(unsigned status)
{
	return status == 400 || status == 404 || status == 405;
}
