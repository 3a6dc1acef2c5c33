/* limits.c - the defaults. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "limits/limits.h"

const struct limits limits_default = {
	.body_bytes = (size_t)4 * 1024 * 1024,
	.result_bytes = (size_t)16 * 1024 * 1024,
	.connections = 4096,
	.sessions = 10000,
	.sessions_per_principal = 1000,
	.processes_per_principal = 256,
	.links_per_principal = 4096,
	.calls = 4096,
	.calls_per_client = 256,
	.calls_per_principal = 1024,
	.streams_per_client = 64,
	.held_bytes = (size_t)512 * 1024 * 1024,
	.queue_bytes = (size_t)4 * 1024 * 1024,
	.upstream_connections = 128,
	.idle_ms = 75000,
	.head_ms = 30000,
	.session_idle_ms = (uint64_t)30 * 60 * 1000,
	.call_total_ms = (uint64_t)10 * 60 * 1000,
};
