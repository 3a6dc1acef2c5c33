# asking.py - what servers ask of clients: it reaches only the client whose call caused it, and its answer goes back unchanged.
# SPDX-License-Identifier: Apache-2.0
import json

from wire import Host, Legacy, STDIO, Background, equal, error_of, main, ok, request_text, run_line, text_of, together, url_line

CAPABILITIES = {"sampling": {}, "elicitation": {}, "roots": {"listChanged": True}}
QUESTIONS = {
    "sampling/createMessage": {"messages": [], "maxTokens": 5},
    "elicitation/create": {"message": "who?", "requestedSchema": {"type": "object", "properties": {}}},
    "roots/list": {},
}
# The server's ids, as it writes them.
IDS = ('0', '"0"', '""', '-7', '9007199254740993', '"a\\u0041"')


def two_servers(place):
    return place.gate({"near": run_line(), "far": url_line(place.remote(), timeout="10s")})


def asked(events):
    """The first question on a stream."""
    while event := events.message():
        if "method" in event["json"] and "id" in event["json"]:
            return event["json"]
    return None


def test_answer_goes_back(place):
    gate = two_servers(place)
    for server in ("near", "far"):
        client = Legacy(gate, server, capabilities=CAPABILITIES)
        for method, params in QUESTIONS.items():
            for id in IDS if method == "roots/list" else IDS[:1]:
                events = client.stream_call("ask", {"method": method, "id": id, "params": params})
                question = asked(events)
                ok(question and question["method"] == method and question["params"] == params,
                   f"{server}: {method} with the id {id} comes on the call's stream", question)
                value = '{"n":9007199254740993,"f":1.0,"s":"\\u0041"}'
                reply = client.post(f'{{"jsonrpc":"2.0","id":{json.dumps(question["id"])},"result":{value}}}')
                equal((reply.status, reply.body), (202, b""), f"{server}: {method}: the answer is accepted")
                said = text_of(events.rest()[-1]["json"])
                ok(f'"id":{id},' in said and f'"result":{value}' in said,
                   f"{server}: the answer reaches the server with the server's id {id}, byte for byte", said)
                events.close()


def test_error_goes_back(place):
    gate = two_servers(place)
    for server in ("near", "far"):
        client = Legacy(gate, server, capabilities=CAPABILITIES)
        events = client.stream_call("ask", {"method": "roots/list", "id": "5"})
        question = asked(events)
        client.post(f'{{"jsonrpc":"2.0","id":{question["id"]},"error":{{"code":-1,"message":"no"}}}}')
        said = text_of(events.rest()[-1]["json"])
        ok('"id":5,' in said and '"error":{"code":-1,"message":"no"}' in said, f"{server}: so does a refusal", said)


def test_capabilities(place):
    gate = two_servers(place)
    for server in ("near", "far"):
        client = Legacy(gate, server)
        for method, params in QUESTIONS.items():
            said = text_of(client.call("ask", {"method": method, "id": "1", "params": params}))
            ok('"code":-32601' in said, f"{server}: {method} is refused where the client has not declared it", said)
        said = text_of(Legacy(gate, server, capabilities=CAPABILITIES).call("ask", {"method": "ping", "id": "3"}))
        ok('"result":{}' in said, f"{server}: the gate answers a ping itself", said)
        said = text_of(Legacy(gate, server, capabilities=CAPABILITIES).call("ask", {"method": "tools/list", "id": "3"}))
        ok('"code":-32601' in said, f"{server}: a request that servers do not send is refused", said)


def test_only_the_caller(place):
    """Four clients at once, all asked with the server's id 0: each answers with its own mark, and gets it back."""
    gate = two_servers(place)
    for server in ("near", "far"):
        bystander = Legacy(gate, server, capabilities=CAPABILITIES)
        outside = bystander.get()
        bystander.call("tag", {"tag": "x"})
        clients = [Legacy(gate, server, capabilities=CAPABILITIES) for _ in range(4)]

        def one(i, client):
            events = client.stream_call("ask", {"method": "elicitation/create", "id": "0",
                                                "params": {**QUESTIONS["elicitation/create"], "message": f"mark {i}"}})
            question = asked(events)
            client.post(json.dumps({"jsonrpc": "2.0", "id": question["id"],
                                    "result": {"action": "accept", "content": {"mark": f"mark {i}"}}}))
            return question["params"]["message"], json.loads(text_of(events.rest()[-1]["json"]))["result"]["content"]["mark"]

        # Over HTTP the upstream is one process, which would mix answers with one id itself: one after the other there.
        works = [lambda i=i, c=c: one(i, c) for i, c in enumerate(clients)]
        results = together(works) if server == "near" else [work() for work in works]
        equal(results, [(f"mark {i}",) * 2 for i in range(4)], f"{server}: each is asked what its own call asks")
        ok(outside.is_quiet(), f"{server}: a client without a call is asked nothing")
        outside.close()


