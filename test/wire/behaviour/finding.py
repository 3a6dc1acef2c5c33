# finding.py - catalogue.search: two tools to find and call the others with; what they open, and what they save.
# SPDX-License-Identifier: Apache-2.0
import json

from wire import Legacy, Modern, equal, error_of, main, ok, run_line, text_of, until, url_line

ON = "catalogue: { search: always }\n"
WHATS = ("file", "issue", "calendar event", "invoice", "database row", "mail", "image", "ticket", "deployment", "user")
VERBS = ("create", "read", "update", "delete", "list", "search", "export", "archive", "share", "copy")


def names(client):
    return [t["name"] for t in client.request("tools/list").json()["result"]["tools"]]


def found(client, query, **more):
    return [t["name"] for t in json.loads(text_of(client.call("find_tool", {"query": query, **more})))["tools"]]


def many(n):
    """Tools as servers have them: a sentence or two, and a few arguments with a description each."""
    tools = []
    for i in range(n):
        what, verb = WHATS[i % 10], VERBS[i // 10 % 10]
        properties = {name: {"type": "string", "description": f"The {name} of the {what} to {verb}."} for name in ("id", "name", "filter")}
        tools.append({"name": f"{verb}_{what.replace(' ', '_')}_{i // 100}",
                      "description": f"{verb.capitalize()}s a {what} in workspace {i // 100}. Gives what the {what} holds afterwards.",
                      "inputSchema": {"type": "object", "properties": properties, "required": ["id"]}})
    return tools


def test_found(place):
    remote = place.remote(name="far")
    remote.core.tools += [{"name": "yomu", "description": "ファイルを読み込んで返します。", "inputSchema": {"type": "object"}},
                          {"name": "tenki", "description": "東京の天気予報を返します。", "inputSchema": {"type": "object"}}]
    gate = place.gate({"near": run_line(tools={"allow": ["*"], "deny": ["quit", "raw"]}), "far": url_line(remote)}, ON)
    for client in (Legacy(gate), Modern(gate)):
        era = type(client).__name__.lower()
        equal(names(client), ["find_tool", "call_tool"], f"{era}: the list is the two")
        ok("near__progress" in found(client, "progress") and "far__progress" in found(client, "progress"), f"{era}: tools of all servers are found")
        equal(found(client, "天気予報", limit=1), ["far__tenki"], f"{era}: in Japanese")
        equal(found(client, "ファイル", limit=1), ["far__yomu"], f"{era}: also in katakana")
        equal(found(client, "nothing-of-the-kind"), [], f"{era}: what fits nothing finds nothing")
        equal(found(client, "quit", limit=20), ["far__quit"], f"{era}: what is denied is not found")
        denied, unknown = (client.call("call_tool", {"name": f"near__{n}", "arguments": {}}) for n in ("quit", "nope"))
        equal(denied.json()["error"]["message"].replace("quit", "nope"), unknown.json()["error"]["message"], f"{era}: nor called, in the words of what does not exist")
        equal(denied.json(), client.call("near__quit", {}).json(), f"{era}: as by its name")
        equal(text_of(client.call("call_tool", {"name": "far__tag", "arguments": {"tag": "x"}})), "x", f"{era}: what is found can be called")
        equal(text_of(client.call("near__tag", {"tag": "y"})), "y", f"{era}: and by its name, too")
        reply = client.call("call_tool", {"name": "near__strict", "arguments": {"text": "too long"}})
        equal(reply.json(), client.call("near__strict", {"text": "too long"}).json(), f"{era}: arguments are held against its own schema")
    alone = Legacy(gate, "near")
    ok("tag" in names(alone) and error_of(alone.call("find_tool", {"query": "tag"}))[1] == -32602, "one server alone is as it was")


def decisions(gate):
    """What the log says of calls, without times, numbers and what they are chained with."""
    kept = ("kind", "decision", "outcome", "server", "method", "name", "rule", "arguments", "definition", "code")
    lines = [json.loads(line) for line in gate.audit_text().splitlines() if line.startswith("{")]
    return [{k: line[k] for k in kept if k in line} for line in lines if line.get("method") == "tools/call"]


def test_recorded(place):
    gate = place.gate({"near": run_line()}, ON)
    client = Legacy(gate)
    client.call("near__tag", {"tag": "x"})
    client.call("call_tool", {"name": "near__tag", "arguments": {"tag": "x"}})
    client.call("near__nope", {})
    client.call("call_tool", {"name": "near__nope", "arguments": {}})
    client.call("find_tool", {"query": "tag"})
    calls = until(lambda: [c for c in [decisions(gate)] if len(c) >= 8])
    ok(calls, "# the calls are on record", decisions(gate))
    lines = calls[0]
    equal(lines[2:4], lines[0:2], "a call by call_tool is recorded as the call it is", lines)
    equal(lines[5], lines[4], "a refusal likewise", lines)
    equal([line.get("name") for line in lines[6:]], ["find_tool"] * 2, "a search is recorded, too", lines)


def test_saving(place):
    remote = place.remote(name="far")
    remote.core.tools = many(1000)
    size = {}
    for word in ("never", "always", "999", "1000"):
        gate = place.gate({"far": url_line(remote)}, f"catalogue: {{ search: {word} }}\n")
        client = Legacy(gate)
        reply = client.request("tools/list")
        size[word] = len(reply.body)
        shown = len(reply.json()["result"]["tools"])
        equal(shown, 1000 if word in ("never", "1000") else 2, f"search: {word} shows {shown} of 1000 tools")
    best = client.call("find_tool", {"query": "archive an invoice", "limit": 5})
    equal(json.loads(text_of(best))["tools"][0]["name"].rsplit("_", 1)[0], "far__archive_invoice", "among a thousand the right one is found")
    print(f"# tools/list of 1000 tools: {size['never']} bytes, with search {size['always']}, one search {len(best.body)}; "
          f"at four bytes a token, an estimate: {size['never'] // 4}, {size['always'] // 4} and {len(best.body) // 4} tokens", flush=True)
    ok(size["always"] * 100 < size["never"], "the list is less than a hundredth of what it was", size)


if __name__ == "__main__":
    main(test_found, test_recorded, test_saving)
