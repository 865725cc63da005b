#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers, recorded from outside: what a fact says is what it is in the container."""
import contextlib
import json
import os
import shutil
import subprocess
import sys

from container import Box, facts, record
from recording import WHITTLE, case, expect, load, main, python, wait_for

PORT_START = ("with open('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'w') as f: f.write('%d')")


@case
def port_start():
    """From which port on no capability is needed is what the container's own network says."""
    bind = python("import socket\nfor p in (81, 79): socket.socket().bind(('0.0.0.0', p))")
    trace = record(*bind, setup=PORT_START % 80)
    run = trace["runs"][0]
    expect(run["ip_unprivileged_port_start"] == 80, f"it is {run['ip_unprivileged_port_start']}")
    caps = facts(trace, "caps", cap="CAP_NET_BIND_SERVICE")
    expect(len(caps) == 1 and caps[0]["strength"] == "required" and
           caps[0]["evidence"] == ["bind to port 79 (ip_unprivileged_port_start is 80) by uid 0 needs "
                                   "CAP_NET_BIND_SERVICE"], f"{caps}")


# What a program inside needs: a fork that becomes somebody, and namespaces of its own.
FORKS = r"""
import ctypes, os, signal, time
libc = ctypes.CDLL(None)
def fork(uid=0, group=None):
    there, tell = os.pipe()
    pid = os.fork()
    if not pid:
        if group is not None:
            os.setpgid(0, group)
        if uid:
            os.setresuid(uid, uid, uid)
        os.write(tell, b"x")
        signal.pause()
    os.read(there, 1)
    return pid
def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""


@contextlib.contextmanager
def mounted_tmpfs(folder):
    """A tmpfs there, with what a layer needs."""
    subprocess.run(["/bin/mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    try:
        for name in ("upper", "work"):
            os.mkdir(f"{folder}/{name}")
        yield
    finally:
        # A server of the file system that was on it may take a moment to end.
        subprocess.run(["/bin/umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def stranger():
    """A process outside, of another user."""
    with subprocess.Popen(["/usr/bin/setpriv", "--reuid", "65533", "--clear-groups", "/bin/sleep", "60"]) as child:
        try:
            wait_for(lambda: os.readlink(f"/proc/{child.pid}/exe") == "/usr/bin/sleep", "setpriv")
            yield child.pid
        finally:
            child.kill()


@case
def kill_one():
    """A number is one of the container's pid namespace, and so is who it is of."""
    trace = record(*python(FORKS + "pid = fork(1000)\nend(pid)"))
    signals = facts(trace, "signals", signal="SIGKILL")
    expect([(f["target"], f["outcomes"]) for f in signals] == [("tree", {"ok": 1})], f"{signals}")
    caps = facts(trace, "caps", cap="CAP_KILL")
    expect([(c["strength"], c["evidence"]) for c in caps] ==
           [("required", ["send SIGKILL to a process of uid 1000 by uid 0 needs CAP_KILL"])], f"{caps}")


@case
def kill_all():
    """kill(-1) reaches nobody outside of the pid namespace: others of other users there do not matter."""
    with stranger():
        trace = record(*python(FORKS + "pid = fork()\nos.kill(-1, 0)\nend(pid)"))
    signals = facts(trace, "signals", signal="0")
    expect([f["target"] for f in signals] == ["group"], f"{signals}")
    expect(not facts(trace, "caps", cap="CAP_KILL"), f"{trace['caps']}")


@case
def kill_group():
    """A process group is one of the pid namespace's, also when its leader is gone."""
    code = FORKS + "leader = fork(0, 0)\nmember = fork({}, leader)\nend(leader)\nos.kill(-leader, 0)\nos.kill(member, 0)"
    with stranger():
        trace = record(*python(code.format(0)))
    expect(not facts(trace, "caps", cap="CAP_KILL"), f"{trace.get('caps')}")
    os.mkdir("other")
    os.chdir("other")
    trace = record(*python(code.format(1000)))
    caps = facts(trace, "caps", cap="CAP_KILL")
    expect(any("send signal 0 to a group with processes of other users by uid 0 needs CAP_KILL" in c["evidence"]
               for c in caps), f"{caps}")


