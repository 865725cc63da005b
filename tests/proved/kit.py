# SPDX-License-Identifier: Apache-2.0
"""What the services and their surroundings are made with. All of it is in a trial's own namespaces; see world.py."""
import os
import pwd
import grp
import socket
import subprocess
import time


class NotServed(Exception):
    """Why the load was not served."""


def chown(path, user, group):
    os.chown(path, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)


def command(*argv, **kwargs):
    """It must succeed, or the trial is none."""
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **kwargs)


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def over(path, text, mode=0o644, owner=("root", "root")):
    """Another file in the place of that one, for this trial."""
    ours = "/run/proved/etc/" + path.replace("/", "_")
    write(ours, text, mode)
    chown(ours, *owner)
    if not os.path.exists(path):
        raise OSError(f"{path} is missing")
    command("mount", "--bind", ours, path)


def until(holds, seconds, problem, running):
    """Waits; one whose service has ended need not wait."""
    end = time.monotonic() + seconds
    while not holds():
        if not running.alive() and not holds():
            raise NotServed(f"{problem}: it ended with status {running.process.returncode}")
        if time.monotonic() > end:
            raise NotServed(f"{problem} within {seconds} s")
        time.sleep(0.02)


def listens(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5):
            return True
    except OSError:
        return False


def client(*argv, **kwargs):
    """What a client prints, which must succeed: started, so that several can be under way; said() has it."""
    return subprocess.Popen(argv, stdin=kwargs.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True, **kwargs)


def said(process, wanted=None, seconds=60):
    try:
        out, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise NotServed(f"no answer to {process.args} within {seconds} s") from None
    if process.returncode != 0:
        raise NotServed(f"{process.args[0]} exited {process.returncode}: {' '.join(out.split())[-300:]}")
    if wanted is not None and wanted not in out:
        raise NotServed(f"{process.args} said {out!r} and not {wanted!r}")
    return out


def ask(wanted, *argv, **kwargs):
    return said(client(*argv, **kwargs), wanted)
