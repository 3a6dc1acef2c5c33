"""What stays small where there is much of it: memory of idle streams, CPU a call among many sessions and tools."""
# SPDX-License-Identifier: Apache-2.0

import contextlib
import os
import resource
import shutil
import subprocess
import time

import candidates
import measure
import streams
from process import Unavailable, pss_kb, read
from session import LEGACY

SIZE = candidates.SIZES[0]
STREAMS = 10000
SECURE_STREAMS = 1000  # with TLS; what it costs is proportional
SESSIONS = 10000
TOOLS = 1000
OF_ONE_TOKEN = 250
TOKENS = 4
SETTLE_SECONDS = 2.0
SPARE_FILES = 100
FEWEST_STREAMS = 1000  # fewer, and what the gate has anyway would count
CASE = measure.Case("c=64", 64, None, 6000, 0, 500)
QUICK_CASE = measure.Case("c=64", 64, None, 2000, 0, 300)
ROOM = 2 * max(STREAMS, SESSIONS)


class Crowd(candidates.Kanmon):
    """A gate with room for all of them."""

    def __init__(self, setting, name, tools=1, tls=None):
        self.name, self.tools, self.tls = name, tools, tls
        super().__init__(setting)

    def servers(self):
        return {"echo": f"url: http://127.0.0.1:{self.setting.start_upstream('--tools', self.tools)}/mcp"}

    def settings(self):
        keys = ("connections", "sessions", "sessions-per-token", "calls", "calls-per-session", "calls-per-token")
        text = "limits: { " + ", ".join(f"{key}: {ROOM}" for key in keys) + " }\n"
        return text + (f"tls: {{ cert: {self.tls}/cert.pem, key: {self.tls}/key.pem }}\n" if self.tls else "")

    def tokens(self, count):
        """So many that each has few enough of `count`."""
        more = range(1, -(-count // OF_ONE_TOKEN))
        return [self.token] + [self.make_token(f"bench-{number}") for number in more]

    def port(self):
        return self.ports[SIZE]


def fitting(wanted):
    """How many connections the gate may have: it keeps half of its descriptors for what is behind it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = 2 * (wanted + SPARE_FILES)
    if hard < need:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (need, need))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard // 2 - SPARE_FILES)


def kernel_kb():
    """What the kernel holds for sockets, both ends of each, and in slabs."""
    sockets = read("/proc/net/sockstat").split("TCP: ")[-1].split("\n")[0].split()
    pages = int(sockets[sockets.index("mem") + 1]) if "mem" in sockets else 0
    slab = next((line.split()[1] for line in read("/proc/meminfo").splitlines() if line.startswith("Slab:")), 0)
    return pages * resource.getpagesize() / 1024, int(slab)


class Weight:
    """What the processes of a gate weigh after what was done last, and what the kernel does."""

    def __init__(self, gate):
        time.sleep(SETTLE_SECONDS)
        self.pss = pss_kb(gate.pids())
        if self.pss is None:
            raise Unavailable("only root sees the memory of the gate's processes")
        self.sockets, self.slab = kernel_kb()

    def since(self, before, count):
        return {
            "process_kb": (self.pss - before.pss) / count,
            "socket_kb": (self.sockets - before.sockets) / count,
            "slab_kb": (self.slab - before.slab) / count,
        }


def shares(count, tokens):
    """(token, how many) of each."""
    return [(token, count // len(tokens) + (at < count % len(tokens))) for at, token in enumerate(tokens)]


def legacy_streams(gate, held, count):
    """Sessions at one server, then a stream for each. Returns what each part of it weighs."""
    path = "/mcp/echo"
    tokens = gate.tokens(count)
    first = streams.open_sessions(held, path, tokens[0], 1)
    held.open([streams.standing_request(path, gate.port(), tokens[0], first[0])])
    before = Weight(gate)
    found = [(token, streams.open_sessions(held, path, token, n)) for token, n in shares(count, tokens) if n]
    sessions = Weight(gate)
    for token, ids in found:
        held.open([streams.standing_request(path, gate.port(), token, session) for session in ids])
    return {**Weight(gate).since(before, count), "session_kb": sessions.since(before, count)["process_kb"]}


def modern_streams(gate, held, count):
    """`subscriptions/listen` of clients of all servers."""
    path = "/mcp"
    tokens = gate.tokens(count)
    held.open([streams.listen_request(path, gate.port(), tokens[0], ROOM)])
    before = Weight(gate)
    for token, n in shares(count, tokens):
        held.open([streams.listen_request(path, gate.port(), token, number) for number in range(n)])
    return Weight(gate).since(before, count)


def weigh(setting, name, kind, count, tls=None):
    """Opens `count` streams before a gate of their own, and says what one weighs in kB."""
    gate = Crowd(setting, name, tls=tls)
    try:
        gate.start()
        with streams.Held(gate.port(), tls is not None) as held:
            found = kind(gate, held, count)
            still = held.open_still()
            if still != count + 1:
                raise Unavailable(f"{name}: {count + 1 - still} of {count + 1} streams did not stay open")
        return {"count": count, **found}
    finally:
        gate.stop()


def certificate(setting):
    """A folder with a key and its certificate."""
    folder = os.path.join(setting.folder, "tls")
    os.makedirs(folder, exist_ok=True)
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem"
    words += " -days 30 -subj /CN=localhost"
    if not shutil.which("openssl"):
        raise Unavailable("openssl is not installed: no streams with TLS")
    done = subprocess.run(words.split(), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"openssl made no certificate: {done.stderr[-200:]}")
    return folder


def idle_streams(setting, quick, note):
    """What one idle stream weighs, by kind. What cannot be had is noted and left out."""
    count = fitting(STREAMS // 5 if quick else STREAMS)
    if count < FEWEST_STREAMS:
        note(f"idle streams: the hard limit of open files leaves room for {count}, which is too few", False)
        return {}
    if count < STREAMS and not quick:
        note(f"idle streams: the hard limit of open files leaves room for {count} of {STREAMS}", False)
    found = {}
    kinds = {"legacy": (legacy_streams, count), "modern": (modern_streams, count), "tls": (legacy_streams, SECURE_STREAMS)}
    if quick:
        del kinds["tls"]
    for name, (kind, number) in kinds.items():
        try:
            tls = certificate(setting) if name == "tls" else None
            found[name] = weigh(setting, f"kanmon-streams-{name}", kind, number, tls)
        except (Unavailable, OSError) as error:
            note(f"idle streams, {name}: {error}", name != "tls" and os.geteuid() == 0)
    return found


# What is held against what.
FLAT = {
    "sessions": ("many sessions", "one"),
    "tools": ("many tools", "one"),
    "prefixed": ("many tools at /mcp", "one at /mcp"),
}


def sessions_of(quick):
    return SESSIONS // 5 if quick else SESSIONS


class Flat:
    """Gates of one and of many, side by side, that take turns in each round."""

    name = "flat"

    def __init__(self, setting, runs, quick):
        self.setting, self.runs = setting, runs
        self.case = QUICK_CASE if quick else CASE
        self.count = sessions_of(quick)
        self.stack = contextlib.ExitStack()
        self.windows = []

    def start(self):
        names = {"kanmon-small": 1, "kanmon-sessions": 1, "kanmon-tools": TOOLS}
        small, sessions, tools = (Crowd(self.setting, name, number) for name, number in names.items())
        for gate in (small, sessions, tools):
            gate.start()
            self.stack.callback(gate.stop)
        self.windows = [
            measure.View(name, gate, path, LEGACY, SIZE)
            for name, gate, path in (
                ("one", small, "/mcp/echo"),
                ("many sessions", sessions, "/mcp/echo"),
                ("many tools", tools, "/mcp/echo"),
                ("one at /mcp", small, "/mcp"),
                ("many tools at /mcp", tools, "/mcp"),
            )
        ]
        for window in self.windows:
            window.write_request()
        self.windows[1].sessions = self.open_sessions(sessions)

    def open_sessions(self, gate):
        """Of several tokens, as one may not have the connections to servers of all. Returns a file of the first one's ids."""
        tokens = [gate.token] + [gate.make_token(f"bench-{number}") for number in range(1, TOKENS)]
        with streams.Held(gate.port()) as held:
            found = [streams.open_sessions(held, "/mcp/echo", token, n) for token, n in shares(self.count, tokens)]
        return gate.write("sessions", "".join(f"{session}\n" for session in found[0]))

    def measure(self, number):
        for window in measure.in_turn(self.windows, number):
            found = measure.run_case(self.setting, window, self.case, SIZE, window.request)
            self.runs.add(window.name, self.case.name, SIZE, found)

    def stop(self):
        self.stack.close()


def flat_result(runs, quick):
    """CPU a call of each, and the ratios of many to one."""
    names = {name for pair in FLAT.values() for name in pair}
    rows = {}
    for name in names:
        good = [found["cpu_us"] for found in runs.of(name, CASE.name, SIZE) if found]
        if good:
            rows[name] = measure.middle(good)
    if not rows:
        return None
    ratios = {key: runs.ratio(many, one, CASE.name) for key, (many, one) in FLAT.items()}
    return {"sessions_open": sessions_of(quick), "tools_listed": TOOLS, "cpu_us": rows, "ratios": ratios}


def stream_lines(found):
    text = ["Idle event streams, kB for each: the gate's processes (PSS); the kernel's sockets, of both ends, and slabs"]
    for name, entry in found.items():
        session = f", {entry['session_kb']:.1f} of it its session" if "session_kb" in entry else ""
        text.append(
            f"  {name:8} {entry['count']:>6,}  {entry['process_kb']:5.1f} kB{session};"
            f" kernel {entry['socket_kb']:.1f} and {entry['slab_kb']:.1f}"
        )
    return text


def flat_lines(found):
    text = [f"CPU a call, 1 KB, c=64: {found['sessions_open']:,} sessions and {found['tools_listed']:,} tools to one"]
    for key, (many, one) in FLAT.items():
        if found["ratios"][key] is not None:
            cost = found["cpu_us"]
            text.append(f"  {many:18}  {cost[many]:6.1f} us  {one:11}  {cost[one]:6.1f} us  {found['ratios'][key]:.2f}")
    return text
