# sse.py - HTTP+SSE on both sides: the door, whose a session is, what is heard on its stream, and servers that speak it.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal

from wire import (MODERN, REVISIONS, Connection, Legacy, Modern, ask, call_params, equal, error_of, head_bytes, main, ok,
                  request_text, run_line, text_of, until, url_line)
from carriers import Session
from events import EventServer  # found next to remote

PING = request_text("ping")


def opened(gate, token=None, path="/sse", more=(), verb="GET"):
    headers = [("Host", f"127.0.0.1:{gate.port}")] + ([("Authorization", f"Bearer {token}")] if token else [])
    with Connection(gate.port) as connection:
        connection.send(head_bytes(verb, path, [*headers, *more]))
        reply = connection.head()
        if length := reply.header("content-length"):
            reply.body = connection.take(int(length))
        return reply


def shows_nothing(gate, secret, name):
    """Is a secret nowhere where people and machines look?"""
    places = {"the log": gate.log_text(), "the records": gate.audit_text(),
              "the status": gate.command("status") + gate.command("status", "-o", "json")}
    for where, text in places.items():
        ok(secret not in text and len(text) > 100, f"{name} is not in {where}")


# --- clients ---

def test_door(place):
    gate = place.gate({"a": run_line(), "b": run_line()})
    session = Session(gate, "a")
    few = gate.new_token("few", "--scope", "mcp:b")
    for verb, path, more in (("GET", "/sse", []), ("POST", session.where, [("Content-Type", "application/json"), ("Content-Length", "0")])):
        what = f"{verb} {path[:9]}"
        reply = opened(gate, None, path, more, verb)
        equal((reply.status, reply.header("www-authenticate")), (401, 'Bearer realm="kanmon"'), f"{what} without a token: 401")
        reply = opened(gate, gate.token[:-1] + "!", path, more, verb)
        equal(reply.status, 401, f"{what} with a wrong token: 401")
        headers = [("Authorization", f"Bearer {gate.token}"), *more]
        for name, wrong in (("a foreign Host", [("Host", "evil.example")]),
                            ("a foreign Origin", [("Host", "localhost"), ("Origin", "https://evil.example")]),
                            ("no Origin that has a name", [("Host", "localhost"), ("Origin", "null")])):
            with Connection(gate.port) as connection:
                connection.send(head_bytes(verb, path, [*wrong, *headers]))
                equal(error_of(connection.reply()), (403, -32000, "K504"), f"{what} with {name}: 403")
    for path in ("/sse?", "/sse?a=b", f"/sse?token={gate.token}", "/sse/a?sessionId=x", f"/mcp?sessionId={session.id}"):
        equal(error_of(opened(gate, gate.token, path)), (400, -32600, "K510"), f"a query ({path[:12]}…) is refused")
    for query in ("", "?", "?sessionId=", "?sessionId=x", f"?sessionid={session.id}", f"?sessionId={session.id}&a=b",
                  f"?a=b&sessionId={session.id}", f"?sessionId={session.id}&sessionId={session.id}",
                  f"?sessionId={session.id}%20", f"?token={gate.token}"):
        equal(error_of(session.post(PING, where="/messages" + query)), (400, -32600, "K510"),
              f"a message to {('/messages' + query).replace(session.id, 'ID').replace(gate.token, 'TOKEN')} is refused")
    for verb, path, allow in (("POST", "/sse", "GET"), ("DELETE", "/sse", "GET"), ("GET", session.where, "POST"),
                              ("DELETE", session.where, "POST"), ("POST", "/sse/a", "GET")):
        reply = opened(gate, gate.token, path, [("Content-Length", "0"), ("Content-Type", "application/json")], verb)
        equal((reply.status, reply.header("allow")), (405, allow), f"{verb} {path[:9]}: 405")
    for path in ("/sse/", "/sse/a/b", "/SSE", "/ssex", "/messages/", "/messages/a", "/message"):
        equal(opened(gate, gate.token, path).status, 404, f"{path}: 404")
    equal(error_of(opened(gate, gate.token, "/sse/none")), (404, -32600, "K503"), "a server that is none: 404")
    equal(error_of(opened(gate, few, "/sse/a")), (404, -32600, "K503"), "one the token does not cover: the same")
    reply = ask(gate, "POST", session.where, [*session.common(), ("Content-Type", "text/plain")], PING.encode())
    equal(error_of(reply), (415, -32000, "K507"), "a message that is not declared as JSON: 415")
    reply = opened(gate, gate.token, "/sse", [("Accept", "application/json")])
    equal(error_of(reply), (406, -32000, "K508"), "who takes no events: 406")
    reply = opened(gate, gate.token, "/sse", [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                                              ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="), ("Sec-WebSocket-Protocol", "mcp")])
    ok(reply.status in (400, 404), "no WebSocket is opened there", reply)
    equal(session.request("ping"), {"jsonrpc": "2.0", "id": 1, "result": {}}, "after all of it the session stands")


def test_stolen(place):
    """A session's id is in a URL: with another's token, or none, it is worth nothing."""
    gate = place.gate({"a": run_line()})
    thief = gate.new_token("thief")
    victim = Session(gate, "a")
    equal((victim.events.head.status, victim.first["event"], victim.where[:20], len(victim.id)),
          (200, "endpoint", "/messages?sessionId=", 43), "the first event says where messages go")
    others = {Session(gate, "a", connect=False).id for _ in range(20)}
    ok(len(others | {victim.id}) == 21, "no two ids are alike")
    mark = f"{gate.folder}/stolen"
    theft = request_text("tools/call", call_params("wait", {"file": mark}), 66)
    equal(error_of(victim.post(theft, token=thief)), (404, -32001, "K506"), "with another's token: as one that never was")
    unknown = victim.where[:-1] + ("a" if victim.where[-1] != "a" else "b")
    same = victim.post(theft, token=thief).body
    equal(victim.post(theft, where=unknown).body, same, "which is answered in the same words")
    reply = ask(gate, "POST", victim.where, [victim.common()[0], ("Content-Type", "application/json")], theft.encode())
    equal(reply.status, 401, "without a token: 401")
    own = Session(gate, "a", token=thief)
    equal(error_of(victim.post(theft, where=own.where)), (404, -32001, "K506"), "nor is the thief's session the victim's")
    own.request("ping")
    equal(victim.request("ping", id=2)["id"], 2, "the victim's session goes on")
    ok(not os.path.exists(mark + ".begun") and not victim.heard and not own.heard, "and nothing was called, and nobody heard of it",
       victim.heard, own.heard)
    # The same message with the right token: what was refused above would have had its effect.
    open(mark, "w").close()
    reply = victim.post(theft)
    equal((reply.status, reply.body), (202, b"Accepted"), "from the victim it is accepted")
    equal(text_of(victim.answer(66)), "waited", "and called")
    for reply in (victim.post(theft, token=thief), victim.post("{"), opened(gate, gate.token, victim.where)):
        ok(victim.id not in repr(reply), "no answer repeats the id", reply)
    shows_nothing(gate, victim.id, "the session's id")
    record = [json.loads(line) for line in gate.audit_text().splitlines() if '"wait"' in line and '"decision"' in line][-1]
    ok(record["transport"] == "sse" and len(record["session"]) == 8 and record["session"] not in victim.id,
       "the records name the session in another way", record)
    victim.close()
    ok(until(lambda: victim.post(PING).status == 404), "when the stream is closed, there is no session")
    again = gate.new_token("once")
    session = Session(gate, "a", token=again)
    gate.command("token", "revoke", "once")
    ok(until(lambda: session.post(PING).status == 401), "with a token that was revoked: 401")
    equal(session.events.message(), None, "and the stream ends")


def test_conversation(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote(events=True))})
    for server in ("near", "far"):
        for revision in ("2024-11-05", *REVISIONS):
            session = Session(gate, server, revision=revision, capabilities={"sampling": {}})
            equal(session.hello["result"]["protocolVersion"], revision, f"{server}: {revision} is agreed")
            equal(text_of(session.call("tag", {"tag": "t"}, 5)), "t", f"{server} {revision}: a call")
            session.post(request_text("tools/call", call_params("ask", {"id": '"q"', "method": "sampling/createMessage",
                                                                        "params": {"messages": [], "maxTokens": 1}}), 6))
            asked = session.message(lambda message: message.get("method") == "sampling/createMessage")
            session.post(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"model": "m"}}))
            ok('"model":"m"' in text_of(session.answer(6)), f"{server} {revision}: a question of the server, and its answer")
            answer = session.call("progress", {"n": 3, "tag": "t"}, 7, {"progressToken": "mine"})
            told = [m for m in session.heard if m.get("method") == "notifications/progress"]
            equal([text_of(answer), [m["params"]["progressToken"] for m in told]], ["t", ["mine"] * 3], f"{server} {revision}: progress")
            session.close()
    session = Session(gate, connect=False)
    session.post(request_text("server/discover", {"_meta": Modern(gate).meta()}, 1))
    equal(session.answer(1)["result"]["supportedVersions"][-1:], [MODERN], "all together: the modern era")
    answer = session.request("tools/call", {"name": "near__back", "arguments": {"a": 1}, "_meta": Modern(gate).meta()}, 2)
    equal(answer["result"]["structuredContent"], {"a": 1}, "and a call in it")
    session.close()
    session = Session(gate, "near", revision="2025-03-26")
    session.post(f'[{request_text("ping", id=1)},{request_text("tools/call", call_params("tag", {"tag": "t"}), 2)}]')
    batch = session.message(lambda message: isinstance(message, list))
    equal(sorted(m["id"] for m in batch), [1, 2], "a batch is answered in one event")
    session.post("{")
    equal(session.answer(None)["error"]["code"], -32700, "what is no JSON is answered on the stream")


