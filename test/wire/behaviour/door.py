# door.py - the front door: tokens, Host, Origin, the query, content types, and that no page of another origin is let in.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import os
import sqlite3
import time

from wire import (META, WAIT, Closed, Connection, Legacy, Modern, ask, equal, error_of, head_bytes, main, ok, raw_status, run_line,
                  text_of, together, until)

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
JSON = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
LEVEL = META + "logLevel"
seen = []


def post(gate, host=None, more=(), token=True, path="/mcp", body=PING, kind=JSON):
    host = [("Host", host or f"127.0.0.1:{gate.port}")] if host != "" else []
    bearer = [("Authorization", f"Bearer {gate.token}")] if token else []
    reply = ask(gate, "POST", path, [*host, *bearer, *kind, *more], body)
    seen.append(reply)
    return reply


def is_in(reply):
    """Past the door: it is the session that is missing."""
    return error_of(reply) == (400, -32000, "K505")


def test_tokens(place):
    gate = place.gate({"a": run_line(), "b": run_line()})
    token = gate.token
    absent = post(gate, token=False)
    equal((absent.status, absent.header("www-authenticate")), (401, 'Bearer realm="kanmon"'), "no token: 401 and the scheme")
    flipped = token[:-1] + ("0" if token[-1] != "0" else "1")
    for name, value in (("another scheme", f"Basic {token}"), ("no scheme", token), ("empty", "Bearer "),
                        ("empty value", ""), ("two tokens", f"Bearer {token} {token}"), ("a list", f"Bearer {token}, Bearer x"),
                        ("quoted", f'Bearer "{token}"'), ("unknown", f"Bearer {flipped}"), ("shorter", f"Bearer {token[:-1]}"),
                        ("longer", f"Bearer {token}0"), ("other letters", f"Bearer {token.swapcase()}"),
                        ("of 8000 bytes", "Bearer " + "x" * 8000), ("eight-bit bytes", "Bearer \xe9\xff"),
                        ("a parameter", f"Bearer token={token}"), ("the scheme with a tab", f"Bearer\t{token}")):
        reply = post(gate, token=False, more=[("Authorization", value)])
        ok(reply.status == 401 and "invalid_token" in (reply.header("www-authenticate") or ""),
           f"a token that is {name}: 401", reply)
    ok(is_in(post(gate, token=False, more=[("authorization", f"bearer {token}")])), "the scheme's name has no case")
    ok(is_in(post(gate, token=False, more=[("Authorization", f"Bearer   {token}")])), "blanks before the token are let pass")
    reply = post(gate, more=[("Authorization", f"Bearer {token}")])
    equal(reply.status, 400, "two Authorization fields: refused", reply)
    for path in (f"/mcp?token={token}", f"/mcp?access_token={token}", "/mcp?", f"/mcp/a?authorization=Bearer%20{token}"):
        reply = post(gate, path=path)
        equal(error_of(reply), (400, -32600, "K510"), f"a query ({path[:14]}…): refused, token or not")
    for path in ("/", "/mc", "/mcp/a/b", "/MCP", "/mcp%2fa", "//mcp", "/mcp/../mcp", "/metrics", "/admin"):
        equal(post(gate, path=path).status, 404, f"{path}: 404")
    for path in ("/mcp/", "/mcp/no-such", "/mcp/A"):
        equal(post(gate, path=path).status, 404, f"{path}: 404", path)
    ok(token not in gate.log_text(), "the token stands in no line of the log")


