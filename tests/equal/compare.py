#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the facts of two traces, of which A is the reference (the plain engine).

usage: compare.py [--fold FROM=TO]… [--ordered] [--may-lack ENGINE:NAME,…]… A.json B.json
       compare.py --self-test

Prints each difference, one a line: "only in A: …", "only in B: …". Exit status: 0 the same facts, 1 not, 2 trouble.

All is compared, but:
- counts, as adaptive sees only some of the quiet calls; the names they are kept by (errnos, outcomes) must be the same;
- of calls that a filter of the adaptive engine may let pass (tests/equal/promises prints them), errors that it has
  not: their results are not seen (docs/formats.md, counts_partial). It must have each ENOSYS, and none that was not;
- EFAULT, as an error or outcome that an engine with filters has not: that a look at a file is known does not hang on
  the memory that it is to be told in (tracer/known.c), and who asks so has asked before and was told;
- the gap of a child that was made with CLONE_UNTRACED: an engine with filters has to trace it, and plain cannot;
- first sites, and the arguments of an execution's first time, but with --ordered: among threads, who is first is chance
  (of capabilities never: parent and child are two in any program);
- what the kernel asked (questions): whether memory is accounted in brk or mmap, or by a page fault, and how often, hangs on the
  memory that there is and on what it did before; tests/live/questions.test.py looks at those that do not;
