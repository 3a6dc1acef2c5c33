# records.py - tests of what the audit log holds for a later replay of a decision.
# SPDX-License-Identifier: Apache-2.0
import hashlib
import json

from harness import Agent, Gate, equal, ok, wait_until
from life import small


def records(gate):
    lines = "".join(p.read_text() for p in sorted((gate.data / "audit").glob("*.jsonl"))).splitlines()
    return [json.loads(line) for line in lines]


def of_kind(gate, kind):
    return [record for record in records(gate) if record.get("kind") == kind]


def rules(gate, config):
    """By server, what the log says was in force under this config."""
    return {r["server"]: (r["reached"], r.get("deny"), r["allow"]) for r in of_kind(gate, "config")
            if r["config"] == config and "server" in r}


def test_what_a_replay_needs():
    gate = Gate(small("echo")).start()
    first = gate.state()["config"]
    line = gate.config.read_text().splitlines().index('    tools: { allow: ["echo"] }') + 1
    ok(wait_until(lambda: rules(gate, first) == {"small": ("stdio", None, [["echo", line]])}),
       "the rules are on record before the first call", records(gate))
    ok(any(r["config"] == first and r["limits"]["calls"] > 0 for r in of_kind(gate, "config") if "limits" in r),
       "and so are the limits", records(gate))

    agent = Agent(gate, gate.token("agent", "--scope", "mcp:small"), "small")
    agent.initialize()
    tool = next(t for t in agent.request("tools/list")[1]["result"]["tools"] if t["name"] == "echo")
    agent.call("echo", text="hello")
    agent.call("pid")
    ok(wait_until(lambda: len([r for r in of_kind(gate, "decision") if r["method"] == "tools/call"]) == 2),
       "two calls are on record", records(gate))
    allowed, denied = [r for r in of_kind(gate, "decision") if r["method"] == "tools/call"]
    equal((allowed["decision"], denied["decision"]), ("allow", "deny"), "one allowed, one refused")
    equal({r["config"] for r in (allowed, denied)}, {first}, "each names the config whose rules are on record")
    equal({r["scopes"] for r in (allowed, denied)}, {"mcp:small"}, "and the scopes of its token")
    text = json.dumps(tool, separators=(",", ":"), ensure_ascii=False).encode()
    equal(allowed["definition"], hashlib.blake2b(text, digest_size=32).hexdigest(),
          "and the definition that the arguments were checked against")

    gate.write(small("echo", "pid"))
    ok(gate.logged("config.loaded"), "another config", gate.log_text())
    second = gate.state()["config"]
    ok(wait_until(lambda: rules(gate, second).get("small", (0, 0, []))[2] == [["echo", line], ["pid", line]]),
       "its rules are on record as well", records(gate))
    agent = Agent(gate, agent.token, "small")
    agent.initialize()
    agent.call("pid")
    ok(wait_until(lambda: of_kind(gate, "decision")[-1]["config"] == second), "and are what is decided by",
       records(gate)[-1])


TESTS = (test_what_a_replay_needs,)
