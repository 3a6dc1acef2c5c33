# sessions.py - sessions of the legacy era: whose they are, how they end, and that their ids are written nowhere.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re

from wire import Host, Legacy, Modern, equal, error_of, main, ok, request_text, run_line, text_of, until, url_line

MISSING, UNKNOWN = (400, -32000, "K505"), (404, -32001, "K506")
TOOLS = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'


def drop(headers, name):
    return [h for h in headers if h[0] != name]


def with_session(client, session):
    return [*drop(client.headers(), "Mcp-Session-Id"), ("Mcp-Session-Id", session)]


def test_ids(place):
    gate = place.gate({"a": run_line(), "b": run_line()})
    client = Legacy(gate, "a")
    equal(error_of(client.post(TOOLS, drop(client.headers(), "Mcp-Session-Id"))), MISSING, "no session id: 400")
    own = client.session
    flipped = [own[:i] + ("A" if own[i] != "A" else "B") + own[i + 1:] for i in (0, len(own) // 2, len(own) - 1)]
    for name, session in (("unknown", "x" * 43), ("shorter", own[:-1]), ("longer", own + "A"), ("empty", ""),
                          ("with a list", own + ", " + own), ("other letters", own.swapcase()),
                          *[(f"forged {i}", s) for i, s in enumerate(flipped)]):
        reply = client.post(TOOLS, with_session(client, session))
        ok(error_of(reply) in ((UNKNOWN,) if name != "empty" else (UNKNOWN, MISSING)), f"a session id that is {name}: 404", reply)
    other = Legacy(gate, "a", token=gate.new_token("other"), connect=False)
    equal(error_of(other.post(TOOLS, with_session(other, own))), UNKNOWN, "another principal's session: 404")
    for path in ("b", ""):
        elsewhere = Legacy(gate, path, connect=False)
        equal(error_of(elsewhere.post(TOOLS, with_session(elsewhere, own))), UNKNOWN, "another endpoint's session: 404")
    ok(client.post(TOOLS).status == 200, "its own client has it still")
    twice = client.post(TOOLS, [*client.headers(), ("Mcp-Session-Id", own)])
    equal(twice.status, 400, "two session ids in one request: refused", twice)
    second = Legacy(gate, "a")
    ok(second.session != own and len(own) >= 43 and all(0x21 <= ord(c) <= 0x7e for c in own),
       "ids differ, are long and visible ASCII", own, second.session)
    equal(Legacy(gate, "a").post(TOOLS, [*with_session(client, own), ("MCP-Protocol-Version", "2099-01-01")][1:]).status, 400,
          "an unknown MCP-Protocol-Version: 400")


def test_end(place):
    gate = place.gate({"a": run_line(), "far": url_line(place.remote())})
    remote = place.remotes[0]
    for server in ("a", "far"):
        client = Legacy(gate, server)
        pid = text_of(client.call("pid", {}))
        stranger = Legacy(gate, server, token=gate.new_token(f"stranger-{server}"), connect=False)
        stranger.session = client.session
        equal(error_of(stranger.delete()), UNKNOWN, f"{server}: a stranger cannot end it")
        events = client.get()
        equal(client.delete().status, 200, f"{server}: DELETE ends it")
        equal(error_of(client.post(TOOLS)), UNKNOWN, f"{server}: then 404")
        equal(error_of(client.delete()), UNKNOWN, f"{server}: also for DELETE")
        equal(error_of_get(client), UNKNOWN, f"{server}: and for GET")
        equal(events.message(), None, f"{server}: its event stream has ended")
        if server == "far":
            ok(until(lambda: [r for r in remote.requests() if r["verb"] == "DELETE"]), "far: the server's session is deleted")
        else:
            ok(until(lambda: not servers_of(gate)), f"a: its process {pid} ends")


def error_of_get(client):
    events = client.get()
    reply = events.head
    reply.body = events.text.removeprefix(b"data: ").strip()
    return error_of(reply)


def servers_of(gate):
    """The server processes of this gate, by the home they were given."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/environ", "rb") as home:
                if b"upstreams/stdio.py" in line.read() and b"HOME=" + gate.folder.encode() in home.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_one_stream(place):
    gate = place.gate({"a": run_line()})
    client = Legacy(gate, "a")
    first = client.get()
    equal(first.head.status, 200, "one event stream")
    equal(error_of_get(client), (409, -32000, "K509"), "a second one: 409")
    first.close()
    held = []
    ok(until(lambda: held.append(client.get()) or held[-1].head.status == 200), "after the first has ended: another")
    equal(error_of_get(client), (409, -32000, "K509"), "and that one counts")


def test_written_nowhere(place):
    remote = place.remote()
    gate = place.gate({"a": run_line(), "far": url_line(remote)})
    ids = []
    for server in ("a", "far", ""):
        client = Legacy(gate, server)
        ids.append(client.session)
        client.request("tools/list")
        client.call("far__tag" if not server else "tag", {"tag": "x"})
        client.call("no-such", {"token": client.session})
        client.get().close()
        client.post(TOOLS, with_session(client, client.session[:-2] + "zz"))
        equal(Legacy(gate, server).post(TOOLS, with_session(client, client.session)).status, 200, "# used twice")
        client.delete()
    ok(until(lambda: gate.audit_bytes().count(b'"kind":"outcome"') >= 3 or b"outcome" in gate.audit_bytes()),
       "# the audit log has been written", gate.audit_bytes()[-500:])
    log, audit = gate.log_text(), gate.audit_text()
    said = "".join(str(e) for e in remote.core.seen)
    for name, text in (("log", log), ("audit log", audit), ("server's requests", said)):
        found = [i for i in ids if i in text]
        ok(not found, f"no session id stands in the {name}", found, text[-300:])
    ok(gate.token not in log and gate.token not in audit and gate.token not in said, "nor the token")


def test_idle(place):
    gate = place.gate({"a": run_line()}, more="limits: { session-idle: 1s }\n")
    client, busy = Legacy(gate, "a"), Legacy(gate, "a")
    flag = gate.folder + "/busy"
    call = busy.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait","arguments":{"file":"%s"}}}' % flag)
    listening = Legacy(gate, "a")
    stream = listening.get()
    ok(until(lambda: len(servers_of(gate)) == 3), "# three sessions, three processes", servers_of(gate))
    ok(until(lambda: len(servers_of(gate)) == 2), "the process of a session without a message ends")
    equal(error_of(client.post(TOOLS)), UNKNOWN, "and so does the session")
    open(flag, "w").close()
    equal(text_of(call.reply()), "waited", "one with a call under way does not")
    equal(listening.post(TOOLS).status, 200, "nor one with an event stream")
    stream.close()


def test_modern_has_none(place):
    gate = place.gate({"a": run_line()})
    client = Modern(gate, "a")
    reply = client.call("tag", {"tag": "x"}, more=[("Mcp-Session-Id", "anything"), ("Last-Event-ID", "1-1")])
    equal((text_of(reply), reply.header("mcp-session-id")), ("x", None), "the modern era ignores a session id and makes none")


def test_limit(place):
    gate = place.gate({"a": run_line()}, more="limits: { sessions-per-token: 3 }\n")
    clients = [Legacy(gate, "") for _ in range(3)]
    refused = Legacy(gate, "", connect=False).initialize()
    equal(error_of(refused), (503, -32603, "K801"), "a session too many: refused")
    ok(Legacy(gate, "", token=gate.new_token("second")).session, "another token has its own count")
    clients[0].delete()
    ok(Legacy(gate, "").session, "after one has ended: another")


def test_refused_greeting(place):
    gate = place.gate({"dead": {"run": "/no/such/program"}, "none": run_line("--eras", "neither"), "a": run_line()},
                      more="limits: { sessions-per-token: 2 }\n")
    for server, code, many in (("dead", "K701", 3), ("none", "K701", 3)):
        replies = [Legacy(gate, server, connect=False).initialize() for _ in range(many)]
        equal([error_of(r)[2] for r in replies], [code] * many, f"initialize with a server that is {server}: refused, however often")
        equal([r.header("mcp-session-id") for r in replies], [None] * many, f"{server}: a refusal names no session")
    ok(Legacy(gate, "a").session, "and leaves none behind: another server has room for one")


def test_out_of_reach(place):
    """Where a server is, only the operator is told: in the log, and with the status."""
    gate = place.gate({"far": {"url": "http://127.0.0.1:1/mcp"}})
    reply = Legacy(gate, "far", connect=False).initialize()
    text = reply.json()["error"]["message"]
    ok("cannot be reached" in text and not re.search(r"127|port|refused|last tried", text), "a client is told no address", reply)
    for where, told in (("the log", gate.log_text()), ("the status", gate.command("status"))):
        ok("port 1 (last tried 127.0.0.1)" in told, f"{where} says where it was tried", told[-1500:])


def test_cut_greeting(place):
    """A token that is revoked while its initialize waits for a server: whoever asked is told, and not with 200."""
    gate = place.gate({"mute": {"run": "sleep 1000"}, "a": run_line()})
    client = Legacy(gate, "mute", token=gate.new_token("short"), connect=False)
    with client.send(request_text("initialize", {"protocolVersion": client.revision, "capabilities": {}, "clientInfo": {"name": "w", "version": "1"}})) as waiting:
        ok(until(lambda: re.search(r"^sessions +1$", gate.command("status"), re.M)), "# its session is being made")
        gate.command("token", "revoke", "short")
        reply = waiting.reply()
    equal((error_of(reply), reply.header("mcp-session-id")), (UNKNOWN, None), "revoked while initialize waits: 404, and no session", reply)
    ok(Legacy(gate, "a").session, "another token's passes")


def test_forgotten(place):
    """A server over HTTP forgets its sessions: what was not looked at is asked again, once, in a new one."""
    remote = place.remote()
    gate = place.gate({"r": url_line(remote)})
    for path, name in (("r", "tag"), ("", "r__tag")):
        client = Legacy(gate, path)
        equal(text_of(client.call(name, {"tag": "1"})), "1", "# a call")
        remote.forget()
        equal(text_of(client.call(name, {"tag": "2"})), "2", f"/mcp/{path}: a call in a session that is forgotten is made in a new one")
        remote.forget()
        ok(name in tools_of(client.request("tools/list").json()), f"/mcp/{path}: so is a list")
    calls = [r for r in remote.requests() if '"tools/call"' in r["raw"]]
    equal(len(calls), 6, "each of the two calls in vain was sent twice")
    remote.http.forgetful = True
    reply = Legacy(gate, "r").call("tag", {"tag": "3"})
    ok(error_of(reply)[2] == "K702" and "It had no effect" in reply.body.decode(), "one that is forgotten again and again is told that it had no effect", reply)
    calls = [r for r in remote.requests() if '"tools/call"' in r["raw"]]
    equal(len(calls), 8, "and is not sent a third time")


def tools_of(message):
    return sorted(tool["name"] for tool in message["result"]["tools"])


CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def test_list_changed(place):
    """New rules change what a client of all servers sees: it is told, once, on the stream that is for such words."""
    gate = place.gate({"a": run_line(), "b": run_line()})
    client, other, unasked = (Legacy(gate, "", token=gate.new_token(f"t{i}", *scope)) for i, scope in
                              enumerate(([], ["--scope", "mcp:b"], [])))
    ok(client.hello.json()["result"]["capabilities"]["tools"] == {"listChanged": True}, "all servers together: changes are told")
    before, of_b = (tools_of(c.request("tools/list").json()) for c in (client, other))
    ok("a__pid" in before and "b__pid" in before and "a__pid" not in of_b and "b__pid" in of_b, "# lists", before, of_b)
    streams = [c.get() for c in (client, other, unasked)]
    with Host(gate, None, command=gate.serve_command()) as host:
        host.send('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
        ok("a__pid" in tools_of(host.answer("1")), "# a list on a pipe")
        gate._write({"a": run_line(tools={"allow": ["*"], "deny": ["pid"]}), "b": run_line()})
        equal(streams[0].message()["json"], CHANGED, "new rules for a server: a session is told on its event stream")
        told = host.line(lambda line: "list_changed" in line)
        equal(told and json.loads(told), CHANGED, "and a host of all servers on its pipe")
        after = tools_of(client.request("tools/list").json())
        equal(after, [name for name in before if name != "a__pid"], "its next list is the new one")
        gate._write({"a": run_line(tools={"allow": ["*"], "deny": ["pid"]}), "b": run_line(tools={"allow": ["tag"]})})
        equal(streams[1].message()["json"], CHANGED, "who may see one server hears of that one")
        equal(streams[0].message()["json"], CHANGED, "so does the first, again")
    ok(all(stream.is_quiet() for stream in streams), "nobody hears anything twice, or of what he never had")


if __name__ == "__main__":
    main(test_list_changed, test_forgotten, test_cut_greeting, test_ids, test_end, test_one_stream, test_written_nowhere, test_idle, test_modern_has_none, test_limit,
         test_refused_greeting, test_out_of_reach)
