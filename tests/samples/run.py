#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records each service of samples/ under its load by each engine, with no_new_privs, as their bundles run them; the
facts must be plain's (../equal/rounds.py).

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

Prints a line a case: "ok NAME-ENGINE" or "not ok NAME-ENGINE: why". Must be root.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "equal"), os.path.dirname(HERE)]
import harness  # noqa: E402
import rounds  # noqa: E402

# How much load.
SERVICES = {"nginx": "1", "redis": "1500", "postgresql": "1", "python": "1", "node": "1"}
# When it is ready, where its port is open long before.
READY = {"postgresql": "log:ready to accept connections"}
# A port is open before the last worker is: in which phase the others start hangs on how fast they are, and so on the
# engine. Phases are compared where a service says itself that it is ready (../named).
PHASES = [(re.compile("^startup$"), "serving")]


class Recorder(rounds.Recorder):
    hot = False  # how busy they get in so short a time hangs on the machine

    def make(self, engine, folder):
        run = f"/run/whittle-sample-{self.name}"
        ready = READY.get(self.name) or harness.sample_setting(self.name, "ready")
        # It has a /run of its own, as its data is at the same place each time.
        prepare = ["sh", "-c", '"$0" >&2 && exec "$@"', harness.sample_file(self.name, "prepare")]
        made = harness.Recording(self.options, [run + "/start"], folder + ".json", engine=engine, cwd="/",
                                 extra=["--no-new-privs", "--ready", ready, "--load", f"{run}/load {SERVICES[self.name]}"],
                                 before=[*harness.apart(own_run=True), *prepare], env=harness.environment(HOME="/root"))
        return made, [*rounds.MADE_UP.get(self.name, []), *PHASES], []


def main():
    parser = harness.parser(__doc__)
    harness.add_engines(parser)
    options = harness.parse(parser)
    results = harness.Results()
    with harness.temporary("samples", options.keep) as top:
        rounds.run([Recorder(options, name, top) for name in SERVICES if harness.wanted(options, name)], options, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
