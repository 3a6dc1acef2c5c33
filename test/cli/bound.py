# bound.py - tests of what status, doctor and serve say of a gate: where it listens, and which config it has.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import signal
import socket

from harness import SERVER, WAIT, Agent, Gate, contains, equal, is_alive, ok, text_of, wait_until
from hosts import run_with
from life import small
from up import test_up_twice


def test_address_taken():
    """The port belongs to another program: nobody may send it his token."""
    gate = Gate()
    with socket.socket() as other:
        other.bind(("127.0.0.1", gate.port))
        other.listen()
        host, reply = run_with(gate, *SERVER)
        ok(reply and "result" in reply, "run starts a gate though its port is taken", reply)
        result = gate.ask("status")
        ok(f"http://127.0.0.1:{gate.port}" not in result.out, "status does not name an address that is not the gate's", result)
        ok(re.search(r"^address +none: K901: ", result.out, re.M), "but says that there is none, and why", result)
        state = gate.state()
        equal(state["listen"], [], "the same as JSON")
        contains(state.get("listen_refused", ""), "K901", "with the reason")
        doctor = gate.ask("doctor").out
        ok(f"http://127.0.0.1:{gate.port}/mcp" not in doctor, "nor does doctor ask the other program", doctor)
        contains(doctor, "▲ gate       it serves hosts on stdio only: K901", "it says what is the matter")
        contains(gate.ask("status", LANG="ja_JP.UTF-8").out, "なし: K901", "in Japanese")
        host.end()


def test_address_edited():
    """A reload that is refused changes nothing, and is not forgotten."""
    gate = Gate(small("echo")).start()
    bound = f"http://127.0.0.1:{gate.port}/mcp"
    state = gate.state()
    ok(state["listen"] == [bound] and "config_refused" not in state, "a gate in order", state)
    good = gate.config.read_text()
    gate.listen = "127.0.0.1:1"
    gate.write(small("echo"))
    ok(gate.logged("change with a restart only"), "another address needs a restart", gate.log_text())
    result = gate.ask("status")
    ok(bound in result.out and "127.0.0.1:1/" not in result.out, "status shows the address that is bound", result)
    ok(re.search(r"refused at 20\S+Z, the one before stays in force: `listen` \(line 2\) can", result.out), "and that the file was not loaded, when and why", result)
    state = gate.state()
    ok(state["listen"] == [bound] and "with a restart only" in state["config_refused"]["why"] and state["config_refused"]["at_ms"] > 0,
       "the same as JSON", state)
    doctor = gate.ask("doctor").out
    ok(f"{bound}; running, healthy, ready" in doctor and "the config was refused at 20" in doctor, "and doctor", doctor)
    contains(gate.ask("status", LANG="ja_JP.UTF-8").out, "新しい設定は", "in Japanese")
    gate.config.write_text(f"version: 1\ndata: {gate.data}\nserverz: 1\n")
    ok(wait_until(lambda: "K102" in gate.run("status", "-o", "json", "--data-dir", str(gate.data), "-c", str(gate.config)).out),
       "a wrong file: the first problem is the reason", gate.log_text())
    why = gate.state()["config_refused"]["why"]
    ok(re.search(r"kanmon\.yaml:3: K102: ", why), "with its file, line and code", why)
    problems = gate.state()["config_refused"].get("problems", [])
    equal([(p["code"], p["line"]) for p in problems], [("K102", 3)], "JSON has all of them")
    gate.config.write_text(good)
    ok(wait_until(lambda: "config_refused" not in gate.state()), "what is as it was is no refusal any more", gate.state())


