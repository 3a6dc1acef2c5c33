/* finding.c - find_tool and call_tool: they open nothing that is closed, and are judged as what they call. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#define REQUEST(id, params)                                                                                  \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{" params "}}"
#define FIND(query) REQUEST("1", "\"name\":\"find_tool\",\"arguments\":{\"query\":\"" query "\"}")
#define CALL(inside) REQUEST("1", "\"name\":\"call_tool\",\"arguments\":{" inside "}")
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
#define TOOLS                                                                                                       \
	"{\"name\":\"read_file\",\"description\":\"Reads a file\",\"inputSchema\":{\"type\":\"object\","            \
	"\"properties\":{\"path\":{\"type\":\"string\"}},\"required\":[\"path\"],\"additionalProperties\":false}}," \
	"{\"name\":\"hidden\",\"description\":\"Reads a secret file\",\"inputSchema\":{\"type\":\"object\"}}"

static struct server *server;
static struct peer peer;
static struct heard heard;

static struct client *begin(bool on, size_t above)
{
	struct client *client = rig_client(ERA_LEGACY, NULL, "mcp");
	struct span line;

	worker.finding.on = on;
	worker.finding.above = above;
	server = rig_server("files");
	rig_ask(client, &heard, LIST);
	ok(rig_greet(&peer, "{\"tools\":{\"listChanged\":true}}"), "# a server");
	line = rig_hear_of(&peer, "tools/list");
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[" TOOLS "]}}", rig_id(line));
	TURN_UNTIL(&worker.loop, heard.finals);
	return client;
}

static void end(struct client *client)
{
	client = rig_leave(client);
	rig_end(&peer);
	worker_drop_server(&worker, server);
	buf_release(&heard.last);
}

static void off(void)
{
	struct client *client = begin(false, 0);

	ok(rig_heard(&heard, "files__read_file") && !rig_heard(&heard, "find_tool"),
	   "off: the list is the list");
	rig_ask(client, &heard, FIND("file"));
	ok(rig_heard(&heard, "Unknown tool: find_tool"), "and there is no find_tool");
	rig_ask(client, &heard, CALL("\"name\":\"files__read_file\",\"arguments\":{\"path\":\"a\"}"));
	ok(rig_heard(&heard, "Unknown tool: call_tool") && rig_is_silent(&peer), "nor call_tool");
	end(client);
	client = begin(true, 1);
	ok(rig_heard(&heard, "files__read_file"), "one tool is not more than one");
	end(client);
}

/* The answer to a call, and to the same by call_tool; `inside` is what stands in params. */
static bool same(struct client *client, const char *inside)
{
	CLEANUP(buf_release) struct buf direct = BUF_INIT((size_t)1 << 16);
	CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 16);
	unsigned status;

	buf_addf(&text, REQUEST("1", "%s"), inside);
	rig_ask(client, &heard, buf_cstr(&text));
	buf_add(&direct, buf_span(&heard.last));
	status = heard.status;
	buf_clear(&text);
	buf_addf(&text, CALL("%s"), inside);
	rig_ask(client, &heard, buf_cstr(&text));
	return heard.finals == 1 && heard.status == status &&
	       span_eq(buf_span(&direct), buf_span(&heard.last));
}

static void refused(void)
{
	static const char *const wrong[] = {
		"",
		"\"arguments\":{}",
		"\"name\":7",
		"\"name\":\"\"",
		"\"name\":\"files__read_file\",\"arguments\":7",
		"\"name\":\"files__read_file\",\"more\":1",
	};
	struct client *client = begin(true, 0);

	ok(rig_heard(&heard, "\"find_tool\"") && rig_heard(&heard, "\"call_tool\"") &&
	       !rig_heard(&heard, "files__"),
	   "on: the list is the two");
	rig_ask(client, &heard, FIND("secret"));
	ok(rig_heard(&heard, "\\\"tools\\\":[]") && !rig_heard(&heard, "hidden"),
	   "a hidden tool is not found");
	rig_ask(client, &heard, FIND("file"));
	ok(rig_heard(&heard, "files__read_file") && !rig_heard(&heard, "hidden"), "# the other is");
	ok(same(client, "\"name\":\"files__hidden\",\"arguments\":{}") &&
	       rig_heard(&heard, "Unknown tool: files__hidden"),
	   "nor can it be called, in the words of what does not exist");
	ok(same(client, "\"name\":\"files__nothing\",\"arguments\":{}") &&
	       rig_heard(&heard, "Unknown tool: files__nothing"),
	   "which are these");
	ok(same(client, "\"name\":\"nobody__read_file\",\"arguments\":{\"path\":\"a\"}"),
	   "nor what no server has");
	ok(same(client, "\"name\":\"files__read_file\",\"arguments\":{\"path\":7}") &&
	       rig_heard(&heard, "path"),
	   "arguments are held against the tool's own schema");
	ok(same(client, "\"name\":\"files__read_file\""), "none are none");
	for (size_t i = 0; i < COUNT(wrong); i++) {
		CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4096);

		buf_addf(&text, CALL("%s"), wrong[i]);
		rig_ask(client, &heard, buf_cstr(&text));
		ok(heard.finals && (rig_heard(&heard, "Invalid arguments for tool call_tool") ||
				    rig_heard(&heard, "Unknown tool")),
		   "call_tool with {%s}", wrong[i]);
	}
	rig_ask(
	    client, &heard,
	    CALL(
		"\"name\":\"call_tool\",\"arguments\":{\"name\":\"files__read_file\",\"arguments\":{\"path\":\"a\"}}"));
	ok(rig_heard(&heard, "Unknown tool: call_tool"), "call_tool is no tool that it could call");
	rig_ask(client, &heard, REQUEST("1", "\"name\":\"find_tool\",\"arguments\":{}"));
	ok(rig_heard(&heard, "isError"), "find_tool without words");
	rig_ask(client, &heard,
		REQUEST("1", "\"name\":\"find_tool\",\"arguments\":{\"query\":\"a\",\"limit\":21}"));
	ok(rig_heard(&heard, "isError"), "or with too high a limit");
	ok(rig_is_silent(&peer), "no call has reached the server");
	end(client);
}

/* What the server hears of a call, without its id. */
static void sent(struct client *client, const char *request, struct buf *line)
{
	struct span text;

	rig_ask(client, &heard, request);
	text = rig_hear_of(&peer, "tools/call");
	buf_add(line, span_skip(text, span_find(text, 'm')));
	rig_say(&peer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[]}}", rig_id(text));
	TURN_UNTIL(&worker.loop, heard.finals);
}

static void called(void)
{
	CLEANUP(buf_release) struct buf direct = BUF_INIT((size_t)1 << 16);
	CLEANUP(buf_release) struct buf inner = BUF_INIT((size_t)1 << 16);
	struct client *client = begin(true, 0);

	sent(client, REQUEST("1", "\"name\":\"files__read_file\",\"arguments\":{\"path\":\"\\u0061 1.0\"}"),
	     &direct);
	ok(direct.n && heard.status == 200 && rig_heard(&heard, "\"content\":[]"),
	   "a direct call is answered still");
	sent(client, CALL("\"arguments\":{\"path\":\"\\u0061 1.0\"},\"name\":\"files__read_file\""), &inner);
	ok(rig_heard(&heard, "\"content\":[]"), "and one by call_tool");
	is_span(buf_span(&inner), buf_span(&direct), "the server hears the same, byte for byte");
	end(client);
}

int main(void)
{
	if (!ok(rig_start(), "a worker"))
		return tap_done();
	off();
	refused();
	called();
	rig_stop();
	return tap_done();
}
