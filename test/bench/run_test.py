#!/usr/bin/env python3
# run_test.py - what test/bench/run takes for a figure, and what it does not.
# SPDX-License-Identifier: Apache-2.0
import importlib.machinery
import importlib.util
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
LOADER = importlib.machinery.SourceFileLoader("bench_test_run", str(pathlib.Path(__file__).with_name("run")))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_test_run", LOADER))
LOADER.exec_module(run)

import figures  # noqa: E402
import page as pages  # noqa: E402

GOOD = dict.fromkeys(run.FIGURES, 1.5)


class FiguresTest(unittest.TestCase):
    def test_what_is_no_object(self):
        for text in ("", "bench: noise", "[]", "1", json.dumps(GOOD) * 2, "noise\n" + json.dumps(GOOD), '{"x": NaN}'):
            self.assertIsInstance(run.faults(text, True), str, text)

    def test_what_is_no_figure(self):
        for key in run.FIGURES:
            for value in (None, 0, -1.5, True, "1.5", [], "1e999"):
                text = json.dumps({**GOOD, key: value}).replace('"1e999"', "1e999")
                found = run.faults(text, True)
                self.assertEqual([name for name, wrong in found.items() if wrong], [key], text)
            self.assertTrue(run.faults(json.dumps({name: 1 for name in run.FIGURES if name != key}), True)[key])

    def test_figures(self):
        self.assertEqual(set(run.faults(json.dumps(GOOD), True).values()), {""})
        self.assertEqual(set(run.faults(json.dumps(dict.fromkeys(run.FIGURES, 1)), False).values()), {""})

    def test_what_only_root_can_see(self):
        for key in run.ROOT_ONLY:
            text = json.dumps({**GOOD, key: None})
            self.assertIsNone(run.faults(text, False)[key])
            self.assertTrue(run.faults(text, True)[key])
            self.assertTrue(run.faults(json.dumps({**GOOD, key: 0}), False)[key])

    def test_what_people_wrote_is_kept(self):
        result = {key: None for key, *_ in pages.LABELS}
        result |= {"machine": {"cpu": "x", "cpus": 2, "kernel": "6", "load_before": 0, "commit": None}, "versions": {},
                   "revision": "2025-11-25", "rounds": 7, "command": "bench/run", "rows": [], "idle": None, "eras": None, "flat": None, "streams": None, "notes": ["one"]}
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "RESULTS.md"
            pages.write_results(page, result)
            self.assertTrue(page.read_text().endswith("- one\n"))
            page.write_text(page.read_text() + "\n" + pages.BY_HAND + "\n\nMostly in the kernel.\n")
            pages.write_results(page, result | {"notes": ["two"]})
            text = page.read_text()
            self.assertIn("- two\n\n" + pages.BY_HAND + "\n\nMostly in the kernel.\n", text)
            self.assertNotIn("- one", text)

    def test_the_benchmark_gives_them(self):
        found = figures.summary(figures.Runs(), {}, {"run_start": None, "eras": None, "flat": None, "streams": None})
        self.assertEqual(set(run.FIGURES) - set(found), set())


if __name__ == "__main__":
    unittest.main()
