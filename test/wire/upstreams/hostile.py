# hostile.py - an HTTP server that answers tools/call with any bytes, and an MCP server's bytes otherwise.
# SPDX-License-Identifier: Apache-2.0
import json
import socket
import threading

TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("case", "clean")]


def framed(body, status="200 OK", more=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def result(id, text):
    return json.dumps({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]}})


class Hostile:
    """`answers` maps a case's name to (function of the call's id giving bytes, whether the connection ends after them).

    `places` notes on which connection the call of a case, and the clean call after it, arrived. `tails`
    maps a method to what lies behind the answer to it.
    """

    def __init__(self, answers=None, tails=None):
        self.answers, self.tails = answers or {}, tails or {}
        self.places = {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/mcp"
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.count += 1
            threading.Thread(target=self._serve, args=(connection, self.count), daemon=True).start()

    def _serve(self, connection, number):
        with connection, connection.makefile("rb") as stream:
            try:
                while self._one(connection, stream, number):
                    pass
            except (OSError, ValueError):
                pass

    def _one(self, connection, stream, number):
        first = stream.readline()
        if not first:
            return False
        length = 0
        while (line := stream.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = stream.read(length)
        if not first.startswith(b"POST"):
            # Closed, so that no second connection stands idle: the next question comes where the tail lies.
            connection.sendall(b"HTTP/1.1 405 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        message = json.loads(body)
        data, ends = self._answer(message, number)
        tail = self.tails.get(message.get("method"))
        connection.sendall(data + tail(message["id"]) if tail else data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return not ends

    def _answer(self, message, number):
        method, id = message.get("method"), message.get("id")
        if method == "initialize":
            return framed(json.dumps({"jsonrpc": "2.0", "id": id, "result": {
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "hostile", "version": "1"}}})), False
        if method == "tools/list":
            return framed(json.dumps({"jsonrpc": "2.0", "id": id, "result": {"tools": TOOLS}})), False
        if method == "tools/call":
            case = message["params"]["arguments"].get("case")
            self.places[(message["params"]["name"], case)] = number
            if message["params"]["name"] == "case":
                make, ends = self.answers[case]
                return make(id), ends
            return framed(result(id, f"clean {case}")), False
        return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", False

    def close(self):
        self.listener.close()
