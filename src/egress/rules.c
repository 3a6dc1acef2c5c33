/* rules.c - which addresses may be reached. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/rules.h"

#include <arpa/inet.h>

struct range {
	uint8_t prefix[16];
	uint8_t bits;
	enum address_kind kind;
};

/* The first that fits decides. */
static const struct range ranges4[] = {
	{ { 169, 254, 169, 254 }, 32, ADDRESS_METADATA },
	{ { 169, 254, 170, 2 }, 32, ADDRESS_METADATA },	  /* containers on AWS */
	{ { 169, 254, 170, 23 }, 32, ADDRESS_METADATA },  /* pods on AWS */
	{ { 100, 100, 100, 200 }, 32, ADDRESS_METADATA }, /* Alibaba */
	{ { 168, 63, 129, 16 }, 32, ADDRESS_METADATA },	  /* Azure; lies in a public range */
	{ { 192, 0, 0, 192 }, 32, ADDRESS_METADATA },	  /* Oracle */
	{ { 0 }, 8, ADDRESS_UNSPECIFIED },		  /* "this network": Linux takes it as loopback */
	{ { 10 }, 8, ADDRESS_PRIVATE },
	{ { 100, 64 }, 10, ADDRESS_SHARED },
	{ { 127 }, 8, ADDRESS_LOOPBACK },
	{ { 169, 254 }, 16, ADDRESS_LINK_LOCAL },
	{ { 172, 16 }, 12, ADDRESS_PRIVATE },
	{ { 192, 0, 0 }, 24, ADDRESS_RESERVED },
	{ { 192, 0, 2 }, 24, ADDRESS_DOCUMENTATION },
	{ { 192, 88, 99 }, 24, ADDRESS_RESERVED }, /* the old 6to4 relays */
	{ { 192, 168 }, 16, ADDRESS_PRIVATE },
	{ { 198, 18 }, 15, ADDRESS_RESERVED }, /* benchmarks */
	{ { 198, 51, 100 }, 24, ADDRESS_DOCUMENTATION },
	{ { 203, 0, 113 }, 24, ADDRESS_DOCUMENTATION },
	{ { 224 }, 4, ADDRESS_MULTICAST },
	{ { 240 }, 4, ADDRESS_RESERVED },
};

static const struct range ranges6[] = {
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, ADDRESS_METADATA }, /* AWS */
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, 128, ADDRESS_METADATA }, /* Google */
	{ { 0 }, 128, ADDRESS_UNSPECIFIED },
	{ { [15] = 1 }, 128, ADDRESS_LOOPBACK },
	{ { 0xfc }, 7, ADDRESS_PRIVATE },
	{ { 0xfe, 0x80 }, 10, ADDRESS_LINK_LOCAL },
	{ { 0xfe, 0xc0 }, 10, ADDRESS_PRIVATE }, /* site-local, given up but routed by some */
	{ { 0xff }, 8, ADDRESS_MULTICAST },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, ADDRESS_DOCUMENTATION },
	{ { 0x3f, 0xff }, 20, ADDRESS_DOCUMENTATION },
	{ { 0x20, 0x01 }, 23, ADDRESS_RESERVED }, /* protocols: Teredo, ORCHID, benchmarks */
	{ { 0x20 }, 3, ADDRESS_PUBLIC },
	{ { 0 }, 0, ADDRESS_RESERVED },
};

/* Where a v4 address is hidden in a v6 one. */
static const struct {
	uint8_t prefix[16];
	uint8_t bits;
	uint8_t at;   /* its first byte */
	bool is_used; /* packets to it do go to the v4 address */
} embeddings[] = {
	{ { [10] = 0xff, 0xff }, 96, 12, true },      /* mapped */
	{ { [8] = 0xff, 0xff }, 96, 12, false },      /* translated, RFC 2765 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, 12, true }, /* NAT64, RFC 6052 */
	{ { 0x20, 0x02 }, 16, 2, true },	      /* 6to4 */
	{ { 0 }, 96, 12, false },		      /* compatible, given up */
};

