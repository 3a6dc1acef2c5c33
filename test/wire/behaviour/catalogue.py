# catalogue.py - several servers on /mcp: names with the server's before them, calls that find their way, servers that are dead.
# SPDX-License-Identifier: Apache-2.0
import json
import urllib.request

from wire import META, Legacy, Modern, equal, error_of, main, ok, request_text, run_line, text_of, together, url_line
from started import free_port  # after wire, which says where it stands

PROMPTS = '{"tools":{"listChanged":true},"prompts":{}}'


def names(client, method="tools/list", items="tools"):
    return [t["name"] for t in client.request(method).json()["result"][items]]


def four(place):
    """Two that live, on stdio and over HTTP; one that cannot be started, one that nobody listens for."""
    remote = place.remote(name="far", capabilities=json.loads(PROMPTS))
    return place.gate({"near": run_line("--name", "near", "--capabilities", PROMPTS), "far": url_line(remote),
                       "ends": {"run": "false"}, "gone": {"url": "http://127.0.0.1:1/mcp"},
                       "my-one": run_line("--name", "my-one")})


def test_lists(place):
    gate = four(place)
    for client in (Legacy(gate), Modern(gate)):
        era = type(client).__name__.lower()
        shown = names(client)
        equal({n.split("__")[0] for n in shown}, {"near", "far", "my-one"}, f"{era}: the servers that live are shown, dead ones break nothing")
        equal(len(shown), len(set(shown)), f"{era}: each name once")
        equal([n for n in shown if "__" not in n], [], f"{era}: each with its server's before it")
        equal(names(client), shown, f"{era}: a second list is the same")
        equal(sorted(names(client, "prompts/list", "prompts")), ["far__greet", "near__greet"], f"{era}: prompts likewise")


def test_calls(place):
    gate = four(place)
    for client in (Legacy(gate), Modern(gate)):
        era = type(client).__name__.lower()
        for server in ("near", "far", "my-one"):
            said = text_of(client.call(f"{server}__raw", {"a": 1})) or "{}"
            equal(json.loads(said)["params"]["name"], "raw", f"{era}: {server} is called by its own name", said)
        for server in ("near", "far"):
            reply = client.request("prompts/get", {"name": f"{server}__greet"}).json()
            equal(reply["result"]["messages"][0]["content"]["text"], f"{server}:greet", f"{era}: prompts/get finds {server}")
        for name in ("tag", "nobody__tag", "near_tag", "near__", "__tag", "near", "NEAR__tag", "near__far__tag", "near____tag", "x" * 300):
            reply = client.call(name, {"tag": "x"})
            equal((reply.status, error_of(reply)[1], text_of(reply)), (200, -32602, None), f"{era}: {name[:20]!r} is an unknown tool")
        for name in ("greet", "nobody__greet"):
            equal(error_of(client.request("prompts/get", {"name": name}))[1], -32602, f"{era}: {name} is an unknown prompt")
        for server in ("ends", "gone"):
            equal(error_of(client.call(f"{server}__tag", {"tag": "x"})), (200, -32603, "K701"), f"{era}: {server}: the caller is told it is dead")


ABSENT = (("tasks/get", {"taskId": "near__1"}), ("tasks/cancel", {"taskId": "near__1"}))
ABSENT_LEGACY = (("tasks/list", {}), ("tasks/result", {"taskId": "near__1"}))


def text_for(client, method, params):
    return client.text(method, params) if isinstance(client, Modern) else request_text(method, params)


def test_absent(place):
    remote = place.remote(name="far", capabilities=json.loads(PROMPTS))
    gate = place.gate({"near": run_line("--name", "near", "--capabilities", PROMPTS), "far": url_line(remote)})
    # A task is known by an id of the gate's: one that it did not give names none, and no server is asked.
    for client, wanted in ((Legacy(gate), (200, -32602, "K605")), (Modern(gate), (400, -32021, "K605"))):
        era = type(client).__name__.lower()
        for method, params in (*ABSENT, *(ABSENT_LEGACY if era == "legacy" else ())):
            if method == "tasks/list":
                continue
            named = [("Mcp-Name", params["taskId"])] if "taskId" in params else []
            reply = client.post(text_for(client, method, params), more=named)
            equal(error_of(reply), wanted, f"{era}: {method} of a task that nobody has", reply)
    equal(Legacy(gate).request("tasks/list").json()["result"], {"tasks": []}, "a session without tasks has none")
    client = Legacy(gate)
    for task in ({"ttl": 60000}, {}, None):
        reply = client.request("tools/call", {"name": "far__raw", "arguments": {}, "task": task})
        said = json.loads(text_of(reply) or "{}")
        ok(said.get("method") == "tools/call" and "task" not in said["params"], f"the wish for a task ({task}) is left out, and the call made", reply)
    equal(text_of(client.call("far__tag", {"tag": "x"})), "x", "and so is one without")
    methods = {json.loads(entry["raw"]).get("method") for entry in remote.core.seen if entry["kind"] == "message"}
    ok("tools/call" in methods and not methods & {m for m, _ in (*ABSENT, *ABSENT_LEGACY)}, "nothing of it has reached the server", methods)
    modern = Modern(gate, capabilities={"extensions": {META + "tasks": {}, "a/b": {}}})
    said = text_of(modern.call("far__raw", {})) or "{}"
    equal(json.loads(said)["params"]["_meta"][META + "clientCapabilities"], {"extensions": {"a/b": {}}},
          "a modern server does not hear that tasks are taken", said)
    alone = Modern(gate, "far", capabilities={"extensions": {META + "tasks": {}}})
    ok(META + "tasks" in (text_of(alone.call("raw", {})) or ""), "alone it does")
    ok(error_of(Legacy(gate, "far").request("tasks/list"))[1:] != (-32601, "K601"), "and is asked itself for what it may have")


