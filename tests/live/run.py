#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The live tests: record each program of this folder and compare what whittle saw with what the
program says it did. README.md beside this file describes the programs and their lines.

usage: run.py [--whittle FILE] [--build DIR] [--suite NAME] [--engine NAME] [--plain DIR] [--keep] [-v] [NAME…]
Prints a line a case: "ok …", "not ok …: why". Must be root. NAME is a case (or a part of its name).
"""
import concurrent.futures
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

equal = harness.module("equal", "compare.py")

FLAGS = ("m32", "static", "musl", "nolibc", "threads")
SETTINGS = ("args", "record", "outcome", "status", "timeout", "env", "complete", "expect", "random", "differs")
KINDS = ("runs", "syscalls", "files", "execs", "sockets", "signals", "ptraces", "mounts",
         "rlimits", "namespaces", "caps", "questions", "gaps")
PHASES = ("runtime", "startup", "serving")
COUNTERS = ("errors", "outcomes")
# Where BPF can listen to the kernel by its tracepoint (Linux 6.14).
HEARS = os.getuid() == 0 and tuple(int(n) for n in platform.release().split(".")[:2]) >= (6, 14)
AGAIN = 5  # recordings by plain, where the first one differs


class Wrong(Exception):
    """The case fails; the message says why."""


def head_of(source):
    """The LIVE lines of a source: ({flag…}, {setting: text})."""
    flags, settings = set(), {"expect": [], "env": [], "random": [], "differs": []}
    with open(source, encoding="utf-8") as f:
        lines = f.read().splitlines()
    for line in lines:
        m = re.search(r"LIVE: *(.*?)\s*(\*/.*)?$", line)
        if not m:
            continue
        first, _, rest = m.group(1).partition(" ")
        if first in ("expect", "env", "random", "differs"):
            settings[first].append(rest)
        elif first in SETTINGS:
            settings[first] = rest
        else:
            words = m.group(1).split()
            unknown = [w for w in words if w not in FLAGS]
            if unknown:
                raise SystemExit(f"{source}: unknown word {unknown[0]!r} in a LIVE line")
            flags.update(words)
    return flags, settings


def cases_of(build):
    """[(name, program or None for a script, source, settings)], sorted by name."""
    cases = []
    for entry in sorted(os.listdir(HERE)):
        source = os.path.join(HERE, entry)
        if entry.endswith(".test.py") and os.access(source, os.X_OK):
            cases.append((entry[:-len(".test.py")], None, source, {}))
        elif entry.endswith((".c", ".go")):
            flags, settings = head_of(source)
            stem = entry.rsplit(".", 1)[0]
            variants = [""]
            variants += [".m32"] if "m32" in flags else []
            variants += [".static"] if "static" in flags else []
            variants += [".musl", ".musl-static"] if "musl" in flags else []
            for v in variants:
                cases.append((stem + v, os.path.join(build, "live", stem + v), source, settings))
    return sorted(cases)


def trace_text(text):
    """How a trace writes bytes that were read as UTF-8 with surrogateescape."""
    out = []
    for c in text:
        if c == "%":
            out.append("%25")
        elif 0xdc80 <= ord(c) <= 0xdcff:
            out.append(f"%{ord(c) - 0xdc00:02X}")
        else:
            out.append(c)
    return "".join(out)


def trace_value(value):
    if isinstance(value, str):
        return trace_text(value)
    if isinstance(value, list):
        return [trace_value(v) for v in value]
    if isinstance(value, dict):
        return {k: trace_value(v) for k, v in value.items()}
    return value


def compact(value):
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True,
                                                          separators=(",", ":"), ensure_ascii=False)


def matches(fact, where, absent):
    """Whether all fields match their regular expressions; what a missing field means is `absent`."""
    for field, regex in where.items():
        if field not in fact:
            if not absent:
                return False
        elif not re.search(regex, compact(fact[field])):
            return False
    return True


def project(fact, fields):
    """The fields, without empty ones: a trace leaves these out."""
    return {f: fact[f] for f in fields
            if f in fact and fact[f] is not None and fact[f] != {} and fact[f] != []}


def read_expectations(stdout, settings, cwd):
    """(scopes, facts, somes) from the program's lines and its source's."""
    scopes, facts, somes = [], [], []
    lines = [line.replace("@HERE@", cwd) for line in settings.get("expect", [])]
    lines += stdout.decode("utf-8", "surrogateescape").split("\n")
    for line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise Wrong(f"the program printed a line that is no JSON: {line[:200]!r} ({error})")
        if "scope" in value:
            extra = set(value) - {"scope", "where", "compare"}
            if value["scope"] not in KINDS or extra or not value.get("compare"):
                raise Wrong(f"bad scope line: {line}")
            scopes.append(value)
        elif "some" in value:
            if value["some"] not in KINDS or set(value) - {"some", "where"}:
                raise Wrong(f"bad some line: {line}")
            somes.append(value)
        elif "fact" in value:
            if value["fact"] not in KINDS:
                raise Wrong(f"bad fact line: {line}")
            facts.append(trace_value(value))
        else:
            raise Wrong(f"a line that is no scope, fact or some: {line}")
    if not any(s["scope"] == "gaps" for s in scopes):
        scopes.append({"scope": "gaps", "where": {}, "compare": ["kind", "detail"]})
    return scopes, facts, somes


def presence(projected):
    """Counts as an engine that does not stop at each call has them: that there were some."""
    out = {}
    for field, value in projected.items():
        if field == "count":
            out[field] = bool(value)
        elif field in COUNTERS:
            out[field] = {name: bool(n) for name, n in value.items()}
        else:
            out[field] = value
    return out


def compare(trace, scopes, facts, somes, exact=True):
    """What is missing and what is too much, as lines; empty when all is well."""
    seen = (lambda p: p) if exact else presence
    wrong = []
    used = [False] * len(facts)
    for scope in scopes:
        kind, where, fields = scope["scope"], scope.get("where", {}), scope["compare"]
        want, have = {}, {}
        for i, fact in enumerate(facts):
            if fact["fact"] == kind and matches(fact, where, True):
                used[i] = True
                p = seen(project(fact, fields))
                want[compact(p)] = p
        for fact in trace[kind]:
            if matches(fact, where, False):
                p = seen(project(fact, fields))
                have.setdefault(compact(p), fact)
        for text in sorted(set(want) - set(have)):
            wrong.append(f"  missing {kind}: {text}")
        for text in sorted(set(have) - set(want)):
            site = (have[text].get("site") or {}).get("stack") or []
            wrong.append(f"  extra   {kind}: {text}" + (f"  from {site[0]}" if site else ""))
    for fact, was_used in zip(facts, used):
        if not was_used:
            wrong.append(f"  an expected fact that is in no scope: {compact(fact)}")
    for some in somes:
        if not any(matches(f, some.get("where", {}), False) for f in trace[some["some"]]):
            wrong.append(f"  missing {some['some']} with {compact(some.get('where', {}))}")
    return wrong


def check_counts(where, fact, field, wrong):
    total = sum(fact.get(field, {}).values())
    if total > fact["count"]:
        wrong.append(f"  {where}: {field} add up to {total}, more than count {fact['count']}")


def check_questions(trace, wrong):
    """The kernel itself must have granted each capability that is said to be needed."""
    if trace["runs"][0].get("questions") != "all":
        wrong.append(f"  the kernel's questions were not all heard: {trace['runs'][0].get('engine_notes')}")
        return
    granted = {q["cap"] for q in trace["questions"] if q["granted"]}
    for cap in trace["caps"]:
        if not cap["denied"] and cap["strength"] != "possible" and not granted & {cap["cap"], cap.get("instead")} and \
                "capset" not in cap["syscalls"]:
            wrong.append(f"  the kernel never granted {cap['cap']}: {cap['evidence']}")


def check_general(trace, settings, argv):
    """What must hold for every recording, whatever the program did."""
    wrong = []
    if trace.get("format") != "whittle-trace" or trace.get("version") != 1:
        return ["  not a whittle-trace of version 1"]
    for kind in KINDS:
        if not isinstance(trace.get(kind), list):
            return [f"  {kind} is no array"]
    if len(trace["runs"]) != 1:
        return [f"  {len(trace['runs'])} runs in the trace of one"]
    run = trace["runs"][0]
    complete = settings.get("complete", "true") == "true"
    expected = {
        "complete": complete, "argv": [trace_text(a) for a in argv], "uid": os.getuid(),
        "gid": os.getgid(), "kernel": f"{platform.system()} {platform.release()}",
        "arch": platform.machine(),
    }
    for key, value in expected.items():
        if run.get(key) != value:
            wrong.append(f"  run.{key} is {run.get(key)!r}, not {value!r}")
    if trace.get("complete") is not complete:
        wrong.append(f"  complete is {trace.get('complete')!r}")
    if not re.fullmatch("[0-9a-f]{16}", run.get("id", "")):
        wrong.append(f"  run.id is {run.get('id')!r}")
    outcome = settings.get("outcome", "^exited 0$")
    if not re.search(outcome, run.get("outcome", "")):
        wrong.append(f"  run.outcome is {run.get('outcome')!r}, not {outcome!r}")
    if run.get("tasks", 0) < 1 or run.get("stops", 0) < 1 or not run.get("engine"):
        wrong.append(f"  run's counters: tasks {run.get('tasks')}, stops {run.get('stops')}, "
                     f"engine {run.get('engine')!r}")
    names = {s["name"] for s in trace["syscalls"]}
    if not names & {"exit_group", "exit"} and outcome == "^exited 0$":
        wrong.append("  it exited without exit_group or exit")
    for kind in KINDS[1:]:
        for i, fact in enumerate(trace[kind]):
            where = f"{kind}[{i}] {compact(project(fact, ('name', 'path', 'access', 'cap')))}"
            if fact.get("count", 0) < 1:
                wrong.append(f"  {where}: count {fact.get('count')}")
            if not fact.get("phases") or set(fact["phases"]) - set(PHASES):
                wrong.append(f"  {where}: phases {fact.get('phases')}")
            if fact.get("runs") != [run["id"]]:
                wrong.append(f"  {where}: runs {fact.get('runs')}")
            if not fact.get("programs") and kind != "gaps":
                wrong.append(f"  {where}: no program")
            check_counts(where, fact, "outcomes", wrong)
            check_counts(where, fact, "errors", wrong)
            by = fact.get("syscalls", [])
            if isinstance(by, list) and set(by) - names:
                wrong.append(f"  {where}: by {sorted(set(by) - names)}, which nothing called")
            if kind in ("syscalls", "caps") and not fact.get("site", {}).get("program"):
                wrong.append(f"  {where}: no site")
    if HEARS:
        check_questions(trace, wrong)
    return wrong


def sane_environment():
    return harness.environment(os.environ.get("PATH", os.defpath), HOME=os.environ.get("HOME", "/"))


def tail(path, lines=15):
    with open(path, encoding="utf-8", errors="replace") as f:
        return "".join(f"  | {line}\n" for line in f.read().splitlines()[-lines:])


# Whether a thread has to be waited for, and whether a child gets to wait for the signal that ends it: a busy machine decides.
CHANCE = r"^only in [AB]: syscalls \w+ (futex|pause)$"


def differences(options, case, reference, trace):
    """What this engine's whole trace has that plain's has not, and the other way round, as lines; but for what the
    head of the source says must differ."""
    folds = [(re.compile(text), "@{random}") for text in case[3]["random"]]
    lines = equal.compare(reference, trace, folds, promises=equal.promises(options.build))
    return [line for line in lines if not any(re.search(text, line) for text in (CHANCE, *case[3]["differs"]))]


def run_case(case, options, folder):
    """The path of its trace. With plain's traces at hand, or made now, the whole of it is compared with them.

    What hangs on chance (does a child get there before it is killed?) differs among plain's own recordings: a
    difference is one only if it is there with each of them.
    """
    def plain():
        made = harness.load(run_program(case, "plain", options, folder))
        harness.fresh(folder)
        return made

    kept = options.plain and os.path.join(options.plain, case[0] + ".json")
    if options.engine == "plain":
        path = run_program(case, options.engine, options, folder)
        if kept:
            shutil.copy(path, kept)
        return path
    reference = kept and (harness.load(kept) if os.path.exists(kept) else plain())
    path = run_program(case, options.engine, options, folder)
    if not kept:
        return path
    trace = harness.load(path)
    lines = differences(options, case, reference, trace)
    saved = os.path.join(options.plain, "trace.json")
    shutil.copy(path, saved)
    for _ in range(AGAIN):
        if not lines:
            break
        harness.fresh(folder)
        again = differences(options, case, plain(), trace)
        lines = [line for line in lines if line in again]
    shutil.move(saved, path)
    if lines:
        raise Wrong(f"{len(lines)} differences from plain's trace\n" + "\n".join(lines[:60]))
    return path


def run_program(case, engine, options, folder):
    name, program, _, settings = case
    if not os.access(program, os.X_OK):
        raise Wrong(f"{program} was not built")
    cwd, trace_file = os.path.join(folder, "cwd"), os.path.join(folder, "trace.json")
    stdout, stderr = os.path.join(folder, "stdout"), os.path.join(folder, "stderr")
    os.mkdir(cwd, 0o755)
    argv = [program] + settings.get("args", "").split()
    env = sane_environment()
    env.update(e.split("=", 1) for e in settings.get("env", []))
    env["WH_ENGINE"] = engine
    command = [options.whittle, "record", "-o", trace_file]
    command += ["--engine", engine]
    command += settings.get("record", "").split() + ["--"] + argv
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    out, err = os.open(stdout, flags, 0o644), os.open(stderr, flags, 0o644)
    try:
        _, status = harness.run_limited(command, float(settings.get("timeout", 120)), cwd=cwd,
                                        env=env, stdout=out, stderr=err, umask=0o022)
    finally:
        os.close(out)
        os.close(err)
    if status is None:
        raise Wrong("it did not end in time\n" + tail(stderr))
    want_status = int(settings.get("status", 0))
    if status != want_status:
        raise Wrong(f"whittle's exit status is {status}, not {want_status}\n" + tail(stderr, 40))
    try:
        trace = harness.load(trace_file)
    except (OSError, ValueError) as error:
        raise Wrong(f"the trace cannot be read: {error}\n" + tail(stderr))
    with open(stdout, "rb") as f:
        text = f.read()
    wrong = check_general(trace, settings, argv)
    if not wrong or "run." in wrong[0]:
        wrong += compare(trace, *read_expectations(text, settings, cwd),
                         exact=engine == "plain")
    if wrong:
        raise Wrong(f"{len(wrong)} differences\n" + "\n".join(wrong[:60]) + "\n" + tail(stderr, 5))
    return trace_file


def run_script(case, options, folder):
    """A script prints result lines of its own; those are passed on under this suite's name: (all lines, seconds)."""
    name, _, source, _ = case
    started = time.monotonic()
    cwd, stdout, stderr = (os.path.join(folder, n) for n in ("cwd", "stdout", "stderr"))
    os.mkdir(cwd, 0o755)
    env = sane_environment()
    env.update(WHITTLE=options.whittle, WH_BUILD=options.build, WH_ENGINE=options.engine,
               WH_LIVE=os.path.join(options.build, "live"), PYTHONDONTWRITEBYTECODE="1")
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        _, status = harness.run_limited([source], 300, cwd=cwd, env=env, stdout=out, stderr=err)
    with open(stdout, encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    results, notes = [], []
    for line in lines:
        m = re.match(r"(ok|not ok|skip) (.*)", line)
        if m:
            results.append((m.group(1), f"{name}/{m.group(2)}"))
        else:
            notes.append(line)
    if status is None:
        results.append(("not ok", f"{name}: it did not end in time"))
    elif status and not any(r == "not ok" for r, _ in results):
        results.append(("not ok", f"{name}: exit status {status}"))
    elif not results:
        results.append(("ok", name))
    lines = [f"{result} {options.suite}/{text}" for result, text in results]
    if any(r == "not ok" for r, _ in results):
        lines = [*(f"  {line}" for line in notes[-40:]), *tail(stderr, 30).splitlines(), *lines]
    return lines, time.monotonic() - started


def check_reprint(whittle, traces, folder):
    """Reading and writing a trace again gives the same bytes: what is written is all there is."""
    out = os.path.join(folder, "reprint.json")
    for name, trace in traces:
        done = subprocess.run([whittle, "merge", "-o", out, trace], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Wrong(f"whittle merge of {name}: exit status {done.returncode}: {done.stderr}")
        with open(out, "rb") as a, open(trace, "rb") as b:
            if a.read() != b.read():
                raise Wrong(f"the trace of {name} is written differently when it is read again")


@contextlib.contextmanager
def place(options):
    """Where the programs run: with plain's traces in the same place each time, as the paths are facts."""
    if not options.plain:
        with harness.temporary("live", options.keep) as top:
            yield top
        return
    options.plain = os.path.abspath(options.plain)
    os.makedirs(options.plain, mode=0o755, exist_ok=True)
    top = harness.fresh(os.path.join(options.plain, "cases"))
    try:
        yield top
    finally:
        if not options.keep:
            shutil.rmtree(top, ignore_errors=True)


def main():
    parser = harness.parser(__doc__)
    parser.add_argument("--suite", default="live")
    parser.add_argument("--engine", default="plain", help="for every recording; unless it is plain, counts are "
                        "compared by presence alone")
    parser.add_argument("--plain", metavar="DIR", help="where the plain engine's traces are kept, with which those of "
                        "another one are compared as a whole; the programs then run in a folder in there")
    parser.add_argument("-v", "--verbose", action="store_true", help="print times")
    options = harness.parse(parser)
    cases = cases_of(options.build)
    if options.names:
        cases = [c for c in cases if any(n in c[0] for n in options.names)]
        if not cases:
            parser.error(f"no case has {' or '.join(options.names)} in its name")
    results, traces = harness.Results(options.suite + "/"), []
    scripts = [case for case in cases if case[1] is None]
    # Beside the programs, as the scripts mostly wait.
    with place(options) as top, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for case in cases:
            os.mkdir(os.path.join(top, case[0]), 0o755)
        done = {case[0]: pool.submit(run_script, case, options, os.path.join(top, case[0])) for case in scripts}
        for case in cases:
            if case[0] in done:
                continue
            started = time.monotonic()
            try:
                traces.append((case[0], run_case(case, options, os.path.join(top, case[0]))))
                results.say(case[0])
            except Wrong as wrong:
                results.say(case[0], str(wrong).splitlines(), most=80)
            if options.verbose:
                print(f"  {time.monotonic() - started:.2f} s", file=sys.stderr)
        for name, script in done.items():
            lines, seconds = script.result()
            for line in lines:
                results.failed |= line.startswith("not ok ")
                print(line, flush=True)
            if options.verbose:
                print(f"  {name}: {seconds:.2f} s", file=sys.stderr)
        if not options.names:
            try:
                check_reprint(options.whittle, traces, top)
                results.say("reprint")
            except Wrong as wrong:
                results.say("reprint", [str(wrong)])
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
