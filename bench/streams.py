"""Many sessions and event streams of clients that only listen."""
# SPDX-License-Identifier: Apache-2.0

import socket
import ssl
import struct

from process import Unavailable
from session import CLIENT, LEGACY, MODERN, Session, headers, message

HEAD_BYTES = 16384
BATCH = 200  # so many are opened before the first is heard
LISTEN = "subscriptions/listen"


class Held:
    """Connections that stay open, and are cut all together."""

    def __init__(self, port, tls=False):
        self.port = port
        self.links = []
        self.context = None
        if tls:
            self.context = ssl.create_default_context()
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE

    def __enter__(self):
        return self

    def connect(self):
        link = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        # Cut, not closed: no port waits for the last packet of a connection.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self.context.wrap_socket(link) if self.context else link

    def open(self, requests):
        """One stream for each request."""
        for start in range(0, len(requests), BATCH):
            batch = []
            for request in requests[start : start + BATCH]:
                link = self.connect()
                link.sendall(request)
                batch.append(link)
            self.links += batch
            for link in batch:
                head, _ = head_of(link)
                if not head.startswith(b"HTTP/1.1 200 ") or b"text/event-stream" not in head.lower():
                    raise Unavailable(f"no event stream, but {head[:200]!r}")

    def open_still(self):
        """Of all that were opened; whatever was sent is read."""
        count = 0
        for link in self.links:
            link.setblocking(False)
            try:
                count += bool(link.recv(HEAD_BYTES))
            except (BlockingIOError, ssl.SSLWantReadError):
                count += 1
            except OSError:
                pass
        return count

    def __exit__(self, *_):
        for link in self.links:
            link.close()
        self.links = []


def head_of(link, rest=b""):
    """The head of an answer, and what came behind it."""
    while b"\r\n\r\n" not in rest:
        more = link.recv(HEAD_BYTES)
        if not more:
            raise Unavailable(f"a connection ended instead of answering; before that: {rest[:200]!r}")
        rest += more
    head, _, rest = rest.partition(b"\r\n\r\n")
    return head, rest


def value_of(head, name):
    for line in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


def skip_body(link, head, rest):
    left = int(value_of(head, "content-length") or 0) - len(rest)
    while left > 0:
        more = link.recv(left)
        if not more:
            raise Unavailable("a connection ended inside an answer")
        left -= len(more)


def request_bytes(path, port, revision, token, session, method, params, number):
    """A POST as session.py has it."""
    body = message(revision, method, params, number)
    rows = headers(revision, token, session, method, None, len(body))
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
    return (head + "".join(f"{name}: {value}\r\n" for name, value in rows) + "\r\n" + body).encode()


def open_sessions(held, path, token, count):
    """So many legacy sessions over one connection; returns their ids."""
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}
    first = request_bytes(path, held.port, LEGACY, token, None, "initialize", params, 0)
    link = held.connect()
    found = []
    for _ in range(count):
        link.sendall(first)
        head, rest = head_of(link)
        session = value_of(head, "mcp-session-id")
        if not head.startswith(b"HTTP/1.1 200 ") or not session:
            raise Unavailable(f"initialize was answered {head[:200]!r} {rest[:200]!r}")
        skip_body(link, head, rest)
        link.sendall(
            request_bytes(path, held.port, LEGACY, token, session, "notifications/initialized", {}, None)
        )
        head, rest = head_of(link)
        if not head.startswith(b"HTTP/1.1 202 "):
            raise Unavailable(f"notifications/initialized was answered {head[:200]!r}")
        skip_body(link, head, rest)
        found.append(session)
    link.close()
    return found


def standing_request(path, port, token, session):
    """The GET for a session's own stream."""
    rows = [("authorization", f"Bearer {token}"), ("accept", "text/event-stream"), ("mcp-session-id", session)]
    rows += [("mcp-protocol-version", LEGACY), ("user-agent", "node")]
    head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
    return (head + "".join(f"{name}: {value}\r\n" for name, value in rows) + "\r\n").encode()


def listen_request(path, port, token, number):
    """A modern client that wants to hear of changes of the tools."""
    params = {"notifications": {"toolsListChanged": True}}
    return request_bytes(path, port, MODERN, token, None, LISTEN, params, number)


def greet_modern(port, path, token):
    """So that what is started at a first call is there."""
    Session("modern", port, path, MODERN, token).post("server/discover", {})
