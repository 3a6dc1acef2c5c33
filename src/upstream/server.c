/* server.c - one configured server: its end. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/server.h"

#include <stdlib.h>

#include "http/client.h"
#include "mcp/catalogue.h"

struct server *server_unref(struct server *server)
{
	if (!server || --server->refs)
		return NULL;
	server->pool = http_pool_free(server->pool);
	server->shared = catalogue_unref(server->shared);
	arena_release(&server->arena);
	free(server);
	return NULL;
}
