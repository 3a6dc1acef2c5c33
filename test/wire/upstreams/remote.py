# remote.py - the test server over Streamable HTTP, in a thread of the test: what it read stays at hand.
# SPDX-License-Identifier: Apache-2.0
import http.server
import json
import os
import select
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from core import Core  # noqa: E402


class Reply:
    """The answer to one POST: JSON where one message is all, events from the second on or where asked for."""

    def __init__(self, handler, events):
        self.handler, self.begun, self.lock = handler, False, threading.Lock()
        if events:
            self._begin()

    def _begin(self):
        self.begun = True
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def is_open(self):
        connection = self.handler.connection
        try:
            readable, _, _ = select.select([connection], [], [], 0)
            return not readable or connection.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    def send(self, text):
        with self.lock:
            is_answer = '"method"' not in text[:60]
            if not self.begun and is_answer:
                self.handler.reply(200, text.encode())
                self.begun = None
                return
            if self.begun is None:
                return
            if not self.begun:
                self._begin()
            self._chunk(f"event: message\ndata: {text}\n\n".encode("utf-8", "surrogatepass"))

    def send_bytes(self, data):
        with self.lock:
            if not self.begun:
                self._begin()
            self._chunk(data)

    def _chunk(self, data):
        self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.handler.wfile.flush()

    def close(self):
        if self.begun:
            self.handler.wfile.write(b"0\r\n\r\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if body:
            self.send_header("Content-Type", "application/json")
        if self.server.mint and b'"protocolVersion"' in body:
            self.send_header("Mcp-Session-Id", self.server.session)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def keep(self, raw):
        self.server.core.note("request", verb=self.command, path=self.path, raw=raw,
                              headers=[(name.lower(), value) for name, value in self.headers.items()])

    def do_GET(self):
        self.keep("")
        if not self.server.stream:
            self.reply(405, Allow="POST")
            return
        self.server.stream.wait()
        Reply(self, True)
        self.server.over.wait()

    def do_DELETE(self):
        self.keep("")
        self.reply(200)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.keep(raw if len(raw) < 65536 else raw[:200])
        core = self.server.core
        known = self.headers.get("Mcp-Session-Id", self.server.session) == self.server.session
        if not known or self.server.forgetful and '"tools/call"' in raw[:200]:
            self.reply(404)
            return
        message = core.read(raw)
        if message is None:
            self.reply(202)
            return
        if self.server.refuses and message["method"] == "server/discover":
            self.close_connection = True
            self.reply(*self.server.refuses)
            return
        out = Reply(self, self.server.events and message["method"] == "tools/call")
        try:
            core.answer(message, raw, out)
            out.close()
        except OSError:
            core.note("broken", id=json.dumps(message["id"]))
        if not out.begun and out.begun is not None:
            self.close_connection = True


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        """A peer that leaves is no news."""


class Remote:
    """A server on a port of its own. `core.seen` holds every message, request and header it was sent.

    `refuses` is (status, body): what it says to server/discover, as servers do that have never heard of it.
    `stream` is a threading.Event: a session has an event stream of its own, which begins once that is set.
    """

    def __init__(self, events=False, mint=True, refuses=None, stream=None, **options):
        self.core = Core(**options)
        self.http = Listener(("127.0.0.1", 0), Handler)
        self.http.core, self.http.events, self.http.mint, self.http.refuses = self.core, events, mint, refuses
        self.http.stream, self.http.over = stream, threading.Event()
        self.http.session, self.http.forgetful = "upstream-session", False
        self.url = f"http://127.0.0.1:{self.http.server_port}/mcp"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def requests(self):
        with self.core.changed:
            return [entry for entry in self.core.seen if entry["kind"] == "request"]

    def forget(self):
        """Its sessions are over; the next one has another id."""
        self.http.session += "-again"

    def close(self):
        self.http.over.set()
        self.http.shutdown()
        self.http.server_close()
