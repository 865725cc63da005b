#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Are the capabilities that whittle suggests those that real services need? Not one more, not one less.

Each service of services.py is started as Docker starts a container's, with Docker's capabilities and those it is known to need
beyond them (world.py), and driven. Once it is recorded so, and a bundle generated. Then, without whittle, capabilities
are taken away for good, in the end one after the other, unless the load is not served any more: what is left is proved, and serves
as a whole. What was suggested must be just that. Meanwhile the kernel tells which capabilities it asked about (kernel.bt, by bpftrace).

usage: [WHITTLE=FILE] [WH_BUILD=DIR] run.py [--table] [NAME…]; must be root. --table prints the table of README.md, too.
"""
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import harness  # noqa: E402
import services  # noqa: E402

NAMESPACES = ["unshare", "-n", "-m", "-p", "-i", "-u", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
# Where one of several capabilities would do, the broader one goes first.
BROAD = ("SYS_ADMIN", "DAC_OVERRIDE")
SERVED, REFUSED = 0, 1


class Broken(Exception):
    """A step that says nothing of the capabilities."""


class Asked:
    """What the kernel asked about meanwhile, by host name; `why` not, if it cannot be had."""

    def __init__(self):
        script = ("[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || exit; "
                  "[ -e /sys/kernel/tracing/events/capability/cap_capable ] || { echo this kernel has no tracepoint cap_capable; exit 1; }; "
                  "exec bpftrace -f json \"$0\"")
        self.why, self.found, said = None, {}, []
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["unshare", "-m", "sh", "-c", script, os.path.join(HERE, "kernel.bt")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # What ignores SIGINT (a background job) hands that on, and bpftrace ends by no other signal.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        for line in self.process.stdout:
            said.append(line.strip())
            if '"ready\\n"' in line:
                return
        self.process.wait()
        self.why = " ".join(said)[-400:] or "bpftrace does not run"

    def end(self):
        if self.why:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            out, _ = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
            self.process.wait()
        for line in out.splitlines():
            value = json.loads(line) if line.startswith("{") else {}
            for key in value.get("data", {}).get("@asked", {}) if value.get("type") == "map" else ():
                name, number = key.rsplit(",", 1)
                self.found.setdefault(name, set()).add(services.CAPS[int(number)])


class Subject:
    """A service under trial, and what came of it."""

    def __init__(self, options, top, name):
        self.options, self.name, self.top = options, name, os.path.join(top, name)
        self.cache = os.path.join(top, "cache")
        self.base = [c for c in (*BROAD, *services.DOCKER) if c in services.DOCKER or c in services.ALL[name].extra]
        self.base = list(dict.fromkeys(self.base))
        self.suggested = self.proved = None
        self.lost = {}  # capability: what happened without it
        os.mkdir(self.top)

    @property
    def hostname(self):
        """Only the trial with all capabilities has this one."""
        return f"wh-{self.name}-{os.getpid()}"

    def trial(self, caps, *more):
        """(status of world.py, what it said)"""
        with open(os.path.join(self.top, "said"), "w+", encoding="utf-8", errors="replace") as said:
            _, status = harness.run_limited(
                [*NAMESPACES, sys.executable, os.path.join(HERE, "world.py"), self.name, "--caps", ",".join(caps), "--cache", self.cache, *more],
                200, stdout=said, stderr=subprocess.STDOUT)
            said.seek(0)
            text = said.read().strip()
        if status not in (SERVED, REFUSED):
            raise Broken(f"a trial did not work ({status}): {text[-1000:]}")
        return status, text

    def must_serve(self, caps, what, *more):
        status, text = self.trial(caps, *more)
        if status != SERVED:
            raise Broken(f"{what}, it does not serve: {text[-2000:]}")

    def record(self):
        trace, bundle = os.path.join(self.top, "trace.json"), os.path.join(self.top, "bundle")
        self.must_serve(self.base, "recorded", "--whittle", self.options.whittle, "--trace", trace)
        made = subprocess.run([self.options.whittle, "generate", "--runtime", "none", "-o", bundle, trace], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200, check=False)
        if made.returncode != 0:
            raise Broken(f"generate exited {made.returncode}: {made.stdout[-1000:]}")
        self.reasons = harness.load(os.path.join(bundle, "capabilities.json"))
        self.suggested = {c.removeprefix("CAP_") for c in self.reasons["add"]}

    def prove(self):
        """Takes away what can be; what is left has served, as a whole, in the last of the trials that were served."""
        left = list(self.base)
        # All that was not suggested, at once: that spares most trials, and if it does not do, each is tried alone.
        at_once = [c for c in self.base if c in self.suggested]
        if self.trial(at_once)[0] == SERVED:
            left = at_once
        for cap in list(left):
            less = [c for c in left if c != cap]
            status, text = self.trial(less)
            if status == SERVED:
                left = less
            else:
                self.lost[cap] = text.splitlines()[-1] if text else "no word"
        self.proved = set(left)

    def run(self):
        self.must_serve(self.base, "with all its capabilities", "--hostname", self.hostname)
        self.record()
        self.prove()

    def differences(self):
        for cap in sorted(self.suggested - self.proved):
            why = self.reasons.get("reasons", {}).get("CAP_" + cap, ["no reason"])
            yield f"{cap} is suggested, and it serves without: {'; '.join(why)}"
        for cap in sorted(self.proved - self.suggested):
            yield f"{cap} is not suggested, and without it: {self.lost[cap]}"


def in_order(caps):
    return " ".join(c for c in services.CAPS if c in caps) or "none"


def table(subjects, asked):
    yield "| service | suggested | the kernel asked about | proved |"
    yield "| --- | --- | --- | --- |"
    for s in subjects:
        kernel = "?" if asked.why else in_order(asked.found.get(s.hostname, ()))
        yield f"| {s.name} | {in_order(s.suggested)} | {kernel} | {'the same' if s.proved == s.suggested else in_order(s.proved)} |"


def judge(results, subject, asked, problem):
    if isinstance(problem, LookupError):
        results.skip(subject.name, problem)
        return
    results.say(subject.name, str(problem).splitlines()[-30:] if problem else subject.differences())
    if problem:
        return
    if asked.why:
        results.skip(f"{subject.name}-asked", asked.why)
        return
    # What is needed was asked about: else the measure is wrong, or the proof is. But capset() only compares sets.
    unasked = {c for c in subject.proved - asked.found.get(subject.hostname, set())
               if not any("by capset()" in why for why in subject.reasons["reasons"].get("CAP_" + c, ()))}
    results.say(f"{subject.name}-asked", [f"proved, and the kernel never asked: {in_order(unasked)}"] if unasked else ())


def attempt(subject):
    """What went wrong, or None."""
    try:
        missing = services.ALL[subject.name].missing()
        if missing:
            return LookupError(missing)
        subject.run()
    except (Broken, OSError, subprocess.SubprocessError, ValueError) as problem:
        return problem
    return None


def main():
    made = harness.parser(__doc__)
    made.add_argument("--table", action="store_true")
    options = harness.parse(made)
    results = harness.Results()
    asked = Asked()
    try:
        with harness.temporary("proved", options.keep) as top:
            os.mkdir(os.path.join(top, "cache"))
            subjects = [Subject(options, top, name) for name in services.ALL if harness.wanted(options, name)]
            # They mostly wait for their services to notice something.
            problems = harness.in_parallel(attempt, [(s,) for s in subjects], at_once=5)
    finally:
        asked.end()
    for subject, problem in zip(subjects, problems):
        judge(results, subject, asked, problem)
    if options.table:
        print("\n".join(table([s for s in subjects if s.proved is not None], asked)))
    sys.exit(results.failed)


if __name__ == "__main__":
    main()
