# cancelling.py - calls that are given up, and clients that leave: what the server hears of it, and what is kept for later.
# SPDX-License-Identifier: Apache-2.0
import json
import os

from wire import Host, Legacy, Modern, STDIO, equal, main, ok, records, run_line, text_of, until, url_line


def messages(entries, method):
    found = [json.loads(e["raw"]) for e in entries if e["kind"] == "message"]
    return [m for m in found if m.get("method") == method]


class Servers:
    """The same server on both transports, and what each was sent."""

    def __init__(self, place):
        self.remote = place.remote()
        self.record = None
        self.folder = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"kanmon-cancelling-{os.getpid()}")
        self.gate = place.gate({"near": run_line("--record", self.folder), "far": url_line(self.remote)})
        if os.path.exists(self.folder):
            os.unlink(self.folder)

    def entries(self, server):
        if server == "near":
            return records(self.folder)
        with self.remote.core.changed:
            return list(self.remote.core.seen)

    def flag(self, name):
        return os.path.join(self.gate.folder, name)

    def close(self):
        if os.path.exists(self.folder):
            os.unlink(self.folder)


def begun(flag):
    return ok(until(lambda: os.path.exists(flag + ".begun")), f"# the call of {os.path.basename(flag)} is under way")


def calls_of(servers, server, flag):
    return [m for m in messages(servers.entries(server), "tools/call") if m["params"]["arguments"].get("file") == flag]


def test_legacy_cancel(place):
    servers = Servers(place)
    for server in ("near", "far"):
        client = Legacy(servers.gate, server)
        for id in ('"mine"', "1", '"1"'):
            flag = servers.flag(f"cancel-{server}-{len(id)}-{id[0] == '1'}")
            other = client.send(
                '{"jsonrpc":"2.0","id":"other","method":"tools/call","params":{"name":"tag","arguments":{"tag":"t","most":0.5}}}')
            call = client.send('{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"wait","arguments":{"file":"%s"}}}'
                               % (id, flag))
            begun(flag)
            for wrong in ('"nobody"', '"1"' if id == "1" else "1"):
                client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}' % wrong)
            before = len(messages(servers.entries(server), "notifications/cancelled"))
            reply = client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":"why"}}' % id)
            equal(reply.status, 202, f"{server}: the cancellation of {id} is accepted")
            found = until(lambda: messages(servers.entries(server), "notifications/cancelled")[before:])
            own = calls_of(servers, server, flag)[0]["id"]
            equal([m["params"] for m in found or ()], [{"requestId": own, "reason": "why"}],
                  f"{server}: {id}: the server hears of it once, with the gate's id, and of no other")
            answer = call.reply()
            ok(answer.status == 202 and not answer.body or b"data: {" not in answer.body,
               f"{server}: the cancelled call gets no answer", answer)
            equal(text_of(other.reply()), "t", f"{server}: the other call gets its own")
            call.close(), other.close()
    servers.close()


def test_modern_close(place):
    servers = Servers(place)
    for server in ("near", "far"):
        client = Modern(servers.gate, server)
        flag = servers.flag(f"close-{server}")
        connection = client.send(client.call_text("wait", {"file": flag}))
        begun(flag)
        connection.close()
        if server == "near":
            found = until(lambda: messages(servers.entries(server), "notifications/cancelled"))
            own = calls_of(servers, server, flag)[0]["id"]
            equal([m["params"]["requestId"] for m in found or ()], [own], "near: a closed stream cancels, with the gate's id")
        gone = until(lambda: [e for e in servers.entries(server) if e["kind"] in ("gone", "broken")])
        ok(gone, f"{server}: a closed stream ends the server's work", servers.entries(server)[-3:])
        equal(text_of(client.call("tag", {"tag": "next"})), "next", f"{server}: and the next call passes")
    servers.close()


def test_legacy_disconnect(place):
    servers = Servers(place)
    for server in ("near", "far"):
        client = Legacy(servers.gate, server)
        flag = servers.flag(f"leave-{server}")
        events = client.stream_call("wait", {"file": flag, "tag": f"kept {server}"}, id="later")
        first = events.next()
        ok(first and first.get("id") and first.get("data") == "" and first.get("retry"),
           f"{server}: the stream begins with an id, no data and a time to come back", first)
        events.close()
        equal(text_of(client.call("tag", {"tag": "other"})), "other", f"{server}: the session goes on")
        open(flag, "w").close()
        equal(messages(servers.entries(server), "notifications/cancelled"), [], f"{server}: to leave is not to cancel")
        back = client.get(("Last-Event-ID", first["id"]))
        equal(back.head.status, 200, f"{server}: GET with Last-Event-ID takes it up")
        event = back.message()
        equal((text_of(event["json"]), event["json"]["id"]), (f"kept {server}", "later"), f"{server}: and brings the answer")
        ok(event.get("id"), f"{server}: under an id of its own", event)
        back.close()
        stranger = Legacy(servers.gate, server)
        equal(stranger.get(("Last-Event-ID", first["id"])).head.status, 405, f"{server}: another session has no such stream")
        for wrong in ("0-0", "999-1", "x", "1", "-", "99999999999999999999-1"):
            status = client.get(("Last-Event-ID", wrong)).head.status
            equal(status, 405, f"{server}: Last-Event-ID {wrong}: there is nothing")
    servers.close()


def test_stdio_host(place):
    servers = Servers(place)
    argv = [*STDIO, "--record", servers.folder]
    with Host(servers.gate, argv) as host:
        flag = servers.flag("host")
        host.send('{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"wait","arguments":{"file":"%s"}}}' % flag)
        begun(flag)
        host.send('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}')
        found = until(lambda: messages(servers.entries("near"), "notifications/cancelled"))
        own = calls_of(servers, "near", flag)[0]["id"]
        equal([m["params"] for m in found or ()], [{"requestId": own}], "stdio: a cancellation reaches the server")
        host.send('{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"tag","arguments":{"tag":"again"}}}')
        equal(text_of(host.answer("4")), "again", "stdio: the id is free again, and the cancelled call got no answer")
    servers.close()


if __name__ == "__main__":
    main(test_legacy_cancel, test_modern_close, test_legacy_disconnect, test_stdio_host)
