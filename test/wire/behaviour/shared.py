# shared.py - one process of a server for all clients: who is answered, what nobody is asked, and the lists of one that is not running.
# SPDX-License-Identifier: Apache-2.0
import atexit
import json
import os
import re
import signal
import tempfile

from wire import META, Background, Legacy, Modern, equal, error_of, main, ok, records, run_line, text_of, together, until

ALL = json.dumps({"tools": {"listChanged": True}, "logging": {}, "prompts": {}, "resources": {"subscribe": True, "listChanged": True}})
NEWS = "notifications/resources/updated"
FOUR = "threads: 4\n"


def gate_of(place, *words, more="", **config):
    """A server that is shared, and the same one that is not; what the first reads is written down."""
    handle, place.shared_record = tempfile.mkstemp(prefix="kanmon-shared-")
    os.close(handle)
    atexit.register(os.unlink, place.shared_record)
    return place.gate({"one": run_line("--record", place.shared_record, "--capabilities", ALL, *words, instances="shared", **config),
                       "many": run_line(*words, **config)}, more=FOUR + more)


def said(place, method):
    """What the shared process was sent of this method."""
    found = [json.loads(e["raw"]) for e in records(place.shared_record) if e["kind"] == "message"]
    return [m for m in found if m.get("method") == method]


def process_of(client):
    """What only this process says."""
    return text_of(client.call("pid", {"mark": True}))


def started(gate, name="one"):
    """The processes of a server, as the log has them, in order."""
    return [int(pid) for pid in re.findall(rf"A server was started\..* server={name} .*pid=(\d+)", gate.log_text())]


