# tables.py - tests of what is written from tables: pages, codes, texts in two languages.
# SPDX-License-Identifier: Apache-2.0
import filecmp
import json
import pathlib
import re
import subprocess
import tempfile

from harness import KANMON, ROOT, contains, environment, equal, ok, skip

CODE = re.compile(r"\bK[0-9]{3}\b")


def kanmon(*words, lang="en"):
    return subprocess.run([KANMON, "--lang", lang, *words], capture_output=True, env=environment("/nonexistent"))


def used_codes():
    """Each code in a literal of the sources, but for the table itself and the comments that explain its form."""
    found = {}
    for path in sorted((ROOT / "src").rglob("*.c")):
        if path.name == "code.c" and path.parent.name == "base" or path.parent.name == "cli":
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for literal in re.findall(r'"(?:[^"\\\n]|\\.)*"', text):
            for code in CODE.findall(literal):
                found.setdefault(code, str(path.relative_to(ROOT)))
    return found


def test_codes():
    table = {entry["code"]: entry for entry in json.loads(kanmon("explain", "-o", "json").stdout)}
    used = used_codes()
    ok(len(used) > 30, "the sources use codes", used)
    equal([f"{code} in {place}" for code, place in sorted(used.items()) if code not in table], [],
          "every code of the sources is explained")
    equal([code for code in table if code not in used], [], "every code that is explained is used")
    equal(list(table), sorted(table), "the codes are in order")
    equal([c for c, e in table.items() if not all(e.values()) or not e["example"].endswith("\n")], [],
          "every code has all its texts")
    japanese = json.loads(kanmon("explain", "-o", "json", lang="ja").stdout)
    equal([e["code"] for e in japanese for k in ("title", "meaning", "remedy") if e[k] == table[e["code"]][k]], [],
          "every code is explained in Japanese")


def test_explain():
    unknown = kanmon("explain", "K199")
    equal(unknown.returncode, 2, "an unknown code is a wrong usage")
    contains(unknown.stderr.decode(), "the nearest is K112", "and the nearest code is named")
    equal(kanmon("explain", "K102", "K103").returncode, 2, "two codes are a wrong usage")
    one = kanmon("explain", "k102").stdout.decode()
    ok(one.startswith("K102: "), "a code may be written small", one)
    ok(max(len(line) for line in one.splitlines()) <= 78, "prose ends at column 78", one)
    contains(kanmon("explain", "K102", lang="ja").stdout.decode(), "対処:", "Japanese is spoken where it is asked for")
    equal(json.loads(kanmon("explain", "K804", "-o", "json").stdout)["code"], "K804", "one code as JSON")


def test_pages():
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([str(ROOT / "tools" / "gen-docs"), str(pathlib.Path(KANMON).parent), folder],
                              capture_output=True)
        equal(made.returncode, 0, "tools/gen-docs writes the pages")
        fresh = {p.relative_to(folder) for p in pathlib.Path(folder).rglob("*") if p.is_file()}
        ok(len(fresh) > 25, "there are pages", fresh)
        stale = [str(p) for p in sorted(fresh)
                 if not (ROOT / "docs" / p).exists() or not filecmp.cmp(pathlib.Path(folder, p), ROOT / "docs" / p, shallow=False)]
        equal(stale, [], "docs/ holds what tools/gen-docs writes")
    kept = {p.relative_to(ROOT / "docs") for p in (ROOT / "docs" / "man").rglob("*.[15]")}
    equal(sorted(map(str, kept - fresh)), [], "docs/man holds nothing else")


def test_manuals():
    pages = sorted((ROOT / "docs" / "man").glob("*.[15]"))
    try:
        noise = [p.name + ": " + subprocess.run(["groff", "-man", "-ww", "-K", "utf8", "-Tutf8", str(p)],
                                                capture_output=True, check=True).stderr.decode() for p in pages]
    except FileNotFoundError:
        skip("groff takes the manual pages", "groff is not installed")
        return
    equal([line for line in noise if not line.endswith(": ")], [], "groff takes the manual pages")


def test_schema():
    schema = json.loads((ROOT / "docs" / "reference" / "kanmon.schema.json").read_text())
    ok("listen" in schema["properties"] and "servers" in schema["properties"], "the schema has the config's keys")
    equal(schema["additionalProperties"], False, "and no others")


def test_texts():
    done = subprocess.run([str(ROOT / "tools" / "po-check"), str(ROOT)], capture_output=True)
    ok(done.returncode == 0, "every text has a Japanese one, and none is left over", done.stdout.decode())


TESTS = (test_codes, test_explain, test_pages, test_manuals, test_schema, test_texts)
