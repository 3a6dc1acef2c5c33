# clients.py - one conversation on each transport, and the ways it can end: politely, in the middle of a call, with its process.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import select
import signal
import socket
import subprocess
import time
import traceback

from carriers import Line, Session, UnixHost, WebSocket
from channels_peer import CLOSE, frame
from wire import META, MODERN, WAIT, Closed, Legacy, Modern, call_params, request_text, text_of

MODERN_META = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
SECONDS = WAIT
LEAVING = 20


class Odd(Exception):
    """An answer that is not the one that was to come."""


def checked(said, what):
    if not (said or "").startswith("["):
        raise Odd(f"{what} was answered {said!r}")


class Http:
    def __init__(self, setting, server, modern):
        kind = Modern if modern else Legacy
        self.client = kind(setting.gate, server)
        self.held = None

    def call(self, tool, text):
        reply = self.client.call(tool, {"text": text})
        checked(text_of(reply), f"a call ({reply})")

    def hold(self, tool):
        self.held = self.client.send(self.text(tool))

    def text(self, tool):
        if isinstance(self.client, Modern):
            return self.client.call_text(tool, {"text": "hold"}, 9)
        return request_text("tools/call", call_params(tool, {"text": "hold"}), 9)

    def leave(self):
        if isinstance(self.client, Legacy):
            reply = self.client.delete()
            if reply.status not in (200, 204):
                raise Odd(f"DELETE was answered {reply}")

    def drop(self):
        self.held.close()


class Sse:
    def __init__(self, setting, server, modern):
        self.meta = MODERN_META if modern else None
        self.session = Session(setting.gate, server, connect=not modern)

    def call(self, tool, text):
        answer = self.session.call(tool, {"text": text}, 8, self.meta)
        checked(text_of(answer), f"a call ({answer})")

    def hold(self, tool):
        self.session.post(request_text("tools/call", call_params(tool, {"text": "hold"}, self.meta), 9))

    def leave(self):
        self.session.close()

    drop = leave


class Channel:
    """What has one line for all."""

    def __init__(self, line, modern):
        self.line, self.meta = line, MODERN_META if modern else None
        if not modern and "result" not in (hello := line.greet() or {}):
            raise Odd(f"initialize was answered {hello!r}")

    def call(self, tool, text):
        self.line.call(tool, {"text": text}, 8, self.meta)
        answer = self.line.answer(8)
        checked(text_of(answer), f"a call ({answer})")

    def hold(self, tool):
        self.line.call(tool, {"text": "hold"}, 9, self.meta)

    def drop(self):
        self.line.socket.close()


class Ws(Channel):
    def __init__(self, setting, server, modern):
        line = WebSocket(setting.gate, server)
        if line.head.status != 101:
            raise Odd(f"the handshake was answered {line.head}")
        super().__init__(line, modern)

    def leave(self):
        self.line.socket.sendall(frame(CLOSE, b"\x03\xe8", b"abcd"))
        code = self.line.close_code()
        self.line.socket.close()
        if code != 1000:
            raise Odd(f"goodbye was answered {code}")


class Unix(Channel):
    def __init__(self, setting, _server, modern):
        super().__init__(UnixHost(setting.socket), modern)

    def leave(self):
        self.line.socket.shutdown(socket.SHUT_WR)
        last = self.line.message()
        self.line.socket.close()
        if last is not None:
            raise Odd(f"goodbye was answered {last}")


class Program(Line):
    """A host that starts a program and speaks lines to it, without a thread."""

    def __init__(self, command, env):
        self.others, self.pending = [], b""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        bufsize=0, env={**os.environ, **env})

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")

    def message(self):
        end = time.monotonic() + SECONDS
        while b"\n" not in self.pending:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise Closed("nothing came in time")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)


class Stdio(Channel):
    def __init__(self, setting, server, modern):
        command = setting.gate.run_command("own", setting.argv) if server == "near" else setting.gate.serve_command()
        super().__init__(Program(command, setting.gate.env), modern)

    def leave(self):
        process = self.line.process
        process.stdin.close()
        code = process.wait(SECONDS)
        process.stdout.close()
        if code:
            raise Odd(f"kanmon ended with {code}")

    def drop(self):
        """Both its pipes are closed. It ends when the call has: who asked before the end of its input is answered."""
        process = self.line.process
        process.stdin.close()
        process.stdout.close()
        leaving.append(process)
        if len(leaving) > LEAVING:
            leaving.pop(0).wait(SECONDS)

    def kill(self):
        process = self.line.process
        process.kill()
        process.wait(SECONDS)
        process.stdin.close()
        process.stdout.close()


# Programs that are about to end by themselves.
leaving = []


def wait_for_all():
    while leaving:
        leaving.pop().wait(SECONDS)


KINDS = {"stdio": Stdio, "http": Http, "sse": Sse, "ws": Ws, "unix": Unix}
ENDS = ("leave", "drop", "kill")


def place_of(transport, number):
    """Which endpoint, and by which name its tool is called there."""
    server = ("near", "far", "")[number % 3]
    if transport == "unix" or (transport == "stdio" and server != "near"):
        return "", ("near__echo", "far__echo")[number % 2]
    return server, "echo" if server else "near__echo"


def talk(setting, transport, number):
    """One cycle but for its end: the client in the middle of a call, or after one that was answered."""
    server, tool = place_of(transport, number)
    client = KINDS[transport](setting, server, number // 9 % 2 == 1)
    client.call(tool, "soak")
    if ENDS[number // 3 % 3] != "leave":
        client.hold(tool)
        # From a call that nobody has read yet to one that its server works on.
        time.sleep(number % 7 / 1000)
    return client


def in_process(work):
    """Does it in a process that is killed by SIGKILL after it; what went wrong is raised here."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            kept = work()
            os.kill(os.getpid(), signal.SIGKILL if kept else signal.SIGABRT)
        except BaseException:
            os.write(writes, traceback.format_exc().encode()[-2000:])
        os._exit(1)
    os.close(writes)
    _, status = os.waitpid(pid, 0)
    said = os.read(reads, 4096).decode()
    os.close(reads)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise Odd(said or f"the client ended with {status}")


def cycle(setting, transport, number):
    end = ENDS[number // 3 % 3]
    if end == "kill" and transport != "stdio":
        in_process(lambda: talk(setting, transport, number))
    else:
        getattr(talk(setting, transport, number), end)()
