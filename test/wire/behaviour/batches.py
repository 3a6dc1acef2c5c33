# batches.py - several messages in one body or line: only where revision 2025-03-26 was agreed on.
# SPDX-License-Identifier: Apache-2.0
import json

from wire import Host, Legacy, Modern, STDIO, equal, error_of, main, ok, parse_events, run_line, text_of, url_line

REFUSED = (400, -32600, "K612")


def call(id, tag, most=0.2):
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "tag", "arguments": {"tag": tag, "most": most}}}


def answers(reply):
    return [json.loads(e["data"]) for e in parse_events(reply.body.decode()) if e.get("data")]


def test_refused(place):
    gate = place.gate({"near": run_line()})
    two = json.dumps([call(1, "a"), call(2, "b")])
    for revision in ("2024-11-05", "2025-06-18", "2025-11-25"):
        equal(error_of(Legacy(gate, "near", revision=revision).post(two)), REFUSED, f"{revision}: a batch is refused")
    reply = Modern(gate, "near").post(two)
    ok(reply.status == 400 and error_of(reply)[1] in (-32600, -32000), "the modern era: too", reply)
    client = Legacy(gate, "near", connect=False)
    equal(client.post(two).status, 400, "without a session: too")
    client = Legacy(gate, "near", revision="2025-03-26")
    equal(error_of(client.post("[]")), REFUSED, "an empty batch is refused")
    equal(error_of(client.post(json.dumps([call(i, "x") for i in range(101)]))), REFUSED, "so is one of 101 messages")
    equal(error_of(client.post("[1,2")), (400, -32700, "K613"), "and one that is no JSON")
    with Host(gate, STDIO) as host:
        host.send(two)
        refused = host.line(lambda text: '"error"' in text)
        equal(error_of(json.loads(refused or "{}"))[1], -32600, "stdio: a batch is refused where 2025-11-25 was agreed on", refused)


