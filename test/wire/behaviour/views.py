# views.py - views of the config: an endpoint, or a token, that has less; never more.
# SPDX-License-Identifier: Apache-2.0
import json
import subprocess

from wire import Legacy, Modern, equal, error_of, gates, main, ok, run_line, text_of, until, url_line

ALL = '{"tools":{"listChanged":true},"prompts":{},"resources":{}}'
VIEWS = """views:
  few: { servers: [near], tools: { allow: ["near__t*", "near__raw"], deny: ["near__tag"] } }
  far: { servers: [far] }
  none: { servers: [near], tools: { allow: [] } }
"""


def names(client, method="tools/list", items="tools", key="name"):
    return sorted(t[key] for t in client.request(method).json()["result"][items])


def two(place, more=VIEWS):
    remote = place.remote(name="far", capabilities=json.loads(ALL))
    remote.core.resources = ["far://a"]
    return place.gate({"near": run_line("--name", "near", "--capabilities", ALL, "--resources", "near://a", tools={"allow": ["*"], "deny": ["raw"]}),
                       "far": url_line(remote)}, more)


def fails(gate, *words):
    done = subprocess.run([gates.kanmon_path(), *words, "-c", gate.config], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def test_refused(place):
    gate = two(place)
    code, said = fails(gate, "token", "create", "x", "--view", "nobody")
    ok(code == 2 and "no view of the config is called nobody" in said, "a token for a view that is not there is not made", said)
    code, said = fails(gate, "token", "create", "x", "--view", "few view:far")
    ok(code == 2 and "view" in said, "nor for two", said)
    with open(gate.folder + "/bad.yaml", "w") as out:
        out.write("version: 1\nservers: { a: { run: 'true' } }\nviews: { v: { servers: [a, b] } }\n")
    done = subprocess.run([gates.kanmon_path(), "doctor", "-c", gate.folder + "/bad.yaml"], capture_output=True, text=True, timeout=30)
    ok(done.returncode and "names a server that the config does not have" in done.stdout + done.stderr, "nor a view of a server that is not there", done)
    scoped = gate.new_token("scoped", "--scope", "mcp:near")
    bound = gate.new_token("bound", "--view", "few")
    for kind in (Legacy, Modern):
        era = kind.__name__.lower()

        def first(server, token=None):
            client = kind(gate, server, token, **({"connect": False} if kind is Legacy else {}))
            return error_of(client.initialize() if kind is Legacy else client.request("tools/list"))

        equal(first("view/nobody"), (404, -32600, "K503"), f"{era}: a view that is not there")
        equal(first("view/far", scoped), (404, -32600, "K503"), f"{era}: one whose servers the token does not cover")
        equal(first("view/far", bound), (404, -32600, "K503"), f"{era}: another than the token's")
        equal(first("far", bound)[0] in (403, 404), True, f"{era}: a server that is not in the token's view")
        for view, token in (("view/few", None), ("", bound), ("view/few", bound)):
            client = kind(gate, view, token)
            for name in ("near__tag", "near__raw", "near__notify", "far__tag"):
                reply, nobody = client.call(name, {"tag": "x"}), client.call(name + "_", {"tag": "x"})
                equal(reply.json()["error"]["message"] + "_", nobody.json()["error"]["message"], f"{era}: {view or 'its token'}: {name} is as unknown as what does not exist")
            for uri in ("far://a",):
                ok("error" in client.request("resources/read", {"uri": uri}).json(), f"{era}: {view or 'its token'}: nor is {uri} read")
        equal(error_of(kind(gate, "near", bound).call("tag", {"tag": "x"}))[1], -32602, f"{era}: a bound token has no more at the server alone")
    methods = [json.loads(e["raw"]).get("method") for e in place.remotes[0].core.seen if e["kind"] == "message"]
    ok("tools/call" not in methods and "resources/read" not in methods, "no call has reached the other server", methods)


def test_shown(place):
    gate = two(place)
    bound = gate.new_token("bound", "--view", "few")
    listed = gate.command("token", "list")
    ok("view:few" in listed, "the list of tokens shows whose view it is", listed)
    for kind in (Legacy, Modern):
        era = kind.__name__.lower()
        for view, token in (("view/few", None), ("", bound), ("view/few", bound)):
            client = kind(gate, view, token)
            equal([n for n in names(client) if not n.startswith("near__t")], [], f"{era}: {view or 'its token'}: its tools, and no others")
            equal(names(client, "prompts/list", "prompts"), ["near__greet"], f"{era}: {view or 'its token'}: prompts of its servers")
            equal(names(client, "resources/list", "resources", "uri"), ["near://a"], f"{era}: {view or 'its token'}: resources likewise")
        client = kind(gate, "view/far")
        equal(text_of(client.call("far__tag", {"tag": "x"})), "x", f"{era}: without tools.allow all are there")
        equal(names(kind(gate, "view/none")), [], f"{era}: an empty one allows none")
        ok(len(names(kind(gate))) > 20, f"{era}: /mcp has all")
    rules = [json.loads(line) for line in gate.audit_text().splitlines() if '"kind":"config"' in line and '"reached":"view"' in line]
    kept = {line["server"]: ([glob for glob, _ in line.get("allow", [])], [glob for glob, _ in line.get("deny", [])]) for line in rules}
    equal(kept, {"view/few": (["near__t*", "near__raw"], ["near__tag"]), "view/far": (["*"], []), "view/none": ([], [])}, "the rules of views are on record, too", rules)


def test_sessions(place):
    gate = two(place)
    client = Legacy(gate, "view/far")
    whole = Legacy(gate)
    for a, path in ((client, "/mcp"), (whole, "/mcp/view/far")):
        a.path = path
        equal(error_of(a.request("tools/list"))[0], 404, f"a session of one endpoint is none at {path}")


def test_taken_away(place):
    gate = two(place)
    bound = gate.new_token("bound", "--view", "few")
    client, far = Legacy(gate, "", bound), Legacy(gate, "view/far")
    equal([n for n in names(client) if not n.startswith("near__t")], [], "# its view")
    equal(text_of(far.call("far__tag", {"tag": "x"})), "x", "# another one")
    with open(gate.config) as text:
        config = text.read()
    with open(gate.config, "w") as out:
        out.write(config.replace("far: { servers: [far] }", "far: { servers: [near] }"))
    ok(until(lambda: "near__tag" in names(far)), "a view of another server is another list")
    equal(error_of(far.call("far__tag", {"tag": "x"}))[1], -32602, "and its session has lost the first")
    with open(gate.config, "w") as out:
        out.write(config.replace(VIEWS, ""))
    said = until(lambda: [e for e in [error_of(client.request("tools/list"))] if e[0] == 403])
    equal(said, [(403, -32600, "K503")], "a view that is taken away takes its tokens' access, and says so")


if __name__ == "__main__":
    main(test_refused, test_shown, test_sessions, test_taken_away)
