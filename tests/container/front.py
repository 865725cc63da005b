#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records containers in the foreground: whittle record --bundle with the real runc and crun, --docker and --podman with the
real engines, each of them with nginx and redis in a small image made of this machine's files.

usage: front.py [--whittle FILE] [--build DIR] [NAME…]

Prints a line a case: "ok NAME" or "not ok NAME: why". Must be root.
"""
import contextlib
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

# crun and Podman refuse the hybrid layout of cgroups.
UNIFIED = ["unshare", "-m", "sh", "-c",
           "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"", "sh"]
NGINX = ["/usr/sbin/nginx", "-c", "/etc/nginx.conf"]
REDIS = ["/usr/bin/redis-server", "--save", "", "--bind", "127.0.0.1"]
INSIDE = 'nsenter --net -t "$WHITTLE_CONTAINER_PID" '
NGINX_LOAD = INSIDE + "curl -sSf -o /dev/null http://127.0.0.1/"
REDIS_LOAD = INSIDE + "redis-benchmark -q -n 200 -c 2 -t set,get"
# Ends well by the one signal, and by no other.
PATIENT = ["/bin/sh", "-c", "trap 'echo asked to end; exit 0' %s; echo hello; while :; do sleep 0.05; done"]
NGINX_CONF = """daemon off; worker_processes 1; pid /run/nginx.pid; error_log stderr; user www-data;
events {} http { access_log off; server { listen 80; location / { return 200 "hello\\n"; } } }
"""


def patient(sig="TERM"):
    return [*PATIENT[:2], PATIENT[2] % sig]


# ---- what is to be recorded ----------------------------------------------------------------------

def copy_program(root, path):
    """With the libraries that it is linked with."""
    said = subprocess.run(["ldd", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    words = [word for line in said.splitlines() for word in line.split() if word.startswith("/")]
    for file in [path, *words]:
        os.makedirs(root + os.path.dirname(file), exist_ok=True)
        shutil.copy(file, root + file)


def make_root(root):
    for folder in ("bin", "etc", "proc", "sys", "dev", "tmp", "run", "var/log/nginx", "var/lib/nginx"):
        os.makedirs(os.path.join(root, folder))
    shutil.copy("/bin/busybox", root + "/bin/busybox")
    for name in ("sh", "sleep", "echo", "true"):
        os.symlink("busybox", f"{root}/bin/{name}")
    for program in (NGINX[0], REDIS[0]):
        copy_program(root, program)
    for name, text in (("passwd", "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n"),
                       ("group", "root:x:0:\nwww-data:x:33:\n"), ("nginx.conf", NGINX_CONF)):
        with open(f"{root}/etc/{name}", "w", encoding="utf-8") as f:
            f.write(text)


def make_bundle(folder, args):
    """As "runc spec" has it, with the capabilities that nginx needs, and a filter, so that the runtime has a floor."""
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    path = folder + "/config.json"
    config = harness.load(path)
    caps = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"]
    config["process"].update(args=args, noNewPrivileges=False,
                             capabilities={key: caps for key in ("bounding", "effective", "permitted")})
    config["root"]["readonly"] = False
    # Without a limit is a number that not every reader of JSON can keep.
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    config["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "hard": 2**64 - 1 if hard == resource.RLIM_INFINITY else hard, "soft": 0}]
    # Limits of devices need BPF and memory locked for it, which not every machine gives.
    config["linux"].pop("resources", None)
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                  "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)


# ---- the ways to have it recorded ----------------------------------------------------------------

class Way:
    """@name: of the cases; @words: what chooses it; @before: a command before whittle; @env: its environment"""

    before, engine, runtime_word = (), None, "runc"

    def __init__(self, bed):
        self.bed, self.env = bed, bed.env

    def words(self, args):
        """(options of record, what follows --) that run the image with these arguments."""
        raise NotImplementedError

    def left(self):
        """Names of containers that are there."""
        raise NotImplementedError

    def run(self, argv):
        return subprocess.run([*self.before, *argv], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=60).stdout

    def record(self, args, *extra, wanted=0, more=()):
        options, command = self.words(args)
        trace = self.bed.top + "/trace.json"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(trace)
        return harness.Recording(self.bed.options, [*more, *command], trace, extra=[*options, *extra], before=self.before,
                                 env=self.env, wanted=wanted, timeout=60)


class Bundle(Way):
    def __init__(self, bed, runtime):
        super().__init__(bed)
        self.name = self.runtime_word = runtime
        self.before = UNIFIED if runtime == "crun" else ()

    def words(self, args):
        return ["--bundle", self.bed.bundle, "--runtime", self.runtime_word], args

    def left(self):
        return [line for line in self.run([self.runtime_word, "list", "-q"]).split() if line]


class Docker(Way):
    name = engine = "docker"

    def words(self, args):
        return ["--docker"], ["--network", "none", "front:1", *args]

    def left(self):
        return self.run(["docker", "ps", "-a", "--format", "{{.Names}}"]).split()


class Podman(Way):
    name = engine = "podman"
    before, runtime_word = UNIFIED, "crun"

    def words(self, args):
        return ["--podman"], ["--network", "none", "front:1", *args]

    def left(self):
        return self.run(["podman", "ps", "-a", "--format", "{{.Names}}"]).split()


# ---- the cases: each returns what is wrong -------------------------------------------------------

ALL, ENGINES, BUNDLES, DOCKER = [], [], [], []


def case(where):
    def put(function):
        where.append(function)
        return function
    return put


def run_of(made):
    return made.trace["runs"][0] if made.trace else {}


def expect(made, **fields):
    run = run_of(made)
    return made.problem + [f"{key} is {run.get(key)!r}, not {value!r}" for key, value in fields.items() if run.get(key) != value]


def expect_said(made, *words):
    return [*made.problem, *[f"it does not say '{word}': {made.said[-500:]}" for word in words if word not in made.said]]


def version(runtime):
    words = subprocess.run([runtime, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return f"{words[0]} {words[2]}"


def phases(trace, name):
    return {phase for fact in trace["syscalls"] if fact["name"] == name for phase in fact["phases"]}


@case(ALL)
def nginx(way):
    # What it has made belongs to whom it serves as, in a bundle that was recorded before.
    made = way.record(NGINX, "--ready", "tcp:127.0.0.1:80", "--load", NGINX_LOAD)
    wrong = expect(made, outcome="stopped by whittle", load_outcome="exited 0", complete=True, failed=False,
                   container_engine=way.engine, runtime=version(way.runtime_word))
    if wrong:
        return wrong
    caps = {fact["cap"] for fact in made.trace["caps"] if not fact.get("denied")}
    if not {"CAP_SETGID", "CAP_SETUID"} <= caps <= {"CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"}:
        wrong.append(f"capabilities: {sorted(caps)}")
    if "serving" not in phases(made.trace, "accept4"):
        wrong.append(f"accept4 in {phases(made.trace, 'accept4')}")
    if "runtime" not in {phase for fact in made.trace["syscalls"] for phase in fact["phases"]}:
        wrong.append("nothing of phase runtime")
    if not any(fact["path"] == "/etc/nginx.conf" for fact in made.trace["files"]):
        wrong.append("/etc/nginx.conf was not read")
    return wrong


@case(ALL)
def redis(way):
    made = way.record(REDIS, "--ready", "log:Ready to accept connections", "--load", REDIS_LOAD)
    return expect(made, outcome="stopped by whittle", load_outcome="exited 0", failed=False)


@case(ALL)
def status(way):
    """It ends by itself, at once: its exit status is told, its output is the user's."""
    made = way.record(["/bin/sh", "-c", "echo to stdout; echo to stderr >&2; exit 3"], wanted=1)
    return expect(made, outcome="exited 3", failed=True, complete=True) + expect_said(made, "to stdout", "to stderr")


