#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How much slower is a service while it is traced? A cell is the median over the rounds of traced / native of
the same round. Progress goes to stderr, the table to stdout. run.sh starts this, as root, in namespaces of its own."""
import argparse
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import report
from ways import Trouble, Whittle, all_ways
from workloads import all_workloads

MEMORY = "memory"


def progress(text):
    """To those who wait."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def reap():
    """End all that is left of a measurement. The PID namespace is ours, and this is its first process."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def resident(pid):
    """The resident size of a process, in MB (10^6 bytes)."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return next((int(line.split()[1]) for line in f if line.startswith("VmRSS:")), 0) * 1024 / 1e6


def wait_mark(marks, traced, limit):
    """Until the program says how far it is."""
    until = time.monotonic() + limit
    while not select.select([marks], [], [], 0.5)[0]:
        traced.check()
        if time.monotonic() > until:
            raise Trouble(f"no mark after {limit:.0f} s")
    return os.read(marks, 100)


def memory(way, options, folder):
    """What the tracer itself uses after a tenth, a half and all of the events."""
    names = [os.path.join(folder, name) for name in ("marks", "go")]
    pipes = []
    for name in names:
        os.mkfifo(name, 0o600)
        # For both directions: the program may then open and close its end as it likes.
        pipes.append(os.open(name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    traced = way.start([os.path.join(options.programs, "events"), str(options.events), *names], folder,
                       os.path.join(folder, "log"), None, cwd=folder)
    sizes = []
    try:
        for _ in range(3):
            wait_mark(pipes[0], traced, 60 + options.events / 2000)
            time.sleep(0.3)
            sizes.append(resident(traced.process.pid))
            os.write(pipes[1], b"go\n")
        traced.wait(60)
    finally:
        for pipe in pipes:
            os.close(pipe)
    return sizes, traced


class Bench:
    """All that was measured."""

    def __init__(self, options):
        self.options = options
        self.ways = [way for way in all_ways(os.environ["WHITTLE"]) if way.name in options.ways]
        self.workloads = [w for w in all_workloads(options) if w.name in options.workloads]
        self.work = tempfile.mkdtemp(prefix="whittle-bench-", dir="/run")
        os.chmod(self.work, 0o755)
        # By workload and way, a list with an entry a round.
        self.figures, self.stops = {}, {}
        # By way, in MB.
        self.memory = {}
        self.refused, self.notes = {}, []

    def folder(self, name):
        """A new folder, which users of services may enter."""
        path = os.path.join(self.work, name)
        os.mkdir(path)
        os.chmod(path, 0o755)
        return path

    def note(self, text):
        """Goes below the table, once."""
        if text not in self.notes:
            self.notes.append(text)
            progress(text)

    def probe(self):
        """Which ways there are on this machine."""
        folder = self.folder("probe")
        for way in self.ways:
            why = way.probe(folder)
            reap()
            if why:
                self.refused[way.name] = why
                self.note(f"{way.name} cannot run here: {why}")

    def gaps(self, name, way, traced):
        """What was not seen makes a figure worth less."""
        if traced.gaps:
            self.note(f"{name}, {way.name}: the recording has gaps: {' '.join(traced.gaps)}")

    def one(self, workload, way):
        """A figure for the next round, or None."""
        try:
            figure, work, traced = workload.measure(way)
        except (OSError, ValueError, LookupError, Trouble) as trouble:
            self.note(f"{workload.name}, {way.name}: {trouble}")
            return None
        finally:
            reap()
        if traced.stops is not None and work:
            self.stops.setdefault(workload.name, {}).setdefault(way.name, []).append(1000 * traced.stops / work)
        self.gaps(workload.name, way, traced)
        return figure

    def measure(self, workload):
        """All rounds of a workload."""
        rounds = self.options.rounds
        ways = [way for way in self.ways if way.name not in self.refused]
        figures = self.figures.setdefault(workload.name, {})
        why = workload.missing()
        try:
            if not why:
                workload.prepare(self.folder(workload.name))
        except (OSError, Trouble) as trouble:
            why = str(trouble)
        reap()
        if why:
            self.note(f"{workload.name} cannot be measured: {why}")
            return
        for turn in range(rounds):
            for i in range(len(ways)):
                way = ways[(i + turn) % len(ways)]
                # What failed in a round would only fail again; what natively fails has no ratio.
                if None in figures.get(way.name, []) or None in figures.get("native", []):
                    continue
                started = time.monotonic()
                figure = self.one(workload, way)
                figures.setdefault(way.name, []).append(figure)
                said = "failed" if figure is None else f"{figure:,.0f} {workload.figure}"
                progress(f"round {turn + 1} of {rounds}: {workload.name} {way.name}: {said}"
                         f" ({time.monotonic() - started:.1f} s)")

    def measure_memory(self):
        """The tracer's own memory, once for each engine."""
        for way in self.ways:
            if not isinstance(way, Whittle) or way.name in self.refused:
                continue
            progress(f"memory {way.name}: {self.options.events:,} events")
            try:
                sizes, traced = memory(way, self.options, self.folder(f"memory-{way.name}"))
            except (OSError, ValueError, LookupError, Trouble) as trouble:
                self.note(f"memory, {way.name}: {trouble}")
                continue
            finally:
                reap()
            self.memory[way.name] = sizes
            self.gaps(MEMORY, way, traced)
            progress(f"memory {way.name}: " + ", ".join(f"{size:.1f} MB" for size in sizes))

    def ratios(self, workload, way, to="native"):
        """traced / native (or another way), by round."""
        figures = self.figures.get(workload, {})
        pairs = zip(figures.get(way, []), figures.get(to, []))
        return [a / b for a, b in pairs if a is not None and b]

    def medians(self, workload, to):
        """Of all ways that were measured together with that one."""
        ratios = {way.name: self.ratios(workload, way.name, to) for way in self.ways}
        return {way: statistics.median(values) for way, values in ratios.items() if values}

    def run(self):
        """Everything."""
        self.probe()
        for workload in self.workloads:
            self.measure(workload)
        if MEMORY in self.options.workloads:
            self.measure_memory()

    def data(self):
        """What the reports are made from."""
        return {
            "rounds": self.options.rounds,
            "ways": {way.name: way.about for way in self.ways},
            "workloads": {w.name: {"about": w.about, "figure": w.figure, "work": w.work} for w in self.workloads},
            "figures": self.figures, "ratios": {name: self.medians(name, "native") for name in self.figures},
            "against": {w.name: {w.against: self.medians(w.name, w.against)} for w in self.workloads
                        if getattr(w, "against", None)},
            "stops": {name: {way: statistics.median(values) for way, values in ways.items()}
                      for name, ways in self.stops.items()},
            "events": self.options.events, "memory": self.memory, "refused": self.refused, "notes": self.notes,
        }


def listed(names):
    """A type for argparse: some of the names, with commas between."""
    def read(text):
        words = text.split(",")
        for word in words:
            if word not in names:
                raise argparse.ArgumentTypeError(f"no '{word}'; there are: {','.join(names)}")
        return words
    return read


def positive(kind, least):
    """A type for argparse: a number that is large enough."""
    def read(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= 1e9:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {least} up")
        return value
    return read


def read_options():
    """The command line."""
    probe = argparse.Namespace(storm=1, programs="")
    workloads = [w.name for w in all_workloads(probe)] + [MEMORY]
    ways = [way.name for way in all_ways("whittle")]
    parser = argparse.ArgumentParser(
        prog="tests/bench/run.sh", allow_abbrev=False, description=__doc__,
        epilog="WHITTLE is the program to measure (else the one in PATH), WH_BUILD the build folder with the programs "
               "of tests/bench (else that of WHITTLE). All of it, as it stands, takes more than an hour.")
    parser.add_argument("--rounds", type=positive(int, 1), default=3, metavar="N", help="default 3")
    parser.add_argument("--workloads", type=listed(workloads), default=workloads, metavar="A,B",
                        help=",".join(workloads))
    parser.add_argument("--ways", type=listed(ways), default=ways, metavar="X,Y",
                        help=f"{','.join(ways)}; native is always among them")
    parser.add_argument("--seconds", type=positive(float, 0.1), default=3, metavar="S",
                        help="of load in each measurement (default 3; whole seconds for wrk and pgbench)")
    parser.add_argument("--warm", type=positive(float, 0), default=1, metavar="S",
                        help="of load before that (default 1; 0: none)")
    parser.add_argument("--storm", type=positive(int, 20), default=20000, metavar="N",
                        help="executions of the process storm (default 20000)")
    parser.add_argument("--events", type=positive(int, 1000), default=10000000, metavar="N",
                        help="system calls for the tracer's memory (default 10000000)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="the tables in Markdown")
    form.add_argument("--json", action="store_true", help="all that was measured, instead of tables")
    parser.add_argument("--list", action="store_true", help="list workloads and ways, and end")
    options = parser.parse_args()
    if options.list:
        print("workloads:", *workloads)
        print("ways:", *ways)
        sys.exit(0)
    options.ways = list(dict.fromkeys(["native", *options.ways]))
    return options


def interrupted(number, _frame):
    """End by the way that cleans up."""
    sys.exit(128 + number)


def main():
    """Measure, and tell."""
    options = read_options()
    if "WHITTLE_BENCH_INSIDE" not in os.environ or os.getpid() != 1:
        sys.exit("bench: start it by tests/bench/run.sh")
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    # Also where it was ignored, so that what is started here can be ended by it.
    signal.signal(signal.SIGINT, interrupted)
    whittle = os.environ["WHITTLE"]
    options.programs = os.path.join(os.environ.get("WH_BUILD") or os.path.dirname(whittle), "bench")
    for program in (whittle, *(os.path.join(options.programs, name) for name in ("storm", "events", "memload"))):
        if not os.access(program, os.X_OK):
            sys.exit(f"bench: no {program}: build the tree, and set WHITTLE (and WH_BUILD) to what was built")
    os.environ["TMPDIR"] = "/run"
    machine = report.machine(whittle)
    bench = Bench(options)
    bench.run()
    data = bench.data()
    data["machine"] = machine
    if options.json:
        json.dump(data, sys.stdout, indent=1)
        print()
    else:
        print(report.text(data, options.markdown))


if __name__ == "__main__":
    main()
