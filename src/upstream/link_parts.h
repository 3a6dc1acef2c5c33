/* link_parts.h - a link's calls, as link.c and link_receive.c share them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/* The call is none of its link's any more; the link's transport is not told. One without a link is harmless.
 */
void call_leave(struct call *call);