@case(ALL)
def fine(way):
    return expect(way.record(["/bin/true"]), outcome="exited 0", failed=False)


@case(ALL)
def unready(way):
    made = way.record(patient(), "--ready", "tcp:127.0.0.1:81", "--ready-timeout", "1", wanted=1)
    return expect(made, outcome="not ready within 1 s", failed=True, complete=False)


@case(ALL)
def load_fails(way):
    made = way.record(patient(), "--ready", "log:hel+o", "--load", "exit 5", wanted=1)
    return expect(made, outcome="stopped by whittle: the load failed", load_outcome="exited 5", failed=True)


@case(ALL)
def file_inside(way):
    """A path is the container's, not this machine's."""
    made = way.record(["/bin/sh", "-c", "sleep 0.3; echo >/tmp/is-up; exec sleep 60"], "--ready", "file:/tmp/is-up",
                      "--load", "true", "--grace", "0.2")
    other = way.record(patient(), "--ready", f"file:{way.bed.top}", "--ready-timeout", "1", wanted=1)
    return expect(made, load_outcome="exited 0") + expect(other, outcome="not ready within 1 s")


@case(ALL)
def whereabouts(way):
    """The load is told where the container is, here: in a namespace without an address."""
    note = way.bed.top + "/note"
    made = way.record(patient(), "--ready", "log:hello", "--load", f'echo "$WHITTLE_CONTAINER_ID" '
                      f'"$(readlink /proc/$WHITTLE_CONTAINER_PID/exe)" "${{WHITTLE_CONTAINER_IP-none}}" >{note}')
    wrong = expect(made, load_outcome="exited 0")
    with open(note, encoding="utf-8") as f:
        told = f.read().split()
    if told != [run_of(made).get("container_id"), "/bin/busybox", "none"]:
        wrong.append(f"the load was told {told}")
    return wrong


