"""Figures for people: tables, headlines, RESULTS.md."""
# SPDX-License-Identifier: Apache-2.0

import os

import eras
import scale


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
    ("other_era_cpu_ratio", "CPU a call to a server of the other era / to one of its own, the worst case", "", 2),
    ("many_sessions_cpu_ratio", "CPU a call, many sessions / one", "", 2),
    ("many_tools_cpu_ratio", "CPU a call, many tools / one", "", 2),
    ("many_tools_prefixed_cpu_ratio", "CPU a call at /mcp, many tools / one", "", 2),
    ("idle_stream_kb", "memory of an idle event stream with its session (PSS)", " kB", 1),
    ("idle_pss_mb", "memory of all kanmon processes at rest (PSS)", " MB", 1),
    ("run_start_ms", "start that kanmon run adds, gateway running", " ms", 1),
    ("run_start_cold_ms", "start that kanmon run adds, gateway started by it", " ms", 1),
)


def tables(result):
    """What was measured, each part with an empty line behind it."""
    lines = table(result["rows"])
    for key, part in (("eras", eras.lines), ("flat", scale.flat_lines), ("streams", scale.stream_lines)):
        if result[key]:
            lines += [*part(result[key]), ""]
    return lines


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
    lines += ["```"] + tables(result)[:-1] + ["```", ""]
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
