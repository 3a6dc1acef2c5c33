# started.py - starts the processes of a test, each in a group of its own, and ends exactly those, also on a signal.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import socket
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(ROOT, "test", "peers")
NODE22 = os.path.join(PEERS, "node22")
START_SECONDS = 30
STOP_SECONDS = 5


class Failed(Exception):
    """A process did not start, or said something else than it should."""


def free_port():
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def need_peers():
    """Says how to get the peers where they are absent."""
    if not os.path.isdir(os.path.join(PEERS, "node_modules")):
        raise Failed("test/peers/node_modules is absent: run `npm ci` in test/peers")


class Started:
    """A context manager: everything started through it has ended when it is left. Threads may share one."""

    def __init__(self):
        self._running = []
        self._lock = threading.RLock()
        self._is_over = False

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_):
        # A second Ctrl-C must not leave anything behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.stop_for_good()

    @staticmethod
    def _interrupt(number, _frame):
        raise KeyboardInterrupt(f"signal {number}")

    def start(self, argv, log, env=None, cwd=None, stdout=None):
        """Starts argv; stderr, and stdout unless a pipe is asked for, go to the file named log."""
        with open(log, "ab") as out, self._lock:
            if self._is_over:
                raise Failed("everything is being ended")
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=stdout or out,
                stderr=out,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
            child.log = log
            self._running.append(child)
        return child

    def start_listening(self, argv, log, **options):
        """Starts a program whose first line of stdout is `listening URL`, and gives that URL."""
        child = self.start(argv, log, stdout=subprocess.PIPE, **options)
        timer = threading.Timer(START_SECONDS, child.kill)
        timer.start()
        line = child.stdout.readline().decode(errors="replace").split()
        timer.cancel()
        if len(line) != 2 or line[0] != "listening":
            raise Failed(f"{argv[0]} did not start: {tail(log)}")
        threading.Thread(target=child.stdout.read, daemon=True).start()
        return line[1]

    def wait_port(self, child, port):
        """Waits until the child accepts connections on the port."""
        for _ in range(START_SECONDS * 20):
            if child.poll() is not None:
                raise Failed(f"{child.args[0]} ended with {child.returncode}: {tail(child.log)}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise Failed(f"{child.args[0]} does not listen on port {port}: {tail(child.log)}")

    def end(self, child):
        """Ends one of ours and everything in its group."""
        signal_group(child.pid, signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        signal_group(child.pid, signal.SIGKILL)
        child.wait()
        with self._lock:
            if child in self._running:
                self._running.remove(child)

    def stop(self):
        while running := list(self._running):
            self.end(running[-1])

    def stop_for_good(self):
        """As stop(); what another thread is about to start is refused from now on."""
        with self._lock:
            self._is_over = True
        self.stop()


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def tail(path, lines=5):
    try:
        with open(path, errors="replace") as text:
            return " | ".join(line.strip() for line in text.readlines()[-lines:]) or "(it said nothing)"
    except OSError:
        return "(no log)"