@case(ALL)
def interrupt(way):
    """Ctrl-C: the container is asked to end, and the trace is written."""
    options, command = way.words(patient())
    trace = way.bed.top + "/trace.json"
    argv = [*way.before, way.bed.options.whittle, "record", "-o", trace, *options, "--", *command]
    with subprocess.Popen(argv, env=way.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as child:
        said = [child.stdout.readline()]
        child.send_signal(signal.SIGINT)
        said += child.stdout.readlines()
    wrong = [] if child.returncode == 0 else [f"exit status {child.returncode}"]
    if said[:2] != ["hello\n", "asked to end\n"]:
        wrong.append(f"it said {said}")
    run = harness.load(trace)["runs"][0]
    if run["outcome"] != "stopped by SIGINT" or not run["complete"]:
        wrong.append(f"{run['outcome']}, complete: {run['complete']}")
    return wrong


@case(ALL)
def no_program(way):
    """The reason is the runtime's, and there is no trace."""
    wrong = []
    for options in ((), ("--ready", "log:never")):
        made = way.record(["/bin/nonesuch"], *options, wanted=2)
        wrong += expect_said(made, "the container was not started", "/bin/nonesuch") + (["there is a trace"] if made.trace else [])
    return wrong


@case(ALL)
def unwritable(way):
    """That the trace cannot be written is said before anything is started."""
    options, command = way.words(["/bin/sh", "-c", "echo started"])
    done = subprocess.run([*way.before, way.bed.options.whittle, "record", "-o", "/proc/trace.json", *options, "--", *command],
                          env=way.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=60)
    lines = done.stdout.splitlines()
    return [] if done.returncode == 2 and len(lines) == 1 and "/proc/trace.json" in lines[0] else [f"{done.returncode}: {lines}"]


@case(ENGINES)
def stop_signal(way):
    made = way.record(patient("QUIT"), "--ready", "log:hello", "--load", "true", more=["--stop-signal", "SIGQUIT"])
    return expect(made, outcome="stopped by whittle") + expect_said(made, "asked to end")


@case(ENGINES)
def named(way):
    """A container with a name is kept, and gives the recording its name; others are removed."""
    made = way.record(["/bin/true"], more=["--name", "keep-me"])
    wrong = expect(made, name="keep-me", container_name="keep-me", container_image=way.bed.image(way))
    if way.left() != ["keep-me"]:
        wrong.append(f"there are {way.left()}")
    again = way.record(["/bin/true"], more=["--name", "keep-me"], wanted=2)
    wrong += expect_said(again, "keep-me")
    way.run([way.engine, "rm", "-f", "keep-me"])
    return wrong


@case(ENGINES)
def detached(way):
    """Options of run that create does not know; the output is not wanted."""
    made = way.record(["/bin/sh", "-c", "echo not wanted"], more=["-d", "--rm", "--restart=always", "-ti", "--sig-proxy=false"])
    return expect(made, outcome="exited 0") + (["its output was passed on"] if "not wanted" in made.said else [])


@case(ENGINES)
def no_image(way):
    made = way.record([], wanted=2)
    missing = harness.Recording(way.bed.options, ["whittle.invalid/none:1"], way.bed.top + "/no.json", extra=[f"--{way.engine}"],
                                before=way.before, env=way.env, wanted=2)
    none = harness.Recording(way.bed.options, ["--rm", "-p", "80:80"], way.bed.top + "/no.json", extra=[f"--{way.engine}"],
                             before=way.before, env=way.env, wanted=2)
    return [*expect_said(made, "refuses"), *expect_said(missing, "there is no image whittle.invalid/none:1"),
            *expect_said(none, "no image among the arguments")]


@case(ENGINES)
def joins(way):
    """What the engine executes in the container is of the recording, and the container's neighbours are not."""
    line = f"{way.engine} exec $WHITTLE_CONTAINER_ID /bin/sh -c 'echo >/tmp/by-exec'"
    made = way.record(patient(), "--ready", "log:hello", "--load", line)
    wrong = expect(made, load_outcome="exited 0")
    if wrong:
        return wrong
    by_exec = [fact["phases"] for fact in made.trace["files"] if fact["path"] == "/tmp/by-exec"]
    if not by_exec or any(phases != ["exec"] for phases in by_exec):
        wrong.append(f"what was executed in it wrote in phases {by_exec}")
    return wrong + [f"gap: {gap['kind']}" for gap in made.trace["gaps"]]


SCRIPT = """b=/bin/busybox; i=0
while [ $i -lt 60 ]; do i=$((i + 1)); read line </etc/nginx.conf; [ -e /nowhere ]; kill -0 $$; done
$b unshare -m true; $b mount -t tmpfs none /tmp; $b mkdir /tmp/made; $b rmdir /tmp/made; $b chmod 640 /etc/nginx.conf; $b chmod 644 /etc/nginx.conf
$b grep Seccomp /proc/self/status; (sleep 0.01 & wait); exit 0"""


def without_runtime(trace):
    """What the runtime itself does is not the same each time."""
    for facts in trace.values():
        if isinstance(facts, list):
            facts[:] = [fact for fact in facts if fact.get("phases") != ["runtime"]]
            for fact in facts:
                fact["phases"] = [phase for phase in fact.get("phases", []) if phase != "runtime"]
    return trace


@case(ALL)
def engines(way):
    """The fastest engine sees what plain sees, among it what the container's own filter refuses."""
    made = [way.record(["/bin/sh", "-c", SCRIPT], "--engine", engine) for engine in ("plain", "assisted")]
    wrong = [line for one in made for line in one.problem]
    if wrong:
        return wrong
    stops = [run_of(one)["stops"] for one in made]
    if stops[1] > stops[0] / 2:
        wrong.append(f"assisted stopped {stops[1]} times, plain {stops[0]}")
    shown = [[line for line in one.said.splitlines() if line.startswith("Seccomp")] for one in made]
    if shown[0] != shown[1] or len(shown[0]) != 2:
        wrong.append(f"what it sees of its filters: {shown}")
    plain, assisted = (without_runtime(one.trace) for one in made)
    return wrong + harness.module("equal", "compare.py").compare(plain, assisted)


@case(ENGINES)
def verified(way):
    """What was generated serves in the real engine; with a call or a capability less it does not, which is named."""
    drive = ["--ready", "tcp:127.0.0.1:80", "--load", NGINX_LOAD]
    made = way.record(NGINX, *drive)
    bundle = f"{way.bed.top}/verified-{way.name}"
    options, command = way.words(NGINX)
    wrong = list(made.problem)

    def verify(status, *words):
        done = subprocess.run([*way.before, way.bed.options.whittle, "verify", *options, *drive, "--timeout", "15", bundle, "--", *command],
                              env=way.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, timeout=100)
        if done.returncode != status or not all(re.search(word, done.stdout) for word in words):
            wrong.append(f"exit status {done.returncode} instead of {status}, or none of {words} in: {done.stdout[-1500:]}")

    def less(name, word):
        with open(f"{bundle}/{name}", encoding="utf-8") as f:
            text = f.read()
        with open(f"{bundle}/{name}", "w", encoding="utf-8") as f:
            f.write(text.replace(word, "", 1))
        if word not in text:
            wrong.append(f"no {word} in {name}")
        return text
    if wrong:
        return wrong
    subprocess.run([way.bed.options.whittle, "generate", "--allow-gaps", "-o", bundle, way.bed.top + "/trace.json"],
                   check=True, stdout=subprocess.DEVNULL)
    verify(0, r"PASSED: it served in a container under the bundle")
    whole = less("seccomp.json", '"accept4",')
    verify(1, r"refused +accept4\n", r"FAILED: it did not serve")
    with open(f"{bundle}/seccomp.json", "w", encoding="utf-8") as f:
        f.write(whole)
    less("docker-run.args", "--cap-add=SETGID\n")
    less("capabilities.json", '"CAP_SETGID",')
    verify(1, r"denied +CAP_SETGID\n +become gid 33", r"FAILED: it did not serve")
    return wrong + [f"{name} is left" for name in way.left()]


@case(DOCKER)
def health(way):
    path = "/proc/$WHITTLE_CONTAINER_PID/root/tmp/by-health-check"
    made = way.record(patient(), "--ready", "log:hello",
                      "--load", f"for i in $(seq 300); do [ ! -e {path} ] || exit 0; sleep 0.1; done; exit 1",
                      more=["--health-cmd", "echo >/tmp/by-health-check", "--health-interval", "0.5s"])
    found = [fact["phases"] for fact in (made.trace or {}).get("files", []) if fact["path"] == "/tmp/by-health-check"]
    return made.problem + ([] if found and found[0] == ["exec"] else [f"the health check wrote in phases {found}"])


@case(DOCKER)
def stopped(way):
    """A whittle that is stopped, or killed, holds up no other user of the runtime."""
    options, command = way.words(patient())
    argv = [way.bed.options.whittle, "record", "-o", way.bed.top + "/trace.json", *options, "--", *command]
    wrong = []
    with subprocess.Popen(argv, env=way.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        for sig in (signal.SIGSTOP, signal.SIGKILL):
            child.send_signal(sig)
            try:
                subprocess.run(["runc", "--version"], stdout=subprocess.DEVNULL, check=True, timeout=10)
            except subprocess.TimeoutExpired:
                wrong.append(f"after {sig.name} runc waits")
    for name in way.left():
        way.run(["docker", "rm", "-f", name])
    for path in glob.glob("/run/whittle/*.wait"):
        os.unlink(path)
    return wrong


@case(DOCKER)
def no_daemon(way):
    made = harness.Recording(way.bed.options, ["front:1"], way.bed.top + "/no.json", extra=["--docker"],
                             env={**way.env, "DOCKER_HOST": f"unix://{way.bed.top}/none"}, wanted=2)
    return expect_said(made, "Docker does not answer", "DOCKER_HOST")


@case(DOCKER)
def no_permission(way):
    """Without the right to trace the engine's processes nothing is started, and it says so."""
    options, command = way.words(["/bin/sh", "-c", "echo started"])
    less = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    made = harness.Recording(way.bed.options, command, way.bed.top + "/no.json", extra=options, before=[*way.before, *less],
                             env=way.env, wanted=2)
    return expect_said(made, "ptrace", "Operation not permitted") + (["it was started"] if "started\n" in made.said else [])


@case(DOCKER)
def no_runtime(way):
    return expect_said(way.record(["/bin/true"], more=["--runtime", "nonesuch"], wanted=2), "knows no runtime nonesuch")


@case(DOCKER)
def untouched(way):
    """What is started beside it, by the same runtime, has nothing of whittle."""
    way.record(["/bin/true"])
    said = way.run(["docker", "run", "--rm", "--network", "none", "front:1", "/bin/echo", "as ever"])
    return [] if said == "as ever\n" else [f"a container beside it: {said}"]


@case(BUNDLES)
def own_args(way):
    """Without a command of its own it executes what the bundle says; the bundle stays as it is."""
    with open(way.bed.bundle + "/config.json", "rb") as f:
        before = f.read()
    made = way.record([], "--ready", "http://127.0.0.1/", "--load", NGINX_LOAD)
    with open(way.bed.bundle + "/config.json", "rb") as f:
        after = f.read()
    return expect(made, argv=NGINX, name="bundle") + ([] if before == after else ["its config.json was changed"])


@case(BUNDLES)
def no_bundle(way):
    def record(*extra, before=()):
        return harness.Recording(way.bed.options, [], way.bed.top + "/no.json", extra=extra, before=[*way.before, *before],
                                 env=way.env, wanted=2)

    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return [*expect_said(record("--bundle", way.bed.top), "there is no config.json in it"),
            *expect_said(record("--bundle", way.bed.top + "/none"), "No such file"),
            *expect_said(record("--bundle", way.bed.bundle, "--runtime", "nonesuch"), "no such program"),
            *expect_said(record("--bundle", way.bed.bundle, "--docker"), "one at a time"),
            *expect_said(harness.Recording(way.bed.options, [], "/tmp/front.json", extra=["--bundle", way.bed.bundle],
                                           before=nobody, env=way.env, wanted=2), "as root")]


# ---- all of it -----------------------------------------------------------------------------------

class Bed:
    """Where the tests lie: the image, and the engines' own folders."""

    def __init__(self, options, top):
        self.options, self.top = options, top
        self.bundle = top + "/bundle"
        self.engine = None
        self.env = harness.environment(DOCKER_HOST=f"unix://{top}/docker/sock", CONTAINERS_CONF=top + "/containers.conf",
                                       CONTAINERS_STORAGE_CONF=top + "/storage.conf", TMPDIR=top + "/tmp", HOME=top)
        os.mkdir(top + "/tmp")
        make_root(self.bundle + "/rootfs")
        make_bundle(self.bundle, NGINX)
        with open(top + "/storage.conf", "w", encoding="utf-8") as f:
            f.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{top}/podman"\nrunroot = "{top}/podman-run"\n')
        with open(top + "/containers.conf", "w", encoding="utf-8") as f:
            f.write('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\ncgroups = "disabled"\n'
                    f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\ntmp_dir = "{top}/podman-tmp"\n'
                    'runtime = "crun"\n')
        subprocess.run(["tar", "-C", self.bundle + "/rootfs", "-cf", top + "/image.tar", "."], check=True)

    @staticmethod
    def image(way):
        return "localhost/front:1" if way.engine == "podman" else "front:1"

    def start_engine(self):
        self.engine = self.top + "/docker"
        subprocess.run([os.path.join(os.path.dirname(HERE), "docker", "engine.sh"), "start", self.engine], check=True,
                       stdin=subprocess.DEVNULL)

    def stop(self):
        if self.engine:
            subprocess.run([os.path.join(os.path.dirname(HERE), "docker", "engine.sh"), "stop", self.engine], check=False,
                           stdin=subprocess.DEVNULL)
        # Podman leaves mounts of its own.
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            points = [line.split()[4] for line in f]
        for point in sorted((p for p in points if p.startswith(self.top + "/")), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)


def left_over(bed, way):
    """Nothing of a recording may be there after it."""
    wrong = [f"a container is left: {name}" for name in way.left()]
    return wrong + [f"left: {path}" for path in [*glob.glob(bed.top + "/tmp/whittle-container.*"), *glob.glob("/run/whittle/*.wait")]]


def try_case(bed, way, function):
    try:
        wrong = function(way)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        wrong = [f"{type(error).__name__}: {error}"]
    return wrong + left_over(bed, way)


def main():
    options = harness.parse(harness.parser(__doc__))
    # Where whittle and hooks meet is below /run.
    harness.isolate(own_run=True)
    results = harness.Results()
    with harness.temporary("front", options.keep, short=True) as top:
        bed = Bed(options, top)
        plan = [(Bundle(bed, "runc"), ALL + BUNDLES), (Bundle(bed, "crun"), ALL + BUNDLES), (Docker(bed), ALL + ENGINES + DOCKER),
                (Podman(bed), ALL + ENGINES)]
        plan = [(way, function, f"{way.name}/{function.__name__.replace('_', '-')}") for way, some in plan for function in some]
        plan = [job for job in plan if harness.wanted(options, job[2])]
        try:
            if any(way.name == "docker" for way, _, _ in plan):
                bed.start_engine()
            for way in {way.name: way for way, _, _ in plan if way.engine}.values():
                way.run([way.engine, "import", top + "/image.tar", "front:1"])
            for way, function, name in plan:
                began = time.monotonic()
                results.say(name, try_case(bed, way, function))
                if os.environ.get("WH_TEST_TIMES"):
                    print(f"  {time.monotonic() - began:.1f} s", flush=True)
        finally:
            bed.stop()
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