static bool has_prefix(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00U >> rest);

	if (memcmp(bytes, prefix, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ prefix[whole]) & mask) == 0;
}

static enum address_kind kind_in(const struct range *ranges, size_t n, const uint8_t *bytes)
{
	for (size_t i = 0; i < n; i++)
		if (has_prefix(bytes, ranges[i].prefix, ranges[i].bits))
			return ranges[i].kind;
	return ADDRESS_PUBLIC;
}

/* ISATAP (RFC 5214) hides it behind any prefix: …:0:5efe:a.b.c.d or …:200:5efe:a.b.c.d. */
static bool is_isatap(const uint8_t *bytes)
{
	return (bytes[8] & 0xfdU) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

static bool embedded(const struct address *address, struct address *inner, bool *is_used)
{
	const uint8_t *from = NULL;

	*is_used = false;
	for (size_t i = 0; address->v6 && i < COUNT(embeddings) && !from; i++) {
		if (!has_prefix(address->bytes, embeddings[i].prefix, embeddings[i].bits))
			continue;
		from = address->bytes + embeddings[i].at;
		*is_used = embeddings[i].is_used;
	}
	if (!from && address->v6 && is_isatap(address->bytes))
		from = address->bytes + 12;
	if (!from)
		return false;
	*inner = (struct address){ 0 };
	memcpy(inner->bytes, from, 4);
	return true;
}

enum address_kind address_kind_of(const struct address *address)
{
	enum address_kind outer, inner_kind;
	struct address inner;
	bool is_used;

	if (!address->v6)
		return kind_in(ranges4, COUNT(ranges4), address->bytes);
	outer = kind_in(ranges6, COUNT(ranges6), address->bytes);
	/* Inside what is refused as a v6 address nothing is looked for, :: and ::1 among them. */
	if (outer != ADDRESS_PUBLIC && outer != ADDRESS_RESERVED)
		return outer;
	if (!embedded(address, &inner, &is_used))
		return outer;
	inner_kind = kind_in(ranges4, COUNT(ranges4), inner.bytes);
	return inner_kind == ADDRESS_PUBLIC && !is_used ? outer : inner_kind;
}

struct address address_plain(const struct address *address)
{
	struct address inner;
	bool is_used;

	if (address->v6 && has_prefix(address->bytes, embeddings[0].prefix, embeddings[0].bits) &&
	    embedded(address, &inner, &is_used))
		return inner;
	return *address;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, a->v6 ? 16 : 4) == 0;
}

void address_text(const struct address *address, char out[ADDRESS_CHARS])
{
	if (!inet_ntop(address->v6 ? AF_INET6 : AF_INET, address->bytes, out, ADDRESS_CHARS))
		out[0] = '\0';
}

const char *address_kind_words(enum address_kind kind)
{
	switch (kind) {
	case ADDRESS_PUBLIC:
		return "a public address";
	case ADDRESS_PRIVATE:
		return "a private address";
	case ADDRESS_LOOPBACK:
		return "a loopback address";
	case ADDRESS_SHARED:
		return "an address behind a carrier's NAT";
	case ADDRESS_OWN:
		return "an address of this machine";
	case ADDRESS_LINK_LOCAL:
		return "a link-local address";
	case ADDRESS_METADATA:
		return "a cloud metadata address";
	case ADDRESS_MULTICAST:
		return "a multicast address";
	case ADDRESS_UNSPECIFIED:
		return "an unspecified address";
	case ADDRESS_DOCUMENTATION:
		return "a documentation address";
	case ADDRESS_RESERVED:
		break;
	}
	return "a reserved address";
}

static bool is_own(const struct address_rules *rules, const struct address *address)
{
	struct address inner;
	bool is_used, hides = embedded(address, &inner, &is_used);

	for (size_t i = 0; i < rules->n_own; i++)
		if (address_equal(&rules->own[i], address) ||
		    (hides && address_equal(&rules->own[i], &inner)))
			return true;
	return false;
}