ALL = '{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}}'
LISTED = {"near": ["near://a", "near://b", "near://c", "both://x", "near://d"], "far": ["far://a", "both://x"]}
TEMPLATES = {"near": ["notes://{name}", "both://{x}/y"], "far": ["far://{a}{?q}", "both://{x}/y"]}


def with_resources(place):
    remote = place.remote(name="far", capabilities=json.loads(ALL))
    remote.core.resources, remote.core.templates = LISTED["far"], TEMPLATES["far"]
    bare = '{"tools":{},"resources":{}}'
    gate = place.gate({"near": run_line("--name", "near", "--capabilities", ALL, "--resources", *LISTED["near"], "--templates", *TEMPLATES["near"]),
                       "far": url_line(remote), "gone": {"url": "http://127.0.0.1:1/mcp"},
                       "bare": run_line("--name", "bare", "--capabilities", bare, "--resources", "bare://a")})
    return gate, remote


def test_resources(place):
    gate, remote = with_resources(place)
    for client in (Legacy(gate), Modern(gate)):
        era = type(client).__name__.lower()
        missing = -32002 if era == "legacy" else -32602
        shown = [r["uri"] for r in client.request("resources/list").json()["result"]["resources"]]
        equal(shown, ["near://a", "near://b", "near://c", "near://d", "far://a", "bare://a"], f"{era}: all pages of all servers, in the config's order, without what two have")
        shown = [r["uriTemplate"] for r in client.request("resources/templates/list").json()["result"]["resourceTemplates"]]
        equal(shown, ["notes://{name}", "far://{a}{?q}"], f"{era}: templates likewise; a server that knows nothing of them has none")
        equal(error_of(client.request("resources/list", {"cursor": "2"})), (200, -32602, "K610"), f"{era}: no cursor")
        for uri, owner in (("near://d", "near"), ("far://a", "far"), ("bare://a", "bare"), ("notes://today", "near"), ("far://b?q=1", "far")):
            reply = client.request("resources/read", {"uri": uri}).json()
            equal(reply.get("result", {}).get("contents", [{}])[0].get("text"), owner, f"{era}: {uri} is read from {owner}", reply)
        for uri, code in (("nobody://a", None), ("notes://a/b", None), ("near__near://a", None), ("both://x", "K617"), ("both://z/y", "K617")):
            reply = client.request("resources/read", {"uri": uri})
            equal(error_of(reply)[1:], (missing, code), f"{era}: {uri!r} is nobody's", reply)
            equal(reply.json()["error"]["data"].get("uri"), uri, f"{era}: and the error names it")
        for reference, values in (({"type": "ref/prompt", "name": "far__greet"}, ["far", "greet"]),
                                  ({"type": "ref/resource", "uri": "notes://{name}"}, ["near", "notes://{name}"])):
            reply = client.request("completion/complete", {"ref": reference, "argument": {"name": "a", "value": ""}}).json()
            equal(reply.get("result", {}).get("completion", {}).get("values"), values, f"{era}: {reference} is completed", reply)
        equal(error_of(client.request("completion/complete", {"ref": {"type": "ref/resource", "uri": "both://{x}/y"}, "argument": {}}))[1:], (-32602, "K617"),
              f"{era}: of a template of two nobody")
        equal(error_of(client.request("resources/read", {"uri": f"linked://{era}"}))[1], missing, f"{era}: what no list has is nobody's")
        client.call("far__link", {"uri": f"linked://{era}"})
        reply = client.request("resources/read", {"uri": f"linked://{era}"}).json()
        equal(reply.get("result", {}).get("contents", [{}])[0].get("text"), "far", f"{era}: until a result links to it", reply)
    contested = [json.loads(entry["raw"]) for entry in remote.core.seen if entry["kind"] == "message" and "both://" in entry["raw"]]
    equal(contested, [], "of what two have, neither was asked")
    ok("catalogue.refused" in gate.log_text() and "contested" in gate.log_text(), "the log says what is left out", gate.log_text())
    state = gate.command("status", "-o", "json")
    left = {(s["name"], entry["list"], entry["reason"], entry["count"]) for s in json.loads(state)["servers"] for entry in s["left_out"]}
    equal(left, {(name, kind, "contested", 1) for name in ("near", "far") for kind in ("resources", "templates")}, "and so does `kanmon status`")
    ok("left out" in gate.command("status"), "in words, too")