def test_any_port():
    """`listen: 127.0.0.1:0`: the kernel chooses, the gate says what."""
    gate = Gate(small("echo"), listen="127.0.0.1:0")
    gate.begin()
    ok(gate.logged("kanmon: http://"), "a gate on any free port", gate.log_text())
    url = re.search(r"kanmon: (http://127\.0\.0\.1:(\d+)/mcp)", gate.log_text())
    ok(url and url.group(2) != "0", "serve prints the port it got", gate.log_text())
    gate.port = int(url.group(2)) if url else 0
    equal(gate.health("/readyz"), 200, "there the gate is")
    equal(gate.state()["listen"], [url.group(1)] if url else None, "status shows it")
    contains(gate.ask("doctor").out, f":{gate.port}/mcp; running, healthy, ready", "doctor asks there")
    equal(Agent(gate, gate.token()).initialize()[0], 200, "an agent gets through")


def events(gate):
    """Every line of the log, each of which is JSON."""
    return [json.loads(line) for line in gate.log_text().splitlines()]


def refusals(gate):
    return [e for e in events(gate) if e["event"] == "config.refused"]


def test_json_log():
    """`log.format: json`: a program reads every line of stderr."""
    log = "log: { format: json }\n"
    gate = Gate(log + small("echo")).start()
    ok(wait_until(lambda: "gate.ready" in gate.log_text()), "a gate whose log is JSON", gate.log_text())
    ready = [e for e in events(gate) if e["event"] == "gate.ready"]
    equal([(e["url"], e["config"]) for e in ready], [(f"http://127.0.0.1:{gate.port}/mcp", str(gate.config))],
          "the ready lines are fields of an event")
    gate.write(log + "serverz: 1\nlimits:\n  calls: many\n")
    ok(wait_until(lambda: len(refusals(gate)) >= 2), "a wrong file: an event for each problem", gate.log_text())
    equal([(e["code"], e["file"], e["line"], e["key"]) for e in refusals(gate)],
          [("K102", str(gate.config), 5, "serverz"), ("K103", str(gate.config), 7, "calls")],
          "with code, file, line and key")
    ok(refusals(gate)[0]["why"] == "unknown key `serverz`" and "limits.calls" in refusals(gate)[1]["why"], "and the sentence", *refusals(gate))
    gate.config.unlink()
    os.symlink(os.fsencode(gate.home) + b"/\xff", gate.config)
    gate.process.send_signal(signal.SIGHUP)
    ok(wait_until(lambda: len(refusals(gate)) == 3), "a file that is gone: an event", gate.log_text())
    state = json.loads(gate.ask("status", "-o", "json", "--data-dir", str(gate.data)).out)
    contains(state["config_refused"]["why"], "cannot read the config", "and status has it")
    gate.write(small("echo"))
    ok(wait_until(lambda: "with a restart only" in gate.log_text()), "another format: refused", gate.log_text())
    equal(len(refusals(gate)), 4, "in one event")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        gate = Gate(log, listen=f"127.0.0.1:{other.getsockname()[1]}").begin()
        equal(gate.process.wait(WAIT), 1, "a gate that cannot begin")
        ok([e["event"] for e in events(gate)][-1] == "gate.failed" and "K901" in events(gate)[-1]["why"], "says why in an event", *events(gate))


