/* log.h - diagnostics for operators: text or JSON lines, passed in, never global. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
	int fd;		      /* borrowed; where lines go, one write(2) each */
	bool json;	      /* JSON lines instead of text */
	bool stamp;	      /* begin a text line with the time */
	enum log_level level; /* less than this is dropped */
	const char *role;     /* "manager", "worker", … */
};

/*
 * One named value of an event. Controls, line separators and what turns the direction of writing are
 * written escaped; a long value is cut. Never hand a secret, a token or a session id to a field: what
 * identifies them is their hash's first bytes.
 */
struct log_field {
	const char *key;
	enum { LOG_SPAN, LOG_NUMBER } kind;
	struct span text;
	int64_t number;
};

#define LF(k, s) ((struct log_field){ .key = (k), .kind = LOG_SPAN, .text = (s) })
#define LFS(k, cstr) LF(k, span_str(cstr))
#define LFN(k, value) ((struct log_field){ .key = (k), .kind = LOG_NUMBER, .number = (int64_t)(value) })

/*
 * Writes one event. `event` is a stable dotted name ("upstream.exited"); `text` a sentence for
 * people. Fields follow: log_event(log, LOG_INFO, "x.y", "It happened", LFS("server", name)).
 */
#define log_event(log, level, event, text, ...)                                                              \
	log_write((log), (level), (event), (text), (const struct log_field[]){ __VA_ARGS__ },                \
		  sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))
/* The same without fields. */
#define log_note(log, level, event, text) log_write((log), (level), (event), (text), NULL, 0)

void log_write(const struct log *log, enum log_level level, const char *event, const char *text,
	       const struct log_field *fields, size_t n);

/*
 * A brake for what a peer can repeat: true for the first `burst` calls of each second, and once
 * a second with `*dropped` > 0 saying how many were left out.
 */
struct log_brake {
	uint64_t second;
	uint32_t count, missed;
};
bool log_brake_pass(struct log_brake *brake, uint64_t mono_ms, uint32_t burst, uint32_t *dropped);
