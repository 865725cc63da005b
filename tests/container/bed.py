# SPDX-License-Identifier: Apache-2.0
"""What the tests share that record containers in the background: what they expect, and where it happens."""
import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402

FLOORS = os.path.join(os.path.dirname(harness.TESTS), "templates", "floors")
ENGINE = os.path.join(harness.TESTS, "docker", "engine.sh")
TOOLS = "sh echo sleep cat id true kill ls"
# It says something on both streams, reads a file of its own, and waits to be told to end, or ends by itself.
SPEAK = "echo to out; echo to err >&2; cat /etc/of-service >/dev/null; exit 7"
SERVE = "trap 'exit 5' TERM; cat /etc/of-service >/dev/null; echo up; while :; do sleep 0.05; done"
PATIENCE = 20
BRIEF = 20


class Wrong(Exception):
    pass


def check(condition, why):
    if not condition:
        raise Wrong(str(why))


def equal(got, wanted, what):
    check(got == wanted, f"{what}: {got!r}, wanted {wanted!r}")


def wait_for(look, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise Wrong(f"never: {what}")


def run(*argv, **kwargs):
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                          **kwargs)


def shown(done):
    """What whoever ran it gets to see."""
    return done.returncode, done.stdout, done.stderr


def traces(folder):
    """As they are now, {name: trace}."""
    return {os.path.basename(p): harness.load(p) for p in glob.glob(os.path.join(folder, "*.trace.json"))}


def wait_traces(folder, count=1):
    """That many, each whole: a trace appears at once or not at all."""
    return wait_for(lambda: len(glob.glob(os.path.join(folder, "*.trace.json"))) >= count and traces(folder),
                    f"{count} traces in {folder}: {os.listdir(folder)}")


def one_trace(folder):
    found = wait_traces(folder)
    equal(len(found), 1, f"traces {sorted(found)}")
    return next(iter(found.values()))


def phases_of(trace, path):
    return sorted({p for f in trace["files"] if f["path"] == path for p in f["phases"]})


def check_trace(trace, outcome, runtime, gaps=()):
    """What holds for each recording of ours. @gaps: the kinds that it has"""
    only = trace["runs"][0]
    equal((only["outcome"], only["complete"], only["engine"]), (outcome, True, "plain"), "run")
    check(only["runtime"].startswith(runtime + " "), f"the runtime is called {only['runtime']!r}")
    equal([gap["kind"] for gap in trace.get("gaps", [])], list(gaps), f"gaps {trace.get('gaps')}")
    with open(os.path.join(FLOORS, runtime + ".json"), encoding="utf-8") as f:
        floor = {entry["syscall"] for entry in json.load(f)["entries"]}
    seen = {s["name"] for s in trace["syscalls"] if "runtime" in s["phases"]}
    check("execve" in seen, "nothing was seen of the runtime after it had loaded the filter")
    # Profiles answer it ENOSYS wherever a service does not need it, and libc falls back on clone.
    floor |= {"clone3"} if "clone" in floor else set()
    check(seen <= floor, f"the runtime's own calls {sorted(seen - floor)} are not in its floor")
    check("startup" in phases_of(trace, "/etc/of-service") or "serving" in phases_of(trace, "/etc/of-service"),
          f"what the service has read is {phases_of(trace, '/etc/of-service')}")


def tracer_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("TracerPid")).split()[1])


# ---- where it happens ----------------------------------------------------------------------------

