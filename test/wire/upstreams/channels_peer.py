# channels_peer.py - the test server behind one channel a client: a WebSocket or a unix socket; and frames for both sides.
# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from core import Core  # noqa: E402

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def frame(kind, payload=b"", mask=None, final=True):
    """One frame as bytes; with a mask of four bytes as a client sends it."""
    n = len(payload)
    first = bytes([(0x80 if final else 0) | kind])
    bit = 0x80 if mask is not None else 0
    if n < 126:
        head = first + bytes([bit | n])
    elif n < 65536:
        head = first + bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head = first + bytes([bit | 127]) + struct.pack(">Q", n)
    if mask is None:
        return head + payload
    repeated = (mask * (n // 4 + 1))[:n]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(n, "big")


class Bytes:
    """What comes on a socket, so many bytes at a time."""

    def __init__(self, sock):
        self.socket, self.pending = sock, b""

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.pending += data

    def take(self, n):
        while len(self.pending) < n:
            self.fill()
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def until(self, end):
        while end not in self.pending:
            self.fill()
        data, _, self.pending = self.pending.partition(end)
        return data

    def frame(self):
        """(kind, payload, masked); pieces of a message are put together."""
        kind, message = None, b""
        while True:
            first, second = self.take(2)
            n = second & 127
            if n > 125:
                n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
            mask = self.take(4) if second & 128 else None
            payload = self.take(n)
            if mask:
                payload = (int.from_bytes(payload, "big") ^ int.from_bytes((mask * (n // 4 + 1))[:n], "big")).to_bytes(n, "big")
            if first & 8:
                return first & 15, payload, mask is not None
            kind, message = kind or first & 15, message + payload
            if first & 128:
                return kind, message, mask is not None


class Pipe:
    """A client's connection, as Core answers to it."""

    def __init__(self, sock, wrap):
        self.socket, self.wrap, self.lock = sock, wrap, threading.Lock()

    def send(self, text):
        self.send_bytes(self.wrap(text.encode("utf-8", "surrogatepass")))

    def send_bytes(self, data):
        with self.lock:
            try:
                self.socket.sendall(data)
            except OSError:
                pass

    @staticmethod
    def is_open():
        return True


class Server:
    """One listening socket; each connection is a conversation of its own with one Core."""

    def __init__(self, listener, record=None, eras=("legacy", "modern")):
        self.core = Core("peer", None, None, record, list(eras))
        self.listener, self.connections, self.requests = listener, [], []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self.serve(sock, Bytes(sock))
        except (EOFError, OSError):
            pass
        sock.close()

    def take(self, text, pipe):
        raw = text.decode()
        message = self.core.read(raw)
        if message:
            threading.Thread(target=self.core.answer, args=(message, raw, pipe), daemon=True).start()

    def cut(self):
        for sock in self.connections:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections = []

    def close(self):
        # Else the kernel goes on accepting for the thread that waits.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


class UnixServer(Server):
    def __init__(self, path, **options):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        self.path, self.url = path, f"unix:{path}"
        super().__init__(listener, **options)

    def serve(self, sock, data):
        pipe = Pipe(sock, lambda text: text + b"\n")
        while True:
            self.take(data.until(b"\n"), pipe)


class WebSocketServer(Server):
    """`context` makes it a wss server; `answer` changes the head of its handshake."""

    def __init__(self, context=None, host="127.0.0.1", answer=None, **options):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.url = f"{'wss' if context else 'ws'}://{host}:{self.port}/mcp"
        self.context, self.answer = context, answer
        super().__init__(listener, **options)

    def serve(self, sock, data):
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
            data = Bytes(sock)
        head = data.until(b"\r\n\r\n").decode()
        self.requests.append(head)
        key = next(line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
        rows = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                f"Sec-WebSocket-Accept: {accept_of(key)}", "Sec-WebSocket-Protocol: mcp"]
        rows = self.answer(rows) if self.answer else rows
        sock.sendall(("\r\n".join(rows) + "\r\n\r\n").encode())
        if not rows[0].startswith("HTTP/1.1 101"):
            return
        pipe = Pipe(sock, lambda text: frame(TEXT, text))
        while True:
            kind, payload, masked = data.frame()
            if kind == CLOSE:
                pipe.send_bytes(frame(CLOSE, payload))
                return
            if kind == PING:
                pipe.send_bytes(frame(PONG, payload))
            elif kind == TEXT and masked:
                self.take(payload, pipe)