- what is of one run alone: its id, counters, engine and duration.
Ports that the kernel chose are folded, and so are pids in words.
"""
import argparse
import copy
import json
import os
import re
import subprocess
import sys

KINDS = ("syscalls", "files", "execs", "sockets", "signals", "ptraces", "mounts", "rlimits", "namespaces",
         "caps", "gaps")
NATIVE = "x86_64"
PORT = re.compile(r":(3[3-9]\d{3}|327(?:6[89]|[7-9]\d)|32[89]\d\d|[45]\d{4}|6[0-5]\d{3})$")  # of those that the kernel chooses from
# What a fact has that is no fact.
LEFT_OUT = {"count", "runs"}
RUN_FACTS = ("argv", "arch", "kernel", "libc", "outcome", "failed", "complete", "uid", "gid", "cap_effective",
             "cap_permitted", "cap_inheritable", "cap_bounding", "cap_ambient", "no_new_privs",
             "seccomp_mode", "apparmor_label", "ip_unprivileged_port_start", "ready", "load", "load_outcome")
KEYS = ("abi", "name", "path", "access", "from", "to", "interpreter", "op", "family", "type", "protocol",
        "address", "signal", "target", "peer", "request", "source", "fstype", "flags", "resource", "change",
        "cap", "instead", "strength", "denied", "kind", "detail")


def fold_text(text, folds):
    """@folds: (old, new), where old is a string, or a compiled regular expression."""
    for old, new in folds:
        text = text.replace(old, new) if isinstance(old, str) else old.sub(new, text)
    return text


def fold(value, folds):
    if isinstance(value, str):
        return fold_text(value, folds)
    if isinstance(value, list):
        return [fold(v, folds) for v in value]
    if isinstance(value, dict):
        return {fold_text(k, folds): fold(v, folds) for k, v in value.items()}
    return value


def empty(value):
    return value is None or value is False or value == [] or value == {} or value == ""


def fact_of(kind, fact, folds, ordered):
    """(key, {field: value}) of a fact; sets are sorted, as folding may have changed their order."""
    out = {}
    for field, value in fact.items():
        first = field == "site" or (kind == "execs" and field == "argv")
        # Of a call that makes a child the child may be heard before it returns, and what it needed is known.
        if field in LEFT_OUT or (first and not (ordered and kind != "caps")):
            continue
        value = fold(value, folds)
        if first:
            value = json.dumps(value, sort_keys=True)
        elif field in ("errors", "outcomes"):
            value = sorted(value)
        elif field == "evidence":
            value = sorted({re.sub(r"\bpid \d+", "pid N", v) for v in value})
        elif field == "address" and value:
            value = PORT.sub(":@{port}", value)
        elif isinstance(value, list):
            value = sorted(value, key=lambda v: json.dumps(v, sort_keys=True))
        if not empty(value):
            out[field] = value
    if str(out.get("address", "")).endswith(":@{port}"):
        out.pop("site", None)  # one of many, and which it is hangs on the port
    key = " ".join(str(out[k]) for k in KEYS if k in out and not (kind == "files" and k == "type"))
    return f"{kind} {key}", out


def facts_of(trace, folds, ordered):
    """{key: {field: value}} of a whole trace."""
    facts = {}
    for kind in KINDS:
        for fact in trace.get(kind, []):
            key, fields = fact_of(kind, fact, folds, ordered)
            if key in facts:  # folding made one of two
                for field, value in fields.items():
                    if isinstance(value, list) and value != facts[key].get(field):
                        both = value + [v for v in facts[key].get(field, []) if v not in value]
                        facts[key][field] = sorted(both, key=lambda v: json.dumps(v, sort_keys=True))
            else:
                facts[key] = fields
    for i, run in enumerate(trace.get("runs", [])):
        facts[f"run {i}"] = {k: fold(run[k], folds) for k in RUN_FACTS if not empty(run.get(k))}
    return facts


def parts(value):
    """What one field holds, one by one, so that only what differs is said."""
    if isinstance(value, dict) and isinstance(value.get("values"), list):
        return {json.dumps(v) for v in value["values"]} | \
               {f"{k}={json.dumps(v)}" for k, v in value.items() if k != "values"}
    if isinstance(value, list):
        return {json.dumps(v, sort_keys=True) for v in value}
    return {json.dumps(value, sort_keys=True)}


def excused(key, field, part, may_lack):
    """Whether B, whose engine does not promise the errors of the native calls `may_lack`, may be without it."""
    if key.startswith("gaps untraced-child") and field is None:
        return True
    words = key.split(" ")
    if field in ("errors", "outcomes") and part == '"EFAULT"':
        return True
    return field == "errors" and words[:2] == ["syscalls", NATIVE] and words[2] in may_lack and part != '"ENOSYS"'


def compare(a, b, folds=(), ordered=False, promises=None):
    """The differences of two traces (as json.load gives them), as lines. promises: {engine: {name of a call whose
    errors it may lack}}"""
    one, two = facts_of(a, folds, ordered), facts_of(b, folds, ordered)
    engine = b["runs"][0].get("engine", "plain")
    may_lack = (promises or {}).get(engine, ())
    lines = []
    for key in sorted(set(one) | set(two)):
        if key not in two or key not in one:
            if key in two or engine == "plain" or not excused(key, None, None, may_lack):
                lines.append(f"only in {'A' if key in one else 'B'}: {key}")
            continue
        for field in sorted(set(one[key]) | set(two[key])):
            left, right = (parts(f[key][field]) if field in f[key] else set() for f in (one, two))
            lines += [f"only in A: {key}: {field} {p}" for p in sorted(left - right)
                      if engine == "plain" or not excused(key, field, p, may_lack)]
            lines += [f"only in B: {key}: {field} {p}" for p in sorted(right - left)]
    return lines


def promises(build):
    """What tests/equal/promises prints, as compare() wants it."""
    done = subprocess.run([os.path.join(build, "equal", "promises")], stdout=subprocess.PIPE, text=True, check=True)
    return {"adaptive": set(done.stdout.split())}


def flat(trace, folds=()):
    """All that a trace says, one line each; of errors only ENOSYS, which each engine promises."""
    lines = set()
    for key, fields in facts_of(trace, folds, False).items():
        lines.add(key)
        fields["errors"] = [e for e in fields.get("errors", []) if e == "ENOSYS"]
        lines |= {f"{key}: {field} {p}" for field, value in fields.items() for p in parts(value)}
    return lines


def differ(references, made):
    """What recordings of a program that isn't the same each time do not agree on, as lines.

    Both are lists of flat(). What differs among the references, or among those that were made, is chance.
    Lost is what each of the references has, and none of the others; and invented the other way round. That a call
    goes on as restart_syscall hangs on whether a thread sleeps when a signal comes: how often, on the engine's pace.
    """
    chance = re.compile(rf"syscalls {NATIVE} restart_syscall(:|$)")
    lost = set.intersection(*references) - set.union(*made)
    invented = set.intersection(*made) - set.union(*references)
    lost, invented = ({line for line in lines if not chance.match(line)} for lines in (lost, invented))
    return [f"{what}: {line}" for what, lines in (("lost", lost), ("invented", invented)) for line in sorted(lines)
            if line.split(": ", 1)[0] not in lines or ": " not in line]


# ---- the self-test -------------------------------------------------------------------------------

SAMPLE = {
    "format": "whittle-trace", "version": 1, "complete": True,
    "runs": [{"id": "1", "argv": ["x"], "outcome": "exited 0", "complete": True, "stops": 9}],
    "syscalls": [{"abi": "x86_64", "name": "fcntl", "number": 72, "count": 3, "errors": {"ENOSYS": 1, "EINTR": 1},
                  "args": {"args": [1], "values": [[1], [3]]}, "phases": ["startup"],
                  "programs": ["/bin/x"], "runs": ["1"], "site": {"program": "/bin/x"}},
                 {"abi": "i386", "name": "fcntl", "number": 55, "count": 1, "errors": {"EBADF": 1}, "phases": ["serving"],
                  "programs": ["/bin/x"], "runs": ["1"]}],
    "files": [{"path": "/a", "access": "read", "type": "file", "outcomes": {"ok": 1, "ENOENT": 2, "EFAULT": 1},
               "syscalls": ["open"], "owner_always": True, "phases": ["startup"], "programs": ["/bin/x"],
               "runs": ["1"], "count": 3}],
    "execs": [{"from": "/bin/x", "to": "/bin/y", "argv": ["y"], "count": 1, "phases": ["startup"],
               "programs": ["/bin/x"], "runs": ["1"]}],
    "sockets": [{"op": "accept", "family": "AF_INET", "type": "SOCK_STREAM", "protocol": 0,
                 "address": "127.0.0.1:40001", "outcomes": {"ok": 1}, "count": 1, "phases": ["startup"],
                 "programs": ["/bin/x"], "runs": ["1"]}],
    "signals": [], "ptraces": [], "mounts": [], "rlimits": [], "namespaces": [], "caps": [],
    "gaps": [{"kind": "lost-exit", "detail": "read", "count": 1, "phases": ["startup"], "runs": ["1"]},
             {"kind": "untraced-child", "detail": "clone", "count": 1, "phases": ["startup"], "runs": ["1"]}],
}
# What is planted: a path into the sample, and the new value (None: it is dropped).
FOUND = (
    (("syscalls", 1), None), (("syscalls", 0, "args", "values"), [[1]]), (("syscalls", 0, "errors"), {"EINTR": 1}),
    (("syscalls", 0, "phases"), ["serving", "startup"]), (("syscalls", 0, "programs"), ["/bin/z"]),
    (("files", 0, "outcomes"), {"ok": 3}), (("files", 0, "path"), "/b"), (("files", 0, "type"), "dir"),
    (("files", 0, "owner_always"), False), (("files", 0, "syscalls"), ["openat"]), (("execs", 0), None),
    (("sockets", 0, "address"), "127.0.0.1:80"), (("gaps", 0), None), (("runs", 0, "complete"), False),
    (("runs", 0, "outcome"), "exited 1"),
)
SAME = (
    (("syscalls", 0, "count"), 99), (("syscalls", 0, "errors"), {"ENOSYS": 7, "EINTR": 2}),
    (("syscalls", 0, "site"), {"program": "/bin/z"}), (("files", 0, "outcomes"), {"ok": 7, "ENOENT": 1, "EFAULT": 3}),
    (("execs", 0, "argv"), ["z"]), (("sockets", 0, "address"), "127.0.0.1:51234"), (("runs", 0, "stops"), 1),
    (("runs", 0, "id"), "2"),
)

# In a trace of an engine that need not have seen the errors of fcntl: whether it is found.
LACKING = (
    (("syscalls", 0, "errors"), {"ENOSYS": 1}, False), (("syscalls", 0, "errors"), {}, True),
    (("syscalls", 0, "errors"), {"ENOSYS": 1, "EPERM": 1}, True), (("syscalls", 1, "errors"), {}, True),
    (("gaps", 1), None, False), (("gaps", 0), None, True), (("files", 0, "outcomes"), {"ok": 1, "ENOENT": 2}, False),
)
# Not promised by every engine.
ERRORS = ((("syscalls", 0, "errors"), {"ENOSYS": 1}), (("syscalls", 1, "errors"), {}))
FIRST = ((("syscalls", 0, "site"), {"program": "/bin/z"}), (("execs", 0, "argv"), ["z"]))


def planted(path, value):
    trace = copy.deepcopy(SAMPLE)
    place = trace
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return trace


def self_test():
    wrong = []
    for path, value in FOUND:
        for a, b in ((SAMPLE, planted(path, value)), (planted(path, value), SAMPLE)):
            if not compare(a, b):
                wrong.append(f"not found: {path} = {value!r}")
        a, b = flat(SAMPLE), flat(planted(path, value))
        if not differ([a, a], [b]):
            wrong.append(f"not found among several: {path} = {value!r}")
        if differ([a, b], [b]) or differ([a], [a, b]):
            wrong.append(f"not told from chance: {path} = {value!r}")
    more = planted(("syscalls",), [*SAMPLE["syscalls"], {"abi": NATIVE, "name": "restart_syscall", "phases": ["startup"]}])
    if not compare(SAMPLE, more) or differ([flat(SAMPLE)], [flat(more)]) or differ([flat(more)], [flat(SAMPLE)]):
        wrong.append("restart_syscall is chance among several, and only there")
    for path, value in SAME:
        wrong += [f"{path} = {value!r}: {line}" for line in compare(SAMPLE, planted(path, value))]
    for path, value, wanted in LACKING:
        quiet = planted(path, value)
        quiet["runs"][0]["engine"] = "adaptive"
        if bool(compare(SAMPLE, quiet, promises={"adaptive": {"fcntl"}})) != wanted:
            wrong.append(f"{'not found' if wanted else 'found'} where it may lack: {path} = {value!r}")
        if not compare(quiet, SAMPLE, promises={"adaptive": {"fcntl"}}):
            wrong.append(f"not found the other way round: {path} = {value!r}")
    for path, value in ERRORS:
        if not compare(SAMPLE, planted(path, value)):
            wrong.append(f"not found: {path} = {value!r}")
    for path, value in FIRST:
        if not compare(SAMPLE, planted(path, value), ordered=True):
            wrong.append(f"not found in order: {path} = {value!r}")
    if compare(SAMPLE, planted(("files", 0, "path"), "/tmp/1/a"), [("/tmp/1/", "/")]):
        wrong.append("a folded path is another one")
    return wrong


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fold", action="append", default=[], metavar="FROM=TO")
    parser.add_argument("--ordered", action="store_true")
    parser.add_argument("--may-lack", action="append", default=[], metavar="ENGINE:NAME,…")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("traces", nargs="*")
    options = parser.parse_args()
    if not options.self_test and len(options.traces) != 2:
        parser.error("two traces, please")
    may_lack = {engine: set(names.split(",")) for engine, _, names in (m.partition(":") for m in options.may_lack)}
    try:
        lines = self_test() if options.self_test else \
            compare(*map(load, options.traces), [tuple(f.split("=", 1)) for f in options.fold], options.ordered, may_lack)
    except (OSError, ValueError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