def test_served(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    for server in ("near", "far"):
        client = Legacy(gate, server, revision="2025-03-26")
        reply = client.post(json.dumps([call(i, f"mine {i}") for i in range(20)]))
        got = {a["id"]: text_of(a) for a in answers(reply)}
        equal(got, {i: f"mine {i}" for i in range(20)}, f"{server}: 20 calls in a batch, each answered once")
        equal(len(answers(reply)), 20, f"{server}: and nothing else")
        reply = client.post(json.dumps([call(1, "one", 0)]))
        equal([text_of(a) for a in answers(reply)] or [text_of(a) for a in reply.json()], ["one"], f"{server}: a batch of one")
        reply = client.post(json.dumps([{"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}]))
        equal((reply.status, reply.body), (202, b""), f"{server}: a batch of notifications: 202")
        mixed = [call(1, "a", 0), {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}, call(2, "b", 0),
                 {"jsonrpc": "2.0", "id": 9, "method": "ping"}, {"jsonrpc": "2.0", "id": 10, "method": "no/such"}]
        got = {a["id"]: text_of(a) or error_of(a)[1] for a in answers(client.post(json.dumps(mixed)))}
        equal(got, {1: "a", 2: "b", 9: None, 10: -32601}, f"{server}: requests and notifications mixed")
        reply = client.post(json.dumps([call(i, f"mine {i}", 0) for i in range(100)]))
        equal([text_of(a) for a in sorted(answers(reply), key=lambda a: a["id"])], [f"mine {i}" for i in range(100)],
              f"{server}: a hundred messages are not too many")


def from_host(host):
    """The next line, whatever it is."""
    line = host.line(lambda text: True)
    return json.loads(line) if line else None


def test_stdio(place):
    gate = place.gate({"near": run_line()})
    with Host(gate, STDIO, connect=False) as host:
        host.send(json.dumps([call(1, "a"), call(2, "b")]))
        equal(error_of(from_host(host))[1], -32600, "stdio: before initialize: a batch is refused")
    with Host(gate, STDIO, revision="2025-03-26") as host:
        for name, batch in (("an empty batch", []), ("one of 101 messages", [call(i, "x") for i in range(101)])):
            host.send(json.dumps(batch))
            equal(error_of(from_host(host))[1:], (-32600, "K612"), f"stdio: {name} is refused")
        host.send("[1,2")
        equal(error_of(from_host(host))[1:], (-32700, "K613"), "stdio: and one that is no JSON")
        host.send(json.dumps([call(i, f"mine {i}") for i in range(20)]))
        got = from_host(host)
        equal({a["id"]: text_of(a) for a in got}, {i: f"mine {i}" for i in range(20)}, "stdio: 20 calls in a batch: one array", got)
        equal(len(got), 20, "stdio: and nothing else")
        host.send(json.dumps([call(1, "one", 0)]))
        equal([text_of(a) for a in from_host(host)], ["one"], "stdio: a batch of one is answered by an array")
        host.send(json.dumps([{"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}] * 2))
        host.send(json.dumps({"jsonrpc": "2.0", "id": 3, "method": "ping"}))
        equal(from_host(host), {"jsonrpc": "2.0", "id": 3, "result": {}}, "stdio: notifications alone: no line")
        hello = {"jsonrpc": "2.0", "id": 5, "method": "initialize", "params": {}}
        mixed = [call(1, "a", 0), {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}, hello, 7, [call(8, "nested", 0)],
                 {"jsonrpc": "2.0", "id": 9, "method": "ping"}, {"jsonrpc": "2.0", "id": 10, "method": "no/such"}]
        host.send(json.dumps(mixed))
        got = from_host(host)
        equal(sorted((str(a["id"]), text_of(a), *error_of(a)[1:]) for a in got),
              [("1", "a", None, None), ("10", None, -32601, "K601"), ("5", None, -32600, "K612"), ("9", None, None, None),
               ("None", None, -32600, "K614"), ("None", None, -32600, "K614")], "stdio: each member by the rules of HTTP", got)
        flag = gate.folder + "/asked"
        host.send(json.dumps([{"jsonrpc": "2.0", "id": 20, "method": "tools/call", "params": {"name": "wait", "arguments": {"file": flag}}},
                              call(21, "quick", 0)]))
        host.send(json.dumps({"jsonrpc": "2.0", "id": 22, "method": "ping"}))
        equal(from_host(host), {"jsonrpc": "2.0", "id": 22, "result": {}}, "stdio: a batch under way keeps nothing else waiting")
        open(flag, "w").close()
        equal(sorted(text_of(a) for a in from_host(host)), ["quick", "waited"], "stdio: its answers come when all are there")


def test_odd_members(place):
    gate = place.gate({"near": run_line()})
    client = Legacy(gate, "near", revision="2025-03-26")
    hello = {"jsonrpc": "2.0", "id": 5, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {},
                                                                           "clientInfo": {"name": "x", "version": "1"}}}
    reply = client.post(json.dumps([hello, call(1, "beside", 0)]))
    got = {a.get("id"): a for a in answers(reply)}
    ok(text_of(got.get(1)) == "beside" and "result" not in got.get(5, {}) and not reply.header("mcp-session-id"),
       "initialize inside a batch makes no session", reply)
    equal(error_of(client.post(json.dumps([call(1, "a"), call(2, "b")]))) != REFUSED, True, "nor does it change the revision")
    reply = client.post(json.dumps([call(1, "twin a", 0), call(1, "twin b", 0)]))
    equal(sorted(filter(None, (text_of(a) for a in answers(reply)))), ["twin a", "twin b"], "two calls with one id are both answered")
    bad = [1, "x", None, [call(3, "nested", 0)], {}, {"jsonrpc": "1.0", "id": 5, "method": "ping"}, {"jsonrpc": "2.0", "id": 6, "method": 7}]
    reply = client.post(json.dumps([*bad, call(4, "good", 0), {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}]))
    got = answers(reply)
    equal([text_of(a) for a in got if text_of(a)], ["good"], "what is a message beside what is none is answered", reply)
    equal([(a["id"], error_of(a)[1]) for a in got if "error" in a], [(None, -32600)] * len(bad),
          "what is none: each is refused for itself, with the id null", reply)
    ok("nested" not in reply.body.decode(), "and a batch inside a batch is not opened", reply)
    got = answers(client.post(json.dumps([1, {}])))
    equal([(a["id"], error_of(a)[1]) for a in got], [(None, -32600)] * 2, "nothing but such: the same")
    got = answers(client.post(json.dumps([hello])))
    equal([(a["id"], error_of(a)[1:]) for a in got], [(5, (-32600, "K612"))], "initialize alone in a batch is refused with its id")
    equal(text_of(client.call("tag", {"tag": "on"})), "on", "and the session goes on")
    limited = place.gate({"near": run_line()}, more="limits: { calls-per-session: 4 }\n")
    client = Legacy(limited, "near", revision="2025-03-26")
    reply = client.post(json.dumps([call(i, f"t{i}", 0.2) for i in range(10)]))
    got = answers(reply)
    ok(len(got) == 10 and sum(1 for a in got if error_of(a)[2] == "K801") == 6, "a batch does not go round the limit of calls", reply)


if __name__ == "__main__":
    main(test_refused, test_served, test_stdio, test_odd_members)
