# watch.py - what a gate's own processes hold (memory, descriptors, threads), what runs below them, and whether that stays so.
# SPDX-License-Identifier: Apache-2.0
import collections
import os
import statistics
import time

from processes import processes, roles, tree

SHARE = 0.05
# Below it a change says nothing: the allocator asks for 128 KiB more than it needs, and gives back from 128 KiB on. What would
# stay of each of ten thousand clients is more.
FLOOR_KB = 256
SAMPLES = 5
# Nothing was asked of it for so long, and a process has given back what it has free: it looks every two seconds whether the two
# before were quiet.
REST_SECONDS = 5
PAUSE_SECONDS = 0.1
# What is judged; a process's share of what several map (`pss`) changes with the others, so it is only shown.
MEMORY = ("rss", "anon")


def read(path):
    try:
        with open(path) as text:
            return text.read()
    except OSError:
        return ""


def rows(path):
    """The rows `Name: 12 kB` of a file under /proc."""
    found = {}
    for line in read(path).splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            found[words[0].rstrip(":")] = int(words[1])
    return found


def connections(port):
    """The inodes of this machine's connections to a port of its own."""
    found = set()
    for line in read("/proc/net/tcp").splitlines()[1:]:
        words = line.split()
        if int(words[2].rpartition(":")[2], 16) == port:
            found.add(f"socket:[{words[9]}]")
    return found


def descriptors(pid):
    """What each descriptor of a process stands for."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    return found


def measure(pid, kept=frozenset()):
    """What one process holds, in KiB and by count.

    The ring of records is shared and of one size, so it is no part of the memory. `kept`: connections to a server that are
    there for the next call; how many depends on how many calls were under way at once, so they are counted for themselves.
    """
    status, smaps = rows(f"/proc/{pid}/status"), rows(f"/proc/{pid}/smaps_rollup")
    threads = [line.split()[1] for line in read(f"/proc/{pid}/status").splitlines() if line.startswith("Threads:")]
    open_ones = descriptors(pid)
    n_kept = sum(name in kept for name in open_ones)
    return {"rss": status.get("RssAnon", 0) + status.get("RssFile", 0), "anon": status.get("RssAnon", 0),
            "pss": smaps.get("Pss", 0) - smaps.get("Pss_Shmem", 0), "fds": len(open_ones) - n_kept, "kept": n_kept,
            "threads": int(threads[0])}


def window(gate, ports=(), samples=SAMPLES, rest=0):
    """role → what it holds, each figure the median of some samples taken after so many seconds in which nothing is asked of the gate."""
    time.sleep(rest)
    taken = collections.defaultdict(list)
    for _ in range(samples):
        kept = set().union(*map(connections, ports))
        for name, pid in roles(gate).items():
            taken[name].append(measure(pid, kept))
        time.sleep(PAUSE_SECONDS)
    return {name: {key: statistics.median(one[key] for one in of) for key in of[0]} for name, of in taken.items()}


def middle(windows):
    """Several windows as one."""
    return {name: {key: statistics.median(one[name][key] for one in windows if name in one) for key in figures}
            for name, figures in windows[0].items()}


def changes(before, after):
    """What of two windows is not the same: a line for each."""
    found = [f"{name} has come or gone" for name in before.keys() ^ after.keys()]
    for name in sorted(before.keys() & after.keys()):
        for key in ("fds", "threads"):
            if before[name][key] != after[name][key]:
                found.append(f"{name}: {key} {before[name][key]:g} → {after[name][key]:g}")
        for key in MEMORY:
            was, now = before[name][key], after[name][key]
            if abs(now - was) > max(was * SHARE, FLOOR_KB):
                found.append(f"{name}: {key} {was:g} → {now:g} KiB ({(now - was) / max(was, 1):+.1%})")
    return found


def text(figures):
    return "; ".join(f"{name} rss {one['rss']:.0f} anon {one['anon']:.0f} pss {one['pss']:.0f} KiB fds {one['fds']:.0f}+{one['kept']:.0f} threads {one['threads']}"
                     for name, one in figures.items())


def servers(gate):
    """What runs below the gate and is not its own: servers, and who watches over them."""
    own = set(roles(gate).values())
    return [pid for pid in tree(gate.process.pid) if pid not in own]


def strays(gate, folder):
    """Processes that were started for this gate and are not below it, by the folder in their words."""
    own = set(tree(gate.process.pid))
    return [(pid, words) for pid, (_, words) in processes().items()
            if pid not in own and pid != os.getpid() and any(folder in word for word in words)]


def zombies(root, all_of_them=False):
    """Dead processes nobody has collected: those of the tree, or, where all processes are ours, those of all others than `root`."""
    alive = set(tree(root))
    return [pid for pid, (parent, _) in processes(dead=True).items() if all_of_them or parent in alive]


def cpu_seconds(pid):
    """On a processor, all threads together."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        words = read(f"/proc/{pid}/task/{thread}/schedstat").split()
        total += int(words[0]) if words else 0
    return total / 1e9


def stolen_seconds():
    """How long processors of this machine would have run something and were taken away: another machine on the same host had them."""
    words = read("/proc/stat").splitlines()[:1][0].split()
    return int(words[8]) / os.sysconf("SC_CLK_TCK")
