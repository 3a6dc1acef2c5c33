/* resolve.h - names to addresses, by the system's resolver. Blocks: to be called on a thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "egress/rules.h"

/* Addresses of a name that are looked at; the resolver may know more. */
enum { RESOLVE_MAX = 32 };

/*
 * Resolves `host` into `out` (RESOLVE_MAX of them), in the order in which to try them. Returns how
 * many, or -1 with a sentence in `err`. Called on several threads at a time.
 */
typedef int (*resolve_function)(void *owner, const char *host, struct address out[RESOLVE_MAX],
				struct err *err);

/* The system's resolver; `localhost` and names below it are this machine without asking it. */
int resolve_system(void *owner, const char *host, struct address out[RESOLVE_MAX], struct err *err);

/* This machine's addresses, at most `max`; -1 where the kernel does not say. */
int resolve_own(struct address *out, size_t max, struct err *err);
