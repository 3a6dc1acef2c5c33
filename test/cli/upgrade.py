# upgrade.py - tests of a gate that becomes another program while it runs: who is refused, who goes on, what is left.
# SPDX-License-Identifier: Apache-2.0
import fcntl
import http.client
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading

from harness import (KANMON, SERVER, WAIT, Agent, Gate, children, code_of, command_line, contains, descendants, equal, free_port,
                     is_alive, ok, text_of, wait_until)
from hosts import HELLO, Host
from life import mark_of, marked, small


def own(config=None, **more):
    """A gate of a program that the test may replace."""
    gate = Gate(config or small(), **more)
    gate.program = gate.home / "bin" / "kanmon"
    gate.program.parent.mkdir()
    shutil.copy(KANMON, gate.program)
    return gate


def install(gate, content, mode=0o755):
    """As a package manager does it: the name is another file in one step."""
    fresh = gate.program.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.chmod(mode)
    os.replace(fresh, gate.program)


def slow_program(gate):
    """What is installed from now on waits for this file before it is the gate's program."""
    real, flag = gate.home / "real", gate.home / "go"
    shutil.copy(gate.program, real)
    install(gate, f"#!/bin/sh\nwhile [ ! -e {flag} ]; do sleep 0.02; done\nexec {real} \"$@\"\n".encode())
    gate.program = KANMON
    return flag


def version_of(gate):
    return gate.run("version").out.split()[1]


def other_version(gate):
    """The same program, which calls itself by another version."""
    version = version_of(gate)
    fresh = version[:-1] + ("8" if version[-1] != "8" else "9")
    return fresh, gate.program.read_bytes().replace(version.encode(), fresh.encode())


def older(gate):
    return gate.state().get("older", [])


def managers(gate):
    return [p for p in descendants(gate.process.pid) if command_line(p)[1:] == ["--role", "manager"]]


def open_files(pid):
    """What a process has open, in words."""
    found = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except OSError:
            pass  # closed meanwhile
    return " ".join(found)


