#!/usr/bin/env python3
# watch_test.py - the soak sees what it looks for: growth, a descriptor, a thread, a process that stays, a dead one.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import socket
import subprocess
import sys
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "wire")]
import watch  # noqa: E402

SECONDS = 20
# Each line it is told makes it hold one thing more.
HOLDER = """
import os, subprocess, sys, threading
kept = []
things = {"memory": lambda: bytearray(os.urandom(1 << 20)), "descriptor": lambda: os.open("/dev/null", os.O_RDONLY),
          "thread": lambda: threading.Thread(target=threading.Event().wait, daemon=True).start(),
          "zombie": lambda: os.posix_spawn("/bin/true", ["true"], {}),
          "child": lambda: subprocess.Popen(["sleep", "60"])}
print("begun", flush=True)
for line in sys.stdin:
    kept.append(things[line.strip()]())
    print("done", flush=True)
"""


class WatchTest(unittest.TestCase):
    def setUp(self):
        self.holder = subprocess.Popen([sys.executable, "-c", HOLDER, "--folder-of-this-test"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(self.end)
        self.assertEqual(self.holder.stdout.readline(), "begun\n")
        self.gate = types.SimpleNamespace(process=self.holder)
        self.before = watch.window(self.gate, samples=2)

    def end(self):
        os.killpg(self.holder.pid, signal.SIGKILL)
        self.holder.wait(SECONDS)
        self.holder.stdin.close()
        self.holder.stdout.close()

    def hold(self, thing):
        self.holder.stdin.write(thing + "\n")
        self.holder.stdin.flush()
        self.assertEqual(self.holder.stdout.readline(), "done\n")
        return " ".join(watch.changes(self.before, watch.window(self.gate, samples=2)))

    def test_what_does_not_change(self):
        self.assertEqual(watch.changes(self.before, watch.window(self.gate, samples=2)), [])
        self.assertEqual((watch.servers(self.gate), watch.zombies(self.holder.pid)), ([], []))

    def test_memory(self):
        self.assertIn("manager: anon", self.hold("memory"))

    def test_a_descriptor(self):
        self.assertIn("manager: fds", self.hold("descriptor"))

    def test_a_connection_that_is_kept(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)):
                plain, told = watch.measure(os.getpid()), watch.measure(os.getpid(), watch.connections(port))
        self.assertEqual((plain["kept"], told["kept"], plain["fds"] - told["fds"]), (0, 1, 1))

    def test_a_thread(self):
        self.assertIn("manager: threads 1 → 2", self.hold("thread"))

    def test_a_server_that_stays(self):
        self.hold("child")
        self.assertEqual(len(watch.servers(self.gate)), 1)

    def test_a_zombie(self):
        self.hold("zombie")
        for _ in range(SECONDS * 100):
            if found := watch.zombies(self.holder.pid):
                break
        self.assertEqual(len(found), 1)

    def test_a_stray(self):
        other = types.SimpleNamespace(process=types.SimpleNamespace(pid=os.getpid()))
        self.assertEqual(watch.strays(other, "--folder-of-this-test"), [])
        other.process.pid = 2**22 - 1
        self.assertEqual([pid for pid, _ in watch.strays(other, "--folder-of-this-test")], [self.holder.pid])

    def test_a_process_that_is_another(self):
        gone = {name: dict(figures) for name, figures in self.before.items()}
        gone["worker"] = gone["manager"]
        self.assertEqual(watch.changes(self.before, gone), ["worker has come or gone"])


if __name__ == "__main__":
    unittest.main()
