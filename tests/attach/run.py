#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Attaches to what is running, and lets it go again: the programs of this folder, which check themselves, services
under load, and whoever must be left as he was.

usage: run.py [--whittle FILE] [--build DIR] [--keep] [NAME…]
Prints a line a case: "ok NAME" or "not ok NAME: why". Must be root. NAME is a part of a case's name.
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

CASES = []
PATIENCE = 30


class Wrong(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


def expect(good, why):
    if not good:
        raise Wrong(why)


def until(what, why, seconds=PATIENCE):
    """What what() is, as soon as that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.01)
    raise Wrong(why)


# ---- what the kernel says of them ---------------------------------------------------------------

def read(path):
    with contextlib.suppress(OSError):
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    return ""


def field(tid, name):
    found = re.search(rf"^{name}:\s*(.*)$", read(f"/proc/{tid}/status"), re.M)
    return found.group(1) if found else None


def tasks_of(pid):
    """All threads of a process and of what it has made, as far as they are there."""
    found = []
    with contextlib.suppress(OSError):
        for tid in os.listdir(f"/proc/{pid}/task"):
            found.append(int(tid))
            for child in read(f"/proc/{pid}/task/{tid}/children").split():
                found += tasks_of(int(child))
    return found


def alive(tid):
    return (field(tid, "State") or "Z")[0] not in "ZX"


def state_of(pid):
    """What must be the same before and after, of each thread."""
    names = ("TracerPid", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapEff", "NoNewPrivs", "Seccomp")
    return {tid: {name: field(tid, name) for name in names} for tid in map(int, os.listdir(f"/proc/{pid}/task"))}


def traced(pid):
    return [t for t in tasks_of(pid) if alive(t) and field(t, "TracerPid") not in ("0", None)]


def check_free(pid):
    left = until(lambda: not traced(pid) or None, f"still traced: {traced(pid)}", 5)
    expect(left, "traced")
    for tid in tasks_of(pid):
        for name in ("SigPnd", "ShdPnd"):
            pending = field(tid, name)
            # SIGSTOP is 19: none may be left behind.
            expect(not pending or not int(pending, 16) >> 18 & 1, f"{tid} has a SIGSTOP pending: {name} {pending}")


# ---- programs and attachments --------------------------------------------------------------------

class Place:
    """A folder, the programs that were started in it, and what is needed to start more."""

    def __init__(self, options, folder):
        self.options, self.folder, self.children = options, folder, []

    def program(self, name):
        return os.path.join(self.options.build, "attach", name)

    def start(self, *argv, ready=True, **kwargs):
        child = subprocess.Popen(argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, start_new_session=True, **kwargs)
        self.children.append(child)
        if ready:
            expect(child.stdout.readline() == "ready\n", f"{argv[0]} is not ready")
        return child

    def attach(self, what, *extra, trace="t.json"):
        return subprocess.Popen([self.options.whittle, "attach", "-o", trace, *extra, str(what)], cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def attached(self, what, *extra, trace="t.json", status=0):
        """Attach, and wait for the end: (trace, what was said)."""
        run = self.attach(what, *extra, trace=trace)
        try:
            _, said = run.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            run.kill()
            raise Wrong("it did not end in time")
        expect(run.returncode == status, f"exit status {run.returncode}: {said[-500:]}")
        path = os.path.join(self.folder, trace)
        return (harness.load(path) if status != 2 else None), said

    def end(self):
        for child in self.children:
            for kill in (lambda pid=child.pid: os.killpg(pid, signal.SIGKILL), child.kill):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill()
            child.wait()
            for stream in (child.stdout, child.stderr):
                if stream:
                    stream.close()


def finish(child, seconds=PATIENCE):
    """(status, standard output, standard error)"""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Wrong("the program did not end in time")
    return child.returncode, out, err


def gaps(trace):
    return sorted(g["kind"] for g in trace["gaps"])


def facts(trace, array, **wanted):
    return [f for f in trace[array] if all(f.get(k) == v for k, v in wanted.items())]


# ---- programs that check themselves --------------------------------------------------------------

@case
def restless(place):
    """20 times in a row: all threads and processes that there are while it is attached to are traced, none afterwards."""
    child = place.start(place.program("restless"))
    names = set()
    for _ in range(20):
        run = place.attach(child.pid, "--duration", "0.4")
        until(lambda: field(child.pid, "TracerPid") == str(run.pid) or None, "it was not seized")
        time.sleep(0.15)  # until all of it is
        seen = {t: field(t, "TracerPid") for t in tasks_of(child.pid)}
        missed = {t: tracer for t, tracer in seen.items() if tracer not in (str(run.pid), None) and alive(t)}
        _, said = run.communicate(timeout=PATIENCE)
        expect(run.returncode == 0, f"exit status {run.returncode}: {said}")
        expect(not missed, f"not traced: {missed}")
        trace = harness.load(os.path.join(place.folder, "t.json"))
        expect(gaps(trace) == ["attached"], f"gaps {trace['gaps']}")
        expect(trace["runs"][0]["tasks"] > 10, "it made nothing meanwhile")
        names |= {s["name"] for s in trace["syscalls"]}
        check_free(child.pid)
    # How far it gets each time hangs on the machine.
    expect({"clone3", "vfork", "execve", "wait4", "exit_group"} <= names, f"only {sorted(names)}")
    child.send_signal(signal.SIGTERM)
    status, out, err = finish(child)
    expect(status == 0 and " wrong 0" in out, f"exit status {status}: {out}{err}")


@case
def waits(place):
    """Each call that waits ends as it does alone, and when it should."""
    alone = place.start(place.program("waits"))
    status, want, err = finish(alone)
    expect(status == 0 and "early" not in want and "late" not in want, f"the test is broken: {status} {want}{err}")
    child = place.start(place.program("waits"))
    for i in range(3):
        time.sleep(0.3)
        trace, _ = place.attached(child.pid, "--duration", "0.3", trace=f"{i}.json")
        expect(gaps(trace) == ["attached"], f"gaps {trace['gaps']}")
        expect(not any(s.get("errors") for s in trace["syscalls"] if s["name"] != "restart_syscall"),
               "an interruption of ours is told as an error")
    # All that they wait in was seen, though nothing of it ended. From then on some are in restart_syscall().
    names = {s["name"] for s in harness.load(os.path.join(place.folder, "0.json"))["syscalls"]}
    expect({"clock_nanosleep", "poll", "pselect6", "epoll_wait", "epoll_pwait", "futex", "read", "recvfrom",
            "semtimedop", "rt_sigtimedwait"} <= names, f"only {sorted(names)}")
    status, out, err = finish(child)
    expect(status == 0 and out == want, f"exit status {status}: {out}{err}")


@case
def signals(place):
    """Those sent while it is seized and let go arrive once, in order, and get each wait out of its call."""
    child = place.start(place.program("signals"))
    n = 0
    while child.poll() is None and n < 200:
        run = place.attach(child.pid, "--duration", "0.1")
        _, said = run.communicate(timeout=PATIENCE)
        # It may have ended before.
        expect(run.returncode == 0 or child.poll() is not None or "is gone" in said or "no process" in said, said)
        n += 1
    status, out, err = finish(child)
    expect(n > 3, f"only {n} times")
    expect(status == 0, f"exit status {status}: {out}{err}")


# ---- left as it was ------------------------------------------------------------------------------

@case
def stopped(place):
    """A stopped process stays stopped, one that is stopped or continued meanwhile is so afterwards."""
    child = place.start("sleep", "1000", ready=False)
    state = lambda: (field(child.pid, "State") or "?")[0]  # noqa: E731
    os.kill(child.pid, signal.SIGSTOP)
    until(lambda: state() == "T" or None, "it did not stop")
    place.attached(child.pid, "--duration", "0.3")
    expect(state() == "T", f"it was stopped, and is {state()}")
    check_free(child.pid)
    run = place.attach(child.pid, "--duration", "0.6")
    until(lambda: field(child.pid, "TracerPid") != "0" or None, "it was not seized")
    os.kill(child.pid, signal.SIGCONT)
    run.communicate(timeout=PATIENCE)
    until(lambda: state() == "S" or None, "it was continued, and does not run")
    run = place.attach(child.pid, "--duration", "0.6")
    until(lambda: field(child.pid, "TracerPid") != "0" or None, "it was not seized")
    os.kill(child.pid, signal.SIGSTOP)
    run.communicate(timeout=PATIENCE)
    until(lambda: state() == "T" or None, f"it was stopped, and is {state()}")
    check_free(child.pid)
    os.kill(child.pid, signal.SIGCONT)
    until(lambda: state() == "S" or None, "it cannot be continued")


@case
def same_state(place):
    """What /proc says of each thread is the same before and after."""
    child = place.start(place.program("waits"))

    def settled():
        """A new thread has all signals blocked for a moment."""
        seen = state_of(child.pid)
        time.sleep(0.2)
        return seen if state_of(child.pid) == seen else None

    before = until(settled, "its threads do not settle")
    trace, _ = place.attached(child.pid, "--duration", "0.3")
    expect(state_of(child.pid) == before, f"{before} became {state_of(child.pid)}")
    run = trace["runs"][0]
    expect(run["attached"] is True and run["outcome"] == "left running" and run["complete"] and not run["failed"],
           f"run {run}")
    expect(run["argv"] == [place.program("waits")] and run["cwd"] == place.folder and run["uid"] == os.getuid(), f"run {run}")


@case
def endings(place):
    """Whatever ends whittle, it does not end the service; and its end is the recording's."""
    child = place.start("sleep", "1000", ready=False)
    for sig, status in ((signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, 0),
                        (signal.SIGKILL, -9)):
        run = place.attach(child.pid)
        until(lambda: field(child.pid, "TracerPid") == str(run.pid) or None, "it was not seized")
        time.sleep(0.2)
        if sig == signal.SIGINT:
            run.send_signal(signal.SIGUSR1)  # is nothing, and is not passed on
            time.sleep(0.1)
        run.send_signal(sig)
        _, said = run.communicate(timeout=PATIENCE)
        expect(run.returncode == status, f"{sig.name}: exit status {run.returncode}: {said}")
        expect(status or f"left running at {sig.name}" in said, said)
        expect(child.poll() is None, f"{sig.name} has ended the service")
        check_free(child.pid)
    run = place.attach(child.pid)
    until(lambda: field(child.pid, "TracerPid") == str(run.pid) or None, "it was not seized")
    time.sleep(0.2)
    child.terminate()
    _, said = run.communicate(timeout=PATIENCE)
    expect(run.returncode == 1 and "killed by SIGTERM" in said, f"exit status {run.returncode}: {said}")
    expect(finish(child)[0] == -signal.SIGTERM, "its parent was told another status")


@case
def load_ends_it(place):
    """The load's end is the recording's, and its failure is told; the service goes on."""
    child = place.start("sleep", "1000", ready=False)
    trace, _ = place.attached(child.pid, "--load", "exit 0")
    expect(trace["runs"][0]["load_outcome"] == "exited 0", "the load's outcome")
    trace, _ = place.attached(child.pid, "--load", "exit 5", status=1)
    expect(trace["runs"][0]["outcome"] == "left running: the load failed", trace["runs"][0]["outcome"])
    trace, _ = place.attached(child.pid, "--until-stable", "0.5")
    expect(child.poll() is None, "the service has ended")
    check_free(child.pid)


# ---- whom it cannot attach to --------------------------------------------------------------------

@case
def refusals(place):
    """Each says which process, and why."""
    child = place.start("sleep", "1000", ready=False)
    strace = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(child.pid)], stderr=subprocess.DEVNULL)
    place.children.append(strace)
    until(lambda: field(child.pid, "TracerPid") == str(strace.pid) or None, "strace does not trace")
    _, said = place.attached(child.pid, status=2)
    expect(f"process {strace.pid} traces it already" in said, said)
    strace.terminate()
    strace.wait()
    dead = subprocess.Popen(["true"])
    until(lambda: (field(dead.pid, "State") or "?")[0] == "Z" or None, "it has not ended")
    _, said = place.attached(dead.pid, status=2)
    expect(f"process {dead.pid} has ended" in said, said)
    dead.wait()
    _, said = place.attached(dead.pid, status=2)
    expect(f"no process {dead.pid}" in said, said)
    _, said = place.attached(os.getpid(), status=2)
    expect("whittle is itself below" in said, said)
    _, said = place.attached("no-such-container", status=2)
    expect("there is no container no-such-container" in said and said.count("\n") == 1, said)
    if read("/proc/2/comm") == "kthreadd\n":
        _, said = place.attached(2, status=2)
        expect("process 2 is a thread of the kernel" in said, said)


