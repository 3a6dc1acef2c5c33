# streams.py - event streams: each event is passed on when it comes, and a stream that breaks is an answer, not a silence.
# SPDX-License-Identifier: Apache-2.0
import json
import queue
import socket

from wire import (Background, Host, Legacy, Modern, STDIO, equal, error_of, main, ok, run_line, text_of, url_line)
from script import EVENTS, Script, chunk  # found next to remote

CHUNKED = EVENTS + b"Transfer-Encoding: chunked\r\n\r\n"


def note(data):
    return json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": data}})


def answer(message, text="done"):
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": text}]}})


def script(place, **more):
    server = Script()
    place.remotes.append(server)
    return server, place.gate({"far": url_line(server, **more)})


def begin(server, client):
    """A call as the server has it, and the client's side of it."""
    call = Background(lambda: client.stream_call("clean", {"case": "x"}))
    return call, *server.calls.get(timeout=20)


def end(connection):
    """Ends it, where the gate has not done so."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def test_step_by_step(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote(events=True), timeout="60s")})
    for server in ("near", "far"):
        for client in (Legacy(gate, server), Modern(gate, server)):
            where = f"{type(client).__name__.lower()} {server}"
            flag = f"{gate.folder}/step-{where.replace(' ', '-')}"
            meta = client.meta(**{"io.modelcontextprotocol/logLevel": "info"}) if isinstance(client, Modern) else None
            events = client.stream_call("steps", {"n": 5, "file": flag}, meta=meta)
            for i in range(5):
                got = events.message()
                equal(got["json"].get("params", {}).get("data"), f"step {i}", f"{where}: event {i} is here before the next is sent")
                open(f"{flag}.{i}", "w").close()
            equal(text_of(events.message()["json"]), "walked", f"{where}: and then the answer")
            equal(events.message(), None, f"{where}: and the end")
    flag = f"{gate.folder}/step-host"
    with Host(gate, STDIO) as host:
        host.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"steps","arguments":{"n":3,"file":"%s"}}}' % flag)
        for i in range(3):
            ok(host.line(lambda text: f"step {i}" in text), f"stdio: event {i} is here before the next is sent")
            open(f"{flag}.{i}", "w").close()
        equal(text_of(host.answer("1")), "walked", "stdio: and then the answer")


def test_headers(place):
    gate = place.gate({"far": url_line(place.remote(events=True))})
    events = Legacy(gate, "far").stream_call("notify", {"n": 1, "method": "notifications/message", "params": {"level": "info", "data": 1}})
    head = events.head
    equal((head.status, head.header("content-type"), head.header("x-accel-buffering")), (200, "text/event-stream", "no"),
          "a proxy in front is told to hold nothing back")
    ok("no-transform" in (head.header("cache-control") or ""), "and to change nothing", head)


def test_spellings(place):
    """The ways in which a stream may be written, cut anywhere; and what is no event."""
    server, gate = script(place)
    client = Legacy(gate, "far")
    for name, make in (
        ("LF", lambda t: f"data: {t}\n\n"), ("CR LF", lambda t: f"data: {t}\r\n\r\n"), ("CR", lambda t: f"data: {t}\r\r"),
        ("without a blank", lambda t: f"data:{t}\n\n"), ("with a type", lambda t: f"event: message\ndata: {t}\n\n"),
        ("with id and retry", lambda t: f"id: 1\nretry: 10\ndata: {t}\n\n"), ("after a mark of byte order", lambda t: f"\ufeffdata: {t}\n\n"),
        ("over several lines", lambda t: "".join(f"data: {part}\n" for part in t.replace(", ", ",\n").split("\n")) + "\n"),
        ("after comments", lambda t: f": one\n\n:\n\n: two\ndata: {t}\n\n"), ("after empty data", lambda t: f"id: 0\ndata:\n\ndata: {t}\n\n"),
        ("after another type", lambda t: f"event: other\ndata: {note('hidden')}\n\ndata: {t}\n\n"),
        ("after unknown fields", lambda t: f"foo: bar\nfoo\ndata: {t}\n\n"),
    ):
        call, message, _, connection = begin(server, client)
        data = make(answer(message, name)).encode()
        connection.sendall(CHUNKED)
        for i in range(0, len(data), 7):
            connection.sendall(chunk(data[i:i + 7]))
        connection.sendall(b"0\r\n\r\n")
        events = call.result().rest()
        equal([text_of(e["json"]) for e in events], [name], f"events written {name}")


def test_broken(place):
    server, gate = script(place, timeout="4s")
    client = Legacy(gate, "far")
    for name, data in (("before its first byte", b""), ("in its head", b"HTTP/1.1 200 OK\r\nConte"), ("after its head", CHUNKED),
                       ("inside an event", CHUNKED + chunk("data: {")), ("after a note", CHUNKED + chunk(f"data: {note('n')}\n\n")),
                       ("inside a chunk", CHUNKED + b"ff\r\ndata"), ("in order, without the answer", CHUNKED + b"0\r\n\r\n"),
                       ("in order, after a note", CHUNKED + chunk(f"data: {note('n')}\n\n") + b"0\r\n\r\n")):
        call, message, _, connection = begin(server, client)
        connection.sendall(data)
        end(connection)
        last = call.result().rest()[-1]["json"]
        equal((error_of(last)[1], last.get("id")), (-32603, 1), f"an upstream that ends {name}: an error", last)
        ok(error_of(last)[2] in ("K702", "K703"), f"an upstream that ends {name}: with its code", last)
    call, message, _, connection = begin(server, client)
    connection.sendall(CHUNKED + chunk(f"data: {note('n')}\n\n"))
    last = call.result().rest()[-1]["json"]
    equal(error_of(last)[2], "K703", "an upstream that falls silent: an error when its time is over", last)
    call, message, _, connection = begin(server, client)
    connection.sendall(CHUNKED + chunk(f"data: {answer(dict(id=999999))}\n\n") + chunk(f"data: {answer(dict(id=str(message['id'])))}\n\n")
                       + chunk(f"data: {answer(message, 'right')}\n\n") + chunk(f"data: {answer(message, 'twice')}\n\n") + b"0\r\n\r\n")
    events = call.result().rest()
    equal([text_of(e["json"]) for e in events], ["right"], "answers with other ids, and a second one, are dropped", events)


def test_statuses(place):
    server, gate = script(place)
    client = Legacy(gate, "far")
    for status in ("301 Moved", "302 Found", "307 Temporary", "400 Bad", "401 No", "403 No", "405 No", "418 Teapot", "429 Later", "500 Oops", "503 Later"):
        for body in (b"", b"<html>secret page</html>", b'{"error":"secret"}'):
            call, message, _, connection = begin(server, client)
            head = f"HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:{gate.port}/mcp\r\nWWW-Authenticate: Bearer realm=\"theirs\"\r\nConnection: close\r\n"
            connection.sendall((head + f"Content-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
            events = call.result()
            last = events.rest()[-1]["json"]
            ok(error_of(last)[1] == -32603 and events.head.status == 200 and "secret" not in str(last) and "theirs" not in str(events.head.headers),
               f"{status} with {len(body)} bytes: an error of ours", last, events.head)
    ok(server.calls.empty(), "no redirect is followed")
    call, message, _, connection = begin(server, client)
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "theirs"}}).encode()
    connection.sendall(b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    equal(error_of(call.result().rest()[-1]["json"])[1], -32602, "a refusal that is a JSON-RPC error is passed on")
    call, message, _, connection = begin(server, client)
    body = answer(message).encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    equal(error_of(call.result().rest()[-1]["json"])[1], -32603, "a compressed answer, which nobody asked for: an error")


def test_taken_up(place):
    """An upstream that breaks after an event with an id is taken up again with GET and Last-Event-ID."""
    server, gate = script(place)
    client = Legacy(gate, "far")
    server.serve_gets = True
    call, message, _, connection = begin(server, client)
    connection.sendall(CHUNKED + chunk("id: here-1\nretry: 10\ndata:\n\n"))
    end(connection)
    head, connection = server.resumed()
    ok(b"Last-Event-ID: here-1\r\n" in head, "the gate comes back with the id it saw last", head)
    connection.sendall(CHUNKED + chunk(f"id: here-2\ndata: {answer(message, 'resumed')}\n\n") + b"0\r\n\r\n")
    events = call.result()
    found = [e for e in events.rest()]
    if not found:
        back = client.get(("Last-Event-ID", "1-0"))
        found = [back.message()]
    equal(text_of(found[-1]["json"]), "resumed", "and the client gets its answer", found)
    call, message, _, connection = begin(server, client)
    connection.sendall(CHUNKED + chunk("id: a\\r\nX: b\nretry: 10\ndata:\n\n".replace("\\r", "\r")))
    end(connection)
    last = None
    try:
        head, connection = server.resumed(5)
        ok(b"\r\nX: b" not in head, "an id never becomes a header of its own", head)
        connection.sendall(CHUNKED + chunk(f"data: {answer(message, 'x')}\n\n") + b"0\r\n\r\n")
    except queue.Empty:
        ok(True, "an id never becomes a header of its own")


def test_keep_alive(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote(), timeout="60s")})
    client = Legacy(gate, "near")
    standing = client.get()
    calls = [c.stream_call("wait", {"file": f"{gate.folder}/alive"}, meta=m) for c, m in
             ((client, None), (Modern(gate, "near"), None), (Legacy(gate, "far"), None))]
    for name, events in zip(("an idle event stream", "a legacy call", "a modern call", "a call over HTTP"), [standing, *calls]):
        found = events.next()
        while found and "comment" not in found:
            found = events.next()
        ok(found and "comment" in found and "data" not in found, f"{name}: a comment keeps it awake", found)
    open(f"{gate.folder}/alive", "w").close()
    for events in calls:
        equal(text_of(events.message()["json"]), "waited", "and the answer comes behind it")
    standing.close()


if __name__ == "__main__":
    main(test_step_by_step, test_headers, test_spellings, test_broken, test_statuses, test_taken_up, test_keep_alive)
