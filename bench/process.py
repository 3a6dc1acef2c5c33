"""What the benchmark starts, where it runs, what it costs, and how it ends."""
# SPDX-License-Identifier: Apache-2.0

import ctypes
import os
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
UPSTREAM_COMM = "bench_echo"  # the server behind a candidate is no part of its cost

_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """A candidate cannot be measured; the text says why."""


def read(path):
    """The text of a file under /proc; empty where the process is gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def comm(pid):
    return read(f"/proc/{pid}/comm").strip()


def children_by_parent():
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        stat = read(f"/proc/{name}/stat")
        if stat:
            # The name in brackets may hold anything, so look behind the last bracket.
            fields = stat[stat.rindex(")") + 2 :].split()
            if fields[0] != "Z":
                table.setdefault(int(fields[1]), []).append(int(name))
    return table


def descendants(pid):
    """Every process below `pid`, itself left out."""
    table = children_by_parent()
    found, open_pids = [], [pid]
    while open_pids:
        for child in table.get(open_pids.pop(), []):
            found.append(child)
            open_pids.append(child)
    return found


def cpu_ns(pids):
    """On-CPU nanoseconds of all threads: exact for a process that sleeps."""
    total = 0
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            text = read(f"/proc/{pid}/task/{thread}/schedstat")
            total += int(text.split()[0]) if text else 0
    return total


def pss_kb(pids):
    """Of all of them together; None where one hides its memory from this user."""
    total = 0
    for pid in pids:
        lines = [line for line in read(f"/proc/{pid}/smaps_rollup").splitlines() if line.startswith("Pss:")]
        if not lines:
            return None
        total += int(lines[0].split()[1])
    return total


def pin(pid, cpu):
    if cpu is None:
        return
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            os.sched_setaffinity(int(thread), {cpu})
        except OSError:
            pass


class Process:
    """One started program with everything below it."""

    def __init__(self, name, argv, cpu, log, **options):
        self.name = name
        self.log = log

        def prepare():
            # Ends with the driver, whatever ends the driver.
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})

        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", log)
        options.setdefault("stderr", log)
        try:
            self.popen = subprocess.Popen(argv, preexec_fn=prepare, **options)
        except OSError as error:
            raise Unavailable(f"{name}: cannot start {argv[0]}: {error.strerror}") from error

    def pids(self):
        """Its processes, without upstream servers among them."""
        tree = [self.popen.pid] + descendants(self.popen.pid)
        return [pid for pid in tree if comm(pid) != UPSTREAM_COMM]

    def upstreams(self):
        return [pid for pid in descendants(self.popen.pid) if comm(pid) == UPSTREAM_COMM]

    def said(self):
        """The end of what it wrote, on one line."""
        self.log.flush()
        text = " ".join(read(self.log.name).split())
        return text[-300:] if text else "nothing"

    def wait_listening(self, port, seconds=10.0):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = self.popen.poll()
            if status is not None:
                raise Unavailable(
                    f"{self.name} ended with status {status} before it listened on port {port}; "
                    f"it said: {self.said()}"
                )
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise Unavailable(
            f"{self.name} did not listen on port {port} within {seconds:.0f} s; it said: {self.said()}"
        )


def interrupt(*_):
    raise KeyboardInterrupt


class Processes:
    """All that the driver starts; leaving the `with` ends every one of them, by its id."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def __enter__(self):
        # What loses its parent comes to us, so that nothing escapes.
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        return self

    def start(self, name, argv, cpu, **options):
        path = os.path.join(self.folder, f"{name.replace(' ', '-')}.log")
        with open(path, "a", encoding="utf-8") as log:
            process = Process(name, argv, cpu, log, **options)
        process.log = open(path, encoding="utf-8")
        self.started.append(process)
        return process

    def end(self, process):
        self.end_pids([process.popen.pid] + descendants(process.popen.pid))
        process.popen.wait()
        process.log.close()
        self.started.remove(process)

    def end_pids(self, pids, seconds=2.0):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self.reap()
                pids = [pid for pid in pids if self.alive(pid)]
                if not pids:
                    return
                time.sleep(0.002)

    def alive(self, pid):
        stat = read(f"/proc/{pid}/stat")
        return bool(stat) and stat[stat.rindex(")") + 2] != "Z"

    def reap(self):
        """Collects the dead: our own through their Popen, strays by any id that is left."""
        own = {process.popen.pid for process in self.started}
        for process in self.started:
            process.popen.poll()
        for pid in children_of_dead(os.getpid()):
            if pid not in own:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        # Twice, for one that was starting another while it was ended.
        for _ in range(2):
            self.end_pids(descendants(os.getpid()))
        for process in self.started:
            process.popen.wait()
            process.log.close()


def children_of_dead(parent):
    """Zombies whose parent is `parent`."""
    found = []
    for name in os.listdir("/proc"):
        stat = read(f"/proc/{name}/stat") if name.isdigit() else ""
        if stat:
            fields = stat[stat.rindex(")") + 2 :].split()
            if fields[0] == "Z" and int(fields[1]) == parent:
                found.append(int(name))
    return found
