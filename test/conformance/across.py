# across.py - judges a run of the conformance suite whose client and server are of different eras, by what across.txt expects.
# SPDX-License-Identifier: Apache-2.0
import os

from suite import HERE, Failed, lost_checks

EXPECTED = os.path.join(HERE, "across.txt")
# Which era the server behind the gate speaks alone, for each revision of the suite.
OTHER_ERA = {"2025-11-25": "modern", "2026-07-28": "legacy"}


def read_expected(revision, path=EXPECTED):
    """The checks that may fail for a revision, as scenario:check, each with its reason."""
    expected = {}
    with open(path) as text:
        for number, line in enumerate(text, 1):
            if not line.strip() or line.startswith("#"):
                continue
            words = [word.strip() for word in line.split("|")]
            if len(words) != 4 or not all(words) or ":" not in words[0]:
                raise Failed(f"{path}:{number}: four columns, none empty: scenario:check | section | revision | why")
            if words[2] not in OTHER_ERA:
                raise Failed(f"{path}:{number}: no revision of the suite: {words[2]}")
            if words[2] == revision:
                expected[words[0]] = f"{words[1]}: {words[3]}"
    return expected


def fallen(alone, gate):
    """What falls short of the server alone, as scenario:check with the suite's words; of failures there, those count alone."""
    found = {}
    for name, checks in alone.scenarios.items():
        for check in lost_checks(alone, gate, name):
            found[f"{name}:{check}"] = "it succeeds in one era"
        known = {check["id"] for check in checks if check["status"] == "FAILURE"}
        for check in gate.scenarios.get(name, []):
            if check["status"] == "FAILURE" and check["id"] not in known:
                found[f"{name}:{check['id']}"] = str(check.get("errorMessage", ""))[:300]
    return found


def judge(alone, gate, expected):
    """Prints what is wrong; how much that is."""
    short = fallen(alone, gate)
    wrong = [f"across: {name}: {said}" for name, said in sorted(short.items()) if name not in expected]
    wrong += [f"across: {name}: it succeeds, and across.txt says that it cannot" for name in sorted(expected) if name not in short]
    for line in wrong:
        print(f"  {line}")
    return len(wrong)
