# peers.py - the clients and servers of run-peers: how each is started, directly and at each door of the gate.
# SPDX-License-Identifier: Apache-2.0
import collections
import os
import subprocess
import threading

from gate import Gate
from started import NODE22, PEERS, Failed, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
MCP = os.path.join(PEERS, "node_modules", "@modelcontextprotocol")
LOOPBACK = os.path.join(PEERS, "loopback.cjs")
CLIENT_SECONDS = 300

LEGACY, MODERN = "legacy", "modern"

# `doors`: "own" is one server (kanmon run, /mcp/NAME), "all" the catalogue of several (serve --stdio, /mcp).
Client = collections.namedtuple("Client", "argv eras doors")
# `sse` is how it is started for the older HTTP+SSE.
Server = collections.namedtuple("Server", "argv http eras sse", defaults=[None])
Row = collections.namedtuple("Row", "client server way door")
Lines = collections.namedtuple("Lines", "era checks outputs")

CLIENTS = {
    "sdk1": Client(["client1.mjs"], {LEGACY}, {"own", "all"}),
    "sdk2-default": Client(["client2.mjs", "--mode", "default"], {LEGACY}, {"own"}),
    "sdk2-auto": Client(["client2.mjs", "--mode", "auto"], {LEGACY, MODERN}, {"own", "all"}),
    "sdk2-2026-07-28": Client(["client2.mjs", "--mode", "2026-07-28"], {MODERN}, {"own", "all"}),
    "inspector": Client(["inspector.mjs", "--era", "legacy"], {LEGACY}, {"own"}),
    "inspector-modern": Client(["inspector.mjs", "--era", "modern"], {MODERN}, {"own"}),
}
# A server that keeps one file for all its processes is not used by two rows at once.
ONE_AT_A_TIME = ("filesystem", "memory")
# What stands behind the door of all servers, and how the gate reaches it.
CATALOGUE = {"everything": "url", "fixture": "run", "modern": "url"}


def servers(folder):
    """How each server is started on stdio, and on HTTP where it can; the port comes in $PORT."""
    package = lambda name: os.path.join(MCP, f"server-{name}", "dist", "index.js")  # noqa: E731
    ours = lambda name: os.path.join(PEERS, f"{name}.mjs")  # noqa: E731
    memory = os.path.join(folder, "memory.jsonl")
    everything = package("everything")
    return {
        "everything": Server(
            ["node", everything, "stdio"], ["node", "-r", LOOPBACK, everything, "streamableHttp"], {LEGACY},
            ["node", "-r", LOOPBACK, everything, "sse"],
        ),
        "filesystem": Server(["node", package("filesystem"), folder], None, {LEGACY}),
        "memory": Server(["env", f"MEMORY_FILE_PATH={memory}", "node", package("memory")], None, {LEGACY}),
        "sequential-thinking": Server(["node", package("sequential-thinking")], None, {LEGACY}),
        "fixture": Server(["node", ours("fixture"), "stdio"], ["node", ours("fixture")], {LEGACY, MODERN}),
        "modern": Server(["node", ours("modern"), "stdio"], ["node", ours("modern")], {MODERN}),
    }


