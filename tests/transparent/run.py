#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs that check themselves: first alone, where each check must pass, then under each engine; and, as nobody
with no_new_privs, under each that needs no privilege.

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

A program prints "ok CHECK" or "not ok CHECK", as often as it likes, and "= CHECK VALUE" of what must be the same as alone.
Prints a line a case: "ok PROGRAM-ENGINE" or "not ok …: why". Must be root. NAME is a part of a program's name.
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
            _, self.status = harness.run_limited(command, 120, cwd=folder, stdout=out, stderr=err)
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


class Way:
    """A user and options by which a program runs alone, and under engines."""

    def __init__(self, suffix, engines, before=(), alone=(), extra=()):
        self.suffix, self.engines, self.before, self.alone, self.extra = suffix, engines, before, alone, extra


def ways_of(options):
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    yield Way("", options.engines)
    free = [engine for engine in options.engines if engine == "adaptive"]
    yield Way("-nobody", free, nobody, [*nobody, "--no-new-privs"], ["--no-new-privs"])


def say_alone(case, alone, results, all_pass):
    """Whether it can be compared with: it ran, and, as root, passed."""
    bad = sorted(c for c, passed in alone.checks.items() if not passed)
    wrong = alone.status != 0 or (bad and all_pass) or not alone.checks
    results.say(case, [f"the test is broken: exit status {alone.status}, failed: {' '.join(bad)}", *alone.said] if wrong
                else [])
    return not wrong


def judge(alone, traced):
    """It finds what it finds alone: the differences, as lines."""
    lines = [] if traced.status == 0 else [f"exit status {traced.status}", *traced.said]
    for check, values in alone.values.items():
        if traced.values.get(check) != values:
            lines += [f"{check} is another one under the tracer: alone {values}, traced {traced.values.get(check)}"]
    for check in sorted(set(alone.checks) | set(traced.checks)):
        want = alone.checks.get(check, True) and check not in REFUSED
        if check not in alone.checks or check not in traced.checks:
            lines.append(f"{check} is only there {'alone' if check in alone.checks else 'under the tracer'}")
        elif traced.checks[check] != want:
            lines += [f"{check} {'fails' if want else 'passes'} under the tracer",
                      *(line for line in traced.said if check in line)]
    return lines


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    options = harness.parse(parser)
    results = harness.Results()
    folder = os.path.join(options.build, "transparent")
    with harness.temporary("transparent", options.keep) as top:
        def run(name, way, engine):
            own = os.path.join(top, f"{name}-{engine or 'untraced'}{way.suffix}")
            os.mkdir(own)
            os.chmod(own, 0o777)
            record = [options.whittle, "record", "--engine", engine, *way.extra, "-o", "t.json", "--"] if engine else []
            return Run([*(way.before if engine else way.alone), *record, os.path.join(folder, name)], own)

        names = [name for name in sorted(os.listdir(folder)) if harness.wanted(options, name)]
        jobs = [(name, way, engine) for name in names for way in ways_of(options) if way.engines
                for engine in (None, *way.engines)]
        usable = {}
        # Most of their time they wait.
        for (name, way, engine), made in zip(jobs, harness.in_parallel(run, jobs, 3)):
            if engine:
                if usable[name, way.suffix]:
                    results.say(f"{name}-{engine}{way.suffix}", judge(usable[name, way.suffix], made))
            else:
                good = say_alone(f"{name}-untraced{way.suffix}", made, results, not way.suffix)
                usable[name, way.suffix] = made if good else None
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
