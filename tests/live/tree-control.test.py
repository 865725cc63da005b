#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What surrounds a recording: ready, load, the end, signals to whittle, its death, what cannot be run,
and where the trace goes. Each case is a function; its first line of documentation says what holds.
"""
import ctypes
import errno
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

WHITTLE = os.environ["WHITTLE"]
LIVE = os.environ["WH_LIVE"]
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
    return subprocess.Popen([WHITTLE, "record", "-o", trace, *args], stdin=subprocess.DEVNULL,
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


# A service that listens after a while on a port and answers GET with a status; ends at SIGTERM with 0.
SERVER = """
import http.server, signal, sys, time, threading
port, delay, status = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))
time.sleep(delay)
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", port), H).serve_forever()
"""


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
                           "--", "true"], capture_output=True, text=True, timeout=60, check=False)
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
    expect_refused(["--", "true"], ["cannot trace", "--cap-add SYS_PTRACE"],
                   preexec_fn=deny_ptrace(None, errno.EPERM))
    expect_refused(["--", "true"], ["cannot trace", "Linux 5.3"],
                   preexec_fn=deny_ptrace(0x420E, errno.EIO))


@case
def wrong_options():
    for args, words in (
            (["--ready", "tpc:1", "--", "true"], ["--ready tpc:1", "tcp:HOST:PORT"]),
            (["--ready", "tcp:localhost:0", "--", "true"], ["tcp:HOST:PORT"]),
            (["--ready", "https://localhost/", "--", "true"], ["TLS"]),
            (["--ready", "log:(", "--", "true"], ["--ready log:("]),
            (["--grace", "0", "--", "true"], ["grace"]),
            (["--engine", "adaptive", "--", "true"], ["adaptive", "plain"])):
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


# ---- ready and load --------------------------------------------------------------------------------

@case
def ready_tcp_and_load():
    """The load begins when the port is open, the service gets SIGTERM when it is over; phases differ."""
    port = free_port()
    status, _, err = record("--ready", f"tcp:127.0.0.1:{port}", "--load",
                            f"curl -s http://127.0.0.1:{port}/ > got", "--", *python(SERVER, port, 0.5, 200))
    expect_run(status, 0, outcome="stopped by whittle", load_outcome="exited 0", failed=False,
               complete=True)
    with open("got", encoding="utf-8") as f:
        expect(f.read() == "ok", "the load got nothing")
    phases = {s["name"]: s["phases"] for s in load()["syscalls"]}
    expect(phases["listen"] == ["startup"], f"listen: {phases['listen']}")
    expect("serving" in phases["accept4"], f"accept4: {phases['accept4']}")
    expect("stopped by whittle" in err, err)


@case
def ready_http():
    """An answer of 200 is ready; one of 500 never is, and that fails in time."""
    port = free_port()
    status, _, _ = record("--ready", f"http://127.0.0.1:{port}/", "--duration", "0.3", "--",
                          *python(SERVER, port, 0.3, 200))
    expect_run(status, 0, outcome="stopped by whittle")
    port = free_port()
    status, _, _ = record("--ready", f"http://127.0.0.1:{port}/x?y", "--ready-timeout", "1.5", "--load",
                          "touch loaded", "--", *python(SERVER, port, 0, 500))
    expect_run(status, 1, outcome="not ready within 1.5 s", load_outcome="not started", failed=True,
               complete=False)
    expect(not os.path.exists("loaded"), "the load was run all the same")
    expect(any(g["kind"] == "cut-short" for g in load()["gaps"]), "no gap says that it was cut short")


@case
def ready_log():
    """A line of its output makes it ready; its output arrives in full, on the right streams."""
    code = ("import sys, time, os\n"
            "print('starting', flush=True); time.sleep(.3)\n"
            "print('now listening on 80', file=sys.stderr, flush=True); time.sleep(1)\n"
            "sys.stdout.write('x' * 200000 + '\\n'); sys.stdout.flush()\n"
            "os.getsid(0); time.sleep(60)\n")
    status, out, err = record("--ready", "log:listening on [0-9]+$", "--load", "sleep 1.8", "--",
                              *python(code))
    expect_run(status, 0, outcome="stopped by whittle", load_outcome="exited 0")
    expect(out == "starting\n" + "x" * 200000 + "\n", f"stdout has {len(out)} bytes")
    expect("now listening on 80\n" in err, err)
    expect([s["phases"] for s in load()["syscalls"] if s["name"] == "getsid"] == [["serving"]], "phase")


@case
def ready_file_and_delay():
    for ready in ("file:made", "delay:0.6"):
        status, _, _ = record("--ready", ready, "--duration", "0.2", "--", "sh", "-c",
                              "sleep .5; touch made; exec sleep 60")
        expect_run(status, 0, outcome="stopped by whittle")
        took = run_of()["duration_ms"]
        expect(600 < took < 6000, f"it took {took} ms")


@case
def load_without_ready():
    """Nothing says when it is ready: the load waits until it has settled."""
    status, _, _ = record("--load", "test -e made", "--", "sh", "-c", "sleep .3; touch made; exec sleep 60")
    expect_run(status, 0, load_outcome="exited 0", outcome="stopped by whittle")


@case
def load_is_not_traced():
    status, _, _ = record("--load", "mkdir by-load; ls / >/dev/null", "--", "sleep", "60")
    expect_run(status, 0, load_outcome="exited 0")
    expect(os.path.isdir("by-load"), "the load was not run")
    expect(count("mkdir") == 0, "the load's mkdir is in the trace")
    expect([e["to"] for e in load()["execs"]] == ["/usr/bin/sleep"], "the load's programs are in the trace")


@case
def load_fails():
    status, _, _ = record("--load", "exit 3", "--", "sleep", "60")
    expect_run(status, 1, load_outcome="exited 3", failed=True,
               outcome="stopped by whittle: the load failed")


@case
def load_leaves_nothing():
    """What the load started and left behind is gone, and so is a load that the end overtakes."""
    status, _, _ = record("--load", "sleep 1000 & echo $! > left; exit 0", "--", "sleep", "60")
    expect_run(status, 0, load_outcome="exited 0")
    wait_for(lambda: gone(pid_from("left")), "the load's child to die")
    os.unlink("left")
    status, _, _ = record("--duration", "2", "--load", "sleep 1000 & echo $! > left; wait", "--", "sleep",
                          "60")
    expect_run(status, 0, load_outcome="stopped by whittle", outcome="stopped by whittle")
    wait_for(lambda: gone(pid_from("left")), "the load's child to die")


@case
def workload_ends_under_load():
    status, _, _ = record("--load", "sleep 30", "--", "sleep", "2.5")
    expect_run(status, 1, outcome="exited 0", load_outcome="stopped: the workload ended first",
               failed=True)


@case
def until_stable():
    """It ends when nothing new has come for a while, not before."""
    code = ("import os, time\n"
            "for f in (os.getsid, os.getpgid, os.sched_getscheduler):\n"
            "    time.sleep(.7); f(0)\n"
            "while True: os.getppid(); time.sleep(.05)\n")
    started = time.monotonic()
    status, _, _ = record("--until-stable", "1.5", "--", *python(code))
    took = time.monotonic() - started
    expect_run(status, 0, outcome="stopped by whittle", complete=True)
    expect(count("sched_getscheduler") == 1, "it ended while there was news")
    expect(3.4 < took < 15, f"it took {took} s")


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
    status, _, _ = record("--duration", "1", "--grace", "20", "--", "sh", "-c",
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
            "time.sleep(60)\n")
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
        except Wrong as wrong:
            failed += 1
            why = str(wrong).strip().replace("\n", " | ")
            print(f"not ok {function.__name__}: {why}", flush=True)
        print(f"{function.__name__}: {time.monotonic() - started:.1f} s", file=sys.stderr)
        os.chdir(top)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
