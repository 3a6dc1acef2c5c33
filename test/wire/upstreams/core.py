# core.py - an MCP server for tests, both eras, any transport: it does what its caller's arguments say, and keeps all it read.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import random
import threading
import time

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
ANY = {"type": "object"}
# What the modern era lets a client keep; a server that does not look who asks says that all may have it.
CACHED = ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")
PUBLIC = ',"ttlMs":0,"cacheScope":"public"'
# How long a tool waits for what the test has to do.
PATIENCE = 40


def tool(name, schema=None, **more):
    return {"name": name, "inputSchema": schema or ANY, **more}


TOOLS = [
    tool("raw"), tool("back"), tool("tag"), tool("wait"), tool("steps"), tool("progress"), tool("ask"), tool("notify"),
    tool("garbage"), tool("big"), tool("flood"), tool("deaf"), tool("grow"), tool("quit"), tool("pid"), tool("link"),
    tool("strict", {"type": "object", "properties": {"text": {"type": "string", "maxLength": 5}, "n": {"type": "integer"}},
                    "required": ["text"], "additionalProperties": False}),
    tool("mirrored", {"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"}, "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"}}}),
    tool("broken", {"type": "object", "properties": {"a": {"type": "no-such-type"}}}),
]


def member(raw, name):
    """The bytes of a member's value as they stand in the message; the gate sends no blanks."""
    mark = f'"{name}":'
    at = raw.index(mark) + len(mark)
    return raw[at:json.JSONDecoder().raw_decode(raw, at)[1]]


class Gone(Exception):
    """Nobody reads the answer any more, or the call was given up."""


