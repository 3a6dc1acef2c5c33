# server.py - an MCP server on stdio that writes down what it executes: server.py FILE [WORD]. Tool: note {id, ms}.
# SPDX-License-Identifier: Apache-2.0
#
# Each call appends its id to FILE before it does anything else, waits so many milliseconds, and gives the id back.
import json
import os
import sys
import threading
import time

TOOL = {"name": "note", "inputSchema": {"type": "object", "required": ["id", "ms"], "properties": {
    "id": {"type": "string"}, "ms": {"type": "integer"}}}}
lock = threading.Lock()


def say(message):
    with lock:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def note(number, arguments, out):
    os.write(out, f"{arguments['id']}\n".encode())
    time.sleep(arguments["ms"] / 1000)
    say({"id": number, "result": {"content": [{"type": "text", "text": arguments["id"]}]}})


def main():
    out = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for line in sys.stdin:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params", {})
        if "id" not in message or not method:
            continue
        if method == "initialize":
            say({"id": message["id"], "result": {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                                                 "serverInfo": {"name": "noting", "version": "1"}}})
        elif method == "tools/list":
            say({"id": message["id"], "result": {"tools": [TOOL]}})
        elif method == "tools/call":
            threading.Thread(target=note, args=(message["id"], params["arguments"], out), daemon=True).start()
        elif method == "ping":
            say({"id": message["id"], "result": {}})
        else:
            say({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})


main()