def use_pinned_node(folder):
    """All of a run is the node the Inspector needs; what it has compiled once, it keeps for the run."""
    asked = subprocess.run([NODE22, "-p", "process.execPath"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if asked.returncode != 0 or not os.path.isdir(os.path.join(MCP, "inspector")):
        raise Failed("the Inspector or its node 22 is absent: run `npm ci` in test/peers")
    binaries = os.path.dirname(asked.stdout.decode().strip())
    os.environ["PATH"] = binaries + os.pathsep + os.environ.get("PATH", os.defpath)
    os.environ["NODE_COMPILE_CACHE"] = os.path.join(folder, "compiled")


def is_inspector(client):
    return CLIENTS[client].argv[0] == "inspector.mjs"


def row_exists(row, table):
    """Whether a client can be put before a server in this way, its era aside."""
    if row.way == "url" and not table[row.server].http:
        return False
    if row.way == "sse":
        return row.client == "sdk1" and bool(table[row.server].sse)
    if is_inspector(row.client):
        http = "url" if table[row.server].http else "run"
        return row.way in ("stdio", http) and row.door == "own" and row.server != "fixture"
    catalogued = row.server in CATALOGUE and row.way != "run"
    return row.door == "own" or (catalogued and row.door in CLIENTS[row.client].doors)


def lane(row):
    """Rows of one lane share a process or a file, and come one after the other."""
    if row.server in ONE_AT_A_TIME:
        return row.server
    return (row.server, row.way in ("url", "sse") or row.door == "all", is_inspector(row.client))


class Peers:
    """The servers of one run, those on HTTP started when first needed, and the gates in front of all of them."""

    def __init__(self, started, folder, recording):
        self.started = started
        self.folder = folder
        self.recording = recording
        self.files = os.path.join(folder, "files")
        os.makedirs(self.files, exist_ok=True)
        self.servers = servers(self.files)
        self.urls = {}
        self.gates = {}
        self.tokens = {}
        self.lock = threading.Lock()

    def url(self, name):
        return self._url(name, self.servers[name].http, "/mcp")

    def sse(self, name):
        return self._url(f"{name}-sse", self.servers[name].sse, "/sse")

    def _url(self, name, argv, path):
        with self.lock:
            if name not in self.urls:
                port = free_port()
                log = os.path.join(self.folder, f"{name}.log")
                child = self.started.start(argv, log, env={"PORT": str(port)})
                self.started.wait_port(child, port)
                self.urls[name] = f"http://127.0.0.1:{port}{path}"
            return self.urls[name]

    def _started_by_gate(self, leg, name):
        return {"run": self.recording.argv(leg, self.servers[name].argv)}

    def _reached_by_gate(self, leg, name):
        return {"url": self.recording.url(leg, self.url(name))}

    def start_gates(self, rows):
        wanted = {}
        for name in dict.fromkeys(row.server for row in rows if (row.way, row.door) == ("run", "own")):
            wanted[name] = self._started_by_gate("server-stdio", name)
        for name in dict.fromkeys(row.server for row in rows if (row.way, row.door) == ("stdio", "own")):
            wanted[f"{name}-stdio"] = self._started_by_gate("server-stdio", name)
        for name in dict.fromkeys(row.server for row in rows if (row.way, row.door) == ("url", "own")):
            wanted[f"{name}-url"] = self._reached_by_gate("server-http", name)
        # Not recorded: one stream carries the answers to many requests, which the recorder does not follow.
        for name in dict.fromkeys(row.server for row in rows if (row.way, row.door) == ("sse", "own")):
            wanted[f"{name}-sse"] = {"url": self.sse(name)}
        if wanted:
            self.gates["own"] = self._gate("own", wanted)
        if any(row.door == "all" for row in rows):
            reach = {"run": self._started_by_gate, "url": self._reached_by_gate}
            wanted = {name: reach[way]("server-of-all", name) for name, way in CATALOGUE.items()}
            self.gates["all"] = self._gate("all", wanted)

    def _gate(self, name, wanted):
        folder = os.path.join(self.folder, f"gate-{name}")
        os.makedirs(folder, exist_ok=True)
        return Gate(self.started, wanted, folder=folder).start()

    def direct(self, row):
        if row.way == "url":
            return ["http", self.recording.url("direct", self.url(row.server))]
        if row.way == "sse":
            return ["sse", self.sse(row.server)]
        return ["stdio", *self.recording.argv("direct", self.servers[row.server].argv)]

    def _token(self, row):
        """Of the client's own: the programs of one token share a server's process, and what it was told once."""
        with self.lock:
            if row[0::3] not in self.tokens:
                self.tokens[row[0::3]] = self.gates[row.door].make_token(row.client)
            return self.tokens[row[0::3]]

    def behind(self, row):
        gate = self.gates[row.door]
        if row.way == "sse":
            return ["sse", gate.url(f"{row.server}-sse" if row.door == "own" else None, "sse"), self._token(row)]
        if row.door == "all":
            if row.way == "stdio":
                return ["stdio", *self.recording.argv("client-serve-stdio", gate.serve_command())]
            return ["http", self.recording.url("client-mcp", gate.url()), self._token(row)]
        if row.way == "stdio":
            argv = self.recording.argv("server-stdio", self.servers[row.server].argv)
            command = gate.run_command(f"{row.server}-stdio", argv)
            return ["stdio", *self.recording.argv("client-kanmon-run", command)]
        name = row.server if row.way == "run" else f"{row.server}-url"
        return ["http", self.recording.url("client-mcp-server", gate.url(name)), self._token(row)]

    def check(self, row, target, gate=None, prefix=None):
        """Runs the client's checks against the target; what the client says is the result."""
        client = CLIENTS[row.client]
        words = ["--server", row.server, "--folder", self.files, *(["--prefix", prefix] if prefix else [])]
        argv = ["node", os.path.join(HERE, client.argv[0]), *client.argv[1:], *words, *target]
        log = os.path.join(self.folder, "client.log")
        child = self.started.start(argv, log, env=gate.env if gate else None, stdout=subprocess.PIPE)
        try:
            out, _ = child.communicate(timeout=CLIENT_SECONDS)
        except subprocess.TimeoutExpired:
            self.started.end(child)
            out = b"not ok end the client did not end\n"
        self.started.end(child)
        return read_lines(out.decode(errors="replace"))

    def check_behind(self, row):
        prefix = f"{row.server}__" if row.door == "all" else None
        return self.check(row, self.behind(row), gate=self.gates[row.door], prefix=prefix)


def read_lines(text):
    """What a driver says: `# era E`, `ok N`, `not ok N WHY`, `n/a N WHY`, and `= N OUTPUT` where that is compared, too."""
    era, checks, outputs = "", {}, {}
    for line in text.splitlines():
        if line.startswith("# era "):
            era = line[6:]
            continue
        for status in ("ok", "not ok", "n/a", "="):
            if line.startswith(status + " "):
                name, _, rest = line[len(status) + 1 :].partition(" ")
                if status == "=":
                    outputs[name] = rest
                else:
                    checks[name] = (status, rest)
    return Lines(era, checks, outputs)
