#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One trial: a service started as Docker starts a container's, and its load.

It is root with the given capabilities in its bounding set and no others, in namespaces that are this trial's alone: network,
mounts (/run, /dev, /dev/shm, /var/log, users and passwords), processes, IPC and host name. All of it ends with this process,
which is the first in its pid namespace. The load is outside the bounding set.

usage: world.py NAME --caps A,B,… --cache DIR [--hostname NAME] [--whittle FILE --trace FILE]
Exit status: 0 the load was served; 1 it was not, and the last line says why; 2 the trial itself did not work.
"""
import argparse
import contextlib
import ctypes
import os
import signal
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import harness  # noqa: E402
import services  # noqa: E402
from kit import NotServed, chown, command, over, until, write  # noqa: E402

PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CLONE_NEWUTS = 0x04000000
CAP_VERSION_3 = 0x20080522
# Where the recording is told how far the load is.
READY, DONE = "/run/proved/is-ready", "/run/proved/is-done"
libc = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def confine(caps, hostname):
    """What the engine does to a container's first process. The last calls before the execution are in the new UTS namespace."""
    kept = {services.CAPS.index(c) for c in caps}
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as f:
        last = int(f.read())
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAP_VERSION_3, 0))
    data = ctypes.create_string_buffer(24)
    must(libc.capget(header, data))
    words = list(struct.unpack("=6I", data.raw))
    words[2] = words[5] = 0  # nothing inheritable, as Docker has it
    for number in range(last + 1):
        if number not in kept:
            must(libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0))
    must(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    must(libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", *words), 24)))
    must(libc.unshare(CLONE_NEWUTS))
    must(libc.sethostname(hostname.encode(), len(hostname)))


# ---- the surroundings ------------------------------------------------------------------------------

def devices():
    """A /dev as a container's."""
    command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev")
    for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9),
                               ("tty", 5, 0), ("fuse", 10, 229)):
        os.mknod(f"/dev/{name}", 0o20666, os.makedev(major, minor))
        os.chmod(f"/dev/{name}", 0o666)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        os.symlink(target, f"/dev/{name}")
    os.mkdir("/dev/pts")
    command("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620,gid=5", "devpts", "/dev/pts")
    os.mkdir("/dev/shm")
    command("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")


def users():
    """Root and alice have a password and a home here."""
    def lines(path, but):
        with open(path, encoding="utf-8") as f:
            return "".join(line for line in f if line.split(":")[0] not in but)
    shadow, password = lines("/etc/shadow", ("root", "alice")), services.PASSWORD_HASH
    over("/etc/passwd", "root:x:0:0:root:/run/proved/root:/bin/sh\nalice:x:4242:4242::/run/proved/alice:/bin/sh\n" +
         lines("/etc/passwd", ("root", "alice")), 0o644)
    over("/etc/group", lines("/etc/group", ("alice",)) + "alice:x:4242:\n", 0o644)
    over("/etc/shadow", f"root:{password}:19000:0:99999:7:::\nalice:{password}:19000:0:99999:7:::\n{shadow}", 0o640,
         ("root", "shadow"))
    for name, mode in (("root", 0o700), ("alice", 0o755)):
        os.mkdir(f"/run/proved/{name}", mode)
        chown(f"/run/proved/{name}", name, name)


def surroundings(service, hostname):
    os.umask(0o022)
    command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/log")
    os.makedirs("/run/proved/etc")
    os.mkdir("/run/lock", 0o1777)
    devices()
    users()
    over("/etc/hosts", f"127.0.0.1 localhost {hostname}\n", 0o644)
    for path, mode in (("/run/utmp", 0o664), ("/var/log/wtmp", 0o664), ("/var/log/lastlog", 0o664), ("/var/log/btmp", 0o660)):
        write(path, "", mode)
        chown(path, "root", "utmp")
    command("ip", "link", "set", "lo", "up")
    for name, value in (("ip_unprivileged_port_start", service.port_start), ("ping_group_range", service.ping_range)):
        with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
            f.write(value)


# ---- the trial ---------------------------------------------------------------------------------------

class Running:
    """The service's first process, or the recording of it."""

    def __init__(self, argv, options, stops):
        self.recorded = bool(options.trace)
        caps = options.caps
        if self.recorded:
            # Who traces in a container must be given that; the service has it then, too.
            caps = [*caps, "SYS_PTRACE"]
            waits = ["--ready", f"file:{READY}", "--load", f"until test -e {DONE}; do sleep 0.05; done"] if stops else []
            argv = [options.whittle, "record", "--engine", "plain", "-o", options.trace, "-n", options.name,
                    *waits, "--grace", "60", "--", *argv]
        self.log = open("/run/proved/output", "w+b")  # pylint: disable=consider-using-with
        env = harness.environment(HOME="/run/proved/root", USER="root")
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env, cwd="/run/proved",
            preexec_fn=lambda: confine(caps, options.hostname), start_new_session=True)

    def output(self):
        with open("/run/proved/output", "rb") as f:
            return f.read().decode(errors="replace")

    def wait(self, seconds):
        """Its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotServed(f"it did not end within {seconds} s") from None

    def alive(self):
        return self.process.poll() is None

    def mark(self, path):
        if self.recorded:
            write(path, "")

    def stop(self):
        """As the engine stops a container; whittle does it when it is told that the load is done."""
        if not self.recorded:
            self.process.send_signal(signal.SIGTERM)


def try_it(service, running):
    """Raises NotServed."""
    try:
        until(lambda: service.ready(running), 60, "it did not become ready", running)
        running.mark(READY)
        service.load(running)
        running.mark(DONE)
        if service.stops:
            running.stop()
        status = running.wait(60)
        if status != 0:
            raise NotServed(f"its exit status was {status}")
        service.check(running)
    except (NotServed, subprocess.SubprocessError, OSError) as problem:
        said = running.output().strip().splitlines()
        print("\n".join(said[-30:]))
        print(f"{problem}; its last words: {said[-1] if said else 'none'}")
        return 1
    return 0


def main():
    made = argparse.ArgumentParser()
    made.add_argument("name")
    made.add_argument("--caps", required=True, type=lambda text: [c for c in text.split(",") if c])
    made.add_argument("--cache", required=True)
    made.add_argument("--hostname", default="proved")
    made.add_argument("--whittle")
    made.add_argument("--trace")
    options = made.parse_args()
    service = services.ALL[options.name]
    try:
        surroundings(service, options.hostname)
        service.prepare(options.cache)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"the trial could not be prepared: {problem}")
        return 2
    return try_it(service, Running(service.argv, options, service.stops))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(2)
