/* fuzz_host.c - hosts as a config writes them, and the addresses they are. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "egress/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct address address = { .v6 = true };
	struct address_rules rules = { .allow_private = true };
	struct host host = { 0 }, again = { 0 };
	char words[ADDRESS_CHARS];

	if (size == 16) {
		memcpy(address.bytes, data, 16);
		(void)rules_judge(&rules, &address);
	}
	if (host_parse(text, &host, NULL) < 0)
		return 0;
	if (host.kind != HOST_LITERAL) {
		/* What was accepted is in its one form. */
		check(host_parse(span_str(host.name), &again, NULL) == 0);
		check(again.kind == host.kind && strcmp(again.name, host.name) == 0);
		return 0;
	}
	address_text(&host.literal, words);
	check(host_parse(span_str(words), &again, NULL) == 0 && again.kind == HOST_LITERAL);
	check(address_equal(&again.literal, &host.literal));
	return 0;
}
