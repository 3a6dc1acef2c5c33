#!/usr/bin/env python3
# cells_test.py - the quick cells cover what they must, and the table of empty marks is held to its rules.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cells  # noqa: E402

REASON = "section | 2025-11-25 | why"
EMPTY = "server | empty"


def table(*rows):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as text:
        text.write("\n".join(rows))
        text.flush()
        return cells.EmptyCells(text.name)


class EmptyTest(unittest.TestCase):
    def test_a_row_that_covers_nothing(self):
        with self.assertRaises(cells.Wrong):
            table(f"{EMPTY} | sdk9 | * | memory | tools | {REASON}")

    def test_a_row_without_a_reason(self):
        with self.assertRaises(cells.Wrong):
            table(f"{EMPTY} | sdk1 | * | memory | tools | section | 2025-11-25 |")

    def test_a_row_of_nobody(self):
        for first in ("nobody | empty", "server | perhaps"):
            with self.assertRaises(cells.Wrong):
                table(f"{first} | sdk1 | * | memory | tools | {REASON}")

    def test_two_rows_for_one_mark(self):
        with self.assertRaises(cells.Wrong):
            table(f"{EMPTY} | sdk1 | * | dual-http | tools | {REASON}", f"{EMPTY} | * | ws | dual-http | * | {REASON}")

    def test_what_a_row_covers(self):
        empty = table(f"{EMPTY} | sdk1 raw-* | ws | dual-* | task* | {REASON}")
        self.assertIsNotNone(empty.reason(cells.Cell("raw-2024-11-05", "ws", "dual-http"), "tasks"))
        self.assertIsNone(empty.reason(cells.Cell("sdk2-auto", "ws", "dual-http"), "tasks"))
        self.assertIsNone(empty.reason(cells.Cell("sdk1", "http", "dual-http"), "tasks"))

    def test_share(self):
        # Two clients of six, all transports, one feature of thirteen; what is refused is no empty mark.
        refused = f"server | refused | sdk1 sdk2-auto | * | * | prompts | {REASON}"
        empty = table(f"{EMPTY} | sdk1 sdk2-auto | * | * | tools | {REASON}", refused)
        self.assertAlmostEqual(empty.share(), 100 * 2 / 6 / 13)
        cell = cells.Cell("sdk1", "ws", "dual-http")
        self.assertEqual((empty.absent(cell), "prompts" in empty.features(cell), "tools" in empty.features(cell)), (["prompts"], True, False))

    def test_the_table(self):
        empty = cells.EmptyCells()
        self.assertLessEqual(empty.share(), cells.MAX_EMPTY_PERCENT)
        self.assertEqual(empty.empty_cells(), 0)


class QuickTest(unittest.TestCase):
    def test_every_pair(self):
        quick, every = cells.quick_cells(), cells.all_cells()
        for one, other in ((0, 1), (0, 2), (1, 2)):
            self.assertEqual({(cell[one], cell[other]) for cell in every}, {(cell[one], cell[other]) for cell in quick})

    def test_every_feature(self):
        empty = cells.EmptyCells()
        seen = {feature for cell in cells.quick_cells() for feature in empty.features(cell)}
        self.assertEqual(seen, set(cells.FEATURES))

    def test_is_a_part(self):
        self.assertLess(len(cells.quick_cells()), len(cells.all_cells()) / 5)

    def test_only(self):
        some = cells.chosen(cells.all_cells(), ["sdk1/ws/dual-http", "*/run/memory"])
        self.assertEqual(len(some), 1 + len(cells.CLIENTS))


if __name__ == "__main__":
    unittest.main()
