# life.py - tests of a gate from its start to its end: ports, locks, reloads, deaths, drains.
# SPDX-License-Identifier: Apache-2.0
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading

from harness import (SERVER, WAIT, Agent, Gate, code_of, contains, descendants, equal, is_alive, ok, skip,
                     text_of, wait_until)
from shown import shown

SMALL = "servers:\n  small:\n    run: {}\n    tools: {{ allow: [{}] }}\n"


def small(*allowed):
    return SMALL.format(shlex.join(SERVER), ", ".join(f'"{a}"' for a in allowed or ["*"]))


def test_port_in_use():
    gate = Gate()
    with socket.socket() as other:
        other.bind(("127.0.0.1", gate.port))
        other.listen()
        result = gate.ask("serve")
        ok(result.code == 1 and "K901" in result.err, "a port in use: the gate does not start", result)
        shown("port-in-use", "kanmon serve", result.text, gate)
        doctor = gate.ask("doctor")
        ok(doctor.code == 3 and "✗ gate       K901" in doctor.out, "doctor says so too", doctor)
        contains(gate.ask("serve", LANG="ja_JP.UTF-8").err, "ほかのプログラムが使っています", "in Japanese")
    gate.listen = "192.0.2.7:7676"
    gate.write("servers: {}\n")
    result = gate.ask("serve")
    ok(result.code == 1 and "K903" in result.err, "an address of another machine", result)


def test_two_gates():
    gate = Gate().start()
    second = gate.ask("serve")
    ok(second.code == 1 and "another gate uses" in second.err, "one data folder serves one gate", second)
    equal(gate.health("/healthz"), 200, "the first one goes on")
    equal(gate.stop(), 0, "and ends in order")
    equal(gate.start().stop(), 0, "its place is free after it")
    gate.start()
    gate.process.kill()
    gate.process.wait()
    equal(gate.start().stop(), 0, "and after a death without warning")


def test_nothing_listens():
    gate = Gate()
    result = gate.ask("status")
    ok(result.code == 69 and "no gate is running" in result.err and not result.out, "status without a gate", result)
    result = gate.ask("status", "-o", "json")
    ok(result.code == 69 and result.out == '{"running":false}\n', "the same as JSON", result)


# --- servers that cannot be reached ---

DEAD = """servers:
  missing:
    run: no-such-program
    tools: { allow: ["*"] }
  ends:
    run: "false"
    tools: { allow: ["*"] }
  far:
    url: http://127.0.0.1:1/mcp
    tools: { allow: ["*"] }
  closed:
    run: cat
"""


def test_dead_servers():
    gate = Gate(DEAD)
    doctor = gate.ask("doctor", "--servers")
    equal(doctor.code, 3, "doctor: exit code 3 where there is a problem")
    shown("doctor", "kanmon doctor --servers", doctor.text, gate)
    gate.start()
    token = gate.token()
    for name, part in (("missing", "the program 'no-such-program' is in no folder of PATH"),
                       ("ends", "exited"), ("far", "cannot be reached; the gate's log says why")):
        status, reply = Agent(gate, token, name).initialize()
        ok(status == 200 and code_of(reply) == "K701" and part in reply["error"]["message"],
           f"{name}: the agent is told why, with K701", status, reply)
        ok(not re.search(r"127\.0\.0\.1|port|refused", reply["error"]["message"]),
           f"{name}: and nothing of an address", reply)
    agent = Agent(gate, token)
    equal(agent.initialize()[0], 200, "the catalogue stands without them")
    equal(agent.request("tools/list")[1]["result"]["tools"], [], "and is empty")
    servers = {s["name"]: s for s in gate.state()["servers"]}
    ok(all(servers[n]["failed"] > 0 and servers[n]["last_failure"] for n in ("missing", "ends", "far")),
       "status counts the failures", servers)
    contains(servers["far"]["last_failure"], "127.0.0.1", "status says where one was not reached")
    contains(servers["far"]["last_failure"], "Connection refused", "and why")
    contains(gate.ask("status").out, "closed shows no tools: it has no `tools.allow`.", "status names the closed one")
    equal(gate.health("/readyz"), 200, "the gate itself is ready")


