#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a recording begins with: what cannot be run, where the trace goes, what the program is given."""
import ctypes
import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import sys

from recording import (NO_LEAKS, WHITTLE, case, expect, load, main, python, record, run_of)


# ---- what cannot be run ----------------------------------------------------------------------------

def expect_refused(args, words, trace="none.json", **kwargs):
    status, _, err = record(*args, trace=trace, **kwargs)
    expect(status == 2, f"exit status {status}, not 2: {err}")
    lines = err.strip().split("\n")
    expect(len(lines) == 1 and lines[0].startswith("whittle record: "), f"not one clear line: {err!r}")
    for word in words:
        expect(word in lines[0], f"{word!r} is not in {lines[0]!r}")
    expect(not os.path.exists(trace), "there is a trace")


@case
def missing_program():
    expect_refused(["--", "no-such-program"], ["cannot run no-such-program", "PATH"])
    expect_refused(["--", "./no-such-program"], ["cannot run ./no-such-program", "No such file"])
    expect_refused(["--", "/etc/passwd/x"], ["cannot run /etc/passwd/x", "Not a directory"])


@case
def not_executable():
    with open("plain", "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n")
    expect_refused(["--", "./plain"], ["cannot run ./plain", "chmod +x"])
    expect_refused(["--", "/etc"], ["cannot run /etc", "folder"])


@case
def no_program_at_all():
    for name, text, words in (("text", "hello\n", ["Exec format error", "#!"]),
                              ("lost", "#!/no/such/interpreter\n", ["interpreter"])):
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(name, 0o755)
        expect_refused(["--", "./" + name], [f"cannot run ./{name}"] + words)


@case
def traced_already():
    """Under strace -f whittle cannot trace, and says who is in the way."""
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", WHITTLE, "record", "-o", "none.json",
                           "--", "true"], capture_output=True, text=True, timeout=60, check=False,
                          env=NO_LEAKS)
    expect(done.returncode == 2, f"exit status {done.returncode}")
    expect("cannot trace" in done.stderr and "one tracer" in done.stderr, done.stderr)
    expect(not os.path.exists("none.json"), "there is a trace")


def deny_ptrace(request, number):
    """A function that makes ptrace fail for good, as an old Docker's profile or an old kernel would."""
    def deny():
        arch = {"x86_64": (0xC000003E, 101), "aarch64": (0xC00000B7, 117)}[os.uname().machine]
        load, equal, give = 0x20, 0x15, 0x06
        code = [(load, 0, 0, 4), (equal, 0, 5, arch[0]), (load, 0, 0, 0), (equal, 0, 3, arch[1]),
                (load, 0, 0, 16), (equal, 0, 1, request), (give, 0, 0, 0x00050000 | number),
                (give, 0, 0, 0x7FFF0000)]
        if request is None:
            code[4:6] = [(load, 0, 0, 16), (load, 0, 0, 16)]
        text = b"".join(struct.pack("=HBBI", *c) for c in code)
        buf = ctypes.create_string_buffer(text, len(text))
        prog = struct.pack("=H6xQ", len(code), ctypes.addressof(buf))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, prog, 0, 0):
            os._exit(99)
    return deny


@case
def ptrace_forbidden():
    """Where ptrace is not allowed, or too old, it is said what would mend it."""
    # By a filter, under which not each engine can be had.
    expect_refused(["--engine", "plain", "--", "true"], ["cannot trace", "--cap-add SYS_PTRACE"],
                   preexec_fn=deny_ptrace(None, errno.EPERM), env=NO_LEAKS)
    expect_refused(["--engine", "plain", "--", "true"], ["cannot trace", "Linux 5.3"],
                   preexec_fn=deny_ptrace(0x420E, errno.EIO), env=NO_LEAKS)


@case
def foreign_proc():
    """In a pid namespace with the /proc of another every id is wrong: whittle does not begin."""
    # A sanitizer reads its options there.
    no_proc = ("mount -t tmpfs tmpfs /proc && mkdir /proc/self && "
               "printf 'ASAN_OPTIONS=detect_leaks=0\\0' > /proc/self/environ && exec \"$@\"")
    for setup, words in ((["unshare", "--pid", "--fork", "--kill-child"], "another pid namespace"),
                         (["unshare", "--mount", "sh", "-c", no_proc, "sh"], "not the proc filesystem")):
        done = subprocess.run([*setup, WHITTLE, "record", "-o", os.path.abspath("none.json"), "--", "touch",
                               "ran"], capture_output=True, text=True, timeout=60, check=False, env=NO_LEAKS)
        expect(done.returncode == 2 and words in done.stderr, f"{done.returncode}: {done.stderr}")
        expect(not os.path.exists("ran") and not os.path.exists("none.json"), "it began all the same")


