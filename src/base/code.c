/* code.c - the table of codes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/code.h"

#include "base/cleanup.h"
#include "base/tr.h"

const struct code codes[] = {
	{
	    .name = "K101",
	    .title = TR_MARK("the config is not valid YAML"),
	    .meaning = TR_MARK(
		"The file cannot be read as YAML: a quote or a bracket is not closed, a line is "
		"indented with a tab, or a character that cannot be seen stands in it."),
	    .remedy = TR_MARK(
		"Mend the line the caret points at. Where that line looks right, look at the one "
		"above it."),
	    .example = "servers:\n"
		       "  files:\n"
		       "    run: \"npx -y files-server      # the quote is not closed\n",
	},
	{
	    .name = "K102",
	    .title = TR_MARK("the config has a key that does not exist"),
	    .meaning = TR_MARK(
		"A key is misspelled, or stands at the wrong level. Nothing of the file is used, "
		"so that a rule with a typing error never goes unnoticed."),
	    .remedy = TR_MARK("Use the name the message proposes, or remove the key. All keys are in "
			      "kanmon.yaml(5)."),
	    .example = "servers:\n"
		       "  files:\n"
		       "    run: npx -y files-server\n"
		       "    tool: { alow: [\"read_*\"] }      # tools, allow\n",
	},
	{
	    .name = "K103",
	    .title = TR_MARK("a value in the config is of the wrong kind"),
	    .meaning = TR_MARK(
		"A key has a text where it takes a list, a list where it takes a number, and so "
		"on."),
	    .remedy =
		TR_MARK("Write the kind of value the message names. kanmon.yaml(5) has it for each key."),
	    .example = "limits:\n"
		       "  calls: many      # a number: 4096\n",
	},
	{
	    .name = "K104",
	    .title = TR_MARK("a value in the config cannot be used"),
	    .meaning = TR_MARK(
		"The value is of the right kind and still cannot be used: it is out of bounds, "
		"not one of the allowed words, or has no effect beside another key."),
	    .remedy =
		TR_MARK("The message says which values are possible; change the value or remove the key."),
	    .example = "servers:\n"
		       "  wiki:\n"
		       "    url: ftp://wiki.example/mcp      # http or https\n",
	},
	{
	    .name = "K105",
	    .title = TR_MARK("the config lacks a key"),
	    .meaning = TR_MARK("A key that must be there is not: `version` in the file, or one of `run` and "
			       "`url` in a server."),
	    .remedy = TR_MARK("Add the key the message names."),
	    .example = "version: 1\n"
		       "servers:\n"
		       "  files: { timeout: 30s }      # lacks run or url\n",
	},
	{
	    .name = "K106",
	    .title = TR_MARK("a key stands twice in the config"),
	    .meaning =
		TR_MARK("Readers of YAML disagree on which of two equal keys counts, so neither does."),
	    .remedy = TR_MARK("Remove one of them; the message names both lines."),
	    .example = "servers:\n"
		       "  files: { run: files-server ~/work }\n"
		       "  files: { run: files-server / }      # the second one\n",
	},
	{
	    .name = "K107",
	    .title = TR_MARK("the config is of another version"),
	    .meaning = TR_MARK("`version` is the version of the file's format. This kanmon knows version 1."),
	    .remedy = TR_MARK("Write `version: 1`, or install the kanmon the file was written for."),
	    .example = "version: 2      # 1\n",
	},
	{
	    .name = "K108",
	    .title = TR_MARK("the config uses a part of YAML that is left out here"),
	    .meaning = TR_MARK(
		"Anchors, aliases, tags, merge keys, several documents, and the words yes, no, on "
		"and off without quotes are read differently by different programs. A config must "
		"mean the same to everyone who reads it."),
	    .remedy = TR_MARK("Write the value out, write true or false, or put a text in quotes."),
	    .example = "servers:\n"
		       "  files:\n"
		       "    run: files-server\n"
		       "    env: { VERBOSE: yes }      # \"yes\"\n",
	},
	{
	    .name = "K109",
	    .title = TR_MARK("the config cannot be read"),
	    .meaning = TR_MARK(
		"The file is missing, larger than one MiB, nested too deeply or not UTF-8, it may "
		"not be read by this user, or the library that reads YAML is not installed."),
	    .remedy =
		TR_MARK("The line under the message names the cause. `kanmon doctor` checks the library."),
	    .example = "chmod u+r ~/.config/kanmon/kanmon.yaml\n",
	},
	{
	    .name = "K110",
	    .title = TR_MARK("a name in the config cannot be used"),
	    .meaning = TR_MARK("A server's name becomes part of its tools' names, and a variable's name goes "
			       "into an environment; both allow only some characters."),
	    .remedy = TR_MARK(
		"Choose a name of 1 to 32 letters, digits, `_`, `.` or `-` without `__`, and none at the end."),
	    .example = "servers:\n"
		       "  \"my files\": { run: files-server }      # my-files\n",
	},
	{
	    .name = "K112",
	    .title = TR_MARK("a certificate or key the config names cannot be used"),
	    .meaning = TR_MARK(
		"The file of `tls.cert`, `tls.key` or of a server's `ca` is missing or may not be read by "
		"this user, holds no PEM text of its kind, is protected with a passphrase, or the key "
		"belongs to another certificate."),
	    .remedy = TR_MARK("The words after the carets name the cause. Certificate and key are PEM; a key "
			      "is stored without a passphrase and readable by the gate's user alone."),
	    .example = "tls:\n"
		       "  cert: /etc/kanmon/gate.pem\n"
		       "  key: /etc/kanmon/gate.key\n",
	},
	{
	    .name = "K501",
	    .title = TR_MARK("the request has no token"),
	    .meaning = TR_MARK("Every request to the gate's HTTP endpoints needs a bearer token. The gate "
			       "answered with status 401."),
	    .remedy = TR_MARK("Create a token and put it into the client's configuration, as a header."),
	    .example = "kanmon token create laptop\n"
		       "curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:7676/mcp\n",
	},
	{
	    .name = "K502",
	    .title = TR_MARK("the token is not valid"),
	    .meaning = TR_MARK("The token is unknown here, has expired or was revoked. Tokens belong to one "
			       "gate: another config has other tokens."),
	    .remedy = TR_MARK("See `kanmon token list`; then create a new token or rotate the old one."),
	    .example = "kanmon token rotate laptop\n",
	},
	{
	    .name = "K503",
	    .title = TR_MARK("no such server here, or the token does not cover it"),
	    .meaning = TR_MARK(
		"The server in the URL does not exist, or the token's scopes do not name it. Both "
		"are answered alike, so that a token cannot be used to look for servers."),
	    .remedy = TR_MARK("Check the name with `kanmon status` and the scopes with `kanmon token list`."),
	    .example = "kanmon token create laptop --scope mcp:files\n",
	},
	{
	    .name = "K504",
	    .title = TR_MARK("the Host or Origin of the request is not allowed"),
	    .meaning = TR_MARK(
		"The gate answers only to its own names, and to no web page unless it is told to. "
		"This keeps pages in a browser from reaching it through DNS rebinding."),
	    .remedy = TR_MARK("Where the name or the page is yours, add it to `hosts` or `origins`."),
	    .example = "hosts: [gate.example.com]\n"
		       "origins: [\"https://app.example.com\"]\n",
	},
	{
	    .name = "K505",
	    .title = TR_MARK("the request belongs to no session"),
	    .meaning = TR_MARK(
		"A client of revision 2025-11-25 or older must send initialize first and, over "
		"HTTP, repeat the Mcp-Session-Id it got."),
	    .remedy =
		TR_MARK("Let the client initialize again; a client that never does is too old or broken."),
	    .example = "Mcp-Session-Id: (from the reply to initialize)\n",
	},
	{
	    .name = "K506",
	    .title = TR_MARK("the session does not exist"),
	    .meaning = TR_MARK("The session was ended by the client, was idle for too long, was opened with "
			       "another token or for another server, or its process was restarted."),
	    .remedy = TR_MARK("The client initializes again; most do so by themselves. `limits.session-idle` "
			      "sets how long an idle session lives."),
	    .example = "limits: { session-idle: 4h }\n",
	},
	{
	    .name = "K507",
	    .title = TR_MARK("the request is not declared as JSON"),
	    .meaning = TR_MARK("A POST needs the header Content-Type: application/json."),
	    .remedy = TR_MARK("Set the header in the client."),
	    .example = "Content-Type: application/json\n",
	},
	{
	    .name = "K508",
	    .title = TR_MARK("the client takes none of the replies there are"),
	    .meaning = TR_MARK(
		"A POST is answered as JSON or as an event stream, a GET as an event stream only, "
		"and the Accept header allows neither."),
	    .remedy = TR_MARK("Set the header in the client."),
	    .example = "Accept: application/json, text/event-stream\n",
	},
	{
	    .name = "K509",
	    .title = TR_MARK("the session has an event stream already"),
	    .meaning = TR_MARK(
		"A session has one standing event stream; a second one would get only some of the "
		"messages."),
	    .remedy = TR_MARK("Close the first stream, or open a session for each client."),
	    .example = "GET /mcp\n",
	},
	{
	    .name = "K510",
	    .title = TR_MARK("the URL has a query string"),
	    .meaning = TR_MARK(
		"The endpoints take no query. Tokens in URLs end up in logs and histories, so "
		"such a request is not served at all. Only HTTP+SSE has a session's id "
		"there, which is worth nothing without its token; beside it nothing may stand."),
	    .remedy = TR_MARK("Send the token in the Authorization header. Where a token was sent in a URL, "
			      "rotate it."),
	    .example = "http://127.0.0.1:7676/mcp\n",
	},
	{
	    .name = "K511",
	    .title = TR_MARK("the handshake of the WebSocket is not one the gate takes"),
	    .meaning = TR_MARK(
		"A WebSocket is opened in version 13, with a key of 16 bytes in base64, and for "
		"the subprotocol mcp; one of them is missing."),
	    .remedy = TR_MARK("Let the client offer the subprotocol mcp; MCP clients for WebSocket do. The "
			      "token goes into the Authorization header, as everywhere."),
	    .example = "Sec-WebSocket-Protocol: mcp\n",
	},
	{
	    .name = "K512",
	    .title = TR_MARK("this user may not use the gate's unix socket"),
	    .meaning = TR_MARK("The kernel says as whom a program connects. The socket is for the user the "
			       "gate runs as, for root, and for those the config names."),
	    .remedy = TR_MARK("Add the user to `unix.users`, or use the HTTP endpoint with a token."),
	    .example = "unix:\n"
		       "  path: /run/kanmon/gate.sock\n"
		       "  users: [alice]\n",
	},
	{
	    .name = "K601",
	    .title = TR_MARK("the method does not exist here"),
	    .meaning = TR_MARK(
		"The method is unknown, belongs to another revision of the protocol, or is not "
		"one a client may send."),
	    .remedy = TR_MARK("Compare the client's revision with the method's; update the older one."),
	    .example = "{\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}\n",
	},
	{
	    .name = "K602",
	    .title = TR_MARK("the request does not say which protocol it speaks"),
	    .meaning = TR_MARK(
		"From 2026-07-28 on each request carries its protocol version and the client's "
		"capabilities in params._meta; one of them is missing."),
	    .remedy = TR_MARK("Update the client's SDK, or let it begin with initialize."),
	    .example = "\"_meta\": {\"io.modelcontextprotocol/protocolVersion\": \"2026-07-28\",\n"
		       "          \"io.modelcontextprotocol/clientCapabilities\": {}}\n",
	},
	{
	    .name = "K603",
	    .title = TR_MARK("the protocol version is not supported"),
	    .meaning =
		TR_MARK("The gate speaks 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26 and 2024-11-05."),
	    .remedy = TR_MARK("Choose one of these in the client. The error's data lists them."),
	    .example = "MCP-Protocol-Version: 2025-11-25\n",
	},
	{
	    .name = "K604",
	    .title = TR_MARK("the connection speaks the other generation of the protocol"),
	    .meaning = TR_MARK(
		"A connection (stdio, WebSocket, HTTP+SSE) is spoken in one generation of the protocol: "
		"2026-07-28, or the sessions before it. This one has begun in one of them and went "
		"on in the other."),
	    .remedy = TR_MARK("Let the client keep to what it began with, or open a connection anew. Which "
			      "generation the server speaks does not matter: the gate carries over."),
	    .example =
		"{\"error\":{\"code\":-32600,\"message\":\"this connection speaks another generation of "
		"the protocol already\"}}\n",
	},
	{
	    .name = "K605",
	    .title = TR_MARK("the request's parameters are not valid"),
	    .meaning = TR_MARK(
		"What the method needs is missing, such as the name of a tool, or is not of the "
		"right type: arguments must be an object."),
	    .remedy = TR_MARK("The fault is the client's; its log has the request."),
	    .example =
		"{\"method\":\"tools/call\",\"params\":{\"name\":\"files__read_file\",\"arguments\":{}}}\n",
	},
	{
	    .name = "K606",
	    .title = TR_MARK("the arguments do not fit the tool"),
	    .meaning = TR_MARK(
		"The arguments were checked against the tool's inputSchema before the call was "
		"passed on, and do not fit. The server was not called."),
	    .remedy = TR_MARK("The message says which argument and why; a model usually corrects itself and "
			      "calls again."),
	    .example = "{\"path\": 7}      # must be a string\n",
	},
	{
	    .name = "K607",
	    .title = TR_MARK("a header and the message say different things"),
	    .meaning = TR_MARK(
		"From 2026-07-28 on some headers repeat what the message says, so that proxies "
		"can read it. Where both differ one of them is wrong or forged."),
	    .remedy = TR_MARK("Update the client, and look for a proxy that changes headers."),
	    .example = "Mcp-Method: tools/call\n",
	},
	{
	    .name = "K608",
	    .title = TR_MARK("the tool's schema cannot be used"),
	    .meaning = TR_MARK(
		"The server published an inputSchema that is not a JSON Schema the gate can check "
		"arguments with. A call nobody can check is not made."),
	    .remedy = TR_MARK("Report it to the server's authors; the message says what is wrong."),
	    .example = "{\"name\":\"search\",\"inputSchema\":{\"type\":\"objekt\"}}\n",
	},
	{
	    .name = "K609",
	    .title = TR_MARK("the arguments are too costly to check"),
	    .meaning = TR_MARK(
		"Checking these arguments against the tool's schema would take more steps than "
		"the gate spends on one call."),
	    .remedy = TR_MARK("Send fewer or smaller arguments. Where that is no remedy, the schema is too "
			      "complicated: report it to the server's authors."),
	    .example = "{\"rows\": [\"(many thousand of them)\"]}\n",
	},
	{
	    .name = "K610",
	    .title = TR_MARK("the cursor is not valid"),
	    .meaning = TR_MARK("The gate's lists come whole, so it never handed out a cursor."),
	    .remedy = TR_MARK("Ask for the list without a cursor."),
	    .example = "{\"method\":\"tools/list\"}\n",
	},
	{
	    .name = "K611",
	    .title = TR_MARK("a modern client sent an answer"),
	    .meaning = TR_MARK(
		"In 2026-07-28 a client sends requests and notifications; what a server asks is "
		"answered by a new request."),
	    .remedy = TR_MARK("Update the client's SDK."),
	    .example = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n",
	},
	{
	    .name = "K612",
	    .title = TR_MARK("the batch cannot be taken"),
	    .meaning = TR_MARK(
		"Only revision 2025-03-26 has batches, of at most 100 messages. They are answered on "
		"an event stream over HTTP, and by one array on stdio."),
	    .remedy = TR_MARK("Send the messages one by one."),
	    .example = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n",
	},
	{
	    .name = "K613",
	    .title = TR_MARK("the message is not JSON"),
	    .meaning = TR_MARK(
		"JSON is read strictly: UTF-8, no name twice in one object, no lone surrogates, "
		"at most 64 levels deep. What two parsers could read differently is refused."),
	    .remedy = TR_MARK("The message names the byte where reading ended and the reason."),
	    .example = "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2}      # id twice\n",
	},
	{
	    .name = "K614",
	    .title = TR_MARK("the message is not JSON-RPC"),
	    .meaning = TR_MARK(
		"It is JSON and still no request, notification or answer of JSON-RPC 2.0, or it "
		"stands where it may not: a second initialize, for example."),
	    .remedy = TR_MARK("The message names what is wrong; the fault is the client's."),
	    .example =
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}      # an id is a text or a number\n",
	},
	{
	    .name = "K615",
	    .title = TR_MARK("the id of the request is in use"),
	    .meaning = TR_MARK(
		"On stdio one channel carries all answers: two requests with the same id could "
		"not be told apart."),
	    .remedy = TR_MARK("Give each request an id of its own."),
	    .example = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n",
	},
	{
	    .name = "K616",
	    .title = TR_MARK("the message is too long"),
	    .meaning = TR_MARK("A line on stdin was longer than `limits.body` allows; it was skipped."),
	    .remedy = TR_MARK("Send less at once, or raise the limit."),
	    .example = "limits: { body: 16MiB }\n",
	},
	{
	    .name = "K617",
	    .title = TR_MARK("two servers offer the same resource"),
	    .meaning = TR_MARK(
		"Where all servers stand together (/mcp, `serve --stdio`) a URI, or a template that fits it, "
		"is offered by two of them. The gate does not choose: it is left out for both."),
	    .remedy = TR_MARK("Ask one of them alone (/mcp/SERVER). `kanmon status` shows what is left out "
			      "of each server's lists."),
	    .example = "{\"code\":-32002,\"message\":\"…\",\"data\":{\"uri\":\"file:///a\"}}\n",
	},
	{
	    .name = "K618",
	    .title = TR_MARK("the request cannot be taken up again"),
	    .meaning = TR_MARK(
		"From 2026-07-28 on what a server wants to know is answered by the same request made "
		"again, with the requestState it was given. This one was given for another request, to "
		"another client or for another server, was changed on its way, or is too old; or the "
		"server's call behind it has ended. Or the user declined the page that the server "
		"wanted opened. The server was not asked again."),
	    .remedy = TR_MARK("Begin anew, without requestState. Where a page was declined, the server needs "
			      "it to be opened."),
	    .example =
		"{\"error\":{\"code\":-32602,\"message\":\"Invalid params: requestState is not of this "
		"request, or too old\"}}\n",
	},
	{
	    .name = "K701",
	    .title = TR_MARK("the server cannot be reached"),
	    .meaning = TR_MARK(
		"The server's program cannot be started or ended at once, or its address does not "
		"resolve or does not answer. Nothing was sent to it."),
	    .remedy = TR_MARK(
		"`kanmon status` shows the last failure of each server, `kanmon doctor --servers` "
		"tries each of them. After a few failures the gate waits some seconds before the "
		"next attempt."),
	    .example = "kanmon doctor --servers\n",
	},
	{
	    .name = "K702",
	    .title = TR_MARK("the server was lost during the call"),
	    .meaning = TR_MARK(
		"The server ended, closed the connection or answered something that is not MCP "
		"while the call was under way. It is unknown whether the call took effect. Where the "
		"message says that the request was not sent, or had no effect, it did not."),
	    .remedy = TR_MARK("Check its effect before you repeat it. The gate connects again with the next "
			      "call; the log names the cause."),
	    .example = "kanmon status\n",
	},
	{
	    .name = "K703",
	    .title = TR_MARK("the server did not answer in time"),
	    .meaning = TR_MARK(
		"The server said nothing for as long as its `timeout`, or the call took longer "
		"than `limits.call-total`. It is unknown whether the call took effect. Where the "
		"message says that the request was not sent, it did not."),
	    .remedy = TR_MARK(
		"Check its effect before you repeat it. Raise the time for servers that are slow "
		"by nature."),
	    .example = "servers:\n"
		       "  reports: { run: report-server, timeout: 5m }\n",
	},
	{
	    .name = "K704",
	    .title = TR_MARK("the server was changed during the call"),
	    .meaning = TR_MARK(
		"A new config came into force in which this server is another one or missing. It "
		"is unknown whether the call took effect."),
	    .remedy = TR_MARK("Check its effect, and call again."),
	    .example = "kanmon status\n",
	},
	{
	    .name = "K705",
	    .title = TR_MARK("the server asks for what the client cannot answer"),
	    .meaning = TR_MARK(
		"A server of 2026-07-28 ended the call with questions, and the client speaks an older "
		"revision: the gate asked it in the server's place. It does not offer what is asked for, "
		"refused it or did not answer in time; or the server asked again and again. The call was "
		"given up; it is unknown what of it took effect."),
	    .remedy = TR_MARK("The message says which it was. Use a client that offers what the tool needs "
			      "(elicitation, sampling, roots), and answer in time."),
	    .example = "{\"error\":{\"code\":-32603,\"message\":\"The client did not answer the server's "
		       "question in time\"}}\n",
	},
	{
	    .name = "K706",
	    .title = TR_MARK("the server is left alone for a while"),
	    .meaning = TR_MARK(
		"The server could not be reached several times in a row, or died again and again before "
		"it answered. The gate does not try again at once, so that others do not wait for "
		"it; the pause doubles with each failure, up to a minute. A program that was started, "
		"and ended when it was greeted, rests for the token whose clients it was greeted for, "
		"and for no other. Nothing was sent."),
	    .remedy = TR_MARK(
		"The message says when the next attempt is. `kanmon status` shows why the last one failed."),
	    .example = "kanmon status\n",
	},
	{
	    .name = "K801",
	    .title = TR_MARK("too much at once"),
	    .meaning = TR_MARK(
		"A limit on calls, sessions, server processes, connections or event streams to servers, or "
		"memory is reached: of one session, of one token, or of the whole gate."),
	    .remedy = TR_MARK(
		"Wait for a call to end, or end sessions that are no longer needed, and try again. "
		"Raise the limit where it is too low for the clients you have."),
	    .example =
		"limits: { calls-per-session: 512, calls-per-token: 2048, sessions-per-token: 2000 }\n",
	},
	{
	    .name = "K802",
	    .title = TR_MARK("the gate is shutting down"),
	    .meaning = TR_MARK("The gate was told to stop. Calls under way may end, new ones are refused."),
	    .remedy = TR_MARK("Try again in a moment, when it has been started again."),
	    .example = "systemctl --user restart kanmon\n",
	},
	{
	    .name = "K803",
	    .title = TR_MARK("no memory, or too large"),
	    .meaning = TR_MARK(
		"A message, a list or an answer is larger than the gate keeps, or its memory is "
		"used up."),
	    .remedy = TR_MARK(
		"Ask for less at once. Where answers are large by nature, raise `limits.result`; "
		"where memory is short, lower `limits.calls`."),
	    .example = "limits: { result: 32MiB }\n",
	},
	{
	    .name = "K804",
	    .title = TR_MARK("the call cannot be recorded"),
	    .meaning = TR_MARK(
		"Every call is recorded before it leaves the gate. The audit log cannot be "
		"written now, most often because the disk is full, so no call is made. The gate "
		"goes on by itself once the log can be written again."),
	    .remedy = TR_MARK(
		"Make room, or mend the folder's permissions. `kanmon doctor` names the folder and "
		"the reason."),
	    .example = "df -h ~/.local/state/kanmon\n",
	},
	{
	    .name = "K805",
	    .title = TR_MARK("the gate cannot check tokens now"),
	    .meaning = TR_MARK("The process that keeps tokens and keys is being restarted."),
	    .remedy = TR_MARK("Try again. Where it stays so, `kanmon doctor` and the gate's log name the "
			      "reason."),
	    .example = "kanmon doctor\n",
	},
	{
	    .name = "K901",
	    .title = TR_MARK("the address is in use"),
	    .meaning = TR_MARK("Another program listens at this address and port; it may be another gate."),
	    .remedy = TR_MARK("End that program, or let the gate listen elsewhere."),
	    .example = "ss -ltnp 'sport = :7676'\n"
		       "listen: 127.0.0.1:7677\n",
	},
	{
	    .name = "K902",
	    .title = TR_MARK("the port is reserved"),
	    .meaning = TR_MARK("Ports below 1024 may be used by root only. The gate needs no root."),
	    .remedy =
		TR_MARK("Choose a higher port, and put a proxy in front where clients need the low one."),
	    .example = "listen: 127.0.0.1:7676\n",
	},
	{
	    .name = "K903",
	    .title = TR_MARK("the address cannot be listened on"),
	    .meaning = TR_MARK("The address is not one of this machine, or the kernel refuses it."),
	    .remedy = TR_MARK(
		"Use an address `ip address` shows, 127.0.0.1 for this machine only, or 0.0.0.0 "
		"for all."),
	    .example = "listen: 127.0.0.1:7676\n",
	},
	{
	    .name = "K904",
	    .title = TR_MARK("the unix socket cannot be made"),
	    .meaning = TR_MARK(
		"The folder of `unix.path` is missing, or others than the gate's user may write "
		"in it; or something else is there under that name: another program that "
		"listens, or a file that is no socket."),
	    .remedy = TR_MARK(
		"The message says which. Choose a folder that only the gate's user may write in, "
		"like one below /run/user or a RuntimeDirectory of systemd."),
	    .example = "unix: { path: /run/kanmon/gate.sock }\n",
	},
};
const size_t codes_n = COUNT(codes);

const struct code *code_find(struct span name)
{
	for (size_t i = 0; i < codes_n; i++)
		if (span_eq_nocase(span_str(codes[i].name), name))
			return &codes[i];
	return NULL;
}

const struct code *code_near(struct span name)
{
	const struct code *best = &codes[0];
	uint64_t wanted = 0, number = 0, least = UINT64_MAX;

	if (name.n && (name.p[0] == 'K' || name.p[0] == 'k'))
		name = span_skip(name, 1);
	if (!span_u64(name, &wanted))
		return best;
	for (size_t i = 0; i < codes_n && span_u64(span_skip(span_str(codes[i].name), 1), &number); i++) {
		/* Another hundred is another subject: it counts as far away. */
		uint64_t apart = (number > wanted ? number - wanted : wanted - number) +
				 (number / 100 == wanted / 100 ? 0 : 1000);

		if (apart >= least)
			continue;
		least = apart;
		best = &codes[i];
	}
	return best;
}