def records(gate):
    lines = []
    for path in sorted((gate.data / "audit").glob("audit*.jsonl")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(lines, key=lambda line: line["seq"])


class Knocker(threading.Thread):
    """Makes one connection after the other, and counts those that got no answer."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.answered, self.failed = port, threading.Event(), 0, []
        self.start()

    def run(self):
        while not self.over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
            try:
                connection.request("GET", "/healthz")
                status = connection.getresponse().status
                self.answered += status == 200
                if status != 200:
                    self.failed.append(status)
            except (OSError, http.client.HTTPException) as problem:
                self.failed.append(repr(problem))
            finally:
                connection.close()

    def stop(self):
        self.over.set()
        self.join(WAIT)


# --- what is refused: the gate goes on as it was ---

def goes_on(gate, agent, what, before):
    """The same session, the same process, the same log."""
    said = text_of(agent.call("echo", text=what)[1])
    equal(said, what, f"{what}: the session goes on")
    equal(gate.processes(), before, f"{what}: the processes are those of before")
    ok(wait_until(lambda: any(r.get("outcome") == "result" and r["call"] for r in records(gate)[-2:])),
       f"{what}: and what is called is on record", records(gate)[-2:])
    equal(managers(gate), [], f"{what}: no other gate is left")


def refuse(gate, agent, what, *parts, words=()):
    before = gate.processes()
    result = gate.ask("upgrade", *words)
    ok(result.code == 1 and "goes on as it was" in result.err and all(p in result.err for p in parts),
       f"{what}: the upgrade is refused", result)
    goes_on(gate, agent, what, before)


def test_no_gate():
    gate = Gate()
    result = gate.ask("upgrade")
    ok(result.code == 69 and "no gate is running" in result.err, "upgrade without a gate", result)
    result = gate.ask("upgrade", "now")
    ok(result.code == 2 and "takes no further words" in result.err, "upgrade with a word", result)


def test_broken_program():
    gate = own().start()
    token = gate.token()
    good = gate.program.read_bytes()
    agent = Agent(gate, token, "small")
    agent.initialize()
    asker = Gate.__new__(Gate)
    asker.__dict__.update(gate.__dict__)
    asker.program = KANMON  # the one that is installed is no use for a question
    asker.processes = gate.processes
    for what, content, mode, parts in (
            ("a program that ends at once", b"#!/bin/sh\nexit 1\n", 0o755, ("ended before it was ready",)),
            ("a text", b"not a program\n", 0o755, ("cannot be started",)),
            ("the beginning of a program", good[:60000], 0o755, ()),
            ("no execute permission", good, 0o644, ("is no program",)),
            ("a program that others may write to", good, 0o777, ("others may write",))):
        install(gate, content, mode)
        refuse(asker, agent, what, *parts)
    os.unlink(gate.program)
    refuse(asker, agent, "no program", "cannot be used")
    install(gate, good)
    equal(gate.ask("upgrade").code, 0, "a good one then takes over")
    equal(gate.stop(), 0, "and ends in order")


def test_program_that_leaves_another():
    """It ends, and what it has started keeps its end of the channel open."""
    gate = own().start()
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    left = gate.home / "left"
    install(gate, f"#!/bin/sh\nsleep 600 & echo $! > {left}.new; mv {left}.new {left}; exit 1\n".encode())
    gate.program = KANMON
    refuse(gate, agent, "a program that leaves another behind", "ended before it was ready")
    os.kill(int(left.read_text()), signal.SIGKILL)


def test_broken_config():
    gate = own().start()
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    good = gate.config.read_text()
    gate.config.write_text(good.replace("servers:", "servers: ["))
    refuse(gate, agent, "a config that cannot be read", "K101")
    gate.config.write_text(good.replace(f"data: {gate.data}", f"data: {gate.home}/elsewhere"))
    refuse(gate, agent, "another data folder", "`data`", words=("--data-dir", str(gate.data)))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        gate.config.write_text(good.replace(f"127.0.0.1:{gate.port}", f"127.0.0.1:{other.getsockname()[1]}"))
        refuse(gate, agent, "an address in use", "K901")
    gate.config.write_text(good)
    equal(gate.ask("upgrade").code, 0, "with the old text it works")


def test_during_another():
    gate = own().start()
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    flag = slow_program(gate)
    first = gate.spawn("upgrade", "-c", str(gate.config))
    ok(gate.logged("upgrade.begun"), "an upgrade is under way")
    second = gate.ask("upgrade")
    ok(second.code == 1 and "under way already" in second.err, "a second one is refused", second)
    gate.process.send_signal(signal.SIGUSR2)
    ok(gate.logged("upgrade.refused"), "by a signal, too")
    equal(text_of(agent.call("echo", text="on")[1]), "on", "the gate serves meanwhile")
    flag.touch()
    equal(first.wait(WAIT), 0, "the first one ends well")
    equal(gate.stop(), 0, "and the gate in order")


def test_stop_during_another():
    gate = own().start()
    install(gate, b"#!/bin/sh\nexec sleep 600\n")
    gate.process.send_signal(signal.SIGUSR2)
    ok(wait_until(lambda: any("sleep" in command_line(p)[:1] for p in descendants(gate.process.pid))),
       "SIGUSR2 begins an upgrade that does not get on")
    everything = descendants(gate.process.pid)
    equal(gate.stop(), 0, "the gate is stopped")
    ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), "and leaves nothing of it",
       [p for p in everything if is_alive(p)])


BEGIN, READ, READY, REFUSED, COMMIT, TAKEN = 300, 302, 303, 304, 306, 307  # src/daemon/handover.h
VERSION = 1


class Predecessor:
    """What an older gate says to the one that comes, which is started here: as its parent we see how it ends."""

    def __init__(self, version=VERSION):
        self.gate = Gate(small())
        self.gate.data.mkdir(mode=0o700)
        self.fds = [os.memfd_create(name) for name in ("lock", "memory", "wake")]
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.bind(str(self.gate.data / "control.sock"))
        self.control.listen()
        self.holder, their_holder = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(WAIT)
        with open(self.gate.log, "ab") as log:
            start = f"import os; os.dup2({theirs.fileno()}, 3); os.execv({KANMON!r}, ['kanmon', '--role', 'manager'])"
            self.process = subprocess.Popen([sys.executable, "-I", "-c", start], env=self.gate.env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, pass_fds=(theirs.fileno(),))
        theirs.close()
        self.gate.process = self.process
        texts = (str(self.gate.config), "", str(self.gate.data), KANMON, bytes(32))
        self.say(BEGIN, (version, 1, 0, 0, *texts), (self.fds[0], self.control.fileno(), their_holder.fileno()))
        their_holder.close()
        try:
            self.say(READ)
        except BrokenPipeError:
            pass  # it has refused what came before

    def say(self, kind, fields=(), fds=()):
        packet = struct.pack("=II", kind, 0)
        for field in fields:
            text = field.encode() if isinstance(field, str) else field
            packet += struct.pack("=Q", field) if isinstance(field, int) else struct.pack("=Q", len(text)) + text
        socket.send_fds(self.channel, [packet], fds)

    def commit(self):
        """With rings that are none."""
        self.say(COMMIT, (os.getpid(), 0, 0), self.fds[1:])

    def is_heard(self):
        return fcntl.ioctl(self.channel, termios.TIOCOUTQ, bytes(4)) == bytes(4)

    def hear(self):
        """The kind, and its text. Where it ended with something unread, the kernel says that first."""
        try:
            packet = self.channel.recv(65536)
        except ConnectionResetError:
            packet = self.channel.recv(65536)
        return (struct.unpack("=I", packet[:4])[0], packet[16:].decode()) if packet else (0, "")

    def end(self):
        for fd in self.fds:
            os.close(fd)
        for s in (self.control, self.holder, self.channel):
            s.close()
        return self.process.wait(WAIT)


def test_takes_over_nothing():
    """The new gate, where what it is handed is no good: it says so and ends in order."""
    old = Predecessor(version=VERSION + 1)
    kind, why = old.hear()
    ok(kind == REFUSED and "do not know each other" in why, "another version's words are refused", kind, why)
    equal(old.end(), 1, "and it ends")

    old = Predecessor()
    equal(old.hear()[0], READY, "it gets ready")
    old.commit()
    kind, why = old.hear()
    ok(kind == REFUSED and "audit ring" in why, "a log that cannot be taken is refused", kind, why)
    equal(old.end(), 1, "and it ends, in order")

    old = Predecessor()
    equal(old.hear()[0], READY, "another gets ready")
    keeper = old.gate.processes()["keeper"]
    os.kill(keeper, signal.SIGSTOP)
    old.commit()
    ok(wait_until(old.is_heard), "it is to take the log")
    old.process.send_signal(signal.SIGTERM)
    ok(old.gate.logged("gate.stopping"), "it is stopped meanwhile")
    os.kill(keeper, signal.SIGCONT)
    equal(old.end(), 0, "and ends in order, too")


SPEAKS_TOO_SOON = """#!{python} -I
import os, socket, struct
channel = socket.socket(fileno=3)
channel.setblocking(True)
def next():
    packet, fds, _, _ = socket.recv_fds(channel, 65536, 8)
    return struct.unpack("=I", packet[:4])[0], fds
kind, fds = next()
holder = socket.socket(fileno=fds[2])
while kind != {read}:
    kind, fds = next()
channel.send(struct.pack("=II", {ready}, 0))
while kind != {commit}:
    kind, fds = next()
holder.send(struct.pack("=IIQ", {manager}, 0, os.getpid()))
"""
MANAGER = 400  # src/daemon/holder.h


def test_holder_is_told_again():
    """A new gate that has said it is the one now, and then does not become it."""
    gate = own().start()
    equal(gate.ask("upgrade", "--wait").code, 0, "a second gate: the first process only holds the place")
    install(gate, SPEAKS_TOO_SOON.format(python=sys.executable, read=READ, ready=READY, commit=COMMIT, manager=MANAGER).encode())
    gate.program = KANMON
    result = gate.ask("upgrade")
    ok(result.code == 1 and "ended before it was ready" in result.err, "the next one says it is the gate, and ends", result)
    gate.process.send_signal(signal.SIGTERM)
    ok(wait_until(lambda: gate.process.poll() is not None), "SIGTERM still reaches the gate that goes on")
    equal(gate.process.poll(), 0, "which ends in order")


# --- what works ---

def test_upgrade():
    gate = own().start()
    token = gate.token()
    before, pid = gate.processes(), gate.process.pid
    host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
    host.say(*HELLO)
    host.answer(1)
    agent = Agent(gate, token, "small")
    agent.initialize()
    replies = []
    flag = gate.home / "go"
    caller = threading.Thread(target=lambda: replies.append(agent.call("wait", file=str(flag))))
    caller.start()
    ok(wait_until(lambda: (gate.home / "go.begun").exists()), "a call is under way")
    fresh, content = other_version(gate)
    install(gate, content)
    knocker = Knocker(gate.port)
    wait_until(lambda: knocker.answered > 20)
    result = gate.ask("upgrade")
    ok(result.code == 0 and "The one before serves what it had" in result.out, "kanmon upgrade", result)
    n = knocker.answered
    wait_until(lambda: knocker.answered > n + 20)
    knocker.stop()
    ok(not knocker.failed and knocker.answered > n, "no connection was refused meanwhile", knocker.failed[:5], knocker.answered)
    contains(gate.log_text(), f"gate.ready: The gate stands.  version={fresh}", "the new program is the gate")
    ok(gate.process.poll() is None and gate.process.pid == pid, "the process that was started stays")

    found = older(gate)
    ok(len(found) == 1 and found[0]["pid"] == pid and found[0]["hosts"] == 1, "status names the older gate", found)
    contains(gate.ask("status").out, f"older gate pid {pid}, hosts: 1;", "for people, too")
    contains(gate.ask("status", LANG="ja_JP.UTF-8").out, "前のゲート", "in Japanese")
    equal({r: p for r, p in gate.processes().items() if r != "manager"}, before, "whose processes go on")
    ok("another gate uses" in gate.ask("serve").err, "the data folder is still one gate's")

    equal(text_of(host.call(2, "echo", text="host")), "host", "the host on stdio goes on")
    status, reply = agent.call("echo", text="old session")
    ok(status == 404 and code_of(reply) == "K506", "the session of before is not known to the new one", status, reply)
    second = Agent(gate, token, "small")
    equal(second.initialize()[0], 200, "a new one begins")
    equal(text_of(second.call("echo", text="new")[1]), "new", "and calls")
    flag.touch()
    caller.join(WAIT)
    equal(text_of(replies[0][1]) if replies else None, "waited", "the call that was under way is answered")

    equal(host.end()[0], 0, "the host ends")
    ok(wait_until(lambda: older(gate) == []), "and with it the older gate", older(gate))
    ok(wait_until(lambda: command_line(pid)[1:] == ["--role", "holder"]), "of which only its pid is left", command_line(pid))
    ok(not [p for p in before.values() if is_alive(p)], "and none of its processes")
    equal(text_of(second.call("echo", text="after")[1]), "after", "the new session goes on")
    everything = descendants(pid)
    equal(gate.stop(), 0, "SIGTERM to the process that was started ends the gate")
    ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), "and leaves nothing", [p for p in everything if is_alive(p)])
    ok(not (gate.data / "control.sock").exists(), "its control socket is gone")
    check_records(gate)
    equal(gate.start().stop(), 0, "its place is free")


def check_records(gate):
    lines = records(gate)
    equal([line["seq"] for line in lines], list(range(1, len(lines) + 1)), "the log is one, without a gap")
    decided = [line["call"] for line in lines if line.get("kind") == "decision"]
    ended = [line["call"] for line in lines if line.get("kind") == "outcome"]
    ok(len(set(decided)) == len(decided) and sorted(decided) == sorted(ended), "each call has its number and one outcome",
       decided, ended)


def test_many():
    """One upgrade after the other; the host of the first gate stays with it."""
    gate = own().start()
    host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
    host.say(*HELLO)
    host.answer(1)
    for i in range(4):
        result = gate.ask("upgrade")
        equal(result.code, 0, f"upgrade {i + 1}")
    ok(wait_until(lambda: len(older(gate)) == 1), "those in between have ended", older(gate))
    equal(older(gate)[0]["pid"], gate.process.pid, "the first has not")
    equal(text_of(host.call(2, "echo", text="host")), "host", "its host goes on")
    waiting = gate.spawn("upgrade", "--wait", "-c", str(gate.config))
    ok(wait_until(lambda: gate.log_text().count("gate.ready") == 6), "a sixth gate")
    ok(waiting.poll() is None, "--wait waits for the host")
    gate.process.send_signal(signal.SIGTERM)
    equal(gate.process.wait(WAIT), 0, "a stop ends all of them")
    code, _ = host.end()
    ok(code in (0, 125), "the host hears of it", code)
    ok(waiting.wait(WAIT) != 0, "and who waited, too")
    check_records(gate)


def test_wait_goes_on():
    """--wait is not over because a process of the gate has to be started again."""
    gate = own().start()
    host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
    host.say(*HELLO)
    host.answer(1)
    waiting = gate.spawn("upgrade", "--wait", "-c", str(gate.config), stdout=subprocess.DEVNULL)
    ok(wait_until(lambda: len(older(gate)) == 1), "--wait waits for a host")
    worker = [p for p in children(managers(gate)[0]) if command_line(p)[1:] == ["--role", "worker"]][0]
    os.kill(worker, signal.SIGSTOP)
    ok(wait_until(lambda: "socket" in open_files(waiting.pid)), "it asks a gate that does not answer")
    os.kill(worker, signal.SIGKILL)
    ok(wait_until(lambda: gate.log_text().count("process.ended") == 1 and gate.health("/readyz") == 200), "which gets another worker")
    ok(older(gate) and waiting.poll() is None, "and goes on to wait", waiting.poll())
    equal(host.end()[0], 0, "the host ends")
    equal(waiting.wait(WAIT), 0, "and so does the waiting, well")


def test_late_hosts():
    """Hosts that come while the gate changes are taken by one or the other."""
    gate = own().start()
    codes = []

    def come():
        for _ in range(6):
            host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
            host.say(*HELLO)
            said = host.answer(1)
            codes.append((host.end(), bool(said)))

    threads = [threading.Thread(target=come) for _ in range(3)]
    for thread in threads:
        thread.start()
    upgrades = []
    while any(thread.is_alive() for thread in threads) and len(upgrades) < 5:
        upgrades.append(gate.ask("upgrade").code)
    for thread in threads:
        thread.join(WAIT * 2)
    ok(upgrades and set(upgrades) == {0}, "upgrades while hosts come", upgrades)
    ok(len(codes) == 18 and all(code == 0 and said for (code, _), said in codes), "each host is served", codes)
    equal(gate.stop(), 0, "and the gate ends in order")


def test_reload_reaches_elders():
    """A tool that is denied now is denied to the older gate's hosts as well."""
    gate = own(small("echo", "pid")).start()
    host = Host(gate, "serve", "--stdio", "-c", str(gate.config))
    host.say(*HELLO)
    host.answer(1)
    equal(text_of(host.call(2, "small__echo", text="a")), "a", "a host calls")
    equal(gate.ask("upgrade").code, 0, "the gate is another")
    equal(text_of(host.call(3, "small__echo", text="b")), "b", "it calls through the older one")
    gate.write(small("pid"))
    ok(wait_until(lambda: gate.log_text().count("config.loaded") == 2), "a new config: both take it", gate.log_text()[-1500:])
    ok(wait_until(lambda: text_of(host.call(4, "small__echo", text="c")) is None), "what it denies is denied there, too")
    equal(host.end()[0], 0, "the host ends")


def test_reload_meanwhile():
    """What changes after the new gate has read it, and before it takes over, is not lost with the gate that heard of it."""
    gate = own("servers: {}\n")
    secret = gate.home / "secret"
    secret.write_text("one\n")
    gate.write(marked(f"secret:file{secret}"))
    gate.start()
    flag = slow_program(gate)
    asker = gate.spawn("upgrade", "-c", str(gate.config), stdout=subprocess.DEVNULL)
    ok(gate.logged("upgrade.begun") and gate.state(), "an upgrade is under way")
    gate.process.send_signal(signal.SIGSTOP)
    flag.touch()
    ok(wait_until(lambda: [p for m in managers(gate) for p in children(m)]), "the new gate has read the config")
    secret.write_text("two\n")
    gate.process.send_signal(signal.SIGHUP)
    gate.process.send_signal(signal.SIGCONT)
    equal(asker.wait(WAIT), 0, "it takes over")
    agent = Agent(gate, gate.token())
    agent.initialize()
    ok(wait_until(lambda: mark_of(agent) == "two"), "with what is in force by now", mark_of(agent), gate.log_text()[-3000:])
    equal(gate.stop(), 0, "and ends in order")


def test_without_a_worker():
    """A gate whose worker has just died hands over, too, and has nothing more to stay for."""
    gate = own().start()
    flag = slow_program(gate)
    for i in range(6):  # another is started after a longer pause each time
        worker = gate.processes()["worker"]
        os.kill(worker, signal.SIGKILL)
        if i < 5:
            ok(wait_until(lambda: gate.processes().get("worker", worker) != worker and gate.health("/readyz") == 200), "another worker")
        if i == 4:
            gate.process.send_signal(signal.SIGUSR2)
            ok(gate.logged("upgrade.begun"), "an upgrade is under way")
            host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
            host.say(*HELLO)
            host.answer(1)
            host.process.send_signal(signal.SIGSTOP)
            gate.process.send_signal(signal.SIGSTOP)
            flag.touch()
            ok(wait_until(lambda: [p for m in managers(gate) for p in children(m)]), "the new gate gets ready")
    gate.process.send_signal(signal.SIGCONT)
    ok(gate.logged("gate.handed-over"), "it takes over")
    ok(wait_until(lambda: gate.processes().get("worker", worker) != worker), "the older one has a worker again, for a host")
    host.process.send_signal(signal.SIGCONT)
    host.end()
    ok(wait_until(lambda: older(gate) == []), "and ends with that", gate.log_text()[-2000:])
    equal(gate.stop(), 0, "the gate ends in order")


def test_addresses():
    """What the config names by now is listened to; sockets it still names are never closed."""
    path = "unix: {{ path: {} }}\n"
    gate = own()
    name = gate.home / "gate.sock"
    gate.write(path.format(name) + small())
    gate.start()
    equal(gate.ask("upgrade").code, 0, "with a unix socket")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(name))
        s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        ok(s.recv(1) in (b"{", b""), "somebody listens at it")
    old, gate.port = gate.port, free_port()
    gate.listen = f"127.0.0.1:{gate.port}"
    moved = gate.home / "other.sock"
    gate.write(path.format(moved) + small())
    ok(gate.logged("config.refused"), "a reload cannot change addresses")
    equal(gate.ask("upgrade").code, 0, "an upgrade can")
    equal(gate.health("/readyz"), 200, "the new one answers")

    def is_closed():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", old)) != 0

    ok(wait_until(is_closed), "the old one is closed")
    ok(wait_until(lambda: moved.exists() and not name.exists()), "and so is the unix socket")
    equal(gate.stop(), 0, "the gate ends")
    ok(not moved.exists(), "and removes what is its own")


