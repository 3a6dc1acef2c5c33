/* filter.h - which system calls each role has (seccomp). */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <seccomp.h>

#include "base/err.h"
#include "crypto/digest.h"
#include "daemon/role.h"

/*
 * Worker, egress and keeper have a list of what they may; everything else fails with EPERM, and
 * what only an attacker would call ends the process. Manager and launcher start other programs,
 * which inherit their filter: they have a short list of what nobody below may.
 *
 * Shape:   `arch` is SCMP_ARCH_NATIVE, but for tests.
 * Owner:   the caller ends `*out` with seccomp_release().
 * Errors:  ERR_SYSTEM, with the name of the call whose rule was not accepted.
 */
int filter_build(enum role role, uint32_t arch, scmp_filter_ctx *out, struct err *err) MUST_CHECK;

/* Builds it for this machine and puts it on all threads, for good. no_new_privs is set. */
int filter_load(enum role role, struct err *err) MUST_CHECK;

/* Tells one filter from another: what a process is under already needs no second time. -1: as filter_build().
 */
int filter_digest(enum role role, uint8_t out[DIGEST_BYTES], struct err *err) MUST_CHECK;
