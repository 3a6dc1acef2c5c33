/* params.c - what params of a client's request are refused for, whatever the server would make of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/params.h"
#include "tap.h"

#define R(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\"" params "}"
#define INITIALIZE(params) R("initialize", ",\"params\":{" params "}")
#define VERSION "\"protocolVersion\":\"2025-11-25\""
#define ABLE ",\"capabilities\":{}"
#define INFO ",\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}"

static const struct {
	const char *text;
	const char *names; /* a word of the fault; NULL: there is none */
} cases[] = {
	{ R("initialize", ""), "protocolVersion" },
	{ INITIALIZE(""), "protocolVersion" },
	{ INITIALIZE("\"protocolVersion\":5" ABLE INFO), "protocolVersion" },
	{ INITIALIZE("\"protocolVersion\":null" ABLE INFO), "protocolVersion" },
	{ INITIALIZE(VERSION INFO), "capabilities" },
	{ INITIALIZE(VERSION ",\"capabilities\":[]" INFO), "capabilities" },
	{ INITIALIZE(VERSION ABLE), "clientInfo" },
	{ INITIALIZE(VERSION ABLE ",\"clientInfo\":\"c\""), "clientInfo" },
	{ INITIALIZE(VERSION ABLE ",\"clientInfo\":{\"name\":\"c\"}"), "clientInfo" },
	{ INITIALIZE(VERSION ABLE ",\"clientInfo\":{\"name\":1,\"version\":\"1\"}"), "clientInfo" },
	{ INITIALIZE(VERSION ABLE INFO), NULL },
	{ INITIALIZE(VERSION ABLE INFO ",\"_meta\":1"), "_meta" },
	{ R("ping", ""), NULL },
	{ R("ping", ",\"params\":{}"), NULL },
	{ R("ping", ",\"params\":{\"_meta\":null}"), "_meta" },
	{ R("ping", ",\"params\":{\"_meta\":{\"progressToken\":{}}}"), "progressToken" },
	{ R("ping", ",\"params\":{\"_meta\":{\"progressToken\":null}}"), "progressToken" },
	{ R("ping", ",\"params\":{\"_meta\":{\"progressToken\":1.5}}"), "progressToken" },
	{ R("ping", ",\"params\":{\"_meta\":{\"progressToken\":0}}"), NULL },
	{ R("ping", ",\"params\":{\"_meta\":{\"progressToken\":\"\"}}"), NULL },
	{ R("ping", ",\"params\":{\"arguments\":[]}"), NULL },
	{ R("tools/call", ",\"params\":{\"name\":\"t\",\"arguments\":[]}"), "arguments" },
	{ R("tools/call", ",\"params\":{\"name\":\"t\",\"arguments\":null}"), "arguments" },
	{ R("tools/call", ",\"params\":{\"name\":\"t\",\"arguments\":{}}"), NULL },
	{ R("tools/call", ",\"params\":{\"name\":\"t\"}"), NULL },
	{ R("tools/call", ""), NULL },
};

int main(void)
{
	static struct json json;
	struct message message;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *fault;

		if (!ok(json_parse(&json, span_str(cases[i].text), 1 << 16) &&
			    message_read(&json, 0, &message) == MESSAGE_OK,
			"# a message"))
			continue;
		fault = params_fault(&message);
		ok(cases[i].names ? fault && strstr(fault, cases[i].names) : !fault, "%s: %s", cases[i].text,
		   fault ? fault : "nothing is wrong");
	}
	json_release(&json);
	return tap_done();
}
