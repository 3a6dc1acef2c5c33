# neighbours.py - eight good servers behind one gate with sixteen bad ones: whoever calls the good ones must not feel that they are bad.
# SPDX-License-Identifier: Apache-2.0
import collections
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import watch
from churn import SHOWN, built
from started import ROOT, free_port
from wire import FAULTS, Closed, Legacy, Modern, Place, ok, until

sys.path.insert(0, os.path.join(ROOT, "bench"))
import session as requests  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
GOOD = 8
NEAR = ("dies", "crashes", "hangs", "mute", "drips", "slow", "garbage", "news")
AGAIN = "dies-again"
FAR = ("resets", "hangs", "mute", "drips", "slow", "garbage", "news")
WINDOWS = 15  # of each kind that nobody disturbed
PATIENCE = 6  # times as many are tried at most
STOLEN = 0.005  # of the processors' time, and a window says more of the host than of the gate
CALLS_PER_S = 60
LOADS = 4
SHARE = 0.2
PACE_SECONDS = 1.0  # between two visits to one server
LIST_SECONDS = 10  # the gate waits eight for the slowest server
VISIT_SECONDS = 45  # a greeting has thirty
SETTLE_SECONDS = 120
LOADING, MEASURED = 1, 2  # who runs before whom
MORE = "limits: { session-idle: 5s, call-total: 20s, sessions-per-token: 9000, processes-per-token: 1024 }\n"
BAD = {"timeout": "3s"}
forked = multiprocessing.get_context("fork")


def set_precedence(level):
    """Before whatever else this machine does, for what is started from here on, too. Gates, good servers and what measures have
    one level; bad servers, and clients that only make the load, have a lower one: what they cost themselves is not the gate's."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(level))
        return True
    except OSError:
        return False


def spin():
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass


class Awake:
    """Keeps the processors from sleeping, with what all else here runs before: how soon a host wakes them is not the gate's."""

    def __init__(self, wanted):
        self.spinners = [forked.Process(target=spin, daemon=True) for _ in range(os.cpu_count() if wanted else 0)]

    def __enter__(self):
        for spinner in self.spinners:
            spinner.start()

    def __exit__(self, *_):
        for spinner in self.spinners:
            spinner.kill()
            spinner.join()


