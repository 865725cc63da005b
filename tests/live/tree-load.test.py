#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Readiness and load: when the load begins, what it does, and what is made of its end."""
import os
import signal
import sys
import time

from recording import (case, count, expect, expect_run, free_port, gone, load, main, pid_from, python, record,
                       run_of, wait_for)

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
def started_without_sigchld():
    """Whoever started whittle ignored SIGCHLD: it still hears of its children, and the service inherits it."""
    code = "import shutil, time\nshutil.copy('/proc/self/status', 'status')\ntime.sleep(60)\n"
    status, _, _ = record("--load", "sleep .2; exit 0", "--", *python(code),
                          preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    expect_run(status, 0, load_outcome="exited 0", outcome="stopped by whittle")
    with open("status", encoding="utf-8") as f:
        ignored = [int(line.split()[1], 16) for line in f if line.startswith("SigIgn")]
    expect(ignored[0] >> (signal.SIGCHLD - 1) & 1, f"SigIgn {ignored[0]:x}")


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


if __name__ == "__main__":
    sys.exit(main())
