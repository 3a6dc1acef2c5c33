# script.py - an HTTP server whose answer to tools/call the test writes itself, piece by piece, over the connection it is given.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import queue
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hostile import Hostile  # noqa: E402

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"


def chunk(data):
    data = data if isinstance(data, bytes) else data.encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


class Script(Hostile):
    """Every tools/call, and every GET, is put on a queue as (message or None, head, connection); nothing answers it but the test."""

    def __init__(self):
        self.calls, self.gets = queue.Queue(), queue.Queue()
        self.serve_gets = False
        super().__init__()

    def resumed(self, seconds=20):
        """The next GET that takes a stream up again."""
        while True:
            _, head, connection = self.gets.get(timeout=seconds)
            if b"Last-Event-ID" in head:
                return head, connection

    def _one(self, connection, stream, number):
        first = stream.readline()
        if not first:
            return False
        length, head = 0, [first]
        while (line := stream.readline()) not in (b"\r\n", b""):
            head.append(line)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = stream.read(length)
        message = json.loads(body) if body else {}
        if message.get("method") == "tools/call":
            self.calls.put((message, b"".join(head), connection))
            # The test has the connection now; what the gate does with it shows here as its end.
            stream.read(1)
            return False
        if first.startswith(b"GET") and self.serve_gets:
            self.gets.put((None, b"".join(head), connection))
            stream.read(1)
            return False
        if not first.startswith(b"POST"):
            connection.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return True
        connection.sendall(self._answer(message, number)[0])
        return True
