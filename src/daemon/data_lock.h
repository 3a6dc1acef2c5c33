/* data_lock.h - one gate for one data folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Makes the folder where it is missing and takes its lock, which lasts as long as `*fd` is open.
 *
 * Errors: ERR_DENIED where another gate has it; ERR_SYSTEM, ERR_LIMIT.
 */
int data_lock(const char *folder, int *fd, struct err *err) MUST_CHECK;