def test_lone_call(place):
    """A call that is alone is asked on its own stream, also where the session has another."""
    gate = two_servers(place)
    for server in ("near", "far"):
        client = Legacy(gate, server, capabilities=CAPABILITIES)
        outside = client.get()
        events = client.stream_call("ask", {"method": "roots/list", "id": "4"})
        question = asked(events)
        ok(outside.is_quiet(), f"{server}: the session's stream has nothing of it")
        client.post(f'{{"jsonrpc":"2.0","id":{question["id"]},"result":{{"roots":[]}}}}')
        ok('"roots":[]' in text_of(events.rest()[-1]["json"]), f"{server}: the answer goes back")
        outside.close()


def test_json_only(place):
    """Who takes no events can be asked on the session's stream, or not at all; it is no reason to wait for ever."""
    gate = two_servers(place)
    for server in ("near", "far"):
        client = Legacy(gate, server, capabilities=CAPABILITIES)
        headers = [(n, "application/json" if n == "Accept" else v) for n, v in client.headers()]
        text = request_text("tools/call", {"name": "ask", "arguments": {"method": "roots/list", "id": "4"}})
        said = text_of(client.post(text, headers))
        ok('"id":4,' in said and '"code":-32603' in said, f"{server}: without a stream the server is told so", said)
        outside = client.get()
        with client.send(text, headers) as waiting:
            question = asked(outside)
            ok(question, f"{server}: with one the question comes on it")
            client.post(f'{{"jsonrpc":"2.0","id":{question["id"]},"result":{{"roots":[]}}}}')
            said = text_of(waiting.reply())
            ok('"roots":[]' in said, f"{server}: and its answer goes back", said)
        outside.close()


def test_foreign_answer(place):
    gate = two_servers(place)
    client, other = (Legacy(gate, "near", capabilities=CAPABILITIES) for _ in range(2))
    events = client.stream_call("ask", {"method": "roots/list", "id": "1"})
    question = asked(events)
    forged = json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": [{"uri": "file:///forged"}]}})
    equal(other.post(forged).status, 202, "an answer on another session is taken as any that nobody waits for")
    for wrong in (str(question["id"] + 1), json.dumps(str(question["id"])), "1e0"):
        client.post(f'{{"jsonrpc":"2.0","id":{wrong},"result":{{"roots":[]}}}}')
    ok(events.is_quiet(), "neither it nor one with another id answers the question")
    client.post(f'{{"jsonrpc":"2.0","id":{question["id"]},"result":{{"roots":[]}}}}')
    said = text_of(events.rest()[-1]["json"])
    ok("forged" not in said and '"roots":[]' in said, "the right one does", said)
    again = client.post(forged)
    equal(again.status, 202, "a second answer is dropped")
    equal(error_of(client.call("tag", {"tag": "alive"})), (200, None, None), "and the session goes on")


def test_stdio_host(place):
    gate = place.gate({"near": run_line()})
    with Host(gate, STDIO, connect=False) as host:
        host.send('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
                  '"capabilities":{"roots":{}},"clientInfo":{"name":"h","version":"1"}}}')
        host.answer("1")
        host.send('{"jsonrpc":"2.0","method":"notifications/initialized"}')
        host.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask","arguments":{"method":"roots/list","id":"1"}}}')
        question = json.loads(host.line(lambda text: '"roots/list"' in text) or "{}")
        equal(question.get("method"), "roots/list", "stdio: the question comes on the pipe")
        host.send('{"jsonrpc":"2.0","id":%d,"result":{"roots":[]}}' % question["id"])
        said = text_of(host.answer("1"))
        ok(said and '"id":1,' in said and '"roots":[]' in said, "stdio: and its answer goes back", said)


if __name__ == "__main__":
    main(test_answer_goes_back, test_error_goes_back, test_capabilities, test_only_the_caller, test_lone_call, test_json_only,
         test_foreign_answer,
         test_stdio_host)
