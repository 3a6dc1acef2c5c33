/* fuzz_record.c - whatever the arguments and names are, a record is one line of valid JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/record.h"
#include "audit/redact.h"
#include "audit/ring.h"
#include "base/check.h"
#include "crypto/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the client's and the tool's name, the rest the arguments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[RECORD_KEY_BYTES] = { 1 };
	CLEANUP(buf_release) struct buf out = BUF_INIT(RECORD_ROOM_BYTES);
	CLEANUP(json_release) struct json json = { 0 };
	CLEANUP(json_release) struct json line = { 0 };
	struct audit_record record = AUDIT_RECORD_INIT;
	struct span rest = span_of((const char *)data, size);
	struct err err;

	if (crypto_init(&err) < 0)
		return 0;
	record.kind = S("call");
	record.client = span_cut(&rest, '\n');
	record.name = record.client;
	(void)redact_is_secret_name(record.name);
	if (json_parse(&json, rest, 1 << 20)) {
		record.json = &json;
		record.arguments = 0;
	}
	check(record_add(&record, key, &out));
	check(out.n <= RING_RECORD_MAX);
	check(!memchr(out.p, '\n', out.n));
	check(json_parse(&line, buf_span(&out), RING_RECORD_MAX));
	return 0;
}
