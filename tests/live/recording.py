# SPDX-License-Identifier: Apache-2.0
"""For the scripts among the live tests: start recordings, look at their traces, run cases."""
import json
import os
import re
import socket
import subprocess
import sys
import time

WHITTLE = os.environ["WHITTLE"]
ENGINE = os.environ.get("WH_ENGINE")
# The leak check of a sanitizer build is itself a tracer, and waits for its parent by getppid().
NO_LEAKS = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
CASES = []


class Wrong(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


def expect(good, why):
    if not good:
        raise Wrong(why)


def start(*args, trace="t.json", **kwargs):
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    engine = ["--engine", ENGINE] if ENGINE and "--engine" not in args else []
    return subprocess.Popen([WHITTLE, "record", "-o", trace, *engine, *args], stdin=subprocess.DEVNULL,
                            text=True, **kwargs)


def finish(child, timeout=60):
    """(exit status, stdout, stderr); a recording that does not end is wrong."""
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise Wrong("it did not end in time") from None
    return child.returncode, out, err


def record(*args, timeout=60, **kwargs):
    return finish(start(*args, **kwargs), timeout)


def load(trace="t.json"):
    with open(trace, encoding="utf-8") as f:
        return json.load(f)


def run_of(trace="t.json"):
    return load(trace)["runs"][0]


def expect_run(status, want_status, **want):
    run = run_of()
    expect(status == want_status, f"exit status {status}, not {want_status}: {run['outcome']}")
    for key, value in want.items():
        have = run.get(key)
        good = value.search(have or "") if isinstance(value, re.Pattern) else have == value
        expect(good, f"run.{key} is {have!r}, not {value!r}")


def wait_for(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        expect(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.02)


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def pid_from(path):
    wait_for(lambda: os.path.exists(path) and open(path, encoding="utf-8").read().strip(), path)
    with open(path, encoding="utf-8") as f:
        return int(f.read())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def python(code, *args):
    return ["/usr/bin/python3", "-S", "-c", code, *map(str, args)]


def count(name, trace="t.json"):
    return sum(s["count"] for s in load(trace)["syscalls"] if s["name"] == name)


def main():
    names = sys.argv[1:]
    failed = 0
    top = os.getcwd()
    for function in CASES:
        if names and function.__name__ not in names:
            continue
        os.mkdir(function.__name__)
        os.chdir(function.__name__)
        started = time.monotonic()
        try:
            function()
            print(f"ok {function.__name__}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            why = str(error).strip().replace("\n", " | ")
            if not isinstance(error, Wrong):
                why = f"{type(error).__name__}: {why}"
            print(f"not ok {function.__name__}: {why}", flush=True)
        print(f"{function.__name__}: {time.monotonic() - started:.1f} s", file=sys.stderr)
        os.chdir(top)
    return 1 if failed else 0
