/* door.c - the front door: Host, Origin, token, media types, paths. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange/door.h"
#include "base/cleanup.h"
#include "tap.h"

static const struct span hosts[] = { SPAN("localhost"), SPAN("127.0.0.1"), SPAN("[::1]"),
				     SPAN("gate.example") };
static const struct span origins[] = { SPAN("https://app.example.com") };
static const struct front_rules rules = {
	.hosts = hosts, .n_hosts = COUNT(hosts), .origins = origins, .n_origins = COUNT(origins)
};

struct yes_no {
	const char *text;
	bool yes;
};

static const struct yes_no host_cases[] = {
	{ "", false },
	{ ":80", false },
	{ "evil.example", false },
	{ "localhost.evil.example", false },
	{ "localhost.", false },
	{ "notlocalhost", false },
	{ "localhost@evil.example", false },
	{ "[::1", false },
	{ "[::2]", false },
	{ "::1", false },
	{ "127.0.0.1.nip.io", false },
	{ "127.1", false },
	{ " localhost", false },
	{ "localhost", true },
	{ "LocalHost:7676", true },
	{ "127.0.0.1:1", true },
	{ "[::1]:7676", true },
	{ "[::1]", true },
	{ "gate.example", true },
};

static const struct yes_no address_cases[] = {
	{ "", false },
	{ ":80", false },
	{ "evil.example", false },
	{ "gate.example", false },
	{ "localhost.evil.example", false },
	{ "127.0.0.1.nip.io", false },
	{ "127.1", false },
	{ "0x7f.1", false },
	{ "127.0.0.1.", false },
	{ "1.2.3.256", false },
	{ "[]", false },
	{ "[::1", false },
	{ "[127.0.0.1]", false },
	{ "::1", false },
	{ "[evil.example]", false },
	{ "LocalHost:9464", true },
	{ "127.0.0.1:9464", true },
	{ "10.0.0.7", true },
	{ "[fd00::7]:9464", true },
};

static const struct yes_no origin_cases[] = {
	{ "", false },
	{ "null", false },
	{ "localhost", false },
	{ "http://", false },
	{ "file://localhost", false },
	{ "ftp://localhost", false },
	{ "http://evil.example", false },
	{ "http://localhost.evil.example", false },
	{ "http://evil.example/localhost", false },
	{ "http://localhost@evil.example", false },
	{ "http://localhost:80@evil.example", false },
	{ "http://localhost/", false },
	{ "HTTP://localhost", false },
	{ "http://app.example.com", false },
	{ "https://app.example.com:444", false },
	{ "https://app.example.com.evil.example", false },
	{ "https://app.example.com", true },
	{ "http://localhost", true },
	{ "http://localhost:3000", true },
	{ "https://[::1]:1", true },
};

static const struct {
	const char *header, *token;
} bearer_cases[] = {
	{ "", "" },	     { "Bearer", "" },		 { "Bearer ", "" },    { "Basic abc", "" },
	{ "Bearerabc", "" }, { "Bearer a b", "" },	 { "Bearer a,b", "" }, { " Bearer a", "" },
	{ "Bearer a", "a" }, { "bEARER  abc\t", "abc" },
};

static const struct {
	const char *accept, *type;
	bool yes;
} accept_cases[] = {
	{ "", "application/json", false },
	{ "text/html", "application/json", false },
	{ "application/jsonx", "application/json", false },
	{ "application", "application/json", false },
	{ "text/*", "application/json", false },
	{ "app/*", "application/json", false },
	{ "*", "application/json", false },
	{ "application/json", "text/event-stream", false },
	{ "application/json", "application/json", true },
	{ "text/html, Application/JSON;q=0.9", "application/json", true },
	{ "application/*", "application/json", true },
	{ "text/html,*/*;q=0.1", "text/event-stream", true },
	{ "application/json, text/event-stream", "text/event-stream", true },
};

static const struct yes_no json_cases[] = {
	{ "", false },
	{ "text/plain", false },
	{ "application/json-seq", false },
	{ "application/jsonp", false },
	{ "text/plain; application/json", false },
	{ "application/json", true },
	{ "Application/JSON ; charset=utf-8", true },
};