def test_ring_of_an_elder():
    """What an older gate recorded last is written, and its ring let go, also where there was no keeper as it ended."""
    gate = own(small("echo")).start()
    host = Host(gate, "serve", "--stdio", "-c", str(gate.config))
    host.say(*HELLO)
    host.answer(1)
    equal(gate.ask("upgrade").code, 0, "the gate is another")
    second = managers(gate)[0]
    equal(open_files(second).count("kanmon-audit"), 2, "it has its own ring and that of the older one")
    keeper = [p for p in children(second) if command_line(p)[1:] == ["--role", "keeper"]][0]
    os.kill(second, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not is_alive(keeper))
    equal(text_of(host.call(2, "small__echo", text="late")), "late", "the older one serves while the gate has no keeper")
    equal(host.end()[0], 0, "its host ends")
    ok(wait_until(lambda: command_line(gate.process.pid)[1:] == ["--role", "holder"]), "and so does it")
    os.kill(second, signal.SIGCONT)
    ok(wait_until(lambda: open_files(second).count("kanmon-audit") == 1), "its ring is let go", open_files(second).count("kanmon-audit"), gate.log_text()[-2000:])
    equal(gate.stop(), 0, "the gate ends in order")
    check_records(gate)


def test_signals_and_systemd():
    gate = own()
    path = gate.home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(WAIT)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        gate.env["NOTIFY_SOCKET"] = str(path)
        gate.start()

        def heard():
            data, extra, _, _ = s.recvmsg(1024, 256)
            return data.decode(), struct.unpack("3i", extra[0][2])[0]

        equal(heard(), ("READY=1", gate.process.pid), "systemd hears of the first gate")
        gate.process.send_signal(signal.SIGUSR2)
        equal(heard(), ("READY=1", gate.process.pid), "SIGUSR2: and of the second, from the process it knows")
        ok(wait_until(lambda: command_line(gate.process.pid)[1:] == ["--role", "holder"]), "which only holds the place now")
        gate.process.send_signal(signal.SIGHUP)
        equal([heard()[0], heard()[0]], ["RELOADING=1", "READY=1"], "SIGHUP reaches the gate")
        equal(gate.stop(signal.SIGINT), 0, "and so does SIGINT")
        equal(heard(), ("STOPPING=1", gate.process.pid), "of which systemd hears")


