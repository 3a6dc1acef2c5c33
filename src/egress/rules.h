/* rules.h - which addresses may be reached. Pure: no look-ups, no clock. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"

struct address {
	bool v6;
	uint8_t bytes[16]; /* network order; the first 4 where it is not v6 */
};

/* Zero is the only kind that may be reached without being named. */
enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE,
	ADDRESS_LOOPBACK,
	ADDRESS_SHARED, /* carrier-grade NAT */
	ADDRESS_OWN,	/* one of this machine's, where it is a public one */
	ADDRESS_LINK_LOCAL,
	ADDRESS_METADATA, /* a cloud's service that hands out credentials */
	ADDRESS_MULTICAST,
	ADDRESS_UNSPECIFIED,
	ADDRESS_DOCUMENTATION,
	ADDRESS_RESERVED,
};

/* "a loopback address": for sentences. */
const char *address_kind_words(enum address_kind kind);

/*
 * What it is. A v4 address inside a v6 one (mapped, compatible, translated, NAT64, 6to4, ISATAP)
 * is judged by the v4 address; Teredo and what no registry has given out are reserved.
 *
 * Source:  IANA special-purpose address registries (RFC 6890 and its updates).
 */
enum address_kind address_kind_of(const struct address *address);

/* ::ffff:a.b.c.d becomes a.b.c.d; everything else stays. */
struct address address_plain(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

/* Adds dotted or colon text for people. `out` has ADDRESS_CHARS bytes. */
enum { ADDRESS_CHARS = 48 };
void address_text(const struct address *address, char out[ADDRESS_CHARS]);

/* What a name may resolve to. */
struct address_rules {
	bool allow_private;	   /* private, loopback, shared and own addresses are fine */
	const struct address *own; /* this machine's addresses */
	size_t n_own;
};

/*
 * ADDRESS_PUBLIC: it may be reached. Else the kind for which it is refused. Link-local, metadata,
 * multicast, unspecified, documentation and reserved addresses are refused also where private
 * ones are allowed: a config that wants one of them names it literally.
 */
enum address_kind rules_judge(const struct address_rules *rules, const struct address *address);

enum host_kind {
	HOST_NAME,	/* to be resolved, and every answer judged */
	HOST_LITERAL,	/* an address: named on purpose, so not judged */
	HOST_LOCALHOST, /* the same, in two forms */
};

enum { HOST_MAX_CHARS = 253 };

struct host {
	enum host_kind kind;
	char name[HOST_MAX_CHARS + 1]; /* lower case, no dot at the end; empty for a literal */
	struct address literal;
};

/*
 * Reads a host as the config writes it: a name of letters, digits and hyphens, four decimal
 * numbers, or an IPv6 address, in brackets or not. Everything that other programs read as an
 * address in disguise (0x7f.1, 2130706433, 127.1, 0177.0.0.1, zone ids) is refused.
 *
 * Errors:  ERR_CONFIG with what is wrong.
 */
int host_parse(struct span text, struct host *out, struct err *err) MUST_CHECK;
