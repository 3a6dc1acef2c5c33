#!/usr/bin/env python3
# check_test.py - ./check in a tree of its own: what is missing fails, what is skipped is told.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 60
sys.path.insert(0, str(ROOT / "test" / "wire"))

import recording  # noqa: E402

SHARED = "the schemas are not there: ../shared/data/schema"


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kanmon-check-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(ROOT / "check", self.folder)
        (self.folder / "tools").mkdir()
        for name in ("needs.sh", "count-results"):
            shutil.copy(ROOT / "tools" / name, self.folder / "tools")

    def script(self, *lines):
        path = self.folder / "test" / "cli" / "run"
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
        path.chmod(0o755)

    def check(self, **more):
        """The exit status of ./check cli, and what it said."""
        env = {name: value for name, value in os.environ.items() if name != "KANMON_NEEDS_SHARED"}
        done = subprocess.run(["./check", "cli"], cwd=self.folder, env={**env, **more}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=SECONDS)
        return done.returncode, done.stdout.splitlines()

    def test_a_scenario_that_is_gone(self):
        code, said = self.check()
        self.assertEqual(code, 1, said)
        self.assertEqual(said[-1], "0 passed, 1 failed, 0 skipped")

    def test_a_skip_for_want_of_shared_data(self):
        self.script("ok 1 - one", f"ok 2 - two # SKIP {SHARED}", "1..2")
        code, said = self.check(KANMON_NEEDS_SHARED="1")
        self.assertEqual(code, 1, said)
        self.assertEqual(said[-1], "1 passed, 1 failed, 1 skipped")
        code, said = self.check()
        self.assertEqual(code, 0, said)
        self.assertEqual(said[-1], "1 passed, 0 failed, 1 skipped")
        self.assertIn(f"skipped: cli: two: {SHARED}", said)

    def test_another_skip(self):
        self.script("ok 1 - one", "ok 2 - two # SKIP only root can do this", "1..2")
        code, said = self.check(KANMON_NEEDS_SHARED="1")
        self.assertEqual(code, 0, said)
        self.assertEqual(said[-1], "1 passed, 0 failed, 1 skipped")
        self.assertIn("skipped: cli: two: only root can do this", said)

    def test_a_file_and_a_step_that_are_skipped_as_a_whole(self):
        self.script("1..0 # SKIP no folder", "ok 1 - one")
        self.assertIn("skipped: cli: no folder", self.check()[1])
        shutil.rmtree(self.folder / "test")
        self.script("skipped: nothing to do it with", "1 passed, 0 failed")
        self.assertIn("skipped: cli: nothing to do it with", self.check()[1])

    def test_nothing_is_skipped(self):
        self.script("ok 1 - one", "1..1")
        code, said = self.check(KANMON_NEEDS_SHARED="1")
        self.assertEqual((code, said[-1]), (0, "1 passed, 0 failed, 0 skipped"))
        self.assertEqual([line for line in said if line.startswith("skipped: ")], [])


class CountTest(unittest.TestCase):
    def count(self, *words):
        done = subprocess.run([ROOT / "tools" / "count-results", *words], capture_output=True, text=True, timeout=SECONDS)
        return done.stdout.splitlines()

    def with_text(self, text, *words):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(text)
            file.flush()
            return self.count(*words, file.name)

    def test_junit_names_what_was_skipped(self):
        text = f"""<testsuites><testsuite name="kanmon.json/suite"><testcase name="json/suite"><skipped/>
<system-out>1..0 # SKIP {SHARED}</system-out></testcase></testsuite><testsuite name="kanmon.store/store">
<testcase name="1 - a"/><testcase name="2 - b"><skipped/></testcase><system-out>ok 1 - a
ok 2 - b # SKIP only root</system-out></testsuite></testsuites>"""
        self.assertEqual(self.with_text(text, "--junit"),
                         [f"# SKIP json/suite: {SHARED}", "# SKIP store/store: b: only root", "1 passed, 0 failed, 2 skipped"])

    def test_the_matrix_without_schemas(self):
        row = "client server stdio own 3 ok 3 ok same\n"
        self.assertEqual(self.with_text(row, "0"), ["1 0 0"])
        self.assertEqual(self.with_text(row + f"1..0 # SKIP {SHARED}\n", "0"), ["1 0 1"])

    def test_a_skipped_step_counts(self):
        self.assertEqual(self.with_text("skipped: not here\n", "0"), ["0 0 1"])


class RecordingTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(setattr, recording, "subprocess", subprocess)
        self.addCleanup(os.environ.pop, "KANMON_NEEDS_SHARED", None)
        os.environ.pop("KANMON_NEEDS_SHARED", None)

    def is_valid(self, code):
        class Done:
            run = staticmethod(lambda *_, **__: subprocess.CompletedProcess([], code))

        recording.subprocess = Done
        with tempfile.TemporaryDirectory() as folder:
            return recording.Recording(None, folder, measured=True).is_valid()

    def test_no_schemas(self):
        self.assertTrue(self.is_valid(recording.NO_SCHEMAS))
        os.environ["KANMON_NEEDS_SHARED"] = "1"
        self.assertFalse(self.is_valid(recording.NO_SCHEMAS))
        self.assertTrue(self.is_valid(0))
        self.assertFalse(self.is_valid(1))


if __name__ == "__main__":
    unittest.main()
