# gate.py - starts a gate for a test: a config of our own, a state of our own, a token; and the commands a test needs.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shlex
import subprocess
import tempfile

from started import Failed, ROOT, free_port, tail

TOKEN_SECONDS = 20


def kanmon_path():
    """The program under test: $KANMON, else build/kanmon."""
    return os.environ.get("KANMON", os.path.join(ROOT, "build", "kanmon"))


def is_built():
    return os.access(kanmon_path(), os.X_OK)


class Gate:
    """One gate with its own home. `servers` maps a name to {"url": …} or {"run": [argv]}."""

    def __init__(self, started, servers, folder=None):
        self.started = started
        self.folder = folder or tempfile.mkdtemp(prefix="kanmon-test-")
        self.config = os.path.join(self.folder, "kanmon.yaml")
        self.log = os.path.join(self.folder, "kanmon.log")
        self.port = free_port()
        self._write(servers)
        self.env = self._environment()
        self.process = None
        self.token = None

    def _write(self, servers):
        lines = ["version: 1", f"listen: 127.0.0.1:{self.port}", "servers:"]
        for name, server in servers.items():
            lines.append(f"  {name}:")
            if "url" in server:
                lines.append(f"    url: {json.dumps(server['url'])}")
            else:
                lines.append(f"    run: {json.dumps(shlex.join(server['run']))}")
            # The peers are the cooperating kind: what is compared is the protocol, not the policy.
            lines.append('    tools: { allow: ["*"] }')
        with open(self.config, "w") as text:
            text.write("\n".join(lines) + "\n")

    def _environment(self):
        """Nothing of the person who runs the tests is read or written."""
        env = {"HOME": self.folder}
        for name in ("CONFIG", "STATE", "DATA", "CACHE", "RUNTIME"):
            path = os.path.join(self.folder, name.lower())
            os.makedirs(path, mode=0o700, exist_ok=True)
            env[f"XDG_{name}_DIR" if name == "RUNTIME" else f"XDG_{name}_HOME"] = path
        return env

    def start(self):
        self.process = self.started.start([kanmon_path(), "serve", "-c", self.config], self.log, env=self.env)
        self.started.wait_port(self.process, self.port)
        self.token = self.make_token("conformance")
        return self

    def make_token(self, name):
        made = subprocess.run(
            [kanmon_path(), "token", "create", name, "-c", self.config],
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=TOKEN_SECONDS,
        )
        if made.returncode != 0 or not made.stdout.strip():
            raise Failed(f"kanmon token create: {made.stderr.decode(errors='replace').strip() or tail(self.log)}")
        return made.stdout.decode().split()[-1]

    def url(self, name=None, path="mcp"):
        """The endpoint of one server, or of all together."""
        return f"http://127.0.0.1:{self.port}/{path}" + (f"/{name}" if name else "")

    def run_command(self, name, argv):
        """What a host starts instead of argv when the server stands behind the gate."""
        return [kanmon_path(), "run", "--name", name, "-c", self.config, "--", *argv]

    def serve_command(self):
        """What a host starts to have all servers of this gate."""
        return [kanmon_path(), "serve", "--stdio", "-c", self.config]

    def stop(self):
        if self.process:
            self.started.end(self.process)
            self.process = None
