#!/usr/bin/python3 -IB
# SPDX-License-Identifier: Apache-2.0
"""The samples' profiles against attacks.h, beside the default profile of containers-common.

  tests/attacks/run.py [--whittle PROGRAM] [--build FOLDER] [--table]

Generates each sample's profile from its own trace, without and with arguments, and asks the compiled filters. Prints
"ok NAME" or "not ok NAME: why" for each case; --table prints the table of README.md instead, which must be the same.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = ["nginx", "redis", "postgresql", "python", "node"]
DEFAULT = "/usr/share/containers/seccomp.json"
# What Docker lets a container have.
CAPS = {"CAP_" + cap for cap in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE").split()}
# What a sample was seen to do: node's V8 compiles to machine code.
SEEN = {"node": {"mprotect(W|X)"}}


def effective(profile):
    """Moby's form as a runtime gets it, on x86_64 and a new kernel."""
    rules = []
    for rule in profile["syscalls"]:
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        if not set(includes.get("caps") or []) <= CAPS or set(excludes.get("caps") or []) & CAPS:
            continue
        if includes.get("arches") and not {"amd64", "x86_64"} & set(includes["arches"]):
            continue
        if {"amd64", "x86_64"} & set(excludes.get("arches") or []):
            continue
        kept = {key: rule[key] for key in ("names", "action", "args") if rule.get(key)}
        if rule["action"] == "SCMP_ACT_ERRNO" and rule.get("errnoRet") is not None:
            kept["errnoRet"] = rule["errnoRet"]
        rules.append(kept)
    return {"defaultAction": profile["defaultAction"], "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules}


def ask(build, path):
    """How many calls are allowed, how many attacks there are, and those that pass."""
    done = subprocess.run([os.path.join(build, "attacks/attacks"), path], capture_output=True, text=True, check=True)
    numbers, *passing = done.stdout.rstrip("\n").split("\t")
    allowed, attacks, n = map(int, numbers.split())
    assert n == len(passing)
    return allowed, attacks, set(passing)


def measure(whittle, build, tmp):
    found = {}
    if os.path.exists(DEFAULT):
        with open(DEFAULT, encoding="utf-8") as f:
            profile = effective(json.load(f))
        path = os.path.join(tmp, "default.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(profile, f)
        found["default"] = ask(build, path)
    for sample in SAMPLES:
        for args in ("none", "safe", "strict"):
            path = os.path.join(tmp, f"{sample}.{args}.json")
            with open(path, "w", encoding="utf-8") as f:
                subprocess.run([whittle, "generate", "-o", "-", "--format", "seccomp", "--args", args,
                                os.path.join(TOP, "samples", sample, "bundle/trace.json")], stdout=f, check=True)
            found[sample, args] = ask(build, path)
    return found


def table(found):
    default = found["default"]
    lines = [f"| Sample | system calls allowed | of {default[1]} attacks pass: names only | with arguments |",
             "|---|---|---|---|",
             f"| (default of containers-common, for Podman) | {default[0]} | | {len(default[2])} |"]
    for sample in SAMPLES:
        names, safe = found[sample, "none"], found[sample, "safe"]
        what = ": " + ", ".join(f"`{a}`".replace("|", "\\|") for a in sorted(safe[2])) + ", which it does itself" if safe[2] else ""
        lines.append(f"| {sample} | {safe[0]} | {len(names[2])} | {len(safe[2])}{what} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--whittle", default=os.environ.get("WHITTLE", "whittle"))
    parser.add_argument("--build", default=os.environ.get("WH_BUILD", "."))
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    failed = False

    def case(name, why):
        nonlocal failed
        failed |= bool(why)
        print(f"not ok attacks/{name}: {why}" if why else f"ok attacks/{name}")

    with tempfile.TemporaryDirectory() as tmp:
        found = measure(os.path.realpath(options.whittle), options.build, tmp)
    if options.table:
        sys.stdout.write(table(found))
        return 0
    for sample in SAMPLES:
        seen = SEEN.get(sample, set())
        for args in ("safe", "strict"):
            passing = found[sample, args][2]
            case(f"{sample}-{args}", ", ".join(sorted(passing ^ seen)) + " passes or does not" if passing != seen else "")
        names, safe, strict = (found[sample, args] for args in ("none", "safe", "strict"))
        # But clone3, which clone then does for.
        case(f"{sample}-names", "" if names[0] - 1 <= safe[0] <= names[0] and safe[0] == strict[0] else
             "arguments change which calls are allowed at all")
        case(f"{sample}-narrower", "" if len(safe[2]) < len(names[2]) else "arguments close no attack")
    if "default" not in found:
        print(f"skip attacks/readme: there is no {DEFAULT}")
        return failed
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
        case("readme", "" if table(found) in f.read() else "README.md's table is not that of --table")
    return failed


sys.exit(main())
