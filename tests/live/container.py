# SPDX-License-Identifier: Apache-2.0
"""Records from outside what runs in other namespaces: box.py makes them, "whittle hook" is told of their init."""
import contextlib
import json
import os
import signal
import subprocess
import time

from recording import WHITTLE, expect, load, wait_for

BOX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "box.py")


class Box:
    """A container that waits to be let go; see box.py for what may be said of it. Its end is the end of the block."""

    def __init__(self, *argv, user=None, unshare=("mnt", "pid", "net", "ipc", "uts"), root=True, overlay=None, outer=None,
                 setup="", hold=()):
        if root:
            os.mkdir("root")
        self.out = open("out", "w+", encoding="utf-8")  # pylint: disable=consider-using-with
        heard, says = os.pipe()
        hears, told = os.pipe()
        what = {"user": user, "unshare": unshare, "root": os.path.abspath("root") if root else None, "overlay": overlay,
                "outer": outer, "setup": setup, "argv": argv, "hold": hold}
        # Descriptors 3 and 4 are the box's, whatever they are here.
        script = f"exec /usr/bin/python3 -S \"$0\" \"$1\" 3>&{says} 4<&{hears} {says}>&- {hears}>&-"
        self.child = subprocess.Popen(["/bin/bash", "-c", script, BOX, json.dumps(what)], stdin=subprocess.DEVNULL,
                                      stdout=self.out, stderr=subprocess.STDOUT, pass_fds=(says, hears),
                                      start_new_session=True)
        os.close(says)
        os.close(hears)
        self.heard, self.told = os.fdopen(heard), os.fdopen(told, "w")
        self.init = None
        if user:
            self.hear("unshared")
            for kind in ("uid", "gid"):
                with open(f"/proc/{self.child.pid}/{kind}_map", "w", encoding="utf-8") as f:
                    f.write("".join(f"{i} {o} {n}\n" for i, o, n in user))
            self.tell()
        # Two processes say so, in whichever order.
        lines = sorted((self.heard.readline(), self.heard.readline()))
        expect(lines[0].startswith("init ") and lines[1] == "ready\n", f"the box said {lines}: {self.said()[-2000:]}")
        self.init = int(lines[0].split()[1])

    def said(self):
        self.out.seek(0)
        return self.out.read()

    def hear(self, word):
        line = self.heard.readline()
        expect(line.startswith(word), f"the box said {line!r}, not {word}: {self.said()[-2000:]}")
        return line

    def tell(self):
        self.told.write("go\n")
        self.told.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.heard.close()
        self.told.close()
        if self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
                if self.init:
                    os.kill(self.init, signal.SIGKILL)
            self.child.wait(20)
        self.out.close()


def record(*argv, meanwhile=None, status=0, **what):
    """The trace of a container that executes argv; @meanwhile is called with the box while it runs."""
    trace = os.path.abspath("t.json")
    with Box(*argv, **what) as box:
        state = json.dumps({"ociVersion": "1.0.2", "id": f"box-{os.getpid()}-{time.monotonic_ns()}", "pid": box.init,
                            "status": "created", "bundle": os.getcwd()})
        with open("hook", "w+", encoding="utf-8") as said:
            done = subprocess.run([WHITTLE, "hook", "-o", trace], input=state, text=True, stdout=said, stderr=said,
                                  timeout=60, check=False)
            said.seek(0)
            expect(done.returncode == 0, f"whittle hook exited {done.returncode}: {said.read()}")
        box.tell()
        if meanwhile:
            meanwhile(box)
        have = box.child.wait(60)
        expect(have == status, f"the container exited {have}, not {status}: {box.said()[-2000:]}")
        wait_for(lambda: os.path.exists(trace), "the trace")
    return load(trace)


def facts(trace, kind, **where):
    """Those of its facts that have these members."""
    return [f for f in trace.get(kind, []) if all(f.get(k) == v for k, v in where.items())]
