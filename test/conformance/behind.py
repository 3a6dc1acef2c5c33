#!/usr/bin/env python3
# behind.py - what the suite starts as its client to see the gate as one: behind.py URL puts a gate before the URL and client.mjs before the gate.
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "wire"))

from gate import Gate  # noqa: E402
from started import Failed, Started  # noqa: E402

CLIENT_SECONDS = 28


def main(url):
    with tempfile.TemporaryDirectory(prefix="kanmon-suite-") as folder, Started() as started:
        gate = Gate(started, {"mock": {"url": url}}, folder=folder).start()
        argv = ["node", os.path.join(HERE, "client.mjs"), gate.url("mock")]
        try:
            status = subprocess.run(argv, env={**os.environ, "CLIENT_TOKEN": gate.token}, timeout=CLIENT_SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = 1
        with open(gate.log, errors="replace") as log:
            sys.stderr.write(log.read())
        return status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except Failed as failed:
        print(failed, file=sys.stderr)
        sys.exit(2)