def test_shown_failure():
    gate = Gate("servers:\n  files:\n    run: files-server ~/work\n    tools: { allow: [\"read_*\"] }\n").start()
    status, reply = Agent(gate, gate.token(), "files").initialize()
    body = '{"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":"%s","data":{"kanmon":"%s"}}}\n'
    shown("dead-server-agent", "curl … http://127.0.0.1:7676/mcp/files",
          body % (reply["error"]["code"], reply["error"]["message"], code_of(reply)), gate)
    result = gate.ask("status").out
    # How often a client tried is the client's business.
    count = gate.state()["servers"][0]["failed"]
    lines = result.splitlines()
    lines[-1] = lines[-1].replace(f"  {count} ", "  1 ")
    shown("dead-server-status", "kanmon status", "\n".join(lines) + "\n", gate)


# --- reload ---

def tools(agent):
    return sorted(t["name"] for t in agent.request("tools/list")[1]["result"]["tools"])


def test_reload():
    gate = Gate(small("echo")).start()
    token = gate.token()
    agent = Agent(gate, token)
    agent.initialize()
    equal(tools(agent), ["small__echo"], "the first config is in force")
    equal(text_of(agent.call("small__echo", text="hello")[1]), "hello", "a call passes")

    gate.write(small("echo", "pid"))
    ok(gate.logged("config.loaded"), "a changed file is taken over by itself", gate.log_text())
    ok(wait_until(lambda: tools(agent) == ["small__echo", "small__pid"]), "and the session sees it", tools(agent))

    before = gate.state()["config"]
    gate.config.write_text("version: 1\nservers: [\n")
    ok(gate.logged("config.refused"), "a wrong file is refused", gate.log_text())
    contains(gate.log_text(), "the config that is in force stays in force", "and the log says what stays")
    good = gate.home / "good.yaml"
    good.write_text("version: 1\n")
    state = gate.run("status", "-o", "json", "-c", str(good), "--data-dir", str(gate.data))
    contains(state.out, before, "the config of before is in force")
    equal(tools(agent), ["small__echo", "small__pid"], "the tools stay")

    gate.process.send_signal(signal.SIGHUP)
    ok(wait_until(lambda: gate.log_text().count("config.refused") >= 2), "SIGHUP: refused again", gate.log_text())
    gate.write(small("pid"))
    gate.process.send_signal(signal.SIGHUP)
    ok(wait_until(lambda: tools(agent) == ["small__pid"]), "a good config: taken over", tools(agent))

    gate.listen = "127.0.0.1:1"
    gate.write(small("pid"))
    ok(gate.logged("change with a restart only"), "a changed address needs a restart, and the log says so")
    equal(gate.health("/readyz"), 200, "the gate goes on where it was")


def marked(mark, allowed="mark", more=""):
    """The small server with a variable in its environment."""
    return small(allowed) + f"    env: {{ MARK: {mark} }}\n{more}"


def mark_of(agent):
    return text_of(agent.call("small__mark")[1])


def test_reload_is_whole():
    """A new config is in force in every process, or in none."""
    gate = Gate(marked("one")).start()
    agent = Agent(gate, gate.token())
    agent.initialize()
    equal(mark_of(agent), "one", "a server runs with its environment")
    secret = gate.home / "secret"
    needs = f"  needs:\n    run: cat\n    env: {{ KEY: secret:file{secret} }}\n"
    gate.write("limits: { body: 4KiB }\n" + marked("two", more=needs))
    ok(gate.logged("config.refused"), "a server whose secret is missing: the new config is refused", gate.log_text())
    contains(gate.log_text(), "server needs: the variable KEY", "and the log says which")
    equal(mark_of(agent), "one", "the other server is not changed either")
    equal(agent.call("small__mark", pad="x" * 5000)[0], 200, "nor is a limit")
    equal(len(gate.state()["servers"]), 1, "and there is no other server")
    gate.write(marked("two", more="  many:\n    run: cat\n    env: {" + ", ".join(f"V{i}: x" for i in range(256)) + "}\n"))
    ok(wait_until(lambda: gate.log_text().count("config.refused") == 2), "what the launcher would not take: refused", gate.log_text())
    contains(gate.log_text(), "server many: the environment has at most 256 entries", "and the log says why")
    equal(mark_of(agent), "one", "again nothing has changed")
    gate.write("log: { level: debug }\n" + marked("two"))
    ok(gate.logged("`log.level` (line 4) can change with a restart only"), "the log's settings need a restart, and the log says so")

    gate.write("threads: 7\n" + marked("two"))
    ok(gate.logged("`threads` (line 4) can change with a restart only"), "and so does the number of threads")

    secret.write_text("s")
    gate.write("limits: { body: 4KiB }\n" + marked("two", more=needs))
    ok(gate.logged("config.loaded"), "with the secret there: taken over", gate.log_text())
    ok(wait_until(lambda: mark_of(agent) == "two"), "another environment: the session gets the server anew", mark_of(agent))
    equal(agent.call("small__mark", pad="x" * 5000)[0], 413, "a smaller limit holds at once")
    gate.write("limits: { body: 8KiB }\n" + marked("two"))
    ok(wait_until(lambda: agent.call("small__mark", pad="x" * 5000)[0] == 200), "and so does a larger one")


