# ids.py - whose answer is whose: ids and progress tokens of every shape, many at once, both eras, both transports.
# SPDX-License-Identifier: Apache-2.0
import json
import re

from wire import (Gate, Host, Legacy, Modern, Raw, STDIO, equal, error_of, main, ok, run_line, text_of, together, url_line)

STORM = 64
# As they are written on the wire.
IDS = ('0', '""', '"1"', '1', str(2 ** 60), '-5', '"' + "i" * 300 + '"', '9007199254740992', '9007199254740993',
       '"\\u0041"', '"\u3042"')
NUMBERS = ("1", "1.0", "1e2", "1E+2", "-0", "0.10", "9007199254740992", "9007199254740993", "123456789012345678901234567890",
           '"\\u0041"', '"\\/"', '"\\ud83d\\ude00"')


def both(place, name="ids"):
    remote = place.remote(name="far")
    gate = place.gate({"near": run_line("--name", "near"), "far": url_line(remote)})
    return gate, [(f"{kind.__name__.lower()} {server}", kind(gate, server)) for kind in (Legacy, Modern)
                  for server in ("near", "far")]


def id_bytes(body):
    text = body.decode()
    found = re.findall(r'"id":("(?:[^"\\]|\\.)*"|-?[0-9.eE+]+)', text)
    return found[-1] if found else None


def test_storm(place):
    _, clients = both(place)
    for name, client in clients:
        client.call("tag", {"tag": "warm", "most": 0})
        answers = together([lambda i=i: text_of(client.call("tag", {"tag": f"mine {i}"}, id=1)) for i in range(STORM)])
        wrong = [(i, a) for i, a in enumerate(answers) if a != f"mine {i}"]
        ok(not wrong, f"{name}: {STORM} calls with id 1 at once, each gets its own answer", wrong[:5])


def test_ids(place):
    _, clients = both(place)
    for name, client in clients:
        for id in IDS:
            if name.startswith("modern"):
                reply = client.post(client.call_text("tag", {"tag": "t", "most": 0}, id=Raw(id)))
            else:
                reply = client.call("tag", {"tag": "t", "most": 0}, id=Raw(id))
            equal(id_bytes(reply.body), id, f"{name}: the id {id[:24]} comes back as it was written", reply)


def test_bad_ids(place):
    gate, _ = both(place)
    client = Legacy(gate, "near")
    for id in ("null", "1.5", "1e3", "true", "[1]", "{}", '"' + "x" * 600 + '"'):
        reply = client.call("tag", {"tag": "t"}, id=Raw(id))
        ok(error_of(reply)[:2] == (400, -32600), f"an id that is {id[:12]} is refused", reply)


def test_tokens_of_arguments(place):
    gate, clients = both(place)
    for name, client in clients:
        for number in NUMBERS:
            reply = client.call("raw", Raw(f'{{"v":{number}}}'))
            said = text_of(reply) or ""
            ok(f'"arguments":{{"v":{number}}}' in said, f"{name}: {number} reaches the server as it is", said)
            reply = client.call("back", Raw(f'{{"v":{number}}}'))
            ok(f'"structuredContent":{{"v":{number}}}' in reply.body.decode(), f"{name}: {number} comes back as it is", reply)
    equal(len({text_of(clients[0][1].call("raw", Raw(f'{{"v":{n}}}'))).split('"v":')[1] for n in (9007199254740992, 9007199254740993)}),
          2, "two numbers a double cannot tell apart stay two")


def test_progress_tokens(place):
    gate, clients = both(place)
    for name, client in clients:
        for token in ('9007199254740993', '"p\\u0041"', '0', '""'):
            meta = client.meta() if name.startswith("modern") else {}
            meta = Raw(json.dumps({**meta, "progressToken": 0}).replace('"progressToken": 0', f'"progressToken":{token}'))
            events = client.stream_call("progress", {"n": 2, "tag": "t"}, meta=meta).rest()
            notes = [e["data"] for e in events if e["json"].get("method") == "notifications/progress"]
            ok(len(notes) == 2 and all(f'"progressToken":{token},' in n for n in notes),
               f"{name}: the progress token {token} comes back as it was written", notes)


def test_progress_of_several(place):
    gate, _ = both(place)
    clients = [Legacy(gate, server) for server in ("near", "far") for _ in range(4)]
    clients += [Modern(gate, server) for server in ("near", "far") for _ in range(4)]

    def one(i, client):
        meta = {"progressToken": 1} if isinstance(client, Legacy) else client.meta(progressToken=1)
        events = client.stream_call("progress", {"n": 5, "tag": f"of {i}"}, meta=meta).rest()
        return [e["json"].get("params", {}).get("message") for e in events[:-1]], text_of(events[-1]["json"])

    results = together([lambda i=i, c=c: one(i, c) for i, c in enumerate(clients)])
    wrong = [(i, r) for i, r in enumerate(results) if r != ([f"of {i}"] * 5, f"of {i}")]
    ok(not wrong, f"{len(clients)} clients with the token 1: progress goes to the call it is of", wrong[:3])


def test_late_progress(place):
    gate, _ = both(place)
    for server in ("near", "far"):
        client = Legacy(gate, server)
        outside = client.get()
        events = client.stream_call("progress", {"n": 1, "tag": "t", "late": True}, meta={"progressToken": "late"}).rest()
        ok(len(events) == 2 and "result" in events[-1]["json"], f"{server}: the result is the last event", events)
        found = client.stream_call("notify", {"n": 1, "method": "notifications/message", "params": {"level": "info", "data": 1}}).rest()
        found += [outside.message()] if server == "near" else []
        methods = [e["json"].get("method", "answer") for e in found]
        ok(sorted(methods) == ["answer", "notifications/message"] and outside.is_quiet(),
           f"{server}: progress after the result is delivered nowhere", found)
        outside.close()


def test_stdio_host(place):
    gate = place.gate({"near": run_line()})
    with Host(gate, STDIO) as host:
        for id in IDS:
            host.send('{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"tag","arguments":{"tag":"x","most":0}}}' % id)
            ok(host.answer(id) is not None, f"stdio: the id {id[:24]} comes back as it was written", host.lines)
        flag = gate.folder + "/twice"
        twice = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"wait","arguments":{"file":"%s"}}}' % flag
        host.send(twice)
        host.send(twice)
        refused = host.answer("7")
        equal(error_of(refused), (None, -32600, "K615"), "stdio: an id that is under way is refused")
        open(flag, "w").close()
        equal(text_of(host.answer("7")), "waited", "stdio: and the first one gets its answer")


if __name__ == "__main__":
    main(test_storm, test_ids, test_bad_ids, test_tokens_of_arguments, test_progress_tokens, test_progress_of_several,
         test_late_progress, test_stdio_host)
