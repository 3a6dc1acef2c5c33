# modern.py - the modern era's ladder: what each request must say, and the status of each way to say it wrong.
# SPDX-License-Identifier: Apache-2.0
import base64
import json

from wire import META, MODERN, Legacy, Modern, Raw, ask, equal, error_of, main, ok, request_text, run_line, text_of, until, url_line

MISMATCH = (400, -32020, "K607")


def encoded(text):
    return "=?base64?" + base64.b64encode(text.encode()).decode() + "?="


def change(headers, **values):
    """Headers with some replaced (or, being None, left out)."""
    values = {name.replace("_", "-"): value for name, value in values.items()}
    return [(n, v) for n, v in headers if n not in values] + [(n, v) for n, v in values.items() if v is not None]


def both(place):
    return place.gate({"near": run_line(), "far": url_line(place.remote()), "old": run_line("--eras", "legacy")})


def test_map(place):
    gate = both(place)
    for server in ("near", "far", ""):
        where = server or "/mcp"
        client = Modern(gate, server)
        base = client.text("tools/list")
        headers = client.headers(base)
        for name, text, more, want in (
            ("_meta without a version", request_text("tools/list", {"_meta": {META + "clientCapabilities": {}}}), {},
             (400, -32602, "K602")),
            ("_meta without capabilities", request_text("tools/list", {"_meta": {META + "protocolVersion": MODERN}}), {},
             (400, -32602, "K602")),
            ("capabilities that are no object", base.replace('clientCapabilities":{}', 'clientCapabilities":[]'), {},
             (400, -32602, "K602")),
            ("no _meta at all", request_text("tools/list"), {}, (400, -32602, "K602")),
            ("no params at all", '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {}, (400, -32602, "K602")),
            ("a version nobody knows", base.replace(MODERN, "2099-01-01"), {"MCP_Protocol_Version": "2099-01-01"},
             (400, -32022, "K603")),
            ("a version of before", base.replace(MODERN, "2025-11-25"), {"MCP_Protocol_Version": "2025-11-25"},
             (400, -32022, "K603")),
            ("id null", base.replace('"id":1', '"id":null'), {}, (400, -32600, "K614")),
            ("no JSON", "{", {}, (400, -32700, "K613")),
            ("a batch", f"[{base}]", {}, None),
            ("a response", '{"jsonrpc":"2.0","id":1,"result":{}}', {}, (400, -32600, "K611")),
            ("an error", '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', {}, (400, -32600, "K611")),
            ("Content-Type text/plain", base, {"Content_Type": "text/plain"}, (415, -32000, "K507")),
            ("an unknown method", client.text("no/such"), {"Mcp_Method": "no/such"}, (404, -32601, "K601")),
        ):
            reply = client.post(text, change(headers, **more))
            if want is None:
                ok(reply.status == 400 and error_of(reply)[1] == -32600, f"{where}: {name}: 400", reply)
            else:
                equal(error_of(reply), want, f"{where}: {name}: {want[0]} and {want[1]}", reply)
        reply = client.post(base.replace(MODERN, "2099-01-01"), change(headers, MCP_Protocol_Version="2099-01-01")).json()
        equal((reply["error"]["data"].get("supported"), reply["error"]["data"].get("requested"), reply["id"]),
              ([MODERN], "2099-01-01", 1), f"{where}: the refusal names what there is, and the request's id")
        equal(client.post(base).status, 200, f"{where}: the request itself: 200")
        note = client.post(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled",
                                       "params": {"requestId": 1, "_meta": client.meta()}}))
        equal((note.status, note.body), (202, b""), f"{where}: a notification: 202 and nothing")
        unknown = client.call("far__no-such" if not server else "no-such", {})
        equal((unknown.status, error_of(unknown)[1]), (200, -32602), f"{where}: an unknown tool: 200 and -32602")


