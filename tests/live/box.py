# SPDX-License-Identifier: Apache-2.0
"""Makes what a container is made of, as a runtime does, waits where a runtime's init waits for its hooks, then executes.

Called by container.py, with one argument in JSON:
  user:    [[inside, outside, count], …] of uids and gids: a user namespace of its own; else none
  unshare: names of other namespaces: mnt pid net ipc uts
  root:    an empty folder that becomes the root, by pivot_root(); else the root stays
  overlay: the folder with the layers, if /usr is to be an overlay file system
  outer:   a folder that is to be seen as /outer
  setup:   Python that is executed when all that is there; argv: what is executed at last
  hold:    files of the outside that stay open, from descriptor 10 on
What it says on descriptor 3 and hears on 4 are lines.
"""
import ctypes
import json
import os
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
NEW = {"mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 1, 32, 4096, 16384, 1 << 18, 2


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def unshare(*names):
    check(LIBC.unshare(sum(NEW[n] for n in names)))


def mount(source, target, kind=None, flags=0, data=None):
    check(LIBC.mount(*(None if s is None else s.encode() for s in (source, target, kind)), flags,
                     None if data is None else data.encode()))


def say(line):
    os.write(3, line.encode() + b"\n")


def hear():
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(4, 1)
        if not part:
            sys.exit("box: nobody is there any more")
        line += part


def become_root():
    """Of the user namespace, which has nobody until its maps are written."""
    unshare("user")
    say("unshared")
    hear()
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def make_root(box):
    root = box["root"]
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    if not root:
        return
    mount("box", root, "tmpfs", 0, "mode=755")
    os.chmod(root, 0o755)
    for name in ("usr", "etc", "proc", "dev", "tmp", "old"):
        os.mkdir(f"{root}/{name}", 0o755)
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
    if box["overlay"]:
        layers = box["overlay"]
        mount("box", f"{root}/usr", "overlay", 0,
              f"lowerdir=/usr,upperdir={layers}/upper,workdir={layers}/work")
    else:
        mount("/usr", f"{root}/usr", None, MS_BIND | MS_REC)
    if box["outer"]:
        os.mkdir(f"{root}/outer")
        mount(box["outer"], f"{root}/outer", None, MS_BIND)
    for name in ("null", "zero", "urandom"):
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY))
        mount(f"/dev/{name}", f"{root}/dev/{name}", None, MS_BIND)
    with open(f"{root}/etc/passwd", "w", encoding="utf-8") as f:
        f.write("root:x:0:0:root:/:/bin/sh\n")
    os.chdir(root)
    check(LIBC.syscall(155, b".", b"old"))  # pivot_root
    os.chdir("/")
    mount("proc", "/proc", "proc")
    check(LIBC.umount2(b"/old", MNT_DETACH))
    os.rmdir("/old")


def main():
    box = json.loads(sys.argv[1])
    for number, file in enumerate(box["hold"], 10):
        fd = os.open(file, os.O_RDONLY)
        os.dup2(fd, number)
        os.set_inheritable(number, True)
    if box["user"]:
        become_root()
    if box["unshare"]:
        unshare(*box["unshare"])
    if "pid" in box["unshare"]:
        init = os.fork()
        if init:
            say(f"init {init}")
            os.close(3)
            os.close(4)
            status = os.waitpid(init, 0)[1]
            sys.exit(os.waitstatus_to_exitcode(status) % 256)
    else:
        say(f"init {os.getpid()}")
    if "mnt" in box["unshare"]:
        make_root(box)
    exec(box["setup"], {"os": os, "mount": mount, "unshare": unshare, "LIBC": LIBC})  # pylint: disable=exec-used
    say("ready")
    hear()
    os.execv(box["argv"][0], box["argv"])


if __name__ == "__main__":
    main()