def test_serve_after_run():
    """A gate that a host started is no reason for `serve` not to start, unless a host is there."""
    gate = Gate(small("echo"))
    host, reply = run_with(gate, *SERVER)
    ok(reply and "result" in reply, "run starts a gate", reply)
    old = gate.manager_of_control()
    state = gate.state()
    equal((state["started_by"], state["hosts"]), ("run", 1), "status as JSON says who started it")
    contains(gate.ask("status").out, "started by `kanmon run`", "and as text")
    contains(gate.ask("status", LANG="ja_JP.UTF-8").out, "`kanmon run` が起動", "in Japanese")
    result = gate.ask("serve")
    ok(result.code == 1 and "started by `kanmon run`" in result.err and f"pid {old}" in result.err and f"kill {old}" in result.err
       and str(gate.data) in result.err, "serve while a host is there: refused, and what to do", result)
    contains(gate.ask("serve", LANG="ja_JP.UTF-8").err, f"kill {old}", "in Japanese")
    equal(text_of(host.call(2, "echo", text="still")), "still", "the host goes on")
    equal(host.end()[0], 0, "the host ends")
    ok(wait_until(lambda: gate.state()["hosts"] == 0), "nobody is left")
    gate.begin()
    ok(wait_until(lambda: gate.manager_of_control() == gate.process.pid), "serve takes the idle gate's place", gate.log_text())
    ok(wait_until(lambda: gate.health("/readyz") == 200), "and is ready")
    ok(wait_until(lambda: not is_alive(old)), "which has ended")
    contains(gate.log_text(), "gate.takeover", "the log says so")
    equal(gate.state()["started_by"], "serve", "and status, who started this one")
    result = gate.ask("serve")
    ok(result.code == 1 and "another gate uses" in result.err, "a gate that serve started makes no room", result)
    host, reply = run_with(gate, *SERVER)
    ok(reply and "result" in reply and gate.manager_of_control() == gate.process.pid, "the next host comes to it", reply)
    host.end()


def test_metrics_taken():
    """The message names the key the address stands under, and doctor tries that one too."""
    gate = Gate()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        gate.write(f"metrics: 127.0.0.1:{other.getsockname()[1]}\nservers: {{}}\n")
        result = gate.ask("serve")
        ok(result.code == 1 and "K901" in result.err and "with `metrics:`" in result.err, "a port in use for metrics: the key is named", result)
        doctor = gate.ask("doctor")
        ok(doctor.code == 3 and "✗ gate       K901" in doctor.out and "with `metrics:`" in doctor.out and "is free" not in doctor.out,
           "doctor says so too", doctor)
        contains(gate.ask("doctor", LANG="ja_JP.UTF-8").out, "`metrics:` で", "in Japanese")
    gate.listen = "192.0.2.7:7676"
    gate.write(f"metrics: 127.0.0.1:{gate.port}\nservers: {{}}\n")
    contains(gate.ask("doctor").out, "K903: 192.0.2.7:7676", "the other one is tried as before")


def test_hints():
    """The command that a message names finds the gate that is meant, as it stands."""
    gate = Gate()
    other = gate.home / "it's other"
    quoted = "'" + str(other).replace("'", "'\\''") + "'"
    result = gate.ask("status")
    ok(result.code == 69 and f"start it with `kanmon serve -c {gate.config}`" in result.err, "status without a gate names its config", result)
    result = gate.ask("status", "--data-dir", str(other))
    contains(result.err, f"`kanmon serve -c {gate.config} --data-dir {quoted}`", "and its data folder, quoted")
    gate.start()
    result = gate.ask("serve")
    ok(result.code == 1 and f"see `kanmon status -c {gate.config}`" in result.err, "another gate: so does serve", result)
    contains(gate.ask("serve", LANG="ja_JP.UTF-8").err, f"`kanmon status -c {gate.config}` を", "in Japanese")
    result = gate.ask("status", "--data-dir", str(other))
    ok(result.code == 69 and f"127.0.0.1:{gate.port} answers: perhaps a gate with another --data-dir" in result.err,
       "its address answers: perhaps another data folder", result)
    contains(gate.ask("status", "--data-dir", str(other), LANG="ja_JP.UTF-8").err, "別の --data-dir", "in Japanese")
    equal(gate.ask("status", "-o", "json", "--data-dir", str(other)).out, '{"running":false}\n', "JSON is as it was")
    gate.stop()
    own = gate.home / ".config" / "kanmon" / "kanmon.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(f"version: 1\nlisten: 127.0.0.1:{gate.port}\nservers: {{}}\n")
    contains(gate.run("status").err, "start it with `kanmon serve`", "the user's own gate needs no option")


TESTS = (test_serve_after_run, test_json_log, test_address_taken, test_metrics_taken, test_address_edited, test_any_port, test_hints,
         test_up_twice)
