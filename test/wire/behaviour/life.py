# life.py - the end of a gate and the deaths of its processes: what is under way, what is left behind, what is on record.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from wire import (Background, Closed, Host, Legacy, META, Modern, STDIO, equal, error_of, main, ok, raw_status, request_text,
                  run_line, skip, text_of, until, url_line)
from processes import below, enter, left, processes, role

READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
ROLES = ("worker", "keeper", "launcher", "egress")


def audit_lines(gate):
    """The lines of all segments; a line that is no JSON, unless it is the last one of its file and unfinished, is an error."""
    folder = os.path.join(gate.folder, "data", "audit")
    good = bad = 0
    for name in os.listdir(folder):
        if not name.endswith(".jsonl"):
            continue
        with open(os.path.join(folder, name), "rb") as data:
            for line in data.read().rstrip(b"\0").split(b"\n")[:-1]:
                try:
                    json.loads(line)
                    good += 1
                except ValueError:
                    bad += 1
    return good, bad


def gate_of(place):
    return place.gate({"near": run_line(), "far": url_line(place.remote(), timeout="60s")})


def held(gate, client, name):
    """A call that is under way until its file exists, and that file."""
    flag = f"{gate.folder}/{name}"
    call = Background(lambda: client.call("wait", {"file": flag, "tag": name}))
    ok(until(lambda: os.path.exists(flag + ".begun")), f"# the call {name} is under way")
    return call, flag


def listen_params(gate, server):
    return {"notifications": {"toolsListChanged": True}, "_meta": Modern(gate, server).meta()}


def test_drain(place):
    gate = gate_of(place)
    calls = [held(gate, kind(gate, server), f"{kind.__name__}-{server}") for kind in (Legacy, Modern) for server in ("near", "far")]
    idle, listening = Legacy(gate, "near"), Legacy(gate, "near").get()
    listens = [(server, Modern(gate, server).stream(request_text("subscriptions/listen", listen_params(gate, server), f"to {server}")))
               for server in ("", "near", "far")]
    for server, stream in listens:
        first = stream.message()
        ok(first and first["json"].get("method") == "notifications/subscriptions/acknowledged",
           f"# a subscription to /mcp/{server} begins", first)
    everything = below(gate)
    gate.process.send_signal(signal.SIGTERM)
    ok(until(lambda: "gate.stopping" in gate.log_text()), "SIGTERM: the gate begins to stop")
    late = Background(lambda: idle.call("tag", {"tag": "late"})).result()
    ok(isinstance(late, (Closed, OSError)) or late and error_of(late) == (503, -32603, "K802"),
       "a new call is refused, and not when the gate has ended", late)
    for server, stream in listens:
        last = attempt(stream.message)
        equal((last or {}).get("json"), {"jsonrpc": "2.0", "id": f"to {server}",
                                         "result": {"resultType": "complete", "_meta": {META + "subscriptionId": f"to {server}"}}},
              f"a subscription to /mcp/{server} ends with its closing result")
        ok(attempt(lambda: (stream.rest(),)) == ([],), "and then its stream does")
    ok(gate.process.poll() is None, "the gate is there still: calls are under way")
    for _, flag in calls:
        open(flag, "w").close()
    results = [call.result() for call, _ in calls]
    equal([text_of(r) for r in results], ["Legacy-near", "Legacy-far", "Modern-near", "Modern-far"],
          "the calls under way get their answers", *results)
    try:
        ended = listening.message() is None
    except Closed as e:
        ended = str(e) == "closed"
    ok(ended, "an event stream ends")
    equal(gate.process.wait(30), 0, "the gate ends with 0")
    ok(until(lambda: not left(everything)), "and leaves no process", left(everything))
    good, bad = audit_lines(gate)
    ok(good >= 8 and bad == 0, "every call is on record, in lines that can be read", good, bad)


def test_stuck_drain(place):
    """A call that does not end does not keep the gate for ever; a second SIGTERM, or SIGINT, does not leave anything either."""
    gate = gate_of(place)
    held(gate, Legacy(gate, "near"), "stuck")
    everything = below(gate)
    gate.process.send_signal(signal.SIGTERM)
    ok(until(lambda: "gate.stopping" in gate.log_text()), "SIGTERM: the gate begins to stop")
    gate.process.send_signal(signal.SIGTERM)
    try:
        code = gate.process.wait(60)
    except subprocess.TimeoutExpired:
        code = None
    ok(code is not None, "a second SIGTERM with a call under way ends it in bounded time", code)
    ok(until(lambda: not left(everything)), "and leaves no process", left(everything))


# Writes down how it is asked to end: stdin's end, or SIGTERM.
TIDY = 'trap "echo term >> $0; exit" TERM; "$@"; sleep 0.3; echo eof >> $0'
STUBBORN = 'trap "echo term >> $0; exit" TERM; "$@"; echo eof >> $0; while :; do sleep 0.1; done'


def written(path):
    try:
        with open(path) as text:
            return text.read().split()
    except FileNotFoundError:
        return []