@case
def kill_outside():
    """With the pid namespace of the host a container may reach others, whose programs it does not have."""
    with stranger() as pid:
        trace = record(*python(f"import os\nos.kill({pid}, 0)"), unshare=("mnt", "net"))
    have = [(f["target"], f.get("peer")) for f in facts(trace, "signals", signal="0")]
    expect(have == [("outside", "(unreachable)/usr/bin/sleep")], f"{have}")
    expect(evidence(trace, "CAP_KILL") == ["send signal 0 to a process of uid 65533 by uid 0 needs CAP_KILL"],
           f"{trace['caps']}")


@case
def nested_numbers():
    """Of a process in a pid namespace below, the container has another number than it has itself."""
    trace = record(*python(FORKS + "libc.unshare(0x20000000)\npid = fork(1000)\nend(pid)"))
    signals = facts(trace, "signals", signal="SIGKILL")
    expect([f["target"] for f in signals] == ["tree"], f"{signals}")
    expect([c["strength"] for c in facts(trace, "caps", cap="CAP_KILL")] == ["required"], f"{trace.get('caps')}")


@case
def nested_proc():
    """The numbers in /proc are those of who mounted it: "self" of a task in a namespace below, too."""
    trace = record(*python(FORKS + """
libc.unshare(0x20000000)
pid = os.fork()
if not pid:
    os.chdir("/tmp")
    os.path.exists("/proc/self/cwd/one")
    os.path.exists("/proc/thread-self/cwd/two")
    os._exit(0)
os.waitpid(pid, 0)
"""))
    paths = {f["path"] for f in trace["files"] if f["path"].endswith(("/one", "/two"))}
    expect(paths == {"/tmp/one", "/tmp/two"}, f"{paths}")


@case
def limits_of_one():
    """The limits that were before are those of the process that has the number in the container."""
    trace = record(*python("""
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 1000))
resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (120, 1000))
"""))
    changes = {f["change"]: f["count"] for f in facts(trace, "rlimits", resource="RLIMIT_NOFILE") if f["change"] != "read"}
    expect(changes == {"lower": 1, "raise-soft": 1}, f"{changes}")


def stack_of(trace, path):
    for f in facts(trace, "files", path=path):
        if "site" in f:
            return f["site"]["stack"]
    expect(False, f"no site of {path}")
    return None


@case
def stack_on_overlay():
    """Of a library on an overlay file system the kernel's map names another file than a look at it does."""
    # Layers of two file systems: then the overlay has numbers of its own.
    layers = os.path.abspath("layers")
    os.mkdir(layers)
    with mounted_tmpfs(layers):
        trace = record(*python("open('/etc/passwd')"), overlay=layers)
    stack = stack_of(trace, "/etc/passwd")
    expect(any(f.startswith("libc.so.6:") for f in stack) and len(stack) > 3, f"{stack}")
    expect(trace["runs"][0].get("libc", "").startswith("glibc 2."), f"{trace['runs'][0].get('libc')}")


@case
def stack_of_what_is_gone():
    """The file that is mapped is looked into, and not what stands at its name: here nothing in the container."""
    trace = record("/tmp/python", "-S", "-c", "import os\nos.unlink('/tmp/python')\nopen('/etc/passwd')",
                   setup="import shutil\nshutil.copy('/usr/bin/python3', '/tmp/python')")
    stack = stack_of(trace, "/etc/passwd")
    expect(any(f.startswith("python:_Py") for f in stack), f"{stack}")


@case
def libc_of_its_own():
    """Which C library it is the container's loader says, although it is reached by an absolute symlink."""
    trace = record("/bin/true", setup="""
loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
text = open(loader, "rb").read()
open("/tmp/loader", "wb").write(text.replace(b" release version 2.", b" release version 7."))
os.chmod("/tmp/loader", 0o755)
mount("/tmp/loader", loader, None, 4096)
""")
    expect(trace["runs"][0].get("libc", "").startswith("glibc 7."), f"{trace['runs'][0].get('libc')}")


# ---- files ---------------------------------------------------------------------------------------

