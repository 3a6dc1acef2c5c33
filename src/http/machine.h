/* machine.h - llhttp as second reader of every head. The only door to it: its names stay inside. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/head.h"

/*
 * Does llhttp's strict machine accept the head `bytes`, and read method, target, version, status,
 * number of fields and framing as `head` says?
 */
bool http_machine_agrees(struct span bytes, bool response, const struct http_head *head);

/* Does the machine that was compiled in refuse what only the loose one accepts? */
bool http_machine_is_strict(void);
