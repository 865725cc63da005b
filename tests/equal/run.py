#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records random programs with each engine, and compares the facts with those of the plain one.

usage: run.py [--whittle FILE] [--build DIR] [--seeds N] [--start S] [--size N] [--engines LIST] [--judge] [--keep]

For each seed the plain engine makes the reference. Each engine that is named, plain too, then records the same
program again and must find the same facts (compare.py). Every fifth program gets ready half-way, so that the
phase changes while it is hot. --judge also asks the kernel's raw_syscalls tracepoint (bpftrace, see
../peer/kernel.bt) which calls there were: an engine must have each of them, and no other.

Prints a line a case: "ok seed-N-ENGINE" or "not ok seed-N-ENGINE: why". Must be root; goes on in a network
namespace of its own. For a night: --seeds 1000.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import compare  # noqa: E402  (beside this file)
import harness  # noqa: E402


# What the adaptive engine has a thread do: it is no fact of the program.
INJECTED = {("x86_64", 9), ("x86_64", 11), ("x86_64", 157), ("x86_64", 317)}  # mmap, munmap, prctl, seccomp


def record(options, engine, seed, top):
    folder, extra = harness.fresh(os.path.join(top, "cwd")), []
    program = [os.path.join(options.build, "equal", "random"), str(seed), str(options.size)]
    if seed % 5 == 0:
        extra = ["--ready", "file:" + os.path.join(folder, "ready")]
        program.append("ready")
    return harness.Recording(options, program, os.path.join(top, f"seed-{seed}-{engine}.json"), engine=engine,
                             extra=extra, cwd=folder, env=harness.environment("/usr/bin:/bin"),
                             timeout=options.timeout)


def judged(trace, pid, counts, names):
    """What the kernel saw and the trace has not, and the other way round."""
    seen = set(counts.get(pid, {})) | {("x86_64", 59)}
    mine = {(s["abi"], s["number"]) for s in trace["syscalls"]}
    if trace["runs"][0]["engine"] == "adaptive":
        seen -= INJECTED - mine
    return [f"only the kernel saw {k[0]} {names.get(k, k[1])}" for k in sorted(seen - mine)] + \
           [f"the kernel did not see {k[0]} {names.get(k, k[1])}" for k in sorted(mine - seen)]


def run_seed(options, seed, top, results, todo):
    reference = record(options, "plain", seed, top)
    if reference.problem:
        results.say(f"seed-{seed}-reference", reference.problem)
        return
    todo.append((f"judge-{seed}-reference", reference))
    for engine in options.engines:
        made = record(options, engine, seed, top)
        if not made.problem:
            todo.append((f"judge-{seed}-{engine}", made))
        results.say(f"seed-{seed}-{engine}", made.problem or compare.compare(reference.trace, made.trace))


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--size", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--judge", action="store_true")
    options = harness.parse(parser)
    harness.isolate()
    results, todo, kernel = harness.Results(), [], None
    results.say("self-test", compare.self_test())
    peer = harness.module("peer", "run.py") if options.judge else None
    # Of the same name length and depth in each run: the paths are facts.
    with harness.temporary("equal", options.keep) as top:
        try:
            if peer:
                try:
                    kernel = peer.Kernel()
                except OSError as error:
                    results.skip("judge", error)
            for seed in range(options.start, options.start + options.seeds):
                run_seed(options, seed, top, results, todo if kernel else [])
            if kernel:
                (counts, _), names = kernel.counts(), peer.kernel_names()
                for name, made in todo:
                    results.say(name, judged(made.trace, made.pid, counts, names))
        finally:
            if kernel:
                kernel.stop()
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