def test_reload_of_secrets():
    """The config's text stays; what a secret in it stands for does not."""
    gate = Gate()
    secret = gate.home / "secret"
    secret.write_text("one\n")
    gate.write(marked(f"secret:file{secret}"))
    gate.start()
    agent = Agent(gate, gate.token())
    agent.initialize()
    equal(mark_of(agent), "one", "a server runs with its secret")
    gate.process.send_signal(signal.SIGHUP)
    ok(gate.logged("config.unchanged"), "SIGHUP, and nothing has changed: the log says so", gate.log_text())
    ok("config.loaded" not in gate.log_text(), "and nothing was loaded", gate.log_text())
    secret.unlink()
    gate.process.send_signal(signal.SIGHUP)
    ok(gate.logged("server small: the variable MARK"), "the secret is gone: refused", gate.log_text())
    equal(mark_of(agent), "one", "and the server stays")
    secret.write_text("two\n")
    gate.process.send_signal(signal.SIGHUP)
    ok(gate.logged("config.loaded"), "another secret: taken over", gate.log_text())
    ok(wait_until(lambda: mark_of(agent) == "two"), "the session gets the server anew", mark_of(agent))
    gate.process.send_signal(signal.SIGHUP)
    ok(wait_until(lambda: gate.log_text().count("config.unchanged") == 2), "and then there is nothing new", gate.log_text())
    ok("two" not in gate.log_text() and "two" not in gate.ask("status", "-o", "json").out, "the secret is nowhere to be seen")


def test_reload_and_death():
    """The worker dies, or the file changes again, before the worker has answered."""
    gate = Gate(marked("one")).start()
    token = gate.token()
    worker = gate.processes()["worker"]
    os.kill(worker, signal.SIGSTOP)
    gate.write(marked("two"))
    ok(gate.logged("config.read"), "a config is handed to a worker that does not answer", gate.log_text())
    os.kill(worker, signal.SIGKILL)
    ok(gate.logged("the worker ended while it took the config over"), "which dies: the config is refused", gate.log_text())
    ok(wait_until(lambda: gate.health("/readyz") == 200), "the next one is ready")
    agent = Agent(gate, token)
    ok(wait_until(lambda: agent.initialize()[0] == 200), "and serves")
    equal(mark_of(agent), "one", "with the config of before")
    worker = gate.processes()["worker"]
    os.kill(worker, signal.SIGSTOP)
    gate.write(marked("three"))
    ok(wait_until(lambda: gate.log_text().count("config.read") == 2), "a config under way")
    gate.write(marked("four"))
    gate.process.send_signal(signal.SIGHUP)
    os.kill(worker, signal.SIGCONT)
    ok(wait_until(lambda: gate.log_text().count("config.loaded") == 2), "and another one after it: both are taken", gate.log_text())
    equal(mark_of(agent), "four", "the last one is in force")


