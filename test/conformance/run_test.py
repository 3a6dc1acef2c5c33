#!/usr/bin/env python3
# run_test.py - what the comparison of the conformance suite takes for a shortfall.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import across  # noqa: E402
import suite as run  # noqa: E402


def counts(**scenarios):
    """A column: scenario=statuses, a letter a check: S success, F failure, I information."""
    words = {"S": "SUCCESS", "F": "FAILURE", "I": "INFO"}
    return run.count({
        name: [{"id": f"{name}-{i}", "status": words[letter]} for i, letter in enumerate(letters)]
        for name, letters in scenarios.items()
    })


def shortfall(alone, gate, required=("tools",)):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        return run.shortfall(alone, gate, required), said.getvalue()


class ShortfallTest(unittest.TestCase):
    def test_a_check_missing_behind_the_gate(self):
        short, said = shortfall(counts(tools="SSS"), counts(tools="SS"))
        self.assertEqual(short, ["tools"])
        self.assertIn("tools-2", said)

    def test_a_check_that_is_information_behind_the_gate(self):
        self.assertEqual(shortfall(counts(tools="SS"), counts(tools="SI"))[0], ["tools"])

    def test_a_check_missing_in_a_scenario_that_is_not_required(self):
        self.assertEqual(shortfall(counts(tools="S", other="SSF"), counts(tools="S", other="SF"))[0], ["other"])

    def test_one_scenario_more_does_not_make_up_for_a_check_less(self):
        self.assertEqual(shortfall(counts(tools="SS"), counts(tools="S", other="SSS"))[0], ["tools"])

    def test_a_failure_behind_the_gate(self):
        self.assertEqual(shortfall(counts(tools="SS"), counts(tools="SSF"))[0], ["tools"])
        self.assertEqual(shortfall(counts(tools="S", other="S"), counts(tools="S", other="SF"))[0], ["other"])

    def test_a_scenario_missing_behind_the_gate(self):
        self.assertEqual(shortfall(counts(tools="S", other="S"), counts(tools="S"))[0], ["other"])

    def test_what_is_short_alone(self):
        self.assertEqual(shortfall(counts(tools="SF"), None)[0], ["tools"])
        self.assertEqual(shortfall(counts(), None)[0], ["tools"])
        self.assertEqual(shortfall(counts(tools="I"), None)[0], ["tools"])

    def test_no_shortfall(self):
        self.assertEqual(shortfall(counts(tools="SSI"), counts(tools="SSI"))[0], [])
        self.assertEqual(shortfall(counts(tools="S"), counts(tools="SS"))[0], [])
        self.assertEqual(shortfall(counts(tools="S", other="F"), counts(tools="S", other="F"))[0], [])
        self.assertEqual(shortfall(counts(tools="S"), None)[0], [])


class ReadTest(unittest.TestCase):
    def test_a_scenario_that_was_run_twice(self):
        with tempfile.TemporaryDirectory() as out:
            for day, status in (("01", "FAILURE"), ("02", "SUCCESS")):
                folder = os.path.join(out, f"server-tools-list-2026-01-{day}T00-00-00-000Z")
                os.makedirs(folder)
                with open(os.path.join(folder, "checks.json"), "w") as file:
                    json.dump([{"id": "a", "status": status}], file)
            found = run.read_counts(out)
        self.assertEqual((found.passed, found.failed, list(found.scenarios)), (1, 1, ["tools-list"]))


class AcrossTest(unittest.TestCase):
    """Between eras, what is expected is all that may be missing."""

    def judge(self, alone, gate, expected=()):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            return across.judge(alone, gate, dict.fromkeys(expected, "why")), said.getvalue()

    def test_a_failure_nobody_expected(self):
        wrong, said = self.judge(counts(tools="SS"), counts(tools="SF"))
        self.assertEqual(wrong, 1)
        self.assertIn("tools:tools-1", said)

    def test_a_check_that_is_not_there(self):
        self.assertEqual(self.judge(counts(tools="SS"), counts(tools="S"))[0], 1)

    def test_a_scenario_that_is_not_there(self):
        self.assertEqual(self.judge(counts(tools="SS", more="S"), counts(tools="SS"))[0], 1)

    def test_an_expected_failure_that_succeeds(self):
        wrong, said = self.judge(counts(tools="SS"), counts(tools="SS"), ["tools:tools-1"])
        self.assertEqual(wrong, 1)
        self.assertIn("it succeeds", said)

    def test_an_expected_failure(self):
        self.assertEqual(self.judge(counts(tools="SS"), counts(tools="SF"), ["tools:tools-1"])[0], 0)

    def test_what_fails_in_one_era_too(self):
        self.assertEqual(self.judge(counts(tools="SF"), counts(tools="SF"))[0], 0)

    def test_a_row_without_a_reason(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as table:
            table.write("tools:tools-1 | section | 2025-11-25 |\n")
            table.flush()
            with self.assertRaises(run.Failed):
                across.read_expected("2025-11-25", table.name)

    def test_the_table_is_good(self):
        for revision in across.OTHER_ERA:
            self.assertTrue(across.read_expected(revision))


if __name__ == "__main__":
    unittest.main()
