# processes.py - what runs on this machine, and what of it belongs to a gate: for tests that must leave nothing behind.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys

DEAD = "ZX"


def processes(dead=False):
    """pid → (parent, words); the dead who wait to be collected only where they are asked for."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline", "rb") as line:
                fields = stat.read().rpartition(")")[2].split()
                if (fields[0] in DEAD) == dead:
                    found[int(pid)] = (int(fields[1]), line.read().decode(errors="replace").split("\0")[:-1])
        except OSError:
            pass
    return found


def tree(root):
    """A process that lives and every one below it, itself first."""
    all_of = processes()
    found = [root]
    for pid in found:
        found += [p for p, (parent, _) in all_of.items() if parent == pid]
    return found


def below(gate):
    """Every process of the gate's, itself first."""
    return tree(gate.process.pid)


def roles(gate):
    """The pids of the gate's own processes by what they do."""
    found = {"manager": gate.process.pid}
    for pid, (parent, words) in processes().items():
        if parent == gate.process.pid and words[1:2] == ["--role"]:
            found[words[2]] = pid
    return found


def role(gate, name):
    return roles(gate).get(name)


def left(pids):
    alive = processes()
    return [(p, alive[p][1][:4]) for p in pids if p in alive]


def enter():
    """Where it can be had: process ids of our own, so that nothing killed here can be another's."""
    if os.environ.get("KANMON_WIRE_INSIDE") or not shutil.which("unshare"):
        return
    if subprocess.run(["unshare", "-pf", "--mount-proc", "true"], capture_output=True).returncode == 0:
        os.environ["KANMON_WIRE_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-pf", "--kill-child", "--mount-proc", sys.executable, *sys.argv])
