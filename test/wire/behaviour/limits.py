# limits.py - every ceiling a peer can press against, from both sides: an error, never a crash, never silence, and others go on.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import resource
import socket
import time

from wire import (Background, Closed, Connection, Host, Legacy, Modern, Raw, STDIO, ask, call_params, equal, error_of, head_bytes,
                  main, ok, raw_status, request_text, run_line, text_of, together, until, url_line)

MIB = 1 << 20


def alive(gate, server, name):
    equal(text_of(Legacy(gate, server).call("tag", {"tag": "on"})), "on", f"{name}: others go on")


def worker_of(gate):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/stat") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
                if parent == gate.process.pid and line.read().split(b"\0")[1:3] == [b"--role", b"worker"]:
                    return int(pid)
        except (OSError, IndexError):
            pass
    return None


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as text:
        return sum(map(int, text.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def peak(pid):
    """The most memory the process has ever had, in MiB."""
    with open(f"/proc/{pid}/status") as text:
        rows = dict(line.split(":", 1) for line in text)
    return int(rows["VmHWM"].split()[0]) >> 10


def test_slow_head(place):
    """Heads and bodies that come a byte at a time; the ceiling of 30 seconds is not the config's, so this one takes as long."""
    gate = place.gate({"near": run_line()})
    head = head_bytes("POST", "/mcp/near", [("Host", "localhost"), ("Content-Length", "1000")])
    begin = time.monotonic()
    connections = [Connection(gate.port), Connection(gate.port), Connection(gate.port)]
    connections[0].send(head[:20])
    connections[1].send(head)
    connections[2].send(head.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked"))
    drip = {0: b"x", 1: b" ", 2: b"1\r\n \r\n"}
    ended = {}
    while len(ended) < 3 and time.monotonic() < begin + 50:
        for i, connection in enumerate(connections):
            try:
                connection.send(drip[i])
            except OSError:
                ended.setdefault(i, time.monotonic() - begin)
        time.sleep(0.5)
    for i, name in enumerate(("head", "body", "chunked body")):
        ok(i in ended, f"a {name} that comes a byte at a time is cut", ended)
    alive(gate, "near", "slow heads")


def test_requests(place):
    gate = place.gate({"near": run_line()})
    base = [("Host", "localhost"), ("Authorization", f"Bearer {gate.token}"), ("Content-Type", "application/json")]
    equal(ask(gate, "POST", "/mcp/near", [*base, *[(f"X-{i}", "y" * 4000) for i in range(9)]]).status, 431, "a head of 36 KB: 431")
    equal(ask(gate, "POST", "/mcp/near", [*base, *[(f"X-{i}", "y") for i in range(98)]]).status, 431, "101 header fields: 431")
    client = Legacy(gate, "near")
    body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tag","arguments":{"tag":"t","most":0,"pad":"%s"}}}'
    with Connection(gate.port) as connection:
        headers = [*client.headers(), ("Content-Length", str(5 * MIB))]
        connection.send(head_bytes("POST", "/mcp/near", headers))
        reply = connection.reply()
        equal((reply.status, reply.header("connection")), (413, "close"), "a body of 5 MiB: 413 before it is sent", reply)
    equal(text_of(client.post(body % ("x" * (4 * MIB - 200)))), "t", "a body of nearly 4 MiB passes")
    chunks = head_bytes("POST", "/mcp/near", [*client.headers(), ("Transfer-Encoding", "chunked")])
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    equal(raw_status(gate, chunks + piece * 64 + b"1\r\nx\r\n"), 413, "4 MiB and a byte in chunks: 413")


def deep(n):
    return "[" * n + "]" * n


def test_json(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"back","arguments":{"v":%s}}}'
    text = ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tag",%s"arguments":{"tag":"t","most":0%s}}}')
    for client in (Legacy(gate, "near"), Modern(gate, "near")):
        era = type(client).__name__.lower()
        for name, body in (
            ("65 levels", call % deep(62)), ("100,000 levels", call % deep(100000)), ("100,000 open brackets", "[" * 100000),
            ("10,000 members", call % ("{" + ",".join(f'"k{i}":0' for i in range(10000)) + "}")),
            ("a key twice", text % ('"name":"tag",', "")), ("an argument twice", text % ("", ',"tag":"u"')),
            ("a key twice, one escaped", text % ("", ',"\\u0074ag":"u"')), ("the id twice", call.replace('"id":1', '"id":1,"id":2') % 1),
            ("a lone surrogate", call % '"\\ud800"'), ("a surrogate the wrong way round", call % '"\\udc00\\ud800"'),
            ("UTF-8 that is none", (call % '"@"').encode().replace(b"@", b"\xff")), ("an overlong character", (call % '"@"').encode().replace(b"@", b"\xc0\xaf")),
            ("a surrogate in UTF-8", (call % '"@"').encode().replace(b"@", b"\xed\xa0\x80")),
            ("a control character", call % '"a\nb"'), ("a zero byte", call % '"a\0b"'), ("a byte-order mark", b"\xef\xbb\xbf" + (call % 1).encode()),
            ("bytes behind the message", call % 1 + "{}"), ("two messages", call % 1 + "\n" + call % 1), ("a comment", call % "1/**/"),
            ("a comma at the end", call % "[1,]"), ("single quotes", call % "'a'"), ("NaN", call % "NaN"), ("a leading zero", call % "01"),
            ("a plus sign", call % "+1"), ("a point at the end", call % "1."), ("nothing", ""), ("blanks", "  "), ("half a message", (call % 1)[:40]),
        ):
            headers = client.headers(call % 1)
            reply = client.post(body, headers)
            equal(error_of(reply), (400, -32700, "K613"), f"{era}: {name}: a parse error", reply)
    client = Legacy(gate, "near")
    for name, value in (("61 levels", deep(60)), ("a number of 400 digits", "1" * 400), ("an escaped pair", '"\\ud83d\\ude00"'),
                        ("3,000 members", "{" + ",".join(f'"k{i}":0' for i in range(3000)) + "}")):
        ok(f'"structuredContent":{{"v":{value}}}' in client.post(call % value).body.decode(), f"{name} pass as they are")
    for name, body in (("no version", '{"id":1,"method":"ping"}'), ("another version", '{"jsonrpc":"1.0","id":1,"method":"ping"}'),
                       ("a version that is a number", '{"jsonrpc":2.0,"id":1,"method":"ping"}'), ("a method that is none", '{"jsonrpc":"2.0","id":1,"method":1}'),
                       ("params that are a list", '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}'),
                       ("method and result", '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}'),
                       ("result and error", '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}'),
                       ("a number", "5"), ("a text", '"x"'), ("null", "null"), ("an empty object", "{}")):
        equal(error_of(client.post(body)), (400, -32600, "K614"), f"{name}: no message")
    with Host(gate, STDIO) as host:
        for body in (call % deep(62), text % ('"name":"tag",', ""), call % '"\\ud800"', "{", "[]x"):
            host.send(body)
            refused = host.line(lambda line: '"error"' in line)
            equal(error_of(json.loads(refused or "{}"))[1:], (-32700, "K613"), f"stdio: {body[:20]}…: a parse error", refused)
        host.send(" " * (4 * MIB) + call % 1)
        refused = host.line(lambda line: '"error"' in line)
        equal(error_of(json.loads(refused or "{}"))[1:], (-32600, "K616"), "stdio: a line over the limit is refused", refused)
        host.send(call % 7)
        ok(host.answer("1"), "stdio: and the next one is served")


def test_calls(place):
    gate = place.gate({"near": run_line()}, more="limits: { calls-per-session: 100 }\n")
    client, other = Legacy(gate, "near"), Legacy(gate, "near")
    flag = gate.folder + "/hold"
    held = [client.send('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"wait","arguments":{"file":"%s"}}}' % (i, flag))
            for i in range(100)]
    ok(gate.has_under_way(100), "as many calls as there may be")
    ok(until(lambda: error_of(client.call("tag", {"tag": "x"}, id="more")) == (429, -32603, "K801")), "a call over the limit: 429")
    equal(text_of(other.call("tag", {"tag": "x"})), "x", "another session has its own")
    open(flag, "w").close()
    equal([text_of(c.reply()) for c in held], ["waited"] * 100, "the hundred under way all get their answers")
    equal(text_of(client.call("tag", {"tag": "x"})), "x", "and there is room again")


def test_one_token(place):
    """However many sessions a token opens: its calls leave room for those of others, at the gate and at a server on HTTP."""
    gate = place.gate({"near": run_line()}, more="limits: { calls-per-token: 20 }\n")
    flag, waits = gate.folder + "/hold", '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"wait","arguments":{"file":"%s"}}}'
    clients, other = [Legacy(gate, "near") for _ in range(3)], Legacy(gate, "near", token=gate.new_token("other"))
    held = [client.send(waits % (i, flag)) for client in clients[:2] for i in range(10)]
    ok(gate.has_under_way(20), "two sessions have all that a token may")
    ok(until(lambda: error_of(clients[2].call("tag", {"tag": "x"})) == (429, -32603, "K801")), "a call over the token's limit, in a third session: 429")
    equal(text_of(other.call("tag", {"tag": "x"})), "x", "another token has its own")
    open(flag, "w").close()
    equal([text_of(c.reply()) for c in held], ["waited"] * 20, "those under way get their answers")
    gate = place.gate({"far": url_line(place.remote())})
    flag, client = gate.folder + "/hold", Legacy(gate, "far")
    held = [client.send(waits % (i, flag)) for i in range(140)]
    other = Legacy(gate, "far", token=gate.new_token("other"))
    equal(text_of(other.call("tag", {"tag": "x"})), "x", "140 calls of one token hang at a server: another token gets through to it")
    open(flag, "w").close()
    equal([text_of(c.reply()) for c in held], ["waited"] * 140, "and the 140 all get their answers")


def test_memory(place):
    """What waits for somebody is held for a token, all of it together: past its part of `limits.memory` it is refused."""
    gate = place.gate({"near": run_line(), "mute": {"run": "sleep 1000"}}, more="limits: { memory: 64MiB, body: 8MiB }\n")
    client, other = Modern(gate, "mute"), Modern(gate, "near", token=gate.new_token("other"))
    large = client.call_text("tag", {"tag": "x", "pad": "p" * (7 * MIB)})
    held = [client.send(large) for _ in range(2)]
    reply = []
    ok(until(lambda: error_of(reply.append(client.post(large)) or reply[-1]) == (429, -32603, "K801")),
       "two calls of 7 MiB wait for a server, and a third is more than 16 MiB: refused", reply)
    ok("`limits.memory`" in reply[-1].json()["error"]["message"], "and it says by which limit", reply[-1])
    equal(text_of(other.call("tag", {"tag": "y", "pad": "p" * (7 * MIB)})), "y", "another token has its own part")
    for connection in held:
        connection.close()
    again = Modern(gate, "near")
    ok(until(lambda: text_of(again.call("tag", {"tag": "z", "pad": "p" * (7 * MIB)})) == "z"), "when they are given up, there is room again")


def test_common_list(place):
    """Lists that together are more than a token may hold: the server whose part no longer fits is left out, whole."""
    prompts = ("--capabilities", '{"prompts":{}}', "--prompts", "4000")
    gate = place.gate({name: run_line("--name", name, *prompts) for name in ("one", "two", "three")}, more="limits: { memory: 64MiB }\n")
    for kind in (Legacy, Modern):
        client = kind(gate)
        listed = client.request("prompts/list").json()["result"]["prompts"]
        counts = {server: sum(p["name"].startswith(server + "__") for p in listed) for server in ("one", "two", "three")}
        ok(set(counts.values()) == {0, 4001}, "three lists of 4 MB: some are there, whole", counts)
        # What a session still held would be the token's, too.
        if kind is Legacy:
            client.delete()
    ok("catalogue.partial" in gate.log_text(), "and the log tells which is missing")


def test_slow_reader(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote(), timeout="120s")})
    slow = Legacy(gate, "near")
    stream = slow.get()
    filler = {"n": 1000, "method": "notifications/message", "params": {"level": "info", "data": "z" * 20000}}
    reply = slow.call("notify", filler)
    equal(text_of(reply), "told", "20 MB of events for a client that does not read: its calls go on")
    ok(until(lambda: "stream.slow" in gate.log_text()), "its event stream is cut, and the log says so")
    ok(until(lambda: slow.get().head.status == 200), "it may open another")
    stream.close()
    paused = Legacy(gate, "far")
    call = paused.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"flood","arguments":{"megabytes":500,"events":true}}}')
    equal([text_of(Legacy(gate, s).call("tag", {"tag": s})) for s in ("near", "far") for _ in range(3)], ["near"] * 3 + ["far"] * 3,
          "a client that does not read its call's stream: others go on")
    ok(peak(worker_of(gate)) < 200, "and the worker stays small", peak(worker_of(gate)))
    call.close()
    alive(gate, "far", "after it has left")


