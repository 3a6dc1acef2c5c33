/* token_rows.h - the tokens there are, all of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/gate_paths.h"
#include "store/tokens.h"

/*
 * Calls back for each token, the oldest first, dead ones included, until it returns false.
 *
 * Errors: ERR_MISSING where no gate is running; what the gate or its keeper refuses.
 */
int token_rows_of_gate(const struct gate_paths *paths, token_each *each, void *context, struct err *err)
    MUST_CHECK;

/* The same from the store of a gate that is not running. Where there is no store, there is no token. */
int token_rows_of_store(const char *folder, token_each *each, void *context, struct err *err) MUST_CHECK;