def test_scopes(place):
    gate = place.gate({"a": run_line("--name", "a"), "b": run_line("--name", "b")})
    token = gate.new_token("only-a", "--scope", "mcp:a")
    hidden, absent = (Legacy(gate, name, token=token, connect=False).initialize() for name in ("b", "no-such"))
    equal(error_of(hidden), (404, -32600, "K503"), "a token for one server is let into no other")
    equal(hidden.body, absent.body, "and a server it does not cover looks like one that does not exist")
    equal(text_of(Legacy(gate, "a", token=token).call("tag", {"tag": "x"})), "x", "into its own it is")
    for client in (Legacy(gate, "", token=token), Modern(gate, "", token=token)):
        name = type(client).__name__.lower()
        names = {t["name"].split("__")[0] for t in client.request("tools/list").json()["result"]["tools"]}
        equal(names, {"a"}, f"{name}: the catalogue shows its own server's tools only")
        other, none = client.call("b__tag", {"tag": "x"}), client.call("c__tag", {"tag": "x"})
        equal(other.body.replace(b"b__", b"c__"), none.body, f"{name}: a call to the other is one to an unknown tool")
    modern = Modern(gate, "b", token=token)
    equal(error_of(modern.call("tag", {"tag": "x"})), (404, -32600, "K503"), "in the modern era neither")


def test_revoked(place):
    gate = place.gate({"a": run_line()})
    token = gate.new_token("short-lived")
    client, modern = Legacy(gate, "a", token=token), Modern(gate, "a", token=token)
    equal(text_of(client.call("tag", {"tag": "x"})), "x", "# a session stands")
    equal(text_of(modern.call("tag", {"tag": "x"})), "x", "# and a modern call passes")
    ids = [row["id"] for row in rows(gate) if row["name"] == "short-lived"]
    gate.command("token", "revoke", ids[0])
    ok(until(lambda: client.call("tag", {"tag": "x"}).status == 401, 5), "a revoked token is refused within seconds, session or not")
    ok(until(lambda: modern.call("tag", {"tag": "x"}).status == 401, 5), "in both eras")
    equal(client.get().head.status, 401, "also for an event stream")
    # No token lives for less than a minute; its row is changed before the gate has read it.
    bearer = [("Authorization", "Bearer " + gate.new_token("expiring", "--expires", "1m"))]
    with contextlib.closing(sqlite3.connect(store_of(gate), timeout=WAIT)) as store:
        store.execute("UPDATE tokens SET expiry = ? WHERE name = 'expiring'", (int(time.time() * 1000) + 2000,))
        store.commit()
    ok(is_in(post(gate, token=False, more=bearer)), "a token that will expire is let in")
    ok(until(lambda: post(gate, token=False, more=bearer).status == 401, 15), "and refused when it has")


def open_streams(gate, token, mark):
    """One of each kind: the session's own, a call's of either era, a subscription here and at the catalogue."""
    legacy, modern = Legacy(gate, "a", token=token), Modern(gate, "a", token=token)
    flag = os.path.join(gate.folder, mark)
    found = {"the session's own stream": Legacy(gate, "a", token=token).get(),
             "a call's stream": legacy.stream_call("steps", {"n": 2, "file": flag}),
             "a modern call's stream": modern.stream_call("steps", {"n": 2, "file": flag}, meta=modern.meta(**{LEVEL: "info"})),
             "a subscription": Modern(gate, "", token=token).stream(modern.text("subscriptions/listen", {"notifications": {}}))}
    for name, events in found.items():
        equal(events.head.status, 200, f"# {name} is open")
        if "own" not in name:
            ok(events.message(), f"# {name}: the first message comes")
    return found


def has_ended(events, seconds=8):
    """Within less than a comment's time: what keeps a stream awake is no end of it."""
    events.connection.socket.settimeout(seconds)
    try:
        while events.next() is not None:
            pass
    except Closed as e:
        return str(e) == "closed"
    return True


