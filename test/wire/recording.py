# recording.py - puts a recorder on both sides of the gate; afterwards every message the gate sent must fit its schema.
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "record.mjs")
SCHEMA_CHECK = os.path.join(HERE, "schema-check.mjs")
COVERAGE = os.path.join(HERE, "coverage.mjs")
CHECK_SECONDS = 120
NO_SCHEMAS = 77

# Where a message was taken down: by whom the gate was talking to, then at which of its doors.
CLIENT_LEGS = ["client-kanmon-run", "client-mcp-server", "client-serve-stdio", "client-mcp"]
SERVER_LEGS = ["server-stdio", "server-http", "server-of-all"]
DIRECT_LEG = "direct"


class Recording:
    """One folder with a file a leg. `measured` says whether it is the gate that is recorded, or the peers alone."""

    def __init__(self, started, folder, measured, legs=(CLIENT_LEGS, SERVER_LEGS)):
        self.started = started
        self.legs = legs
        self.folder = folder
        self.measured = measured
        self.relays = {}
        self.lock = threading.Lock()
        os.makedirs(folder, exist_ok=True)

    def log(self, leg):
        return os.path.join(self.folder, f"{leg}.jsonl")

    def _is_recorded(self, leg):
        return (leg == DIRECT_LEG) != self.measured

    def argv(self, leg, argv):
        return ["node", RECORD, "stdio", self.log(leg), *argv] if self._is_recorded(leg) else argv

    def url(self, leg, url):
        """One relay for one host and port, however many rows use it."""
        if not self._is_recorded(leg):
            return url
        at = url.index("/", len("http://"))
        with self.lock:
            return self._relay(leg, "http", "0", url[:at]) + url[at:]

    def unix(self, leg, path):
        if not self._is_recorded(leg):
            return path
        with self.lock:
            return self._relay(leg, "unix", f"{path}.{leg}", path).removeprefix("unix:")

    def _relay(self, leg, *words):
        if (leg, *words) not in self.relays:
            kind, *rest = words
            log = os.path.join(self.folder, "record.log")
            self.relays[leg, *words] = self.started.start_listening(["node", RECORD, kind, self.log(leg), *rest], log)
        return self.relays[leg, *words]

    def is_valid(self):
        """Prints what was sent and what of it does not fit its schema. Nothing sent to a side is not valid either.

        Without schemas nothing can be told: schema-check says so as TAP, and who needs them has none.
        """
        if self.measured:
            files = [(option, leg) for option, legs in zip(("--clients", "--servers"), self.legs) for leg in legs]
        else:
            files = [(None, DIRECT_LEG)]
        there = [(option, self.log(leg)) for option, leg in files if os.path.exists(self.log(leg))]
        words = [word for pair in there for word in pair if word]
        checked = subprocess.run(["node", SCHEMA_CHECK, *words], timeout=CHECK_SECONDS)
        if checked.returncode == NO_SCHEMAS:
            return not os.environ.get("KANMON_NEEDS_SHARED")
        return checked.returncode == 0

    def is_complete(self):
        """Prints which capability passed which door how often; false when one never did."""
        return subprocess.run(["node", COVERAGE, self.folder], timeout=CHECK_SECONDS).returncode == 0