def test_broken_config():
    """After a bad edit the gate goes on; who only asks it needs its folder, not its config."""
    gate = Gate(small("echo")).start()
    good = gate.config.read_text()
    gate.config.write_text(f"version: 1\ndata: '{gate.data}' # here\nservers: [\n")
    ok(gate.logged("config.refused"), "a bad edit: the gate goes on")
    note = "the gate that runs goes on with the config it read before"
    result = gate.ask("status")
    ok(result.code == 0 and "error[K101]" in result.err and note in result.err, "status says what is wrong, and what is in force", result)
    ok("BROKEN; the gate goes on" in result.out and "small" in result.out, "and shows the gate", result)
    state = gate.state()
    ok(state["running"] and state["config_file_usable"] is False and state["servers"][0]["name"] == "small", "the same as JSON", state)
    contains(gate.ask("status", LANG="ja_JP.UTF-8").err, "動いているゲートは", "in Japanese")
    result = gate.ask("token", "create", "late")
    ok(result.code == 0 and result.out.strip() and note in result.err, "a token can be made", result)
    contains(gate.ask("token", "list").out, "late", "and listed")
    result = gate.ask("doctor")
    ok(result.code == 3 and "it runs, with the config it read before" in result.out and "error[K101]" in result.out
       and "tokens" in result.out, "doctor looks at the gate, too", result)
    gate.config.write_text("version: 1\nservers: [\n")
    equal(gate.ask("status").code, 2, "where nothing tells where its data is: only what is wrong")
    equal(gate.ask("status", "--data-dir", str(gate.data)).code, 0, "unless it is said")
    gate.config.unlink()
    result = gate.ask("status", "--data-dir", str(gate.data))
    ok(result.code == 0 and "cannot read the config" in result.err and note in result.err, "a file that is gone", result)
    gate.config.write_text(good)
    gate.stop()
    gate.config.write_text(f"version: 1\ndata: {gate.data}\nservers: [\n")
    for words in (("status",), ("token", "list")):
        result = gate.ask(*words)
        ok(result.code == 2 and note not in result.err, f"{words[0]}: without a gate the config must be good", result)


def test_authorities():
    """Without certificate authorities no https server can be reached: said before the first one fails."""
    https = "servers:\n  far: { url: 'https://127.0.0.1:1/mcp', tools: { allow: ['*'] } }\n"
    empty = None
    for case in ("missing", "empty"):
        gate = Gate(https)
        empty = gate.home / "authorities.pem"
        if case == "empty":
            empty.write_text("")
        gate.env["SSL_CERT_FILE"] = str(empty)
        gate.start()
        ok("tls.roots" in gate.log_text() and str(empty) in gate.log_text(), f"a bundle that is {case}: the log says so at start",
           gate.log_text())
        result = gate.ask("doctor")
        ok(f"▲ TLS        the file that SSL_CERT_FILE names has no certificate: {empty}" in result.out, "and so does doctor", result)
        gate.stop()
    gate = Gate("servers:\n  near: { url: 'http://127.0.0.1:1/mcp' }\n")
    gate.env["SSL_CERT_FILE"] = str(empty)
    gate.start()
    ok("tls.roots" not in gate.log_text() and " TLS " not in gate.ask("doctor").out, "who needs none hears nothing", gate.log_text())


# --- deaths ---

def test_deaths():
    gate = Gate(small()).start()
    token = gate.token()
    for role in ("worker", "keeper", "launcher", "egress"):
        agent = Agent(gate, token, "small")
        agent.initialize()
        server = int(text_of(agent.call("pid")[1]) or 0)
        old = gate.processes()[role]
        os.kill(old, signal.SIGKILL)
        ok(wait_until(lambda: gate.processes().get(role, old) != old), f"{role} killed: another one is started")
        ok(wait_until(lambda: gate.health("/readyz") == 200), f"{role} killed: the gate is ready again")
        fresh = Agent(gate, token, "small")
        said = wait_until(lambda: fresh.initialize()[0] == 200 and text_of(fresh.call("echo", text="again")[1]))
        equal(said, "again", f"{role} killed: calls pass again")
        if role == "launcher":
            # Its pid is of the server's own namespace: only what is below the gate can be counted.
            ok(server > 0, "the server said its pid")
    everything = [gate.process.pid, *descendants(gate.process.pid)]
    ok(len(everything) >= 5, "the gate has its processes", everything)
    gate.process.kill()
    gate.process.wait()
    left = wait_until(lambda: not [p for p in everything if is_alive(p)])
    ok(left, "the manager killed: nothing is left", [p for p in everything if is_alive(p)])
    equal(gate.start().health("/readyz"), 200, "and the gate can be started again")
    everything = descendants(gate.process.pid)
    equal(gate.stop(), 0, "a stop")
    ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), "leaves nothing either")


