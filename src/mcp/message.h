/* message.h - one JSON-RPC message of MCP, seen through its tape. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "mcp/level.h"
#include "mcp/method.h"
#include "json/tape.h"

enum message_kind {
	MESSAGE_REQUEST,
	MESSAGE_NOTIFICATION,
	MESSAGE_RESULT,
	MESSAGE_ERROR,
};

enum message_verdict {
	MESSAGE_OK,
	MESSAGE_NOT_OBJECT,
	MESSAGE_NO_VERSION, /* "jsonrpc" is not "2.0" */
	MESSAGE_BAD_ID,	    /* null, a fraction, a container; or missing where one must be */
	MESSAGE_BAD_METHOD,
	MESSAGE_BAD_PARAMS, /* params, result or error of the wrong shape */
	MESSAGE_MIXED,	    /* method beside result, result beside error */
};

/* Borrows the tape. Places that are absent are JSON_NONE. */
struct message {
	const struct json *json;
	json_at root;
	enum message_kind kind;
	enum method method;	/* requests and notifications; METHOD_NONE where unknown */
	struct span method_raw; /* the name as written, without quotes */
	json_at id, params, result, error;
	json_at meta; /* params._meta or result._meta, an object */
};

/* The metadata a modern request carries in params._meta. */
struct message_claim {
	bool any;	      /* some modern key stands there, well-formed or not */
	json_at version;      /* JSON_NONE where absent or no string */
	json_at capabilities; /* where an object */
	json_at client;
	json_at log_level;
};

#define META_PREFIX "io.modelcontextprotocol/"
#define META_VERSION META_PREFIX "protocolVersion"
#define META_CLIENT META_PREFIX "clientInfo"
#define META_CAPABILITIES META_PREFIX "clientCapabilities"
#define META_LOG_LEVEL META_PREFIX "logLevel"
#define META_SUBSCRIPTION META_PREFIX "subscriptionId"
#define META_SERVER META_PREFIX "serverInfo"

/*
 * Reads the value at `root` as one message. Unknown members are left alone. On a verdict other
 * than MESSAGE_OK, out->id is set where a legal id could still be read.
 */
enum message_verdict message_read(const struct json *json, json_at root, struct message *out);

/* A plain sentence for a verdict. */
const char *message_verdict_text(enum message_verdict verdict);

struct message_claim message_claim(const struct message *message);

/* The token of a legal id or progress token (string or integer) as written; empty where none. */
struct span message_token(const struct json *json, json_at at);

/* The request that notifications/cancelled takes back, its exact token; empty: it names none. */
struct span message_cancelled(const struct message *message);

/* The `progressToken` the sender of a request wants progress under; JSON_NONE where none. */
json_at message_progress_token(const struct message *message);

/* The level that its params name; LEVEL_NONE: none. */
enum level message_level(const struct message *message);

/* The answer that something went wrong. */
struct message_error {
	struct span id; /* of the request, as JSON; empty: left out, for no schema of MCP knows null there */
	int code;	/* of JSON-RPC, or of MCP */
	struct span text;   /* for people; not yet JSON */
	const char *kanmon; /* our code for it, "K702"; NULL for none */
	struct span data;   /* more members of `data`, as JSON without braces; may be empty */
};

void message_write_error(struct buf *out, const struct message_error *error);
