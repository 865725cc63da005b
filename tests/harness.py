# SPDX-License-Identifier: Apache-2.0
"""What the tests that record programs share: their options, a network of their own, recordings, result lines."""
import argparse
import concurrent.futures
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.abspath(__file__))
# What a program under test is to have of the caller's environment.
PASSED_ON = ("TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "WHITTLE_TEMPLATES", "LD_LIBRARY_PATH")


def module(*path):
    """The module in that file below tests/."""
    file = os.path.join(TESTS, *path)
    name = "_".join(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, file)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


# ---- how a test is called ------------------------------------------------------------------------

def parser(doc):
    """The options that all have; names are positional."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--whittle", default=os.environ.get("WHITTLE"))
    made.add_argument("--build", default=os.environ.get("WH_BUILD"))
    made.add_argument("--keep", action="store_true", help="keep the temporary folder")
    made.add_argument("names", nargs="*")
    return made


def parse(made):
    """Parses, and makes paths absolute; as root, and with a build."""
    options = made.parse_args()
    if not options.build:
        made.error("--build DIR or WH_BUILD: where cmake built whittle and the programs")
    if os.getuid() != 0:
        made.error("must be root")
    options.build = os.path.abspath(options.build)
    options.whittle = os.path.abspath(options.whittle or os.path.join(options.build, "whittle"))
    return options


def add_engines(made, default="plain"):
    made.add_argument("--engines", default=os.environ.get("WH_ENGINES", default),
                      type=lambda text: text.split(","), metavar="LIST")


def wanted(options, name):
    return not options.names or any(n in name for n in options.names)


def apart(own_run=False):
    """A command before another one: in network and IPC namespaces of its own, where no port or queue is anybody else's.

    @own_run: with a /run of its own, too.
    """
    script = "ip link set lo up && exec \"$@\""
    if own_run:
        script = "mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 1777 /run/lock && " + script
    return ["unshare", "-n", "-i", *(["-m"] if own_run else []), "sh", "-c", script, "sh"]


def isolate(own_run=False):
    """Goes on apart()."""
    if "WH_TEST_INSIDE" not in os.environ:
        env = dict(os.environ, WH_TEST_INSIDE="1", PYTHONDONTWRITEBYTECODE="1")
        os.execvpe("unshare", [*apart(own_run), sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]], env)


@contextlib.contextmanager
def temporary(name, keep=False, short=False):
    """A folder that services can enter which have dropped their rights. Engines want it to have a short path: Podman
    takes 50 characters, and a socket 107."""
    top = tempfile.mkdtemp(prefix="wh.", dir="/tmp") if short else tempfile.mkdtemp(prefix=f"whittle-{name}.")
    os.chmod(top, 0o755)
    try:
        yield top
    finally:
        if keep:
            print(f"kept: {top}", file=sys.stderr)
        else:
            shutil.rmtree(top, ignore_errors=True)


def fresh(folder):
    """The same folder, empty, so that paths are the same in each run."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o755)
    return folder


def environment(path="/usr/sbin:/usr/bin:/sbin:/bin", **more):
    return {"PATH": path, "LC_ALL": "C.UTF-8", **{k: os.environ[k] for k in PASSED_ON if k in os.environ}, **more}


# ---- running -------------------------------------------------------------------------------------

def run_limited(argv, timeout, **kwargs):
    """Runs in a session of its own, all that is left of which is killed: (pid, status or None: no end in time)."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    child = subprocess.Popen(argv, start_new_session=True, **kwargs)
    try:
        return child.pid, child.wait(timeout)
    except subprocess.TimeoutExpired:
        return child.pid, None
    finally:
        # whittle first: its tracees die with it (PTRACE_O_EXITKILL).
        if child.poll() is None:
            child.kill()
            child.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


class Recording:
    """One run of "whittle record": its pid, status (None: no end in time), what was said, and its trace.

    @before: a command that runs another one, as unshare; @wanted: the exit status that is right
    @problem: what is wrong with it, as lines; empty if nothing. @trace: None if there is none.
    """

    def __init__(self, options, command, trace, *, engine=None, extra=(), cwd=None, env=None, timeout=200, stdout=None,
                 before=(), wanted=0):
        argv = [*before, options.whittle, "record", "-o", trace, *(["--engine", engine] if engine else []), *extra]
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            self.pid, self.status = run_limited([*argv, "--", *command], timeout, cwd=cwd, env=env, umask=0o022,
                                                stderr=said, stdout=said if stdout is None else stdout)
            said.seek(0)
            self.said = said.read()
        self.trace, self.problem = None, []
        if self.status != wanted:
            what = "it did not end in time" if self.status is None else f"whittle's exit status: {self.status}"
            self.problem = [what, *self.said[-3000:].splitlines()]
        if os.path.exists(trace) and self.status is not None:
            self.trace = load(trace)
            ran = self.trace["runs"][0]["engine"]
            if engine not in (None, "auto", ran):
                self.problem.append(f"the engine was {ran}, not {engine}")


def in_parallel(function, jobs, at_once=2):
    """[function(*job)], of so many at once; they mostly wait for each other's other half, or for a clock."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda job: function(*job), jobs))


def sample_file(name, file):
    return os.path.join(os.path.dirname(TESTS), "samples", name, file)


def sample_setting(name, key):
    """Of a service of samples/."""
    with open(sample_file(name, "sample.env"), encoding="utf-8") as f:
        return dict(line.strip().split("=", 1) for line in f if "=" in line and not line.startswith("#"))[key]


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


# ---- results -------------------------------------------------------------------------------------

class Results:
    """Prints a line a case; knows whether one has failed."""

    def __init__(self, prefix=""):
        self.prefix, self.failed = prefix, False

    def say(self, name, lines=(), most=40):
        """It failed if there are lines: the first is the reason, the others are shown before it."""
        lines = list(lines)
        for line in lines[1:most]:
            print("  " + line)
        if lines:
            self.failed = True
        more = f" (and {len(lines) - 1} lines more)" if len(lines) > 1 else ""
        print(f"not ok {self.prefix}{name}: {lines[0]}{more}" if lines else f"ok {self.prefix}{name}", flush=True)

    def skip(self, name, why):
        print(f"skip {self.prefix}{name}: {why}", flush=True)
