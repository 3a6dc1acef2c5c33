/* cleanup.h - ownership by attribute: what a scope owns, it releases. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

/* Runs `f(&variable)` when the variable leaves its scope. */
#define CLEANUP(f) __attribute__((cleanup(f)))
/* The result must be used. */
#define MUST_CHECK __attribute__((warn_unused_result))
/* Checked like printf: `f` is the format's place, `a` the first argument's. */
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Hands a pointer over: returns it and leaves NULL behind, so that CLEANUP frees nothing. */
#define TAKE(pointer)                                                                                        \
	({                                                                                                   \
		__typeof__(pointer) t_ = (pointer);                                                          \
		(pointer) = NULL;                                                                            \
		t_;                                                                                          \
	})

/* The same for a descriptor; -1 stays behind. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void freep(void *pointer)
{
	void **p = pointer;

	free(*p);
	*p = NULL;
}

/* Closes a descriptor that is one (>= 0) and marks it closed. */
static inline void closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
