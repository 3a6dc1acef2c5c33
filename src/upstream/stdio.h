/* stdio.h - what the worker asks of links whose server is a child process. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "upstream/link.h"

/* Is this the link of the launcher's instance `instance`? */
bool stdio_owns(const struct link *link, uint64_t instance);
/* How many bytes wait for it to read its stdin. */
size_t stdio_queued(const struct link *link);
/* Stops and starts reading what it says, whoever it is meant for. */
void stdio_hold(const struct link *link, bool held);
