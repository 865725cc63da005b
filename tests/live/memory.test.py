#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""whittle's memory is bounded by the variety of what a program does, never by how long it does it."""
import json
import os
import sys

WHITTLE = os.environ["WHITTLE"]
PROGRAM = os.path.join(os.environ["WH_LIVE"], "repeat")
failed = False


def record(what, times):
    """Record the program; (whittle's greatest resident size in KiB, the trace)."""
    trace = f"{what}-{times}.json"
    pid = os.fork()
    if pid == 0:
        os.execv(WHITTLE, [WHITTLE, "record", "-o", trace, "--", PROGRAM, what, str(times)])
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"not ok {what}-{times}: whittle record ended with {status}")
    with open(trace, encoding="utf-8") as f:
        return usage.ru_maxrss, json.load(f)


def check(name, good, why):
    global failed
    if good:
        print(f"ok {name}")
    else:
        failed = True
        print(f"not ok {name}: {why}")


def count(trace, name):
    return sum(s["count"] for s in trace["syscalls"] if s["name"] == name)


# ru_maxrss of a child counts what it had before execve too: keep this process small, and compare
# with a recording that is short.
small, _ = record("getpid", 1000)
large, trace = record("getpid", 1000000)
check("getpid/memory", large < small + 2048, f"{small} KiB for 1,000 calls, {large} KiB for 1,000,000")
check("getpid/count", count(trace, "getpid") == 1000000, f"{count(trace, 'getpid')} getpid counted")
check("getpid/gaps", trace["gaps"] == [], f"gaps: {trace['gaps']}")

few, _ = record("names", 6000)
many, trace = record("names", 20000)
size = os.path.getsize("names-20000.json")
check("names/memory", many < few + 4096, f"{few} KiB for 6,000 names, {many} KiB for 20,000")
check("names/size", size < 8 << 20, f"the trace of 20,000 names has {size} bytes")
check("names/gap", any(g["kind"] == "many-files" for g in trace["gaps"]),
      f"no gap says that names were left out: {trace['gaps']}")
folder = os.path.join(os.getcwd(), "folder")
stars = {f["access"] for f in trace["files"] if f["path"] == folder + "/*"}
check("names/pattern", {"create", "write", "unlink"} <= stars, f"accesses of {folder}/*: {stars}")
check("names/count", count(trace, "unlink") + count(trace, "unlinkat") == 20000,
      f"{count(trace, 'unlink')} unlinks counted")
# Nothing is lost in sum: those with a name of their own and those under the pattern.
total = sum(sum(f["outcomes"].values()) for f in trace["files"]
            if f["path"].startswith(folder + "/") and f["access"] == "unlink")
check("names/sum", total == 20000, f"the unlinks of all names add up to {total}")
sys.exit(1 if failed else 0)
