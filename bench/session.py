"""A host's side of MCP over HTTP: the handshake, and the one request that the load repeats."""
# SPDX-License-Identifier: Apache-2.0

import http.client
import json

from process import Unavailable

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
ID_MARK = "@@@@@@@@@@"  # bench_load puts an id of the same length here
CLIENT = {"name": "bench", "version": "1.0.0"}


def params_with_meta(revision, params):
    if revision != MODERN:
        return params
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {**params, "_meta": meta}


def message(revision, method, params, number):
    """In the member order of the TypeScript SDK, which most hosts are built on."""
    body = {"method": method}
    params = params_with_meta(revision, params)
    if params:
        body["params"] = params
    body["jsonrpc"] = "2.0"
    if number is not None:
        body["id"] = number
    return json.dumps(body, separators=(",", ":"))


def headers(revision, token, session, method, name, length):
    """As Node's fetch sends them."""
    rows = [("connection", "keep-alive")]
    if token:
        rows.append(("authorization", f"Bearer {token}"))
    rows += [("content-type", "application/json"), ("accept", "application/json, text/event-stream")]
    if session:
        rows.append(("mcp-session-id", session))
    if revision == MODERN or method != "initialize":
        rows.append(("mcp-protocol-version", revision))
    if revision == MODERN:
        rows.append(("mcp-method", method))
        if name:
            rows.append(("mcp-name", name))
    rows += [
        ("accept-language", "*"),
        ("sec-fetch-mode", "cors"),
        ("user-agent", "node"),
        ("accept-encoding", "gzip, deflate"),
        ("content-length", str(length)),
    ]
    return rows


def result_of(answer, body):
    """The JSON-RPC message in an answer, plain or as an event stream."""
    text = body.decode("utf-8", "replace")
    if (answer.getheader("content-type") or "").startswith("text/event-stream"):
        events = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
        text = next((event for event in reversed(events) if event), "")
    return json.loads(text)


class Session:
    """One host's session with the server behind `port` and `path`."""

    def __init__(self, who, port, path, revision, token):
        self.who, self.port, self.path = who, port, path
        self.revision, self.token = revision, token
        self.session = None
        self.number = 0
        self.tool = None

    def post(self, method, params, name=None, notification=False):
        number = None if notification else self.number
        self.number += 0 if notification else 1
        body = message(self.revision, method, params, number)
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.putrequest("POST", self.path, skip_accept_encoding=True)
            for row in headers(self.revision, self.token, self.session, method, name, len(body)):
                link.putheader(*row)
            link.endheaders(body.encode())
            answer = link.getresponse()
            payload = answer.read()
            return self.judge(method, number, answer, payload)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unavailable(f"{self.who}: {method} failed: {error!r}") from error
        finally:
            link.close()

    def judge(self, method, number, answer, payload):
        expected = 202 if number is None else 200
        if answer.status != expected:
            text = payload[:200].decode("utf-8", "replace")
            raise Unavailable(f"{self.who}: {method} was answered {answer.status}, not {expected}: {text}")
        self.session = answer.getheader("mcp-session-id") or self.session
        if number is None:
            return None
        reply = result_of(answer, payload)
        if reply.get("id") != number or "result" not in reply:
            raise Unavailable(f"{self.who}: {method} was answered {json.dumps(reply)[:200]}")
        return reply["result"]

    def open(self):
        if self.revision == MODERN:
            self.post("server/discover", {})
        else:
            self.post(
                "initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}
            )
            self.post("notifications/initialized", {}, notification=True)
        tools = [tool["name"] for tool in self.post("tools/list", {})["tools"]]
        self.tool = next((tool for tool in tools if tool.endswith("echo")), None)
        if self.tool is None:
            raise Unavailable(f"{self.who}: no tool named echo among {tools}")

    def call(self, size):
        """One call, checked in full; the load's own checks are quicker."""
        result = self.post("tools/call", self.params(size), name=self.tool)
        text = result["content"][0]["text"]
        if result.get("isError") or not isinstance(json.loads(text), list):
            raise Unavailable(f"{self.who}: the result of a call is not the server's: {text[:200]}")

    def params(self, size):
        return {"name": self.tool, "arguments": {"text": request_text(size), "n": 20}}

    def request(self, size, session=None, token=None):
        """The bytes of one tools/call, with a mark where its id goes."""
        body = message(self.revision, "tools/call", self.params(size), 0)
        assert body.endswith('"id":0}')
        body = body[:-2] + ID_MARK + "}"
        rows = headers(
            self.revision, token or self.token, session or self.session, "tools/call", self.tool, len(body)
        )
        head = f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in rows)
        return (head + "\r\n" + body).encode()


class RestSession(Session):
    """Calls by the REST interface of a hub, which has neither sessions nor ids."""

    def open(self):
        self.tool = "echo"

    def params(self, size):
        return {"server_name": "echo", "tool": self.tool, "arguments": {"text": request_text(size), "n": 20}}

    def call(self, size):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.request("POST", self.path, json.dumps(self.params(size)), {"content-type": "application/json"})
            answer = link.getresponse()
            text = answer.read().decode("utf-8", "replace")
            if answer.status != 200 or not json.loads(text)["result"]["content"][0]["text"].startswith("["):
                raise Unavailable(f"{self.who}: a call was answered {answer.status}: {text[:200]}")
        except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
            raise Unavailable(f"{self.who}: a call failed: {error!r}") from error
        finally:
            link.close()

    def request(self, size, session=None, token=None):
        # The mark stands in a member that is ignored: nothing echoes it.
        body = json.dumps({**self.params(size), "mark": 0}, separators=(",", ":"))[:-2] + ID_MARK + "}"
        rows = [("connection", "keep-alive"), ("content-type", "application/json"), ("content-length", str(len(body)))]
        head = f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
        return (head + "".join(f"{name}: {value}\r\n" for name, value in rows) + "\r\n" + body).encode()


def request_text(size):
    """An argument that makes a message of about `size` bytes: records as JSON, as models write them."""
    wanted = max(size - 150, 1)
    records, used, number = [], 2, 0
    while True:
        record = {
            "row": number,
            "name": f"delivery {number * 7919 % 100000:05d}",
            "address": f"{number % 90 + 1} Harbour Street",
            "paid": number % 3 == 0,
            "amount": round(number * 13.37 % 900, 2),
        }
        # In the message every quote is escaped once more.
        used += len(json.dumps(json.dumps(record)))
        if used > wanted:
            return json.dumps(records)
        records.append(record)
        number += 1
