# events.py - the test server over HTTP+SSE, in a thread of the test: one event stream a session, posts beside it.
# SPDX-License-Identifier: Apache-2.0
import http.server
import os
import queue
import secrets
import select
import socket
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from core import Core  # noqa: E402
from remote import Listener  # noqa: E402


class Stream:
    """What a session hears; lines for `Core`, which knows nothing of events."""

    def __init__(self):
        self.pieces, self.gone = queue.Queue(), False

    def send(self, text):
        self.send_bytes(b"event: message\ndata: " + text.encode("utf-8", "surrogatepass") + b"\n\n")

    def send_bytes(self, data):
        self.pieces.put(data)

    def is_open(self):
        return not self.gone

    def close(self):
        self.pieces.put(None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def reply(self, status, text=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def keep(self, raw):
        self.server.core.note("request", verb=self.command, path=self.path, raw=raw,
                              headers=[(name.lower(), value) for name, value in self.headers.items()])

    def next_piece(self, stream):
        """Waits for one; None where there is nobody to hear it."""
        while True:
            try:
                return stream.pieces.get(timeout=0.05)
            except queue.Empty:
                readable, _, _ = select.select([self.connection], [], [], 0)
                if readable and self.connection.recv(1, socket.MSG_PEEK) == b"":
                    raise ConnectionError from None

    def do_GET(self):
        self.keep("")
        if self.path != "/sse":
            self.reply(404)
            return
        session, stream = secrets.token_hex(16), Stream()
        self.server.sessions[session] = stream
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        stream.send_bytes(b"event: endpoint\ndata: " + (self.server.endpoint % session).encode() + b"\n\n")
        try:
            while (data := self.next_piece(stream)) is not None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        stream.gone = True
        self.server.sessions.pop(session, None)
        self.server.core.note("left", session=session)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.keep(raw if len(raw) < 65536 else raw[:200])
        where = urllib.parse.urlsplit(self.path)
        stream = self.server.sessions.get(urllib.parse.parse_qs(where.query).get("sessionId", [""])[0])
        if where.path != "/messages" or not stream:
            self.reply(self.server.refusal if where.path == "/sse" else 404, b"Not here")
            return
        core = self.server.core
        if self.server.refuses and self.server.refuses in raw:
            self.reply(400, b"No")
            return
        message = core.read(raw)
        if message:
            threading.Thread(target=core.answer, args=(message, raw, stream), daemon=True).start()
        self.reply(202, b"Accepted")


class EventServer:
    """`endpoint` is what its first event says, `refusal` its answer to a POST at the stream's own address, and a
    message with `refuses` in it is not taken."""

    def __init__(self, endpoint="/messages?sessionId=%s", refusal=405, refuses=None, **options):
        self.core = Core(**options)
        self.http = Listener(("127.0.0.1", 0), Handler)
        self.http.core, self.http.endpoint, self.http.refusal = self.core, endpoint, refusal
        self.http.refuses, self.http.sessions = refuses, {}
        self.url = f"http://127.0.0.1:{self.http.server_port}/sse"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def requests(self):
        with self.core.changed:
            return [entry for entry in self.core.seen if entry["kind"] == "request"]

    def sessions(self):
        return dict(self.http.sessions)

    def close(self):
        for stream in self.sessions().values():
            stream.close()
        self.http.shutdown()
        self.http.server_close()