@case
def refused_child(place):
    """One process of several that somebody else traces is a gap, and the others are recorded."""
    shell = place.start("sh", "-c", "sleep 1000 & sleep 1001 & echo ready; wait")
    children = [int(p) for p in read(f"/proc/{shell.pid}/task/{shell.pid}/children").split()]
    strace = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(children[0])], stderr=subprocess.DEVNULL)
    place.children.append(strace)
    until(lambda: field(children[0], "TracerPid") == str(strace.pid) or None, "strace does not trace")
    trace, _ = place.attached(shell.pid, "--duration", "0.3")
    gap = facts(trace, "gaps", kind="not-seized")
    expect(len(gap) == 1 and f"process {strace.pid} traces it already" in gap[0]["detail"], f"gaps {trace['gaps']}")
    expect(trace["runs"][0]["tasks"] == 2, f"{trace['runs'][0]['tasks']} tasks")
    strace.terminate()
    strace.wait()


# ---- who gets in from outside --------------------------------------------------------------------

def in_namespace(place):
    """Whoever is the first in a pid namespace of its own."""
    outer = place.start("unshare", "-fp", "--kill-child", "sleep", "1000", ready=False)
    inner = until(lambda: read(f"/proc/{outer.pid}/task/{outer.pid}/children").split(), "it has no child")[0]
    until(lambda: "sleep" in read(f"/proc/{inner}/comm") or None, "it does not begin")
    return int(inner)


