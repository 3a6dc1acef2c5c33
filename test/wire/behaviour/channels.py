# channels.py - one channel for each client: WebSocket and unix sockets, inwards and outwards.
# SPDX-License-Identifier: Apache-2.0
import atexit
import json
import os
import pwd
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import tempfile

from wire import META, MODERN, WAIT, Gate, Host, Legacy, Modern, call_params, equal, main, ok, request_text, run_line, skip, text_of, until
from carriers import KEY, UnixHost, WebSocket
from started import PEERS
from channels_peer import BINARY, CLOSE, PING, PONG, TEXT, UnixServer, WebSocketServer, accept_of, frame

MODERN_META = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}


def own_folder():
    """One that is gone with the tests."""
    folder = tempfile.mkdtemp(prefix="kanmon-channels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def exercise(line, name, prefix=""):
    """The same conversation, whatever carries it."""
    hello = line.greet()
    equal(hello["result"]["protocolVersion"], "2025-11-25", f"{name}: greeted")
    line.call(f"{prefix}tag", {"tag": "one"}, "a")
    line.call(f"{prefix}tag", {"tag": "two"}, "b")
    equal((text_of(line.answer("b")), text_of(line.answer("a"))), ("two", "one"), f"{name}: two calls at once")
    line.call(f"{prefix}no-such", {}, "c")
    ok("error" in line.answer("c"), f"{name}: a tool that is not there is refused")
    line.say("{")
    equal(line.answer(None)["error"]["code"], -32700, f"{name}: what is no JSON is answered")


def test_websocket_door(place):
    gate = place.gate({"near": run_line()})
    refusals = (
        ("no token", {"token": None}, 401), ("an unknown token", {"token": "kmn_x"}, 401),
        ("a foreign page", {"headers": [("Origin", "https://evil.example")]}, 403),
        ("a page that hides", {"headers": [("Origin", "null")]}, 403),
        ("a token in the URL", {"path": f"/mcp?token={gate.token}"}, 400),
        ("no such server", {"server": "other"}, 404), ("another path", {"path": "/ws"}, 404),
        ("version 8", {"version": "8"}, 426), ("no version", {"version": None}, 426), ("no key", {"key": None}, 400),
        ("a key that is none", {"key": "x"}, 400), ("no subprotocol", {"protocol": None}, 400),
        ("another subprotocol", {"protocol": "graphql-ws"}, 400),
        ("the token as a subprotocol", {"token": None, "protocol": f"mcp, {gate.token}"}, 401))
    for name, options, status in refusals:
        with WebSocket(gate, **options) as client:
            equal(client.head.status, status, f"{name}: {status}", client.head)
    with WebSocket(gate, "near") as client:
        equal((client.head.status, client.head.header("sec-websocket-accept"), client.head.header("sec-websocket-protocol"),
               client.head.header("sec-websocket-extensions")), (101, accept_of(KEY), "mcp", None),
              "the handshake is answered, without extensions")
    other = gate.new_token("narrow", "--scope", "mcp:other")
    with WebSocket(gate, "near", token=other) as client:
        equal(client.head.status, 404, "a token for another server does not lead here")
    ok(gate.token not in gate.log_text(), "the token stands in no line of the log")


def test_websocket_host(place):
    gate = place.gate({"near": run_line()})
    with WebSocket(gate, "near") as client:
        exercise(client, "one server")
        client.socket.sendall(frame(TEXT, b'{"jsonrpc":"2.0",', b"abcd", final=False) + frame(PING, b"?", b"efgh")
                              + frame(0, b'"id":9,"method":"ping"}', b"ijkl"))
        equal(client.next(), (PONG, b"?"), "a ping inside a message is answered")
        equal(client.message(), {"jsonrpc": "2.0", "id": 9, "result": {}}, "a message in two frames")
        client.socket.sendall(frame(CLOSE, b"\x03\xe8", b"abcd"))
        equal(client.close_code(), 1000, "goodbye is answered")
        equal(client.next(), (None, b""), "and the connection ends")
    with WebSocket(gate) as client:
        exercise(client, "all servers", "near__")
    with WebSocket(gate, "near") as client:
        client.say(request_text("tools/call", call_params("tag", {"tag": "m"}, MODERN_META), 1))
        equal(text_of(client.answer(1)), "m", "a host of the modern era")
    ok(until(lambda: '"transport":"websocket"' in gate.audit_text()), "the log says by which way")


def test_websocket_end(place):
    gate = place.gate({"near": run_line()}, "limits: { body: 4KiB }\n")
    for name, data, code in (("binary", frame(BINARY, b"{}", b"abcd"), 1003), ("not masked", frame(TEXT, b"{}"), 1002),
                             ("too long", frame(TEXT, b"x" * 5000, b"abcd"), 1009),
                             ("too long in pieces", frame(TEXT, b"x" * 3000, b"abcd", False) + frame(0, b"x" * 3000, b"abcd"), 1009)):
        with WebSocket(gate, "near") as client:
            client.socket.sendall(data)
            equal(client.close_code(), code, f"{name}: {code}")
    token = gate.new_token("short")
    with WebSocket(gate, "near", token=token) as client, WebSocket(gate, "near") as other:
        client.greet()
        other.greet()
        gate.command("token", "revoke", "short")
        ok(client.close_code() in (1001, 1008), "a revoked token ends its connections")
        other.call("tag", {"tag": "on"}, 1)
        equal(text_of(other.answer(1)), "on", "and no others")
        gate.process.terminate()
        ok(other.close_code() in (1001, None), "a gate that ends says goodbye")


def unreached(gate, server, words, name):
    """The client hears that it cannot be reached; why stands in the log."""
    reply = Legacy(gate, server, connect=False).initialize()
    ok("cannot be reached" in reply.body.decode() and words not in reply.body.decode() and until(lambda: words in gate.log_text()), name, reply,
       gate.log_text()[-1000:])


def test_websocket_server(place):
    servers = [WebSocketServer(), WebSocketServer(eras=("modern",)),
               WebSocketServer(answer=lambda rows: ["HTTP/1.1 403 Forbidden", "Content-Length: 0"]),
               WebSocketServer(answer=lambda rows: rows[:-1]),
               WebSocketServer(answer=lambda rows: [*rows[:3], "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", rows[4]])]
    far, young, closed, silent, wrong = servers
    gate = place.gate({"far": {"url": far.url}, "young": {"url": young.url}, "closed": {"url": closed.url},
                       "silent": {"url": silent.url}, "wrong": {"url": wrong.url}})
    legacy, modern = Legacy(gate, "far"), Modern(gate, "young")
    equal(text_of(legacy.call("tag", {"tag": "ws"})), "ws", "a legacy client reaches a server behind a WebSocket")
    equal(text_of(modern.call("tag", {"tag": "ws"})), "ws", "a modern one, too")
    request = far.requests[0].lower()
    ok("get /mcp http/1.1" in request and "sec-websocket-protocol: mcp" in request and "extensions" not in request,
       "what the gate asks for", request)
    ok(gate.token not in request, "and the client's token is not passed on")
    reply = Legacy(gate, "closed", connect=False).initialize()
    ok("status 403" in reply.body.decode(), "a server that is closed", reply)
    for name, words in (("silent", "subprotocol"), ("wrong", "handshake")):
        unreached(gate, name, words, f"a server that is {name}")
    far.cut()
    ok(until(lambda: text_of(legacy.call("tag", {"tag": "again"})) == "again"), "a server that was cut off is reached again")
    with Host(gate, None, command=[*gate.serve_command()]) as host:
        host.send(request_text("tools/call", call_params("far__tag", {"tag": "all"}), 5))
        equal(text_of(host.answer("5")), "all", "it stands among all servers")
    for server in servers:
        server.close()


def certificates():
    """A folder with the certificates of the TLS tests; None where they cannot be made."""
    folder = own_folder()
    program = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tls", "certificates")
    done = subprocess.run([program, folder], capture_output=True) if shutil.which("openssl") else None
    return folder if done and done.returncode == 0 else None


def test_websocket_tls(place):
    folder = certificates()
    if not folder:
        skip("wss, both ways", "the openssl command is absent")
        return
    contexts = {}
    for name in ("good", "foreign"):
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
    good = WebSocketServer(context=contexts["good"], host="localhost")
    foreign = WebSocketServer(context=contexts["foreign"], host="localhost")
    ca = f"{folder}/ca.pem"
    gate = place.gate({"good": {"url": good.url, "ca": ca}, "foreign": {"url": foreign.url, "ca": ca}})
    client = Legacy(gate, "good")
    equal(text_of(client.call("tag", {"tag": "s" * 50000})), "s" * 50000, "a server behind wss")
    unreached(gate, "foreign", "certificate", "one nobody vouches for")
    ok(not foreign.requests, "is not spoken to", foreign.requests)
    for server in (good, foreign):
        server.close()
    secure = Gate(place.started, {"near": run_line()}, f"tls: {{ cert: {folder}/good.pem, key: {folder}/good.key }}\n")
    place.gates.append(secure)
    secure.start()
    with WebSocket(secure, "near", context=ssl.create_default_context(cafile=ca)) as host:
        exercise(host, "wss")


def test_websocket_peers(place):
    """The client of the SDK and the server of npm, with the gate between them."""
    if not os.path.isdir(os.path.join(PEERS, "node_modules", "ws")):
        skip("the SDK's client and npm's server", "test/peers/node_modules is absent: run `npm ci` in test/peers")
        return
    program = os.path.join(PEERS, "ws.mjs")
    log = os.path.join(own_folder(), "log")
    gate = place.gate({"far": {"url": place.started.start_listening(["node", program, "server"], log)}})
    for path, tool in (("/mcp/far", "tag"), ("/mcp", "far__tag")):
        done = subprocess.run(["node", program, "client", f"ws://127.0.0.1:{gate.port}{path}", gate.token, tool], capture_output=True,
                              text=True, timeout=WAIT)
        said = json.loads(done.stdout) if done.returncode == 0 else {}
        equal((said.get("tools"), said.get("texts")), ([tool], ["one", "two", 70000]),
              f"{path}: the SDK's client lists and calls what npm's server has", done.stderr, gate.log_text()[-1000:])
    done = subprocess.run(["node", program, "client", f"ws://127.0.0.1:{gate.port}/mcp", "kmn_x", "tag"], capture_output=True,
                          text=True, timeout=WAIT)
    ok(done.returncode != 0 and "401" in done.stderr, "without a good token it does not get in", done.stderr)


def test_unix_host(place):
    folder = own_folder()
    path = os.path.join(folder, "gate.sock")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    gate = place.gate({"near": run_line()}, f"unix: {{ path: {path} }}\n")
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "a dead gate's file is replaced; nobody else may write to it")
    ok(f"unix:{path}" in gate.command("status"), "status shows it")
    with UnixHost(path) as host:
        exercise(host, "unix", "near__")
    with UnixHost(path) as host:
        host.greet()
        host.call("near__tag", {"tag": "last"}, 7)
        host.socket.shutdown(socket.SHUT_WR)
        equal(text_of(host.answer(7)), "last", "what was asked before the end is answered")
        equal(host.message(), None, "then the connection ends")
    ok(until(lambda: '"transport":"unix"' in gate.audit_text() and f'local:{os.getuid()}:unix' in gate.audit_text()),
       "the log says who and by which way")
    second = subprocess.run([os.environ.get("KANMON", "build/kanmon"), "serve", "-c", _other(gate, path)], capture_output=True,
                            timeout=WAIT, env={**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder})
    ok(second.returncode != 0 and b"K904" in second.stderr and b"in use" in second.stderr, "a living gate's is left alone",
       second.stderr.decode())
    gate.stop()
    ok(until(lambda: not os.path.exists(path)), "the file goes with the gate")


