/* rules.c - addresses that may and may not be reached, and hosts as a config may write them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/rules.h"

#include <arpa/inet.h>

#include "tap.h"

static struct address address(const char *text)
{
	struct address out = { .v6 = strchr(text, ':') != NULL };

	if (inet_pton(out.v6 ? AF_INET6 : AF_INET, text, out.bytes) != 1)
		printf("# %s is no address\n", text);
	return out;
}

static const struct {
	const char *text;
	enum address_kind kind;
} kinds[] = {
	/* The first and the last of each range, and their neighbours outside. */
	{ "0.0.0.0", ADDRESS_UNSPECIFIED },
	{ "0.1.2.3", ADDRESS_UNSPECIFIED },
	{ "0.255.255.255", ADDRESS_UNSPECIFIED },
	{ "1.0.0.0", ADDRESS_PUBLIC },
	{ "9.255.255.255", ADDRESS_PUBLIC },
	{ "10.0.0.0", ADDRESS_PRIVATE },
	{ "10.255.255.255", ADDRESS_PRIVATE },
	{ "11.0.0.0", ADDRESS_PUBLIC },
	{ "100.63.255.255", ADDRESS_PUBLIC },
	{ "100.64.0.0", ADDRESS_SHARED },
	{ "100.100.100.200", ADDRESS_METADATA },
	{ "100.127.255.255", ADDRESS_SHARED },
	{ "100.128.0.0", ADDRESS_PUBLIC },
	{ "126.255.255.255", ADDRESS_PUBLIC },
	{ "127.0.0.1", ADDRESS_LOOPBACK },
	{ "127.255.255.255", ADDRESS_LOOPBACK },
	{ "128.0.0.0", ADDRESS_PUBLIC },
	{ "168.63.129.16", ADDRESS_METADATA },
	{ "168.63.129.17", ADDRESS_PUBLIC },
	{ "169.253.255.255", ADDRESS_PUBLIC },
	{ "169.254.0.0", ADDRESS_LINK_LOCAL },
	{ "169.254.169.254", ADDRESS_METADATA },
	{ "169.254.170.2", ADDRESS_METADATA },
	{ "169.254.255.255", ADDRESS_LINK_LOCAL },
	{ "169.255.0.0", ADDRESS_PUBLIC },
	{ "172.15.255.255", ADDRESS_PUBLIC },
	{ "172.16.0.0", ADDRESS_PRIVATE },
	{ "172.31.255.255", ADDRESS_PRIVATE },
	{ "172.32.0.0", ADDRESS_PUBLIC },
	{ "192.0.0.0", ADDRESS_RESERVED },
	{ "192.0.0.192", ADDRESS_METADATA },
	{ "192.0.0.255", ADDRESS_RESERVED },
	{ "192.0.1.0", ADDRESS_PUBLIC },
	{ "192.0.2.255", ADDRESS_DOCUMENTATION },
	{ "192.88.99.1", ADDRESS_RESERVED },
	{ "192.167.255.255", ADDRESS_PUBLIC },
	{ "192.168.0.0", ADDRESS_PRIVATE },
	{ "192.168.255.255", ADDRESS_PRIVATE },
	{ "192.169.0.0", ADDRESS_PUBLIC },
	{ "198.17.255.255", ADDRESS_PUBLIC },
	{ "198.18.0.0", ADDRESS_RESERVED },
	{ "198.19.255.255", ADDRESS_RESERVED },
	{ "198.20.0.0", ADDRESS_PUBLIC },
	{ "198.51.100.1", ADDRESS_DOCUMENTATION },
	{ "203.0.113.1", ADDRESS_DOCUMENTATION },
	{ "223.255.255.255", ADDRESS_PUBLIC },
	{ "224.0.0.0", ADDRESS_MULTICAST },
	{ "239.255.255.255", ADDRESS_MULTICAST },
	{ "240.0.0.0", ADDRESS_RESERVED },
	{ "255.255.255.255", ADDRESS_RESERVED },
	{ "8.8.8.8", ADDRESS_PUBLIC },

	{ "::", ADDRESS_UNSPECIFIED },
	{ "::1", ADDRESS_LOOPBACK },
	{ "::2", ADDRESS_UNSPECIFIED }, /* 0.0.0.2 inside */
	{ "fc00::1", ADDRESS_PRIVATE },
	{ "fdff:ffff::1", ADDRESS_PRIVATE },
	{ "fd00:ec2::254", ADDRESS_METADATA },
	{ "fd20:ce::254", ADDRESS_METADATA },
	{ "fe80::1", ADDRESS_LINK_LOCAL },
	{ "febf:ffff::1", ADDRESS_LINK_LOCAL },
	{ "fec0::1", ADDRESS_PRIVATE },
	{ "ff02::1", ADDRESS_MULTICAST },
	{ "2001:db8::1", ADDRESS_DOCUMENTATION },
	{ "3fff::1", ADDRESS_DOCUMENTATION },
	{ "3fff:1000::1", ADDRESS_PUBLIC },
	{ "2001::1", ADDRESS_RESERVED }, /* Teredo */
	{ "2001:0:4136:e378:8000:63bf:3fff:fdd2", ADDRESS_RESERVED },
	{ "2001:1ff:ffff::1", ADDRESS_RESERVED },
	{ "2001:200::1", ADDRESS_PUBLIC },
	{ "2606:4700::1111", ADDRESS_PUBLIC },
	{ "3ffe::1", ADDRESS_PUBLIC },
	{ "4000::1", ADDRESS_RESERVED },
	{ "100::1", ADDRESS_RESERVED },
	{ "5f00::1", ADDRESS_RESERVED },

	/* One address inside another. */
	{ "::ffff:127.0.0.1", ADDRESS_LOOPBACK },
	{ "::ffff:10.1.2.3", ADDRESS_PRIVATE },
	{ "::ffff:169.254.169.254", ADDRESS_METADATA },
	{ "::ffff:0.0.0.0", ADDRESS_UNSPECIFIED },
	{ "::ffff:8.8.8.8", ADDRESS_PUBLIC },
	{ "::127.0.0.1", ADDRESS_LOOPBACK },
	{ "::8.8.8.8", ADDRESS_RESERVED },
	{ "::ffff:0:127.0.0.1", ADDRESS_LOOPBACK },
	{ "::ffff:0:8.8.8.8", ADDRESS_RESERVED },
	{ "64:ff9b::10.0.0.1", ADDRESS_PRIVATE },
	{ "64:ff9b::169.254.169.254", ADDRESS_METADATA },
	{ "64:ff9b::8.8.8.8", ADDRESS_PUBLIC },
	{ "64:ff9b:1::8.8.8.8", ADDRESS_RESERVED },
	{ "2002:7f00:1::1", ADDRESS_LOOPBACK },
	{ "2002:c0a8:101::", ADDRESS_PRIVATE },
	{ "2002:a9fe:a9fe::1", ADDRESS_METADATA },
	{ "2002:808:808::1", ADDRESS_PUBLIC },
	{ "2606:4700::5efe:7f00:1", ADDRESS_LOOPBACK },
	{ "2606:4700::200:5efe:a00:1", ADDRESS_PRIVATE },
	{ "2606:4700::5efe:808:808", ADDRESS_PUBLIC },
};