class Servers:
    """Their lines in a config: the good ones that are measured, and the others, bad ones or calm ones of the same names."""

    def __init__(self, place, folder, first):
        self.ports, self.own = [], set()
        for name in ("bench/bench_echo", "test/soak/soak_neighbour"):
            os.symlink(built(name), os.path.join(folder, name.rpartition("_")[2]))
        self.echo, log = os.path.join(folder, "echo"), os.path.join(folder, "log")
        near = f"{self.echo} --stdio --size 200"
        self.good = {}
        for i in range(GOOD // 2):
            # Longer than the list of all servers may wait for the slowest: what has ended meanwhile is not in it.
            self.good[f"near{i}"] = {"run": near, "idle": "20s"}
            self.good[f"far{i}"] = {"url": self._far(place, log)}
        self.calm = {f"{kind}-near": {"run": near, "idle": "3s"} for kind in (*NEAR, AGAIN)}
        self.calm |= {f"{kind}-far": {"url": self._far(place, log)} for kind in FAR}
        if first:
            set_precedence(LOADING)
        bad = place.started.start([sys.executable, os.path.join(HERE, "bad.py")], log, stdout=subprocess.PIPE)
        ports = json.loads(bad.stdout.readline())
        if first:
            set_precedence(MEASURED)
        self.ports += ports.values()
        lowered = f"chrt --rr {LOADING} " if first and shutil.which("chrt") else ""
        neighbour = lowered + os.path.join(folder, "neighbour")
        self.bad = {f"{kind}-near": {"run": f"{neighbour} {kind}", "idle": "3s", **BAD} for kind in NEAR}
        self.bad[f"{AGAIN}-near"] = {"run": f"{neighbour} dies", "idle": "3s", **BAD}
        self.bad |= {f"{kind}-far": {"url": f"http://127.0.0.1:{ports[kind]}/mcp", **BAD} for kind in FAR}

    def _far(self, place, log):
        port = free_port()
        far = place.started.start([self.echo, "--port", str(port), "--size", "200"], log)
        place.started.wait_port(far, port)
        self.ports.append(port)
        self.own.add(far.pid)
        return f"http://127.0.0.1:{port}/mcp"


class Others:
    """Clients in a process of their own, each of which visits one server again and again while it is told to."""

    def __init__(self, gate, names, first):
        self.first, self.token = first, gate.new_token("others")
        self.active, self.over = forked.Event(), forked.Event()
        self.mine, its = forked.Pipe(duplex=False)
        self.process = forked.Process(target=self._run, args=(gate, names, its), daemon=True)
        self.process.start()
        its.close()

    def _run(self, gate, names, pipe):
        if self.first:
            set_precedence(LOADING)
        self.seconds, self.counts, self.odd = collections.defaultdict(float), collections.Counter(), []
        threads = [threading.Thread(target=self._visits, args=(gate, name, i)) for i, name in enumerate(names)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send((dict(self.seconds), self.counts, self.odd))

    def _visits(self, gate, name, number):
        while not self.over.is_set():
            if not self.active.wait(0.2):
                continue
            begin = time.monotonic()
            try:
                outcome = self.visit(gate, name, number)
            except (OSError, Closed, ValueError) as e:
                outcome = "lost"
                self.odd.append(f"{name}: {e!r}")
            took = time.monotonic() - begin
            self.counts[outcome] += 1
            self.seconds[name] = max(self.seconds[name], took)
            number += 1
            time.sleep(max(0.05, PACE_SECONDS - took))

    def visit(self, gate, name, number):
        """Opens a session or none, at the server or at all of them, and calls it.

        No session at all of them: with that each of its servers is started, and there are more of them beside bad neighbours.
        """
        server, tool = (name, "echo") if number % 4 < 3 else ("", f"{name}__echo")
        client = (Legacy if number % 4 == 1 else Modern)(gate, server, self.token)
        try:
            if isinstance(client, Legacy) and not client.session:
                return "refused"
            message = client.call(tool, {"text": "x"}).json()
            return "refused" if "error" in message else "answered"
        finally:
            if isinstance(client, Legacy) and client.session:
                client.delete()

    def result(self):
        self.over.set()
        found = self.mine.recv()
        self.process.join()
        return found


class Side:
    """One gate with its servers, and the clients besides those that are measured."""

    def __init__(self, place, name, servers, others, first):
        self.name, self.ports, self.first = name, servers.ports, first
        self.gate = place.gate(servers.good | others, MORE)
        self.others = Others(self.gate, list(others), first)
        self.windows, self.lists, self.bad_lists = [], [], []

    def probe_list(self, number):
        """How long the list of all servers takes, and whether the good ones are in it."""
        begin = time.monotonic()
        client = (Legacy if number % 8 == 7 else Modern)(self.gate)
        reply = client.request("tools/list")
        self.lists.append(time.monotonic() - begin)
        names = {tool["name"] for tool in reply.json().get("result", {}).get("tools", [])}
        missing = [f"{kind}{i}" for kind in ("near", "far") for i in range(GOOD // 2) if f"{kind}{i}__echo" not in names]
        if missing:
            self.bad_lists.append(f"{missing} are not in list {len(self.lists)}, after {self.lists[-1]:.2f} s, {type(client).__name__}: "
                                  f"{sorted(names)}")
        if isinstance(client, Legacy):
            client.delete()

    def is_quiet(self):
        state = json.loads(self.gate.command("status", "-o", "json"))
        return not (watch.servers(self.gate) or state["sessions"] or state["calls_in_flight"])

    def starts(self):
        return sum(server["started"] for server in json.loads(self.gate.command("status", "-o", "json"))["servers"])

    def cpu(self):
        return sum(watch.cpu_seconds(pid) for pid in watch.roles(self.gate).values())


class Measured:
    """Four loads at a fixed rate each: a stdio and an HTTP server, in both eras, at their own endpoint and at that of all."""

    def __init__(self, side, folder, number, seconds):
        self.clients, self.children = [], []
        plans = (("own", "near0", requests.LEGACY), ("own", "far1", requests.MODERN),
                 ("all", "near2", requests.MODERN), ("all", "far3", requests.LEGACY))
        for i, (way, server, revision) in enumerate(plans):
            path, tool = (f"/mcp/{server}", "echo") if way == "own" else ("/mcp", f"{server}__echo")
            session = None
            if revision == requests.LEGACY:
                self.clients.append(Legacy(side.gate, server if way == "own" else ""))
                session = self.clients[-1].session
            host = requests.Session(side.name, side.gate.port, path, revision, side.gate.token)
            host.tool = tool
            file = os.path.join(folder, f"request-{number}-{i}")
            with open(file, "wb") as out:
                out.write(host.request(300, session))
            self.children.append((way, subprocess.Popen(
                [built("bench/bench_load"), "--port", str(side.gate.port), "--request", file, "--connections", "4",
                 "--rate", str(CALLS_PER_S), "--count", str(int(CALLS_PER_S * seconds)), "--warmup", str(CALLS_PER_S // 2),
                 "--timeout", str(int(seconds) + 20)], stdout=subprocess.PIPE, text=True, preexec_fn=lambda: side.first and set_precedence(MEASURED))))

    def result(self):
        """way → (p50, p99) in microseconds, and what failed."""
        figures, failed = collections.defaultdict(list), []
        for way, child in self.children:
            text, _ = child.communicate()
            one = json.loads(text)
            figures[way].append((one["p50_us"], one["p99_us"]))
            if any(one["failures"].values()):
                failed.append(f"{way}: {one['failures']} {one['first_failure']}")
        for client in self.clients:
            client.delete()
        return {way: tuple(statistics.mean(part) for part in zip(*pairs)) for way, pairs in figures.items()}, failed


class Run:
    def __init__(self, place, folder, options):
        self.folder, self.quick, self.number = folder, options.quick, 0
        first = not options.quick and set_precedence(MEASURED)
        print(f"# all of it runs {'before' if first else 'beside'} what else this machine does", flush=True)
        servers = Servers(place, folder, first)
        self.own = servers.own
        self.calm = Side(place, "calm", servers, servers.calm, first)
        self.bad = Side(place, "bad", servers, servers.bad, first)
        self.failed, self.held, self.left = [], [], []
        if first:
            set_precedence(LOADING)

    def window(self, side, label, seconds):
        """way → p99, and whether the machine had its processors to itself."""
        side.others.active.set()
        time.sleep(0.5 if self.quick else 2)
        before, started, taken, begin = side.cpu(), side.starts(), watch.stolen_seconds(), time.monotonic()
        measured = Measured(side, self.folder, self.number, seconds)
        self.number += 1
        probes = 0
        while any(child.poll() is None for _, child in measured.children):
            side.probe_list(probes)
            probes += 1
            time.sleep(0.5)
        figures, failed = measured.result()
        stolen = (watch.stolen_seconds() - taken) / (time.monotonic() - begin) / os.cpu_count()
        used = side.cpu() - before
        side.others.active.clear()
        self.failed += [f"{label}: {line}" for line in failed]
        shown = ", ".join(f"{way} p50 {p50:.0f} p99 {p99:.0f} us" for way, (p50, p99) in figures.items())
        print(f"# window {self.number}, {label}: {shown}; {used:.2f} s of CPU in the gate; {probes} lists, "
              f"{side.starts() - started} starts of servers; {stolen:.1%} stolen", flush=True)
        return {way: p99 for way, (_, p99) in figures.items()}, self.quick or stolen <= STOLEN

    def rest(self, label):
        """Nothing is asked of the gate with the bad ones: what it holds now is what stays."""
        begin = time.monotonic()
        if not until(self.bad.is_quiet, SETTLE_SECONDS):
            self.left.append(f"{label}: {watch.servers(self.bad.gate)}, {self.bad.gate.command('status', '-o', 'json')}")
        self.held.append(watch.window(self.bad.gate, self.bad.ports, rest=0 if self.quick else watch.REST_SECONDS))
        print(f"# {label}: quiet after {time.monotonic() - begin:.0f} s; {watch.text(self.held[-1])}", flush=True)

    def rounds(self, count, seconds):
        """(way, label) → p99 of each window that nobody disturbed, `count` of each label where they are to be had."""
        figures, had = collections.defaultdict(list), collections.Counter()
        plan = [("first", self.calm), ("bad", self.bad), ("second", self.calm)]
        for i in range(count if self.quick else count * PATIENCE):
            for label, side in plan[i % 3:] + plan[:i % 3]:
                if had[label] == count:
                    continue
                found, undisturbed = self.window(side, label, seconds)
                for way, p99 in found.items() if undisturbed else ():
                    figures[way, label].append(p99)
                had[label] += undisturbed
            done = all(had[label] == count for label, _ in plan)
            if done or i % 5 == 4:
                self.rest(f"after round {i + 1}")
            if done:
                break
        return figures

    def judge_latency(self, figures):
        for way, what in (("own", "at their own endpoints"), ("all", "at that of all servers")):
            if not ok(min(len(figures[way, label]) for label in ("first", "second", "bad")) >= (1 if self.quick else WINDOWS // 2),
                      f"neighbours: the machine had its processors for long enough to measure calls {what}"):
                continue
            first, second, bad = (statistics.median(figures[way, label]) for label in ("first", "second", "bad"))
            calm = statistics.median(figures[way, "first"] + figures[way, "second"])
            noise = abs(first - second)
            text = (f"beside calm neighbours {calm:.0f} us (its two halves {first:.0f} and {second:.0f}), beside bad ones {bad:.0f} us, "
                    f"{bad / calm - 1:+.1%}, {len(figures[way, 'bad'])} windows each")
            print(f"# p99 {what}: {text}", flush=True)
            # In a quick run few calls say little about the slowest of a hundred: only that nobody waits for a bad server.
            most = 1_000_000 if self.quick else (1 + SHARE) * calm + noise
            ok(bad <= most, f"neighbours: calls of the good servers {what} are as quick as beside calm neighbours", text)

    def judge(self):
        lists = self.bad.lists
        print(f"# the list of all servers: {len(lists)} times, median {statistics.median(lists):.3f} s, longest {max(lists):.3f} s; "
              f"beside calm ones longest {max(self.calm.lists):.3f} s", flush=True)
        ok(not self.failed, "neighbours: every call of a good server is answered", *self.failed[:SHOWN])
        ok(max(lists) < LIST_SECONDS and statistics.median(lists) < 1, "neighbours: the list of all servers comes in time")
        ok(not self.bad.bad_lists, "neighbours: and all good servers are in it", *self.bad.bad_lists[:SHOWN])
        seconds, counts, odd = self.bad.others.result()
        print(f"# calls of bad servers: {dict(counts)}; longest {dict((k, round(v, 1)) for k, v in seconds.items())}", flush=True)
        ok(counts["refused"] and not odd, "neighbours: who calls a bad server is told so", *odd[:SHOWN])
        late = {name: took for name, took in seconds.items() if took > VISIT_SECONDS}
        ok(not late, "neighbours: and in bounded time", late)
        _, counts, odd = self.calm.others.result()
        ok(counts["answered"] == counts.total() and not odd, "neighbours: beside calm ones nobody is refused", counts, *odd[:SHOWN])

    def judge_held(self):
        gate = self.bad.gate
        ok(not self.left, "neighbours: no process outlives its client by more than its grace", *self.left)
        found = until(lambda: not watch.zombies(gate.process.pid), 5) and [] or watch.zombies(gate.process.pid)
        ok(not found, "neighbours: no dead process was left uncollected", found)
        known = self.own | set(watch.tree(self.calm.gate.process.pid))
        strays = [stray for stray in watch.strays(gate, self.folder) if stray[0] not in known]
        ok(not strays, "neighbours: no process has got away from the gate", *strays[:SHOWN])
        found = watch.changes(self.held[0], self.held[-1])
        ok(not found, "neighbours: descriptors and threads are as many as before, memory is within 5 %", *found)
        log = [line for line in gate.log_text().splitlines() if any(word in line for word in FAULTS)]
        ok(not log and gate.process.poll() is None, "neighbours: no process of the gate's failed", *log[:SHOWN])


def run(options):
    folder = tempfile.mkdtemp(prefix="kanmon-soak-")
    os.chmod(folder, 0o755)
    try:
        with Place() as place:
            run = Run(place, folder, options)
            # Long enough for everybody to have been hung up on, and for the buffers of what is large.
            run.window(run.bad, "warm-up", 2 if options.quick else 40)
            run.window(run.calm, "warm-up", 2 if options.quick else 8)
            run.rest("after the warm-up")
            with Awake(not options.quick):
                figures = run.rounds(1 if options.quick else WINDOWS, 2 if options.quick else 8)
            run.judge_latency(figures)
            run.judge_held()
            run.judge()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
