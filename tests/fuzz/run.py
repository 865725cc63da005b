#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each fuzzer that cmake -DWHITTLE_FUZZ=ON built into $WH_BUILD/fuzz, for an equal share of a minute.

usage: [WH_BUILD=DIR] run.py [--seconds N] [NAME…]
It starts from the checked-in corpus and, where there are any, those of SEEDS. What it
finds is printed as base64, to be put into corpus/NAME as a file: from then on each test run replays it.
"""
import argparse
import base64
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# A fuzzer that does so little was not really run.
LEAST_RUNS = 100


def pairs_of_traces(folder):
    """Two traces in one input, cut by a byte 0x1e: the fuzzer merges them."""
    valid = os.path.join(HERE, "..", "json", "valid")
    names = sorted(n for n in os.listdir(valid) if n.endswith(".json"))
    for a, b in itertools.combinations(names, 2):
        with open(os.path.join(folder, f"pair-{a}-{b}"), "wb") as out:
            for part in (a, b):
                with open(os.path.join(valid, part), "rb") as f:
                    out.write(f.read() + (b"\x1e" if part is a else b""))


DICTIONARIES = {"diff": "trace", "generate": "trace"}
SEEDS = {"trace": pairs_of_traces, "diff": pairs_of_traces}


def fuzz(program, name, seconds, top):
    """One fuzzer; the reason why it failed, or None."""
    corpus = os.path.join(top, name)
    os.mkdir(corpus)
    with open(program + ".folders", encoding="utf-8") as f:
        folders = [line for line in f.read().split("\n") if line]
    for folder in folders:
        for entry in os.listdir(folder):
            shutil.copy(os.path.join(folder, entry),
                        os.path.join(corpus, os.path.basename(folder) + "-" + entry))
    if name in SEEDS:
        SEEDS[name](corpus)
    if not os.listdir(corpus):
        return "it has no seeds"
    command = [program, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096",
               "-max_len=65536", "-print_final_stats=1", "-verbosity=1",
               f"-artifact_prefix={top}/found-{name}-"]
    dictionary = os.path.join(HERE, f"{DICTIONARIES.get(name, name)}.dict")
    if os.path.exists(dictionary):
        command.append(f"-dict={dictionary}")
    done = subprocess.run(command + [corpus], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False, timeout=seconds + 300)
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    cover = re.findall(r"cov: (\d+)", done.stderr)
    if done.returncode:
        for line in done.stderr.splitlines()[-60:]:
            print(f"  {line[:300]}")
        for entry in sorted(os.listdir(top)):
            if entry.startswith(f"found-{name}-"):
                with open(os.path.join(top, entry), "rb") as f:
                    text = base64.b64encode(f.read()).decode()
                print(f"  {entry}: {text[:20000]}")
        return f"exit status {done.returncode}"
    if not runs or int(runs.group(1)) < LEAST_RUNS:
        return f"only {runs.group(1) if runs else 0} runs in {seconds} s"
    print(f"  {name}: {runs.group(1)} runs, {cover[-1] if cover else '?'} edges covered", flush=True)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.environ.get("WH_BUILD"))
    parser.add_argument("--seconds", type=int, default=60, help="for all together")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not options.build:
        parser.error("--build DIR or WH_BUILD")
    folder = os.path.join(options.build, "fuzz")
    sources = sorted(re.fullmatch(r"fuzz-(.*)\.c", f).group(1) for f in os.listdir(HERE)
                     if re.fullmatch(r"fuzz-.*\.c", f))
    names = options.names or sources
    share = max(3, options.seconds // len(names))
    failed = False
    top = tempfile.mkdtemp(prefix="whittle-fuzz.")
    try:
        for name in names:
            program = os.path.join(folder, f"fuzz-{name}")
            why = fuzz(program, name, share, top) if os.access(program, os.X_OK) else "was not built"
            failed = failed or why is not None
            print(f"not ok fuzz/{name}: {why}" if why else f"ok fuzz/{name}", flush=True)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
