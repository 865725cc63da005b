#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records random programs with each engine, and compares the facts with those of the plain one.

usage: run.py [--whittle FILE] [--build DIR] [--seeds N] [--start S] [--size N] [--engines LIST] [--judge N]
              [--jobs N] [--keep] [--night] [NAME…]

For each seed the plain engine makes the reference. Each engine that is named, plain too, then records the same
program again and must find the same facts (compare.py, which says what is not compared, and why). Of five programs
three are crowds; one does one thing after the other, so that what came first is compared, too; and one gets ready
half-way, so that the phase changes while it is hot. Besides, one program does all that there is to do ("each").

--judge N asks, for the first N programs, the kernel's raw_syscalls tracepoint (bpftrace, see ../peer/kernel.bt)
which calls came from which program: an engine must have each of them, and no other.

--night is a thousand seeds, other ones each day, all of them judged.

Prints a line a case: "ok seed-N-ENGINE" or "not ok seed-N-ENGINE: why". To see one again: --start N --seeds 1, or
a NAME of random.h for one of the things that these programs do. Must be root; goes on in namespaces of its own.
"""
import concurrent.futures
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import compare  # noqa: E402  (beside this file)
import harness  # noqa: E402

# What the adaptive engine's injection and its interrupts call in the program's name. None of it can hide a call
# of the program's own: for that the traces of two engines are compared.
INJECTED = {"adaptive": {"seccomp", "prctl", "mmap", "munmap", "restart_syscall"}}
X32 = 1 << 30
FILTERED = {"getppid", "getpriority", "fstat", "lseek"}  # by filters.c
# The execution that makes the entrypoint is entered before the tree has begun.
FIRST = {("x86_64", 59, name) for name in ("random", "whittle")}
BATCH = 50  # programs before one judge: its maps are bounded
NIGHT = 1000


class Program:
    """A random program: its name as a case, its seed and the way it goes."""

    def __init__(self, name, seed, way=()):
        self.name, self.seed, self.way = name, seed, list(way)

    @staticmethod
    def of_seed(seed):
        return Program(f"seed-{seed}", seed, {0: ["ready"], 1: ["alone"]}.get(seed % 5, []))

    @property
    def ordered(self):
        return bool(self.way) and self.way[0] in ("alone", "each", "only")


def record(options, engine, program, top):
    # Of the same name in each run: the paths are facts.
    folder, extra = harness.fresh(os.path.join(top, program.name)), []
    command = [os.path.join(options.build, "equal", "random"), str(program.seed), str(options.size), *program.way]
    if program.way == ["ready"]:
        command.append(os.path.join(folder, "ready"))
        extra = ["--ready", "file:" + command[-1]]
    made = harness.Recording(options, command, os.path.join(top, f"{program.name}-{engine}.json"), engine=engine,
                             extra=extra, cwd=folder, env=harness.environment("/usr/bin:/bin"),
                             timeout=options.timeout)
    made.engine = engine
    harness.fresh(folder)
    return made


def calls_of(made, seen):
    """{(abi, number, program)}: what the trace has, and what the kernel saw."""
    return {(s["abi"], s["number"], os.path.basename(p)) for s in made.trace["syscalls"] for p in s["programs"]}, \
           {("x32" if abi == "x86_64" and number & X32 else abi, number, program) for abi, number, program in seen}


def text_of(key, names):
    return f"{key[0]} {names.get(key[:2], key[1])} by {key[2]}"


def missed(made, seen, names):
    """What the kernel saw of a program, and its trace has not."""
    mine, seen = calls_of(made, seen)
    extra = INJECTED.get(made.engine, set())
    return [f"only the kernel saw {text_of(k, names)}" for k in sorted(seen - mine) if names.get(k[:2]) not in extra]


def judged(made, seen, names):
    """The same, and the other way round."""
    mine, theirs = calls_of(made, seen)
    hidden = mine - theirs - FIRST
    if any(g["kind"] == "own-seccomp" for g in made.trace["gaps"]):
        # What its own filter refuses comes to nobody else's eyes.
        hidden = {k for k in hidden if names.get(k[:2]) not in FILTERED}
    return missed(made, seen, names) + [f"the kernel did not see {text_of(k, names)}" for k in sorted(hidden)]


class Made:
    """A recording for the self-test: two calls of one program."""

    engine = "adaptive"

    def __init__(self, *gaps):
        self.trace = {"gaps": [{"kind": g} for g in gaps],
                      "syscalls": [{"abi": "x86_64", "number": n, "programs": ["/bin/a"]} for n in (0, 110)]}


def self_test():
    names, both = {("x86_64", 1): "write", ("x86_64", 110): "getppid"}, {("x86_64", 0, "a"), ("x86_64", 110, "a")}
    names[("x86_64", 317)] = "seccomp"
    wanted = (
        (Made(), both, 0), (Made(), both | {("x86_64", 1, "a")}, 1), (Made(), both | {("x86_64", 0, "b")}, 1),
        (Made(), both | {("i386", 0, "a")}, 1), (Made(), both | {("x86_64", X32, "a")}, 1),
        (Made(), both | {("x86_64", 317, "a")}, 0), (Made(), both - {("x86_64", 110, "a")}, 1),
        (Made("own-seccomp"), both - {("x86_64", 110, "a")}, 0), (Made("own-seccomp"), both - {("x86_64", 0, "a")}, 1),
    )
    return [f"the judge says {judged(made, seen, names)} of {sorted(seen)}, wanted {n}" for made, seen, n in wanted
            if len(judged(made, seen, names)) != n]


def run_program(options, program, top):
    """[(case, what is wrong)], and what the judge may look at: [(case, recording)]"""
    reference = record(options, "plain", program, top)
    if reference.problem:
        return [(f"{program.name}-reference", reference.problem)], []
    results, todo = [], [(f"judge-{program.name}-reference", reference)]
    for engine in options.engines:
        made = record(options, engine, program, top)
        results.append((f"{program.name}-{engine}", made.problem or compare.compare(
            reference.trace, made.trace, ordered=program.ordered, promises=options.promises)))
        if not made.problem:
            todo.append((f"judge-{program.name}-{engine}", made))
    return results, todo


def run_batch(options, programs, kernel, top, results):
    todo = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for cases, more in pool.map(lambda p: run_program(options, p, top), programs):
            todo += more if kernel else []
            for case in cases:
                results.say(*case)
    if kernel:
        kernel.counts()
        names = harness.module("peer", "run.py").kernel_names()
        for name, made in todo:
            results.say(name, judged(made, kernel.programs.get(made.pid, set()), names))


def run_all(options, programs, top, results):
    """Those that are judged, batch by batch, and then the others."""
    while programs:
        kernel, n = None, BATCH
        if options.judge > 0:
            n = min(BATCH, options.judge)
            options.judge -= n
            try:
                kernel = harness.module("peer", "run.py").Kernel()
            except OSError as error:
                results.skip("judge", error)
        try:
            run_batch(options, programs[:n], kernel, top, results)
        finally:
            if kernel:
                kernel.stop()
        programs = programs[n:]


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--size", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--judge", type=int, default=0, metavar="N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--night", action="store_true")
    options = harness.parse(parser)
    harness.isolate()
    if options.night:
        options.seeds = options.judge = NIGHT
        options.start = int(time.time()) // 86400 * NIGHT
        print(f"  --night: --start {options.start} --seeds {NIGHT} --judge {NIGHT}", flush=True)
    options.promises = compare.promises(options.build)
    seeds = range(options.start, options.start + options.seeds)
    if options.names:
        programs = [Program(f"{name}-{seed}", seed, ["only", name]) for name in options.names for seed in seeds]
    else:
        programs = [Program("each", options.start, ["each"]), *map(Program.of_seed, seeds)]
    results = harness.Results()
    results.say("self-test", compare.self_test() + self_test())
    with harness.temporary("equal", options.keep) as top:
        run_all(options, programs, top, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