class Place:
    """A folder with a root file system for all, and programs."""

    def __init__(self, options, top):
        self.options, self.top, self.whittle = options, top, options.whittle
        self.n = 0
        self.root = os.path.join(top, "rootfs")
        for folder in ("bin", "proc", "sys", "dev", "tmp", "etc"):
            os.makedirs(os.path.join(self.root, folder))
        shutil.copy(shutil.which("busybox", path="/bin:/usr/bin"), os.path.join(self.root, "bin/busybox"))
        for tool in TOOLS.split():
            os.symlink("busybox", os.path.join(self.root, "bin", tool))
        for i in range(BRIEF):  # so that executions can be told from each other
            os.link(os.path.join(self.root, "bin/busybox"), os.path.join(self.root, f"bin/busybox{i}"))
        for name in ("service", "exec", "health"):
            with open(os.path.join(self.root, "etc", "of-" + name), "w", encoding="ascii") as f:
                f.write(name + "\n")

    def make_image(self, *engine):
        with subprocess.Popen(["tar", "-C", self.root, "-c", "."], stdout=subprocess.PIPE) as tar:
            done = run(*engine, "import", "-", "busybox:1", stdin=tar.stdout)
            tar.stdout.close()  # an engine that takes nothing must not leave it waiting
        equal(done.returncode, 0, f"{engine[0]} import: {done.stderr}")

    def folder(self, name):
        self.n += 1
        path = os.path.join(self.top, f"{name}-{self.n}")
        os.mkdir(path, 0o755)
        return path

    def bundle(self, runtime, script, **annotations):
        """That runs the script in a shell, under a filter, so that the runtime has a floor."""
        folder = self.folder("bundle")
        subprocess.run([runtime, "spec"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        path = os.path.join(folder, "config.json")
        config = harness.load(path)
        config["root"] = {"path": self.root, "readonly": False}
        config["process"].update(terminal=False, args=["/bin/sh", "-c", script])
        # Numbers that many a JSON reader would round; and limits that no machine refuses.
        config["process"]["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 2**64 - 1, "hard": 2**64 - 1}]
        linux = config["linux"]
        linux.pop("resources", None)
        linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] != "cgroup"]
        config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"]
        linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]}
        config["annotations"] = annotations
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        return folder

    def real(self, runtime):
        return [runtime, "--root", os.path.join(self.top, "state-" + runtime)]

    def wrapped(self, runtime, traces_folder):
        return [self.whittle, "runtime", "--runtime", runtime, "--output", traces_folder, "--",
                *self.real(runtime)[1:]]


@contextlib.contextmanager
def container(place, command, bundle, name, runtime):
    """Started in the background, up and running; removed at the end."""
    out = os.path.join(bundle, "out")
    try:
        with open(out, "w", encoding="ascii") as f:
            done = subprocess.run([*command, "run", "-d", "--bundle", bundle, name], stdin=subprocess.DEVNULL,
                                  stdout=f, stderr=subprocess.STDOUT, timeout=60, check=False)
        with open(out, encoding="ascii") as f:
            equal(done.returncode, 0, f"run -d: {f.read()}")
        wait_for(lambda: "up\n" in open(out, encoding="ascii").read(), "the container is up")
        yield json.loads(run(*command, "state", name).stdout)["pid"]
    finally:
        run(*place.real(runtime), "delete", "-f", name)


# ---- what is generated ---------------------------------------------------------------------------

def generated(place, trace, *options):
    """(the folder in which the folder "bundle" is, the arguments of its docker-run.args). AppArmor's profile is left out: engines refuse one
    that is not loaded; and so is "network none", as what is tested may have no network but is asked for one."""
    made = place.folder("made")
    done = run(place.whittle, "generate", "-o", "bundle", "--format", "seccomp,caps,docker,compose,kubernetes,quadlet,systemd,notes",
               *options, trace, cwd=made)
    equal(done.returncode, 0, done.stderr)
    with open(os.path.join(made, "bundle", "docker-run.args"), encoding="utf-8") as f:
        lines = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    return made, [line.replace("=bundle/", f"={made}/bundle/") for line in lines if not line.startswith("--network=")]


def fetched(url):
    """A file of the container's, from outside."""
    wait_for(lambda: run("curl", "-sSf", "--noproxy", "*", "--max-time", "5", url).stdout == "service\n", f"{url} serves")


# ---- Docker --------------------------------------------------------------------------------------