def test_floods(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    client = Legacy(gate, "near")
    reply = client.call("flood", {"megabytes": 1024})
    equal(error_of(reply), (200, -32603, "K702"), "a line of 1 GiB: an error", reply)
    ok(peak(worker_of(gate)) < 200, "and the worker stays small", peak(worker_of(gate)))
    equal(text_of(client.call("tag", {"tag": "x"})), "x", "the server is started again for the next call")
    for server in ("near", "far"):
        client = Legacy(gate, server)
        equal(len(text_of(client.call("big", {"bytes": 15 * MIB})) or ""), 15 * MIB, f"{server}: a result of 15 MiB passes")
        reply = client.call("big", {"bytes": 17 * MIB})
        equal(error_of(reply)[:2], (200, -32603), f"{server}: one of 17 MiB does not", reply)
        equal(text_of(client.call("tag", {"tag": "x"})), "x", f"{server}: and the next call passes")
        client.request("tools/list")
        listening = client.get()
        reply = client.stream_call("notify", {"n": 10000, "method": "notifications/tools/list_changed"})
        reader = Background(listening.rest)
        events = reply.rest()
        equal(text_of(events[-1]["json"]), "told", f"{server}: 10,000 list_changed: the call is answered")
        client.delete()
        told = reader.result()
        ok(len(events) == 1 and told == [], f"{server}: and none told of, for the list is the same", len(events), len(told))
        alive(gate, server, "10,000 list_changed")
    silent = Legacy(gate, "near")
    equal(text_of(silent.call("notify", {"n": 10000, "method": "notifications/tools/list_changed"})), "told", "nobody listens: no less")
    kept = silent.get()
    silent.delete()
    ok(len(kept.rest()) <= 64, "and what is kept for later is bounded")


def test_results(place):
    """`limits.result` means what it says, up to the most it may say."""
    for limit, small, large in ((8, 7, 9), (32, 31, 33)):
        gate = place.gate({"near": run_line(), "far": url_line(place.remote())}, more=f"limits: {{ result: {limit}MiB }}\n")
        for server in ("near", "far"):
            client = Legacy(gate, server)
            equal(len(text_of(client.call("big", {"bytes": small * MIB})) or ""), small * MIB,
                  f"{server}: limit {limit} MiB, a result of {small} MiB passes")
            reply = client.call("big", {"bytes": large * MIB})
            message = reply.json().get("error", {}).get("message", "")
            ok(error_of(reply) == (200, -32603, "K702") and f"over the limit of {limit * MIB} bytes (limits.result)" in message,
               f"{server}: one of {large} MiB is refused, and the error names the limit", reply)
            equal(text_of(client.call("tag", {"tag": "x"})), "x", f"{server}: the next call passes")
        equal(gate.log_text().count("upstream.started"), 1, "near: from the same process")


def test_reload(place):
    """New limits hold for the sessions, hosts and servers there are, too."""
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())},
                      more="limits: { body: 64KiB, result: 64KiB }\n")
    host = Host(gate, STDIO)
    clients = {server: Legacy(gate, server) for server in ("near", "far")}
    big = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "tag", "arguments": {"tag": "x", "pad": "p" * 200000}}}
    host.send(json.dumps({**big, "id": 1}))
    ok("K616" in (host.line(lambda text: "K616" in text) or ""), "# a host's message is over the limit")
    for server, client in clients.items():
        equal(error_of(client.call("big", {"bytes": 200000}))[1:], (-32603, "K702"), f"# {server}: so is a server's")
    with open(gate.config) as text:
        config = text.read().replace("64KiB", "1MiB")
    with open(gate.config, "w") as text:
        text.write(config)
    ok(until(lambda: "config.loaded" in open(gate.log).read()), "# the config was read again")
    host.send(json.dumps({**big, "id": 2}))
    ok('"text":"x"' in (host.line(lambda text: '"id":2' in text) or ""), "the host's passes under a new limit")
    for server, client in clients.items():
        equal(len(text_of(client.call("big", {"bytes": 200000})) or ""), 200000, f"{server}: and the server's, in the session of before")
    host.close()