def test_open_streams(place):
    gate = place.gate({"a": run_line()})
    kept = open_streams(gate, gate.new_token("kept"), "kept")
    for word, change in (("revoked", lambda name: gate.command("token", "revoke", name)),
                         ("rotated", lambda name: gate.command("token", "rotate", name)),
                         ("expired", None)):
        words = [] if change else ["--expires", "1m"]
        token = gate.new_token(word, *words)
        if not change:
            with contextlib.closing(sqlite3.connect(store_of(gate), timeout=WAIT)) as store:
                store.execute("UPDATE tokens SET expiry = ? WHERE name = 'expired'", (int(time.time() * 1000) + 4000,))
                store.commit()
        streams = open_streams(gate, token, word)
        if change:
            change(word)
        for name, result in zip(streams, together([lambda e=e: has_ended(e) for e in streams.values()])):
            ok(result is True, f"the token is {word}: {name} ends", result)
    for i in range(2):
        open(os.path.join(gate.folder, f"kept.{i}"), "w").close()
    for name in ("a call's stream", "a modern call's stream"):
        equal(text_of(kept.pop(name).rest()[-1]["json"]), "walked", f"{name} of another token comes to its end")
    for name, events in kept.items():
        ok(not has_ended(events, 1), f"{name} of another token goes on")


def store_of(gate):
    folder = os.path.join(gate.folder, "data")
    return os.path.join(folder, [name for name in os.listdir(folder) if name.endswith((".db", ".sqlite"))][0])


def rows(gate):
    listed = json.loads(gate.command("token", "list", "-o", "json"))
    return listed if isinstance(listed, list) else listed["tokens"]


def test_host(place):
    gate = place.gate({"a": run_line()})
    port = gate.port
    for host in ("evil.example", "localhost.evil", "127.0.0.1.nip.io", f"evil.example:{port}", f"localhost.evil:{port}",
                 "127.0.0.2", "0.0.0.0", "[::2]", "[::1", "::1", "[::1].evil", "localhost.", "127.1", "2130706433", "0x7f.1",
                 "user@localhost", "localhost@evil.example", "localhost,evil.example", "localhost evil", "xn--localhost"):
        reply = post(gate, host)
        ok(reply.status in (400, 403), f"Host {host}: refused", reply)
        if reply.status == 403:
            equal(error_of(reply), (403, -32000, "K504"), f"Host {host}: with the code of the door")
    for host in ("localhost", "LOCALHOST", "127.0.0.1", f"localhost:{port}", "[::1]", f"[::1]:{port}", "localhost:1"):
        ok(is_in(post(gate, host)), f"Host {host}: let in")
    rest = f"Authorization: Bearer {gate.token}\r\nContent-Type: application/json\r\nContent-Length: {len(PING)}\r\n\r\n".encode() + PING
    for name, lines in (("empty", "Host:\r\n"), ("none", ""), ("two", "Host: localhost\r\nHost: localhost\r\n"),
                        ("two, one evil", "Host: localhost\r\nHost: evil.example\r\n")):
        status = raw_status(gate, b"POST /mcp HTTP/1.1\r\n" + lines.encode() + rest)
        ok(status in (400, 403), f"Host, {name}: refused", status)
    equal(raw_status(gate, b"POST /mcp HTTP/1.0\r\n" + rest), 403, "HTTP/1.0 without Host: refused")
    equal(ask(gate, "GET", "/healthz", [("Host", "evil.example")]).status, 403, "health is behind the same door")


def test_origin(place):
    gate = place.gate({"a": run_line()}, more="origins: [https://app.example.com]\n")
    for origin in ("null", "evil", "http://evil.example", "https://evil.example", "http://localhost.evil", "http://127.0.0.1.nip.io",
                   "http://localhost@evil.example", "http://evil.example@localhost", "http://localhost:3000@evil.example",
                   "http://localhost/", "http://localhost:3000/x", "ftp://localhost", "file://", "chrome-extension://localhost",
                   "http://evil.example#localhost", "http://evil.example?localhost", "http://localhost, http://evil.example", "",
                   "https://app.example.com.evil", "https://app.example.com:444", "http://app.example.com", "HTTPS://app.example.com/",
                   "localhost", "//localhost", "http://", "http:///localhost"):
        reply = post(gate, more=[("Origin", origin)])
        equal(error_of(reply), (403, -32000, "K504"), f"Origin {origin!r}: refused", reply)
    for origin in ("http://localhost:3000", "https://localhost", "http://127.0.0.1", "http://[::1]:8080", "https://app.example.com"):
        ok(is_in(post(gate, more=[("Origin", origin)])), f"Origin {origin}: let in")
    equal(post(gate, more=[("Origin", "http://localhost"), ("Origin", "http://evil.example")]).status, 400, "two Origins: refused")
    reply = post(gate, token=False, more=[("Origin", "http://localhost:3000")])
    equal(reply.status, 401, "an Origin is no token")