def test_headers(place):
    gate = both(place)
    for server in ("near", "far"):
        client = Modern(gate, server)
        text = client.call_text("tag", {"tag": "x"})
        headers = client.headers(text)
        for name, change_to in (
            ("no MCP-Protocol-Version", {"MCP_Protocol_Version": None}), ("another version", {"MCP_Protocol_Version": "2025-11-25"}),
            ("no Mcp-Method", {"Mcp_Method": None}), ("another Mcp-Method", {"Mcp_Method": "tools/list"}),
            ("Mcp-Method in capitals", {"Mcp_Method": "TOOLS/CALL"}), ("an empty Mcp-Method", {"Mcp_Method": ""}),
            ("no Mcp-Name", {"Mcp_Name": None}), ("another Mcp-Name", {"Mcp_Name": "raw"}),
            ("Mcp-Name in capitals", {"Mcp_Name": "TAG"}), ("an empty Mcp-Name", {"Mcp_Name": ""}),
            ("Mcp-Name with a broken encoding", {"Mcp_Name": "=?base64?dGFn!!?="}),
            ("Mcp-Name without padding", {"Mcp_Name": "=?base64?dGE?="}),
            ("Mcp-Name encoded, another", {"Mcp_Name": encoded("raw")}),
            ("Mcp-Name with the marker in capitals", {"Mcp_Name": "=?BASE64?dGFn?="}),
        ):
            reply = client.post(text, change(headers, **change_to))
            equal(error_of(reply), MISMATCH, f"{server}: {name}: 400 and -32020", reply)
            equal(reply.json()["id"], 1, f"{server}: {name}: with the request's id")
        for name, more in (("two Mcp-Name fields", ("Mcp-Name", "tag")), ("two Mcp-Method fields", ("Mcp-Method", "tools/call"))):
            equal(client.post(text, [*headers, more]).status, 400, f"{server}: {name}: refused")
        equal(text_of(client.post(text, change(headers, Mcp_Name=encoded("tag")))), "x", f"{server}: Mcp-Name encoded: taken")
        equal(text_of(client.post(text, change(headers, Mcp_Name=None, **{"mcp-name": "tag"}))), "x", f"{server}: names have no case")
        prompt = client.text("prompts/get", {"name": "greet"})
        equal(error_of(client.post(prompt, change(client.headers(prompt), Mcp_Name="other"))), MISMATCH, f"{server}: prompts/get too")
        read = client.text("resources/read", {"uri": "file:///a"})
        equal(error_of(client.post(read, change(client.headers(read), Mcp_Name="file:///b"))), MISMATCH, f"{server}: resources/read too")


def test_params(place):
    gate = both(place)
    good = {"region": "eu", "count": 42, "dry": True}
    rows = {"Mcp-Param-Region": "eu", "Mcp-Param-Count": "42", "Mcp-Param-Dry": "true"}
    for server in ("near", "far"):
        client = Modern(gate, server)

        def send(arguments, headers):
            return client.call("mirrored", arguments, more=list(headers.items()))

        for name, arguments, headers in (
            ("one missing", good, {k: v for k, v in rows.items() if k != "Mcp-Param-Region"}),
            ("all missing", good, {}), ("one wrong", good, {**rows, "Mcp-Param-Region": "us"}),
            ("other letters", good, {**rows, "Mcp-Param-Region": "EU"}),
            ("a number wrong", good, {**rows, "Mcp-Param-Count": "43"}),
            ("a number as text", good, {**rows, "Mcp-Param-Count": "x42"}),
            ("a truth wrong", good, {**rows, "Mcp-Param-Dry": "false"}), ("a truth in capitals", good, {**rows, "Mcp-Param-Dry": "True"}),
            ("a value the body lacks", {"count": 42, "dry": True}, rows),
            ("a value the body has as null", {**good, "region": None}, rows),
            ("a broken encoding", good, {**rows, "Mcp-Param-Region": "=?base64?ZX!=?="}),
            ("the body's value encoded in the body only", {**good, "region": encoded("eu")}, rows),
        ):
            reply = send(arguments, headers)
            equal(error_of(reply), MISMATCH, f"{server}: Mcp-Param, {name}: 400 and -32020", reply)
        for name, arguments, headers in (
            ("all right", good, rows), ("encoded", good, {**rows, "Mcp-Param-Region": encoded("eu")}),
            ("42.0 for 42", good, {**rows, "Mcp-Param-Count": "42.0"}),
            ("none for none", {}, {}), ("encoded beyond ASCII", {**good, "region": "京都"}, {**rows, "Mcp-Param-Region": encoded("京都")}),
            ("a value that looks encoded", {**good, "region": "=?base64?literal?="},
             {**rows, "Mcp-Param-Region": encoded("=?base64?literal?=")}),
            ("one nobody knows", good, {**rows, "Mcp-Param-Else": "x"}),
        ):
            equal(text_of(send(arguments, headers)), "strict ran", f"{server}: Mcp-Param, {name}: taken")
        reply = send(Raw('{"region":"eu","count":42.0,"dry":true}'), rows)
        equal(text_of(reply), "strict ran", f"{server}: Mcp-Param, 42 for 42.0: taken", reply)
        legacy = Legacy(gate, server)
        equal(text_of(legacy.call("mirrored", good)), "strict ran", f"{server}: the legacy era knows no such headers")


