# users.py - tests of as whom the gate's processes run: users of their own under root, the one user otherwise.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from harness import KANMON, WAIT, Agent, Gate, command_line, descendants, equal, is_alive, ok, skip, text_of, wait_until
from life import small

WORKER, EGRESS = 60761, 60762
NOBODY = 65534
ROLES = ("keeper", "launcher", "egress", "worker")


def status_of(pid):
    """The lines of /proc/PID/status by their names, as lists of words."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {name: rest.split() for name, _, rest in (line.partition(":") for line in file)}


def confined(gate, *roles):
    """Have they given up what they do not need? It follows their start."""
    return wait_until(lambda: all(status_of(gate.processes()[role])["Seccomp"] == ["2"] for role in roles))


class Begun(Gate):
    """A gate that another program starts: `before` comes before its command."""

    before = ()

    def spawn(self, *words, **more):
        if words[0] != "serve":
            return super().spawn(*words, **more)
        return subprocess.Popen([*self.before, KANMON, *words], cwd=self.home, env=self.env, **more)


class Far(BaseHTTPRequestHandler):
    """What egress reaches."""

    def do_POST(self):
        self.server.reached.set()
        self.send_error(404)

    def log_message(self, *_):
        pass


def far_server():
    server = HTTPServer(("127.0.0.1", 0), Far)
    server.reached = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def each_its_own(gate):
    want = {"worker": WORKER, "egress": EGRESS, "keeper": 0, "launcher": 0}
    confined(gate, *ROLES)
    for role, pid in gate.processes().items():
        status = status_of(pid)
        equal((status["Uid"], status["Gid"]), ([str(want[role])] * 4, [str(want[role])] * 4), f"{role}: user and group")
        equal(status["NoNewPrivs"], ["1"], f"{role}: no new privileges")
        if role != "launcher":
            equal(status["Groups"], [], f"{role}: no further groups")
            equal([status[name][0].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")], [""] * 4,
                  f"{role}: no capability")
    equal(gate.state()["users"], {"manager": 0, **want}, "status names them")
    shown = f"worker {WORKER}, egress {EGRESS}, keeper root without capabilities, launcher root, manager root"
    ok(f"users      {shown}\n" in gate.ask("status").out, "in words, too", gate.ask("status"))
    ok(f"✓ users      {shown}\n" in gate.ask("doctor").out, "so does doctor", gate.ask("doctor"))


def test_root():
    if os.geteuid() != 0:
        skip("users of their own", "only root can change its user")
        return
    far = far_server()
    gate = Gate(small() + f"  far:\n    url: http://127.0.0.1:{far.server_port}/mcp\n    tools: {{ allow: [\"*\"] }}\n")
    gate.start()
    each_its_own(gate)
    token = gate.token()
    agent = Agent(gate, token, "small")
    agent.initialize()
    equal(text_of(agent.call("echo", text="hello")[1]), "hello", "a call passes")
    Agent(gate, token, "far").initialize()
    ok(far.reached.is_set(), "egress reaches what the config names", gate.log_text())
    far.shutdown()
    first = gate.processes()["worker"]
    gate.write(small("echo", "pid"))
    ok(gate.logged("config.loaded"), "a new config is taken over", gate.log_text())
    os.kill(first, signal.SIGKILL)
    ok(wait_until(lambda: gate.processes().get("worker", first) != first and gate.health("/readyz") == 200),
       "a worker that died is replaced", gate.log_text())
    confined(gate, "worker")
    equal(status_of(gate.processes()["worker"])["Uid"][0], str(WORKER), "by one that is no root either")
    equal(gate.stop(), 0, "the manager ends them all in order")


def test_manager_dies():
    gate = Gate().start()
    confined(gate, *ROLES)
    roles = gate.processes()
    os.kill(roles["worker"], signal.SIGSTOP)
    gate.process.kill()
    gate.process.wait(WAIT)
    ok(wait_until(lambda: not any(is_alive(pid) for pid in roles.values())),
       "who is killed takes all with it, also one that does not listen", {r: is_alive(p) for r, p in roles.items()})


def may_run(before):
    """Can a gate be started so?"""
    done = subprocess.run([*before, KANMON, "version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def test_nobody_else():
    before = ("unshare", "--user", "--map-root-user")
    if not may_run(before):
        skip("root of a user namespace", "no user namespaces here")
        return
    gate = Begun()
    gate.before = before
    gate.start()
    confined(gate, *ROLES)
    own = str(os.geteuid())
    equal({status_of(pid)["Uid"][0] for pid in gate.processes().values()}, {own}, "where there is no other user, all stay")
    equal(status_of(gate.processes()["worker"])["CapEff"][0].strip("0"), "", "without capabilities")
    lines = [line for line in gate.log_text().splitlines() if "a user of its own" in line]
    ok(len(lines) == 2 and all("EINVAL" in line for line in lines), "worker and egress say so in a line each", gate.log_text())
    equal(gate.stop(), 0, "and the gate does its work")


def may_read(before, pid):
    """May a program of the same user see what this process was started with?"""
    done = subprocess.run([*before, "cat", f"/proc/{pid}/environ"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def closed_to_its_user(gate, before):
    """Servers on stdio are programs of the gate's user: the gate's environment, which may hold secrets, is none of theirs."""
    other = subprocess.Popen([*before, "sleep", "600"])
    ok(wait_until(lambda: may_read(before, other.pid)), "what is not protected may be read by its own user")
    other.kill()
    other.wait()
    confined(gate, *ROLES)
    equal([p for p in (gate.process.pid, *descendants(gate.process.pid)) if may_read(before, p)], [], "no process of the gate may")
    equal(gate.ask("upgrade", "--wait").code, 0, "the gate is another")
    ok(wait_until(lambda: command_line(gate.process.pid)[1:] == ["--role", "holder"]), "its first process holds the place")
    found = (gate.process.pid, *descendants(gate.process.pid))
    ok(wait_until(lambda: not any(may_read(before, p) for p in found)), "and none may be read again",
       [command_line(p) for p in found if may_read(before, p)])


def test_ordinary_user():
    before = ()
    if os.geteuid() == 0:
        before = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        if not may_run(before):
            skip("an ordinary user", "the program is closed to others")
            return
    own = str(NOBODY if before else os.geteuid())
    gate = Begun()
    gate.before = before
    if before:
        for path in (gate.home, gate.config):
            shutil.chown(path, NOBODY, NOBODY)
    gate.start()
    confined(gate, *ROLES)
    equal({status_of(pid)["Uid"][0] for pid in gate.processes().values()}, {own}, "an ordinary user's gate is all his")
    ok("a user of its own" not in gate.log_text(), "and says nothing of it", gate.log_text())
    ok("users" not in gate.ask("status").out.split("SERVER")[0], "nor does status", gate.ask("status"))
    closed_to_its_user(gate, before)
    equal(gate.stop(), 0, "it ends in order")


TESTS = (test_root, test_manager_dies, test_nobody_else, test_ordinary_user)
