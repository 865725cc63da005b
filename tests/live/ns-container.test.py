#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers, recorded from outside: what a fact says is what it is in the container."""
import contextlib
import os
import subprocess
import sys

from container import facts, record
from recording import case, expect, main, python

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
        subprocess.run(["/bin/umount", folder], check=True)


@contextlib.contextmanager
def stranger():
    """A process outside, of another user."""
    with subprocess.Popen(["/usr/bin/setpriv", "--reuid", "65533", "--clear-groups", "/bin/sleep", "60"]) as child:
        try:
            yield
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


if __name__ == "__main__":
    sys.exit(main())
