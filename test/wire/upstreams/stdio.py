#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# stdio.py - the test server as a program: stdio.py [--name NAME] [--record FILE] [--tools FILE] [--capabilities JSON] [--prompts N]
# [--resources URI…] [--templates TEXT…] [--eras WORDS] [--die METHOD] [--garble METHOD].
import argparse
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from core import Core  # noqa: E402


class Pipe:
    def __init__(self):
        self.lock = threading.Lock()

    def send(self, text):
        self.send_bytes(text.encode("utf-8", "surrogatepass") + b"\n")

    def send_bytes(self, data):
        with self.lock:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    @staticmethod
    def is_open():
        return True


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--name", default="peer")
    words.add_argument("--record")
    words.add_argument("--tools")
    words.add_argument("--capabilities", type=json.loads)
    words.add_argument("--prompts", type=int, default=0)
    words.add_argument("--resources", nargs="*", default=[])
    words.add_argument("--templates", nargs="*", default=[])
    words.add_argument("--eras", default="legacy,modern")
    words.add_argument("--die", metavar="METHOD")
    words.add_argument("--garble", metavar="METHOD")
    given = words.parse_args()
    tools = None
    if given.tools:
        with open(given.tools) as text:
            tools = json.load(text)
    core = Core(given.name, tools, given.capabilities, given.record, given.eras.split(","), given.die,
                given.garble)
    core.prompts = given.prompts
    core.resources, core.templates = given.resources, given.templates
    pipe = Pipe()
    for line in sys.stdin.buffer:
        raw = line.decode().rstrip("\n")
        message = core.read(raw)
        if message:
            threading.Thread(target=core.answer, args=(message, raw, pipe), daemon=True).start()
        while core.deaf.is_set():
            time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    os._exit(0)
