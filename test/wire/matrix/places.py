# places.py - where the cells of the matrix take place: the servers, the gates before them, and a recorder on every side.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import threading

from cells import COLUMNS, GROUPS, TOGETHER
from gate import Gate, kanmon_path
from peers import LOOPBACK, MCP
from started import PEERS, Failed, free_port, tail

HERE = os.path.dirname(os.path.abspath(__file__))
BRIDGE = os.path.join(HERE, "bridge.mjs")
CLIENT_LEGS = ["client-run", "client-serve", "client-http", "client-sse", "client-ws", "client-unix"]
SERVER_LEGS = ["server-stdio", "server-http"]
ERAS = {"modern": "modern", "legacy": "legacy", "dual": "both"}
CHECK_SECONDS = 20


class Servers:
    """Starts each server once, where it listens; where it is on stdio, says how it is started."""

    def __init__(self, started, folder):
        self.started = started
        self.folder = folder
        self.served = os.path.join(folder, "served")
        self.files = os.path.join(self.served, "files")
        os.makedirs(self.files, exist_ok=True)
        self.urls = {}
        self.lock = threading.Lock()

    def _package(self, name):
        return os.path.join(MCP, f"server-{name}", "dist", "index.js")

    def argv(self, name):
        """The command of a server on stdio."""
        kind = COLUMNS[name].kind
        if kind == "fixture":
            return ["env", f"ERA={ERAS[name.split('-')[0]]}", "TASKS=1", "node", os.path.join(PEERS, "fixture.mjs"), "stdio"]
        if kind == "everything":
            return ["node", self._package("everything"), "stdio"]
        if kind == "filesystem":
            # Wider than the client's root, so that it shows when the root is what counts.
            return ["node", self._package("filesystem"), self.served]
        if kind == "memory":
            return ["env", f"MEMORY_FILE_PATH={self.folder}/memory.jsonl", "node", self._package("memory")]
        return ["node", self._package("sequential-thinking")]

    def url(self, name):
        with self.lock:
            if name not in self.urls:
                self.urls[name] = self._listen(name)
            return self.urls[name]

    def _listen(self, name):
        log = os.path.join(self.folder, f"{name}.log")
        reach = COLUMNS[name].reach
        if COLUMNS[name].kind == "fixture":
            env = {"ERA": ERAS[name.split("-")[0]], "TASKS": "1", "PORT": "0"}
            return self.started.start_listening(["node", os.path.join(PEERS, "fixture.mjs")], log, env=env)
        port = free_port()
        mode = "streamableHttp" if reach == "http" else "sse"
        argv = ["node", "-r", LOOPBACK, self._package("everything"), mode]
        self.started.wait_port(self.started.start(argv, log, env={"PORT": str(port)}), port)
        return f"http://127.0.0.1:{port}/{'mcp' if reach == 'http' else 'sse'}"


class MatrixGate(Gate):
    """A gate that also listens on a unix socket, where it can; `no_unix` says why it cannot."""

    def __init__(self, started, servers, folder):
        self.socket = None
        self.no_unix = ""
        super().__init__(started, servers, folder=folder)
        self._add_unix(servers)

    def _add_unix(self, servers):
        self.socket = os.path.join(self.folder, "s")
        self._write(servers)
        checked = subprocess.run(
            [kanmon_path(), "token", "list", "-c", self.config], env={**os.environ, **self.env}, capture_output=True, text=True,
            timeout=CHECK_SECONDS,
        )
        if checked.returncode != 0:
            self.no_unix = (checked.stderr or checked.stdout).strip().split("\n")[0]
            self.socket = None
            self._write(servers)

    def _write(self, servers):
        super()._write(servers)
        if self.socket:
            with open(self.config, "a") as text:
                text.write(f"unix: {{ path: {json.dumps(self.socket)} }}\n")


