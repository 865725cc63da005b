#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What engines that look away could miss, by name: threads that sleep while others get hot, calls that come late,
and services that fork, reload, are replaced, lose a part, collect garbage or interrupt themselves under load.

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

Prints a line a case: "ok NAME-ENGINE" or "not ok NAME-ENGINE: why". What is wanted must be in each trace, by name,
and the service must have served. Of a program that does the same each time an engine has exactly plain's facts, of a
service what ../equal/rounds.py says. Must be root.
"""
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "equal"), os.path.dirname(HERE)]
import harness  # noqa: E402
import rounds  # noqa: E402
from services import CASES  # noqa: E402  (beside this file)


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


class Recorder(rounds.Recorder):
    def __init__(self, options, name, top):
        super().__init__(options, name, top)
        self.case = CASES[name]
        self.steady = not self.case.load

    def make(self, engine, folder):
        command, env = self.case.start(self.options, folder)
        made = harness.Recording(self.options, command, folder + ".json", engine=engine, before=harness.apart(),
                                 extra=self.case.options(self.options, folder), cwd=folder,
                                 env=harness.environment(**env))
        wrong = []
        if made.trace:
            wrong = [f"missing {kind}: {where}" for kind, where in self.case.wanted
                     if not any(has(fact, where) for fact in made.trace[kind])]
            wrong += self.case.check(folder, made.said)
        return made, [(folder, "@{folder}"), *self.case.folds], wrong


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    options = harness.parse(parser)
    options.lock = threading.Lock()
    results = harness.Results()
    with harness.temporary("named", options.keep) as top:
        rounds.run([Recorder(options, name, top) for name in CASES if harness.wanted(options, name)], options, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
