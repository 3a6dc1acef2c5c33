# suite.py - what runs of the conformance suite share: its lists, its results on disk, and what falls short of what.
# SPDX-License-Identifier: Apache-2.0
import collections
import glob
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "wire"))

from started import NODE22, PEERS, Failed, tail  # noqa: E402

SUITE = os.path.join(PEERS, "node_modules", "@modelcontextprotocol", "conformance")
SUITE_SECONDS = 300

Counts = collections.namedtuple("Counts", "passed failed scenarios")


def requirements(revision):
    """The text of a frozen requirement set; it is flat lists, so no YAML reader is needed."""
    path = os.path.join(SUITE, "requirements", f"{revision}.yaml")
    if not os.path.exists(path):
        raise Failed(f"the suite has no requirements for {revision}")
    with open(path) as text:
        return text.read()


def required_scenarios(revision, side="server"):
    """What a requirement set asks of a server, or of a client."""
    block = re.search(rf"(?m)^{side}:\n((?:[ \t]+.*\n|[ \t]*#.*\n|\n)*)", requirements(revision))
    return re.findall(r"(?m)^\s+- ([\w/-]+)\s*$", block.group(1))


def unscored_scenarios(revision, side):
    """What is run and counts for nothing in a requirement set: extensions, and what came after it."""
    return re.findall(rf"scenario: (\S+)\n\s+leg: {side}", requirements(revision))


def run_suite(started, url, revision, out):
    """One run of the suite; the verdict is in the files, not in its exit status."""
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    log = os.path.join(out, "suite.log")
    argv = [NODE22, os.path.join(SUITE, "dist", "index.js"), "server", "--url", url]
    child = started.start([*argv, "--requirements", revision, "-o", out], log)
    status = child.wait(SUITE_SECONDS)
    counts = read_counts(out)
    if not counts.scenarios:
        raise Failed(f"the suite ended with {status} and wrote no checks: {tail(log)}")
    return counts


def read_counts(out, side="server-", scenario=None):
    """What the suite wrote below a folder; of a run of one scenario the name is known."""
    scenarios = {}
    for path in glob.glob(os.path.join(out, "**", "checks.json"), recursive=True):
        folder = os.path.relpath(os.path.dirname(path), out)
        name = scenario or re.sub(rf"^{side}(.*)-\d{{4}}-\d\d-\d\dT[\d-]+Z$", r"\1", folder)
        with open(path) as text:
            scenarios.setdefault(name, []).extend(json.load(text))
    return count(scenarios)


def merged(several):
    """The counts of several runs as one."""
    return count({name: checks for counts in several for name, checks in counts.scenarios.items()})


def count(scenarios):
    statuses = [check["status"] for checks in scenarios.values() for check in checks]
    return Counts(statuses.count("SUCCESS"), statuses.count("FAILURE"), scenarios)


def passes(checks):
    statuses = [check["status"] for check in checks or []]
    return "SUCCESS" in statuses and "FAILURE" not in statuses


def successes(checks):
    return collections.Counter(check["id"] for check in checks or [] if check["status"] == "SUCCESS")


def lost_checks(alone, gate, name):
    """The checks that succeed alone, and so often not behind the gate."""
    return sorted((successes(alone.scenarios.get(name)) - successes(gate.scenarios.get(name))).elements())


def shortfall(alone, gate, required):
    """Prints what is wrong; the scenarios that fall short. `gate` is None where it was not measured."""
    short = [name for name in required if not passes(alone.scenarios.get(name))]
    report_failures("alone", alone, short)
    if gate is None:
        return short
    wanted = set(required) | {name for name, checks in alone.scenarios.items() if passes(checks)}
    failed = sorted(name for name in wanted if not passes(gate.scenarios.get(name)))
    report_failures("gate", gate, failed)
    fewer = []
    for name in sorted(alone.scenarios):
        lost = lost_checks(alone, gate, name)
        for check in lost:
            print(f"  gate: {name}: {check}: it succeeds alone")
        fewer += [name] if lost else []
    return sorted({*short, *failed, *fewer})


def report_failures(label, counts, names):
    for name in names:
        for check in counts.scenarios.get(name, []):
            if check["status"] == "FAILURE":
                print(f"  {label}: {name}: {check['id']}: {str(check.get('errorMessage', ''))[:300]}")
        if name not in counts.scenarios:
            print(f"  {label}: {name}: no checks were written")


def column(label, counts, required):
    good = sum(passes(counts.scenarios.get(name)) for name in required)
    return f"{label} {counts.passed} passed, {counts.failed} failed (required {good}/{len(required)})"