def test_end(place):
    """The end of the stream is the end of the session and of its calls."""
    far = place.remote()
    gate = place.gate({"a": run_line(), "far": url_line(far)}, "limits: { sessions-per-token: 3, session-idle: 2s }\n")
    mark = f"{gate.folder}/wait"
    session = Session(gate, "far")
    session.post(request_text("tools/call", call_params("wait", {"file": mark}), 9))
    ok(until(lambda: os.path.exists(mark + ".begun")), "a call is under way")
    session.close()
    ok(until(lambda: any(r["verb"] == "DELETE" for r in far.requests())), "the client leaves, and its session with the server ends")
    some = [Session(gate, "a") for _ in range(3)]
    with Connection(gate.port) as connection:
        connection.send(head_bytes("GET", "/sse", some[0].common()))
        equal(error_of(connection.reply()), (503, -32603, "K801"), "one session more than the token may have")
    other = Session(gate, "a", token=gate.new_token("other"))
    equal(other.request("ping")["id"], 1, "another token has its own")
    equal(some[0].events.message(), None, "who says nothing for so long is ended")
    ok(until(lambda: some[0].post(PING).status == 404), "and with the stream the session")
    waits = Session(gate, "a")
    waits.post(request_text("tools/call", call_params("wait", {"file": mark + "2"}), 9))
    others = Session(gate, "a", connect=False)
    equal(others.events.message(), None, "who never spoke, too")
    open(mark + "2", "w").close()
    equal(text_of(waits.answer(9)), "waited", "who waits for an answer is not")
    last = Session(gate, "a")
    os.kill(gate.process.pid, signal.SIGTERM)
    equal(last.events.message(), None, "a gate that ends ends its streams well")