def test_bodies(place):
    """So does `limits.body`: what is let in also reaches the server."""
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())}, more="limits: { body: 32MiB }\n")
    for server in ("near", "far"):
        client = Legacy(gate, server)
        equal(text_of(client.call("tag", {"tag": "x", "pad": "p" * (31 * MIB)})), "x", f"{server}: a call of 31 MiB passes")


def test_strangers(place):
    """Who is not welcome costs no memory: the head is answered, and the body that follows is read by nobody."""
    gate = place.gate({"near": run_line()})
    client = Legacy(gate, "near")
    before = peak(worker_of(gate))
    token, types = ("Authorization", f"Bearer {gate.token}"), [("Content-Type", "application/json"), ("Accept", "*/*")]
    length = ("Content-Length", str(4 * MIB))
    for name, headers, status in (
        ("a foreign Host and no token", [("Host", "evil.example"), *types], 403),
        ("a foreign Origin", [("Host", "localhost"), ("Origin", "http://evil.example"), token, *types], 403),
        ("no token", [("Host", "localhost"), *types], 401),
        ("a token of another form", [("Host", "localhost"), ("Authorization", "Bearer abc"), *types], 401),
        ("another content type", [("Host", "localhost"), token, ("Content-Type", "text/plain")], 415),
        ("an Accept that does not fit", [("Host", "localhost"), token, types[0], ("Accept", "text/html")], 406),
    ):
        held = [Connection(gate.port) for _ in range(40)]
        for connection in held:
            connection.send(head_bytes("POST", "/mcp", [*headers, length]))
        replies = [connection.reply() for connection in held]
        equal({(reply.status, reply.header("connection")) for reply in replies}, {(status, "close")}, f"40 bodies with {name}: refused at the head")
        for connection in held:
            try:
                connection.socket.settimeout(0.2)
                connection.send(b" " * (MIB - 1))
            except OSError:
                pass
        for connection in held:
            connection.close()
    ok(peak(worker_of(gate)) < before + 16, "and the worker stays as small as it was", (before, peak(worker_of(gate))))
    held = []
    shaped = [("Host", "localhost"), ("Authorization", "Bearer " + gate.token[:-1] + ("a" if gate.token[-1] != "a" else "b")), *types, length]
    for _ in range(40):
        connection = Connection(gate.port)
        held.append(connection)
        connection.send(head_bytes("POST", "/mcp", shaped))
    equal({connection.reply().status for connection in held}, {401}, "tokens with a wrong last letter: likewise")
    for connection in held:
        connection.close()
    equal(text_of(client.call("tag", {"tag": "x", "pad": "p" * (3 * MIB)})), "x", "a client's body of 3 MiB comes in meanwhile")