def test_methods(place):
    gate = both(place)
    for server in ("near", "far", ""):
        where = server or "/mcp"
        client = Modern(gate, server)
        for method in ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list",
                       "tasks/result", "roots/list", "sampling/createMessage", "elicitation/create", "notifications/initialized",
                       "tools/call/", "Tools/list", ""):
            reply = client.request(method)
            ok(error_of(reply)[:2] == (404, -32601), f"{where}: {method or 'an empty method'}: 404 and -32601", reply)
        for verb in ("GET", "DELETE"):
            reply = ask(gate, verb, client.path, change(client.headers(""), Accept="text/event-stream", Content_Type=None))
            equal((reply.status, reply.header("allow")), (405, "POST"), f"{where}: {verb} with the modern header: 405, Allow: POST")
    discovered = Modern(gate, "near").request("server/discover").json()["result"]
    equal((discovered["supportedVersions"], discovered["resultType"], discovered["cacheScope"]), ([MODERN], "complete", "private"),
          "server/discover names the version, and is for one token only", discovered)


def test_other_era(place):
    """A client of one era at a server of the other: each hears its own era's words, and none of the other's."""
    gate = place.gate({"old": run_line("--eras", "legacy"), "young": run_line("--eras", "modern"), "far": url_line(place.remote(eras=("legacy",))),
                       "new": url_line(place.remote(eras=("modern",)))})
    for server in ("old", "far"):
        client = Modern(gate, server)
        found = client.request("server/discover").json()["result"]
        equal((found["supportedVersions"], found["resultType"]), ([MODERN], "complete"), f"{server}: a legacy server asked in the modern era: discovered", found)
        reply = client.call("tag", {"tag": "x"})
        equal((text_of(reply), reply.json()["result"]["resultType"]), ("x", "complete"), f"{server}: and called, in the modern era's words", reply)
        equal(error_of(client.request("initialize"))[:2], (404, -32601), f"{server}: whose client still knows no sessions")
    for server in ("young", "new"):
        client = Legacy(gate, server)
        hello = client.hello.json()["result"]
        equal(hello["protocolVersion"], "2025-11-25", f"{server}: a modern server greeted in the legacy era: in the client's revision", hello)
        ok(not {"resultType", "supportedVersions"} & set(hello), f"{server}: and with nothing of the modern era", hello)
        reply = client.call("tag", {"tag": "x"})
        ok(text_of(reply) == "x" and "resultType" not in reply.json()["result"], f"{server}: and called, in the legacy era's words", reply)
        equal(error_of(client.request("server/discover"))[1], -32601, f"{server}: whose client still does not know what it did not greet with")
        mixed = Modern(gate, server).text("tools/list")
        equal(client.post(mixed, [*client.headers(), ("Mcp-Method", "tools/list")]).status, 400, f"{server}: nor may it speak both eras in one session")
    legacy, modern = Legacy(gate), Modern(gate)
    for server in ("old", "young", "far", "new"):
        equal([text_of(client.call(f"{server}__tag", {"tag": "x"})) for client in (legacy, modern)], ["x", "x"], f"/mcp: {server} serves both eras")