HOLDER = """
import os, signal
held = os.fork() or os.execv("/bin/sleep", ["sleep", "600"])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.kill(os.getpid(), signal.SIGTERM)
os.dup2({fd}, 3)
os.execve({program!r}, ["kanmon", "--role", "holder"], dict(os.environ, KANMON_HOLDS=str(held)))
"""


def test_signal_while_it_changes():
    """What is sent to the first process while it becomes the one that only holds the place reaches the gate."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        holder = subprocess.Popen([sys.executable, "-I", "-c", HOLDER.format(fd=theirs.fileno(), program=KANMON)],
                                  pass_fds=(theirs.fileno(),))
        ok(wait_until(lambda: holder.poll() is not None, 10), "the SIGTERM that came before it heard reaches who is held")
        equal(holder.poll(), 128 + signal.SIGTERM, "who ends by it")
        for pid in descendants(holder.pid):
            os.kill(pid, signal.SIGKILL)
        holder.kill()
        holder.wait()


def test_signal_to_all():
    """Who signals all processes of this name asks the gate for an upgrade, and takes no process from it."""
    gate = own().start()
    before = gate.processes()
    for pid in before.values():
        os.kill(pid, signal.SIGUSR2)
    ok(gate.state() and gate.token(), "the gate's processes answer")
    equal(gate.processes(), before, "and are those of before")
    equal(gate.stop(), 0, "it ends in order")


def test_deaths():
    gate = own().start()
    gate.ask("upgrade", "--wait")
    everything = descendants(gate.process.pid)
    os.kill(managers(gate)[0], signal.SIGKILL)
    equal(gate.process.wait(WAIT), 137, "the manager killed: who waits for the gate hears how it ended")
    ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), "and nothing is left", [p for p in everything if is_alive(p)])

    gate.start()
    host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
    host.say(*HELLO)
    host.answer(1)
    gate.ask("upgrade")
    everything = descendants(gate.process.pid)
    os.kill(managers(gate)[0], signal.SIGKILL)
    equal(gate.process.wait(WAIT), 137, "the same while an older gate lives")
    ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), "nothing is left", [p for p in everything if is_alive(p)])
    host.end()

    gate.start()
    gate.ask("upgrade", "--wait")
    everything = descendants(gate.process.pid)
    gate.process.kill()
    gate.process.wait(WAIT)
    ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), "the process that holds the place killed: all end",
       [p for p in everything if is_alive(p)])
    gate.start()
    gate.ask("upgrade", "--wait")
    for role in ("keeper", "worker"):
        old = [p for p in descendants(gate.process.pid) if command_line(p)[1:] == ["--role", role]][0]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: not is_alive(old))
        ok(wait_until(lambda: gate.health("/readyz") == 200), f"{role} killed after an upgrade: another one is started")
    agent = Agent(gate, gate.token("late"), "small")
    ok(wait_until(lambda: agent.initialize()[0] == 200 and text_of(agent.call("echo", text="on")[1]) == "on"), "and calls pass")
    equal(gate.stop(), 0, "and the gate ends in order")


def test_deaths_beside_a_second():
    """The first process only holds the place; an older gate that is none of the first ends with the gate, and who waits hears."""
    for what, number, want in (("killed", signal.SIGKILL, 137), ("stopped", signal.SIGTERM, 0)):
        gate = own().start()
        equal(gate.ask("upgrade", "--wait").code, 0, f"{what}: a second gate, and nothing is left of the first")
        second = managers(gate)[0]
        host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
        host.say(*HELLO)
        host.answer(1)
        equal(gate.ask("upgrade").code, 0, f"{what}: a third; the second has a host")
        third = [p for p in managers(gate) if p != second][0]
        everything = descendants(gate.process.pid)
        os.kill(third, number)
        ok(wait_until(lambda: gate.process.poll() is not None), f"{what}: the process that was started ends",
           command_line(gate.process.pid), gate.log_text()[-2000:])
        equal(gate.process.poll(), want, f"{what}: as the gate did")
        ok(wait_until(lambda: not [p for p in everything if is_alive(p)]), f"{what}: and nothing is left",
           [p for p in everything if is_alive(p)])
        host.end()


def test_background():
    """The gate that a command started for its own use can be replaced as well."""
    gate = own()
    host = Host(gate, "run", "-c", str(gate.config), "--name", "own", "--", *SERVER)
    host.say(*HELLO)
    host.answer(1)
    first = gate.manager_of_control()
    equal(gate.ask("upgrade").code, 0, "a gate that `kanmon run` started")
    ok(gate.manager_of_control() == first and is_alive(first), "keeps its pid")
    second = gate.ask("serve")
    ok(second.code == 1 and "hosts use it: 1" in second.err, "and does not make room while an older one has hosts", second)
    equal(text_of(host.call(2, "echo", text="host")), "host", "which go on")
    equal(host.end()[0], 0, "until they end")
    ok(wait_until(lambda: older(gate) == []), "the older one with them")
    gate.start()
    ok(wait_until(lambda: not is_alive(first)), "then it makes room for `kanmon serve`")


TESTS = (test_no_gate, test_broken_program, test_program_that_leaves_another, test_broken_config, test_during_another,
         test_stop_during_another, test_takes_over_nothing, test_holder_is_told_again, test_upgrade, test_many, test_wait_goes_on, test_late_hosts,
         test_reload_reaches_elders, test_reload_meanwhile, test_without_a_worker, test_addresses, test_ring_of_an_elder,
         test_signals_and_systemd, test_signal_while_it_changes, test_signal_to_all, test_deaths,
         test_deaths_beside_a_second, test_background)
