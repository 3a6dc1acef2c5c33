# harness.py - TAP, a gate in a folder of its own, and an agent that speaks to it: for the tests of the command line.
# SPDX-License-Identifier: Apache-2.0
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KANMON = os.environ.get("KANMON", str(ROOT / "build" / "kanmon"))
SERVER = [sys.executable, "-I", str(HERE / "server.py")]
WAIT = 30  # seconds for what must happen; nothing depends on its being short

counted = failed = 0


def ok(passed, name, *lines):
    global counted, failed
    counted += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {counted} - {name}", flush=True)
    for line in lines if not passed else ():
        for part in str(line).splitlines() or [""]:
            print(f"#   {part}", flush=True)
    return passed


def equal(got, want, name):
    return ok(got == want, name, f"got  {got!r}", f"want {want!r}")


def contains(text, part, name):
    return ok(part in text, name, f"{part!r} is not in:", text)


def skip(name, why):
    global counted
    counted += 1
    print(f"ok {counted} - {name} # SKIP {why}", flush=True)


def finish():
    print(f"1..{counted}", flush=True)
    sys.exit(1 if failed else 0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, seconds=WAIT):
    """The first true value of condition(), or its last false one."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


def environment(home, **more):
    """Nothing of the person who runs the tests is read or written."""
    kept = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", **more}


def stat_fields(pid):
    """The fields after the name in /proc/PID/stat; None where there is no such process, or a dead one."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def is_alive(pid):
    return stat_fields(pid) is not None


def children(parent):
    found = []
    for entry in os.listdir("/proc"):
        fields = stat_fields(entry) if entry.isdigit() else None
        if fields and int(fields[1]) == parent:
            found.append(int(entry))
    return found


def descendants(parent):
    found = children(parent)
    for pid in found:
        found.extend(children(pid))
    return found


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()
        self.text = self.out + self.err

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Gate:
    """A gate with a home of its own. `config` is the text after version and listen."""

    made = []

    def __init__(self, config="servers: {}\n", folder=None, listen=None):
        self.home = pathlib.Path(folder or tempfile.mkdtemp(prefix="kanmon-cli-"))
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.config = self.home / "kanmon.yaml"
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.env = environment(self.home)
        self.program = KANMON
        self.process = None
        self.write(config)
        Gate.made.append(self)

    def write(self, config):
        """In one step, as editors do it."""
        fresh = self.home / "kanmon.yaml.new"
        fresh.write_text(f"version: 1\nlisten: {self.listen}\ndata: {self.data}\n{config}")
        os.replace(fresh, self.config)

    def run(self, *words, stdin=b"", **more):
        done = subprocess.run([str(self.program), *words], input=stdin, capture_output=True, cwd=self.home, timeout=WAIT * 2,
                              env={**self.env, **more})
        return Result(done)

    def ask(self, command, *words, **more):
        """A command about this gate."""
        return self.run(command, *words, "-c", str(self.config), **more)

    def spawn(self, *words, **more):
        return subprocess.Popen([str(self.program), *words], cwd=self.home, env=self.env, **more)

    def begin(self):
        with open(self.log, "ab") as log:
            self.process = self.spawn("serve", "-c", str(self.config), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def start(self):
        self.begin()
        ready = wait_until(lambda: self.process.poll() is not None or self.health("/readyz") == 200)
        if not ready or self.process.poll() is not None:
            raise RuntimeError(f"the gate did not become ready:\n{self.log_text()}")
        return self

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    def logged(self, part):
        return wait_until(lambda: part in self.log_text())

    def health(self, path):
        """The status of GET path; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def token(self, name="agent", *words):
        made = self.ask("token", "create", name, *words)
        if made.code != 0:
            raise RuntimeError(f"no token: {made!r}")
        return made.out.strip()

    def state(self):
        return json.loads(self.ask("status", "-o", "json").out)

    def processes(self):
        """The gate's own, by role."""
        found = {}
        for pid in children(self.process.pid):
            words = command_line(pid)
            if len(words) == 3 and words[1] == "--role":
                found[words[2]] = pid
        return found

    def manager_of_control(self):
        """The pid of whoever listens at the control socket; 0 where nobody does."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            try:
                s.connect(str(self.data / "control.sock"))
            except OSError:
                return 0
            return struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def stop(self, number=signal.SIGTERM):
        """Its exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(WAIT) if self.process else None

    def clean(self):
        background = self.manager_of_control()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        elif background:
            os.kill(background, signal.SIGTERM)
            wait_until(lambda: not is_alive(background))
        shutil.rmtree(self.home, ignore_errors=True)


class Agent:
    """A client of revision 2025-11-25 over HTTP."""

    def __init__(self, gate, token, server=""):
        self.gate, self.token, self.session, self.ids = gate, token, None, 0
        self.path = f"/mcp/{server}" if server else "/mcp"

    def post(self, message):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "Authorization": f"Bearer {self.token}", "MCP-Protocol-Version": "2025-11-25"}
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        connection = http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=WAIT)
        try:
            connection.request("POST", self.path, json.dumps(message), headers)
            reply = connection.getresponse()
            self.session = reply.getheader("Mcp-Session-Id") or self.session
            return reply.status, self.read(reply)
        finally:
            connection.close()

    @staticmethod
    def read(reply):
        text = reply.read().decode()
        if (reply.getheader("Content-Type") or "").startswith("text/event-stream"):
            data = [line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
            text = data[-1] if data else ""
        return json.loads(text) if text else None

    def request(self, method, params=None):
        self.ids += 1
        return self.post({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params or {}})

    def initialize(self):
        status, reply = self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                                    "clientInfo": {"name": "agent", "version": "1"}})
        if reply and "result" in reply:
            self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return status, reply

    def call(self, tool, **arguments):
        return self.request("tools/call", {"name": tool, "arguments": arguments})


def text_of(reply):
    """What a tool said, or None."""
    try:
        return reply["result"]["content"][0]["text"]
    except (KeyError, IndexError, TypeError):
        return None


def code_of(reply):
    """Our code in an error, or None."""
    try:
        return reply["error"]["data"]["kanmon"]
    except (KeyError, TypeError):
        return None
