#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""whittle and what it traces are under a seccomp filter already, as in a container: calls that it refuses were made."""
import ctypes
import errno
import os
import struct
import subprocess
import sys

from recording import ENGINE, NO_LEAKS, WHITTLE, case, expect, load, main

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
# Of those each kind: what an engine with filters stops for, and what it lets pass.
REFUSED = {83: errno.EPERM, 84: errno.EACCES, 110: errno.EPERM, 170: errno.EPERM, 272: errno.EPERM, 6: errno.ELOOP,
           319: errno.ENOSYS}  # mkdir rmdir getppid sethostname unshare lstat memfd_create

PROGRAM = r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def refused(call, *args):
    try:
        call(*args)
    except OSError:
        return
for i in range(40):
    refused(os.mkdir, "made")
    refused(os.rmdir, "/")
    refused(os.memfd_create, "x")
    libc.getppid()
    libc.syscall(6, b"/etc/passwd", ctypes.create_string_buffer(256))
    libc.sethostname(b"x", 1)
    libc.unshare(0x20000)
    os.stat("/etc/passwd")
    os.sched_yield()
if not os.fork():
    refused(os.mkdir, "child")
    libc.getppid()
    os._exit(0)
os.wait()
"""


def statement(code, k, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, k)


def put_filter():
    program = statement(0x20, 0)  # the number
    for nr, err in REFUSED.items():
        program += statement(0x15, nr, 0, 1) + statement(0x06, ERRNO | err)
    program += statement(0x06, ALLOW)
    code = ctypes.create_string_buffer(program)
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    if ctypes.CDLL(None).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0):
        os._exit(99)


def run(engine):
    argv = [WHITTLE, "record", "-o", f"{engine}.json", "--engine", engine, "--", "/usr/bin/python3", "-S", "-c", PROGRAM]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
                          preexec_fn=put_filter, env=NO_LEAKS)


def record(engine):
    done = run(engine)
    expect(done.returncode == 0, f"exit status {done.returncode}: {done.stderr}")
    return load(f"{engine}.json")


def facts(trace):
    """Names, and with which errors; paths, and how they were answered."""
    calls = {(f["name"], tuple(sorted(f.get("errors", {})))) for f in trace["syscalls"]}
    files = {(f["path"], f["access"], tuple(sorted(f.get("outcomes", {})))) for f in trace["files"]}
    return calls | files


@case
def refused_calls_are_seen():
    if ENGINE == "adaptive":
        done = run("adaptive")
        expect(done.returncode == 2 and "under a seccomp filter" in done.stderr, f"it was not refused: {done.stderr}")
        return
    trace = record(ENGINE or "plain")
    errors = {f["name"]: f.get("errors", {}) for f in trace["syscalls"]}
    for name, error in (("mkdir", "EPERM"), ("rmdir", "EACCES"), ("getppid", "EPERM"), ("sethostname", "EPERM"),
                        ("unshare", "EPERM"), ("lstat", "ELOOP"), ("memfd_create", "ENOSYS")):
        expect(error in errors.get(name, {}), f"{name}: {errors.get(name)}, not {error}")
    expect(not trace.get("gaps"), f"gaps: {trace.get('gaps')}")
    expect(trace["runs"][0]["seccomp_mode"] == 2, "the filter that was there does not show")


@case
def same_facts():
    """As many and no more than plain sees; auto takes what can see them."""
    other = "auto" if ENGINE in (None, "adaptive") else ENGINE
    one, two = facts(record("plain")), facts(record(other))
    expect(one == two, f"lost {sorted(one - two)}, invented {sorted(two - one)}")


if __name__ == "__main__":
    sys.exit(main())
