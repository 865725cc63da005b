#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""whittle's memory is bounded by the variety of what a program does, never by how long it does it."""
import json
import os
import subprocess
import sys
import time

WHITTLE = os.environ["WHITTLE"]
PROGRAM = os.path.join(os.environ["WH_LIVE"], "repeat")
ENGINE = os.environ.get("WH_ENGINE") or "plain"
# A sanitizer keeps freed memory back, and makes everything slower.
SANITIZED = "ASAN_OPTIONS" in os.environ
if SANITIZED:
    os.environ["ASAN_OPTIONS"] += ":quarantine_size_mb=1:malloc_context_size=2"
MANY = 50000 if SANITIZED else 400000
failed = False


def high_water(pid):
    """The greatest resident size of a process so far, in KiB; 0 when it has none any more."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def record(what, times):
    """Record the program in a folder of its own: (whittle's greatest resident size in KiB, the trace, folder)."""
    folder = os.path.join(os.getcwd(), f"{what}-{times}")
    os.mkdir(folder)
    trace = folder + ".json"
    child = subprocess.Popen([WHITTLE, "record", "--engine", ENGINE, "-o", trace, "--", PROGRAM, what, str(times)], cwd=folder)
    # Not ru_maxrss: that of a child has in it what this process had when it forked.
    size = 0
    while child.poll() is None:
        size = max(size, high_water(child.pid))
        time.sleep(0.02)
    if child.returncode or not size:
        print(f"not ok {what}-{times}: whittle record ended with {child.returncode} (size {size})")
        sys.exit(1)
    with open(trace, encoding="utf-8") as f:
        return size, json.load(f), folder


def check(name, good, why):
    global failed
    if good:
        print(f"ok {name}")
    else:
        failed = True
        print(f"not ok {name}: {why}")


def count(trace, name):
    return sum(s["count"] for s in trace["syscalls"] if s["name"] == name)


# Not a short one: it would be over before its size was looked at near its end.
FEW = MANY // 25
small, _, _ = record("getpid", FEW)
large, trace, _ = record("getpid", MANY)
check("getpid/memory", large < small + 1024, f"{small} KiB for {FEW:,} calls, {large} KiB for {MANY:,}")
whole = not trace["runs"][0].get("counts_partial")
check("getpid/count", count(trace, "getpid") == MANY or not whole, f"{count(trace, 'getpid')} getpid counted")
check("getpid/gaps", trace["gaps"] == [], f"gaps: {trace['gaps']}")

# Two stops a call, or more: over a million events that were all seen before, but no two in a row alike.
KNOWN = MANY // 2 // 16 * 16  # whole rounds of its questions
small, _, _ = record("known", KNOWN // 25)
large, trace, _ = record("known", KNOWN)
check("known/memory", large < small + 1024, f"{small} KiB for {KNOWN // 25:,} calls, {large} KiB for {KNOWN:,}")
check("known/gaps", trace["gaps"] == [], f"gaps: {trace['gaps']}")
check("known/count", count(trace, "access") + count(trace, "faccessat") >= KNOWN // 4,
      f"{count(trace, 'access')} access counted")

few, trace, _ = record("names", 5000)
size_few = os.path.getsize("names-5000.json")
many, trace, folder = record("names", 20000)
size = os.path.getsize("names-20000.json")
check("names/memory", many < few + 1024, f"{few} KiB for 5,000 names, {many} KiB for 20,000")
print(f"whittle used {small} and {large} KiB, {few} and {many} KiB")
check("names/size", size < size_few + 4096, f"a trace of {size_few} bytes for 5,000 names, {size} for 20,000")
kinds = {g["kind"] for g in trace["gaps"]}
check("names/gap", kinds == {"many-files"}, f"gaps: {trace['gaps']}")
patterns = {f["access"] for f in trace["files"] if f["path"] == folder + "/folder/*"}
check("names/pattern", {"create", "write", "unlink"} <= patterns, f"accesses of folder/*: {patterns}")
check("names/count", count(trace, "unlink") + count(trace, "unlinkat") == 20000,
      f"{count(trace, 'unlink')} unlinks counted")
# Nothing is lost in sum: those with a name of their own and those under the pattern.
for access in ("create", "write", "unlink"):
    total = sum(sum(f["outcomes"].values()) for f in trace["files"]
                if f["path"].startswith(folder + "/folder/") and f["access"] == access)
    check(f"names/sum-{access}", total == 20000, f"all that was counted adds up to {total}")
sys.exit(1 if failed else 0)