def test_metrics(place):
    """The listener for metrics is not read by a page whose name was made to lead to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gate = place.gate({"near": run_line()}, more=f"metrics: 127.0.0.1:{port}\n")

    def get(*headers, method="GET", path="/metrics"):
        with Connection(port) as connection:
            connection.send(head_bytes(method, path, headers))
            return connection.reply()

    for headers in ([("Host", f"evil.example:{port}")], [("Host", "localhost"), ("Origin", "http://evil.example")],
                    [("Host", f"127.0.0.1:{port}"), ("Origin", "null")]):
        reply = get(*headers)
        equal(error_of(reply), (403, -32000, "K504"), f"{headers}: refused", reply)
        ok("kanmon_" not in reply.body.decode(), "and nothing is shown")
    reply = get(("Host", "localhost"), ("Content-Length", str(4 * MIB)), method="POST")
    equal((reply.status, reply.header("connection")), (404, "close"), "a body is not even read", reply)
    for host in (f"127.0.0.1:{port}", "localhost", "10.1.2.3", "[::1]:9"):
        reply = get(("Host", host))
        ok(reply.status == 200 and "kanmon_" in reply.body.decode(), f"Host: {host}: the metrics", reply)
    equal(get(("Host", "a-probe.example"), path="/healthz").status, 200, "health is told to who asks")
    alive(gate, "near", "metrics")


def test_deaf(place):
    gate = place.gate({"near": run_line()})
    client = Legacy(gate, "near")
    client.call("deaf", {})
    load = {"tag": "x", "most": 0, "pad": "p" * (3 * MIB)}
    calls = together([lambda i=i: client.call("tag", load, id=i) for i in range(8)])
    # It may have had a line in hand.
    refused = [c for c in calls if error_of(c)[:2] == (200, -32603)]
    ok(len(refused) >= 6 and len(refused) + sum(text_of(c) == "x" for c in calls) == 8,
       "a server that does not read: calls are refused, none hangs", calls)
    equal(text_of(client.call("tag", {"tag": "back"})), "back", "and the next one finds a fresh server")
    ok(peak(worker_of(gate)) < 300, "the worker stays small", peak(worker_of(gate)))


def test_garbage(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote(events=True))})
    for server in ("near", "far"):
        client = Legacy(gate, server)
        events = client.stream_call("garbage", {}).rest()
        equal([text_of(e["json"]) for e in events], ["still here"], f"{server}: garbage between good lines is dropped", events)
    ok("upstream.garbage" in gate.log_text(), "and the log says so")
    modern = Modern(gate, "near")
    equal(text_of(modern.call("garbage", {})), "still here", "in the modern era, too")


def test_dying(place):
    methods = ("initialize", "notifications/initialized", "tools/list", "tools/call")
    gate = place.gate({m.replace("/", "-"): run_line("--die", m) for m in methods})
    for method in methods:
        for path in (method.replace("/", "-"), ""):
            client = Legacy(gate, path, connect=False)
            reply = client.initialize()
            if client.session:
                reply = client.call("tag" if path else method.replace("/", "-") + "__tag", {"tag": "x"})
            ok(reply.status == 200 and error_of(reply)[1] == -32603, f"{path or '/mcp'}: a server that dies at {method}: an error", reply)
            if client.session:
                listed = client.request("tools/list")
                ok("error" in listed.json() or "tools" in listed.json()["result"], f"{path or '/mcp'}: its list is answered", listed)
                client.delete()
    equal(raw_status(gate, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200, "the gate is ready all the same")
    ok(worker_of(gate), "with a worker")
    equal(gate.log_text().count("process.died"), 0, "that has not died", gate.log_text()[-800:])


def test_mute(place):
    """A server that never greets back: its own client waits for it, the others do not."""
    gate = place.gate({"near": run_line(), "mute": {"run": "sleep 1000"}})
    client = Legacy(gate)
    equal(text_of(client.call("near__tag", {"tag": "x"})), "x", "the catalogue comes without a server that says nothing")


def test_connections(place):
    gate = place.gate({"near": run_line()}, more="limits: { connections: 8 }\n")
    client = Legacy(gate, "near")
    silent = [Connection(gate.port) for _ in range(20)]
    ok(until(lambda: raw_status(gate, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == 200), "connections that say nothing keep nobody out")
    equal(text_of(client.call("tag", {"tag": "x"})), "x", "nor from a session")
    for connection in silent:
        connection.close()
    flag = os.path.join(gate.folder, "go")
    held = [client.send(request_text("tools/call", call_params("wait", {"file": flag}), i)) for i in range(8)]
    ok(gate.has_under_way(8), "eight calls are under way")

    def is_full():
        with Connection(gate.port) as late:
            try:
                late.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return late.reply().status == 0
            except (Closed, OSError):
                return True

    ok(until(is_full), "as many calls as connections: one more is not served")
    with open(flag, "w"):
        pass
    equal([connection.reply().status for connection in held], [200] * 8, "and each of them is answered")
    for connection in held:
        connection.close()
    ok(until(lambda: raw_status(gate, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == 200), "after they have gone: served")


def test_descriptors(place):
    """Whoever started the gate allows few descriptors: strangers' connections do not take those that servers need."""
    had, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, most))
    try:
        gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    silent = [Connection(gate.port) for _ in range(1200)]
    control = []
    while len(control) < 300:
        control.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        control[-1].connect(os.path.join(gate.folder, "data", "control.sock"))
    for server in ("near", "far"):
        equal(text_of(Legacy(gate, server).call("tag", {"tag": "x"})), "x", f"1200 connections without a token: {server} is started and answers")
    before = cpu_seconds(gate.process.pid)
    time.sleep(1)
    ok(cpu_seconds(gate.process.pid) - before < 0.5, "the manager does not spin over those who wait at its own socket")
    for each in silent + control:
        each.close()
    alive(gate, "near", "after they have gone")
    ok("near" in gate.command("status"), "and the manager answers")
    resource.setrlimit(resource.RLIMIT_NOFILE, (had, most))