def test_plain_refusals(place):
    """Older servers over HTTP know neither the method nor a POST without a session, and say so without JSON-RPC."""
    plain = {"a400": (400, b""), "a404": (404, b"<p>no</p>"), "a405": (405, b""), "a406": (406, b'{"error":"no"}')}
    other = {"a401": (401, b""), "a429": (429, b""), "a500": (500, b"")}
    remotes = {name: place.remote(eras=("legacy",), refuses=says) for name, says in {**plain, **other}.items()}
    gate = place.gate({name: url_line(remote) for name, remote in remotes.items()})
    for name in plain:
        for again in ("", ", asked again"):
            reply = Modern(gate, name).call("tag", {"tag": "x"})
            equal(text_of(reply), "x", f"{name[1:]} to the probe{again}: it is served in the legacy era", reply)
        probes = [r for r in remotes[name].requests() if "server/discover" in r["raw"]]
        equal(len(probes), 1, f"{name[1:]}: it is probed once")
        equal(text_of(Legacy(gate, name).call("tag", {"tag": "x"})), "x", f"{name[1:]}: and serves legacy clients")
    for name in other:
        reply = Modern(gate, name).request("tools/list")
        equal(error_of(reply), (200, -32603, "K701"), f"{name[1:]} to the probe says nothing about the era", reply)
        equal([r for r in remotes[name].requests() if "initialize" in r["raw"]], [], f"{name[1:]}: and so it is not greeted in the other")


def test_unreachable_params(place):
    """An annotation that no chain of `properties` leads to makes the tool one that HTTP clients must leave out."""
    marked = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "A"}}}
    tools = [{"name": "good", "inputSchema": marked},
             {"name": "listed", "inputSchema": {"type": "object", "properties": {"l": {"type": "array", "items": marked}}}},
             {"name": "either", "inputSchema": {"type": "object", "oneOf": [marked, {}]}},
             {"name": "looks", "inputSchema": {"type": "object", "properties": {"d": {"default": {"x-mcp-header": "D"}}}}}]
    gate = place.gate({"far": url_line(place.remote(tools=tools))})
    for client, want in ((Modern(gate, "far"), ["good", "looks"]), (Legacy(gate, "far"), [t["name"] for t in tools])):
        era = type(client).__name__.lower()
        equal([t["name"] for t in client.request("tools/list").json()["result"]["tools"]], want, f"{era}: what is listed")
    for name in ("listed", "either"):
        reply = Modern(gate, "far").call(name, {})
        equal((error_of(reply)[1], "Unknown tool" in reply.body.decode()), (-32602, True), f"modern: {name} is an unknown tool", reply)
    equal(text_of(Modern(gate, "far").call("looks", {})), "peer:looks", "one that only looks like it is served")
    log = gate.log_text()
    ok(log.count("x-mcp-header") == 1 and "listed" in log, "the log says so, once", log[-1000:])


def test_answers(place):
    gate = both(place)
    for server in ("near", "far"):
        client = Modern(gate, server)
        reply = client.call("strict", {"text": "too long"})
        result = reply.json()["result"]
        equal((result.get("isError"), result.get("resultType")), (True, "complete"), f"{server}: a wrong argument is a tool's error")
        listed = client.request("tools/list").json()["result"]
        equal((listed["resultType"], listed["cacheScope"]), ("complete", "private"), f"{server}: lists are for one token only")
        equal(error_of(client.request("tools/list", {"cursor": "x"})), (200, -32602, "K610"), f"{server}: a cursor nobody gave")


