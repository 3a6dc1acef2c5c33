# hosts.py - tests of tokens, and of `kanmon run` and `serve --stdio` as a host's configuration calls them.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
import unicodedata

from harness import KANMON, SERVER, WAIT, Agent, Gate, code_of, contains, equal, is_alive, ok, text_of, wait_until
from life import small

HELLO = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize",
     "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


class Host:
    """Speaks to a command on its stdin and stdout."""

    def __init__(self, gate, *words, **more):
        self.process = gate.spawn(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def say(self, *messages):
        for message in messages:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, wanted):
        """The reply with this id; None at the end."""
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == wanted and "method" not in message:
                return message
        return None

    def call(self, number, tool, **arguments):
        self.say({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        return self.answer(number)

    def end(self):
        """Closes stdin; the exit code and what was said to stderr."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.process.wait(WAIT)
        said = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, said


def test_tokens_without_gate():
    gate = Gate()
    made = gate.ask("token", "create", "one")
    ok(made.code == 0 and len(made.out.strip()) > 20, "create without a gate", made)
    contains(made.err, "shown this once", "the token alone goes to stdout")
    again = gate.ask("token", "create", "one")
    ok(again.code == 1 and not again.out, "a name stands for one token", again)
    rows = json.loads(gate.ask("token", "list", "-o", "json").out)
    equal([(r["name"], r["scopes"], r["state"]) for r in rows], [("one", "mcp", "live")], "list as JSON")
    ok(made.out.strip() not in gate.ask("token", "list").out, "the list does not show the token")
    stored = b"".join(p.read_bytes() for p in gate.data.iterdir() if p.is_file())
    ok(made.out.strip().encode() not in stored, "nor does the store hold it")
    equal(gate.ask("token", "revoke", "none").code, 1, "revoke needs one that exists")
    equal(gate.ask("token", "revoke", "one").code, 0, "revoke")
    contains(gate.ask("token", "list").out, "revoked", "the list says so")
    gate.start()
    equal(Agent(gate, made.out.strip()).initialize()[0], 401, "what was revoked stays revoked")


def columns(line):
    """Where the words of a table's line begin, in columns of a terminal, that stand behind two spaces or more."""
    width = [2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line]
    return [0] + [sum(width[:m.end()]) for m in re.finditer(r" {2,}", line)]


def test_token_table():
    gate = Gate()
    for name in ("one", "laptop"):
        gate.token(name, "--scope", "mcp:files", "--expires", "30d")
    for lang, first in (("C.UTF-8", "ID"), ("ja_JP.UTF-8", "ID")):
        lines = gate.ask("token", "list", LANG=lang).out.splitlines()
        equal(len(lines), 3, f"{lang}: a head and a line for each token")
        ok(lines[0].startswith(first) and columns(lines[0]) == columns(lines[1]) == columns(lines[2]) and len(columns(lines[0])) == 7,
           f"{lang}: the columns stand below each other", *lines, *map(columns, lines))


def test_token_for_no_server():
    """A scope that fits nothing is noted: the server may come later, or its name is misspelt."""
    gate = Gate(small())
    made = gate.ask("token", "create", "one", "--scope", "mcp:smal mcp:small mcp:other")
    ok(made.code == 0 and len(made.out.splitlines()) == 1, "a scope without a server: the token is made", made)
    ok("note: no server of the config is called smal," in made.err and "note: no server of the config is called other," in made.err
       and made.err.count("note: ") == 2, "and each such scope is noted", made)
    for name, scope in (("two", "mcp"), ("three", "mcp:small")):
        made = gate.ask("token", "create", name, "--scope", scope)
        ok(made.code == 0 and "note" not in made.err, f"{scope}: no note", made)
    ok("note" not in gate.ask("token", "create", "four").err, "nor without a scope")
    made = gate.ask("token", "create", "five", "--scope", "mcp:none", "-o", "json", LANG="ja_JP.UTF-8")
    ok("none" in made.err and "サーバー" in made.err and json.loads(made.out)["token"], "JSON and Japanese", made)


def test_token_not_printed():
    """What cannot be shown is not made; what was made and not shown is no success."""
    gate = Gate(small()).start()
    old = gate.token("old")

    def into(sink, *words):
        made = subprocess.run(["sh", "-c", f'exec "$0" "$@" {sink}', KANMON, *words], capture_output=True, env=gate.env,
                              cwd=gate.home, timeout=WAIT)
        return made.returncode, made.stderr.decode()

    def make(sink, verb, name):
        return into(sink, "token", verb, name, "-c", str(gate.config))

    for sink in (">/dev/full", ">&-", "1</dev/null"):
        for verb, name in (("create", "lost"), ("rotate", "old")):
            code, said = make(sink, verb, name)
            ok(code == 1 and "stdout cannot be written" in said and "shown this once" not in said, f"token {verb} {sink}: refused", code, said)
        code, said = into(sink, "token", "list", "-c", str(gate.config))
        ok(code == 1 and "cannot write to stdout" in said, f"token list {sink}: no success", code, said)
        code, said = into(sink, "version")
        ok(code == 1 and "cannot write to stdout" in said, f"version {sink}: no success", code, said)
    equal([row["name"] for row in json.loads(gate.ask("token", "list", "-o", "json").out)], ["old"], "nothing was made")
    equal(Agent(gate, old).initialize()[0], 200, "nor is the old token another")
    contains(make(">/dev/full", "create", "lost")[1], "No space left on device", "the reason is named")
    # That a file may not grow is seen only when it is written.
    code, said = into("", "version")
    equal((code, said), (0, ""), "where it can be written: a success")
    code, said = make(f">{gate.home}/out", "create", "kept")
    ok(code == 0 and "shown this once" in said and len((gate.home / "out").read_text().strip()) > 20, "into a file", code, said)
    for verb, name in (("create", "late"), ("rotate", "old")):
        limited = subprocess.run(["sh", "-c", 'ulimit -f 0; exec "$0" "$@" >"$OUT"', KANMON, "token", verb, name, "-c", str(gate.config)],
                                 capture_output=True, env={**gate.env, "OUT": str(gate.home / "limited")}, cwd=gate.home, timeout=WAIT)
        said = limited.stderr.decode()
        ok(limited.returncode == 1 and f"was not printed; make another: kanmon token rotate {name}" in said and "shown this once" not in said,
           f"token {verb}: it was made and could not be printed", limited.returncode, said)


def test_first_tokens():
    """A store that many make at the same moment is made once."""
    for _ in range(5):
        gate = Gate()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            made = list(pool.map(lambda i: gate.ask("token", "create", f"agent{i}"), range(6)))
        ok([m.code for m in made] == [0] * 6, "each of six gets a token", *(m.err for m in made if m.code))
        equal(len(json.loads(gate.ask("token", "list", "-o", "json").out)), 6, "and all are there")


def test_many_tokens():
    """The keeper answers with as many tokens as one message holds: the commands ask on."""
    gate = Gate(small()).start()
    scopes = " ".join(f"mcp:{letter * 60}" for letter in "abcdefghijklmno")
    names = [f"agent{i}" for i in range(80)]
    for name in names:
        gate.token(name, "--scope", scopes)
    rows = json.loads(gate.ask("token", "list", "-o", "json").out)
    equal([row["name"] for row in rows], names, "all are listed, the oldest first")
    equal(gate.ask("token", "list").out.count("live"), len(names), "as a table too")
    contains(gate.ask("doctor").out, f"{len(names)} in use", "and counted by doctor")
    gate.stop()
    equal(json.loads(gate.ask("token", "list", "-o", "json").out), rows, "the same without a gate")
    contains(gate.ask("doctor").out, f"{len(names)} in use", "and counted by doctor")


def test_tokens_with_gate():
    gate = Gate(small()).start()
    equal(Agent(gate, "nonsense").initialize()[0], 401, "no token: 401")
    first = gate.token("laptop")
    agent = Agent(gate, first)
    equal(agent.initialize()[0], 200, "a token that was just made")
    second = gate.ask("token", "rotate", "laptop").out.strip()
    ok(second and second != first, "rotate makes another")
    equal(Agent(gate, first).initialize()[0], 401, "the old one is refused at once")
    equal(agent.request("tools/list")[0], 401, "also in a session that was open")
    equal(Agent(gate, second).initialize()[0], 200, "the new one is taken")
    equal(gate.ask("token", "revoke", "laptop").code, 0, "revoke while the gate runs")
    equal(Agent(gate, second).initialize()[0], 401, "it is refused at once")
    scoped = gate.token("scoped", "--scope", "mcp:other")
    equal(Agent(gate, scoped, "small").initialize()[0], 404, "a token that does not cover the server")
    short = gate.token("short", "--expires", "1s") if gate.ask("token", "create", "probe", "--expires", "1s").code == 0 else None
    if short:
        ok(wait_until(lambda: Agent(gate, short).initialize()[0] == 401), "a token that has expired")


def run_with(gate, *command, words=(), hello=HELLO):
    host = Host(gate, "run", "-c", str(gate.config), *words, "--", *command)
    host.say(*hello)
    reply = host.answer(1)
    return host, reply


def test_run():
    gate = Gate().start()
    host, reply = run_with(gate, *SERVER)
    ok(reply and "result" in reply, "run: a host gets through", reply)
    equal(text_of(host.call(2, "echo", text="hello")), "hello", "run: a call passes, under the tool's own name")
    equal(text_of(host.call(3, "echo", text="い")), "い", "run: so does Japanese")
    equal(host.end()[0], 0, "run: the host closes its end")
    host, reply = run_with(gate, *SERVER)
    lost = host.call(2, "quit", code=9)
    ok(code_of(lost) == "K702" and "exited with code 9" in lost["error"]["message"], "run: the server ends: the host is told", lost)
    equal(host.process.wait(WAIT), 9, "run: and run ends with the server's code")
    host.end()
    host, reply = run_with(gate, *SERVER)
    host.call(2, "quit", code=-1)
    equal(host.end()[0], 255, "run: also with a large one")


def test_probe_then_initialize():
    """Hosts that know both eras ask with server/discover first, and some do not wait for the answer."""
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    for number in (0, 1):
        gate = Gate().start()
        late = f"until [ -e {gate.home}/go ]; do sleep 0.05; done; exec {shlex.join(SERVER)}"
        probe = {"jsonrpc": "2.0", "id": number, "method": "server/discover", "params": {"_meta": meta}}
        host = Host(gate, "run", "-c", str(gate.config), "--", "sh", "-c", late)
        host.say(probe, *HELLO)
        (gate.home / "go").touch()
        first = json.loads(host.process.stdout.readline() or b"{}")
        ok(first.get("id") == 1 and "protocolVersion" in first.get("result", {}),
           f"run: initialize follows a probe (id {number}) that is not answered yet: it is answered in its place", first)
        equal(text_of(host.call(2, "echo", text="hello")), "hello", "and a call passes")
        equal(host.end()[0], 0, "and the first server's end is not the host's")


def test_run_failures():
    gate = Gate().start()
    served = "the gate's log has more; it is where `kanmon serve` writes it\n"

    def ended(code, said, name):
        got, err = host.end()
        ok(got == code and err == f"error: {said}; {served}", f"{name}: {code}, and a line that says so", got, err)

    host, reply = run_with(gate, "no-such-program")
    ok(reply and "error" in reply, "no such program: the host gets an error", reply)
    ended(127, "there is no program no-such-program, or it exited with code 127 itself", "no such program")
    plain = gate.home / "plain"
    plain.write_text("not a program\n")
    host, reply = run_with(gate, str(plain))
    ok(reply and "error" in reply, "not executable: the host gets an error", reply)
    ended(126, f"{plain} cannot be executed, or it exited with code 126 itself", "not executable")
    host, reply = run_with(gate, "sh", "-c", "exit 3")
    ended(3, "the server exited with code 3", "a server that ends at once")
    host, reply = run_with(gate, "sh", "-c", "exit 125")
    ended(125, "the gate itself failed, or the server exited with code 125", "a server with the gate's code")
    host, reply = run_with(gate, "sh", "-c", "exit 250")
    ended(250, "the server exited with code 250", "a code that is no signal")
    host, reply = run_with(gate, "sh", "-c", "kill -SEGV $$")
    ended(139, "the server was ended by SIGSEGV (exit code 139)", "a server that crashes")
    host = Host(gate, "--lang", "ja", "run", "-c", str(gate.config), "--", "false")
    host.say(*HELLO)
    host.answer(1)
    contains(host.end()[1], "サーバーはコード 1 で終了しました", "in Japanese")


def test_run_failure_in_background():
    """The log of a gate that run started is a file, and the line names it."""
    gate = Gate()
    host, _ = run_with(gate, "false")
    code, said = host.end()
    ok(code == 1 and said == f"error: the server exited with code 1; the gate's log has more: {gate.data}/kanmon.log\n", "run without a gate: the log", code, said)
    ok((gate.data / "kanmon.log").exists(), "which is there")


def test_run_name_refused():
    """What a config refuses because of the tools' names."""
    gate = Gate()
    for name, why in (("a__b", "`__` parts the server from the tool in a tool's name"), ("a_", "it must not end with `_`")):
        result = gate.ask("run", "--name", name, "--", "true")
        ok(result.code == 2 and f"--name {name}: {why}" in result.err, f"--name {name}: refused", result)
    contains(gate.ask("run", "--name", "a_", "--", "true", LANG="ja_JP.UTF-8").err, "--name a_: `_` で終わってはいけません", "in Japanese")


def test_run_names():
    """The name of the host's configuration, or else of the command, and not the gate's own for it."""
    gate = Gate().start()
    for words, shown in ((("--name", "my_server 関"), "my_server 関"), ((), "server.py"), (("--name", "a\n\x7fb"), "a--b"), (("--name=",), "server"),
                         (("--name", "long" * 30), "long" * 16), (("--name", b"\xff" + "é".encode() * 40), "-" + "é" * 31)):
        host, reply = run_with(gate, *SERVER, words=words)
        ok(reply and "result" in reply, f"run: a host with {shown!r}", reply)
        rows = json.loads(gate.ask("status", "-o", "json").out)["servers"]
        equal([row["name"] for row in rows if row["for_one_host"]], [shown], "status shows the name")
        lost = host.call(2, "quit", code=3)
        ok(f"the server {shown} failed: " in lost["error"]["message"] and "~" not in lost["error"]["message"], "so does an error", lost)
        host.end()
    host, reply = run_with(gate, "no-such-program", words=("--name", "my_server"))
    ok("The server my_server cannot be started: " in reply["error"]["message"] and "~" not in json.dumps(reply), "a server that cannot be started: too", reply)
    host.end()
    dead = [line for line in gate.log_text().splitlines() if "upstream.dead" in line]
    ok(dead and "my_server 関" in dead[0] and "my_server" in dead[-1] and "~" not in "".join(dead), "and the log", *dead)
    records = b"".join(p.read_bytes() for p in (gate.data / "audit").iterdir() if p.is_file()).decode(errors="replace")
    ok('"server":"my_server 関"' in records and '"server":"server.py"' in records, "and the records", records[:2000])


def test_run_environment():
    gate = Gate().start()
    gate.env.update(SEEN="from-the-host", UNSEEN="secret")
    show = shlex.join(["env"]) + ' > "$OUT"; exec ' + shlex.join(SERVER)
    host, _ = run_with(gate, "sh", "-c", show,
                       words=["--env", "SEEN", "--env", f"OUT={gate.home}/env", "--env", "GIVEN=a=b"])
    host.call(2, "echo", text="x")
    host.end()
    seen = dict(line.split("=", 1) for line in (gate.home / "env").read_text().splitlines() if "=" in line)
    ok(seen.get("SEEN") == "from-the-host" and seen.get("GIVEN") == "a=b", "named variables reach the server", seen)
    ok("UNSEEN" not in seen and "KANMON_LANG" not in seen, "no others do", seen)


def test_run_starts_a_gate():
    gate = Gate()
    host, reply = run_with(gate, *SERVER)
    ok(reply and "result" in reply, "run without a gate: one is started", reply)
    equal(text_of(host.call(2, "echo", text="hello")), "hello", "and a call passes")
    manager = gate.manager_of_control()
    ok(manager > 0, "the gate is in the background")
    equal(host.end()[0], 0, "the host ends")
    equal(gate.manager_of_control(), manager, "the gate stays for the next one")
    ok((gate.data / "kanmon.log").exists(), "its log is in the data folder")
    two = [run_with(gate, *SERVER) for _ in range(2)]
    ok(all(reply and "result" in reply for _, reply in two), "two hosts at once")
    for host, _ in two:
        host.end()


def test_run_starts_a_gate_from_here():
    """The paths of the words are relative; the gate that is started works in another folder."""
    gate = Gate()
    for name, words in (("-c", ()), ("--data-dir", ("--data-dir", "other"))):
        host = Host(gate, "run", "-c", gate.config.name, *words, "--", *SERVER)
        host.say(*HELLO)
        reply = host.answer(1)
        ok(reply and "result" in reply, f"run without a gate, {name} relative: one is started", reply)
        host.end()
        if name == "-c":
            manager = gate.manager_of_control()
            gate.write(f"servers:\n  late: {{ run: {json.dumps(SERVER)} }}\n")
            os.kill(manager, signal.SIGHUP) if manager else None
            log = gate.data / "kanmon.log"
            ok(manager and wait_until(lambda: "config.loaded" in log.read_text()), "and reads its config again")
            os.kill(manager, signal.SIGTERM) if manager else None
            wait_until(lambda: not is_alive(manager))
    gate.data = gate.home / "other"
    ok(gate.manager_of_control() > 0, "its data is where it was said to be")


def test_run_with_files():
    """No pipes: from a file into a file. The gate that is started on the way must not keep run's ends open."""
    gate = Gate()
    (gate.home / "in").write_text("")
    for name in ("run starts a gate", "run finds a gate"):
        with open(gate.home / "in", "rb") as given, open(gate.home / "out", "wb") as taken:
            process = gate.spawn("run", "-c", str(gate.config), "--", *SERVER, stdin=given, stdout=taken)
            try:
                code = process.wait(WAIT)
            except subprocess.TimeoutExpired:
                code = "it does not end"
                process.kill()
                process.wait()
        equal(code, 0, f"{name}: a host that says nothing, from a file into a file")


def test_run_while_a_gate_ends():
    """A gate that was told to end keeps its folder until its calls are over: who comes meanwhile waits, and has the next one."""
    gate = Gate(small()).start()
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    flag = gate.home / "go"
    caller = threading.Thread(target=lambda: agent.call("wait", file=str(flag)))
    caller.start()
    ok(wait_until(lambda: (gate.home / "go.begun").exists()), "# a call is under way")
    gate.process.send_signal(signal.SIGTERM)
    ok(gate.logged("gate.stopping"), "# the gate ends")
    host = Host(gate, "run", "-c", str(gate.config), "--", *SERVER)
    time.sleep(2)
    ok(host.process.poll() is None, "a host comes meanwhile, and waits")
    flag.touch()
    caller.join(WAIT)
    host.say(*HELLO)
    ok(host.answer(1) is not None, "then there is a gate for it")
    equal(host.end(), (0, ""), "and all is well")


def test_run_as_a_gate_leaves():
    """Who reached a gate that makes room for another just then is not turned away: the other one takes it."""
    for name in ("run", "serve --stdio"):
        gate = Gate()
        first, _ = run_with(gate, *SERVER)
        manager = gate.manager_of_control()
        first.end()
        os.kill(manager, signal.SIGSTOP)
        starting = threading.Thread(target=gate.start)
        starting.start()
        time.sleep(0.5)  # it has asked for room
        words = ("run", "-c", str(gate.config), "--", *SERVER) if name == "run" else ("serve", "--stdio", "-c", str(gate.config))
        host = Host(gate, *words)
        host.say(*HELLO)
        time.sleep(0.5)  # it has asked to be taken
        os.kill(manager, signal.SIGCONT)
        reply = host.answer(1)
        ok(reply and "result" in reply, f"{name}: a gate takes it", reply)
        starting.join()
        equal(gate.manager_of_control(), gate.process.pid, f"{name}: the one that came")
        equal(host.end(), (0, ""), f"{name}: and all is well")


def call_of(number, tool, **arguments):
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def lines_of(*messages):
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def test_all_said_before():
    """What stands before the end of stdin is answered: out of a pipe, out of a file, and without a newline at its end."""
    gate = Gate(small()).start()
    said = lines_of(*HELLO, call_of(2, "small__echo", text="one"), call_of(3, "small__echo", text="two"))
    plain = said.replace(b"small__", b"")
    (gate.home / "in").write_bytes(plain)
    for name, words, given in (("run", ("run", "-c", str(gate.config), "--", *SERVER), plain),
                               ("serve --stdio", ("serve", "--stdio", "-c", str(gate.config)), said)):
        for form, text in (("a pipe", given), ("a last line without its end", given[:-1]), ("one message", lines_of(HELLO[0]))):
            done = gate.run(*words, stdin=text)
            replies = {reply["id"]: reply for reply in map(json.loads, done.out.splitlines())}
            ok(done.code == 0 and replies.keys() == ({1} if form == "one message" else {1, 2, 3}) and all("result" in r for r in replies.values()),
               f"{name}, {form}: all of it is answered, then the end", done)
    for name, words, text in (("run", ("run", "-c", str(gate.config), "--", *SERVER), plain), ("serve --stdio", ("serve", "--stdio", "-c", str(gate.config)), said)):
        (gate.home / "in").write_bytes(text)
        with open(gate.home / "in", "rb") as given, open(gate.home / "out", "wb") as taken:
            code = gate.spawn(*words, stdin=given, stdout=taken).wait(WAIT)
        ids = [json.loads(line)["id"] for line in (gate.home / "out").read_text().splitlines()]
        equal((code, ids), (0, [1, 2, 3]), f"{name}, from a file into a file")


def test_never_answered():
    """A host closes stdin and then ends what it started, as MCP has it: a call that hangs does not keep that."""
    gate = Gate().start()
    host, _ = run_with(gate, *SERVER)
    host.say(call_of(3, "wait", file=str(gate.home / "never")))
    ok(wait_until(lambda: (gate.home / "never.begun").exists()), "# a call is under way")
    host.process.stdin.close()
    time.sleep(1)
    ok(host.process.poll() is None, "run: stdin is closed, and the call may still be answered")
    host.process.terminate()
    host.process.wait(WAIT)
    ok(wait_until(lambda: json.loads(gate.ask("status", "-o", "json").out)["hosts"] == 0), "ended, it is gone from the gate")


def test_slow_host():
    """Who reads, only slowly, has all of it."""
    gate = Gate().start()
    host, _ = run_with(gate, *SERVER)
    numbers = list(range(2, 14))
    saying = threading.Thread(target=lambda: host.say(*(call_of(n, "echo", text="x" * 3_000_000) for n in numbers)))
    saying.start()
    got = []
    for _ in numbers:
        time.sleep(0.4)
        got.append(json.loads(host.process.stdout.readline() or b"{}"))
    saying.join()
    equal([reply.get("id") for reply in got], numbers, "run: a slow reader has all answers")
    ok(all(len(text_of(reply)) == 3_000_000 for reply in got if "result" in reply), "and they are whole")
    equal(host.end()[0], 0, "and is not cut")


def test_host_that_reads_nothing():
    gate = Gate().start()
    host, _ = run_with(gate, *SERVER)
    host.say(call_of(2, "echo", text="x" * 3_000_000))
    equal(host.end()[0], 125, "run: what was asked for is not read: that is no success")
    ok(gate.logged("stdio.slow"), "and the log says why")


def test_run_into_a_file():
    """A server that ends, while nobody closes stdin: the end of it does not wait for that of the host."""
    gate = Gate().start()
    with open(gate.home / "out", "wb") as taken:
        process = gate.spawn("run", "-c", str(gate.config), "--", "sh", "-c", "exit 3", stdin=subprocess.PIPE, stdout=taken)
    process.stdin.write(lines_of(HELLO[0]))
    process.stdin.flush()
    try:
        code = process.wait(WAIT)
    except subprocess.TimeoutExpired:
        code = "it does not end"
    process.stdin.close()
    process.wait(WAIT)
    equal(code, 3, "run: a server ends whose output goes into a file: its code")
    ok(code_of(json.loads((gate.home / "out").read_text())) == "K701", "and the host has the error")


def test_more_said_than_read():
    """From a file into a file, `kanmon run` carries both ways by itself: neither waits for the other."""
    gate = Gate().start()
    (gate.home / "in").write_bytes(b"x\n" * 200_000)
    with open(gate.home / "in", "rb") as given, open(gate.home / "out", "wb") as taken:
        code = gate.spawn("run", "-c", str(gate.config), "--", *SERVER, stdin=given, stdout=taken).wait(WAIT)
    with open(gate.home / "out", "rb") as taken:
        equal((code, sum(1 for _ in taken)), (0, 200_000), "run: as many refusals as there are bad lines")


def test_run_server_ends():
    """A server that ends takes its host's pipes with it: the host sees the end, though nobody else would close them."""
    gate = Gate().start()
    words = ("run", "-c", str(gate.config), "--")
    for name, command, said in (("a server that dies in a call", SERVER, True), ("one that cannot be started", ("no-such-program",), False)):
        host = Host(gate, *words, *command)
        host.say(*HELLO)
        answered = host.answer(1)
        if said:
            ok(answered is not None, "# a host", answered)
            host.say({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "quit", "arguments": {"code": 3}}})
        rest = []
        reader = threading.Thread(target=lambda: rest.append(host.process.stdout.read()))
        reader.start()
        reader.join(WAIT)
        ok(rest, f"{name}: the host's output ends", answered)
        ok(host.process.wait(WAIT) in (3, 127), f"{name}: the exit code", host.process.returncode)
        host.process.stdin.close()


def test_gate_gone():
    gate = Gate().start()
    host, reply = run_with(gate, *SERVER)
    ok(reply is not None, "a host is connected")
    gate.process.kill()
    gate.process.wait()
    equal(host.process.wait(WAIT), 125, "the gate dies: run ends with 125")
    contains(host.end()[1], "the gate is gone", "and says so")


def test_catalogue():
    gate = Gate(small("echo")).start()
    host = Host(gate, "serve", "--stdio", "-c", str(gate.config))
    host.say(*HELLO)
    ok("result" in (host.answer(1) or {}), "serve --stdio: the host is greeted")
    host.say({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    equal([t["name"] for t in host.answer(2)["result"]["tools"]], ["small__echo"], "serve --stdio: the catalogue")
    equal(text_of(host.call(3, "small__echo", text="hello")), "hello", "serve --stdio: a call")
    host.say({"jsonrpc": "2.0", "id": 4, "method": "skills/list"})
    reply = host.answer(4) or {}
    equal((reply.get("error", {}).get("code"), code_of(reply)), (-32601, "K601"), "serve --stdio: what the catalogue has not")
    equal(host.end()[0], 0, "serve --stdio: the host closes its end")


TESTS = (test_tokens_without_gate, test_first_tokens, test_token_table, test_token_for_no_server, test_token_not_printed, test_many_tokens, test_tokens_with_gate, test_run, test_probe_then_initialize,
         test_run_failures, test_run_failure_in_background, test_run_name_refused, test_run_names, test_run_environment, test_run_starts_a_gate, test_run_starts_a_gate_from_here,
         test_run_while_a_gate_ends, test_run_as_a_gate_leaves, test_run_with_files, test_all_said_before, test_never_answered, test_slow_host,
         test_host_that_reads_nothing, test_run_into_a_file, test_more_said_than_read, test_run_server_ends, test_gate_gone, test_catalogue)
