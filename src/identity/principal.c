/* principal.c - who sends. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/principal.h"

#include <stdlib.h>

#include "identity/token.h"

static struct span place(char **at, struct span text)
{
	struct span copy = span_of(*at, text.n);

	if (text.n)
		memcpy(*at, text.p, text.n);
	*at += text.n;
	return copy;
}

struct principal *principal_new(struct span id, struct span name, struct span scopes, uint64_t expiry_ms)
{
	struct principal *principal = calloc(1, sizeof(*principal) + id.n + name.n + scopes.n);
	char *at;

	if (!principal)
		return NULL;
	at = principal->bytes;
	principal->refs = 1;
	principal->id = place(&at, id);
	principal->name = place(&at, name);
	principal->scopes = place(&at, scopes);
	principal->expiry_ms = expiry_ms;
	return principal;
}

struct principal *principal_unref(struct principal *principal)
{
	if (principal && --principal->refs == 0)
		free(principal);
	return NULL;
}

bool principal_may_use(const struct principal *principal, struct span server)
{
	return span_eq(principal->scopes, TOKEN_DEFAULT_SCOPES) ||
	       token_scopes_allow(principal->scopes, server);
}

struct span principal_view(const struct principal *principal)
{
	return token_scopes_view(principal->scopes);
}
