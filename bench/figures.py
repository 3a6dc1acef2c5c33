"""From runs to figures: medians, ratios inside a round, tables, RESULTS.md."""
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

    def rows(self):
        rows = []
        for (candidate, case, size), rounds in self.rounds.items():
            good = [figures for figures in rounds if figures]
            if not good:
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


def summary(runs, idle, start):
    """The figures the promises are about; None where something they need was not measured."""
    return {
        "cpu_per_call_vs_nginx": runs.ratio("kanmon", "nginx"),
        "cpu_per_call_vs_haproxy": runs.ratio("kanmon", "haproxy"),
        "cpu_per_call_vs_nginx_20kb": runs.ratio("kanmon", "nginx", size=20480),
        "stdio_cpu_per_call_vs_nginx": runs.ratio("kanmon-stdio", "nginx"),
        "floor_cpu_per_call_vs_nginx": runs.ratio("relay", "nginx"),
        "added_p50_us_c1": runs.difference("kanmon", "direct", "c=1", 1024, "p50_us"),
        "added_p50_us_c1_relay": runs.difference("relay", "direct", "c=1", 1024, "p50_us"),
        "added_p50_us_c1_nginx": runs.difference("nginx", "direct", "c=1", 1024, "p50_us"),
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


def shown(value, digits=1):
    return "-" if value is None else f"{value:,.{digits}f}"


def table(rows):
    """Lines of fixed width, the heaviest load first within each size."""
    head = ("", "candidate", "CPU us", "min", "x nginx", "p50 us", "p99 us", "per s")
    lines = []
    for size in sorted({row["bytes"] for row in rows}):
        lines.append(f"{size // 1024} KB each way")
        cells = [head]
        last = None
        for row in (row for row in rows if row["bytes"] == size):
            cells.append(
                (
                    row["case"] if row["case"] != last else "",
                    row["candidate"],
                    shown(row["cpu_us"]),
                    shown(row["cpu_us_min"]),
                    shown(row["cpu_vs_nginx"], 2),
                    shown(row["p50_us"], 0),
                    shown(row["p99_us"], 0),
                    shown(row["per_second"], 0),
                )
            )
            last = row["case"]
        widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
        for line in cells:
            left = [line[i].ljust(widths[i]) for i in range(2)]
            right = [line[i].rjust(widths[i]) for i in range(2, len(head))]
            lines.append(("  " + "  ".join(left + right)).rstrip())
        lines.append("")
    return lines


LABELS = (
    ("cpu_per_call_vs_nginx", "CPU a call, 1 KB, c=64: kanmon / nginx", "", 2),
    ("cpu_per_call_vs_haproxy", "CPU a call, 1 KB, c=64: kanmon / haproxy", "", 2),
    ("cpu_per_call_vs_nginx_20kb", "CPU a call, 20 KB, c=64: kanmon / nginx", "", 2),
    ("stdio_cpu_per_call_vs_nginx", "CPU a call, 1 KB, c=64: kanmon to stdio / nginx", "", 2),
    ("floor_cpu_per_call_vs_nginx", "CPU a call, 1 KB, c=64: byte relay / nginx", "", 2),
    ("added_p50_us_c1", "p50 that kanmon adds to the direct path, 1 KB, c=1", " us", 0),
    ("added_p50_us_c1_relay", "p50 that the byte relay adds to the direct path, 1 KB, c=1", " us", 0),
    ("added_p50_us_c1_nginx", "p50 that nginx adds to the direct path, 1 KB, c=1", " us", 0),
    ("idle_pss_mb", "memory of all kanmon processes at rest (PSS)", " MB", 1),
    ("run_start_ms", "start that kanmon run adds, gateway running", " ms", 1),
    ("run_start_cold_ms", "start that kanmon run adds, gateway started by it", " ms", 1),
)


def headline(result):
    lines = []
    for key, label, unit, digits in LABELS:
        value = result[key]
        lines.append(f"{label}: " + ("not measured" if value is None else f"{value:,.{digits}f}{unit}"))
    return lines


def described(result):
    """Machine, versions and command: what a reader needs to repeat it."""
    at = result["machine"]
    versions = ", ".join(f"{name} {text}" for name, text in result["versions"].items() if text)
    return [
        f"{at['cpu']}, {at['cpus']} CPUs, Linux {at['kernel']}, load {at['load_before']} before the run",
        f"kanmon tree {at['commit'] or 'unknown'}" + (f"; {versions}" if versions else ""),
        f"MCP {result['revision']}, {result['rounds']} rounds, `{result['command']}`",
    ]


# What follows this line on the page is written by hand, and kept.
BY_HAND = "## Where the time goes"


def kept(path):
    """The part of the page that people write."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        _, found, rest = file.read().partition(BY_HAND)
    return found + rest


def write_results(path, result):
    by_hand = kept(path)
    lines = ["# Benchmark results", ""]
    lines += ["How each figure is taken stands at the head of `bench/run`. Ratios are medians of the ratios within a"]
    lines += ["round; all else are medians over rounds. Down to the last section this page is written by"]
    lines += ["`bench/run --write`.", ""]
    lines += [f"- {line}" for line in described(result)] + [""]
    lines += [f"- {line}" for line in headline(result)] + [""]
    lines += ["```"] + table(result["rows"])[:-1] + ["```", ""]
    if result["idle"]:
        lines += ["At rest (PSS): " + idle_line(result["idle"]) + ".", ""]
    if result["notes"]:
        lines += ["Notes:", ""] + [f"- {note}" for note in result["notes"]] + [""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + ("\n" + by_hand if by_hand else ""))


def idle_line(idle):
    return ", ".join(
        f"{name} {shown(entry['pss_mb'])} MB in {entry['processes']} process{'' if entry['processes'] == 1 else 'es'}"
        for name, entry in idle.items()
    )
