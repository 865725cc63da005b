# SPDX-License-Identifier: Apache-2.0
"""The ways to trace a program: natively (not at all), by whittle's engines, and by its peers."""
import json
import os
import signal
import subprocess
import time


class Trouble(Exception):
    """A measurement that cannot be had; the text says why."""


def last_line(path):
    """The end of a log: what a program said before it gave up."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = [line.strip() for line in f if line.strip()]
    except OSError:
        lines = []
    return lines[-1][:200] if lines else "it said nothing"


def finish(process, signals, limit):
    """Send each of the signals until the process ends, with some time after each: its exit status."""
    for number in signals:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            pass
    if process.poll() is None:
        process.kill()
        process.wait()
        raise Trouble(f"it did not end within {limit} s of {signals[0].name}")
    return process.returncode


class Run:
    """A program that runs, traced. wait() or stop() ends it."""

    def __init__(self, way, argv, log, env=None, cwd=None):
        self.way, self.log, self.stops, self.gaps = way, log, None, []
        self.output = open(log, "wb")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, env=env, cwd=cwd)

    def check(self):
        """Raise when it has ended early."""
        if self.process.poll() is not None:
            raise Trouble(f"it ended with {self.process.returncode}: {last_line(self.log)}")

    def wait(self, limit):
        """The program ends by itself."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Trouble(f"not done after {limit:.0f} s") from None
        if status != 0:
            raise Trouble(f"it ended with {status}: {last_line(self.log)}")
        self.output.close()
        self.way.ended(self)

    def stop(self):
        """End the service: as a service manager would, by SIGTERM."""
        self.check()
        self.way.end(self)
        self.output.close()
        self.way.ended(self)


class Way:
    """Native, and what others have in common."""

    def __init__(self, name, about, title=None):
        self.name, self.about, self.title = name, about, title or name

    def probe(self, work):
        """Why it cannot run here, or None."""
        log = os.path.join(work, "probe.log")
        try:
            run = self.start(["/bin/true"], work, log, None)
            run.wait(30)
        except (OSError, Trouble) as trouble:
            return str(trouble)
        return None

    def command(self, argv, _work, _port):
        """The command that runs argv this way."""
        return argv

    def start(self, argv, work, log, port, env=None, cwd=None):
        """Run argv, which listens on the port once it is ready (None: it just ends)."""
        return Run(self, self.command(argv, work, port), log, env, cwd)

    def end(self, run):
        """Make the service end, and see that its tracer does."""
        finish(run.process, [signal.SIGTERM, signal.SIGQUIT], 20)

    def ended(self, run):
        """After the run: what the tracer left to tell."""


class Whittle(Way):
    """An engine of whittle's."""

    def __init__(self, program, engine, *options):
        super().__init__(engine, " ".join(["whittle record --engine", engine, *options]))
        self.program, self.options = program, options

    def command(self, argv, work, port):
        ready = ["--ready", f"tcp:127.0.0.1:{port}"] if port else []
        return [self.program, "record", "-o", os.path.join(work, "trace.json"), "--engine", self.name,
                *self.options, *ready, "--", *argv]

    def end(self, run):
        # Ctrl-C: whittle ends the service by SIGTERM.
        status = finish(run.process, [signal.SIGINT, signal.SIGINT], 60)
        if status != 0:
            raise Trouble(f"whittle record ended with {status}: {last_line(run.log)}")

    def ended(self, run):
        trace = os.path.join(os.path.dirname(run.log), "trace.json")
        with open(trace, encoding="utf-8") as f:
            data = json.load(f)
        os.unlink(trace)
        run.stops = sum(part["stops"] for part in data["runs"])
        run.gaps = sorted({gap["kind"] for gap in data["gaps"]})


class Wrapper(Way):
    """A peer that starts the program as its child."""

    def __init__(self, name, argv, note=""):
        super().__init__(name, " ".join(argv) + note)
        self.argv = argv

    def command(self, argv, _work, _port):
        return self.argv + argv

    def end(self, run):
        # A tracer that is told to end would leave the service: end the service.
        pid = run.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = [int(word) for word in f.read().split()]
        for child in children:
            os.kill(child, signal.SIGTERM)
        try:
            run.process.wait(20)
        except subprocess.TimeoutExpired:
            raise Trouble("it did not end within 20 s of SIGTERM") from None


class Beside(Way):
    """A peer that watches the whole machine while the program runs natively."""

    def __init__(self, name, argv, started):
        super().__init__(name, " ".join(argv[:-1]) + f" '{argv[-1]}', which counts for the whole machine")
        self.argv, self.started = argv, started

    def start(self, argv, work, log, port, env=None, cwd=None):
        said = log + ".peer"
        with open(said, "wb") as f:
            peer = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        until = time.monotonic() + 20
        while True:
            with open(said, encoding="utf-8", errors="replace") as f:
                if self.started in f.read():
                    break
            if peer.poll() is not None or time.monotonic() > until:
                if peer.poll() is None:
                    peer.kill()
                peer.wait()
                raise Trouble(last_line(said))
            time.sleep(0.05)
        # It says so before the probes are on; when they are, it may be over already.
        time.sleep(0.5)
        if peer.poll() is not None:
            raise Trouble(last_line(said))
        run = super().start(argv, work, log, port, env, cwd)
        run.peer, run.said = peer, said
        return run

    def ended(self, run):
        finish(run.peer, [signal.SIGINT, signal.SIGTERM], 20)
        with open(run.said, encoding="utf-8", errors="replace") as f:
            if not any(line.startswith("@") for line in f):
                raise Trouble(f"{self.argv[0]} counted nothing: {last_line(run.said)}")


def all_ways(whittle):
    """In the order of the columns."""
    strace = ["strace", "-f", "-qq"]
    null = ["-o", "/dev/null"]
    some = "%file,%process,%network"
    return [
        Way("native", "not traced"),
        Whittle(whittle, "plain"),
        # The services drop CAP_SYS_ADMIN: without it, a filter needs no_new_privs.
        Whittle(whittle, "adaptive", "--no-new-privs"),
        Whittle(whittle, "assisted"),
        Wrapper("strace", [*strace, *null]),
        Wrapper("strace-c", [*strace, "-c", *null]),
        Wrapper("strace-seccomp", [*strace, "--seccomp-bpf", "-e", f"trace={some}", *null],
                ", which sees those calls only"),
        Wrapper("perf", ["perf", "trace", "-s", *null]),
        Beside("bpftrace", ["bpftrace", "-e",
                            "tracepoint:raw_syscalls:sys_enter { @[comm, args->id] = count(); }"], "Attaching"),
    ]
