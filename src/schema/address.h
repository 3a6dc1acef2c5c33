/* address.h - host names, IP addresses and mailboxes as texts. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/* Four decimal octets without leading zeros. */
bool address_is_ipv4(struct span text);

/* RFC 4291, 2.2, also with the last 32 bits as IPv4; no zone, no brackets. */
bool address_is_ipv6(struct span text);

/* RFC 1123: labels of letters, digits and hyphens. A-labels are not decoded. */
bool address_is_hostname(struct span text);

/* A mailbox of RFC 5321: local part (atoms or a quoted string), @, host name or address literal. */
bool address_is_email(struct span text);
