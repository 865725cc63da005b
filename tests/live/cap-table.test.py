#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Has every capability a live test? The programs cap-* do for real, with a capability and without it, what the kernel
lets pass and refuses. Recorded, they must show each of the kernel's capabilities used and each refused; what cannot
be shown is listed here with the reason, and what is listed and can be shown all the same is a mistake."""
import json
import os
import re
import socket
import subprocess
import sys

WHITTLE = os.environ["WHITTLE"]
LIVE = os.environ["WH_LIVE"]
ENGINE = ["--engine", os.environ["WH_ENGINE"]] if os.environ.get("WH_ENGINE") else []
SOURCES = os.path.dirname(os.path.abspath(__file__))

# Never, anywhere.
NEVER = {
    ("SYS_MODULE", "used"): "no module is loaded into a kernel for a test",
    ("MAC_ADMIN", "used"): "asked for by security modules that the kernels of tests do not run",
    ("MAC_ADMIN", "refused"): "asked for by security modules that the kernels of tests do not run",
    ("MAC_OVERRIDE", "used"): "asked for by Smack alone",
    ("MAC_OVERRIDE", "refused"): "asked for by Smack alone",
    ("FSETID", "refused"): "the kernel drops the bit, and the call goes through",
    ("BLOCK_SUSPEND", "refused"): "the kernel drops the flag, and the call goes through",
}


def effective():
    with open("/proc/self/status", encoding="ascii") as f:
        return int(re.search(r"^CapEff:\s*(\w+)", f.read(), re.M).group(1), 16)


def has_audit():
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9).close()
        return True
    except OSError:
        return False


def not_here(names):
    """What this machine or its kernel cannot show, with the reason."""
    reasons = {}
    for number, name in enumerate(names):
        if not effective() >> number & 1:
            reasons[name, "used"] = "root does not have it here"
    first = os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"
    if not has_audit():
        for name in ("AUDIT_WRITE", "AUDIT_CONTROL", "AUDIT_READ"):
            reasons[name, "used"] = reasons[name, "refused"] = "this kernel has no audit"
    if not first:
        reasons["AUDIT_CONTROL", "refused"] = "nobody has it in a pid namespace"
        reasons["SYS_BOOT", "used"] = "a pid namespace has no keys to switch"
    with open("/proc/kallsyms", encoding="ascii") as f:
        if not any(" __do_sys_delete_module" in line for line in f):
            reasons["SYS_MODULE", "refused"] = "this kernel has no modules"
    return reasons


def capability_names():
    with open(f"{SOURCES}/cap.h", encoding="utf-8") as f:
        table = re.search(r"cap_names\[\] = \{(.*?)\};", f.read(), re.S).group(1)
    return re.findall(r'"(\w+)"', table)


def shown():
    """All pairs of a capability and "used" or "refused" of which some program's recording speaks."""
    pairs = set()
    for entry in sorted(os.listdir(SOURCES)):
        if not re.fullmatch(r"cap-\w+\.c", entry):
            continue
        name = entry[:-2]
        os.mkdir(name)
        trace = os.path.abspath(f"{name}.json")
        done = subprocess.run([WHITTLE, "record", "-o", trace, *ENGINE, "--", f"{LIVE}/{name}"],
                              cwd=name, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=120, check=False)
        if done.returncode != 0:
            raise SystemExit(f"not ok {name}: " + done.stderr.decode(errors="replace")[-300:])
        with open(trace, encoding="utf-8") as f:
            for cap in json.load(f)["caps"]:
                pairs.add((cap["cap"][len("CAP_"):], "refused" if cap["denied"] else "used"))
    return pairs


def main():
    names = capability_names()
    here, pairs, failed = not_here(names), shown(), 0
    if len(names) != 41:
        print(f"not ok names: cap.h has {len(names)} capabilities")
        return 1
    for name in names:
        why = []
        for what in ("used", "refused"):
            if (name, what) in NEVER and (name, what) in pairs:
                why.append(f"is listed as never {what}, and is")
            elif (name, what) not in pairs and (name, what) not in NEVER and (name, what) not in here:
                why.append(f"no program shows it {what}")
        failed += bool(why)
        print(f"not ok {name}: {'; '.join(why)}" if why else f"ok {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
