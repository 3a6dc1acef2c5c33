# up.py - a test of ./up where it runs already: the script in a folder of its own, its tools stood in for.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil
import signal
import subprocess

from harness import KANMON, ROOT, WAIT, Gate, contains, equal, ok, wait_until

STAND_INS = {"dpkg-query": "echo installed", "ninja": ":", "npm": "exit 1", "node": ":"}


def clone(gate):
    """What ./up needs of a clone that is built, and of a machine that has everything."""
    root = gate.home / "clone"
    for folder in ("tools", "packaging/demo", "build", "bin"):
        (root / folder).mkdir(parents=True)
    for name in ("up", "tools/needs.sh", "packaging/demo/package-lock.json"):
        shutil.copy(ROOT / name, root / name)
    (root / "build" / "build.ninja").touch()
    (root / "build" / "kanmon").symlink_to(pathlib.Path(KANMON).resolve())
    for name, text in STAND_INS.items():
        (root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (root / "bin" / name).chmod(0o755)
    demo = gate.home / ".local" / "share" / "kanmon" / "demo"
    (demo / "node_modules").mkdir(parents=True)
    shutil.copy(root / "packaging/demo/package-lock.json", demo / "installed-lock.json")
    config = gate.home / ".config" / "kanmon" / "kanmon.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"version: 1\nlisten: 127.0.0.1:{gate.port}\nservers: {{}}\n")
    gate.data = gate.home / ".local" / "state" / "kanmon"
    return root


def up(gate, root, said):
    env = {**gate.env, "PATH": f"{root}/bin:{os.environ['PATH']}"}
    with open(said, "wb") as out:
        return subprocess.Popen(["sh", str(root / "up")], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                start_new_session=True)


def test_up_twice():
    """The second ./up leaves the first one's log alone, says that it runs, and is no failure."""
    gate = Gate()
    root = clone(gate)
    said = gate.home / "first"
    first = up(gate, root, said)
    try:
        ok(wait_until(lambda: first.poll() is not None or "gate.ready" in said.read_text()) and first.poll() is None,
           "./up starts a gate and shows its log", said.read_text())
        log = (root / "build" / "serve.log").read_text()
        contains(log, "gate.ready", "which is in build/serve.log")
        again = gate.home / "second"
        equal(up(gate, root, again).wait(WAIT), 0, "the second ./up ends well")
        ok(f"runs already at http://127.0.0.1:{gate.port}/mcp" in again.read_text() and "error" not in again.read_text(),
           "and says that a gate runs, and where", again.read_text())
        equal((root / "build" / "serve.log").read_text()[:len(log)], log, "the first one's log is as it was")
        equal(list((root / "build").glob("serve.log.*")), [], "no other log is left")
        ok(first.poll() is None and gate.health("/readyz") == 200, "the first one goes on")
    finally:
        os.killpg(first.pid, signal.SIGINT)
        first.wait(WAIT)
    ok("truncated" not in said.read_text() and "\0" not in said.read_text() and "gate.stopping" in (root / "build" / "serve.log").read_text(),
       "and shows its log to the end", said.read_text())
