# judge.py - what a day must have been like: each call answered once, none executed twice.
# SPDX-License-Identifier: Apache-2.0
import collections
import pathlib

# What became of a request: "result" and "error" are answers; "lost" is an error without one: the connection ended,
# the program exited. A client that hears none of them was left in silence.
OUTCOMES = ("result", "error", "lost")


def executed(path):
    """How often the servers executed each id."""
    path = pathlib.Path(path)
    return collections.Counter(path.read_text().split()) if path.exists() else collections.Counter()


def faults(asked, executions):
    """`asked`: {id: {"outcome": …, "answers": how many came}}. What is wrong, in sentences."""
    found = []
    for name, one in asked.items():
        times = executions[name]
        if one["outcome"] not in OUTCOMES:
            found.append(f"{name}: silence")
        if one["answers"] > 1:
            found.append(f"{name}: answered {one['answers']} times")
        if one["outcome"] == "lost" and one["answers"]:
            found.append(f"{name}: answered after it was lost")
        if times > 1:
            found.append(f"{name}: executed {times} times")
        if one["outcome"] == "result" and times == 0:
            found.append(f"{name}: a result of what was not executed")
    found += [f"{name}: executed, and nobody asked" for name in executions if name not in asked]
    return found
