# changes.py - a list at one server alone is another one: who sees that is told, once; nobody else.
# SPDX-License-Identifier: Apache-2.0
import json
import threading

from wire import META, Legacy, Modern, equal, main, ok, run_line, until, url_line

METHOD = "notifications/tools/list_changed"
CHANGED = {"jsonrpc": "2.0", "method": METHOD}
CHANGING = {"tools": {"listChanged": True}}
RULES = {"allow": ["*"], "deny": ["hidden*"]}


def asked(remote):
    return sum(entry["kind"] == "message" and json.loads(entry["raw"]).get("method") == "tools/list" for entry in list(remote.core.seen))


def says(client, n=1):
    client.call("notify", {"n": n, "method": METHOD})


def is_looked_at(remote, before):
    """The gate has asked for the list again: what it has to tell comes now."""
    return until(lambda: asked(remote) > before)


def test_alone(place):
    remote = place.remote(capabilities=CHANGING)
    near = run_line("--capabilities", '{"tools":{"listChanged":true}}', tools=RULES)
    gate = place.gate({"far": url_line(remote, tools=RULES), "near": near})
    for server in ("far", "near"):
        client = Legacy(gate, server)
        stream = client.get()
        client.call("grow", {"name": "early"})
        says(client)
        ok(stream.is_quiet(), f"{server}: a session that never had the list is told nothing")
        client.request("tools/list")
        before = asked(remote)
        says(client, 1000)
        ok(server == "near" or is_looked_at(remote, before), f"# {server}: the list is looked at")
        ok(stream.is_quiet(), f"{server}: said a thousand times, and the list is the same: no word")
        ok(asked(remote) <= before + 3, f"{server}: nor is the server asked as often", asked(remote) - before)
        client.call("grow", {"name": "hidden"})
        before = asked(remote)
        says(client)
        ok(server == "near" or is_looked_at(remote, before), f"# {server}: the list is looked at")
        ok(stream.is_quiet(), f"{server}: a new tool that the rules hide: no word")
        client.call("grow", {"name": "new"})
        says(client, 3)
        equal(stream.message()["json"], CHANGED, f"{server}: one that it sees: told")
        ok(stream.is_quiet(), f"{server}: once")
        ok('"new"' in client.request("tools/list").body.decode(), f"{server}: and its list has it")


def test_two_listeners(place):
    """A modern client that listens at a modern server: the same, in its era's words, for each that listens."""
    gate = place.gate({"near": run_line("--capabilities", '{"tools":{"listChanged":true}}', tools=RULES)})
    client = Modern(gate, "near")
    streams = [client.stream(client.text("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id)) for id in ("a", "b")]
    ok(all("acknowledged" in stream.message()["data"] for stream in streams), "# two subscriptions")
    client.request("tools/list")
    client.call("grow", {"name": "hidden"})
    ok(all(stream.is_quiet() for stream in streams), "a tool that the rules hide: neither hears")
    client.call("grow", {"name": "new"})
    equal([stream.message()["json"] for stream in streams],
          [{**CHANGED, "params": {"_meta": {META + "subscriptionId": id}}} for id in ("a", "b")], "one they see: both do, under their ids")
    ok(all(stream.is_quiet() for stream in streams), "once each")


def test_missed(place):
    """What a server says before its session's own stream stands is lost; the gate looks for it then."""
    streams = [threading.Event(), threading.Event()]
    remotes = [place.remote(capabilities=CHANGING, stream=stream) for stream in streams]
    gate = place.gate({"still": url_line(remotes[0]), "grown": url_line(remotes[1])})
    told = []
    for server, remote, stream in zip(("still", "grown"), remotes, streams):
        client = Legacy(gate, server)
        told.append(client.get())
        client.request("tools/list")
        ok(until(lambda: any(request["verb"] == "GET" for request in remote.requests())), f"# {server}: the gate asks for the stream")
    remotes[1].core.tools.append({"name": "new", "inputSchema": {"type": "object"}})
    ok(told[1].is_quiet(), "nobody says that the list has changed: nobody is told")
    before = asked(remotes[0])
    for stream in streams:
        stream.set()
    ok(is_looked_at(remotes[0], before), "# the streams stand")
    equal(told[1].message()["json"], CHANGED, "the stream stands: the list is looked at again, and the client told")
    ok(told[0].is_quiet(), "where it is the same, it is not")


if __name__ == "__main__":
    main(test_alone, test_two_listeners, test_missed)