def test_caches(place):
    """A server lets its answers be shared; whose they are depends on the token, so the gate does not."""
    offers = {"tools": {}, "prompts": {}, "resources": {}}
    remote = place.remote(capabilities=offers)
    remote.core.resources, remote.core.templates = ["far://a"], ["far://t/{x}"]
    gate = place.gate({"far": url_line(remote), "near": run_line("--capabilities", json.dumps(offers), "--resources", "near://a",
                                                                 "--templates", "near://t/{x}")})
    for server in ("near", "far", ""):
        client = Modern(gate, server)
        for method in ("server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"):
            reply = client.request(method, {"uri": f"{server or 'far'}://a"} if method == "resources/read" else None)
            result = reply.json().get("result", {})
            equal((result.get("resultType"), result.get("cacheScope")), ("complete", "private"),
                  f"{server or '/mcp'}: {method} is for one token only", reply)


def test_list_changed(place):
    """What a client of all servers sees changes with the rules: it hears of that where it listens."""
    gate = place.gate({"a": run_line()})
    client = Modern(gate)
    equal(client.request("server/discover").json()["result"]["capabilities"]["tools"], {"listChanged": True}, "changes are told")
    ok("a__pid" in client.request("tools/list").body.decode(), "# a list")
    asks = [client.stream(client.text("subscriptions/listen", {"notifications": asked}, id)) for id, asked in
            (("tools", {"toolsListChanged": True, "resourcesListChanged": False, "noSuchChanged": True}), (7, {"promptsListChanged": False}))]
    first = [stream.message()["json"]["params"] for stream in asks]
    equal([p["notifications"] for p in first], [{"toolsListChanged": True}, {}],
          "of what is asked for, what is served is acknowledged", first)
    gate._write({"a": run_line(tools={"allow": ["*"], "deny": ["pid"]})})
    equal(asks[0].message()["json"], {"jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                                      "params": {"_meta": {META + "subscriptionId": "tools"}}},
          "new rules: who asked to hear of tools does, under its id")
    ok("a__pid" not in client.request("tools/list").body.decode(), "and the list is another one")
    ok(all(stream.is_quiet() for stream in asks), "once; and nobody hears what he did not ask for")


def test_heeded(place):
    """A modern server speaks of its lists to who has subscribed: the gate does, while a client listens to all servers."""
    remote = place.remote(capabilities={"tools": {"listChanged": True}})
    gate = place.gate({"far": url_line(remote), "near": run_line("--capabilities", '{"tools":{"listChanged":true}}')})
    client = Modern(gate)
    ok("far__grow" in client.request("tools/list").body.decode(), "# a list")
    ok(not remote.core.listening, "nobody listens: nor does the gate")
    stream = client.stream(client.text("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "all"))
    ok("acknowledged" in stream.message()["data"], "# a subscription")
    ok(until(lambda: remote.core.listening), "a client does: so does the gate")
    for server in ("far", "near"):
        client.call(f"{server}__grow", {"name": "new"})
        told = stream.message()["json"]
        equal((told["method"], told["params"]["_meta"][META + "subscriptionId"]), ("notifications/tools/list_changed", "all"),
              f"{server} has a new tool, and says so: the client is told")
        ok(f"{server}__new" in client.request("tools/list").body.decode(), "and its list has it")
    ok(stream.is_quiet(), "once each")
    stream.close()
    ok(until(lambda: not remote.core.listening), "the client has left: the gate no longer listens")


def test_heard_alone(place):
    """Who listens to one server alone, and has no list from the gate, hears that server, word for word."""
    changing = {"tools": {"listChanged": True}, "prompts": {"listChanged": True}}
    gate = place.gate({"far": url_line(place.remote(capabilities=changing)), "near": run_line("--capabilities", json.dumps(changing))})
    for server in ("far", "near"):
        client = Modern(gate, server)
        stream = client.stream(client.text("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "one"))
        ok("acknowledged" in stream.message()["data"], f"# {server}: a subscription")
        client.call("grow", {"name": "new"})
        equal(stream.message()["json"], {"jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                                         "params": {"_meta": {META + "subscriptionId": "one"}}}, f"{server} says that it changed: its listener hears it")
        stream.close()


if __name__ == "__main__":
    main(test_list_changed, test_heeded, test_heard_alone, test_map, test_headers, test_params, test_methods, test_other_era, test_plain_refusals, test_unreachable_params,
         test_answers, test_caches)