static void test_kinds(void)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct address a = address(kinds[i].text);

		is_int(address_kind_of(&a), kinds[i].kind, "%s is %s", kinds[i].text,
		       address_kind_words(kinds[i].kind));
	}
}

static void test_judge(void)
{
	struct address own[] = { address("198.41.0.4"), address("2606:4700::7") };
	struct address_rules strict = { .own = own, .n_own = 2 };
	struct address_rules loose = { .allow_private = true, .own = own, .n_own = 2 };
	static const char *const never[] = { "169.254.169.254", "169.254.1.1",	     "fe80::1",
					     "224.0.0.1",	"0.0.0.0",	     "::",
					     "192.0.2.1",	"240.0.0.1",	     "fd00:ec2::254",
					     "2001::1",		"::ffff:169.254.1.1" };
	static const char *const sometimes[] = { "127.0.0.1",  "::1",	       "10.0.0.1",
						 "fd12::1",    "100.64.0.1",   "::ffff:10.0.0.1",
						 "198.41.0.4", "2606:4700::7", "::ffff:198.41.0.4" };

	for (size_t i = 0; i < COUNT(never); i++) {
		struct address a = address(never[i]);

		ok(rules_judge(&strict, &a) != ADDRESS_PUBLIC && rules_judge(&loose, &a) != ADDRESS_PUBLIC,
		   "%s is refused, also where private addresses are allowed", never[i]);
	}
	for (size_t i = 0; i < COUNT(sometimes); i++) {
		struct address a = address(sometimes[i]);

		ok(rules_judge(&strict, &a) != ADDRESS_PUBLIC, "%s is refused", sometimes[i]);
		is_int(rules_judge(&loose, &a), ADDRESS_PUBLIC, "%s is fine where private addresses are",
		       sometimes[i]);
	}
	is_int(rules_judge(&strict, &own[0]), ADDRESS_OWN, "an own public address is known as one");
	own[0] = address("198.41.0.5");
	is_int(rules_judge(&strict, &(struct address){ .bytes = { 198, 41, 0, 4 } }), ADDRESS_PUBLIC,
	       "and is public where it is somebody else's");
}

