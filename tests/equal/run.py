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
import argparse
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import compare  # noqa: E402  (beside this file)


def isolate():
    """In a network namespace of our own: no port is anybody else's."""
    if "WH_EQUAL_INSIDE" not in os.environ:
        env = dict(os.environ, WH_EQUAL_INSIDE="1", PYTHONDONTWRITEBYTECODE="1")
        os.execvpe("unshare", ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", sys.executable,
                               os.path.abspath(__file__), *sys.argv[1:]], env)


def peer_module():
    path = os.path.join(os.path.dirname(HERE), "peer", "run.py")
    spec = importlib.util.spec_from_file_location("peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(options, engine, seed, top):
    """(trace or None, pid of its whittle, why there is none)"""
    folder = os.path.join(top, "cwd")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o755)
    trace = os.path.join(top, f"seed-{seed}-{engine}.json")
    program = [os.path.join(options.build, "equal", "random"), str(seed), str(options.size)]
    command = [options.whittle, "record", "--engine", engine, "-o", trace]
    if seed % 5 == 0:
        ready = os.path.join(folder, "ready")
        command += ["--ready", "file:" + ready]
        program.append("ready")
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    env.update({k: v for k, v in os.environ.items() if k in ("TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS")})
    with tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(command + ["--"] + program, cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=err, stderr=err, env=env, start_new_session=True, umask=0o022)
        try:
            status = child.wait(options.timeout)
        except subprocess.TimeoutExpired:
            status = "no end in time"
        finally:
            # Its tracees die with it.
            if child.poll() is None:
                child.kill()
                child.wait()
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        err.seek(0)
        said = err.read()[-1500:]
    if status != 0:
        return None, child.pid, f"whittle's exit status: {status}\n{said}"
    with open(trace, encoding="utf-8") as f:
        return json.load(f), child.pid, None


def judged(trace, pid, counts, names):
    """What the kernel saw and the trace has not, and the other way round."""
    seen = set(counts.get(pid, {})) | {("x86_64", 59)}
    mine = {(s["abi"], s["number"]) for s in trace["syscalls"]}
    return [f"only the kernel saw {k[0]} {names.get(k, k[1])}" for k in sorted(seen - mine)] + \
           [f"the kernel did not see {k[0]} {names.get(k, k[1])}" for k in sorted(mine - seen)]


class Cases:
    def __init__(self):
        self.failed = False

    def say(self, name, lines):
        for line in lines[1:40]:
            print("  " + line)
        if lines:
            self.failed = True
        print(f"not ok {name}: {len(lines)} differences, {lines[0]}" if lines else f"ok {name}", flush=True)


def run_seed(options, seed, top, cases, todo):
    reference, pid, why = record(options, "plain", seed, top)
    if not reference:
        cases.say(f"seed-{seed}-reference", why.splitlines())
        return
    todo.append((f"judge-{seed}-reference", reference, pid))
    for engine in options.engines.split(","):
        trace, pid, why = record(options, engine, seed, top)
        if not trace:
            cases.say(f"seed-{seed}-{engine}", why.splitlines())
            continue
        lines = compare.compare(reference, trace)
        if engine != "auto" and trace["runs"][0]["engine"] != engine:
            lines.insert(0, f"the engine was {trace['runs'][0]['engine']}")
        cases.say(f"seed-{seed}-{engine}", lines)
        todo.append((f"judge-{seed}-{engine}", trace, pid))


def main():
    build = os.environ.get("WH_BUILD")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whittle", default=os.environ.get("WHITTLE"))
    parser.add_argument("--build", default=build)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--size", type=int, default=3)
    parser.add_argument("--engines", default=os.environ.get("WH_ENGINES", "plain"))
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if not options.build or os.getuid() != 0:
        parser.error("must be root, with --build or WH_BUILD")
    options.build = os.path.abspath(options.build)
    options.whittle = os.path.abspath(options.whittle or os.path.join(options.build, "whittle"))
    isolate()
    cases, todo, kernel = Cases(), [], None
    # Of the same name length and depth in each run: the paths are facts.
    top = tempfile.mkdtemp(prefix="whittle-equal.")
    os.chmod(top, 0o755)
    cases.say("self-test", compare.self_test())
    peer = peer_module() if options.judge else None
    try:
        if peer:
            try:
                kernel = peer.Kernel()
            except OSError as error:
                print(f"skip judge: {error}", flush=True)
        for seed in range(options.start, options.start + options.seeds):
            run_seed(options, seed, top, cases, todo if kernel else [])
        if kernel:
            (counts, _), names = kernel.counts(), peer.kernel_names()
            for name, trace, pid in todo:
                cases.say(name, judged(trace, pid, counts, names))
    finally:
        if kernel:
            kernel.stop()
        if options.keep:
            print(f"kept: {top}", file=sys.stderr)
        else:
            shutil.rmtree(top, ignore_errors=True)
    return 1 if cases.failed else 0


if __name__ == "__main__":
    sys.exit(main())
