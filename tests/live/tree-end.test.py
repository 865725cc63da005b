#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How recordings end: by themselves, after the grace, by signals to whittle, by whittle's own death."""
import os
import pty
import select
import signal
import subprocess
import sys
import time

from recording import (WHITTLE, case, count, expect, expect_run, finish, gone, main, pid_from, python, record,
                       run_of, start, wait_for)

# ---- ends ------------------------------------------------------------------------------------------

@case
def exit_statuses():
    """How the program ends is told in words, and is exit status 1 if it is no success."""
    for code, want, outcome in (("exit 0", 0, "exited 0"), ("exit 3", 1, "exited 3"),
                                ("kill -SEGV $$", 1, "killed by SIGSEGV"),
                                ("kill -TERM $$", 1, "killed by SIGTERM")):
        status, _, _ = record("--", "sh", "-c", code)
        expect_run(status, want, outcome=outcome, failed=bool(want), complete=True)


@case
def grace():
    """A service that does not heed SIGTERM is killed after the grace; one that does may take its time."""
    status, _, _ = record("--ready", "file:up", "--duration", "0.3", "--grace", "1", "--", "sh", "-c",
                          "trap '' TERM; touch up; while :; do sleep .1; done")
    expect_run(status, 0, outcome="stopped by whittle, killed after 1 s")
    took = run_of()["duration_ms"]
    expect(1200 < took < 6000, f"it took {took} ms")
    os.unlink("up")
    status, _, _ = record("--ready", "file:up", "--duration", "0.3", "--grace", "8", "--", "sh", "-c",
                          "trap 'sleep .5; mkdir tidied; exit 9' TERM; touch up; while :; do sleep .1; done")
    expect_run(status, 0, outcome="stopped by whittle")
    expect(os.path.isdir("tidied") and count("mkdir") == 1, "what it did at the end was not seen")


@case
def stop_reaches_daemons():
    """The program has left a daemon behind: it is stopped, too."""
    started = time.monotonic()
    status, _, _ = record("--ready", "file:daemon", "--duration", "0.5", "--grace", "20", "--", "sh", "-c",
                          "setsid sh -c 'echo $$ > daemon; exec sleep 1000' & exit 0")
    expect_run(status, 0, outcome="stopped by whittle")
    expect(gone(pid_from("daemon")), "the daemon is still there")
    expect(time.monotonic() - started < 15, "it took the whole grace")


# ---- signals to whittle ----------------------------------------------------------------------------

@case
def interrupted():
    """SIGINT ends an open recording in good order; a second one does not wait for the service."""
    for plan, complete in ([], True), (["--duration", "100"], False):
        child = start(*plan, "--", "sh", "-c", "trap 'mkdir -p tidied; exit 0' TERM; "
                      "echo $$ > pid; while :; do sleep .1; done")
        pid = pid_from("pid")
        child.send_signal(signal.SIGINT)
        status, _, _ = finish(child)
        expect_run(status, 0, outcome="stopped by SIGINT", complete=complete)
        expect(gone(pid) and os.path.isdir("tidied"), "the service was not stopped by SIGTERM")
        os.unlink("pid")
    child = start("--grace", "100", "--", "sh", "-c",
                  "trap '' TERM; echo $$ > pid; while :; do sleep .1; done")
    pid = pid_from("pid")
    child.send_signal(signal.SIGINT)
    time.sleep(0.5)
    expect(not gone(pid), "the first SIGINT killed it")
    child.send_signal(signal.SIGINT)
    status, _, _ = finish(child, 20)
    expect_run(status, 0, outcome="stopped by SIGINT, killed at once", complete=False)


@case
def terminated():
    child = start("--", "sh", "-c", "echo $$ > pid; while :; do sleep .1; done")
    pid = pid_from("pid")
    child.terminate()
    status, _, _ = finish(child)
    expect_run(status, 0, outcome="stopped by SIGTERM", complete=True)
    expect(gone(pid), "the service is still there")


