/* scan.h - looks for the end of a head and refuses the bytes no head may hold. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http/reason.h"

/* Index of the first byte from `at` on that is below 0x20 or is 0x7f; s.n where there is none. */
size_t http_scan_control(struct span s, size_t at);
/* The same, a byte at a time: the twin the fast one is tested against. */
size_t http_scan_control_plain(struct span s, size_t at);

struct http_scan_limits {
	size_t head;  /* bytes, with the empty line */
	size_t start; /* bytes of the start line, without CR LF */
	size_t line;  /* bytes of another line, without CR LF */
	size_t lines; /* without the start line */
	enum http_reason start_long;
};

/* Where the scan of one head stands. Zero is its beginning. */
struct http_scan {
	size_t at;    /* bytes looked at */
	size_t line;  /* where the current line begins */
	size_t lines; /* that are complete, with the start line */
};

enum http_scan_end { HTTP_SCAN_MORE, HTTP_SCAN_END, HTTP_SCAN_BAD };

/*
 * Goes on in `bytes`, which hold the head from its first byte; what was looked at before is not
 * looked at again. On HTTP_SCAN_END `scan->at` is the head's length. Faults are found in the
 * order of their bytes, so the verdict does not depend on how the bytes arrived.
 */
enum http_scan_end http_scan(struct http_scan *scan, struct span bytes, const struct http_scan_limits *limits,
			     enum http_reason *why);
