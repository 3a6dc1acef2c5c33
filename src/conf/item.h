/* item.h - one key a config may have: the tables behind parsing, checks, messages, defaults and docs. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/span.h"

struct conf_node;
struct conf_problems;

enum conf_type {
	CONF_SECTION = 0, /* a mapping of keys that have items of their own */
	CONF_STRING,
	CONF_BOOL,	  /* true, false */
	CONF_INT,	  /* decimal */
	CONF_BYTES,	  /* "4096", "256M", "4MiB": both count by 1024; value in bytes */
	CONF_DURATION,	  /* "30s", "5m", "1h30m", "400d"; value in milliseconds */
	CONF_ENUM,	  /* one of `words`; value is its index */
	CONF_STRING_LIST, /* a list of texts */
	CONF_ARGV,	  /* a command line, split into words and expanded in no way, or a list of texts */
	CONF_MAP,	  /* names of the user's own, each with the section under `*` */
	CONF_STRING_MAP,  /* names of the user's own, each with a text */
	CONF_ADDRESS,	  /* "127.0.0.1:7676", "[::1]:0", or a list of them */
	CONF_PATH, /* a file or folder; "~/" is the home folder, else relative to the config's folder */
	CONF_URL,  /* http, https, ws or wss, without user and fragment; or unix:/path */
};

/*
 * A room exports `const struct conf_item x_items[]`, ended by an item without a path. A section
 * needs an item only where it has a text or checks of its own.
 */
struct conf_item {
	const char *path; /* "listen", "limits.body", "servers.*.run"; `*` stands for the user's names */
	enum conf_type type;
	/* Of a number, bytes or milliseconds; of a list, its elements. max == 0: no upper bound. */
	int64_t min, max;
	const char *const *words; /* CONF_ENUM: ended by NULL */
	const char *fallback;	  /* the default as YAML text; NULL: absent stays absent */
	bool required;
	bool secret;		  /* its values are never shown */
	const char *unit;	  /* for the docs, where the type does not say it */
	const char *text;	  /* for the docs: one English sentence */
	const char *hint;	  /* a note under a problem with the value or the name; marked with TR_MARK */
	const char *code;	  /* of a value out of bounds; NULL: K104 */
	const char *pattern;	  /* regular expressions for the published schema only: */
	const char *name_pattern; /* of a value, of the names of a map */
	const char *const *exactly_one; /* CONF_SECTION: one of these keys must stand, ended by NULL */

	/*
	 * One text: a value, an element of a list, a value of a map. An err is a sentence without
	 * a full stop and without the value, through tr().
	 */
	int (*check)(struct span text, struct err *err);
	/* One name of a map. */
	int (*check_name)(struct span name, struct err *err);
	/* CONF_SECTION: what its values mean together; called where each for itself is good. */
	void (*check_section)(const struct conf_node *section, struct conf_problems *problems);
};
