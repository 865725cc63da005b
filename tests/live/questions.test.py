#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the kernel itself asks for, and its answers, by each engine: what was granted without need is considered and not
added; nothing of other processes gets in, and nothing of forks, threads and executions is lost."""
import os
import platform
import shutil
import subprocess
import sys

import container as box
from recording import WHITTLE, case, expect, load, main, python, record, run_of, wait_for

HEARS = tuple(int(n) for n in platform.release().split(".")[:2]) >= (6, 14)


def questions(**want):
    return [q for q in load()["questions"] if all(q.get(k) == v for k, v in want.items())]


def times(**want):
    return sum(q["count"] for q in questions(**want))


def needs():
    return {c["cap"] for c in load()["caps"] if not c["denied"] and c["strength"] != "possible"}


def whittle(*args):
    done = subprocess.run([WHITTLE, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=60)
    expect(done.returncode <= 1, f"whittle {args[0]}: {done.stderr}")
    return done.stdout


def recorded(*command, options=()):
    status, out, err = record(*options, "--", *command)
    expect(status == 0, f"exit status {status}: {out} {err}")
    expect(run_of().get("questions") == "all", f"not all was heard: {run_of().get('engine_notes')}")


@case
def needed():
    recorded(*python("import os\nopen('f', 'w')\nfor i in range(7): os.chown('f', 33 + i, -1)"))
    found = questions(cap="CAP_CHOWN")
    expect(len(found) == 1, f"{found}")
    want = {"syscall": "chown", "abi": "x86_64", "granted": True, "userns": "initial", "creds": "own", "count": 7}
    expect({k: found[0].get(k) for k in want} == want, f"{found}")
    expect("python3" in found[0]["site"]["program"] and found[0]["site"]["stack"][0].startswith("libc.so.6:chown"),
           f"{found[0].get('site')}")
    expect("CAP_CHOWN" in needs(), "it is not inferred")
    text = whittle("show", "t.json")
    row = [line.split() for line in text.splitlines() if line.split()[:1] == ["CAP_CHOWN"]]
    expect(["CAP_CHOWN", "required", "7", "7", "0", "used"] in row, f"{row}")


@case
def asked_for_nothing():
    """Memory: the kernel asks for CAP_SYS_ADMIN, and nobody needs it."""
    recorded("/bin/sh", "-c", "/bin/true; /bin/true")
    expect(times(cap="CAP_SYS_ADMIN", granted=True) > 0, "the kernel was not heard")
    expect("CAP_SYS_ADMIN" not in needs(), "it is inferred")
    whittle("generate", "-o", "b", "t.json")
    expect('"CAP_SYS_ADMIN"' not in open("b/capabilities.json", encoding="utf-8").read(), "it is in the list")
    with open("b/NOTES.txt", encoding="utf-8") as f:
        notes = f.read()
    expect("nothing depended on it" in notes, notes)
    expect("memory is accounted" in whittle("explain", "b", "CAP_SYS_ADMIN"), "explain does not say why")


@case
def refused():
    """Without it the program went on."""
    recorded("setpriv", "--bounding-set=-all", *python(
        "import os\nopen('g', 'w')\ntry: os.chown('g', 33, -1)\nexcept PermissionError: pass\nelse: raise SystemExit(9)"))
    expect(times(cap="CAP_CHOWN", granted=False) == 1 and not times(cap="CAP_CHOWN", granted=True),
           f"{questions(cap='CAP_CHOWN')}")
    whittle("generate", "-o", "b", "t.json")
    with open("b/capabilities.json", encoding="utf-8") as f:
        expect('"CAP_CHOWN"' not in f.read().split('"denied"')[0], "it is added")


@case
def tree():
    """Each of many processes and threads, by its own call: fork loses none, and they are counted."""
    recorded(*python("""import os, threading
open('f', 'w')
def ask(n):
    os.chown('f', n, -1)
for i in range(1, 25):
    if os.fork() == 0:
        ask(i)
        if i % 2: os.execv('/bin/sh', ['sh', '-c', 'exec chown %d f' % i])
        os._exit(0)
