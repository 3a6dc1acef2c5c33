# wire.py - what the wire tests share: TAP, a gate with a config of the test's, clients of both eras over plain sockets.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import select
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "upstreams")]
import gate as gates  # noqa: E402
from remote import Remote  # noqa: E402,F401
from started import Failed, Started  # noqa: E402

STDIO = [sys.executable, "-I", os.path.join(os.path.dirname(HERE), "upstreams", "stdio.py")]
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
WAIT = 30  # seconds for what must happen; nothing depends on its being short
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")

READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"

# --- TAP ---

lock = threading.Lock()
counted = failed = 0


def ok(passed, name, *lines):
    global counted, failed
    with lock:
        counted += 1
        failed += not passed
        print(f"{'ok' if passed else 'not ok'} {counted} - {name}", flush=True)
        for line in lines if not passed else ():
            for part in str(line)[:2000].splitlines() or [""]:
                print(f"#   {part}", flush=True)
    return bool(passed)


def equal(got, want, name, *lines):
    return ok(got == want and type(got) is type(want), name, f"got  {got!r}", f"want {want!r}", *lines)


def skip(name, why):
    global counted
    with lock:
        counted += 1
        print(f"ok {counted} - {name} # SKIP {why}", flush=True)


def until(condition, seconds=WAIT):
    """The first true value of condition(), or its last false one."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


def together(works):
    """Runs them at the same time; gives their results in order, an exception being one."""
    results = [None] * len(works)

    def run(i):
        try:
            results[i] = works[i]()
        except Exception as e:
            results[i] = e

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT * 2)
    return results


class Background:
    """Work beside the test; result() waits for it."""

    def __init__(self, work):
        self.results = []
        self.thread = threading.Thread(target=lambda: self.results.extend(together([work])), daemon=True)
        self.thread.start()

    def result(self, seconds=WAIT):
        self.thread.join(seconds)
        return self.results[0] if self.results else None


# What the log says where the gate itself is at fault.
FAULTS = ("internal check failed", "account.held", "Sanitizer:", "runtime error:")


def main(*tests):
    """Runs a topic's tests, each with a context for what it starts; a word on the command line picks by name."""
    for test in tests:
        if sys.argv[1:] and not any(word in test.__name__ for word in sys.argv[1:]):
            continue
        print(f"# {test.__name__}", flush=True)
        with Place() as place:
            try:
                test(place)
            except Exception:
                ok(False, f"{test.__name__} came to its end", traceback.format_exc())
            faults = [line for gate in place.gates for line in gate.log_text().splitlines() if any(word in line for word in FAULTS)]
            if faults:
                ok(False, f"{test.__name__}: no gate had a fault of its own", *faults)
    print(f"1..{counted}")
    sys.exit(1 if failed else 0)


# --- the gate ---

def run_line(*words, **config):
    """A server of a config that is started on stdio."""
    return {"run": shlex.join([*STDIO, *words]), **config}


def url_line(remote, **config):
    return {"url": remote.url, **config}


class Gate(gates.Gate):
    """A gate with any config: `servers` as for YAML, `more` is the text of further keys."""

    def __init__(self, started, servers, more=""):
        self.more = more
        super().__init__(started, servers)

    def _write(self, servers):
        with open(self.config, "w") as text:
            text.write(f"version: 1\nlisten: 127.0.0.1:{self.port}\ndata: {self.folder}/data\n{self.more}")
            text.write("servers:\n" if servers else "servers: {}\n")
            for name, server in servers.items():
                rows = {"tools": {"allow": ["*"]}, **server}
                text.write(f"  {name}: {json.dumps(rows)}\n")

    def begin(self):
        super().start()
        ready = until(lambda: raw_status(self, READY) == 200)
        if not ready:
            raise Failed(f"the gate is not ready: {self.log_text()[-2000:]}")
        return self

    def begin_again(self):
        """After its process has ended: the same config and data, and the token of before."""
        token = self.token
        self.process = self.started.start([gates.kanmon_path(), "serve", "-c", self.config], self.log, env=self.env)
        self.started.wait_port(self.process, self.port)
        if not until(lambda: raw_status(self, READY) == 200):
            raise Failed(f"the gate is not ready: {self.log_text()[-2000:]}")
        self.token = token
        return self

    def command(self, *words):
        done = subprocess.run([gates.kanmon_path(), *words, "-c", self.config], capture_output=True, timeout=WAIT,
                              env={**os.environ, **self.env})
        if done.returncode != 0:
            raise Failed(f"{words}: {done.stderr.decode()}")
        return done.stdout.decode()

    def has_under_way(self, n):
        """Waits for so many calls: what is sent on one connection may be overtaken on another."""
        return until(lambda: json.loads(self.command("status", "-o", "json"))["calls_in_flight"] >= n)

    def new_token(self, name, *words):
        return self.command("token", "create", name, *words).split()[-1]

    def log_text(self):
        with open(self.log, errors="replace") as text:
            return text.read()

    def audit_bytes(self):
        folder = os.path.join(self.folder, "data", "audit")
        parts = []
        for name in sorted(os.listdir(folder)):
            if os.path.isfile(os.path.join(folder, name)):
                with open(os.path.join(folder, name), "rb") as data:
                    parts.append(data.read())
        return b"".join(parts)

    def audit_text(self):
        return self.audit_bytes().decode(errors="replace")


