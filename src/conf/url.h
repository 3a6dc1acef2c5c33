/* url.h - the address of a server as a config names it. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define CONF_URL_MAX_BYTES 2048

/* The kernel's room for the path of a unix socket, without the NUL. */
enum { CONF_UNIX_MAX_BYTES = 107 };

enum conf_url_kind {
	CONF_URL_HTTP, /* http, https */
	CONF_URL_WS,   /* ws, wss */
	CONF_URL_UNIX, /* unix:/path */
};

/* All borrowed from the text. */
struct conf_url {
	enum conf_url_kind kind;
	bool tls;
	struct span authority; /* as written: the Host header */
	struct span host;      /* without brackets */
	uint16_t port;	       /* 80 or 443 where none is written */
	struct span target;    /* path and query; "/" where none is written; of a unix socket the file */
};

/* The path of a unix socket: absolute, and short enough. Errors: ERR_CONFIG, a sentence without it. */
int conf_unix_check(struct span path, struct err *err) MUST_CHECK;

/* Errors: ERR_CONFIG, a sentence without the text. */
int conf_url_parse(struct span text, struct conf_url *out, struct err *err) MUST_CHECK;

/* What of a URL is nobody's to see: what stands before an `@`, and what follows a `?` or a `#`. */
struct conf_url_secrets {
	struct span user, query; /* both borrowed from `rest`, and may be empty */
};
/* `rest` begins behind `://`; the URL need not be valid. */
struct conf_url_secrets conf_url_secrets(struct span rest);

/* Adds a URL as it may be shown. */
void conf_url_add_shown(struct buf *out, struct span url);
