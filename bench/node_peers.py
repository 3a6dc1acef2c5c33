"""Gateways of others that run on Node, for scale: each with an echo server of ours behind it."""
# SPDX-License-Identifier: Apache-2.0

import json
import os
import time

from candidates import SIZES, Candidate, find_program
from process import Unavailable
from session import MODERN, RestSession

NAME_WAIT_S = 15.0  # until a gateway has greeted its servers


class NodePeer(Candidate):
    """A package below test/peers."""

    sizes = SIZES[:1]
    slow = True
    package = script = ""
    node22 = False  # runs on the pinned node 22 alone

    def folder_of_package(self):
        return os.path.join(self.setting.peers, "node_modules", self.package)

    def command(self):
        script = os.path.join(self.folder_of_package(), *self.script.split("/"))
        if self.setting.revision == MODERN:
            raise Unavailable(f"{self.name} does not speak {MODERN}")
        if not os.path.exists(script):
            raise Unavailable(f"{self.package} is not installed below {self.setting.peers}")
        if self.node22:
            return [os.path.join(self.setting.peers, "node22"), script]
        return [find_program("node", "nodejs"), script]

    def version(self):
        try:
            with open(os.path.join(self.folder_of_package(), "package.json"), encoding="utf-8") as file:
                return json.load(file)["version"]
        except (OSError, ValueError, KeyError):
            return ""


class Supergateway(NodePeer):
    """From stdio to Streamable HTTP."""

    name = "supergateway"
    package, script = "supergateway", "dist/index.js"

    def start(self):
        server = f"{self.setting.program('echo')} --stdio --era legacy"
        port = self.ports[SIZES[0]]
        argv = [*self.command(), "--stdio", server, "--stateful", "--logLevel", "none"]
        self.launch([*argv, "--outputTransport", "streamableHttp", "--port", str(port)]).wait_listening(port)


class McpHub(NodePeer):
    """
    A hub of servers. Its MCP side is HTTP+SSE of 2024-11-05, where an answer comes on another connection than
    its request; it is called by its REST interface instead, which is less work for it.
    """

    name = "mcp-hub"
    package, script = "mcp-hub", "dist/cli.js"
    node22 = True
    session = RestSession
    expect = '"content":[{'

    def server(self):
        return {"url": f"http://127.0.0.1:{self.setting.upstream[SIZES[0]]}/mcp"}

    def start(self):
        port = self.ports[SIZES[0]]
        conf = self.write("hub.json", json.dumps({"mcpServers": {"echo": self.server()}}))
        environment = {**os.environ, "HOME": self.folder(), "XDG_STATE_HOME": self.folder()}
        environment |= {"XDG_DATA_HOME": self.folder(), "XDG_CONFIG_HOME": self.folder()}
        process = self.launch([*self.command(), "--port", str(port), "--config", conf], env=environment)
        process.wait_listening(port)
        self.path = dict.fromkeys(SIZES, "/api/servers/tools")
        self.wait_ready(process, port)

    def wait_ready(self, process, port):
        """It listens before it has greeted its servers."""
        until = time.monotonic() + NAME_WAIT_S
        while time.monotonic() < until:
            try:
                host = RestSession(self.name, port, self.path[SIZES[0]], None, "")
                host.open()
                host.call(SIZES[0])
                return
            except Unavailable:
                time.sleep(0.2)
        raise Unavailable(f"{self.name} did not reach its server; it said: {process.said()}")


class McpHubStdio(McpHub):
    """The same, with the server as a child."""

    name = "mcp-hub-stdio"

    def server(self):
        return {"command": self.setting.program("echo"), "args": ["--stdio", "--era", "legacy"]}