@case
def wrong_options():
    for args, words in (
            (["--ready", "tpc:1", "--", "true"], ["--ready tpc:1", "tcp:HOST:PORT"]),
            (["--ready", "tcp:localhost:0", "--", "true"], ["tcp:HOST:PORT"]),
            (["--ready", "https://localhost/", "--", "true"], ["TLS"]),
            (["--ready", "log:(", "--", "true"], ["--ready log:("]),
            (["--grace", "0", "--", "true"], ["grace"]),
            (["--engine", "fast", "--", "true"], ["fast", "plain"])):
        expect_refused(args, words)


# ---- where the trace goes --------------------------------------------------------------------------

@case
def output_is_checked_first():
    """A place that cannot be written is found before the program runs, not after."""
    expect_refused(["--", "touch", "ran"], ["nowhere"], trace="nowhere/t.json")
    expect(not os.path.exists("ran"), "the program was run")


@case
def full_disk():
    """The disk fills up during the recording: exit 2, the old trace is untouched, nothing else is left."""
    os.mkdir("small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", "small"], check=True)
    try:
        with open("small/t.json", "w", encoding="utf-8") as f:
            f.write("old")
        status, _, err = record("--", "sh", "-c", "cat /dev/zero > small/filler; true",
                                trace="small/t.json")
        expect(status == 2 and "small/t.json" in err and "No space" in err, f"{status}: {err}")
        with open("small/t.json", encoding="utf-8") as f:
            expect(f.read() == "old", "the old trace is not what it was")
        expect(sorted(os.listdir("small")) == ["filler", "t.json"], f"{os.listdir('small')}")
    finally:
        subprocess.run(["umount", "small"], check=True)


@case
def trace_to_stdout():
    """With -o - standard output is the trace alone; what the program writes goes to standard error."""
    status, out, err = record("--load", "echo from-load", "--", "sh", "-c", "echo from-service; sleep 2",
                              trace="-")
    expect(status == 0, f"exit status {status}: {err}")
    expect(json.loads(out)["format"] == "whittle-trace", "no trace")
    expect("from-service" in err and "from-load" in err, err)


@case
def default_output():
    subprocess.run([WHITTLE, "record", "--name", "some", "--", "true"], check=True,
                   capture_output=True)
    expect(run_of("some.trace.json")["name"] == "some", "no some.trace.json")


# ---- what the service is given ---------------------------------------------------------------------

@case
def no_new_privs():
    for option, value in (([], "0"), (["--no-new-privs"], "1")):
        record(*option, "--", "sh", "-c", "grep NoNewPrivs /proc/self/status | cut -f2 > nnp")
        with open("nnp", encoding="utf-8") as f:
            expect(f.read().strip() == value, f"{option}: wrong")
        expect(run_of()["no_new_privs"] == (value == "1"), "the run says otherwise")


@case
def inherits_what_whittle_had():
    """Descriptors, signal mask and ignored signals are those that whittle was started with."""
    code = ("import os, json, signal\n"
            "st = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\n"
            "fds = sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1]\n"
            "json.dump([st['SigBlk'], st['SigIgn'], fds, os.getsid(0), os.getpgid(0)], open('have', 'w'))\n")
    def before():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    have = []
    for command in (python(code), [WHITTLE, "record", "-o", "t.json", "--", *python(code)]):
        subprocess.run(command, preexec_fn=before, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open("have", encoding="utf-8") as f:
            have.append(json.load(f))
    expect(have[0] == have[1], f"without whittle {have[0]}, with it {have[1]}")


@case
def setuid_program():
    """Root's tracing lets a set-id program gain its privilege; without privilege it cannot, and that is said."""
    os.chmod(".", 0o777)
    shutil.copy("/usr/bin/id", "id")
    os.chmod("id", 0o4755)
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    for command, lost in (([WHITTLE, "record", "-o", "t.json", "--", *user, "./id", "-u"], False),
                          ([*user, WHITTLE, "record", "-o", "t.json", "--", "./id", "-u"], True)):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 0, done.stderr)
        expect(done.stdout == ("65534\n" if lost else "0\n"), f"id says {done.stdout}")
        fact = [e for e in load()["execs"] if e["to"] == os.path.realpath("id")]
        expect(fact and fact[0]["gains"] is True and fact[0]["gain_lost"] is lost, f"{fact}")
        kinds = [g["kind"] for g in load()["gaps"]]
        expect(kinds == (["privilege-not-gained"] if lost else []), f"gaps: {kinds}")
        expect(("warning" in done.stderr) is lost, done.stderr)
        os.unlink("t.json")


if __name__ == "__main__":
    sys.exit(main())