class Place:
    """Everything a test starts, ended with it."""

    def __enter__(self):
        self.started = Started().__enter__()
        self.gates, self.remotes = [], []
        return self

    def gate(self, servers, more=""):
        gate = Gate(self.started, servers, more)
        self.gates.append(gate)
        return gate.begin()

    def remote(self, **options):
        self.remotes.append(Remote(**options))
        return self.remotes[-1]

    def folder(self):
        """A folder of the gate's, for records and side channels."""
        return self.gates[0].folder if self.gates else None

    def __exit__(self, *_):
        self.started.__exit__()
        for remote in self.remotes:
            remote.close()
        for gate in self.gates:
            shutil.rmtree(gate.folder, ignore_errors=True)


def records(path):
    """What a server of ours wrote down, in order."""
    try:
        with open(path) as text:
            return [json.loads(line) for line in text if line.endswith("\n")]
    except FileNotFoundError:
        return []


# --- HTTP over a plain socket ---

class Closed(Exception):
    """The gate closed the connection, or nothing came in time."""


class Reply:
    def __init__(self, status, headers, body=b""):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        found = [value for key, value in self.headers if key == name.lower()]
        return found[-1] if found else None

    def json(self):
        """The message of a JSON answer, or the last of an event stream."""
        text = self.body.decode()
        if (self.header("content-type") or "").startswith("text/event-stream"):
            found = [e["data"] for e in parse_events(text) if e.get("data")]
            text = found[-1] if found else ""
        return json.loads(text) if text else None

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


def parse_events(text):
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        event = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            event[name or "comment"] = event[name] + "\n" + value if name in event else value
        if any(event):
            events.append(event)
    return events