class Docker:
    """An engine of its own, with whittle installed while it was running."""
    tool = "docker"

    def __init__(self, place, *install):
        """@install: options of "runtime install" """
        self.place, self.dir = place, os.path.join(place.top, "docker")
        self.traces, self.config = os.path.join(place.top, "docker-traces"), os.path.join(self.dir, "daemon.json")
        os.mkdir(self.traces)
        os.mkdir(self.dir)
        with open(self.config, "w", encoding="ascii") as f:
            f.write('{\n  "debug": false\n}\n')
        os.environ["DOCKER_HOST"] = f"unix://{self.dir}/sock"
        self.start()
        place.make_image("docker")
        done = run(place.whittle, "runtime", "install", "--config", self.config, "--output", self.traces + "/",
                   *install)
        equal(done.returncode, 0, done.stderr)
        self.reload()
        wait_for(lambda: " whittle" in run("docker", "info", "-f", "{{.Runtimes}}").stdout.replace("map[", " "),
                 "the engine knows the runtime")

    def start(self):
        equal(subprocess.run([ENGINE, "start", self.dir], stdin=subprocess.DEVNULL, timeout=90, check=False)
              .returncode, 0, "engine.sh start")

    def pid(self):
        with open(os.path.join(self.dir, "pid"), encoding="ascii") as f:
            return int(f.read())

    def reload(self):
        os.kill(self.pid(), signal.SIGHUP)

    def stop_daemon(self):
        """It alone, as an upgrade would."""
        pid = self.pid()
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the engine ends")

    def run(self, *argv, runtime="whittle", script=SPEAK, **kwargs):
        return run("docker", "run", "--network", "none", "--runtime", runtime, *argv, "busybox:1", "/bin/sh", "-c",
                   script, **kwargs)

    def serve(self, name, *argv):
        done = self.run("-d", "--name", name, *argv, script=SERVE)
        equal(done.returncode, 0, done.stderr)
        wait_for(lambda: "up" in run("docker", "logs", name).stdout, f"{name} is up")
        return int(self.inspect(name, "{{.State.Pid}}"))

    @staticmethod
    def inspect(name, what):
        return run("docker", "inspect", "-f", what, name).stdout.strip()

    def trace_of(self, name):
        """There is one for each start."""
        found = wait_for(lambda: glob.glob(os.path.join(self.traces, f"{name}-busybox_1-*.trace.json")),
                         f"a trace of {name} among {os.listdir(self.traces)}")
        return [harness.load(path) for path in sorted(found)]

    def close(self):
        run(ENGINE, "stop", self.dir)


# ---- Podman --------------------------------------------------------------------------------------

class Podman:
    tool = "podman"

    def __init__(self, place):
        self.place, self.dir = place, os.path.join(place.top, "podman")
        self.command = ["podman", *(f"--{k}={self.dir}/{k}" for k in ("root", "runroot", "tmpdir")),
                        "--cgroup-manager=cgroupfs", "--events-backend=none"]
        place.make_image(*self.command)

    def run(self, before, *argv, script=SPEAK):
        return run(*self.command, *before, "run", "--network", "none", "--pids-limit", "-1", "--ulimit", "nofile=1024:4096", "--ulimit",
                   "nproc=4096:4096", *argv, "busybox:1",
                   "/bin/sh", "-c", script)

    def close(self):
        run(*self.command, "rm", "-fa", "-t", "1")
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            points = [line.split()[4] for line in f]
        for point in sorted((p for p in points if p.startswith(self.dir + "/")), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)


def podman_shown(podman, started, name):
    """shown() of a container that was started in the background with that name, and is removed. In the foreground Podman may lose what is
    said by one that ends at once. @podman: runs it with these arguments"""
    equal(started.returncode, 0, started.stderr)
    status, logs = podman("wait", name).stdout.strip(), podman("logs", name)
    podman("rm", "-f", name)
    return int(status), logs.stdout, logs.stderr


# ---- all -----------------------------------------------------------------------------------------

def attempt(options, results, name, function, *args):
    if not harness.wanted(options, name):
        return
    try:
        function(*args)
        results.say(name)
    except (Wrong, OSError, KeyError, IndexError, ValueError, subprocess.SubprocessError) as why:
        results.say(name, [f"{type(why).__name__}: {why}" if not isinstance(why, Wrong) else
                           str(why).replace("\n", "\\n")])


def with_engine(options, results, engine, place, cases):
    prefix = engine.__name__.lower()
    cases = [(f"{prefix}/{f.__name__.removeprefix(prefix + '_')}", f) for f in cases]
    if not shutil.which(engine.tool) or not any(harness.wanted(options, name) for name, _ in cases):
        return
    started = None
    try:
        started = engine(place)
    except Wrong as why:
        results.say(prefix + "/start", [str(why)])
    for name, function in cases if started else ():
        attempt(options, results, name, function, started)
    if started:
        started.close()


def left_behind(whittle):
    found = []
    for exe in glob.glob("/proc/[0-9]*/exe"):
        with contextlib.suppress(OSError):
            if os.readlink(exe) == whittle:
                found.append(exe)
    return found


def nothing_left(options):
    wait_for(lambda: not left_behind(os.path.realpath(options.whittle)), "all recorders end")


def unify_cgroups():
    """crun and Podman refuse the hybrid layout."""
    if subprocess.run(["stat", "-f", "-c", "%T", "/sys/fs/cgroup"], stdout=subprocess.PIPE, check=True).stdout \
            != b"cgroup2fs\n":
        subprocess.run(["umount", "-R", "/sys/fs/cgroup"], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=True)