def runs(pid):
    """The dead that wait to be collected do not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def server_state(gate, name):
    state = json.loads(gate.command("status", "-o", "json"))
    return next(s for s in state["servers"] if s["name"] == name)


def tokens(gate, n):
    """So many that several threads have some of them."""
    return [gate.token, *(gate.new_token(f"t{i}") for i in range(n - 1))]


def test_one_process(place):
    for eras in ("legacy", "modern", "legacy,modern"):
        gate = gate_of(place, "--eras", eras)
        keys = tokens(gate, 6)
        shared = [kind(gate, "one", key) for key in keys for kind in (Legacy, Modern)]
        alone = [Legacy(gate, "many", key) for key in keys]
        equal(len(set(together([lambda c=c: process_of(c) for c in shared]))), 1, f"{eras}: all clients meet one process")
        equal(len(set(process_of(c) for c in alone)), len(alone), f"{eras}: and without `instances` each has its own")
        ok("None" not in str(process_of(shared[0])), f"{eras}: which answers", shared[0].call("pid", {}))
        greetings = said(place, "initialize") + said(place, "server/discover")
        known = [m["params"].get("capabilities", m["params"].get("_meta", {}).get(META + "clientCapabilities")) for m in greetings]
        ok(greetings and not any(known), f"{eras}: it was greeted with no capability of a client's", greetings)
        equal(len(said(place, "initialize")) <= 1 and len(said(place, "server/discover")) <= 1, True, f"{eras}: and once")
        equal(len(said(place, "notifications/initialized")), 0 if "modern" in eras else 1, f"{eras}: it hears once that it may begin")
        state = server_state(gate, "one")
        ok(state["shared"] and state["connections"] >= len(shared), f"{eras}: `kanmon status` shows how many use it", state)
        ok(not server_state(gate, "many")["shared"], f"{eras}: and that the other is not shared")


def test_answers(place):
    """Many at once, on several threads, with the same ids: each gets his own answer and his own progress."""
    gate = gate_of(place)
    clients = [kind(gate, server, key) for key in tokens(gate, 5) for kind, server in
               ((Legacy, "one"), (Modern, "one"), (Legacy, ""))]

    def calls(n, client):
        prefix = "one__" if client.path == "/mcp" else ""
        return [text_of(client.call(prefix + "tag", {"tag": f"{n}-{i}", "most": 0.05}, id=1)) for i in range(12)]

    got = together([lambda n=n, c=c: calls(n, c) for n, c in enumerate(clients)])
    equal(got, [[f"{n}-{i}" for i in range(12)] for n in range(len(clients))], "each call has its own answer, and nobody another's")
    ids = [m["id"] for m in said(place, "tools/call")]
    equal(len(ids), len(set(ids)), "no id was sent twice")

    def progress(n, client):
        meta = {"progressToken": "same"}
        events = client.stream_call("progress", {"n": 5, "tag": f"p{n}"}, meta=client.meta(**meta) if isinstance(client, Modern) else meta)
        found = [e["json"] for e in events.rest()]
        events.close()
        return [(m["params"]["progressToken"], m["params"]["message"]) for m in found if m.get("method") == "notifications/progress"]

    direct = [c for c in clients if c.path == "/mcp/one"]
    got = together([lambda n=n, c=c: progress(n, c) for n, c in enumerate(direct)])
    equal(got, [[("same", f"p{n}")] * 5 for n in range(len(direct))], "progress comes to the call whose token it is, and to no other")


def test_cancelling(place):
    gate = gate_of(place)
    a, b = Legacy(gate, "one"), Legacy(gate, "one", gate.new_token("other"))
    flag = os.path.join(gate.folder, "hold")
    call = Background(lambda: b.call("wait", {"file": flag, "tag": "mine"}, id=7))
    ok(until(lambda: os.path.exists(flag + ".begun")), "B's call is under way")
    own = said(place, "tools/call")[-1]["id"]
    for guess in (7, own, str(own)):
        a.post(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": guess}}))
    equal(text_of(a.call("tag", {"tag": "t"})), "t", "A is answered")
    equal(said(place, "notifications/cancelled"), [], "A's cancellations of B's call reach nobody")
    open(flag, "w").close()
    equal(text_of(call.result()), "mine", "and B has its answer")
    flag += "2"
    call = Background(lambda: b.call("wait", {"file": flag}, id=8))
    ok(until(lambda: os.path.exists(flag + ".begun")), "B's next call is under way")
    own = said(place, "tools/call")[-1]["id"]
    b.post(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 8}}))
    found = until(lambda: said(place, "notifications/cancelled"))
    equal([m["params"]["requestId"] for m in found or ()], [own], "its own it can cancel")
    flag += "3"
    c = Legacy(gate, "one")
    c.stream_call("wait", {"file": flag}, id=9)
    ok(until(lambda: os.path.exists(flag + ".begun")), "the call of a session is under way")
    own = said(place, "tools/call")[-1]["id"]
    c.delete()
    ok(until(lambda: own in [m["params"]["requestId"] for m in said(place, "notifications/cancelled")]), "a session that ends gives its calls up at the server")
    equal(process_of(a), process_of(b), "which goes on for the others")


def test_asked(place):
    """What the server asks is put before nobody, for nobody can tell whom it means; alone it reaches its client."""
    gate = gate_of(place, "--eras", "legacy")
    able = {"sampling": {}, "elicitation": {}, "roots": {}}
    clients = [Legacy(gate, "one", key, capabilities=able) for key in tokens(gate, 2)]
    streams = [c.get() for c in clients]
    for method in ("sampling/createMessage", "elicitation/create", "roots/list"):
        answer = text_of(clients[0].call("ask", {"id": '"q"', "method": method}))
        equal(json.loads(answer or "{}").get("error", {}).get("code"), -32601, f"{method} is refused by the gate", answer)
    answer = text_of(clients[0].call("ask", {"id": '"p"', "method": "ping"}))
    equal(json.loads(answer or "{}").get("result"), {}, "a ping is answered")
    ok(all(s.is_quiet() for s in streams), "no client was asked anything")
    equal(gate.log_text().count("upstream.refused"), 1, "the log says it once")
    own = Legacy(gate, "many", capabilities=able)
    events = own.stream_call("ask", {"id": '"q"', "method": "sampling/createMessage"})
    asked = events.message()
    equal(asked and asked["json"].get("method"), "sampling/createMessage", "a process of its own may ask its client")
    own.post(json.dumps({"jsonrpc": "2.0", "id": asked["json"]["id"], "result": {"role": "assistant"}}))
    ok("assistant" in text_of(events.rest()[-1]["json"]), "and has its answer")
    for stream in streams:
        stream.close()


def test_notifications(place):
    gate = gate_of(place, "--eras", "legacy", "--resources", "a:1", "a:2")
    a, b, c = (Legacy(gate, "one", key) for key in tokens(gate, 3))
    streams = [client.get() for client in (a, b, c)]

    def next_of(stream, method):
        while event := stream.message():
            if event["json"].get("method") == method:
                return event["json"].get("params")
        return None

    for client in (a, b):
        equal(client.request("resources/subscribe", {"uri": "a:1"}).json().get("result"), {}, "subscribed")
    b.request("resources/subscribe", {"uri": "a:2"})
    equal([m["params"]["uri"] for m in said(place, "resources/subscribe")], ["a:1", "a:2"], "the server is asked once for each")
    c.call("notify", {"n": 1, "method": NEWS, "params": {"uri": "a:1"}})
    c.call("notify", {"n": 1, "method": NEWS, "params": {"uri": "a:2"}})
    for client in (a, b, c):
        client.request("tools/list")
    c.call("grow", {"name": "new"})
    c.call("notify", {"n": 1, "method": "notifications/tools/list_changed"})
    equal(next_of(streams[0], NEWS), {"uri": "a:1"}, "who subscribed hears of it")
    equal([next_of(streams[1], NEWS)["uri"] for _ in range(2)], ["a:1", "a:2"], "and the other of both of his")
    first = streams[2].message()
    equal(first["json"]["method"], "notifications/tools/list_changed", "who did not, hears only that a list has changed", first)
    ok(all(next_of(s, "notifications/tools/list_changed") is not False for s in streams[:2]), "as all do")
    a.request("resources/unsubscribe", {"uri": "a:1"})
    c.call("tag", {"tag": "t"})
    equal(said(place, "resources/unsubscribe"), [], "while another one wants it the server is not told")
    b.request("resources/unsubscribe", {"uri": "a:1"})
    ok(until(lambda: len(said(place, "resources/unsubscribe")) == 1), "the last one ends it")
    streams[1].close()
    b.delete()
    ok(until(lambda: len(said(place, "resources/unsubscribe")) == 2), "and so does the end of the last one's session")
    for client, level in ((a, "error"), (c, "debug")):
        equal(client.request("logging/setLevel", {"level": level}).json().get("result"), {}, f"the level {level}")
    c.call("tag", {"tag": "t"})
    equal([m["params"]["level"] for m in said(place, "logging/setLevel")], ["error", "debug"], "the most verbose is asked for")
    a.request("logging/setLevel", {"level": "warning"})
    c.call("tag", {"tag": "t"})
    equal(len(said(place, "logging/setLevel")), 2, "and what is less is not")
    for level in ("debug", "warning"):
        a.call("notify", {"n": 1, "method": "notifications/message", "params": {"level": level, "data": level}})
    equal(next_of(streams[0], "notifications/message")["level"], "warning", "each hears of what he asked for")
    equal([next_of(streams[2], "notifications/message")["level"] for _ in range(2)], ["debug", "warning"], "and no less")
    equal(error_of(a.request("tasks/list"))[1], -32601, "there are no tasks of a process that many use")
    for stream in (streams[0], streams[2]):
        stream.close()


def test_death(place):
    gate = gate_of(place)
    clients = [kind(gate, "one", key) for key in tokens(gate, 3) for kind in (Legacy, Modern)]
    before = process_of(clients[0])
    flags = [os.path.join(gate.folder, f"d{i}") for i in range(len(clients))]
    calls = [Background(lambda c=c, f=f: c.call("wait", {"file": f})) for c, f in zip(clients, flags)]
    ok(until(lambda: all(os.path.exists(f + ".begun") for f in flags)), "every client has a call under way")
    os.kill(started(gate)[0], signal.SIGKILL)
    equal([error_of(call.result())[2] for call in calls], ["K702"] * len(calls), "each learns that the server has ended")
    after = set(together([lambda c=c: process_of(c) for c in clients]))
    ok(len(after) == 1 and before not in after and None not in after, "the next requests start one anew", after, before)
    equal(len(started(gate)), 2, "and no more than one", gate.log_text()[-1500:])


def test_end(place):
    """It ends when nobody has anything under way, and not before."""
    gate = gate_of(place, "--eras", "legacy", idle="1s")
    a, b = Legacy(gate, "one"), Modern(gate, "one", gate.new_token("other"))
    before, pid = process_of(a), started(gate)[0]
    flag = os.path.join(gate.folder, "long")
    call = Background(lambda: b.call("wait", {"file": flag, "tag": "done"}))
    ok(until(lambda: os.path.exists(flag + ".begun")), "a call is under way")
    ok(until(lambda: server_state(gate, "one")["connections"] == 1), "who has nothing to do leaves")
    ok(runs(pid), "while another's call is under way it goes on")
    open(flag, "w").close()
    equal(text_of(call.result()), "done", "and answers it")
    ok(until(lambda: not runs(pid)), "then it ends")
    ok(process_of(a) not in (before, None), "and is started again when it is needed")


def test_crowd(place):
    """The process is nobody's in particular: not of those a token may have; and one's answers are not the others' end."""
    gate = gate_of(place, more="limits: { processes-per-token: 1, result: 1MiB }\n", timeout="2s")
    clients = [Legacy(gate, "one") for _ in range(3)]
    equal(len({process_of(c) for c in clients}), 1, "three sessions of a token that may have one process")
    ok(process_of(Legacy(gate, "many")), "which it still may have")
    flag = os.path.join(gate.folder, "stays")
    call = Background(lambda: clients[0].call("wait", {"file": flag, "tag": "well"}))
    ok(until(lambda: os.path.exists(flag + ".begun")), "a call is under way")
    big = Background(lambda: clients[1].call("big", {"bytes": 3 << 20}))
    open(flag, "w").close()
    equal(text_of(call.result()), "well", "another one's answer that is too long does not end it")
    ok(error_of(big.result())[1] is not None, "and fails itself")
    equal(text_of(clients[2].call("tag", {"tag": "on"})), "on", "the others go on")


def test_turns(place):
    """`calls` counts those of all clients."""
    gate = gate_of(place, calls=1)
    a, b = Legacy(gate, "one"), Modern(gate, "one", gate.new_token("other"))
    flag = os.path.join(gate.folder, "turn")
    call = Background(lambda: a.call("wait", {"file": flag, "tag": "first"}))
    ok(until(lambda: os.path.exists(flag + ".begun")), "one is under way")
    other = Background(lambda: b.call("tag", {"tag": "second"}))
    ok(gate.has_under_way(2), "another one waits")
    equal([m["params"]["name"] for m in said(place, "tools/call")], ["wait"], "for its turn")
    open(flag, "w").close()
    equal((text_of(call.result()), text_of(other.result())), ("first", "second"), "and both are answered")


if __name__ == "__main__":
    main(test_one_process, test_answers, test_cancelling, test_asked, test_notifications, test_death, test_end, test_crowd, test_turns)
