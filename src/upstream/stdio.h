/* stdio.h - what the worker asks of links whose server is a child process. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/* Is this the link of the launcher's instance `instance`? */
bool stdio_owns(const struct link *link, uint64_t instance);
