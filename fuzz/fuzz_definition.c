/* fuzz_definition.c - what the launcher reads of a server. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "jail/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_in in = { .kind = LAUNCH_DEFINE, .rest = span_of((const char *)data, size) };
	CLEANUP(definition_freep) struct definition *definition = NULL;

	if (size > WIRE_MAX_BYTES || definition_read(&in, &definition, NULL) < 0)
		return 0;
	check(definition->n_argv > 0 && !definition->argv[definition->n_argv]);
	check(!definition->env[definition->n_env]);
	return 0;
}
