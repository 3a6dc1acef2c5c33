# shown.py - output as it is shown to people: made the same on every machine, compared with expected/ and with the docs.
# SPDX-License-Identifier: Apache-2.0
import os
import re
import sys

from harness import HERE, ROOT, ok

EXPECTED = HERE / "expected"
PAGES = [ROOT / "docs" / "how-to" / f"when-something-is-wrong{language}.md" for language in ("", ".ja")]
# Set: what is printed now becomes what is expected, here and in the pages.
WRITE = "KANMON_WRITE_EXPECTED" in os.environ

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UPTIME = re.compile(r"\((\d+ (d|h|min|s) ?)+\)")
# What doctor finds out about the machine is not the same on two machines.
MACHINE = re.compile(r"^ \S+ (kernel|user|users|clock) .*\n", re.M)
USERS = re.compile(r"^users +.*\n", re.M)
COUNTS = re.compile(r"^Problems: \d+, warnings: \d+\.$", re.M)


def plain(text, gate):
    """The text with this run's folder, port and times replaced; also with cells as wide as they were."""
    text = text.replace(str(gate.home), "/home/aoi").replace(str(gate.port), "7676").replace(sys.executable, "/usr/bin/python3")
    text = TIME.sub("2026-11-21T09:00:00Z", text)
    text = UPTIME.sub("(2 s)", text)
    text = USERS.sub("", text)
    if MACHINE.search(text):
        text = MACHINE.sub("", text)
        counts = f"Problems: {text.count(' ✗ ')}, warnings: {text.count(' ▲ ')}."
        text = COUNTS.sub(" …\n" + counts, text)
    return text


def shown(name, command, text, gate):
    """One test: `text`, printed by `command`, is what expected/NAME.txt says."""
    got = f"$ {command}\n{plain(text, gate)}"
    path = EXPECTED / f"{name}.txt"
    if WRITE:
        path.write_text(got)
    want = path.read_text() if path.exists() else "(there is no such file)\n"
    return ok(got == want, f"{name}: printed as expected", "got:", got, "want:", want)


BLOCK = re.compile(r"(<!-- printed: (\S+) -->\n```text\n)(.*?)(```\n)", re.S)


def check_page():
    """The blocks of the how-to page, in both languages, are the expected files, all of them whole."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if WRITE:
            text = BLOCK.sub(lambda m: m.group(1) + (EXPECTED / f"{m.group(2)}.txt").read_text() + m.group(4), text)
            page.write_text(text, encoding="utf-8")
        blocks = BLOCK.findall(text)
        ok(len(blocks) >= 5, f"{page.name}: shows what is printed", [b[1] for b in blocks])
        for _, name, block, _ in blocks:
            path = EXPECTED / f"{name}.txt"
            want = path.read_text() if path.exists() else "(there is no such file)\n"
            ok(block == want, f"{name}: {page.name} shows what is printed", "page:", block, "printed:", want)
