/* err.h - what went wrong on our side, or in what the operator wrote. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cleanup.h"

/*
 * What a peer sends wrong is not an err: that is a typed outcome of the parser at hand. An err
 * lives on the caller's stack, allocates nothing, and holds a whole sentence, outermost context
 * first.
 *
 * The sentence is for people and hence in the language of tr(): a literal given as a format is a
 * key of the catalogue (po/). What the kernel says stays as the C library has it. A process whose
 * errs are told to peers keeps to English.
 */
enum err_code {
	ERR_NONE = 0,
	ERR_NOMEM,   /* memory, or a ceiling of our own on memory */
	ERR_LIMIT,   /* a named limit was reached */
	ERR_FORMAT,  /* bytes that are not what they should be */
	ERR_CONFIG,  /* the operator's text is wrong */
	ERR_SYSTEM,  /* the kernel said no; `sys` is its errno */
	ERR_MISSING, /* a thing that was named does not exist */
	ERR_DENIED,  /* refused on purpose */
	ERR_CLOSED,  /* the other side is gone */
};

struct err {
	enum err_code code;
	int sys;	  /* errno for ERR_SYSTEM, else 0 */
	const char *file; /* where it was set, for the log at level debug */
	int line;
	char text[400];
};

#define ERR_INIT ((struct err){ .code = ERR_NONE })

/*
 * Sets code and sentence. Always returns -1, so that `return err_set(...)` reads well.
 * Shape: what is too long for `text` is cut between two characters.
 */
#define err_set(err, code, ...) err_set_at((err), (code), 0, __FILE__, __LINE__, __VA_ARGS__)
/* Sets ERR_SYSTEM from `errno`; the errno's text is appended after ": ". Returns -1. */
#define err_sys(err, ...) err_sys_at((err), __FILE__, __LINE__, __VA_ARGS__)

int err_set_at(struct err *err, enum err_code code, int sys, const char *file, int line, const char *format,
	       ...) PRINTF(6, 7);
int err_sys_at(struct err *err, const char *file, int line, const char *format, ...) PRINTF(4, 5);

/* Puts a context and ": " before the sentence that is there. Returns -1. */
int err_wrap(struct err *err, const char *format, ...) PRINTF(2, 3);
