"""From runs to figures: medians, ratios inside a round."""
# SPDX-License-Identifier: Apache-2.0

import os
import platform
import subprocess

from measure import middle
from process import read

COLUMNS = ("cpu_us", "p50_us", "p99_us", "mean_us", "per_second")


class Runs:
    """Every run by candidate, case and size; one entry a round, None where it failed."""

    def __init__(self):
        self.rounds = {}

    def add(self, candidate, case, size, figures):
        self.rounds.setdefault((candidate, case, size), []).append(figures)

    def of(self, candidate, case, size):
        return self.rounds.get((candidate, case, size), [])

    def pairs(self, one, other, case, size, column):
        """(one, other) of every round that has both: the machine is noisy, a round is not."""
        found = []
        for a, b in zip(self.of(one, case, size), self.of(other, case, size)):
            if a and b and a.get(column) is not None and b.get(column) is not None:
                found.append((a[column], b[column]))
        return found

    def ratio(self, one, other, case="c=64", size=1024, column="cpu_us"):
        pairs = [(a, b) for a, b in self.pairs(one, other, case, size, column) if b]
        return middle([a / b for a, b in pairs]) if pairs else None

    def difference(self, one, other, case, size, column):
        pairs = self.pairs(one, other, case, size, column)
        return middle([a - b for a, b in pairs]) if pairs else None

    def rows(self, candidates):
        rows = []
        for (candidate, case, size), rounds in self.rounds.items():
            good = [figures for figures in rounds if figures]
            if not good or candidate not in candidates:
                continue
            row = {"candidate": candidate, "case": case, "bytes": size, "rounds": len(good)}
            for column in COLUMNS:
                values = [figures[column] for figures in good if figures[column] is not None]
                row[column] = middle(values) if values else None
            costs = [figures["cpu_us"] for figures in good if figures["cpu_us"] is not None]
            row["cpu_us_min"] = min(costs) if costs else None
            row["cpu_vs_nginx"] = self.ratio(candidate, "nginx", case, size)
            row["body_bytes"] = good[0]["body_bytes"]
            rows.append(row)
        return rows


def machine(root, load_before):
    cpu = next(
        (line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines() if "model name" in line),
        platform.machine(),
    )
    try:
        git = ["git", "-C", root, "describe", "--always", "--dirty"]
        commit = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except OSError:
        commit = ""
    return {
        "cpu": cpu,
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "commit": commit,
        "load_before": round(load_before, 2),
    }


def heaviest(streams):
    """Of the plain ones; None where one of the kinds was not measured."""
    plain = [streams[name]["process_kb"] for name in ("legacy", "modern") if name in streams]
    return max(plain) if len(plain) == 2 else None


def summary(runs, idle, parts):
    """The figures the promises are about; None where something they need was not measured."""
    start = parts["run_start"] or {}
    ratios = (parts["flat"] or {}).get("ratios", {})
    return {
        "cpu_per_call_vs_nginx": runs.ratio("kanmon", "nginx"),
        "cpu_per_call_vs_haproxy": runs.ratio("kanmon", "haproxy"),
        "cpu_per_call_vs_nginx_20kb": runs.ratio("kanmon", "nginx", size=20480),
        "stdio_cpu_per_call_vs_nginx": runs.ratio("kanmon-stdio", "nginx"),
        "floor_cpu_per_call_vs_nginx": runs.ratio("relay", "nginx"),
        "added_p50_us_c1": runs.difference("kanmon", "direct", "c=1", 1024, "p50_us"),
        "added_p50_us_c1_relay": runs.difference("relay", "direct", "c=1", 1024, "p50_us"),
        "added_p50_us_c1_nginx": runs.difference("nginx", "direct", "c=1", 1024, "p50_us"),
        "other_era_cpu_ratio": (parts["eras"] or {}).get("ratio"),
        "many_sessions_cpu_ratio": ratios.get("sessions"),
        "many_tools_cpu_ratio": ratios.get("tools"),
        "many_tools_prefixed_cpu_ratio": ratios.get("prefixed"),
        "idle_stream_kb": heaviest(parts["streams"] or {}),
        "idle_pss_mb": idle.get("kanmon", {}).get("pss_mb"),
        "run_start_ms": start.get("added_ms"),
        "run_start_cold_ms": start.get("cold_added_ms"),
    }


NEEDS = {
    "cpu_per_call_vs_nginx": ("kanmon", "nginx"),
    "cpu_per_call_vs_haproxy": ("kanmon", "haproxy"),
    "cpu_per_call_vs_nginx_20kb": ("kanmon", "nginx"),
    "stdio_cpu_per_call_vs_nginx": ("kanmon-stdio", "nginx"),
    "floor_cpu_per_call_vs_nginx": ("relay", "nginx"),
    "added_p50_us_c1": ("kanmon", "direct"),
    "added_p50_us_c1_relay": ("relay", "direct"),
    "added_p50_us_c1_nginx": ("nginx", "direct"),
    "other_era_cpu_ratio": ("eras",),
    "many_sessions_cpu_ratio": ("flat",),
    "many_tools_cpu_ratio": ("flat",),
    "many_tools_prefixed_cpu_ratio": ("flat",),
    "idle_stream_kb": ("streams",),
    "idle_pss_mb": ("kanmon",),
    "run_start_ms": ("start",),
    "run_start_cold_ms": ("start",),
}


def reasons(figures, measured):
    """Why each missing figure is missing."""
    lines = []
    for key, needs in NEEDS.items():
        missing = [name for name in needs if name not in measured]
        if figures[key] is None:
            lines.append(f"{key} is null: not measured: {', '.join(missing or needs)}")
    return lines
