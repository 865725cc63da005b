#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs that check themselves: first alone, where each check must pass, then under each engine.

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

A program prints "ok CHECK" or "not ok CHECK", as often as it likes, and "= CHECK VALUE" of what must be the same as alone.
Prints a line a case: "ok PROGRAM-CHECK-ENGINE" or "not ok …: why". Must be root. NAME is a part of a program's name.
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

# What no engine can give, as a task has one tracer: each refuses it, as plain does.
REFUSED = {"PTRACE_ATTACH", "PTRACE_SEIZE", "PTRACE_TRACEME"}


class Run:
    """One run of a program: its status, its checks ({name: passed every time}), its values, and all that was said."""

    def __init__(self, command, folder):
        with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            _, self.status = harness.run_limited(command, 120, cwd=harness.fresh(folder), stdout=out, stderr=err)
            for f in (out, err):
                f.seek(0)
            lines, said = out.read().splitlines(), err.read()[-1000:].splitlines()
        self.checks, self.values = {}, {}
        for line in lines:
            if line.startswith("= "):
                name, _, value = line[2:].partition(" ")
                self.values.setdefault(name, []).append(value)
            good = line.startswith("ok ")
            if good or line.startswith("not ok "):
                name = line.split(" ", 1 if good else 2)[-1]
                self.checks[name] = self.checks.get(name, True) and good
        self.said = [line for line in lines + said if not line.startswith(("ok ", "= "))][-20:]


def run_alone(name, program, top, results):
    """Whether the test can be used: alone, it must pass."""
    alone = Run([program], os.path.join(top, name))
    bad = sorted(c for c, passed in alone.checks.items() if not passed)
    wrong = alone.status != 0 or bad or not alone.checks
    results.say(f"{name}-untraced", [f"the test is broken: exit status {alone.status}, failed: {' '.join(bad)}",
                                     *alone.said] if wrong else [])
    return None if wrong else alone


def judge(name, engine, alone, traced, results):
    for check, values in alone.values.items():
        other = traced.values.get(check)
        results.say(f"{name}-{check}-{engine}", [] if other == values else
                    ["it is another one under the tracer", f"alone:  {values}", f"traced: {other}"])
    if traced.status != 0:
        results.say(f"{name}-{engine}", [f"exit status {traced.status}", *traced.said])
    for check in sorted(set(alone.checks) | set(traced.checks)):
        case = f"{name}-{check}-{engine}"
        if check in REFUSED and check in traced.checks:
            results.say(case, ["it has a second tracer"] if traced.checks[check] else [])
        elif traced.checks.get(check) and check in alone.checks:
            results.say(case)
        elif check in traced.checks:
            results.say(case, ["it fails under the tracer", *(line for line in traced.said if check in line)])
        else:
            results.say(case, ["it did not get there"])


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    options = harness.parse(parser)
    results = harness.Results()
    folder = os.path.join(options.build, "transparent")
    with harness.temporary("transparent", options.keep) as top:
        def traced(name, engine):
            return Run([options.whittle, "record", "--engine", engine, "-o", os.path.join(top, f"{name}-{engine}.json"),
                        "--", os.path.join(folder, name)], os.path.join(top, f"{name}-{engine}"))

        names = [name for name in sorted(os.listdir(folder)) if harness.wanted(options, name)]
        alone = {name: run_alone(name, os.path.join(folder, name), top, results) for name in names}
        jobs = [(name, engine) for name in names if alone[name] for engine in options.engines]
        # Most of their time they wait.
        for (name, engine), run in zip(jobs, harness.in_parallel(traced, jobs, 3)):
            judge(name, engine, alone[name], run, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