def test_capabilities(place):
    gate, _ = with_resources(place)
    said = Legacy(gate, connect=False).initialize().json()["result"]["capabilities"]
    changes = {"listChanged": True}
    equal(said, {"tools": changes, "prompts": changes, "resources": {"subscribe": True, **changes}, "completions": {}, "logging": {}},
          "legacy: what some server offers")
    said = Modern(gate).request("server/discover").json()["result"]["capabilities"]
    equal(said.get("resources"), changes, "modern: subscriptions are part of listening", said)
    few = place.gate({"one": run_line("--name", "one", "--capabilities", '{"tools":{}}')})
    equal(Legacy(few, connect=False).initialize().json()["result"]["capabilities"], {"tools": changes}, "and nothing that none does")


def test_names(place):
    remote = place.remote(name="s1")
    named = ["fine", "a b", "", "twice", "twice", "\u65e5", "x" * 61, "y" * 60, "a/b"]
    remote.core.tools = [{"name": n, "inputSchema": {"type": "object"}} for n in named]
    port = free_port()
    gate = place.gate({"s1": url_line(remote)}, f"metrics: 127.0.0.1:{port}\n")
    for client in (Legacy(gate), Modern(gate)):
        era = type(client).__name__.lower()
        equal(names(client), ["s1__fine", "s1__" + "y" * 60], f"{era}: names that fit are shown, the others are not")
        unknown = [error_of(client.call(f"s1__{n}", {})) for n in ("a b", "twice", "x" * 61, "a/b")]
        equal(unknown, [(200, -32602, None)] * 4, f"{era}: and cannot be called")
    equal(names(Legacy(gate, "s1")), ["fine", "a b", "\u65e5", "x" * 61, "y" * 60, "a/b"], "alone they can be told apart, but for those of one name")
    left = {e["reason"]: e["count"] for e in json.loads(gate.command("status", "-o", "json"))["servers"][0]["left_out"]}
    equal(left, {"unnamed": 1, "twice": 2, "characters": 3, "long": 1}, "status says why")
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    ok('kanmon_catalogue_refused{reason="characters"} 3' in text and 'kanmon_catalogue_refused{reason="contested"} 0' in text, "and so do the metrics", text)


def test_up(place):
    """Who cannot be had is shown so: in the metrics, and by status."""
    port = free_port()
    gate = place.gate({"ends": {"run": "false"}, "well": run_line("--name", "well")}, f"metrics: 127.0.0.1:{port}\n")
    ok(names(Legacy(gate)), "# a list without the one that ends at once")
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    ok('kanmon_server_up{server="ends"} 0\n' in text and 'kanmon_server_up{server="well"} 1\n' in text, "a server that ends before it is greeted is not up", text)


def test_deaths(place):
    gate = place.gate({"one": run_line("--name", "one"), "two": run_line("--name", "two")})
    client = Legacy(gate)
    equal(text_of(client.call("one__tag", {"tag": "x"})), "x", "# both live")
    reply = client.call("one__quit", {})
    equal(error_of(reply)[:2], (200, -32603), "a server that dies in a call: an error, no silence", reply)
    ok("unknown whether" in reply.json()["error"]["message"], "that says what is unknown", reply)
    equal(text_of(client.call("two__tag", {"tag": "y"})), "y", "the other goes on")
    equal(text_of(client.call("one__tag", {"tag": "z"})), "z", "and the first is started again for the next call")
    flag = gate.folder + "/never"
    calls = together([lambda: client.call("one__wait", {"file": flag}, id=1), lambda: client.call("one__wait", {"file": flag}, id=2),
                      lambda: (wait_begun(flag), client.call("one__quit", {}, id=3))[1]])
    equal([error_of(c)[:2] for c in calls], [(200, -32603)] * 3, "all calls under way on it are answered")


def wait_begun(flag):
    import os
    from wire import until
    until(lambda: os.path.exists(flag + ".begun"))


def test_many_at_once(place):
    gate = four(place)
    client = Legacy(gate)
    works = [lambda i=i, s=s: text_of(client.call(f"{s}__tag", {"tag": f"{s} {i}", "most": 0.1}, id=1))
             for i in range(16) for s in ("near", "far", "my-one")]
    equal(together(works), [f"{s} {i}" for i in range(16) for s in ("near", "far", "my-one")], "48 calls to three servers at once")


if __name__ == "__main__":
    main(test_lists, test_calls, test_absent, test_resources, test_capabilities, test_names, test_up, test_deaths, test_many_at_once)
