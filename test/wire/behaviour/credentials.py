# credentials.py - nothing of the client's reaches a server but its message: every header a server was sent is looked at.
# SPDX-License-Identifier: Apache-2.0
from wire import Legacy, Modern, equal, main, ok, text_of, url_line

# What a client, or a proxy before the gate, may send; the values are looked for everywhere.
FOREIGN = [("Cookie", "secret-cookie=1"), ("Origin", "http://localhost:3000"), ("Last-Event-ID", "77-secret"),
           ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Host", "secret.example"), ("X-Forwarded-Proto", "https"),
           ("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9"), ("Proxy-Authorization", "Basic c2VjcmV0"),
           ("X-Api-Key", "secret-key"), ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
           ("User-Agent", "secret-agent/1"), ("Referer", "http://localhost/secret"), ("Mcp-Param-Other", "secret-param"),
           ("Accept-Language", "secret-language"), ("Te", "trailers")]
ALLOWED = {"host", "user-agent", "content-type", "accept", "content-length", "mcp-protocol-version", "mcp-session-id",
           "mcp-method", "mcp-name", "last-event-id"}


def test_headers(place):
    for events in (False, True):
        remote = place.remote(events=events)
        gate = place.gate({"far": url_line(remote)})
        legacy, modern = Legacy(gate, "far"), Modern(gate, "far")
        equal(text_of(legacy.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tag","arguments":{"tag":"x"}}}',
                                  more=FOREIGN)), "x", "# a legacy call with everything")
        equal(text_of(modern.call("tag", {"tag": "y"}, more=FOREIGN)), "y", "# a modern call with everything")
        legacy.get().close()
        legacy.delete()
        requests = remote.requests()
        ok(len(requests) >= 6, "the server was sent requests of every kind", requests)
        names = {name for r in requests for name, _ in r["headers"]}
        equal(names - ALLOWED, set(), "none holds a header the protocol does not ask for")
        values = [value for r in requests for _, value in r["headers"]]
        own = [gate.token, gate.token[8:], legacy.session, "secret", "203.0.113", "0af7651916cd", "localhost:3000"]
        found = [(s, v) for s in own for v in values if s in v]
        equal(found, [], "and none a value of the client's")
        bodies = "".join(r["raw"] for r in requests)
        equal([s for s in own if s in bodies], [], "nor does a body")
        sessions = {v for r in requests for n, v in r["headers"] if n == "mcp-session-id"}
        equal(sessions, {"upstream-session"}, "the session id is the server's own")
        hosts = {v for r in requests for n, v in r["headers"] if n == "host"}
        equal(hosts, {remote.url.split("/")[2]}, "the host is the server's own")


def test_mirrored(place):
    """Mcp-Param headers towards a server come from the arguments, not from the client's headers."""
    remote = place.remote()
    gate = place.gate({"far": url_line(remote)})
    client = Modern(gate, "far")
    reply = client.call("mirrored", {"region": "eu"}, more=[("Mcp-Param-Region", "eu"), ("Mcp-Param-Unknown", "smuggled")])
    equal(text_of(reply), "strict ran", "a call with a mirrored argument", reply)
    sent = [r for r in remote.requests() if '"mirrored"' in r["raw"]][-1]["headers"]
    equal([v for n, v in sent if n.startswith("mcp-param-")], ["eu"], "the server is sent the mirrored argument, and no more")
    equal([v for n, v in sent if n in ("mcp-method", "mcp-name")], ["tools/call", "mirrored"], "with method and name")


if __name__ == "__main__":
    main(test_headers, test_mirrored)
