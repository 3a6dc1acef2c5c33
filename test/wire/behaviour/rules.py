# rules.py - which tools there are for a client, and which arguments they take: lists and calls agree.
# SPDX-License-Identifier: Apache-2.0
import json
import time

from wire import Legacy, Modern, Raw, equal, error_of, main, ok, run_line, text_of, until, url_line

REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


def names(client):
    listed = client.request("tools/list").json()
    return {t["name"] for t in listed["result"]["tools"]} if "result" in listed else listed


def write_tools(folder, tools):
    path = f"{folder}/tools.json"
    with open(path, "w") as text:
        json.dump(tools, text)
    return path


def test_globs(place):
    rules = {"allow": ["*"], "deny": ["write_*", "*secret*", "exact"]}
    tools = [{"name": n, "inputSchema": {"type": "object"}} for n in
             ("read_file", "write_file", "write_", "read_secret_file", "exact", "exactly", "Exact", "WRITE_file", "écrire")]
    path = write_tools("/tmp", tools)
    gate = place.gate({"all": run_line("--tools", path), "some": run_line("--tools", path, tools=rules),
                       "only": run_line("--tools", path, tools={"allow": ["read_*", "e?act", "?crire"]}),
                       "none": run_line("--tools", path, tools={}), "far": url_line(place.remote(tools=tools), tools=rules)})
    everything = {t["name"] for t in tools}
    left = {"read_file", "exactly", "Exact", "WRITE_file", "écrire"}
    for server, shown in (("all", everything), ("some", left), ("far", left), ("none", set())):
        for kind in (Legacy, Modern):
            client = kind(gate, server)
            where = f"{kind.__name__.lower()} {server}"
            equal(names(client), shown, f"{where}: the list shows what the rules allow")
            headers = {n: [("Mcp-Name", "=?base64?w6ljcmlyZQ==?=")] if n == "écrire" else () for n in everything}
            called = {n for n in everything if kind is Legacy or not headers[n]
                      if text_of(client.call(n, {})) is not None}
            equal(called, shown if kind is Legacy else shown - {"écrire"}, f"{where}: and exactly that can be called")
    only = Legacy(gate, "only")
    ok("read_file" in names(only) and "write_file" not in names(only), "a list of what is allowed hides the rest", names(only))


def test_alike(place):
    """Nobody learns which tools are hidden."""
    gate = place.gate({"near": run_line(tools={"allow": ["*"], "deny": ["raw"]}),
                       "far": url_line(place.remote(), tools={"allow": ["*"], "deny": ["raw"]})})
    for server in ("near", "far", ""):
        for kind in (Legacy, Modern):
            client = kind(gate, server)
            prefix = "" if server else "near__"
            hidden, absent = (client.call(prefix + name, {"a": 1}) for name in ("raw", "wqx"))
            where = f"{kind.__name__.lower()} {server or '/mcp'}"
            equal(hidden.body.replace(b"raw", b"wqx"), absent.body, f"{where}: hidden and absent are answered alike")
            same = [(n, v) for n, v in hidden.headers if n != "date"] == [(n, v) for n, v in absent.headers if n != "date"]
            ok(same and hidden.status == absent.status, f"{where}: down to the headers", hidden, absent)
            equal(error_of(hidden), (200, -32602, None), f"{where}: as an unknown tool", hidden)


def test_no_tools(place):
    gate = place.gate({"near": run_line("--capabilities", '{"prompts":{}}')})
    client = Legacy(gate, "near")
    equal(error_of(client.request("tools/list"))[1], -32601, "a server without `tools` has no list of them")
    reply = client.call("tag", {"tag": "x"})
    equal(error_of(reply), (200, -32602, None), "and nothing to call", reply)
    equal(names(Legacy(gate, "")), set(), "the catalogue shows none of its")


