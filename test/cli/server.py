# server.py - a small MCP server on stdio: server.py [--exit CODE]. Tools: echo, pid, mark, wait (until a file exists), quit.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import sys
import time

TOOLS = [
    {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}},
    {"name": "pid", "inputSchema": {"type": "object"}},
    {"name": "mark", "inputSchema": {"type": "object"}},
    {"name": "wait", "inputSchema": {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"]}},
    {"name": "quit", "inputSchema": {"type": "object", "properties": {"code": {"type": "integer"}}}},
]


def call(name, arguments):
    if name == "echo":
        return arguments["text"]
    if name == "pid":
        return str(os.getpid())
    if name == "mark":
        return os.environ.get("MARK", "none")
    if name == "quit":
        sys.stdout.flush()
        os._exit(arguments.get("code", 0))
    with open(arguments["file"] + ".begun", "w"):
        pass
    while not os.path.exists(arguments["file"]):
        time.sleep(0.02)
    return "waited"


def answer(message):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "small", "version": "1"}}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": call(params["name"], params.get("arguments", {}))}]}
    return {} if method == "ping" else None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or "method" not in message:
        continue
    result = answer(message)
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    if result is None:
        reply["error"] = {"code": -32601, "message": "Method not found"}
    else:
        reply["result"] = result
    print(json.dumps(reply), flush=True)
sys.exit(int(sys.argv[2]) if sys.argv[1:2] == ["--exit"] else 0)
