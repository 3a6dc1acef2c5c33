/* user.h - users of this machine, as a config names them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"

/* A name, or a number, that is a user's whether or not it has a name. Errors: ERR_CONFIG, a sentence without
 * it. */
int conf_user_id(struct span text, uint32_t *uid, struct err *err) MUST_CHECK;