def _other(gate, path):
    """Another gate's config, at the same socket."""
    folder = own_folder()
    config = os.path.join(folder, "kanmon.yaml")
    with open(config, "w") as text:
        text.write(f"version: 1\nlisten: 127.0.0.1:0\ndata: {folder}/data\nunix: {{ path: {path} }}\nservers: {{}}\n")
    return config


def test_unix_refusals(place):
    folder = own_folder()
    open_folder = os.path.join(folder, "open")
    os.mkdir(open_folder)
    os.chmod(open_folder, 0o777)
    with open(os.path.join(folder, "file"), "w"):
        pass
    for name, path, words in (("a folder that is not there", f"{folder}/none/gate.sock", "no folder"),
                              ("a folder others may write in", f"{open_folder}/gate.sock", "others may write"),
                              ("a file that is no socket", f"{folder}/file", "no socket"),
                              ("a path that is too long", f"{folder}/{'x' * 108}", "107 bytes")):
        done = subprocess.run([os.environ.get("KANMON", "build/kanmon"), "serve", "-c", _other(None, path)], capture_output=True,
                              timeout=WAIT, env={**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder})
        ok(done.returncode != 0 and words in done.stderr.decode(), name, done.stderr.decode())


def test_unix_users(place):
    folder = own_folder()
    path = os.path.join(folder, "gate.sock")
    if os.getuid() != 0:
        skip("a user who is named, and one who is not", "needs root")
        return
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chmod(folder, 0o755)
    gate = place.gate({"near": run_line()}, f"unix: {{ path: {path}, users: [nobody] }}\n")
    program = ("import os,socket,sys\nos.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))\n"
               "s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
               "try: s.sendall(b'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\\n')\n"
               "except BrokenPipeError: pass\n"
               "print(s.makefile().readline())")

    def as_user(uid):
        return subprocess.run([sys.executable, "-c", program, path, str(uid)], capture_output=True, text=True, timeout=WAIT)

    done = as_user(nobody + 1 if nobody < 60000 else 4711)
    ok("K512" in done.stdout, "a user nobody named is turned away", done.stdout, done.stderr)
    done = as_user(nobody)
    ok('"id":1' in done.stdout and "K512" not in done.stdout, "one who is named is let in", done.stdout, done.stderr)
    equal(gate.process.poll(), None, "the gate stands")