enum address_kind rules_judge(const struct address_rules *rules, const struct address *address)
{
	enum address_kind kind = address_kind_of(address);

	if (kind == ADDRESS_PUBLIC && is_own(rules, address))
		kind = ADDRESS_OWN;
	switch (kind) {
	case ADDRESS_PRIVATE:
	case ADDRESS_LOOPBACK:
	case ADDRESS_SHARED:
	case ADDRESS_OWN:
		return rules->allow_private ? ADDRESS_PUBLIC : kind;
	case ADDRESS_PUBLIC:
	case ADDRESS_LINK_LOCAL:
	case ADDRESS_METADATA:
	case ADDRESS_MULTICAST:
	case ADDRESS_UNSPECIFIED:
	case ADDRESS_DOCUMENTATION:
	case ADDRESS_RESERVED:
		break;
	}
	return kind;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits only, or 0x and hexadecimal digits: what URL parsers take as the end of a v4 address. */
static bool is_number(struct span label)
{
	bool hex = span_starts(label, S("0x"));

	if (hex)
		label = span_skip(label, 2);
	for (size_t i = 0; i < label.n; i++)
		if (!is_digit(label.p[i]) && !(hex && label.p[i] >= 'a' && label.p[i] <= 'f'))
			return false;
	return hex || label.n > 0;
}

static bool is_label(struct span label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-')
			return false;
	}
	return true;
}

static int parse_v6(struct span text, struct host *out, struct err *err)
{
	char digits[ADDRESS_CHARS];

	if (text.n > 0 && text.p[0] == '[') {
		if (!span_ends(text, S("]")))
			return err_set(err, ERR_CONFIG, "the bracket is not closed");
		text = span_of(text.p + 1, text.n - 2);
	}
	out->kind = HOST_LITERAL;
	out->literal.v6 = true;
	if (!span_to_cstr(text, digits, sizeof(digits)) ||
	    inet_pton(AF_INET6, digits, out->literal.bytes) != 1)
		return err_set(err, ERR_CONFIG, "this is no IPv6 address (zone ids are not allowed)");
	return 0;
}

static int parse_name(struct host *host, size_t n, struct err *err)
{
	struct span name = span_of(host->name, n), rest = name, label = name;

	while (rest.n > 0) {
		label = span_cut(&rest, '.');
		if (!is_label(label))
			return err_set(
			    err, ERR_CONFIG,
			    "a host's name has letters, digits, hyphens and dots; other letters in "
			    "their xn-- form");
	}
	if (span_eq(name, S("localhost"))) {
		host->kind = HOST_LOCALHOST;
		return 0;
	}
	if (!is_number(label))
		return 0;
	if (inet_pton(AF_INET, host->name, host->literal.bytes) != 1)
		return err_set(err, ERR_CONFIG,
			       "an address is written as four decimal numbers, such as 192.0.2.7");
	host->kind = HOST_LITERAL;
	host->name[0] = '\0';
	return 0;
}

int host_parse(struct span text, struct host *out, struct err *err)
{
	struct host host = { .kind = HOST_NAME };

	if (text.n > 0 && (text.p[0] == '[' || span_find(text, ':') < text.n)) {
		if (parse_v6(text, &host, err) < 0)
			return -1;
		*out = host;
		return 0;
	}
	if (span_ends(text, S(".")) && text.n > 1 && !is_digit(text.p[text.n - 2]))
		text.n--;
	if (text.n == 0 || text.n > HOST_MAX_CHARS || span_ends(text, S(".")))
		return err_set(err, ERR_CONFIG, "a host's name has 1 to %d characters and no empty part",
			       HOST_MAX_CHARS);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		host.name[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	if (parse_name(&host, text.n, err) < 0)
		return -1;
	*out = host;
	return 0;
}