def test_servers_end(place):
    """spec: mcp/2025-11-25 lifecycle, shutdown, stdio: first the end of stdin, then SIGTERM, then SIGKILL."""
    folder = tempfile.mkdtemp(prefix="kanmon-ends-")
    try:
        paths = {name: os.path.join(folder, name) for name in ("tidy", "stubborn")}
        gate = place.gate({name: {"run": shlex.join(["sh", "-c", script, paths[name], *STDIO])}
                           for name, script in (("tidy", TIDY), ("stubborn", STUBBORN))})
        for client in (Legacy(gate, "tidy"), Legacy(gate, "stubborn")):
            equal(text_of(client.call("tag", {"tag": "x"})), "x", "# a server runs")
            client.delete()
        ok(until(lambda: written(paths["tidy"]) == ["eof"]), "a session ends: its server's stdin does, and that is enough", written(paths["tidy"]))
        ok(until(lambda: written(paths["stubborn"]) == ["eof", "term"]), "who stays gets SIGTERM", written(paths["stubborn"]))
        for name in paths:
            os.unlink(paths[name])
            Legacy(gate, name).call("tag", {"tag": "x"})
        everything = below(gate)
        gate.process.send_signal(signal.SIGTERM)
        equal(gate.process.wait(30), 0, "the gate ends with 0")
        ok(not left(everything), "and leaves no process", left(everything))
        equal([written(paths[n]) for n in ("tidy", "stubborn")], [["eof"], ["eof", "term"]], "its servers ended the same way")
    finally:
        shutil.rmtree(folder)


def test_deaths(place):
    gate = gate_of(place)
    for name in ROLES:
        near, far = Legacy(gate, "near"), Legacy(gate, "far")
        call, flag = held(gate, near, f"near-{name}")
        other, other_flag = held(gate, far, f"far-{name}")
        old = role(gate, name)
        launched = [p for p in below(gate) if p not in [role(gate, r) for r in ROLES] and p != gate.process.pid]
        os.kill(old, signal.SIGKILL)
        ok(until(lambda: role(gate, name) not in (None, old)), f"{name} killed: there is another one")
        ok(until(lambda: raw_status(gate, READY) == 200), f"{name} killed: the gate is ready again")
        for path in (flag, other_flag):
            open(path, "w").close()
        results = [call.result(), other.result()]
        ok(all(r is not None for r in results), f"{name} killed: no call under way hangs", results)
        if name in ("keeper", "egress"):
            equal(text_of(results[0]), f"near-{name}", f"{name} killed: a call that does not need it is answered")
        if name in ("worker", "launcher"):
            ok(until(lambda: not left(launched)), f"{name} killed: its servers are gone", left(launched))
        for server in ("near", "far"):
            said = until(lambda: attempt(lambda: text_of(Legacy(gate, server).call("tag", {"tag": "again"}))), 30)
            equal(said, "again", f"{name} killed: {server} answers again")
            said = until(lambda: attempt(lambda: text_of(Modern(gate, server).call("tag", {"tag": "again"}))), 30)
            equal(said, "again", f"{name} killed: {server} answers again in the modern era")
        if name == "worker":
            equal(attempt(lambda: error_of(near.request("tools/list"))[:2]), (404, -32001), "worker killed: an old session is unknown")
    good, bad = audit_lines(gate)
    ok(good >= 8 and bad == 0, "the audit log can be read after all of it", good, bad)
    everything = below(gate)
    gate.process.kill()
    gate.process.wait()
    ok(until(lambda: not left(everything)), "the manager killed: nothing is left", left(everything))
    good, bad = audit_lines(gate)
    ok(good >= 8 and bad == 0, "and the audit log can be read", good, bad)
    gate.begin_again()
    equal(text_of(Legacy(gate, "near").call("tag", {"tag": "new"})), "new", "and the gate starts again in its place")


def attempt(work):
    """What it gives; None where the gate is not there at this moment."""
    try:
        return work()
    except (OSError, Closed, KeyError):
        time.sleep(0.1)
        return None


def test_lost_list(place):
    """The first answer to tools/list is dropped as garbage: who waits hears it in time, and the next call goes on."""
    for kind in (Legacy, Modern):
        gate = place.gate({"near": run_line("--garble", "tools/list", timeout="3s")})
        client = kind(gate, "near")
        calls = [Background(lambda: client.request("tools/list")), Background(lambda: client.call("tag", {"tag": "x"}, id=9))]
        for call in calls:
            reply = call.result()
            equal(error_of(reply), (200, -32603, "K703"), f"{kind.__name__}: a list that does not come ends what waits for it", reply)
            ok("did not answer tools/list within 3 s" in str(reply.body) and "a name occurs twice" in str(reply.body),
               f"{kind.__name__}: and says what came instead", reply)
        equal(text_of(client.call("tag", {"tag": "again"})), "again", f"{kind.__name__}: the next call asks anew")


def test_host_leaves(place):
    gate = gate_of(place)
    with Host(gate, STDIO) as host:
        host.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tag","arguments":{"tag":"x"}}}')
        equal(text_of(host.answer("1")), "x", "# a host has a server of its own")
        known = processes()
        server = [p for p in below(gate) if "stdio.py" in " ".join(known.get(p, (0, []))[1])]
        host.process.kill()
        host.process.wait()
    ok(server, "its server is below the gate", known)
    ok(until(lambda: not left(server)), "a host that is killed takes its server with it", left(server))
    ok(raw_status(gate, READY) == 200, "and the gate goes on")


def test_nothing_left(place):
    if os.getpid() != 1:
        skip("no process is left of all these tests", "only in a process namespace of its own")
        return
    mine = {os.getpid()}
    ok(until(lambda: not [p for p in processes() if p not in mine and p != 1]), "no process is left of all these tests",
       [p for p in processes().items() if p[0] not in mine])


if __name__ == "__main__":
    enter()
    main(test_drain, test_stuck_drain, test_servers_end, test_deaths, test_lost_list, test_host_leaves, test_nothing_left)
