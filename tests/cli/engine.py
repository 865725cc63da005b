# SPDX-License-Identifier: Apache-2.0
"""Cases of run.py: --engine, where an engine cannot be had, and what the adaptive one does to hot programs.

Each of these programs does one call so often that the engine looks away. It may not, on a machine that is slow
beyond reason: then 450 stops take a quarter of a second.
"""
import json
import os
import re
import sys

from kit import DENY, PTRACE, TOP, case, check, equal, one_line, whittle

sys.path.insert(0, os.path.join(TOP, "tests"))
import harness  # noqa: E402  (in the folder above)

compare = harness.module("equal", "compare.py")
BPF, SECCOMP = "321", "317"  # x86_64
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
TIMES = 5000
PYTHON = ["/usr/bin/python3", "-I", "-S", "-c"]
HOT = f"import os\nfor i in range({TIMES}): os.getppid()\n"
STATUS = "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('NoNewPrivs')], flush=True)\n"


def recorded(tmp, name, *args, **more):
    """(the trace, its run, standard output) of what must end well."""
    done = whittle("record", "-o", name, *args, cwd=tmp, **more)
    check(done.returncode == 0, f"exit status {done.returncode}: {done.stderr.decode()[-500:]}")
    with open(os.path.join(tmp, name), encoding="utf-8") as f:
        trace = json.load(f)
    return trace, trace["runs"][0], done.stdout.decode()


def count(trace, name):
    return sum(s["count"] for s in trace["syscalls"] if s["name"] == name)


def filters(run):
    return sum(int(n) for note in run.get("engine_notes", []) for n in re.findall(r"with (\d+) filters", note))


def same_facts(plain, other):
    lines = compare.compare(plain, other, promises=compare.promises(os.environ["WH_BUILD"]))
    check(not lines, "; ".join(lines[:5]))


# ---- what cannot be had ---------------------------------------------------------------------------

@case
def engine_unknown(tmp):
    one_line(whittle("record", "-o", "x", "--engine", "fast", "--", "true", cwd=tmp),
             "whittle record: --engine does not know 'fast'; it takes one of auto|plain|adaptive|assisted")
    equal(os.listdir(tmp), [])


def refused(tmp, words, *args, **more):
    done = whittle("record", "-o", "x", *args, "--", "true", cwd=tmp, **more)
    said = done.stderr.decode()
    equal(done.returncode, 2, "exit status")
    check(said.startswith("whittle record: ") and said.count("\n") == 1 and words in said, f"it said {said!r}")
    check(not os.path.exists(os.path.join(tmp, "x")), "there is a trace")


@case
def engine_without_rights(tmp):
    """What an engine needs and has not is an error by name: nothing else is taken in its place."""
    os.chmod(tmp, 0o777)
    refused(tmp, "--engine assisted: only root may load BPF programs", "--engine", "assisted", **NOBODY)
    refused(tmp, "--engine assisted: the kernel takes no BPF program", "--engine", "assisted", before=[*DENY, BPF])
    refused(tmp, "this kernel has no seccomp filters", "--engine", "adaptive", before=[*DENY, SECCOMP])
    refused(tmp, "under a seccomp filter", "--engine", "adaptive", before=[*DENY, BPF])
    refused(tmp, "cannot trace", "--engine", "plain", before=[*DENY, PTRACE],
            env={"ASAN_OPTIONS": "detect_leaks=0"})


@case
def engine_auto(tmp):
    """It takes what there is, and says why nothing better."""
    _, best, _ = recorded(tmp, "a.json", "--", "true")
    denied = [*DENY, BPF, *DENY, SECCOMP]
    _, rest, _ = recorded(tmp, "b.json", "--", "true", before=denied)
    equal(rest["engine"], "plain", "the engine where there is neither BPF nor seccomp")
    check(best["engine_reason"] and rest["engine_reason"], "no reason")
    if best["engine"] != "plain":
        check(f"{best['engine']} is not to be had (" in rest["engine_reason"], rest["engine_reason"])
    said = whittle("show", "b.json", cwd=tmp).stdout.decode()
    check(f"engine plain: {rest['engine_reason']}\n" in said, said)


