# clients.py - clients of a day, each over its transport: they ask, count what answers, and never ask twice.
# SPDX-License-Identifier: Apache-2.0
import http.client
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

WAIT = 40  # seconds; who hears nothing for so long was left in silence
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "day", "version": "1"}}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}
META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
SERVER = str(pathlib.Path(__file__).resolve().parent / "server.py")


class Lost(Exception):
    """The way to the gate ended before there was an answer."""


class Silence(Exception):
    """Neither an answer nor an end."""


class Client:
    """Of one transport and one era. begin() makes a session where there are such, end() ends it."""

    def __init__(self, gate, token, server, modern):
        self.gate, self.token, self.server, self.modern = gate, token, server, modern
        self.begun = 0

    def message(self, number, method, params):
        if self.modern:
            params = {**params, "_meta": {META + "protocolVersion": MODERN, META + "clientCapabilities": {},
                                          META + "clientInfo": {"name": "day", "version": "1"}}}
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}

    def begin(self):
        """Tries until there is a gate that takes us: between two workers there may be none for a moment."""
        end = time.monotonic() + WAIT
        while True:
            try:
                self.open()
                if not self.modern:
                    hello = self.ask("hello", "initialize", HELLO)
                    if "result" not in hello:
                        raise Lost(f"no session: {hello}")
                    self.tell(NOTE)
                self.begun += 1
                return
            except (Lost, OSError):
                self.close()
                if time.monotonic() > end:
                    raise Silence("no gate takes us") from None
                time.sleep(0.05)

    def counted(self, number):
        """How many answers came to a request."""
        return self.answers.get(number, 0)

    def settle(self):
        """What comes late has come."""


class Http(Client):
    def __init__(self, *args, keeps):
        super().__init__(*args)
        self.keeps, self.session, self.connection, self.answers = keeps, None, None, {}

    def open(self):
        self.session = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    end = close

    def post(self, message):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "Authorization": f"Bearer {self.token}", "MCP-Protocol-Version": MODERN if self.modern else "2025-11-25"}
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        if self.modern:
            headers["Mcp-Method"] = message["method"]
            if "name" in message["params"]:
                headers["Mcp-Name"] = message["params"]["name"]
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.gate.port, timeout=WAIT)
        try:
            self.connection.request("POST", f"/mcp/{self.server}", json.dumps(message), headers)
            reply = self.connection.getresponse()
            text = reply.read().decode()
        except TimeoutError as problem:
            raise Silence(str(problem)) from None
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise Lost(repr(problem)) from None
        self.session = reply.getheader("Mcp-Session-Id") or self.session
        self.status = reply.status
        if not self.keeps or reply.will_close:
            self.close()
        if (reply.getheader("Content-Type") or "").startswith("text/event-stream"):
            parts = [line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
            return [json.loads(part) for part in parts]
        return [json.loads(text)] if text else []

    def tell(self, message):
        self.post(message)

    def ask(self, number, method, params):
        answers = [m for m in self.post(self.message(number, method, params)) if "method" not in m]
        self.answers[number] = self.answers.get(number, 0) + len(answers)
        if not answers:
            raise Lost(f"status {self.status} without an answer")
        return answers[0]

    def is_over(self, answer):
        """The session is unknown: another one is to be begun."""
        return self.status == 404


class Lines(Client):
    """One channel, one message a line; a thread reads, so that every answer is counted, also one too many."""

    def __init__(self, *args):
        super().__init__(*args)
        self.answers, self.changed = {}, threading.Condition()
        self.got, self.over = {}, True

    def read(self, lines, channel):
        try:
            for line in lines:
                message = json.loads(line)
                if "method" in message or "id" not in message:
                    continue
                with self.changed:
                    self.answers[message["id"]] = self.answers.get(message["id"], 0) + 1
                    self.got[message["id"]] = message
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass
        with self.changed:
            if channel is self.channel:
                self.over = True
            self.changed.notify_all()

    def follow(self, lines, channel):
        self.channel, self.over = channel, False
        self.got.pop("hello", None)
        self.reader = threading.Thread(target=self.read, args=(lines, channel), daemon=True)
        self.reader.start()

    def tell(self, message):
        try:
            self.write(json.dumps(message).encode() + b"\n")
        except OSError as problem:
            raise Lost(repr(problem)) from None

    def ask(self, number, method, params):
        self.tell(self.message(number, method, params))
        with self.changed:
            self.changed.wait_for(lambda: number in self.got or self.over, WAIT)
            if number in self.got:
                return self.got[number]
            if self.over:
                raise Lost("the channel ended")
        raise Silence(number)

    def is_over(self, answer):
        return self.over

    def settle(self):
        self.reader.join(WAIT)


class Stdio(Lines):
    """`kanmon run` with a server of its own."""

    def open(self):
        self.process = self.gate.spawn("run", "-c", str(self.gate.config), "--name", self.server, "--", sys.executable, "-I",
                                       SERVER, str(self.gate.home / "executed"), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.follow(self.process.stdout, self.process)

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Silence("kanmon run does not end") from None
        self.settle()
        self.process.stdout.close()

    end = close


class Unix(Lines):
    def __init__(self, gate, token, server, modern):
        super().__init__(gate, token, server, modern)
        self.socket = None

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(str(self.gate.home / "gate.sock"))
        except OSError:
            self.socket.close()
            self.socket = None
            raise
        self.follow(self.socket.makefile("rb"), self.socket)

    def write(self, data):
        self.socket.sendall(data)

    def close(self):
        if not self.socket:
            return
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.settle()
        self.socket.close()

    end = close


KINDS = {
    "http": lambda *args: Http(*args, keeps=False),
    "http-kept": lambda *args: Http(*args, keeps=True),
    "stdio": Stdio,
    "unix": Unix,
}