static void test_plain(void)
{
	struct address mapped = address("::ffff:1.2.3.4"), v4 = address("1.2.3.4"), v6 = address("2606::1");
	struct address plain = address_plain(&mapped);
	char text[ADDRESS_CHARS];

	ok(address_equal(&plain, &v4), "a mapped address is connected to as what it is");
	plain = address_plain(&v6);
	ok(address_equal(&plain, &v6), "another stays");
	address_text(&v6, text);
	is_span(span_str(text), S("2606::1"), "as text");
}

static const struct span refused_hosts[] = {
	SPAN(""),
	SPAN("."),
	SPAN(".."),
	SPAN("a..b"),
	SPAN(".a"),
	SPAN("a.."),
	SPAN("-a.com"),
	SPAN("a-.com"),
	SPAN("a_b.com"),
	SPAN("a b"),
	SPAN("a\0b"),
	SPAN("localhost\0.example.com"),
	SPAN("ex\xc3\xa4mple.com"),
	SPAN("a/b"),
	SPAN("a@b"),
	SPAN("a%2e"),
	SPAN("0x7f.1"),
	SPAN("0x7f000001"),
	SPAN("2130706433"),
	SPAN("127.1"),
	SPAN("127.0.1"),
	SPAN("0177.0.0.1"),
	SPAN("127.0.0.01"),
	SPAN("127.0.0.0x1"),
	SPAN("127.0.0.1."),
	SPAN("1.2.3.4.5"),
	SPAN("256.0.0.1"),
	SPAN("1.2.3"),
	SPAN("example.0x"),
	SPAN("example.1"),
	SPAN("[127.0.0.1]"),
	SPAN("[::1"),
	SPAN("["),
	SPAN("[]"),
	SPAN("::1]"),
	SPAN("fe80::1%eth0"),
	SPAN("[fe80::1%25eth0]"),
	SPAN("::ffff:127.0.0.256"),
	SPAN("1:2:3:4:5:6:7:8:9"),
	SPAN("host:80"),
	SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com"),
};

static const struct {
	struct span text;
	enum host_kind kind;
	const char *want; /* name, or literal */
} hosts[] = {
	{ SPAN("example.com"), HOST_NAME, "example.com" },
	{ SPAN("Example.COM."), HOST_NAME, "example.com" },
	{ SPAN("xn--bcher-kva.example"), HOST_NAME, "xn--bcher-kva.example" },
	{ SPAN("db"), HOST_NAME, "db" },
	{ SPAN("1password.com"), HOST_NAME, "1password.com" },
	{ SPAN("10.0.0.1.nip.io"), HOST_NAME, "10.0.0.1.nip.io" },
	{ SPAN("a.localhost"), HOST_NAME, "a.localhost" },
	{ SPAN("0xff.example.abc"), HOST_NAME, "0xff.example.abc" },
	{ SPAN("localhost"), HOST_LOCALHOST, "localhost" },
	{ SPAN("LOCALHOST."), HOST_LOCALHOST, "localhost" },
	{ SPAN("127.0.0.1"), HOST_LITERAL, "127.0.0.1" },
	{ SPAN("::1"), HOST_LITERAL, "::1" },
	{ SPAN("[2001:DB8::7]"), HOST_LITERAL, "2001:db8::7" },
	{ SPAN("::ffff:1.2.3.4"), HOST_LITERAL, "::ffff:1.2.3.4" },
};

static void test_hosts(void)
{
	char too_long[HOST_MAX_CHARS + 2];

	for (size_t i = 0; i < COUNT(refused_hosts); i++) {
		struct host host = { .kind = HOST_LOCALHOST };
		struct err err = ERR_INIT;

		ok(host_parse(refused_hosts[i], &host, &err) < 0 && err.text[0] && !host.name[0],
		   "'%.*s' is refused", SPAN_ARG(refused_hosts[i]));
	}
	for (size_t i = 0; i < sizeof(too_long); i++)
		too_long[i] = i % 10 == 9 ? '.' : 'a';
	ok(host_parse(span_of(too_long, HOST_MAX_CHARS + 1), &(struct host){ 0 }, NULL) < 0,
	   "254 characters are refused");
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct host host = { 0 };
		char literal[ADDRESS_CHARS] = "";

		is_int(host_parse(hosts[i].text, &host, NULL), 0, "'%.*s' is read", SPAN_ARG(hosts[i].text));
		is_int(host.kind, hosts[i].kind, "its kind");
		address_text(&host.literal, literal);
		is_span(span_str(host.kind == HOST_LITERAL ? literal : host.name), span_str(hosts[i].want),
			"what it says");
	}
}

int main(void)
{
	test_kinds();
	test_judge();
	test_plain();
	test_hosts();
	return tap_done();
}