@case
def engine_auto_lets_listen(tmp):
    """A program gets the seccomp listener that it asks for, unless an engine was asked for that may be in its way."""
    program = os.path.join(os.environ["WH_BUILD"], "live", "tree-listener")
    trace, run, _ = recorded(tmp, "a.json", "--no-new-privs", "--", program,
                             before=["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin"])
    equal(run["engine"], "adaptive", "the engine where there is no BPF")
    check(run["counts_partial"], "each call has stopped")
    equal([g["kind"] for g in trace["gaps"]], ["own-seccomp"], "gaps")


# ---- the adaptive engine's filters ----------------------------------------------------------------

@case
def adaptive_unprivileged(tmp):
    """Without CAP_SYS_PTRACE the tracer sets no_new_privs by itself, and says so; nothing is lost by it."""
    os.chmod(tmp, 0o777)
    program = [*PYTHON, STATUS + HOT + STATUS + "os.getpgrp()"]
    plain, _, said = recorded(tmp, "p.json", "--engine", "plain", "--", *program, **NOBODY)
    equal(said, "['0']\n['0']\n", "NoNewPrivs")
    trace, run, said = recorded(tmp, "a.json", "--engine", "adaptive", "--", *program, **NOBODY)
    equal(said, "['0']\n['1']\n", "NoNewPrivs")
    check(filters(run) > 0 and any("set no_new_privs" in n for n in run["engine_notes"]), run["engine_notes"])
    check(run["counts_partial"] and count(trace, "getppid") < TIMES, "each call has stopped")
    equal(run["uid"], 65534, "uid")
    same_facts(plain, trace)


@case
def adaptive_no_right(tmp):
    """Who may not have a filter is watched at each call, to the end."""
    program = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *PYTHON, HOT + STATUS]
    trace, run, said = recorded(tmp, "a.json", "--engine", "adaptive", "--", *program)
    equal((filters(run), count(trace, "getppid"), said), (0, TIMES, "['0']\n"), "filters, calls, no_new_privs")
    check(any("neither CAP_SYS_ADMIN nor no_new_privs" in n for n in run["engine_notes"]), run["engine_notes"])
    _, run, said = recorded(tmp, "b.json", "--engine", "adaptive", "--no-new-privs", "--", *program)
    check(filters(run) > 0 and said == "['1']\n", f"{filters(run)} filters, {said}")


@case
def adaptive_second_filter(tmp):
    """One thread, two programs: what the first may not be asked about any more the second is."""
    perl = f"for (1..{TIMES}) {{ getppid() }} getpgrp(0); mkdir 'new'"
    program = [*PYTHON, HOT + f"os.execv('/usr/bin/perl', ['perl', '-e', {perl!r}])"]
    plain, _, _ = recorded(tmp, "p.json", "--engine", "plain", "--", *program)
    os.rmdir(os.path.join(tmp, "new"))
    trace, run, _ = recorded(tmp, "a.json", "--engine", "adaptive", "--", *program)
    equal(run["tasks"], 1, "threads")
    check(filters(run) >= 2, run.get("engine_notes"))
    same_facts(plain, trace)


@case
def adaptive_after_startup(tmp):
    """A filter from the start-up would be in the service's way: none comes before it is ready."""
    wait = "open('ready', 'w').close()\nimport time\ntime.sleep(1.5)\n"
    trace, run, _ = recorded(tmp, "a.json", "--engine", "adaptive", "--ready", "file:ready", "--", *PYTHON, HOT + wait)
    equal((filters(run), count(trace, "getppid")), (0, TIMES), "filters and calls")
    os.unlink(os.path.join(tmp, "ready"))
    later = HOT.replace("getppid", "getpgrp")
    trace, run, _ = recorded(tmp, "b.json", "--engine", "adaptive", "--ready", "file:ready", "--", *PYTHON,
                             HOT + wait + later)
    equal(count(trace, "getppid"), TIMES, "calls in the start-up")
    check(filters(run) > 0 and 0 < count(trace, "getpgrp") < TIMES, f"{count(trace, 'getpgrp')} calls of the service")
