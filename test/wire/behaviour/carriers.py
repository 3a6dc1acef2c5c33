# carriers.py - clients on one channel each, whatever carries it: a WebSocket, a unix socket, the event stream of HTTP+SSE.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import socket

from wire import WAIT, Connection, Events, ask, call_params, head_bytes, request_text
from channels_peer import CLOSE, PING, PONG, TEXT, Bytes, frame  # found next to remote

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}
NOTE = '{"jsonrpc":"2.0","method":"notifications/initialized"}'


class Line:
    """What a client on a channel does, whatever carries it."""

    def greet(self):
        self.say(request_text("initialize", HELLO, "hello"))
        hello = self.answer("hello")
        self.say(NOTE)
        return hello

    def call(self, name, arguments, id=1, meta=None):
        self.say(request_text("tools/call", call_params(name, arguments, meta), id))

    def answer(self, id):
        """The answer to a request; what comes before it is kept."""
        for message in self.others:
            if message.get("id") == id and "method" not in message:
                self.others.remove(message)
                return message
        while True:
            message = self.message()
            if message is None or (message.get("id") == id and "method" not in message):
                return message
            self.others.append(message)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class WebSocket(Line):
    def __init__(self, gate, server="", headers=(), protocol="mcp", token=True, version="13", key=KEY, path=None,
                 context=None):
        self.others = []
        rows = [("Host", f"127.0.0.1:{gate.port}"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
        rows += [("Sec-WebSocket-Version", version)] if version else []
        rows += [("Sec-WebSocket-Key", key)] if key else []
        rows += [("Sec-WebSocket-Protocol", protocol)] if protocol else []
        rows += [("Authorization", f"Bearer {gate.token if token is True else token}")] if token else []
        rows += [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"), *headers]
        path = path or (f"/mcp/{server}" if server else "/mcp")
        connection = Connection(gate.port)
        if context:
            connection.socket = context.wrap_socket(connection.socket, server_hostname="localhost")
        connection.send(head_bytes("GET", path, rows))
        self.head = connection.head()
        self.socket = connection.socket
        self.bytes = Bytes(self.socket)
        self.bytes.pending = connection.pending
        if self.head.status != 101:
            self.head.body = connection.take(int(self.head.header("content-length") or 0))

    def say(self, text):
        self.socket.sendall(frame(TEXT, text.encode(), os.urandom(4)))

    def next(self):
        """(kind, payload); (None, b"") where the connection has ended."""
        try:
            kind, payload, masked = self.bytes.frame()
        except (EOFError, OSError):
            return None, b""
        return ("masked" if masked else kind), payload

    def message(self):
        kind, payload = self.next()
        return json.loads(payload) if kind == TEXT else None

    def close_code(self):
        kind, payload = self.next()
        while kind in (TEXT, PING, PONG):
            kind, payload = self.next()
        return int.from_bytes(payload[:2], "big") if kind == CLOSE else kind


class UnixHost(Line):
    def __init__(self, path):
        self.others = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        self.socket.connect(path)
        self.bytes = Bytes(self.socket)

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def message(self):
        try:
            return json.loads(self.bytes.until(b"\n"))
        except (EOFError, OSError):
            return None


class Session:
    """A client of HTTP+SSE: its stream is read event by event."""

    def __init__(self, gate, server="", token=None, revision="2025-11-25", capabilities=None, connect=True):
        self.gate, self.token = gate, token or gate.token
        self.events = Events(*self.listen(f"/sse/{server}" if server else "/sse"))
        self.first = self.events.next()
        self.where = self.first.get("data", "")
        self.id = self.where.partition("sessionId=")[2]
        self.heard = []
        if connect:
            self.post(request_text("initialize", {"protocolVersion": revision, "capabilities": capabilities or {},
                                                  "clientInfo": {"name": "wire", "version": "1"}}, "hello"))
            self.hello = self.answer("hello")
            self.post('{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def common(self, token=None):
        return [("Host", f"127.0.0.1:{self.gate.port}"), ("Authorization", f"Bearer {token or self.token}")]

    def listen(self, path):
        connection = Connection(self.gate.port)
        connection.send(head_bytes("GET", path, [*self.common(), ("Accept", "text/event-stream")]))
        head = connection.head()
        return connection, head

    def post(self, text, token=None, where=None):
        reply = ask(self.gate, "POST", where or self.where, [*self.common(token), ("Content-Type", "application/json")],
                    text.encode())
        return reply

    def message(self, wanted):
        """The first message that is wanted, whenever it came."""
        for message in self.heard:
            if wanted(message):
                self.heard.remove(message)
                return message
        while event := self.events.message():
            if wanted(event["json"]):
                return event["json"]
            self.heard.append(event["json"])
        return None

    def answer(self, id):
        return self.message(lambda message: isinstance(message, dict) and message.get("id") == id and "method" not in message)

    def request(self, method, params=None, id=1):
        self.post(request_text(method, params, id))
        return self.answer(id)

    def call(self, name, arguments, id=1, meta=None):
        return self.request("tools/call", call_params(name, arguments, meta), id)

    def close(self):
        self.events.close()