static const struct {
	const char *path, *server;
	enum door_way way;
} paths[] = {
	{ "", "", DOOR_NOWHERE },
	{ "/", "", DOOR_NOWHERE },
	{ "/mcp/", "", DOOR_NOWHERE },
	{ "/mcpx", "", DOOR_NOWHERE },
	{ "/MCP", "", DOOR_NOWHERE },
	{ "/mcp/a/b", "a/b", DOOR_NOWHERE },
	{ "/mcp//", "/", DOOR_NOWHERE },
	{ "/x/mcp", "", DOOR_NOWHERE },
	{ "/sse/", "", DOOR_NOWHERE },
	{ "/ssex", "", DOOR_NOWHERE },
	{ "/sse/a/b", "a/b", DOOR_NOWHERE },
	{ "/messages/", "", DOOR_NOWHERE },
	{ "/mcp/view/", "", DOOR_NOWHERE },
	{ "/mcp/view/a/b", "", DOOR_NOWHERE },
	{ "/mcp/view", "view", DOOR_MCP },
	{ "/mcp/view/few", "view/few", DOOR_MCP },
	{ "/sse/view/few", "view/few", DOOR_SSE },
	{ "/messages/files", "", DOOR_NOWHERE },
	{ "/message", "", DOOR_NOWHERE },
	{ "/mcp", "", DOOR_MCP },
	{ "/mcp/files", "files", DOOR_MCP },
	{ "/sse", "", DOOR_SSE },
	{ "/sse/files", "files", DOOR_SSE },
	{ "/messages", "", DOOR_MESSAGES },
};

#define ID_42 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN-_"

static const struct {
	const char *query, *id;
} queries[] = {
	{ "", "" },
	{ "sessionId=", "" },
	{ "sessionId=" ID_42, "" },
	{ "sessionId=" ID_42 "00", "" },
	{ "sessionid=" ID_42 "0", "" },
	{ "sessionId=" ID_42 "%", "" },
	{ "sessionId=" ID_42 "=", "" },
	{ "sessionId=" ID_42 "0&", "" },
	{ "sessionId=" ID_42 "0&a=b", "" },
	{ "a=b&sessionId=" ID_42 "0", "" },
	{ "token=x", "" },
	{ "sessionId=" ID_42 "0", ID_42 "0" },
};

int main(void)
{
	struct span server;

	for (size_t i = 0; i < COUNT(host_cases); i++)
		is_int(door_host_allowed(&rules, span_str(host_cases[i].text)), host_cases[i].yes, "Host: %s",
		       host_cases[i].text);
	for (size_t i = 0; i < COUNT(address_cases); i++)
		is_int(door_host_is_address(span_str(address_cases[i].text)), address_cases[i].yes,
		       "an address: %s", address_cases[i].text);
	for (size_t i = 0; i < COUNT(origin_cases); i++)
		is_int(door_origin_allowed(&rules, span_str(origin_cases[i].text)), origin_cases[i].yes,
		       "Origin: %s", origin_cases[i].text);
	ok(!door_host_allowed(&(struct front_rules){ 0 }, S("localhost")), "without rules nobody comes in");
	for (size_t i = 0; i < COUNT(bearer_cases); i++)
		is_span(door_bearer(span_str(bearer_cases[i].header)), span_str(bearer_cases[i].token),
			"Authorization: %s", bearer_cases[i].header);
	for (size_t i = 0; i < COUNT(accept_cases); i++)
		is_int(door_accepts(span_str(accept_cases[i].accept), span_str(accept_cases[i].type)),
		       accept_cases[i].yes, "Accept: %s for %s", accept_cases[i].accept,
		       accept_cases[i].type);
	ok(door_accepts(span_of(NULL, 0), S("text/event-stream")), "no Accept takes everything");
	for (size_t i = 0; i < COUNT(json_cases); i++)
		is_int(door_is_json(span_str(json_cases[i].text)), json_cases[i].yes, "Content-Type: %s",
		       json_cases[i].text);
	for (size_t i = 0; i < COUNT(paths); i++) {
		is_int(door_way(span_str(paths[i].path), &server), paths[i].way, "path %s", paths[i].path);
		if (paths[i].way)
			is_span(server, span_str(paths[i].server), "its server");
	}
	for (size_t i = 0; i < COUNT(queries); i++)
		is_span(door_session(span_str(queries[i].query)), span_str(queries[i].id), "query %s",
			queries[i].query);
	is_span(door_session(span_of(NULL, 0)), S(""), "no query");
	return tap_done();
}
