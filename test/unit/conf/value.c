/* value.c - tests of numbers, sizes, durations and addresses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct span bad_ints[] = {
	SPAN(""),
	SPAN("-"),
	SPAN("+1"),
	SPAN("01"),
	SPAN("0x10"),
	SPAN("1_000"),
	SPAN("1.0"),
	SPAN("1e3"),
	SPAN(" 1"),
	SPAN("--1"),
	SPAN("9223372036854775808"),
	SPAN("0o7"),
	SPAN("1 KB"),
};
static const struct span bad_bytes[] = {
	SPAN(""),
	SPAN("M"),
	SPAN("-1"),
	SPAN("1MB"),
	SPAN("1kB"),
	SPAN("1.5M"),
	SPAN("1 M"),
	SPAN("1Mi"),
	SPAN("9999999999999999999"),
	SPAN("9999999999T"),
	SPAN("1PiB"),
};
static const struct span bad_durations[] = {
	SPAN(""),
	SPAN("5"),
	SPAN("s"),
	SPAN("-5s"),
	SPAN("5 s"),
	SPAN("5sec"),
	SPAN("1s1m"),
	SPAN("1m1m"),
	SPAN("1.5h"),
	SPAN("1h30"),
	SPAN("5S"),
	SPAN("400y"),
	SPAN("99999999999999999999s"),
	SPAN("999999999999999d"),
};
static const struct span bad_addresses[] = {
	SPAN(""),
	SPAN("7676"),
	SPAN(":7676"),
	SPAN("localhost:7676"),
	SPAN("127.0.0.1"),
	SPAN("127.0.0.1:"),
	SPAN("127.0.0.1:65536"),
	SPAN("127.0.0.1:-1"),
	SPAN("127.0.0:7676"),
	SPAN("::1:7676"),
	SPAN("[::1]"),
	SPAN("[::1"),
	SPAN("[::1%lo]:7676"),
	SPAN("[127.0.0.1]:1"),
	SPAN("127.0.0.1:1 "),
	SPAN("0127.0.0.1:80"),
	SPAN("127.0.0.1:80/x"),
	SPAN("[]:1"),
};

static void refusals(void)
{
	struct err err = ERR_INIT;
	struct conf_address address;
	int64_t number = 77;

	for (size_t i = 0; i < COUNT(bad_ints); i++)
		ok(!value_int(bad_ints[i], &number), "no number: '%.*s'", SPAN_ARG(bad_ints[i]));
	for (size_t i = 0; i < COUNT(bad_bytes); i++)
		ok(value_bytes(bad_bytes[i], &number, &err) < 0, "no size: '%.*s'", SPAN_ARG(bad_bytes[i]));
	for (size_t i = 0; i < COUNT(bad_durations); i++)
		ok(value_duration(bad_durations[i], &number, &err) < 0, "no duration: '%.*s'",
		   SPAN_ARG(bad_durations[i]));
	for (size_t i = 0; i < COUNT(bad_addresses); i++)
		ok(value_address(bad_addresses[i], &address, &err) < 0, "no address: '%.*s'",
		   SPAN_ARG(bad_addresses[i]));
	is_int(number, 77, "what is refused sets nothing");
}

static const struct {
	struct span text;
	int64_t value;
	struct span shortest;
} bytes[] = {
	{ SPAN("0"), 0, SPAN("0") },
	{ SPAN("4096"), 4096, SPAN("4KiB") },
	{ SPAN("1000"), 1000, SPAN("1000") },
	{ SPAN("256M"), 268435456, SPAN("256MiB") },
	{ SPAN("4MiB"), 4194304, SPAN("4MiB") },
	{ SPAN("1024KiB"), 1048576, SPAN("1MiB") },
	{ SPAN("2T"), 2199023255552, SPAN("2TiB") },
}, durations[] = {
	{ SPAN("0s"), 0, SPAN("0ms") },
	{ SPAN("5ms"), 5, SPAN("5ms") },
	{ SPAN("30s"), 30000, SPAN("30s") },
	{ SPAN("5m"), 300000, SPAN("5m") },
	{ SPAN("1h30m"), 5400000, SPAN("90m") },
	{ SPAN("1d2h3m4s5ms"), 93784005, SPAN("93784005ms") },
	{ SPAN("400d"), 34560000000, SPAN("400d") },
	{ SPAN("1m5ms"), 60005, SPAN("60005ms") },
};

static void values(void)
{
	struct err err = ERR_INIT;
	struct conf_address address;
	int64_t number;

	ok(value_int(S("-12"), &number) && number == -12, "a number below zero");
	ok(value_int(S("9223372036854775807"), &number) && number == INT64_MAX, "the greatest number");
	for (size_t i = 0; i < COUNT(bytes); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(40);

		ok(value_bytes(bytes[i].text, &number, &err) == 0, "'%.*s' is read", SPAN_ARG(bytes[i].text));
		is_int(number, bytes[i].value, "its bytes");
		value_add_bytes(&out, number);
		is_span(buf_span(&out), bytes[i].shortest, "and it is written");
	}
	for (size_t i = 0; i < COUNT(durations); i++) {
		CLEANUP(buf_release) struct buf out = BUF_INIT(40);

		ok(value_duration(durations[i].text, &number, &err) == 0, "'%.*s' is read",
		   SPAN_ARG(durations[i].text));
		is_int(number, durations[i].value, "its milliseconds");
		value_add_duration(&out, number);
		is_span(buf_span(&out), durations[i].shortest, "and it is written");
	}
	ok(value_address(S("127.0.0.1:7676"), &address, &err) == 0, "an address");
	is_span(address.host, S("127.0.0.1"), "its host");
	ok(address.port == 7676 && !address.v6, "its port");
	ok(value_address(S("[2001:db8::1]:0"), &address, &err) == 0, "an address of version 6");
	is_span(address.host, S("2001:db8::1"), "its host");
	ok(address.port == 0 && address.v6, "any free port");
}

static void traps(void)
{
	is_int(value_trap(S("No")), VALUE_OLD_BOOL, "No is a boolean to older readers");
	is_int(value_trap(S("ON")), VALUE_OLD_BOOL, "ON too");
	is_int(value_trap(S("True")), VALUE_BOOL, "True is a boolean");
	is_int(value_trap(S("~")), VALUE_NULL, "a tilde is nothing");
	is_int(value_trap(S("nope")), VALUE_PLAIN, "nope is a text");
}

int main(void)
{
	refusals();
	values();
	traps();
	return tap_done();
}