def test_large(place):
    gate = place.gate({"a": run_line()}, "limits: { body: 64KiB }\n")
    session = Session(gate, "a")
    reply = session.post(request_text("tools/call", call_params("back", {"t": "x" * 70000}), 3))
    equal(reply.status, 413, "a message over the limit")
    answer = session.call("big", {"bytes": 3_000_000}, 4)
    equal(len(text_of(answer)), 3_000_000, "an answer of three million bytes")


# --- servers ---

def test_behind(place):
    for transport, refusal in (("sse", 405), ("auto", 405), ("auto", 404), ("auto", 400)):
        server = EventServer(refusal=refusal, eras=("legacy",))
        place.remotes.append(server)
        gate = place.gate({"old": url_line(server, transport=transport)})
        name = f"{transport}, {refusal}"
        client = Legacy(gate, "old", capabilities={"sampling": {}})
        equal(client.hello.json()["result"]["serverInfo"]["name"], "peer", f"{name}: greeted")
        verbs = [f"{r['verb']} {r['path'].partition('?')[0]}" for r in server.requests()]
        tried = ["GET /sse", "POST /messages"] if transport == "sse" else ["POST /sse", "GET /sse", "POST /messages"]
        equal(verbs[:len(tried)], tried, f"{name}: the ways it was tried")
        equal(client.call("back", {"a": [1, 2]}).json()["result"]["structuredContent"], {"a": [1, 2]}, f"{name}: a call")
        again = Legacy(gate, "old")
        equal(again.hello.status, 200, f"{name}: another client")
        found = [r["verb"] for r in server.requests() if r["path"] == "/sse"]
        equal(found, ["GET", "GET"] if transport == "sse" else ["POST", "GET", "GET"], f"{name}: what was found is remembered")
        events = client.stream_call("ask", {"id": '"q"', "method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}}, 6)
        asked = events.message()["json"]
        client.post(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"model": "m"}}))
        ok('"model":"m"' in text_of(events.message()["json"]), f"{name}: a question of the server")
        for verb, path, headers in [(r["verb"], r["path"], dict(r["headers"])) for r in server.requests()]:
            ok("authorization" not in headers and "mcp-session-id" not in headers and gate.token not in path,
               f"{name}: {verb} carries nothing of the client's")
        for secret in server.sessions():
            shows_nothing(gate, secret, f"{name}: the server's session id")
        again.delete()
        ok(until(lambda: len(server.sessions()) == 1), f"{name}: a session's end is its stream's")
        equal(text_of(Modern(gate, "old").call("tag", {"tag": "t"})), "t", f"{name}: a client of the other era")


