# cells.py - what the matrix is made of: clients, transports, servers, features; which cells a quick run takes, and which stay empty.
# SPDX-License-Identifier: Apache-2.0
import collections
import fnmatch
import os

HERE = os.path.dirname(os.path.abspath(__file__))
EMPTY = os.path.join(HERE, "empty.txt")
MAX_EMPTY_PERCENT = 15

FEATURES = ("tools", "resources", "prompts", "completion", "progress", "cancellation", "logging", "roots", "sampling",
            "elicitation", "elicitation-url", "subscriptions", "tasks")

LEGACY, MODERN = "legacy", "modern"
# The eras a client can speak.
CLIENTS = {
    "sdk1": {LEGACY},
    "sdk2-default": {LEGACY},
    "sdk2-auto": {LEGACY, MODERN},
    "sdk2-pinned": {MODERN},
    "raw-2024-11-05": {LEGACY},
    "raw-2025-03-26": {LEGACY},
}
# How a client reaches the gate: `run` is `kanmon run`, which only stdio servers can be behind; `serve` is
# `kanmon serve --stdio`. At `serve` and `unix` several servers are served together, and names have a prefix.
TRANSPORTS = ("run", "serve", "http", "sse", "ws", "unix")
TOGETHER = ("serve", "unix")

# kind: whose features are checked; reach: how the server is reached; eras: what it speaks.
Column = collections.namedtuple("Column", "kind reach eras")
COLUMNS = {
    "everything-stdio": Column("everything", "stdio", {LEGACY}),
    "everything-http": Column("everything", "http", {LEGACY}),
    "everything-sse": Column("everything", "sse", {LEGACY}),
    "filesystem": Column("filesystem", "stdio", {LEGACY}),
    "memory": Column("memory", "stdio", {LEGACY}),
    "thinking": Column("thinking", "stdio", {LEGACY}),
    "modern-stdio": Column("fixture", "stdio", {MODERN}),
    "modern-http": Column("fixture", "http", {MODERN}),
    "legacy-stdio": Column("fixture", "stdio", {LEGACY}),
    "legacy-http": Column("fixture", "http", {LEGACY}),
    "dual-stdio": Column("fixture", "stdio", {LEGACY, MODERN}),
    "dual-http": Column("fixture", "http", {LEGACY, MODERN}),
}
# Which servers are served together: none has an address of a resource that another has, too.
GROUPS = (
    ("legacy-stdio", "everything-stdio", "filesystem"),
    ("legacy-http", "everything-http", "memory"),
    ("modern-stdio", "everything-sse", "thinking"),
    ("modern-http",),
    ("dual-stdio",),
    ("dual-http",),
)


class Cell(collections.namedtuple("Cell", "client transport server")):
    @property
    def id(self):
        return "/".join(self)

    @property
    def kind(self):
        return COLUMNS[self.server].kind


def all_cells():
    return [
        Cell(client, transport, server)
        for client in CLIENTS
        for server in COLUMNS
        for transport in TRANSPORTS
        if transport != "run" or COLUMNS[server].reach == "stdio"
    ]


def pairs(cell):
    return {(cell.client, cell.transport), (cell.client, cell.server), (cell.transport, cell.server)}


def quick_cells():
    """Few cells with every pair of a client, a transport and a server: a Latin square, and what its gaps at `run` leave over."""
    order = [list(CLIENTS), list(TRANSPORTS), list(COLUMNS)]
    every = all_cells()
    quick = {cell for cell in every if sum(names.index(word) for names, word in zip(order, cell)) % len(CLIENTS) == 0}
    missing = set().union(*map(pairs, every)) - set().union(*map(pairs, quick))
    while missing:
        most = max(every, key=lambda cell: len(pairs(cell) & missing))
        quick.add(most)
        missing -= pairs(most)
    return [cell for cell in every if cell in quick]


def chosen(cells, patterns):
    if not patterns:
        return cells
    globs = [pattern if any(mark in pattern for mark in "*?[") else f"*{pattern}*" for pattern in patterns]
    return [cell for cell in cells if any(fnmatch.fnmatchcase(cell.id, glob) for glob in globs)]


# Whose doing it is that a feature cannot be, as a summary says it.
WHOSE = {
    "server": "the server does not offer it",
    "revision": "the client's revision does not have it",
    "eras": "the two eras cannot say it to each other",
}
SHOWN = ("refused", "empty")
COLUMN_NAMES = "whose | shown | clients | transports | servers | features | section | revision | why"


class Wrong(Exception):
    """The table of empty marks says something that is not so."""


class Empty:
    """One row of the table: whose features cannot be, and why."""

    def __init__(self, line, number):
        words = [word.strip() for word in line.split("|")]
        if len(words) != len(COLUMN_NAMES.split("|")) or not all(words):
            raise Wrong(f"{EMPTY}:{number}: nine columns, none empty: {COLUMN_NAMES}")
        self.whose, self.shown = words[:2]
        if self.whose not in WHOSE or self.shown not in SHOWN:
            raise Wrong(f"{EMPTY}:{number}: whose is one of {', '.join(WHOSE)}; shown one of {', '.join(SHOWN)}")
        self.line = line.strip()
        self.patterns = [word.split() for word in words[2:6]]
        self.reason = f"{words[6]} ({words[7]}): {words[8]}"
        self.uses = 0

    def covers(self, cell, feature):
        return all(
            any(fnmatch.fnmatchcase(value, glob) for glob in globs) for value, globs in zip((*cell, feature), self.patterns)
        )


class EmptyCells:
    """The table, read whole; every row must be of use, and no mark may have two reasons."""

    def __init__(self, path=EMPTY):
        self.rows = []
        with open(path) as text:
            for number, line in enumerate(text, 1):
                if line.strip() and not line.startswith("#"):
                    self.rows.append(Empty(line, number))
        self.found = {}
        for cell in all_cells():
            for feature in FEATURES:
                self._note(cell, feature)
        unused = [row.line for row in self.rows if not row.uses]
        if unused:
            raise Wrong(f"{path}: of no use: {unused[0]}")

    def _note(self, cell, feature):
        rows = [row for row in self.rows if row.covers(cell, feature)]
        if len(rows) > 1:
            raise Wrong(f"{EMPTY}: two rows for {cell.id} {feature}: {rows[0].line} and {rows[1].line}")
        for row in rows:
            row.uses += 1
            self.found[cell, feature] = row

    def row(self, cell, feature):
        """Why the feature cannot be there; None where it can."""
        return self.found.get((cell, feature))

    def reason(self, cell, feature):
        row = self.row(cell, feature)
        return row and row.reason

    def absent(self, cell):
        """What is to be refused in a cell."""
        return [feature for feature in FEATURES if (row := self.row(cell, feature)) and row.shown == "refused"]

    def features(self, cell):
        """What is to be checked in a cell."""
        return [feature for feature in FEATURES if not (row := self.row(cell, feature)) or row.shown == "refused"]

    def empty_cells(self):
        """Cells in which nothing is checked at all."""
        return sum(not self.features(cell) for cell in all_cells())

    def share(self):
        """Percent of all marks that are empty."""
        marks = len(all_cells()) * len(FEATURES)
        return 100 * sum(row.shown == "empty" for row in self.found.values()) / marks
