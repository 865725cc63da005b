#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What engines that look away could miss, by name: threads that sleep while others get hot, calls that come late,
and services that fork, reload, are replaced, lose a part, collect garbage or interrupt themselves under load.

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

Prints a line a case: "ok NAME-ENGINE" or "not ok NAME-ENGINE: why". What is wanted must be in each trace, by name,
and the service must have served. Of a program that does the same each time an engine has exactly plain's facts
(../equal/compare.py). Of a service, where how requests meet is chance, it has each fact that all of plain's recordings
have, and none that none of them has; where they differ, both sides record again, up to ROUNDS times. Must be root.
"""
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "equal"), os.path.dirname(HERE)]
import compare  # noqa: E402
import harness  # noqa: E402
from services import CASES  # noqa: E402  (beside this file)

ROUNDS = 5


def has(fact, where):
    for field, want in where.items():
        have = fact.get(field)
        if field == "args":
            if want not in (have or {}).get("values", []):
                return False
        elif field == "path":
            if not (have or "").endswith(want):
                return False
        elif have != want and not (isinstance(have, list) and want in have):
            return False
    return True


class Recorder:
    """Records one case, again and again: lists of recordings, and what was wrong with one, by engine."""

    def __init__(self, options, name, top):
        self.options, self.name, self.case, self.top = options, name, CASES[name], top
        self.flat, self.traces, self.wrong = {}, {}, {}
        self.lock = threading.Lock()

    def record(self, engine):
        with self.lock:
            number = len(self.traces.setdefault(engine, []))
            self.traces[engine].append(None)
        folder = harness.fresh(os.path.join(self.top, f"{self.name}-{engine}-{number}"))
        command, env = self.case.start(self.options, folder)
        made = harness.Recording(self.options, command, folder + ".json", engine=engine, before=harness.apart(),
                                 extra=self.case.options(self.options, folder), cwd=folder, env=harness.environment(**env))
        wrong = made.problem
        if made.trace:
            wrong = wrong + self.look(made, engine, folder)
        with self.lock:
            self.traces[engine][number] = made.trace
            self.wrong.setdefault(engine, []).extend(wrong)
            if made.trace:
                self.flat.setdefault(engine, []).append(compare.flat(made.trace, [(folder, "@{folder}"), *self.case.folds]))

    def look(self, made, engine, folder):
        wrong = [f"missing {kind}: {where}" for kind, where in self.case.wanted
                 if not any(has(fact, where) for fact in made.trace[kind])]
        if engine != "plain" and not made.trace["runs"][0].get("counts_partial"):
            wrong.append("it looked at each call: nothing is tested")
        return wrong + self.case.check(folder, made.said)

    def differences(self, engine):
        """Exactly, of what is the same each time."""
        if not self.case.load:
            return compare.differ(self.flat["plain"][:1], self.flat[engine][:1])
        return compare.differ(self.flat["plain"], self.flat[engine])


def first_jobs(recorders, options):
    for recorder in recorders:
        yield recorder, "plain"
        if recorder.case.load:
            yield recorder, "plain"
        for engine in options.engines:
            if engine != "plain":
                yield recorder, engine


def settle(recorder, options, results):
    for engine in options.engines:
        case, rounds, first = f"{recorder.name}-{engine}", 1, None
        while True:
            lines = recorder.wrong.get(engine) or recorder.wrong.get("plain") or []
            if not lines and engine != "plain":
                lines = recorder.differences(engine)
            first = first or lines
            if not lines or any(recorder.wrong.values()) or not recorder.case.load or rounds == ROUNDS:
                break
            rounds += 1
            harness.in_parallel(recorder.record, [(engine,), ("plain",)])
        if rounds > 1 and not lines:
            print(f"  {case}: {rounds} rounds, as runs differ: {'; '.join(first[:6])}")
        if rounds > 1 and lines:
            lines = [f"after {rounds} rounds they differ", *lines]
        results.say(case, lines)


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    options = harness.parse(parser)
    options.lock = threading.Lock()
    results = harness.Results()
    with harness.temporary("named", options.keep) as top:
        recorders = [Recorder(options, name, top) for name in CASES if harness.wanted(options, name)]
        harness.in_parallel(Recorder.record, first_jobs(recorders, options))
        for recorder in recorders:
            settle(recorder, options, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