@case
def unreachable():
    """What was opened outside and handed in is not what has that path in the container."""
    os.mkdir("etc")
    with open("etc/passwd", "w", encoding="utf-8"):
        pass
    outside = os.path.abspath("etc")
    trace = record(*python("""
import os
os.stat("passwd", dir_fd=10)
open("/proc/self/fd/11").close()
os.close(os.open("../etc/passwd", os.O_RDONLY, dir_fd=10))
os.fchdir(10)
os.path.exists("none")
os.chdir("/")
open("/etc/passwd").close()
open(f"/proc/self/root/etc/../etc/passwd").close()
"""), hold=(outside, outside + "/passwd"))
    have = {(f["path"], f["access"]): f["outcomes"] for f in trace["files"]
            if "passwd" in f["path"] or "none" in f["path"] or "unreachable" in f["path"]}
    far = "(unreachable)" + outside
    want = {
        (far + "/", "inherit-read"): {"ok": 1},
        (far + "/passwd", "inherit-read"): {"ok": 1},
        (far + "/passwd", "stat"): {"ok": 1},
        (far + "/passwd", "read"): {"ok": 2},
        (far + "/", "chdir"): {"ok": 1},
        (far + "/none", "stat"): {"ENOENT": 1},
        ("/etc/passwd", "read"): {"ok": 2},
    }
    # Standard input, output and error are the test's own.
    have = {key: value for key, value in have.items() if key in want or not key[1].startswith("inherit")}
    expect(have == want, f"{have}")


@case
def same_namespace():
    """In a mount namespace of its own, but with the root of all, paths are what they always are."""
    trace = record(*python("open('/etc/hostname')\nopen('/proc/self/status')"), root=False, unshare=("mnt", "pid", "net"))
    have = {(f["path"], f["access"]) for f in trace["files"]}
    expect({("/etc/hostname", "read"), ("/usr/bin/python3.11", "exec")} <= have, f"{have}")
    expect(not [p for p, a in have if "unreachable" in p and a != "inherit-read" and a != "inherit-write"], f"{have}")


@case
def mounted_meanwhile():
    """A mount that is made, and one that is taken away while a file of it is open."""
    trace = record(*python("""
import ctypes, os
libc = ctypes.CDLL(None)
os.mkdir("/tmp/new")
libc.mount(b"t", b"/tmp/new", b"tmpfs", 0, None)
os.chdir("/tmp/new")
open("a", "w").close()
libc.umount2(b"/tmp/new", 2)
open("b", "w").close()
os.chdir("/tmp")
open("new/c", "w").close()
"""))
    paths = sorted(f["path"] for f in facts(trace, "files", access="create"))
    expect(paths == ["(unreachable)/b", "/tmp/new/a", "/tmp/new/c"], f"{paths}")


# ---- user namespaces -----------------------------------------------------------------------------

# As of rootless Podman: who is root in there is nobody outside.
MAPS = [[0, 200000, 65536]]


def evidence(trace, cap, **where):
    return sorted(text for f in facts(trace, "caps", cap=cap, **where) for text in f["evidence"])


def rootless(code, **what):
    return record(*python(FORKS + code), user=MAPS, **what)


@case
def user_ids():
    """Ids are said as the container says them, and the capabilities are those of its own user namespace."""
    trace = rootless("""
os.close(os.open("/tmp/secret", os.O_CREAT | os.O_WRONLY, 0o600))
os.chown("/tmp/secret", 33, 34)
open("/tmp/secret").close()
os.chmod("/tmp/secret", 0o640)
pid = fork(33)
os.kill(pid, 0)
os.setpriority(os.PRIO_PROCESS, pid, 10)
end(pid)
if not os.fork():
    os.setgid(35)
    os.setuid(36)
    os._exit(0)
os.wait()
import socket
socket.sethostname("box")
socket.socket().bind(("0.0.0.0", 80))
socket.socket(type=socket.SOCK_RAW, proto=1)
""")
    run = trace["runs"][0]
    expect((run["uid"], run["gid"]) == (0, 0), f"uid {run['uid']}, gid {run['gid']}")
    want = {
        "CAP_CHOWN": ["chown /tmp/secret to uid 33 by uid 0 needs CAP_CHOWN"],
        "CAP_DAC_READ_SEARCH": ["read /tmp/secret (mode 600, uid 33) by uid 0 needs CAP_DAC_READ_SEARCH or "
                                "CAP_DAC_OVERRIDE"],
        "CAP_FOWNER": ["chmod /tmp/secret of uid 33 by uid 0 needs CAP_FOWNER"],
        "CAP_KILL": ["send SIGKILL to a process of uid 33 by uid 0 needs CAP_KILL",
                     "send signal 0 to a process of uid 33 by uid 0 needs CAP_KILL"],
        "CAP_SYS_NICE": ["change the priority of a process of another user by uid 0 needs CAP_SYS_NICE"],
        "CAP_SETGID": ["become gid 35 by uid 0 needs CAP_SETGID"],
        "CAP_SETUID": ["become uid 33 by uid 0 needs CAP_SETUID", "become uid 36 by uid 0 needs CAP_SETUID"],
        "CAP_SYS_ADMIN": ["set the host or domain name by uid 0 needs CAP_SYS_ADMIN"],
        "CAP_NET_BIND_SERVICE": ["bind to port 80 (ip_unprivileged_port_start is 1024) by uid 0 needs "
                                 "CAP_NET_BIND_SERVICE"],
        "CAP_NET_RAW": ["make a raw IPv4 socket by uid 0 needs CAP_NET_RAW"],
    }
    have = {f["cap"]: evidence(trace, f["cap"]) for f in trace["caps"]}
    expect(have == want, f"{have}")
    expect({f["strength"] for f in trace["caps"]} == {"required"}, f"{trace['caps']}")