class Connection:
    def __init__(self, port, seconds=WAIT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except TimeoutError as e:
            raise Closed("nothing came in time") from e
        except OSError as e:
            raise Closed(str(e)) from e
        if not data:
            raise Closed("closed")
        self.pending += data

    def take(self, n):
        while len(self.pending) < n:
            self.fill()
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def line(self):
        while b"\r\n" not in self.pending:
            self.fill()
        line, _, self.pending = self.pending.partition(b"\r\n")
        return line

    def head(self):
        status = int(self.line().split()[1])
        headers = []
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        return Reply(status, headers)

    def chunk(self):
        """One piece of a chunked body; empty at its end."""
        size = int(self.line(), 16)
        data = self.take(size)
        self.line()
        return data

    def reply(self):
        reply = self.head()
        while reply.status == 100:
            reply = self.head()
        if reply.header("transfer-encoding") == "chunked":
            while data := self.chunk():
                reply.body += data
        elif reply.header("content-length"):
            reply.body = self.take(int(reply.header("content-length")))
        return reply

    def at_end(self, seconds=WAIT):
        """Does the gate close the connection?"""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Events:
    """An event stream, read event by event as it comes; a plain JSON answer is one event."""

    def __init__(self, connection, head):
        self.connection, self.head, self.text = connection, head, b""
        self.ended = head.header("transfer-encoding") != "chunked"
        if self.ended and (length := int(head.header("content-length") or 0)):
            self.text = b"data: " + connection.take(length).strip() + b"\n\n"

    def next(self):
        """The next event, comments included; None at the end."""
        while b"\n\n" not in self.text:
            if self.ended:
                return None
            data = self.connection.chunk()
            self.ended = not data
            self.text += data
        block, _, self.text = self.text.partition(b"\n\n")
        found = parse_events(block.decode() + "\n\n")
        return found[0] if found else {}

    def message(self):
        """The next event with a message in it. Comments keep a stream awake, so they do not count as something."""
        end = time.monotonic() + WAIT
        while (event := self.next()) is not None:
            if event.get("data"):
                event["json"] = json.loads(event["data"])
                return event
            if time.monotonic() > end:
                raise Closed("no message came in time")
        return None

    def is_quiet(self):
        """Nothing has come that was not read."""
        return not self.text and not self.connection.pending and not select.select([self.connection.socket], [], [], 0.1)[0]

    def rest(self):
        found = []
        while event := self.message():
            found.append(event)
        return found

    def close(self):
        self.connection.close()


def raw_status(gate, data, seconds=WAIT):
    """The status of what is answered to these bytes; 0: the connection ended without a word."""
    try:
        with Connection(gate.port, seconds) as connection:
            connection.send(data)
            return connection.reply().status
    except (Closed, OSError):
        return 0


def head_bytes(method, path, headers):
    rows = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {path} HTTP/1.1\r\n{rows}\r\n".encode("latin-1")


def ask(gate, method="POST", path="/mcp", headers=(), body=b"", seconds=WAIT):
    """One request on a connection of its own."""
    if method == "POST":
        headers = [*headers, ("Content-Length", str(len(body)))]
    with Connection(gate.port, seconds) as connection:
        connection.send(head_bytes(method, path, headers) + body)
        return connection.reply()


def request_text(method, params=None, id=1):
    """A request; id and params may be given as their own bytes."""
    id = id if isinstance(id, Raw) else json.dumps(id)
    params = params if isinstance(params, Raw) else json.dumps(params or {}, separators=(",", ":"))
    return f'{{"jsonrpc":"2.0","id":{id},"method":{json.dumps(method)},"params":{params}}}'


class Raw(str):
    """JSON that is sent as it is written."""


def call_params(name, arguments, meta=None):
    arguments = arguments if isinstance(arguments, Raw) else json.dumps(arguments, separators=(",", ":"))
    tail = f',"_meta":{meta if isinstance(meta, Raw) else json.dumps(meta)}' if meta else ""
    return Raw(f'{{"name":{json.dumps(name)},"arguments":{arguments}{tail}}}')


class Client:
    """What both eras share."""

    def __init__(self, gate, server="", token=None):
        self.gate, self.token = gate, token or gate.token
        self.path = f"/mcp/{server}" if server else "/mcp"

    def common(self):
        return [("Host", f"127.0.0.1:{self.gate.port}"), ("Authorization", f"Bearer {self.token}"),
                ("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]

    def send(self, text, headers=None, more=()):
        """One POST; the connection is the caller's."""
        body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        headers = self.headers(text) if headers is None else headers
        connection = Connection(self.gate.port)
        connection.send(head_bytes("POST", self.path, [*headers, *more, ("Content-Length", str(len(body)))]) + body)
        return connection

    def post(self, text, headers=None, more=()):
        with self.send(text, headers, more) as connection:
            return connection.reply()

    def stream(self, text, headers=None, more=()):
        """A POST whose answer is read event by event."""
        connection = self.send(text, headers, more)
        return Events(connection, connection.head())


class Legacy(Client):
    def __init__(self, gate, server="", token=None, revision="2025-11-25", capabilities=None, connect=True):
        super().__init__(gate, server, token)
        self.revision, self.session, self.capabilities = revision, None, capabilities or {}
        if connect:
            self.hello = self.initialize()

    def headers(self, _text=None):
        headers = self.common()
        if self.session:
            headers += [("Mcp-Session-Id", self.session)]
            if self.revision >= "2025-06-18":
                headers += [("MCP-Protocol-Version", self.revision)]
        return headers

    def initialize(self):
        reply = self.post(request_text("initialize", {"protocolVersion": self.revision, "capabilities": self.capabilities,
                                                      "clientInfo": {"name": "wire", "version": "1"}}))
        self.session = reply.header("mcp-session-id")
        if self.session:
            self.post('{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return reply

    def request(self, method, params=None, id=1):
        return self.post(request_text(method, params, id))

    def call(self, name, arguments, id=1, meta=None):
        return self.request("tools/call", call_params(name, arguments, meta), id)

    def stream_call(self, name, arguments, id=1, meta=None):
        return self.stream(request_text("tools/call", call_params(name, arguments, meta), id))

    def get(self, *more):
        connection = Connection(self.gate.port)
        headers = [(n, v) for n, v in self.headers() if n not in ("Content-Type", "Accept")]
        connection.send(head_bytes("GET", self.path, [*headers, ("Accept", "text/event-stream"), *more]))
        return Events(connection, connection.head())

    def delete(self):
        return ask(self.gate, "DELETE", self.path, [h for h in self.headers() if h[0] != "Content-Type"])


class Modern(Client):
    """Stateless: each request says everything. Parts of it can be left out or changed."""

    def __init__(self, gate, server="", token=None, capabilities=None):
        super().__init__(gate, server, token)
        self.capabilities = capabilities or {}

    def meta(self, **more):
        return {META + "protocolVersion": MODERN, META + "clientCapabilities": self.capabilities,
                META + "clientInfo": {"name": "wire", "version": "1"}, **more}

    def headers(self, text=None):
        headers = [*self.common(), ("MCP-Protocol-Version", MODERN)]
        try:
            message = json.loads(text)
            headers += [("Mcp-Method", message["method"])]
            name = message["params"].get("name", message["params"].get("uri"))
            headers += [("Mcp-Name", name)] if name else []
        except (ValueError, KeyError, TypeError):
            pass
        return headers

    def text(self, method, params=None, id=1, **meta):
        return request_text(method, {**(params or {}), "_meta": self.meta(**meta)}, id)

    def call_text(self, name, arguments, id=1, meta=None):
        return request_text("tools/call", call_params(name, arguments, meta or self.meta()), id)

    def request(self, method, params=None, id=1, **meta):
        return self.post(self.text(method, params, id, **meta))

    def call(self, name, arguments, id=1, meta=None, more=()):
        return self.post(self.call_text(name, arguments, id, meta), more=more)

    def stream_call(self, name, arguments, id=1, meta=None):
        return self.stream(self.call_text(name, arguments, id, meta))


class Host:
    """A host that starts `kanmon run`, or another `command`, and speaks lines to it."""

    def __init__(self, gate, argv, name="host", revision="2025-11-25", connect=True, command=None):
        self.process = subprocess.Popen(command or gate.run_command(name, argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env={**os.environ, **gate.env})
        self.lines, self.changed = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        if connect:
            self.send(request_text("initialize", {"protocolVersion": revision, "capabilities": {},
                                                  "clientInfo": {"name": "host", "version": "1"}}, "hello"))
            self.hello = self.answer('"hello"')
            self.send('{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode().rstrip("\n"))
                self.changed.notify_all()

    def send(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, condition):
        """The first line of which condition is true, taken out; None where none comes."""
        end = time.monotonic() + WAIT
        with self.changed:
            while True:
                for line in self.lines:
                    if condition(line):
                        self.lines.remove(line)
                        return line
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)

    def answer(self, id):
        """The answer with an id of these bytes."""
        line = self.line(lambda text: f'"id":{id},' in text or f'"id":{id}}}' in text)
        return json.loads(line) if line else None

    def close(self):
        self.process.stdin.close()
        try:
            return self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.close()


def text_of(reply):
    """What a tool said."""
    message = reply.json() if isinstance(reply, Reply) else reply
    try:
        return message["result"]["content"][0]["text"]
    except (KeyError, IndexError, TypeError):
        return None


def error_of(reply):
    """(status, JSON-RPC code, our code) of a refusal."""
    message = reply.json() if isinstance(reply, Reply) else reply
    error = (message or {}).get("error")
    error = error if isinstance(error, dict) else {}
    data = error.get("data") if isinstance(error.get("data"), dict) else {}
    return (reply.status if isinstance(reply, Reply) else None, error.get("code"), data.get("kanmon"))
