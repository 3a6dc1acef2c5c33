/* redact.h - what must not stand in a record: secrets, by the name they have or by their looks. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/*
 * Does a member of this name hold a secret? Compared without case and without anything but letters
 * and digits: `dbPassword`, `X-Api-Key` and `aws_secret_access_key` do. Rather once too often:
 * what is redacted wrongly costs a detail of a record, what is not costs the secret.
 */
bool redact_is_secret_name(struct span name);

/* `token` in a name is one of the words that mean a count as often as a secret: `max_tokens`. */
bool redact_is_count_name(struct span name);

/*
 * Does this text hold something that looks like a secret, anywhere in it: a known prefix (ghp_, sk-,
 * AKIA, kmn_, …), a JSON web token, a private key, credentials in a URL, `Bearer …`, `password=…`,
 * or a long run of characters too mixed to be words? UUIDs are not secrets.
 */
bool redact_has_secret(struct span text);