def test_types(place):
    gate = place.gate({"a": run_line()})
    for name, kind in (("absent", []), ("text/plain", "text/plain"), ("a form", "application/x-www-form-urlencoded"),
                       ("multipart", "multipart/form-data; boundary=x"), ("empty", ""), ("nearly JSON", "application/jsonx"),
                       ("a suffix", "application/problem+json"), ("a list", "text/plain, application/json"),
                       ("JSON as a parameter", "text/plain; x=application/json")):
        kind = [("Content-Type", kind)] if isinstance(kind, str) else kind
        equal(error_of(post(gate, kind=kind)), (415, -32000, "K507"), f"Content-Type, {name}: 415")
    for coding in ("gzip", "br", "identity, gzip"):
        equal(error_of(post(gate, kind=[*JSON, ("Content-Encoding", coding)])), (415, -32000, "K507"), f"Content-Encoding {coding}: 415")
    ok(is_in(post(gate, kind=[*JSON, ("Content-Encoding", "identity")])), "Content-Encoding identity: taken")
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/json;x=y"):
        ok(is_in(post(gate, kind=[("Content-Type", kind)])), f"Content-Type {kind}: taken")
    for accept, taken in (("text/html", False), ("", False), ("application/xml, text/plain", False), ("application/json", True),
                          ("text/event-stream", True), ("*/*", True), ("application/*", True), ("text/*", True)):
        reply = post(gate, kind=[JSON[0], ("Accept", accept)])
        equal(error_of(reply)[2], "K505" if taken else "K508", f"Accept {accept!r}: {'taken' if taken else '406'}", reply)
    reply = ask(gate, "GET", "/mcp", [("Host", "localhost"), ("Authorization", f"Bearer {gate.token}"), ("Accept", "application/json")])
    equal(error_of(reply), (406, -32000, "K508"), "GET without text/event-stream: 406")


def test_browsers(place):
    gate = place.gate({"a": run_line()})
    for path in ("/mcp", "/mcp/a"):
        for more in ([], [("Authorization", f"Bearer {gate.token}")]):
            reply = ask(gate, "OPTIONS", path, [("Host", "localhost"), ("Origin", "http://localhost:3000"),
                                                ("Access-Control-Request-Method", "POST"),
                                                ("Access-Control-Request-Headers", "authorization"), *more])
            seen.append(reply)
            equal(reply.status, 405 if more else 401, f"OPTIONS {path}: {reply.status}")
    client = Legacy(gate, "a")
    seen.extend([client.hello, client.call("tag", {"tag": "x"}), client.get().head, client.delete()])
    with Connection(gate.port) as connection:
        connection.send(head_bytes("GET", "/mcp", [("Host", "localhost")]).replace(b"HTTP/1.1", b"HTTP/3.3"))
        seen.append(connection.reply())
    found = [(r.status, n) for r in seen for n, _ in r.headers if n.startswith("access-control-")]
    equal(found, [], f"none of {len(seen)} answers holds an Access-Control header")
    kinds = {r.header("content-type") for r in seen if r.body}
    equal(kinds - {"application/json", "text/event-stream"}, set(), "none is HTML")
    leaks = [r for r in seen if b"evil.example" in r.body]
    equal(leaks, [], "none repeats what was refused")


if __name__ == "__main__":
    main(test_tokens, test_scopes, test_revoked, test_open_streams, test_host, test_origin, test_types, test_browsers)
