"""Clients and servers of two eras before one gate: what it costs that they do not speak the same."""
# SPDX-License-Identifier: Apache-2.0

import candidates
import measure
from session import LEGACY, MODERN

SIZE = candidates.SIZES[0]
ERAS = {"legacy": LEGACY, "modern": MODERN}
# Of a client's and a server's era; the plain ones first, as the others are held against them.
WAYS = (("legacy", "legacy"), ("modern", "modern"), ("legacy", "modern"), ("modern", "legacy"))
CASES = ("c=64", "c=8", "c=1")
PEERS = "nginx, haproxy, supergateway and mcp-hub do not translate between the eras: n/a"


def name_of(client, server):
    return f"{client} to {server}"


class Gate(candidates.Kanmon):
    """Two upstreams of the same program, each of one era alone."""

    name = "kanmon-eras"

    def servers(self):
        ports = {era: self.setting.start_upstream("--size", SIZE, "--era", era) for era in ERAS}
        return {era: f"url: http://127.0.0.1:{port}/mcp" for era, port in ports.items()}


class Way(measure.View):
    """The gate as one client of one server sees it."""

    def __init__(self, gate, client, server):
        super().__init__(name_of(client, server), gate, f"/mcp/{server}", ERAS[client], SIZE)


class Eras:
    """Takes turns with all ways in each round."""

    name = "eras"

    def __init__(self, setting, runs, cases):
        self.runs, self.gate = runs, Gate(setting)
        self.cases = [case for case in cases if case.name in CASES]
        self.ways = []

    def start(self):
        self.gate.start()
        self.ways = [Way(self.gate, *way) for way in WAYS]
        for way in self.ways:
            way.write_request()

    def measure(self, number):
        for case in self.cases:
            for way in measure.in_turn(self.ways, number):
                self.runs.add(way.name, case.name, SIZE, measure.run_case(self.gate.setting, way, case, SIZE, way.request))

    def stop(self):
        self.ways = []
        self.gate.stop()


def ratio(runs, client, server, case):
    """Of the client's call to a server of the other era, to the same call to one of its own."""
    return runs.ratio(name_of(client, server), name_of(client, client), case)


def result(runs):
    """CPU a call on each way, and the worst ratio of all; None where not all was measured."""
    rows, ratios = [], []
    for case in CASES:
        for client, server in WAYS:
            good = [found["cpu_us"] for found in runs.of(name_of(client, server), case, SIZE) if found]
            if not good:
                continue
            against = ratio(runs, client, server, case) if client != server else None
            rows.append({"way": name_of(client, server), "case": case, "cpu_us": measure.middle(good), "ratio": against})
            ratios += [against] if against is not None else []
    whole = len(ratios) == len(CASES) * (len(WAYS) - len(ERAS))
    return {"rows": rows, "ratio": max(ratios) if whole else None} if rows else None


def lines(found):
    """As a table."""
    text = ["Clients and servers of different eras, 1 KB; the ratio is to a server of the client's era"]
    last = None
    for row in found["rows"]:
        against = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        text.append(f"  {row['case'] if row['case'] != last else '':6}  {row['way']:16}  {row['cpu_us']:6.1f} us  {against:>5}")
        last = row["case"]
    return [*text, f"  {PEERS}"]