class Gated:
    """Every cell behind a gate: one with each server by itself, and one for each group of servers served together."""

    def __init__(self, started, folder, recording, cells):
        self.started, self.folder, self.recording = started, folder, recording
        self.servers = Servers(started, folder)
        self.alone = self._gate("alone", list(dict.fromkeys(cell.server for cell in cells if cell.transport not in TOGETHER)))
        self.groups = {}
        for number, group in enumerate(GROUPS):
            if any(cell.server in group and cell.transport in TOGETHER for cell in cells):
                gate = self._gate(f"g{number}", group)
                self.groups.update(dict.fromkeys(group, gate))

    def _reach(self, name):
        if COLUMNS[name].reach == "stdio":
            return {"run": self.recording.argv("server-stdio", self.servers.argv(name))}
        return {"url": self.recording.url("server-http", self.servers.url(name))}

    def _gate(self, name, wanted):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        return MatrixGate(self.started, {server: self._reach(server) for server in wanted}, folder).start()

    def target(self, cell):
        """Where the client finds the server: what drive.mjs takes, or None and why there is nothing."""
        leg = f"client-{cell.transport}"
        if cell.transport == "run":
            argv = self.recording.argv("server-stdio", self.servers.argv(cell.server))
            command = self.recording.argv(leg, self.alone.run_command(f"run-{cell.server}", argv))
            return {"transport": "stdio", "command": command[0], "args": command[1:]}
        if cell.transport in TOGETHER:
            return self._target_together(cell, leg, self.groups[cell.server])
        path = "sse" if cell.transport == "sse" else "mcp"
        url = self.recording.url(leg, f"http://127.0.0.1:{self.alone.port}/{path}/{cell.server}")
        if cell.transport == "ws":
            url = url.replace("http:", "ws:", 1)
        return {"transport": cell.transport, "url": url, "token": self.alone.token}

    def _target_together(self, cell, leg, gate):
        if cell.transport == "serve":
            command = self.recording.argv(leg, gate.serve_command())
            return {"transport": "stdio", "command": command[0], "args": command[1:]}
        if not gate.socket:
            raise Failed(f"the gate takes no unix socket: {gate.no_unix}")
        return {"transport": "unix", "path": self.recording.unix(leg, gate.socket)}

    def prefix(self, cell):
        return f"{cell.server}__" if cell.transport in TOGETHER else None

    def env(self, cell):
        return (self.groups[cell.server] if cell.transport in TOGETHER else self.alone).env


class Direct:
    """No gate: each client before each server it shares an era with, over a small bridge where the server lacks the transport."""

    def __init__(self, started, folder, recording, _cells):
        self.started, self.folder, self.recording = started, folder, recording
        self.servers = Servers(started, folder)
        self.bridges = {}

    @staticmethod
    def has(cell, eras):
        reach = COLUMNS[cell.server].reach
        fits = cell.transport in ("run", "sse", "ws", "unix") if reach == "stdio" else cell.transport == reach
        return fits and bool(eras & COLUMNS[cell.server].eras)

    def _bridge(self, *words):
        if words not in self.bridges:
            log = os.path.join(self.folder, "bridge.log")
            self.bridges[words] = self.started.start_listening(["node", BRIDGE, *words], log)
        return self.bridges[words]

    def target(self, cell):
        # The SDKs' servers take a batch over Streamable HTTP alone, though every receiver must; the gate is to take it everywhere.
        return {**self._target(cell), "batches": cell.transport == "http"}

    def _target(self, cell):
        if COLUMNS[cell.server].reach != "stdio":
            return {"transport": cell.transport, "url": self.recording.url("direct", self.servers.url(cell.server))}
        argv = self.servers.argv(cell.server)
        if cell.transport == "run":
            command = self.recording.argv("direct", argv)
            return {"transport": "stdio", "command": command[0], "args": command[1:]}
        if cell.transport == "unix":
            path = os.path.join(self.folder, cell.server)
            self._bridge("unix", path, *argv)
            return {"transport": "unix", "path": self.recording.unix("direct", path)}
        url = self.recording.url("direct", self._bridge("http", *argv) + f"/{cell.transport}")
        return {"transport": cell.transport, "url": url.replace("http:", "ws:", 1) if cell.transport == "ws" else url}

    def prefix(self, _cell):
        return None

    def env(self, _cell):
        return {}


def why_ended(log):
    return f"the driver ended: {tail(log)}"