def test_behind_modern(place):
    """The era does not depend on the transport."""
    server = EventServer()
    place.remotes.append(server)
    gate = place.gate({"new": url_line(server, transport="sse")})
    client = Modern(gate, "new")
    equal(text_of(client.call("tag", {"tag": "t"})), "t", "a modern call over HTTP+SSE")
    mark = f"{gate.folder}/wait"
    events = client.send(client.call_text("wait", {"file": mark}, 2))
    ok(until(lambda: os.path.exists(mark + ".begun")), "a call is under way")
    events.close()
    ok(until(lambda: any("notifications/cancelled" in r["raw"] for r in server.requests())), "given up, the server is told so")
    session = Session(gate, "new", connect=False)
    answer = session.request("tools/call", {"name": "tag", "arguments": {"tag": "t"}, "_meta": client.meta()}, 2)
    equal(text_of(answer), "t", "with HTTP+SSE on both sides")


def test_behind_bad(place):
    other = EventServer()
    foreign = EventServer(endpoint=other.url.replace("/sse", "/messages?sessionId=%s"))
    dying = EventServer(refuses='"deaf"')
    place.remotes += [other, foreign, dying]
    gate = place.gate({"foreign": url_line(foreign, transport="sse"), "dying": url_line(dying, transport="sse"),
                       "none": {"url": dying.url.replace("/sse", "/nothing")}}, "limits: { result: 64KiB }\n")
    reply = Legacy(gate, "foreign").hello
    ok("error" in reply.json() and "another scheme, host or port" in reply.body.decode(), "an endpoint elsewhere is refused", reply)
    equal(other.requests(), [], "and nothing is sent there")
    reply = Legacy(gate, "none").hello
    ok("404" in reply.body.decode(), "a server that is neither: the first refusal is told", reply)
    client = Legacy(gate, "dying")
    equal(error_of(client.call("deaf", {}))[2], "K702", "a message that is not taken fails its call")
    reply = client.call("big", {"bytes": 100_000}, 2)
    ok(error_of(reply)[1] == -32603 and "limits.result" in reply.body.decode(), "an answer over the limit fails its call", reply)
    equal(text_of(client.call("tag", {"tag": "t"}, 3)), "t", "and the next one is answered on the same session")
    equal(len(dying.sessions()), 1, "which is the only one")
    mark = f"{gate.folder}/wait"
    events = client.send(request_text("tools/call", call_params("wait", {"file": mark}), 4))
    ok(until(lambda: os.path.exists(mark + ".begun")), "a call is under way")
    for stream in dying.sessions().values():
        stream.close()
    equal(error_of(events.reply())[2], "K702", "when the stream ends, it fails")
    equal(text_of(client.call("tag", {"tag": "t"}, 5)), "t", "and the next begins a new session")


main(test_door, test_stolen, test_conversation, test_end, test_large, test_behind, test_behind_modern, test_behind_bad)
