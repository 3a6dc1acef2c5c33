/* upgrade.h - the handshake that makes a WebSocket of an HTTP connection, from both sides. Pure. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "http/head.h"

enum {
	UPGRADE_KEY_CHARS = 24,	   /* 16 bytes in base64 */
	UPGRADE_ACCEPT_CHARS = 28, /* 20 bytes */
};

/* The one version there is, of RFC 6455. */
#define UPGRADE_VERSION S("13")

/* Is it 16 bytes in base64? */
bool upgrade_is_key(struct span key);

/* A key nobody can guess. */
void upgrade_make_key(char key[UPGRADE_KEY_CHARS]);

/* What Sec-WebSocket-Accept answers to a key. */
void upgrade_accept(struct span key, char accept[UPGRADE_ACCEPT_CHARS]);

/* Is the subprotocol in one of the message's Sec-WebSocket-Protocol fields? Names are compared as they are.
 */
bool upgrade_names(const struct http_head *head, struct span protocol);

/*
 * Is the answer to our request one that makes a WebSocket? NULL: yes. Else a sentence about the server.
 *
 * Source: RFC 6455 section 4.1, what a client must check.
 */
const char *upgrade_refusal(const struct http_head *head, struct span key, struct span protocol);