@case
def brief(place):
    """50 that get into the namespace and end at once: each is in the trace, or is a gap with its name."""
    init = in_namespace(place)
    run = place.attach(init)
    until(lambda: field(init, "TracerPid") == str(run.pid) or None, "it was not seized")
    time.sleep(0.3)
    programs = [os.path.join(os.path.realpath(place.folder), f"brief{i}") for i in range(50)]
    for program in programs:
        shutil.copy(place.program("brief"), program)
        done = subprocess.run(["nsenter", "-t", str(init), "-p", program], timeout=PATIENCE, check=False)
        expect(done.returncode == 6, f"what was executed in it exited {done.returncode}")
    run.terminate()
    _, said = run.communicate(timeout=PATIENCE)
    expect(run.returncode == 0, f"exit status {run.returncode}: {said}")
    trace = harness.load(os.path.join(place.folder, "t.json"))
    told = {e["to"] for e in trace["execs"]} | {g["detail"] for g in trace["gaps"] if g["kind"] in ("unjoined", "joined-late")}
    lost = [p for p in programs if p not in told]
    expect(not lost, f"these have left no trace: {lost}: {trace['gaps']}")
    expect("unheard" not in gaps(trace), f"gaps {trace['gaps']}")


@case
def unheard(place):
    """Where the kernel does not tell who gets in, the trace says so."""
    init = in_namespace(place)
    run = subprocess.run(["setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin", "--inh-caps", "-bpf,-perfmon,-sys_admin",
                          place.options.whittle, "attach", "-o", "t.json", "--duration", "0.3", str(init)], cwd=place.folder,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
    expect(run.returncode == 0, f"exit status {run.returncode}: {run.stderr}")
    trace = harness.load(os.path.join(place.folder, "t.json"))
    gap = facts(trace, "gaps", kind="unheard")
    expect(len(gap) == 1 and "CAP_BPF" in gap[0]["detail"], f"gaps {trace['gaps']}")


# ---- what is found -------------------------------------------------------------------------------

SERVICE = """
import os, socket, sys, time
top = sys.argv[1]
os.chdir(top)
files = [open("read.txt"), open("write.txt", "w"), open("append.log", "a"), open("both.bin", "r+b")]
folder = os.open(".", os.O_RDONLY)
path = os.open("/etc", os.O_PATH)
server = socket.create_server(("127.0.0.1", 0))
local = socket.socket(socket.AF_UNIX)
local.bind(top + "/local.sock")
local.listen()
client = socket.create_connection(server.getsockname())
accepted = server.accept()
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagram.bind(("127.0.0.1", 0))
low = socket.create_server(("127.0.0.1", 88))
pair = socket.socketpair()
print("ready", flush=True)
with open("ports.txt", "w") as f:
    f.write("%d %d" % (server.getsockname()[1], datagram.getsockname()[1]))
os.rename("ports.txt", "ports")
while True:
    time.sleep(0.1)
"""


@case
def found(place):
    """What is open and mapped is there, as found; and nothing else is said of it."""
    for name in ("read.txt", "both.bin"):
        with open(os.path.join(place.folder, name), "w", encoding="utf-8"):
            pass
    child = place.start("/usr/bin/python3", "-c", SERVICE, place.folder)
    server, datagram = until(lambda: read(os.path.join(place.folder, "ports")).split(), "it has no ports")
    trace, _ = place.attached(child.pid, "--duration", "0.3")
    expect(gaps(trace) == ["attached"], f"gaps {trace['gaps']}")
    here = place.folder
    for path, access in ((f"{here}/read.txt", "read"), (f"{here}/write.txt", "write"), (f"{here}/append.log", "append"),
                         (f"{here}/both.bin", "read"), (f"{here}/both.bin", "write"), (f"{here}/", "list"),
                         (f"{here}/", "chdir"), ("/etc/", "path"), (f"{here}/local.sock", "bind"),
                         (os.path.realpath("/usr/bin/python3"), "exec"),
                         (os.path.realpath("/lib/x86_64-linux-gnu/libc.so.6"), "mmap-exec"),
                         (os.path.realpath("/lib/x86_64-linux-gnu/libc.so.6"), "read"),
                         (os.path.realpath("/lib64/ld-linux-x86-64.so.2"), "loader")):
        fact = facts(trace, "files", path=path, access=access)
        expect(len(fact) == 1 and fact[0]["phases"] == ["found"], f"{access} {path}: {fact}")
        expect(not fact[0].get("site") and not fact[0].get("syscalls"), f"{access} {path}: seen where? {fact}")
    for path, access in ((f"{here}/read.txt", "write"), (f"{here}/write.txt", "read"), (f"{here}/append.log", "write")):
        expect(not facts(trace, "files", path=path, access=access), f"{access} of {path} was made up")
    sockets = {(s["op"], s["family"], s["type"], s.get("address", "")) for s in trace["sockets"]}
    want = {("bind", "AF_INET", "SOCK_STREAM", f"127.0.0.1:{server}"), ("listen", "AF_INET", "SOCK_STREAM", ""),
            ("bind", "AF_UNIX", "SOCK_STREAM", f"unix:{here}/local.sock"), ("listen", "AF_UNIX", "SOCK_STREAM", ""),
            ("connect", "AF_INET", "SOCK_STREAM", f"127.0.0.1:{server}"), ("accept", "AF_INET", "SOCK_STREAM", ""),
            ("bind", "AF_INET", "SOCK_DGRAM", f"127.0.0.1:{datagram}"), ("socketpair", "AF_UNIX", "SOCK_STREAM", ""),
            ("bind", "AF_INET", "SOCK_STREAM", "127.0.0.1:88"),
            ("socket", "AF_INET", "SOCK_STREAM", ""), ("socket", "AF_INET", "SOCK_DGRAM", ""),
            ("socket", "AF_UNIX", "SOCK_STREAM", "")}
    expect(sockets == want, f"missing {want - sockets}, extra {sockets - want}")
    caps = [(c["cap"], c["strength"]) for c in trace["caps"]]
    expect(caps == [("CAP_NET_BIND_SERVICE", "likely")], f"capabilities {caps}")
    execs = [(e.get("from"), e["to"], e["phases"]) for e in trace["execs"]]
    expect(execs == [(None, os.path.realpath("/usr/bin/python3"), ["found"])], f"executed {execs}")


@case
def told(place):
    """show says it, and generate refuses it; with a recording of a start it does not."""
    child = place.start("sleep", "1000", ready=False)
    place.attached(child.pid, "--duration", "0.3")
    whittle = place.options.whittle

    def run(*args):
        return subprocess.run([whittle, *args], cwd=place.folder, capture_output=True, text=True, check=False)

    expect("attached: start-up was not seen" in run("show", "t.json").stdout, "show does not say it")
    done = run("generate", "-o", "b", "t.json")
    expect(done.returncode == 2 and "start-up was not seen" in done.stderr, f"{done.returncode} {done.stderr}")
    done = run("generate", "--allow-gaps", "-o", "b", "t.json")
    notes = read(os.path.join(place.folder, "b/NOTES.txt"))
    expect(done.returncode == 0 and "THIS BUNDLE IS NOT WHOLE" in notes and "start-up was not seen" in notes, notes)
    expect(run("record", "-o", "other.json", "--", "true").returncode == 0, "record")
    done = run("generate", "-o", "b1", "t.json", "other.json")
    expect(done.returncode == 2 and "start-up was not seen" in done.stderr, f"another program's start: {done.returncode} {done.stderr}")
    # By a script it is the same program.
    expect(run("record", "-o", "s.json", "--", "sh", "-c", "sleep 0.1; true").returncode == 0, "record")
    done = run("generate", "-o", "b2", "t.json", "s.json")
    notes = read(os.path.join(place.folder, "b2/NOTES.txt"))
    expect(done.returncode == 0 and "start-up was not seen" in notes, f"{done.returncode} {done.stderr}")


# ---- services under load -------------------------------------------------------------------------

def wait_port(port):
    def tried():
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return None
    until(tried, f"nobody listens on {port}")


@case
def redis(place):
    """Every answer is right, before, while and after."""
    child = place.start("redis-server", "--port", "6399", "--save", "", "--daemonize", "no", ready=False)
    wait_port(6399)
    stream = socket.create_connection(("127.0.0.1", 6399))
    lines, n, end = stream.makefile("rb"), 0, time.monotonic() + 6
    runs = []
    while time.monotonic() < end or runs:
        if not runs and time.monotonic() < end - 1.5:
            runs.append(place.attach(child.pid, "--duration", "0.5"))
        for _ in range(20):
            n += 1
            stream.sendall(b"INCR n\r\n")
            expect(lines.readline() == b":%d\r\n" % n, f"a wrong answer after {n}")
        if runs and runs[0].poll() is not None:
            expect(runs.pop().returncode == 0, "attach failed")
            check_free(child.pid)
    expect(n > 1000, f"only {n} answers")


NGINX = """
daemon off; master_process on; worker_processes 3; pid %(top)s/pid; error_log %(top)s/error.log notice;
events { worker_connections 256; }
http { access_log off; server { listen 127.0.0.1:8099; root %(top)s; } }
"""


@case
def nginx(place):
    """No request fails, with master and workers under load; and workers are replaced while it is attached to."""
    top = place.folder
    with open(os.path.join(top, "conf"), "w", encoding="utf-8") as f:
        f.write(NGINX % {"top": top})
    with open(os.path.join(top, "index.html"), "w", encoding="utf-8") as f:
        f.write("hello\n")
    child = place.start("nginx", "-c", f"{top}/conf", "-e", f"{top}/error.log", ready=False)
    wait_port(8099)
    load = subprocess.Popen(["wrk", "-t1", "-c8", "-d7s", "http://127.0.0.1:8099/"], stdout=subprocess.PIPE, text=True)
    place.children.append(load)
    n = 0
    while load.poll() is None:
        trace, said = place.attached(child.pid, "--duration", "0.7", "--name", "nginx")
        expect(gaps(trace) == ["attached"], f"gaps {trace['gaps']}")
        check_free(child.pid)
        n += 1
    out = load.communicate()[0]
    expect(n >= 3, f"only {n} times")
    expect("Socket errors" not in out and "Non-2xx" not in out, out)
    errors = [line for line in read(os.path.join(top, "error.log")).splitlines()
              if re.search(r"\[(warn|error|crit|alert|emerg)\]", line)]
    expect(not errors, "\n".join(errors[:5]))
    run = place.attach(child.pid, "--duration", "2")
    until(lambda: field(child.pid, "TracerPid") == str(run.pid) or None, "it was not seized")
    before = set(tasks_of(child.pid))
    child.send_signal(signal.SIGHUP)
    until(lambda: before & set(tasks_of(child.pid)) == {child.pid} or None, "the workers were not replaced")
    run.communicate(timeout=PATIENCE)
    expect(run.returncode == 0 and child.poll() is None, f"exit status {run.returncode}")
    check_free(child.pid)
    wait_port(8099)
    child.send_signal(signal.SIGQUIT)
    expect(finish(child)[0] == 0, "it did not end as it should")


def main():
    options = harness.parse(harness.parser(__doc__))
    harness.isolate()
    results = harness.Results()
    for function in CASES:
        if not harness.wanted(options, function.__name__):
            continue
        with harness.temporary("attach", options.keep) as top:
            place = Place(options, top)
            try:
                function(place)
                results.say(function.__name__)
            except Wrong as wrong:
                results.say(function.__name__, str(wrong).splitlines())
            finally:
                place.end()
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