def test_unix_server(place):
    folder = own_folder()
    if os.getuid() == 0:
        # egress is another user then.
        os.chmod(folder, 0o755)
    path = os.path.join(folder, "server.sock")
    gate = place.gate({"far": {"url": f"unix:{path}"}})
    unreached(gate, "far", "there is no socket", "no socket: said so")
    server = UnixServer(path)
    os.chmod(path, 0o666)
    legacy, modern = Legacy(gate, "far"), Modern(gate, "far")
    equal(text_of(legacy.call("tag", {"tag": "u"})), "u", "a legacy client reaches a server behind a unix socket")
    equal(text_of(modern.call("tag", {"tag": "u"})), "u", "a modern one, too")
    server.cut()
    ok(until(lambda: text_of(legacy.call("tag", {"tag": "again"})) == "again"), "a server that was cut off is reached again")
    server.close()
    unreached(gate, "far", "nobody listens", "nobody listens: said so")
    if os.getuid() == 0:
        os.chmod(path, 0o600)
        unreached(gate, "far", "may not use the socket", "egress has no right to it: said so")


if __name__ == "__main__":
    main(test_websocket_door, test_websocket_host, test_websocket_end, test_websocket_server, test_websocket_peers, test_websocket_tls,
         test_unix_host, test_unix_refusals,
         test_unix_users, test_unix_server)
