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

    def __init__(self, started, folder, measured):
        self.started = started
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
        """One relay for one address, however many rows use it."""
        if not self._is_recorded(leg):
            return url
        with self.lock:
            if (leg, url) not in self.relays:
                argv = ["node", RECORD, "http", self.log(leg), "0", url]
                relay = self.started.start_listening(argv, os.path.join(self.folder, "record.log"))
                self.relays[leg, url] = relay + url[url.index("/", len("http://")) :]
            return self.relays[leg, url]

    def is_valid(self):
        """Prints what was sent and what of it does not fit its schema. Nothing sent to a side is not valid either.

        Without schemas nothing can be told: schema-check says so as TAP, and who needs them has none.
        """
        if self.measured:
            files = [("--clients", leg) for leg in CLIENT_LEGS] + [("--servers", leg) for leg in SERVER_LEGS]
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
