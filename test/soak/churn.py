# churn.py - clients that come, call and go in every way, many thousand times: the gate holds afterwards what it held before.
# SPDX-License-Identifier: Apache-2.0
import json
import multiprocessing
import os
import shutil
import tempfile
import time
import traceback

import watch
from clients import KINDS, cycle, wait_for_all
from started import free_port
from wire import FAULTS, Place, ok, until

CLIENTS = 10
ROUNDS = 10  # the first is the warm-up
SETTLE_SECONDS = 90
SHOWN = 5  # of many failures of one kind
LIMITS = "limits: { session-idle: 5s, call-total: 20s, sessions: 20000, sessions-per-token: 20000, processes-per-token: 1024 }\n"
forked = multiprocessing.get_context("fork")


def built(*names):
    """A program that was built beside the gate."""
    import gate

    return os.path.join(os.path.dirname(os.path.realpath(gate.kanmon_path())), *names)


class Setting:
    """A gate before one server on stdio and one on HTTP. Whatever is started for it has its folder among its words."""

    def __init__(self, place):
        self.folder = tempfile.mkdtemp(prefix="kanmon-soak-")
        self.socket = os.path.join(self.folder, "s")
        echo = os.path.join(self.folder, "echo")
        os.symlink(built("bench", "bench_echo"), echo)
        # Root's egress and servers are other users.
        os.chmod(self.folder, 0o755)
        self.argv = [echo, "--stdio", "--hold", "--size", "200"]
        port = free_port()
        self.far = place.started.start([echo, "--port", str(port), "--hold", "--size", "200"], os.path.join(self.folder, "far.log"))
        place.started.wait_port(self.far, port)
        servers = {"near": {"run": " ".join(self.argv), "timeout": "3s", "idle": "3s"},
                   "far": {"url": f"http://127.0.0.1:{port}/mcp", "timeout": "3s"}}
        self.gate = place.gate(servers, f"unix: {{ path: {self.socket} }}\n{LIMITS}")
        self.ports = [port]
        self.own = {self.far.pid}

    def state(self):
        return json.loads(self.gate.command("status", "-o", "json"))

    def is_quiet(self):
        state = self.state()
        return not (watch.servers(self.gate) or state["sessions"] or state["calls_in_flight"] or state["hosts"])

    def settle(self):
        """Until nothing of a client is left, or it takes too long; gives what is left."""
        if until(self.is_quiet, SETTLE_SECONDS):
            return []
        return [f"{key} {value}" for key, value in self.state().items() if key in ("sessions", "calls_in_flight", "hosts")] + [
            f"process {pid}" for pid in watch.servers(self.gate)]

    def strays(self):
        return [stray for stray in watch.strays(self.gate, self.folder) if stray[0] not in self.own]

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def work(setting, transports, client, numbers, pipe):
    """One client, in a process of its own."""
    failures = []
    for number in numbers:
        transport = transports[(client + number) % len(transports)]
        try:
            cycle(setting, transport, client * 5 + number // len(transports))
        except BaseException:
            failures.append(f"{transport}, cycle {number} of client {client}: {traceback.format_exc()[-1200:]}")
    try:
        wait_for_all()
    except BaseException:
        failures.append(f"client {client}: {traceback.format_exc()[-1200:]}")
    pipe.send((len(numbers), failures))
    pipe.close()


def run_round(setting, transports, first, cycles):
    """Ten clients at once, each with so many cycles; gives (done, failures)."""
    ends, children, done, failures = [], [], 0, []
    for client in range(CLIENTS):
        mine, its = forked.Pipe(duplex=False)
        child = forked.Process(target=work, args=(setting, transports, client, range(first, first + cycles), its), daemon=True)
        child.start()
        its.close()
        ends.append(mine)
        children.append(child)
    for end, child in zip(ends, children):
        try:
            n, bad = end.recv()
            done, failures = done + n, failures + bad
        except EOFError:
            failures.append("a client of ours ended too early")
        end.close()
        child.join()
    return done, failures


class Rounds:
    """What was seen in all rounds of one gate."""

    def __init__(self, name, rest):
        self.name, self.rest = name, rest
        self.windows, self.failures, self.left, self.zombies, self.strays = [], [], [], [], []
        self.done, self.seconds = 0, 0

    def add(self, setting, number, of, transports, cycles):
        begin = time.monotonic()
        done, failures = run_round(setting, transports, number * cycles, cycles)
        seconds = time.monotonic() - begin
        self.left += setting.settle()
        settled = time.monotonic() - begin - seconds
        self.zombies += until(lambda: not watch.zombies(setting.gate.process.pid), 5) and [] or watch.zombies(setting.gate.process.pid)
        self.strays += until(lambda: not setting.strays(), 10) and [] or setting.strays()
        self.windows.append(watch.window(setting.gate, setting.ports, rest=self.rest))
        self.done, self.failures, self.seconds = self.done + done, self.failures + failures, self.seconds + seconds
        print(f"# {self.name}: round {number + 1} of {of}: {done} cycles, {done / seconds:.0f}/s, {len(failures)} failed, "
              f"quiet after {settled:.1f} s; {watch.text(self.windows[-1])}", flush=True)

    def judge(self, setting):
        name, warm = self.name, self.windows[1:] or self.windows
        third = max(1, min(3, len(warm) // 2))
        ok(not self.failures and self.done, f"{name}: {self.done} cycles, every call that was waited for is answered",
           f"{len(self.failures)} failures", *self.failures[:SHOWN])
        ok(not self.left, f"{name}: no process and no session outlives its client by more than its grace", *self.left[:SHOWN])
        ok(not self.strays, f"{name}: no process has got away from the gate", *self.strays[:SHOWN])
        ok(not self.zombies, f"{name}: no dead process was left uncollected", self.zombies)
        found = watch.changes(watch.middle(warm[:third]), watch.middle(warm[-third:]))
        ok(not found, f"{name}: descriptors and threads are as many as after the warm-up, memory is within 5 %", *found)
        log = [line for line in setting.gate.log_text().splitlines() if any(word in line for word in FAULTS)]
        ok(not log and setting.gate.process.poll() is None, f"{name}: no process of the gate's failed", *log[:SHOWN])


def soak(name, transports, cycles, rounds, rest):
    with Place() as place:
        setting = Setting(place)
        try:
            seen = Rounds(name, rest)
            for number in range(rounds):
                seen.add(setting, number, rounds, transports, max(1, cycles // rounds))
            seen.judge(setting)
            place.started.end(setting.gate.process)
            ok(until(lambda: not setting.strays(), 10), f"{name}: the gate's end leaves nothing", setting.strays())
        finally:
            setting.close()


def run(options):
    rounds, rest = (3, 0) if options.quick else (ROUNDS, watch.REST_SECONDS)
    if options.quick and not options.transport:
        soak("all transports", list(KINDS), options.cycles, rounds, rest)
        return
    for transport in [options.transport] if options.transport else KINDS:
        soak(transport, [transport], options.cycles, rounds, rest)