def test_processes(place):
    """Every session has servers of its own: one token must not have all that the gate can run."""
    gate = place.gate({"a": run_line(), "b": run_line(), "far": url_line(place.remote())}, more="limits: { processes-per-token: 2 }\n")
    refused = Legacy(gate, "", token=gate.new_token("small"), connect=False)
    clients = [Legacy(gate, "a"), Legacy(gate, "b")]
    for kind in ("a session", "all servers together"):
        reply = Legacy(gate, "a" if kind == "a session" else "", connect=False).initialize()
        equal((error_of(reply), reply.header("mcp-session-id")), ((429, -32603, "K801"), None), f"{kind}: a process too many is refused", reply)
    reply = Modern(gate, "a").call("tag", {"tag": "x"})
    equal(error_of(reply), (429, -32603, "K801"), "and so it is in the modern era", reply)
    equal([text_of(c.call("tag", {"tag": "on"})) for c in clients], ["on", "on"], "what runs is not disturbed")
    equal(text_of(Legacy(gate, "far").call("tag", {"tag": "on"})), "on", "a server on HTTP is no process")
    equal(refused.initialize().status, 200, "another token has its own count")
    clients[0].delete()
    ok(until(lambda: Legacy(gate, "a", connect=False).initialize().status == 200), "a session ends, and its process: there is room for one")
    equal(error_of(Legacy(gate, "b", connect=False).initialize()), (429, -32603, "K801"), "for one")
    gate = place.gate({"a": run_line(), "b": run_line()})
    equal([Legacy(gate, "").hello.status for _ in range(3)], [200] * 3, "without the key six processes are not too many")


if __name__ == "__main__":
    main(test_one_token, test_memory, test_common_list, test_descriptors, test_processes, test_requests, test_json, test_calls, test_slow_reader, test_floods, test_results, test_reload, test_bodies, test_strangers, test_metrics,
         test_deaf, test_garbage, test_dying,
         test_mute, test_connections, test_slow_head)