threads = [threading.Thread(target=ask, args=(100 + i,)) for i in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
while True:
    try: os.wait()
    except ChildProcessError: break"""))
    expect(times(cap="CAP_CHOWN", syscall="chown") == 24 + 8, f"{questions(cap='CAP_CHOWN')}")
    by_program = questions(cap="CAP_CHOWN", syscall="fchownat")
    expect(times(cap="CAP_CHOWN", syscall="fchownat") == 12, f"{by_program}")
    expect([p for q in by_program for p in q["programs"]] == ["/usr/bin/chown"], f"{by_program}")


@case
def of_others():
    """A process beside it, and who records, do the same all the time; and its own tracer's capabilities are not its own."""
    other = subprocess.Popen([sys.executable, "-S", "-c", "import os\nopen('o', 'w')\nwhile True: os.chown('o', 33, 33); "
                              "os.chroot('/')"])
    try:
        wait_for(lambda: os.path.exists("o"), "the other one")
        recorded("/bin/sh", "-c", "/bin/true; /bin/sleep 0.3")
    finally:
        other.kill()
        other.wait()
    expect(not questions(cap="CAP_CHOWN") and not questions(cap="CAP_SYS_CHROOT"), f"{load()['questions']}")
    shutil.copy("/bin/true", "gains")
    os.chmod("gains", 0o4755)
    recorded("setpriv", "--reuid=65534", "--clear-groups", os.path.abspath("gains"))
    expect(any(x["gains"] for x in load()["execs"]), f"{load()['execs']}")
    expect(not questions(cap="CAP_SYS_PTRACE"), f"{questions(cap='CAP_SYS_PTRACE')}")


@case
def phases():
    """The load begins when it serves."""
    recorded(*python("""import os, time
open('f', 'w'); os.chown('f', 33, -1); open('ready', 'w')
while not os.path.exists('go'): time.sleep(0.02)
os.chown('f', 34, -1); open('end', 'w'); time.sleep(60)"""), options=(
        "--ready", "file:ready", "--load", "touch go; while ! [ -e end ]; do sleep 0.05; done"))
    found = questions(cap="CAP_CHOWN")
    expect([(sorted(q["phases"]), q["count"]) for q in found] == [(["serving", "startup"], 2)], f"{found}")


@case
def own_namespace():
    """In a user namespace of its own it is granted there, and that is no use of one outside."""
    recorded("unshare", "--user", "--map-root-user", "--uts", "hostname", "box")
    found = questions(cap="CAP_SYS_ADMIN", syscall="sethostname")
    expect([(q["userns"], q["granted"]) for q in found] == [("own", True)], f"{found}")


@case
def container():
    """Of rootless root: what counts is the container's user namespace; and what its init did before is not its own."""
    trace = box.record(*python("""import os, socket
os.close(os.open("/tmp/secret", os.O_CREAT | os.O_WRONLY, 0o600))
os.chown("/tmp/secret", 33, 34)
open("/tmp/secret").close()
socket.sethostname("box")
socket.socket().bind(("0.0.0.0", 80))
if not os.fork():
    os.setgid(35)
    os.setuid(36)
    os._exit(0)
os.wait()
"""), user=[[0, 200000, 65536]], setup="import os\nos.chroot('/')")
    expect(trace["runs"][0].get("questions") == "all", f"{trace['runs'][0].get('engine_notes')}")
    at_home = {q["cap"] for q in trace["questions"] if q["granted"] and q["userns"] == "home"}
    either = [{c["cap"], c.get("instead")} for c in trace["caps"] if not c["denied"]]
    expect(len(either) == 6 and all(names & at_home for names in either), f"{either}: {trace['questions']}")
    expect(not box.facts(trace, "questions", cap="CAP_SYS_CHROOT"), f"{trace['questions']}")
    programs = {p for q in trace["questions"] for p in q.get("programs", [])}
    expect(all("python3" in p for p in programs), f"{programs}")


@case
def not_to_be_had():
    """Who is not root cannot listen: that is said, and no error."""
    os.chmod(".", 0o777)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", WHITTLE, "record", "-o", "n.json",
                           "--engine", "plain", "--", "/bin/true"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=60)
    expect(done.returncode == 0, done.stderr)
    run, trace = load("n.json")["runs"][0], load("n.json")
    expect("questions" not in run and not trace["questions"], f"{trace['questions']}")
    expect(any("only root may load BPF" in note for note in run.get("engine_notes", [])), f"{run.get('engine_notes')}")


if __name__ == "__main__":
    if HEARS:
        sys.exit(main())
    print("skip the kernel has no tracepoint cap_capable (Linux 6.14)")
