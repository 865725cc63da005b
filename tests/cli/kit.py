# SPDX-License-Identifier: Apache-2.0
"""What the cases of run.py share: running whittle, comparing, and the list of cases."""
import os
import subprocess

from cases import EXECUTABLE, FILES

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
WHITTLE = os.path.abspath(os.environ.get("WHITTLE", "whittle"))
DENY = ["/usr/bin/python3", os.path.join(HERE, "deny.py")]
PTRACE = "101"  # x86_64

class Wrong(Exception):
    pass


def check(condition, why):
    if not condition:
        raise Wrong(why)


def equal(got, want, what="got"):
    check(got == want, "%s %r, wanted %r" % (what, got, want))


def whittle(*args, before=(), env=None, cwd=None, timeout=120, **more):
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/", "TMPDIR": cwd or "/tmp"}
    for name, value in os.environ.items():
        if name.startswith(("ASAN_", "UBSAN_", "LSAN_", "WHITTLE_")):
            environment[name] = value
    environment.update(env or {})
    if not {"stdout", "stdin", "input"} & set(more):
        more["stdin"] = subprocess.DEVNULL
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([*before, WHITTLE, *args], stderr=subprocess.PIPE, cwd=cwd, env=environment, timeout=timeout,
                          **more)


def listing(folder):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files)


def put_files(folder):
    for name, text in FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    for name in EXECUTABLE:
        os.chmod(os.path.join(folder, name), 0o755)


def one_line(done, want, status=2):
    equal(done.stderr.decode("utf-8", "replace"), want + "\n", "standard error")
    equal(done.returncode, status, "exit status")
    if done.stdout is not None:
        equal(done.stdout, b"", "standard output")


# ---- cases ----------------------------------------------------------------------------------------

CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function