@case
def user_entrypoint():
    """The call by which the init becomes the entrypoint is judged in the container, too."""
    trace = record("/tmp/in/true", user=MAPS, setup="""
import shutil
os.mkdir("/tmp/in")
shutil.copy("/bin/true", "/tmp/in/true")
os.chown("/tmp/in", 33, 33)
os.chmod("/tmp/in", 0o700)
""")
    caps = facts(trace, "caps", cap="CAP_DAC_READ_SEARCH")
    expect([(c["strength"], c["evidence"]) for c in caps] ==
           [("required", ["search the directories on the way to /tmp/in/true by uid 0 needs CAP_DAC_READ_SEARCH or "
                          "CAP_DAC_OVERRIDE"])], f"{trace.get('caps')}")


@case
def user_of_the_host():
    """What is the host's no capability of the container's reaches: that it failed is no sign that one lacks."""
    os.makedirs("outer/closed", 0o755)
    for name in ("outer/theirs", "outer/closed/file"):
        with open(name, "w", encoding="utf-8"):
            os.chmod(name, 0o600)
    os.chmod("outer/closed", 0o700)
    trace = rootless("""
import fcntl, resource, socket, time
def refused(call, *args):
    try:
        call(*args)
    except OSError:
        return
    raise SystemExit(f"{call} was not refused")
def raise_limit(most):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (10, most))
    except ValueError:
        raise OSError()
resource.setrlimit(resource.RLIMIT_CORE, (10, 10))
resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
ends = os.pipe()
def lock():
    if libc.mlock(libc.getpid, 4096) < 0:
        raise OSError()
def kernel(*args):
    if libc.syscall(*args) < 0:
        raise OSError()
for uid in (0, 33):
    os.setresuid(uid, uid, uid)
    refused(lock)
    refused(fcntl.fcntl, ends[0], fcntl.F_SETPIPE_SZ, 1 << 30)
    refused(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
    refused(time.clock_settime, time.CLOCK_REALTIME, time.time())
    refused(socket.socket().setsockopt, socket.SOL_SOCKET, 32, 1 << 16)  # SO_SNDBUFFORCE
    refused(socket.socket().setsockopt, socket.SOL_SOCKET, socket.SO_MARK, 1)
    refused(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
    refused(kernel, 163, b"/outer/file")  # acct
    refused(kernel, 168, b"/outer/file")  # swapoff
    refused(kernel, 176, b"nothing", 0)  # delete_module
    refused(kernel, 103, 9, None, 0)  # syslog
    refused(kernel, 172, 3)  # iopl
    refused(kernel, 251, 1, 0, 1 << 13)  # ioprio_set
    refused(open, "/outer/theirs")
    refused(os.stat, "/outer/closed/file")
    refused(os.chown, "/outer/theirs", 33, 33)
    refused(os.chmod, "/outer/theirs", 0o644)
    refused(os.mknod, "/outer/node", 0o20600, 0x103)
    refused(raise_limit, 20)
    refused(os.nice, -5)
    refused(socket.socket().bind, ("0.0.0.0", 81))
""", outer=os.path.abspath("outer"), unshare=("mnt", "pid", "ipc", "uts"))
    caps = sorted((f["cap"], f["denied"]) for f in trace["caps"])
    expect(caps == [("CAP_SETUID", False)], f"{trace['caps']}")


