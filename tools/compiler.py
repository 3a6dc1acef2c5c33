# compiler.py - how a source file of this tree is compiled by hand: flags, jobs and the list of files.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGES = ["libuv", "libsodium", "libseccomp", "libfyaml", "sqlite3", "openssl", "libpcre2-8"]
LLHTTP_INCLUDE = os.environ.get("LLHTTP_INCLUDE", "/usr/share/include/llhttp")
JOBS = max(1, os.cpu_count() or 1)


def version():
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as text:
        return re.search(r"version: '([^']+)'", text.read()).group(1)


def flags():
    """What meson.build gives every file, but for the warnings."""
    found = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True, check=True)
    return [
        "-std=gnu17",
        "-D_GNU_SOURCE",
        f'-DKANMON_VERSION="{version()}"',
        "-DLLHTTP_STRICT_MODE=1",
        f"-I{ROOT}/src",
        f"-I{ROOT}",
        f"-I{ROOT}/test",
        f"-isystem{LLHTTP_INCLUDE}",
        *found.stdout.split(),
        "-include",
        f"{ROOT}/src/base/banned.h",
    ]


def files(*folders, ends=(".c", ".h")):
    """Every source file below the folders, relative to the root, sorted."""
    found = []
    for folder in folders:
        for base, below, names in os.walk(os.path.join(ROOT, folder)):
            below[:] = sorted(name for name in below if name not in ("node_modules", "corpus", "work", "out"))
            found += [os.path.relpath(os.path.join(base, name), ROOT) for name in sorted(names) if name.endswith(ends)]
    return found


def parallel(work, items, jobs=JOBS):
    """work(item) for each item, on as many threads as there are processors; results in order."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, items))
