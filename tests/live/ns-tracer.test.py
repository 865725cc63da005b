#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""whittle in a pid namespace of its own, as in a container: ids that the kernel tells are not all whittle's."""
import subprocess
import sys

from recording import ENGINE, WHITTLE, case, expect, load, main

PROGRAM = r"""
import os, threading, signal
def work():
    os.listdir("/etc")
    open("/etc/passwd").close()
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
for _ in range(50):
    pid = os.fork()
    if not pid:
        try:
            os.stat("/nowhere")
        except OSError:
            pass
        os.sched_yield()
        os._exit(0)
    os.waitpid(pid, 0)
pid = os.fork()
if not pid:
    os.execv("/bin/true", ["true"])
os.waitpid(pid, 0)
os.kill(os.getpid(), 0)
"""


def record(trace, *before):
    argv = [*before, WHITTLE, "record", "-o", trace, "--engine", ENGINE or "plain", "--", "/usr/bin/python3", "-S", "-c",
            PROGRAM]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    expect(done.returncode == 0, f"exit status {done.returncode}: {done.stderr}")
    return load(trace)


def names(trace, kind, *members):
    return {tuple(str(fact.get(m)) for m in members) for fact in trace[kind]}


@case
def same_facts():
    """The same is found inside and outside, by this engine and by plain."""
    outside = record("outside.json")
    one = record("one.json", "unshare", "--pid", "--fork", "--mount-proc")
    two = record("two.json", "unshare", "--pid", "--fork", "--mount-proc",
                 "unshare", "--pid", "--fork", "--mount-proc")
    for inside in (one, two):
        expect(not inside.get("gaps"), f"gaps: {inside.get('gaps')}")
        for kind, members in (("syscalls", ("name",)), ("files", ("path", "access")), ("execs", ("to",))):
            if kind not in outside:
                continue
            lost = names(outside, kind, *members) - names(inside, kind, *members)
            extra = names(inside, kind, *members) - names(outside, kind, *members)
            expect(not lost and not extra, f"{kind}: lost {sorted(lost)}, extra {sorted(extra)}")
        expect(inside["runs"][0]["tasks"] == outside["runs"][0]["tasks"], "not as many tasks")


@case
def few_stops():
    """The tasks inside are watched in the same way: they do not stop more often."""
    def least(*before):  # how often threads wait for each other is chance
        return min(record("t.json", *before)["runs"][0]["stops"] for _ in range(4))

    outside, inside = least(), least("unshare", "--pid", "--fork", "--mount-proc")
    expect(inside < outside * 1.5, f"{inside} stops, outside {outside}")


if __name__ == "__main__":
    sys.exit(main())