def test_schema(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    cases = (("too long", '{"text":"sixsix"}'), ("missing", "{}"), ("unknown property", '{"text":"a","x":1}'),
             ("wrong type", '{"text":1}'), ("no integer", '{"text":"a","n":1.5}'), ("null", '{"text":null}'))
    fine = ('{"text":"a"}', '{"text":"a","n":1.0}', '{"text":"\\u00e9\\ud83d\\ude00abc"}', '{"n":9007199254740993,"text":""}')
    for server in ("near", "far"):
        for revision in REVISIONS:
            client = Legacy(gate, server, revision=revision)
            for name, arguments in cases:
                reply = client.call("strict", Raw(arguments))
                if revision >= "2025-11-25":
                    result = reply.json().get("result", {})
                    ok(result.get("isError") is True and "strict" in result["content"][0]["text"],
                       f"{server} {revision}: arguments, {name}: a tool's error", reply)
                else:
                    equal(error_of(reply), (200, -32602, "K606"), f"{server} {revision}: arguments, {name}: -32602", reply)
            for arguments in fine:
                equal(text_of(client.call("strict", Raw(arguments))), "strict ran", f"{server} {revision}: {arguments} passes")
        modern = Modern(gate, server)
        for name, arguments in cases:
            result = modern.call("strict", Raw(arguments)).json().get("result", {})
            equal((result.get("isError"), result.get("resultType")), (True, "complete"), f"{server} modern: arguments, {name}: a tool's error")
        client = Legacy(gate, server)
        for arguments in ("[]", "1", '"x"', "null"):
            equal(error_of(client.call("strict", Raw(arguments))), (200, -32602, "K605"), f"{server}: arguments that are {arguments}")
        bare = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s"}}'
        ok(client.post(bare % "strict").json()["result"].get("isError"), f"{server}: no arguments are an empty object")
        equal(text_of(client.post(bare % "pid")) is not None, True, f"{server}: which passes where nothing is required")
        for params in ("{}", '{"name":1}', '{"name":null}', '{"Name":"pid"}'):
            reply = client.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%s}' % params)
            equal(error_of(reply), (200, -32602, "K605"), f"{server}: params {params}: the tool is not named")
    remote = place.remotes[0]
    ran = [r for r in remote.requests() if '"strict"' in r["raw"] and "sixsix" in r["raw"]]
    equal(ran, [], "what the schema refuses never reaches the server")


def test_bad_schema(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    for server in ("near", "far"):
        for kind in (Legacy, Modern):
            client = kind(gate, server)
            reply = client.call("broken", {"a": 1})
            equal(error_of(reply), (200, -32603, "K608"), f"{kind.__name__.lower()} {server}: a tool whose schema is none is refused")
            equal(text_of(client.call("tag", {"tag": "x"})), "x", f"{kind.__name__.lower()} {server}: the others are not")


def test_odd_tools(place):
    """Names that stand twice, are missing or empty; schemas that are no objects, or point outside."""
    path = write_tools("/tmp", [
        {"name": "good", "inputSchema": {"type": "object"}}, {"name": "twice", "inputSchema": {"type": "object"}},
        {"name": "twice", "inputSchema": {"type": "string"}}, {"inputSchema": {}},
        {"name": "", "inputSchema": {}}, {"name": 5, "inputSchema": {}}, {"name": "none"}, {"name": "true", "inputSchema": True},
        {"name": "outside", "inputSchema": {"$ref": "http://127.0.0.1:1/schema.json"}}, "text", None, ["good"],
        {"name": "loop", "inputSchema": {"$ref": "#"}}])
    gate = place.gate({"near": run_line("--tools", path)})
    client = Legacy(gate, "near")
    ok("good" in names(client), "an odd list is served all the same", names(client))
    equal(text_of(client.call("good", {})), "peer:good", "and its good tool called")
    reply = client.call("twice", {})
    ok("twice" not in names(client) and error_of(reply)[1] == -32602, "a name of two tools is nobody's: neither listed nor called", names(client), reply)
    for name in ("none", "outside"):
        equal(error_of(client.call(name, {})), (200, -32603, "K608"), f"the tool {name} is refused")
    reply = client.call("loop", {})
    ok(error_of(reply)[1] in (-32603, -32602) or reply.json()["result"].get("isError"), "a schema that runs in a circle is refused", reply)
    equal(text_of(client.call("good", {"a": 1})), "peer:good", "and the gate goes on")


def test_silent_change(place):
    gate = place.gate({"near": run_line(), "far": url_line(place.remote())})
    for server in ("near", "far"):
        client = Legacy(gate, server)
        equal(error_of(client.call("fresh", {}))[1], -32602, f"{server}: a tool that is not there yet")
        client.call("grow", {"name": "fresh"})
        ok(until(lambda: text_of(client.call("fresh", {})) == "peer:fresh" or time.sleep(0.2), 10),
           f"{server}: a tool added without a word is found")
        ok("fresh" in names(client), f"{server}: and listed")
    client = Legacy(gate)
    for server in ("near", "far"):
        ok(f"{server}__later" not in names(client), f"# {server}: all together: not there yet")
        client.call(f"{server}__grow", {"name": "later"})
        ok(f"{server}__later" in names(client), f"{server}: all together: what was added without a word is in the next list")


if __name__ == "__main__":
    main(test_globs, test_alike, test_no_tools, test_schema, test_bad_schema, test_odd_tools, test_silent_change)
