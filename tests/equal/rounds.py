# SPDX-License-Identifier: Apache-2.0
"""Recordings of services, of which no two are quite the same: what is chance, and what is lost.

Of each first recording the kernel is asked which calls there were (../peer/kernel.bt): none may be missing. And
an engine has each fact that all of plain's recordings have, and none that none of them has (compare.differ). Where
they differ both sides record once more, up to ROUNDS times: what is chance comes to pass, what is lost does not.
"""
import os
import re
import threading

import compare
import harness

ROUNDS = 5
# Folds: the names that services make up, of process ids, at random, or one after the other as their data grows.
MADE_UP = {
    "redis": [(re.compile(r"/temp-((?:[a-z]+-)*)\d+"), r"/temp-\1@{pid}")],
    "postgresql": [
        (re.compile(r"/(PostgreSQL|pg_internal\.init|xlogtemp|pgsql_tmp)\.?\d+(\.\d+)?"), r"/\1@{random}"),
        (re.compile(r"(pgsql_tmp@\{random\}\.fileset/)[a-z]*[\d.]+"), r"\1@{n}"),
        (re.compile(r"/base/\d+/\d+(_fsm|_vm)?"), r"/base/@{database}/@{relation}"),
        # Which databases are vacuumed again while it runs hangs on how long it runs.
        (re.compile(r"/base/\d+/pg_internal\.init"), "/base/@{database}/pg_internal.init"),
        (re.compile(r"/pg_wal/[0-9A-F]{24}"), "/pg_wal/@{segment}"),
    ],
}


class Recorder:
    """Records one service, or program, again and again; the ways that are to be like plain share its recordings."""

    steady = False  # the same each time: compared at once, and exactly
    hot = True  # an engine that never looks away from it is not tested

    def __init__(self, options, name, top):
        self.options, self.name, self.top = options, name, top
        self.numbers, self.made, self.flat, self.wrong, self.looked_away = {}, [], {}, {}, set()
        self.lock = threading.Lock()

    def make(self, engine, folder):
        """To be overridden: (recording, folds, what else is wrong, as lines)."""
        raise NotImplementedError

    def record(self, engine):
        with self.lock:
            number = self.numbers[engine] = self.numbers.get(engine, 0) + 1
        made, folds, wrong = self.make(engine, harness.fresh(os.path.join(self.top, f"{self.name}-{engine}-{number}")))
        with self.lock:
            self.wrong.setdefault(engine, []).extend(made.problem + wrong)
            if made.trace:
                made.engine = engine
                self.made.append(made)
                self.flat.setdefault(engine, []).append(compare.flat(made.trace, folds))
                if made.trace["runs"][0].get("counts_partial"):
                    self.looked_away.add(engine)

    def judge(self, kernel):
        names = harness.module("peer", "run.py").kernel_names()
        equal = harness.module("equal", "run.py")
        for made in self.made:
            seen = kernel.programs.get(made.pid)
            self.wrong[made.engine] += equal.missed(made, seen, names) if seen else ["the kernel saw nothing of it"]

    def differences(self, engine):
        if engine == "plain":
            return []
        if self.hot and engine not in self.looked_away:
            return ["it looked at each call: nothing is tested"]
        some = slice(0, 1) if self.steady else slice(None)
        return compare.differ(self.flat["plain"][some], self.flat[engine][some])

    def settle(self, engine, results):
        case, rounds, first = f"{self.name}-{engine}", 1, None
        while True:
            wrong = self.wrong.get(engine) or self.wrong.get("plain")
            lines = wrong or self.differences(engine)
            first = first or lines
            if not lines or wrong or self.steady or rounds == ROUNDS:
                break
            rounds += 1
            harness.in_parallel(self.record, [(engine,), ("plain",)])
        if rounds > 1 and lines:
            lines = [f"after {rounds} rounds they differ", *lines]
        elif rounds > 1:
            print(f"  {case}: {rounds} rounds, as runs differ: {'; '.join(first[:6])}")
        results.say(case, lines)


def run(recorders, options, results):
    """Each by each engine, and by plain, which is the reference."""
    jobs = []
    for recorder in recorders:
        jobs += [(recorder, engine) for engine in sorted({"plain", *options.engines})]
    kernel = None
    try:
        kernel = harness.module("peer", "run.py").Kernel()
    except OSError as error:
        results.skip("judge", error)
    try:
        harness.in_parallel(Recorder.record, jobs)
        if kernel:
            kernel.counts()
    finally:
        if kernel:
            kernel.stop()
    for recorder in recorders if kernel else []:
        recorder.judge(kernel)
    for recorder in recorders:
        for engine in options.engines:
            recorder.settle(engine, results)
