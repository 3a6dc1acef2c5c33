/* docs.h - the reference pages, written from the tables the program itself uses. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* The config every page shows; tests load it. */
extern const char docs_config[];

/*
 * `kanmon --gen-docs DIR`, used by tools/gen-docs: writes reference/ and man/ below `folder`, in both
 * languages. Returns the exit code.
 */
int docs_write(const char *folder);
