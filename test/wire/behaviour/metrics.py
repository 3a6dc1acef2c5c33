# metrics.py - what Prometheus reads, held against the page that says what there is; and why a server is down.
# SPDX-License-Identifier: Apache-2.0
import os
import re
import urllib.request

from wire import HERE, Legacy, equal, main, ok, run_line
from started import free_port  # after wire, which says where it stands

PAGES = os.path.join(HERE, "..", "..", "..", "docs", "reference")
SAMPLE = re.compile(r"(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def read(port):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()


def printed(text):
    """name → (type, labels, help), and the reasons of each."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    labels = {name: set() for name in kinds}
    reasons = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, inside = SAMPLE.match(line).groups()
        for label, value in LABEL.findall(inside or ""):
            labels[name].add(label)
            if label == "reason":
                reasons.setdefault(name, set()).add(value)
    return {name: (kind, sorted(labels[name]), helps.get(name)) for name, kind in kinds.items()}, reasons


def page(name):
    with open(os.path.join(PAGES, name), encoding="utf-8") as file:
        text = file.read()
    rows = re.findall(r"^\| `(kanmon_\w+)` \| (\w+) \| (.*?)\| (.*) \|$", text, re.M)
    metrics = {row[0]: (row[1], re.findall(r"`(\w+)`", row[2]), row[3]) for row in rows}
    # The first table of reasons is of servers, the second of what is not listed.
    tables = [set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", part, re.M)) for part in text.split("\n## ")[1:]]
    return metrics, dict(zip(("kanmon_server_down_reason", "kanmon_catalogue_refused"), tables))


def reasons_of(text, server):
    return dict(re.findall(rf'^kanmon_server_down_reason{{server="{server}",reason="(\w+)"}} (\d)$', text, re.M))


def test_page(place):
    port = free_port()
    place.gate({"well": run_line("--name", "well")}, f"metrics: 127.0.0.1:{port}\n")
    metrics, reasons = printed(read(port))
    said, listed = page("metrics.md")
    ok(len(metrics) > 15, "# there are metrics")
    equal(said, metrics, "the page has each metric, its type, its labels and its words, and no other")
    equal(listed, reasons, "and each reason that there can be")
    said, listed = page("metrics.ja.md")
    equal({n: r[:2] for n, r in said.items()}, {n: r[:2] for n, r in metrics.items()}, "so has the Japanese one")
    equal(listed, reasons, "and each reason")


def test_reasons(place):
    port = free_port()
    gate = place.gate({"ends": {"run": "false"}, "missing": {"run": "/no/such/program"}, "away": {"url": "http://127.0.0.1:1/mcp"},
                       "echo": {"run": "cat"}, "well": run_line("--name", "well")}, f"metrics: 127.0.0.1:{port}\n")
    text = read(port)
    none = {"start": "0", "gone": "0", "silent": "0", "garbage": "0"}
    equal([reasons_of(text, s) for s in ("ends", "well")], [none, none], "before anything was tried there is no reason, and each series")
    Legacy(gate).request("tools/list")
    text = read(port)
    for server, reason in (("ends", "gone"), ("missing", "start"), ("away", "start"), ("echo", "garbage")):
        equal(reasons_of(text, server), {**none, reason: "1"}, f"{server}: {reason}")
        ok(f'kanmon_server_up{{server="{server}"}} 0\n' in text, "and it is not up")
    equal(reasons_of(text, "well"), none, "one that is up has none")


if __name__ == "__main__":
    main(test_page, test_reasons)