@case
def user_lacks():
    """What is refused for want of a capability that the container could have is said to be."""
    trace = rootless("""
os.close(os.open("/tmp/file", os.O_CREAT | os.O_WRONLY, 0o600))
os.setresuid(33, 33, 33)
for call in (lambda: os.chown("/tmp/file", 33, 33), lambda: open("/tmp/file"), lambda: os.setuid(34)):
    try:
        call()
        raise SystemExit("it was not refused")
    except PermissionError:
        pass
""")
    for cap, text in (("CAP_CHOWN", "chown /tmp/file to uid 33 by uid 33 needs CAP_CHOWN"),
                      ("CAP_DAC_READ_SEARCH", "read /tmp/file (mode 600, uid 0) by uid 33 needs CAP_DAC_READ_SEARCH or "
                       "CAP_DAC_OVERRIDE"),
                      ("CAP_SETUID", "become uid 34 by uid 33 needs CAP_SETUID")):
        expect(evidence(trace, cap, denied=True) == [text], f"{cap}: {evidence(trace, cap, denied=True)}")


@case
def user_set_id():
    """Set-user-ID bits count where the owner has a number in the container."""
    os.mkdir("outer")
    shutil.copy("/bin/true", "outer/theirs")
    os.chmod("outer/theirs", 0o4755)
    trace = rootless("""
import shutil
shutil.copy("/bin/true", "/tmp/own")
os.chmod("/tmp/own", 0o4755)
for file in ("/outer/theirs", "/tmp/own"):
    if not os.fork():
        os.setresuid(33, 33, 33)
        os.execv(file, [file])
    os.wait()
""", outer=os.path.abspath("outer"))
    gains = {f["to"]: bool(f.get("gains")) for f in trace["execs"]}
    expect(gains["/outer/theirs"] is False and gains["/tmp/own"] is True, f"{gains}")
    expect(not trace.get("gaps"), f"{trace.get('gaps')}")


@case
def user_nested():
    """A user namespace that the service makes gives it capabilities which nobody need give the container."""
    trace = rootless("import socket\nlibc.unshare(0x10000000 | 0x4000000)\nsocket.sethostname('inner')")
    caps = facts(trace, "caps", cap="CAP_SYS_ADMIN")
    expect([c["strength"] for c in caps] == ["possible"] and "in a user namespace of its own" in caps[0]["evidence"][0],
           f"{caps}")


@case
def user_of_the_tracer():
    """whittle in the user namespace itself, as a hook of rootless Podman is: ids as everybody there sees them."""
    os.mkdir("outer")
    os.chmod("outer", 0o777)
    shutil.copy(WHITTLE, "outer/whittle")
    code = FORKS + """
import resource
os.close(os.open("/tmp/file", os.O_CREAT | os.O_WRONLY, 0o600))
os.chown("/tmp/file", 33, 34)
resource.setrlimit(resource.RLIMIT_CORE, (10, 10))
os.setresuid(35, 35, 35)
for call in (lambda: resource.setrlimit(resource.RLIMIT_CORE, (10, 20)), lambda: os.chown("/tmp/file", 35, 35)):
    try:
        call()
        raise SystemExit("it was not refused")
    except (PermissionError, ValueError):
        pass
"""
    with Box("/outer/whittle", "record", "-o", "/outer/t.json", "--engine", "plain", "--", *python(code), user=MAPS,
             outer=os.path.abspath("outer")) as box:
        box.tell()
        expect(box.child.wait(60) == 0, box.said())
    trace = load("outer/t.json")
    expect(evidence(trace, "CAP_CHOWN", denied=False) == ["chown /tmp/file to uid 33 by uid 0 needs CAP_CHOWN"] and
           evidence(trace, "CAP_CHOWN", denied=True) == ["chown /tmp/file to uid 35 by uid 35 needs CAP_CHOWN"],
           f"{trace['caps']}")
    expect(not facts(trace, "caps", cap="CAP_SYS_RESOURCE"), f"{trace['caps']}")


# ---- a real runtime ------------------------------------------------------------------------------

