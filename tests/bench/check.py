#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the benchmark measures: each workload for a moment, natively and by the plain engine. Judges no time."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WAYS = ("native", "plain")
OPTIONS = ["--rounds", "1", "--seconds", "1", "--warm", "0", "--storm", "60", "--events", "20000",
           "--ways", ",".join(WAYS), "--json"]
failed = False


def check(name, values, data):
    """There must be values, all of them greater than 0."""
    global failed
    if values and all(isinstance(value, (int, float)) and value > 0 for value in values):
        print(f"ok {name}")
    else:
        failed = True
        print(f"not ok {name}: measured {values}: {'; '.join(data['notes'])}")


done = subprocess.run([os.path.join(HERE, "run.sh"), *OPTIONS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                      timeout=600, check=False)
if done.returncode != 0:
    print(f"not ok run: exit status {done.returncode}")
    sys.exit(1)
measured = json.loads(done.stdout)
for workload in measured["workloads"]:
    for way in WAYS:
        check(f"{workload}-{way}", measured["figures"].get(workload, {}).get(way), measured)
    check(f"{workload}-ratio", [measured["ratios"].get(workload, {}).get("plain")], measured)
    check(f"{workload}-stops", [measured["stops"].get(workload, {}).get("plain")], measured)
check("memory-plain", measured["memory"].get("plain"), measured)
sys.exit(1 if failed else 0)
