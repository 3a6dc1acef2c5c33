# disk.py - tests of a gate whose disk is full: nothing is done that cannot be recorded.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import resource
import subprocess
import sys

from harness import HERE, Agent, Gate, code_of, contains, equal, ok, skip, text_of, wait_until
from life import small
from shown import shown

MOUNT = 'mount -t tmpfs -o size=24m,mode=700 none "$1" && shift && exec "$@"'


def fill(folder):
    """Takes all the room there is; the file that does."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return path


def denied(agent):
    """Is a call refused with K804? What the log's file had room for still passes."""
    status, reply = agent.call("echo", text="x" * 200)
    return code_of(reply) == "K804" and status


def test_full(gate, take_room, give_room, reason):
    agent = Agent(gate, gate.token(), "small")
    agent.initialize()
    pid = text_of(agent.call("pid")[1])
    take_room()
    equal(wait_until(lambda: denied(agent)), 503, "no room: calls are denied with K804")
    status, reply = agent.call("pid")
    ok(status == 503 and code_of(reply) == "K804", "and stay denied", status, reply)
    equal(gate.process.poll(), None, "no room: the gate goes on")
    equal(gate.health("/healthz"), 200, "it is alive")
    equal(gate.health("/readyz"), 503, "and not ready")
    contains(gate.ask("status").out, f"NOT WRITABLE: {reason}", "status says why")
    doctor = gate.ask("doctor")
    ok(doctor.code == 3 and "✗ audit log" in doctor.out, "so does doctor", doctor)
    shown_here = (doctor.text, gate.ask("status").out, reply)
    give_room()
    said = wait_until(lambda: text_of(agent.call("pid")[1]))
    equal(said, pid, "there is room again: calls pass, to the same server")
    ok(wait_until(lambda: gate.health("/readyz") == 200), "and the gate is ready")
    return shown_here


def on_small_disk():
    """Runs inside a mount namespace, its folder on a small file system of its own."""
    gate = Gate(small(), folder=sys.argv[2]).start()
    try:
        filler = []
        doctor, status, reply = test_full(gate, lambda: filler.append(fill(gate.data)), lambda: os.unlink(filler[0]),
                                          "No space left on device")
        shown("full-disk-doctor", "kanmon doctor", doctor, gate)
        shown("full-disk-agent", "curl … http://127.0.0.1:7676/mcp/small",
              '{"jsonrpc":"2.0","id":2,"error":{"code":%d,"message":"%s","data":{"kanmon":"%s"}}}\n'
              % (reply["error"]["code"], reply["error"]["message"], code_of(reply)), gate)
    finally:
        gate.process.kill()
        gate.process.wait()


def may_mount():
    probe = subprocess.run(["unshare", "-Urm", "sh", "-c", MOUNT, "sh", "/mnt", "true"], capture_output=True)
    return probe.returncode == 0


def test_small_disk():
    folder = pathlib.Path(os.path.realpath(os.environ.get("TMPDIR", "/tmp"))) / f"kanmon-cli-disk-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        done = subprocess.run(["unshare", "-Urm", "sh", "-c", MOUNT, "sh", str(folder), sys.executable,
                               str(HERE / "run"), "--on-small-disk", str(folder)], capture_output=True, timeout=120)
        return done.stdout.decode() + "".join(f"# {line}\n" for line in done.stderr.decode().splitlines()), done.returncode
    finally:
        folder.rmdir()


def test_file_limit():
    """Where nothing may be mounted: a limit on the size of the keeper's files does as well."""
    gate = Gate(small()).start()
    agent = Agent(gate, gate.token("first"), "small")
    agent.initialize()
    agent.call("pid")
    keeper = gate.processes()["keeper"]
    least = max(p.stat().st_size for p in (gate.data / "audit").iterdir())
    whole = resource.prlimit(keeper, resource.RLIMIT_FSIZE)

    test_full(gate, lambda: resource.prlimit(keeper, resource.RLIMIT_FSIZE, (least + 1024, whole[1])),
              lambda: resource.prlimit(keeper, resource.RLIMIT_FSIZE, whole), "File too large")