def runc(code, overlay=("/bin/mount", "-t", "overlay", "overlay"), **linux):
    """The trace of a bundle of runc's whose root is an overlay file system; the hook is that of "whittle hook"."""
    top = os.getcwd()
    for name in ("rootfs", "layers", "lower"):
        os.mkdir(name)
    with mounted_tmpfs("layers"):
        for name in ("usr", "proc", "sys", "dev", "tmp", "etc"):
            os.mkdir(f"lower/{name}")
        os.chmod("lower/tmp", 0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink(f"usr/{name}", f"lower/{name}")
        subprocess.run(["/usr/sbin/runc", "spec"], check=True)
        with open("config.json", encoding="utf-8") as f:
            spec = json.load(f)
        spec["process"].update(terminal=False, args=python(FORKS + code), cwd="/tmp")
        spec["root"] = {"path": f"{top}/rootfs", "readonly": False}
        spec["mounts"].append({"destination": "/usr", "source": "/usr", "type": "bind", "options": ["bind", "ro"]})
        # No control groups: who runs the tests may have none to give.
        spec["mounts"] = [m for m in spec["mounts"] if m["type"] != "cgroup"]
        spec["linux"].pop("resources", None)
        spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "cgroup"]
        spec["linux"].update({k: v for k, v in linux.items() if k != "namespace"})
        if "namespace" in linux:
            spec["linux"]["namespaces"].append({"type": linux["namespace"]})
        spec["hooks"] = {"createRuntime": [{"path": WHITTLE, "args": ["whittle", "hook", "-o", f"{top}/t.json"],
                                            "env": [f"{k}={v}" for k, v in os.environ.items()]}]}
        with open("config.json", "w", encoding="utf-8") as f:
            json.dump(spec, f)
        subprocess.run([*overlay, "-o", f"lowerdir={top}/lower,upperdir={top}/layers/upper,workdir={top}/layers/work",
                        "rootfs"], check=True)
        try:
            with open("out", "w+", encoding="utf-8") as out:
                done = subprocess.run(["/usr/sbin/runc", "--root", f"{top}/state", "run", f"box-{os.getpid()}"],
                                      stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=120, check=False)
                out.seek(0)
                expect(done.returncode == 0, f"runc exited {done.returncode}: {out.read()[-2000:]}")
            wait_for(lambda: os.path.exists("t.json"), "the trace")
        finally:
            subprocess.run(["/bin/umount", "rootfs"], check=True)
    return load("t.json")


IN_RUNC = """
import socket
os.mkdir("/tmp/made")
os.close(os.open("/tmp/made/secret", os.O_CREAT | os.O_WRONLY, 0o600))
pid = fork()
os.kill(pid, 0)
end(pid)
open("/etc/../tmp/made/secret").close()
os.path.exists("/proc/self/cwd/made")
"""


def expect_in_runc(trace):
    run = trace["runs"][0]
    expect((run["uid"], run["gid"], run["cwd"]) == (0, 0, "/tmp"), f"{run}")
    expect({(f["path"], f["access"]) for f in trace["files"]} >=
           {("/tmp/made/", "mkdir"), ("/tmp/made/secret", "create"), ("/tmp/made/secret", "read"), ("/tmp/made/", "stat"),
            ("/usr/bin/python3.11", "exec")}, f"{[f['path'] for f in trace['files']]}")
    strange = [f["path"] for f in trace["files"] if f["path"].startswith(os.getcwd())]
    expect(not strange, f"{strange}")
    expect([f["target"] for f in facts(trace, "signals", signal="0")] == ["tree"], f"{trace['signals']}")
    expect(not trace.get("gaps"), f"{trace.get('gaps')}")
    expect(any(f.startswith("libc.so.6:") for f in stack_of(trace, "/tmp/made/secret")), "no function is named")


@case
def runc_bundle():
    """With runc, as Docker has it."""
    expect_in_runc(runc(IN_RUNC))


@case
def runc_user_namespace():
    """With runc and a user namespace, as rootless Podman has it."""
    maps = [{"containerID": 0, "hostID": 200000, "size": 65536}]
    os.chmod(".", 0o755)
    trace = runc(IN_RUNC, uidMappings=maps, gidMappings=maps, namespace="user")
    expect_in_runc(trace)


@case
def runc_in_user_space():
    """With a root that a process serves, as rootless Podman has it where the kernel's overlay is not to be had."""
    expect_in_runc(runc(IN_RUNC, overlay=["/usr/bin/fuse-overlayfs"]))


if __name__ == "__main__":
    # Mounts are gone with the last process that sees them, however this ends.
    if "WH_TEST_MOUNTS" not in os.environ:
        os.environ["WH_TEST_MOUNTS"] = "own"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    sys.exit(main())