def test_launcher_leaves_no_server():
    gate = Gate(small()).start()
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    agent.call("pid")
    launcher = gate.processes()["launcher"]
    below = descendants(launcher)
    ok(below, "a server runs below the launcher")
    os.kill(launcher, signal.SIGKILL)
    ok(wait_until(lambda: not [p for p in below if is_alive(p)]), "the launcher killed: its servers go with it",
       [p for p in below if is_alive(p)])


# --- the end ---

def test_drain():
    gate = Gate(small()).start()
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    flag = gate.home / "go"
    replies = []
    caller = threading.Thread(target=lambda: replies.append(agent.call("wait", file=str(flag))))
    caller.start()
    ok(wait_until(lambda: (gate.home / "go.begun").exists()), "a call is under way")
    gate.process.send_signal(signal.SIGTERM)
    ok(gate.logged("gate.stopping"), "SIGTERM: the gate stops")
    flag.touch()
    caller.join(WAIT)
    equal(text_of(replies[0][1]) if replies else None, "waited", "the call under way gets its answer")
    equal(gate.process.wait(WAIT), 0, "and the gate ends with 0")
    records = b"".join(p.read_bytes() for p in (gate.data / "audit").iterdir() if p.is_file())
    ok(b"wait" in records, "the call is in the audit log", records[-600:])


def test_keeper_last():
    """What the worker records until its end is written: the keeper leaves after it."""
    gate = Gate(small()).start()
    of = gate.processes()
    os.kill(of["worker"], signal.SIGSTOP)
    gate.process.send_signal(signal.SIGTERM)
    ok(gate.logged("gate.stopping"), "the gate stops")
    gate.process.send_signal(signal.SIGTERM)
    ok(wait_until(lambda: not is_alive(of["launcher"]) and not is_alive(of["egress"])), "told twice, it does not wait")
    # It would need no longer to end than those two.
    ok(not wait_until(lambda: not is_alive(of["keeper"]), 1), "the keeper stays as long as the worker")
    os.kill(of["worker"], signal.SIGCONT)
    equal(gate.process.wait(WAIT), 0, "and ends after it")
    ok(wait_until(lambda: not [p for p in of.values() if is_alive(p)]), "nothing is left", of)


def test_interrupt():
    gate = Gate().start()
    equal(gate.stop(signal.SIGINT), 0, "SIGINT ends a gate in order")
    ok(not (gate.data / "control.sock").exists(), "its control socket is gone")


# --- TLS ---

def test_secure():
    gate = Gate()
    made = shutil.which("openssl") and subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
         "-out", "cert.pem", "-days", "30", "-subj", "/CN=localhost"], cwd=gate.home, capture_output=True).returncode == 0
    if not made:
        skip("a gate with TLS", "openssl is not installed")
        return
    gate.write("tls: { cert: key.pem, key: cert.pem }\n")
    wrong = gate.ask("serve")
    ok(wrong.code == 2 and "error[K112]" in wrong.err, "a certificate that is none", wrong)
    gate.write("tls: { cert: cert.pem, key: key.pem }\n")
    gate.begin()
    ok(wait_until(lambda: gate.ask("status").code == 0), "a gate with TLS", gate.log_text())
    contains(gate.ask("status").out, f"https://127.0.0.1:{gate.port}/mcp", "status names https")
    contains(gate.ask("doctor").out, f"https://127.0.0.1:{gate.port}/mcp; running, healthy, ready", "so does doctor")
    contains(gate.log_text(), f"kanmon: https://127.0.0.1:{gate.port}/mcp", "and serve")


# --- systemd ---

def test_notify():
    gate = Gate()
    path = gate.home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(WAIT)
        gate.env["NOTIFY_SOCKET"] = str(path)
        gate.start()
        contains(s.recv(1024).decode(), "READY=1", "systemd is told when the gate is ready")
        gate.stop()
        contains(s.recv(1024).decode(), "STOPPING=1", "and when it stops")


TESTS = (test_port_in_use, test_secure, test_two_gates, test_nothing_listens, test_dead_servers, test_shown_failure, test_reload, test_reload_is_whole,
         test_reload_of_secrets, test_reload_and_death,
         test_broken_config, test_authorities,
         test_deaths, test_launcher_leaves_no_server, test_drain, test_keeper_last, test_interrupt, test_notify)
