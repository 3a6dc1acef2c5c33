#!/usr/bin/env python3
# bad.py - HTTP servers that are bad neighbours, one of each kind on a port of its own; says the ports as JSON and stays.
# SPDX-License-Identifier: Apache-2.0
import http.server
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "wire", "upstreams"))
from core import Core, tool  # noqa: E402
from remote import Listener  # noqa: E402

KINDS = ("resets", "hangs", "mute", "drips", "slow", "garbage", "news")
NEWS = b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
GARBAGE = b"this is no message {\"jsonrpc\": [[[ \xff\xfe " * 60000


class Said:
    """What the server has to say, kept."""

    def __init__(self):
        self.text = ""

    def send(self, text):
        self.text = text

    @staticmethod
    def is_open():
        return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def listen_until_gone(self):
        while self.connection.recv(65536):
            pass
        self.close_connection = True

    def head(self, status, kind, length):
        return f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()

    def do_GET(self):
        if self.server.kind == "hangs":
            self.listen_until_gone()
        elif self.server.kind == "news":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(NEWS), NEWS))
                time.sleep(0.01)
        else:
            self.wfile.write(b"HTTP/1.1 405 No\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n")

    def do_DELETE(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def do_POST(self):
        raw, kind = self.rfile.read(int(self.headers["Content-Length"])).decode(), self.server.kind
        is_call = '"method":"tools/call"' in raw
        if kind == "hangs" or (kind == "mute" and is_call):
            self.listen_until_gone()
            return
        if kind == "resets" and is_call:
            self.close_connection = True
            return
        if kind == "garbage" and is_call:
            self.wfile.write(self.head(200, "application/json", len(GARBAGE)) + GARBAGE)
            return
        self.say(self.answer(raw), drips=kind == "drips" or (kind == "slow" and is_call))

    def answer(self, raw):
        message = json.loads(raw)
        if "method" not in message or "id" not in message:
            return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        said = Said()
        self.server.core.answer(message, raw, said)
        body = said.text.encode()
        return self.head(200, "application/json", len(body)) + body

    def say(self, data, drips):
        for at in range(len(data) if drips else 0):
            self.wfile.write(data[at:at + 1])
            time.sleep(1)
        if not drips:
            self.wfile.write(data)


class Quiet(Core):
    """Keeps nothing of what it read: it runs for long."""

    def note(self, kind, **what):
        pass


def serve(kind):
    listener = Listener(("127.0.0.1", 0), Handler)
    listener.kind = kind
    listener.core = Quiet(kind, [tool("echo")], {"tools": {"listChanged": True}}, eras=("legacy",))
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener.server_port


if __name__ == "__main__":
    print(json.dumps({kind: serve(kind) for kind in KINDS}), flush=True)
    threading.Event().wait()
