# cold.py - the lists of a program that does not run: shown as they were while it is started, and told of when they are other ones.
# SPDX-License-Identifier: Apache-2.0
import atexit
import json
import os
import shlex
import shutil
import signal
import tempfile

from wire import Background, Legacy, Modern, STDIO, equal, main, ok, text_of, until

ALL = json.dumps({"tools": {"listChanged": True}, "prompts": {"listChanged": True}, "resources": {"listChanged": True}})
NONE_SAID = json.dumps({"tools": {}})
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


class Slow:
    """A program that comes up when the test says so, with the tools that stand in a file."""

    def __init__(self, place, capabilities=ALL, idle="1s", eras="legacy", **config):
        self.folder = tempfile.mkdtemp(prefix="kanmon-cold-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.flag, self.tools, self.begun = (os.path.join(self.folder, n) for n in ("go", "tools", "begun"))
        self.offer("first")
        self.let()
        words = [*STDIO, "--eras", eras, "--tools", self.tools, "--capabilities", capabilities, "--resources", "a:1", "--templates", "t:{x}"]
        script = f"echo >> {self.begun}; while [ ! -e {self.flag} ]; do sleep 0.05; done; exec {shlex.join(words)}"
        self.gate = place.gate({"slow": {"run": shlex.join(["/bin/sh", "-c", script]), "idle": idle, **config}})

    def offer(self, *names):
        with open(self.tools, "w") as text:
            json.dump([{"name": n, "inputSchema": {"type": "object"}} for n in (*names, "pid")], text)

    def let(self):
        open(self.flag, "w").close()

    def starts(self):
        return os.path.getsize(self.begun) if os.path.exists(self.begun) else 0

    def is_idle(self):
        """Waits until the program was ended; from then on it does not come up."""
        n = self.gate.log_text().count("upstream.idle")
        os.unlink(self.flag)
        return until(lambda: self.gate.log_text().count("upstream.idle") > n)


def names(reply):
    message = reply.json()
    items = next((v for k, v in message.get("result", {}).items() if isinstance(v, list)), None)
    return [i.get("name") for i in items] if items is not None else message


def test_together(place):
    for kind in (Legacy, Modern):
        for shared in ({}, {"instances": "shared"}):
            slow = Slow(place, **shared)
            word = f"{kind.__name__.lower()}{' shared' if shared else ''}"
            client = kind(slow.gate)
            first = [names(client.request(m)) for m in LISTS]
            equal(first[0], ["slow__first", "slow__pid"], f"{word}: the tools")
            ok(slow.is_idle(), f"{word}: the program was ended")
            n = slow.starts()
            equal([names(client.request(m)) for m in LISTS], first, f"{word}: its lists are there at once")
            ok(until(lambda: slow.starts() == n + 1), f"{word}: and it is being started")
            call = Background(lambda: client.call("slow__pid", {}))
            stranger = Background(lambda: names(kind(slow.gate, token=slow.gate.new_token("other")).request("tools/list")))
            ok(slow.gate.has_under_way(2), f"{word}: a call waits, and so does who has never seen its lists")
            equal((call.results, stranger.results), ([], []), f"{word}: as long as it takes")
            slow.let()
            ok(text_of(call.result()), f"{word}: the call is answered when it is there", call.results)
            equal(stranger.result(), first[0], f"{word}: and so is the stranger")


def test_changed(place):
    slow = Slow(place)
    client = Legacy(slow.gate)
    stream = client.get()
    client.request("tools/list")
    client.request("prompts/list")
    ok(slow.is_idle(), "the program was ended")
    equal(names(client.request("tools/list")), ["slow__first", "slow__pid"], "the tools are there")
    slow.offer("second")
    slow.let()
    event = stream.message()
    equal(event["json"]["method"], "notifications/tools/list_changed", "when it has others, the client is told", event)
    equal(names(client.request("tools/list")), ["slow__second", "slow__pid"], "and finds them")
    ok(slow.is_idle(), "ended again")
    equal(names(client.request("tools/list")), ["slow__second", "slow__pid"], "the newer ones are known now")
    slow.let()
    ok(until(lambda: names(client.request("prompts/list")) == ["slow__greet"] and text_of(client.call("slow__pid", {}))), "it is there")
    ok(stream.is_quiet(), "of what has not changed nothing is told")
    stream.close()


def test_heeded(place):
    """A modern program, to which the gate listens for a session that is to hear of changes."""
    for server in ("", "slow"):
        for shared in ({}, {"instances": "shared"}):
            word = f"{server or 'all'}{' shared' if shared else ''}"
            slow = Slow(place, eras="modern", **shared)
            client = Legacy(slow.gate, server)
            stream = client.get()
            first = names(client.request("tools/list"))
            ok(slow.is_idle(), f"{word}: the program was ended, though it is listened to")
            slow.offer("second")
            asked = Background(lambda: names(client.request("tools/list")))
            if not server:
                equal(asked.result(), first, f"{word}: its tools are there")
            slow.let()
            if server:
                equal(asked.result(), ["second", "pid"], f"{word}: started again it is asked for its tools")
            else:
                event = stream.message()
                equal(event["json"]["method"], "notifications/tools/list_changed", f"{word}: when it has others, the client is told", event)
            ok(slow.is_idle(), f"{word}: and it is ended again")
            stream.close()


def test_probed(place):
    """What a probe of the era costs, as docs/reference/eras.md has it."""
    slow = Slow(place, idle="1h")
    client = Modern(slow.gate, "slow")
    client.request("server/discover")
    equal((names(client.request("tools/list")), slow.starts()), (["first", "pid"], 1), "over HTTP a probe starts the program that is used after it")
    equal((names(Legacy(slow.gate, "slow").request("tools/list")), slow.starts()), (["first", "pid"], 2), "a session has its own")
    slow = Slow(place, idle="1s")
    Modern(slow.gate).request("server/discover")
    ok(slow.is_idle(), "one that has rested")
    n = slow.starts()
    capabilities = Modern(slow.gate).request("server/discover").json()["result"]["capabilities"]
    equal((sorted(capabilities), slow.starts()), (["prompts", "resources", "tools"], n), "at all servers a probe does not start again")


def test_alone(place):
    slow = Slow(place)
    client = Legacy(slow.gate, "slow")
    stream = client.get()
    client.request("tools/list")
    ok(slow.is_idle(), "the program was ended")
    equal(names(client.request("tools/list")), ["first", "pid"], "at its own endpoint its tools are there, too")
    slow.offer("second")
    slow.let()
    event = stream.message()
    equal(event["json"]["method"], "notifications/tools/list_changed", "the client is told there", event)
    equal(names(client.request("tools/list")), ["second", "pid"], "and finds them")
    stream.close()
    slow = Slow(place, capabilities=NONE_SAID)
    client = Legacy(slow.gate, "slow")
    client.request("tools/list")
    ok(slow.is_idle(), "one that never says that its tools change")
    waits = Background(lambda: names(client.request("tools/list")))
    ok(slow.gate.has_under_way(1), "is waited for, for nobody could be told")
    slow.let()
    equal(waits.result(), ["first", "pid"], "and answers itself")


def test_gone(place):
    """What died, or was changed in the config, or cannot be started."""
    slow = Slow(place, idle="1h")
    client = Legacy(slow.gate)
    first = names(client.request("tools/list"))
    os.unlink(slow.flag)
    pid = int(slow.gate.log_text().split("A server was started.")[-1].split("pid=")[1].split()[0])
    os.kill(pid, signal.SIGKILL)
    ok(until(lambda: "upstream.dead" in slow.gate.log_text()), "it was killed")
    equal(names(client.request("tools/list")), first, "of one that has died the lists are there as well")
    slow.gate._write({"slow": {"run": "/no/such/program", "idle": "1h"}})
    os.kill(slow.gate.process.pid, signal.SIGHUP)
    ok(until(lambda: names(client.request("tools/list")) == []), "under another config nothing is known of it")


if __name__ == "__main__":
    main(test_together, test_changed, test_heeded, test_probed, test_alone, test_gone)
