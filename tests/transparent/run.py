#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs that check themselves: first alone, where each check must pass, then under each engine.

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

Prints a line a case: "ok PROGRAM-CHECK-ENGINE" or "not ok …: why". Must be root. NAME is a part of a program's name.
An engine that filters shows in a program's own /proc/self/status; CANNOT has what it therefore cannot hide.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# {engine: {check: why no tracer of that kind can pass}}
SEEN = "its filter is seen in the status"
CANNOT = {
    "assisted": {"seccomp-mode": SEEN, "seccomp-filters": SEEN, "PR_GET_SECCOMP": SEEN},
}


def run(command, cwd):
    """(exit status, {check: passed every time}, all it printed)"""
    with tempfile.TemporaryFile("w+") as err:
        try:
            done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                                  text=True, errors="replace", timeout=120, check=False)
            status, out = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            status, out = "no end in time", (late.stdout or b"").decode("utf-8", "replace")
        err.seek(0)
        said = err.read()
    checks = {}
    for line in out.splitlines():
        good = line.startswith("ok ")
        if good or line.startswith("not ok "):
            name = line.split(" ", 1 if good else 2)[-1]
            checks[name] = checks.get(name, True) and good
    return status, checks, out + said[-1000:]


def run_program(options, name, top):
    """How many cases failed."""
    program, failed = os.path.join(options.build, "transparent", name), 0

    def say(case, why=None):
        nonlocal failed
        failed += why is not None
        print(f"not ok {case}: {why}" if why is not None else f"ok {case}", flush=True)

    def note(text):
        print("".join(f"  {line}\n" for line in text.splitlines()[-20:] if not line.startswith("ok ")), end="")

    status, alone, text = run([program], top)
    bad = [c for c, passed in alone.items() if not passed]
    if status != 0 or bad or not alone:
        note(text)
        say(f"{name}-untraced", f"the test is broken: exit status {status}, failed: {' '.join(bad)}")
        return failed
    say(f"{name}-untraced")
    for engine in options.engines.split(","):
        trace = os.path.join(top, f"{name}-{engine}.json")
        status, checks, text = run([options.whittle, "record", "--engine", engine, "-o", trace, "--", program], top)
        excused = CANNOT.get(engine, {})
        if status != 0:
            note(text)
            say(f"{name}-{engine}", f"exit status {status}")
        for check in sorted(set(alone) | set(checks)):
            case = f"{name}-{check}-{engine}"
            if checks.get(check) and check in alone:
                say(case)
            elif check in excused and check in checks:
                print(f"skip {case}: {excused[check]}", flush=True)
            else:
                say(case, "it fails under the tracer" if check in checks else "it did not get there")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whittle", default=os.environ.get("WHITTLE"))
    parser.add_argument("--build", default=os.environ.get("WH_BUILD"))
    parser.add_argument("--engines", default=os.environ.get("WH_ENGINES", "plain"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not options.build or os.getuid() != 0:
        parser.error("must be root, with --build or WH_BUILD")
    options.build = os.path.abspath(options.build)
    options.whittle = os.path.abspath(options.whittle or os.path.join(options.build, "whittle"))
    programs = sorted(f[:-2] for f in os.listdir(HERE) if f.endswith(".c"))
    top, failed = tempfile.mkdtemp(prefix="whittle-transparent."), 0
    try:
        for name in programs:
            if not options.names or any(n in name for n in options.names):
                failed += run_program(options, name, top)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