class Core:
    def __init__(self, name="peer", tools=None, capabilities=None, record=None, eras=("legacy", "modern"),
                 die=None, garble=None):
        # Of `garble` the first answer is no JSON text that may be read: a name stands in it twice.
        self.name, self.eras, self.die, self.garble = name, eras, die, garble
        self.tools = list(TOOLS if tools is None else tools)
        self.prompts = 0  # so many more than one
        self.resources, self.templates = [], []  # URIs; templates
        self.capabilities = {"tools": {}, "logging": {}} if capabilities is None else capabilities
        self.record_path = record
        self.mark = os.urandom(8).hex()  # no other process has it; the pid may be the same in another namespace
        self.seen = []
        self.cancelled = set()
        self.answers = {}
        self.listening = {}
        self.changed = threading.Condition()
        self.deaf = threading.Event()

    def note(self, kind, **what):
        entry = {"kind": kind, "pid": os.getpid(), **what}
        with self.changed:
            self.seen.append(entry)
        if self.record_path:
            line = json.dumps(entry) + "\n"
            fd = os.open(self.record_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(fd, line.encode())
            os.close(fd)

    def read(self, raw):
        """The message, noted; None where it is none that wants an answer."""
        message = json.loads(raw)
        self.note("message", raw=raw if len(raw) < 65536 else raw[:200])
        if self.die and message.get("method") == self.die:
            os._exit(1)
        if message.get("method") == "notifications/cancelled":
            with self.changed:
                self.cancelled.add(json.dumps(message["params"]["requestId"]))
                self.changed.notify_all()
        if "method" not in message:
            with self.changed:
                self.answers[json.dumps(message["id"])] = raw
                self.changed.notify_all()
        return message if "method" in message and "id" in message else None

    def wait(self, condition, out=None, key=None):
        end = time.monotonic() + PATIENCE
        while not condition():
            if key in self.cancelled or (out and not out.is_open()) or time.monotonic() > end:
                raise Gone
            with self.changed:
                self.changed.wait(0.01)

    def answer(self, message, raw, out):
        key = json.dumps(message["id"])
        modern = MODERN in str(message.get("params", {}).get("_meta", {}).get(META + "protocolVersion"))
        try:
            body = self.result(message, raw, out, key)
        except Gone:
            self.note("gone", id=key)
            return
        if body is None and message["method"] == "initialize":
            out.send(f'{{"jsonrpc":"2.0","id":{key},"error":{{"code":-32022,"message":"Unsupported protocol version",'
                     f'"data":{{"supported":["{MODERN}"],"requested":"2025-11-25"}}}}}}')
            return
        if body is None:
            out.send(f'{{"jsonrpc":"2.0","id":{key},"error":{{"code":-32601,"message":"Method not found"}}}}')
            return
        if modern:
            members = '"resultType":"complete"' + (PUBLIC if message["method"] in CACHED else "")
            body = "{" + members + ("," + body[1:] if body != "{}" else "}")
        twice = ""
        if self.garble == message["method"]:
            self.garble, twice = None, '"jsonrpc":"2.0",'
        out.send(f'{{{twice}"jsonrpc":"2.0","id":{key},"result":{body}}}')
        late = message.get("params", {}).get("arguments", {}).get("late")
        if late:
            token = member(raw, "progressToken")
            out.send(f'{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":99}}}}')

    @staticmethod
    def page(member, items, params):
        """Two at a time; the second page's cursor is an empty text, which is one."""
        at = {None: 0, "": 2}.get(params.get("cursor"), None) if params.get("cursor") in (None, "") else int(params["cursor"])
        more = {} if at + 2 >= len(items) else {"nextCursor": "" if at == 0 else str(at + 2)}
        return {member: items[at:at + 2], **more}

    def result(self, message, raw, out, key):
        method, params = message["method"], message.get("params", {})
        if method == "initialize" and "legacy" in self.eras:
            return json.dumps({"protocolVersion": params["protocolVersion"], "capabilities": self.capabilities,
                               "serverInfo": {"name": self.name, "version": "1"}})
        if method == "server/discover" and "modern" in self.eras:
            return json.dumps({"supportedVersions": [MODERN], "capabilities": self.capabilities, "ttlMs": 0,
                               "cacheScope": "public", "_meta": {META + "serverInfo": {"name": self.name, "version": "1"}}})
        if method == "tools/list" and "tools" in self.capabilities:
            return json.dumps({"tools": self.tools})
        if method == "prompts/list" and "prompts" in self.capabilities:
            return json.dumps({"prompts": [{"name": "greet"}, *({"name": f"p{i}", "description": "d" * 1000} for i in range(self.prompts))]})
        if method == "prompts/get" and "prompts" in self.capabilities:
            return json.dumps({"messages": [{"role": "user", "content": {"type": "text", "text": self.name + ":" + params["name"]}}]})
        if method == "resources/list" and "resources" in self.capabilities:
            return json.dumps(self.page("resources", [{"uri": u, "name": u} for u in self.resources], params))
        if method == "resources/templates/list" and self.templates:
            return json.dumps(self.page("resourceTemplates", [{"uriTemplate": t, "name": t} for t in self.templates], params))
        if method == "resources/read" and "resources" in self.capabilities:
            return json.dumps({"contents": [{"uri": params["uri"], "text": self.name}]})
        if method in ("resources/subscribe", "resources/unsubscribe") and "resources" in self.capabilities:
            return "{}"
        if method == "completion/complete" and "completions" in self.capabilities:
            ref = params["ref"]
            return json.dumps({"completion": {"values": [self.name, ref.get("name") or ref["uri"]]}})
        if method == "tools/call":
            arguments = params.get("arguments", {})
            run = getattr(self, "do_" + params["name"], self.do_other)
            return run(arguments, raw, out, key)
        if method == "subscriptions/listen" and "modern" in self.eras:
            return self.listen(params, out, key)
        return "{}" if method in ("ping", "logging/setLevel") else None

    @staticmethod
    def text(text):
        return json.dumps({"content": [{"type": "text", "text": text}]})

    def listen(self, params, out, key):
        """Until the client, or whoever stands for it, gives it up."""
        out.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {
            "notifications": params.get("notifications", {}), "_meta": {META + "subscriptionId": json.loads(key)}}}))
        self.listening[key] = out
        try:
            self.wait(lambda: False, out, key)
        finally:
            self.listening.pop(key, None)

    # --- tools ---

    def do_other(self, arguments, raw, out, key):
        return self.text(f"{self.name}:{json.loads(raw)['params']['name']}")

    def do_strict(self, arguments, raw, out, key):
        return self.text("strict ran")

    do_mirrored = do_strict

    def do_raw(self, arguments, raw, out, key):
        """The message as it was read."""
        return self.text(raw)

    def do_back(self, arguments, raw, out, key):
        """The arguments, byte for byte, in a result."""
        return f'{{"content":[],"structuredContent":{member(raw, "arguments")}}}'

    def do_tag(self, arguments, raw, out, key):
        time.sleep(random.uniform(0, arguments.get("most", 0.2)))
        return self.text(arguments["tag"])

    def do_pid(self, arguments, raw, out, key):
        return self.text(self.mark if arguments.get("mark") else str(os.getpid()))

    def do_wait(self, arguments, raw, out, key):
        with open(arguments["file"] + ".begun", "w"):
            pass
        self.wait(lambda: os.path.exists(arguments["file"]), out, key)
        return self.text(arguments.get("tag", "waited"))

    def do_steps(self, arguments, raw, out, key):
        """One event, then the test's word, then the next."""
        for i in range(arguments["n"]):
            out.send(f'{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"step {i}"}}}}')
            self.wait(lambda: os.path.exists(f"{arguments['file']}.{i}"), out, key)
        return self.text("walked")

    def do_progress(self, arguments, raw, out, key):
        token = member(raw, "progressToken") if "progressToken" in raw else None
        for i in range(arguments["n"] if token else 0):
            out.send('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d,'
                     '"message":%s}}' % (token, i + 1, json.dumps(arguments.get("tag", ""))))
            time.sleep(0.01)
        return self.text(arguments.get("tag", ""))

    def do_ask(self, arguments, raw, out, key):
        """Asks the client; its answer, as it was read, is the result. The id's bytes come from the test."""
        wanted = json.dumps(json.loads(arguments["id"]))
        self.answers.pop(wanted, None)
        out.send(f'{{"jsonrpc":"2.0","id":{arguments["id"]},"method":{json.dumps(arguments["method"])},'
                 f'"params":{json.dumps(arguments.get("params", {}))}}}')
        self.wait(lambda: wanted in self.answers, out, key)
        return self.text(self.answers[wanted])

    def do_notify(self, arguments, raw, out, key):
        line = json.dumps({"jsonrpc": "2.0", "method": arguments["method"], "params": arguments.get("params", {})})
        for _ in range(arguments["n"]):
            out.send(line)
        return self.text("told")

    def do_link(self, arguments, raw, out, key):
        """A result with a link to a resource that no list has."""
        return json.dumps({"content": [{"type": "resource_link", "uri": arguments["uri"], "name": "n"}]})

    def do_garbage(self, arguments, raw, out, key):
        for line in ("not json", "{", "[1,2]", '"text"', "null", '{"jsonrpc":"1.0","id":1,"result":{}}', "", "\u2028",
                     '{"jsonrpc":"2.0","id":987654,"result":{}}', '{"a":1,"a":2}', '{"jsonrpc":"2.0","method":7}'):
            out.send(line)
        out.send_bytes(b"\xff\xfe\x00\x01\n")
        return self.text("still here")

    def do_big(self, arguments, raw, out, key):
        return self.text("x" * arguments["bytes"])

    def do_flood(self, arguments, raw, out, key):
        """One line without an end, or events without an end."""
        block = b"x" * (1 << 20)
        for i in range(arguments["megabytes"]):
            if not arguments.get("events"):
                out.send_bytes(block)
                continue
            if key in self.cancelled or not out.is_open():
                raise Gone
            out.send('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"%s"}}' % ("y" * (1 << 16)))
        if not arguments.get("events"):
            out.send_bytes(b"\n")
        return self.text("flooded")

    def do_deaf(self, arguments, raw, out, key):
        self.deaf.set()
        return self.text("deaf now")

    def do_grow(self, arguments, raw, out, key):
        self.tools.append(tool(arguments["name"]))
        for id, listener in list(self.listening.items()):
            listener.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                                      "params": {"_meta": {META + "subscriptionId": json.loads(id)}}}))
        return self.text("grown")

    def do_quit(self, arguments, raw, out, key):
        os._exit(0)