@case
def forwarded():
    """Other signals are the service's."""
    child = start("--", "sh", "-c", "for s in HUP USR1 USR2 WINCH; do trap \"echo $s >> got\" $s; done; "
                  "trap 'echo QUIT >> got; exit 0' QUIT; echo $$ > pid; while :; do sleep .05; done")
    pid_from("pid")
    for name in ("HUP", "USR1", "USR2", "WINCH", "QUIT"):
        child.send_signal(getattr(signal, "SIG" + name))
        wait_for(lambda n=name: os.path.exists("got") and n in open("got", encoding="utf-8").read(), name)
    status, _, _ = finish(child)
    expect_run(status, 0, outcome="stopped by SIGQUIT")


@case
def group_kill_of_the_tree():
    """A service that signals its own process group means itself, not its tracer."""
    status, _, _ = record("--", "sh", "-c", "trap 'exit 0' TERM; kill -TERM 0; sleep 5",
                          start_new_session=True)
    expect_run(status, 0, outcome="exited 0", complete=True)


@case
def killed_tracer():
    """When whittle is killed, nothing that it traced lives on, and the old trace is untouched."""
    with open("t.json", "w", encoding="utf-8") as f:
        f.write("old")
    child = start("--", "sh", "-c", "sleep 1000 & echo $! > first; setsid sleep 1000 & echo $! > second; "
                  "echo $$ > pid; wait")
    pids = [pid_from(p) for p in ("first", "second", "pid")]
    child.kill()
    finish(child)
    for pid in pids:
        wait_for(lambda p=pid: gone(p), f"{pid} to die")
    with open("t.json", encoding="utf-8") as f:
        expect(f.read() == "old", "the old trace is not what it was")
    left = [n for n in os.listdir(".") if n not in ("first", "second", "pid", "t.json")]
    expect(not left, f"left behind: {left}")


@case
def killed_in_a_call():
    """SIGKILL to the service in the middle of its work: the trace is whole and says how it ended."""
    child = start("--", "sh", "-c", "echo $$ > pid; while :; do : < /etc/passwd; done")
    pid = pid_from("pid")
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    status, _, _ = finish(child)
    expect_run(status, 1, outcome="killed by SIGKILL", failed=True, complete=True)


@case
def pid_one():
    """As PID 1 of a container: orphans are reaped, SIGTERM is passed on."""
    code = ("import os, signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))\n"
            "for i in range(5):\n"
            "    if not os.fork():\n"
            "        if os.fork(): os._exit(0)\n"
            "        time.sleep(.1); os._exit(0)\n"
            "    os.wait()\n"
            "time.sleep(1)\n"
            "open('zombies', 'w').write(str(sum(') Z ' in open(f'/proc/{p}/stat').read()"
            " for p in os.listdir('/proc') if p.isdigit())))\n"
            # Not one long sleep: a signal just before that would wait for its end, as Python runs handlers itself.
            "while True: time.sleep(.1)\n")
    child = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", WHITTLE, "record",
                              "-o", "t.json", "--", *python(code)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: os.path.exists("zombies") and open("zombies", encoding="utf-8").read(), "zombies")
    with open("zombies", encoding="utf-8") as f:
        expect(f.read() == "0", "there are zombies")
    with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="utf-8") as f:
        os.kill(int(f.read().split()[0]), signal.SIGTERM)
    status, _, _ = finish(child)
    expect_run(status, 0, outcome="stopped by SIGTERM", tasks=11)


@case
def terminal():
    """On a terminal there is one line of progress; Ctrl-C ends the recording; colours and codes are ours."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(WHITTLE, [WHITTLE, "record", "-o", "t.json", "--", "sh", "-c",
                           "trap '' INT; trap 'exit 0' TERM; echo $$ > pid; while :; do sleep .1; done"])
    text, sent, deadline = b"", False, time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        text += data
        if not sent and b"serving" in text and os.path.exists("pid"):
            time.sleep(0.6)
            os.write(fd, b"\x03")
            sent = True
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    expect(os.WIFEXITED(status), f"status {status}: {text!r}")
    expect_run(os.WEXITSTATUS(status), 0, outcome="stopped by SIGINT", complete=True)
    for word in ("syscalls", "files", "capabilities", "last news", "\r", "\x1b[K"):
        expect(word.encode() in text, f"{word!r} is not in the progress: {text!r}")


if __name__ == "__main__":
    sys.exit(main())
