"""One run of the load against one candidate, and the start of a stdio server."""
# SPDX-License-Identifier: Apache-2.0

import json
import os
import select
import subprocess
import time
from collections import namedtuple

from candidates import kanmon_environment
from process import Unavailable, cpu_ns, descendants, pin
from session import Session

# A shape of load; `count` for 1 KB, the larger size runs `count_large`.
Case = namedtuple("Case", "name connections rate count count_large warmup")

FULL = (
    Case("c=64", 64, None, 12000, 5000, 500),
    Case("c=8", 8, None, 8000, 3000, 200),
    Case("c=1", 1, None, 3000, 1500, 100),
    Case("4000/s", 64, 4000, 4000, 2000, 200),
)
QUICK = (
    Case("c=64", 64, None, 3000, 1000, 300),
    Case("c=8", 8, None, 1200, 500, 100),
    Case("c=1", 1, None, 500, 300, 50),
    Case("4000/s", 64, 4000, 600, 400, 100),
)
SLOW = (
    Case("c=8", 8, None, 200, 0, 20),
    Case("c=1", 1, None, 100, 0, 10),
)
SLOW_QUICK = (Case("c=1", 1, None, 40, 0, 10),)


def in_turn(all_of_them, number):
    """Every round begins with another: whoever comes first may find a colder machine."""
    turn = number % len(all_of_them) if all_of_them else 0
    return all_of_them[turn:] + all_of_them[:turn]


class View:
    """One way to call a gate that is called in several: what run_case() asks of a candidate."""

    expect = sessions = None

    def __init__(self, name, gate, path, revision, size):
        self.name, self.gate, self.path = name, gate, path
        self.revision, self.size = revision, size
        self.ports = gate.ports
        self.request = os.path.join(gate.folder(), f"{name.replace(' ', '-').replace('/', '')}.request")

    def pids(self):
        return self.gate.pids()

    def upstream_pids(self):
        return self.gate.upstream_pids()

    def write_request(self):
        host = Session(self.name, self.ports[self.size], self.path, self.revision, self.gate.token)
        host.open()
        host.call(self.size)
        with open(self.request, "wb") as file:
            file.write(host.request(self.size))


def next_line(process, seconds):
    """A line of the load generator; it has its own limit on time, this one is for its bugs."""
    ready, _, _ = select.select([process.popen.stdout], [], [], seconds)
    line = process.popen.stdout.readline() if ready else ""
    if not line:
        raise Unavailable(f"bench_load said nothing; on its error stream: {process.said()}")
    return line


def go(process):
    process.popen.stdin.write("go\n")
    process.popen.stdin.flush()


def run_case(setting, candidate, case, size, request):
    """Returns the load's figures with `cpu_us` a call added; None for a path with no process of its own."""
    count = case.count if size == 1024 else case.count_large
    argv = [setting.program("load"), "--port", str(candidate.ports[size]), "--request", request]
    argv += ["--connections", str(case.connections), "--count", str(count), "--warmup", str(case.warmup)]
    argv += ["--wait", "--timeout", "20"] + (["--rate", str(case.rate)] if case.rate else [])
    argv += ["--expect", candidate.expect] if candidate.expect else []
    argv += ["--sessions", candidate.sessions] if candidate.sessions else []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    load = setting.processes.start("load", argv, setting.load_cpu, **pipes)
    try:
        line = next_line(load, 60)
        if line.strip() != "ready":
            return judged(candidate, case, size, json.loads(line))
        for pid in candidate.upstream_pids():
            pin(pid, setting.load_cpu)
        pids = candidate.pids()
        before = cpu_ns(pids)
        go(load)
        figures = judged(candidate, case, size, json.loads(next_line(load, 60)))
        spent = cpu_ns(pids) - before
        figures["cpu_us"] = spent / 1000 / figures["requests"] if pids else None
        return figures
    finally:
        load.popen.stdin.close()
        load.popen.stdout.close()
        setting.processes.end(load)


def judged(candidate, case, size, figures):
    """A figure over failed requests is none."""
    if any(figures["failures"].values()):
        kinds = ", ".join(f"{count} {kind}" for kind, count in figures["failures"].items() if count)
        raise Unavailable(
            f"{candidate.name} at {case.name}: failed requests ({kinds}), the first: {figures['first_failure']}"
        )
    if figures["body_bytes"] < size * 0.9:
        raise Unavailable(
            f"{candidate.name} at {case.name}: answers of {figures['body_bytes']} bytes, not {size}: something cuts them"
        )
    return figures


INITIALIZE = {
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1.0.0"},
    },
    "jsonrpc": "2.0",
    "id": 0,
}


def first_answer_ms(argv, environment, folder):
    """From the start of a stdio server to its answer to `initialize`, as a host waits for it."""
    begin = time.perf_counter()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    try:
        server = subprocess.Popen(argv, env=environment, cwd=folder, **pipes)
    except OSError as error:
        raise Unavailable(f"kanmon run: cannot start {argv[0]}: {error.strerror}") from error
    try:
        server.stdin.write(json.dumps(INITIALIZE) + "\n")
        server.stdin.flush()
        ready, _, _ = select.select([server.stdout], [], [], 10)
        line = server.stdout.readline() if ready else ""
        spent = (time.perf_counter() - begin) * 1000
        if '"protocolVersion"' not in line:
            raise Unavailable(run_failure(server, line))
        return spent
    except BrokenPipeError as error:
        raise Unavailable(run_failure(server, "")) from error
    finally:
        end_server(server)


def run_failure(server, line):
    """Says what came instead of an answer."""
    try:
        server.wait(2)
        status = f"ended with status {server.returncode}"
        said = " ".join(server.stderr.read().split())[-200:]
    except subprocess.TimeoutExpired:
        status, said = "still runs", ""
    return f"kanmon run gave no answer to initialize: {status}; it said: {said or line.strip()[:200] or 'nothing'}"


def end_server(server):
    try:
        server.stdin.close()
    except BrokenPipeError:
        pass
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    server.stdout.close()
    server.stderr.close()


def middle(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def run_start(setting, times, cold_times):
    """What `kanmon run` adds to the start of a server: with the gateway running, and from cold."""
    folder = os.path.join(setting.folder, "run")
    environment = kanmon_environment(folder)
    direct = [setting.program("echo"), "--stdio"]
    through = [os.path.join(setting.build, "kanmon"), "run", "--", *direct]
    ours = set(descendants(os.getpid()))

    def end_gateway():
        setting.processes.end_pids([pid for pid in descendants(os.getpid()) if pid not in ours])

    cold = []
    try:
        for _ in range(cold_times):
            end_gateway()
            cold.append(first_answer_ms(through, environment, folder))
        pairs = [
            (first_answer_ms(direct, environment, folder), first_answer_ms(through, environment, folder))
            for _ in range(times)
        ]
    finally:
        end_gateway()
    direct_ms, through_ms = middle([pair[0] for pair in pairs]), middle([pair[1] for pair in pairs])
    return {
        "direct_ms": direct_ms,
        "through_ms": through_ms,
        "added_ms": through_ms - direct_ms,
        "cold_ms": middle(cold),
        "cold_added_ms": middle(cold) - direct_ms,
    }
