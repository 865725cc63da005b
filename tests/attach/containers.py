#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Attaches to containers of the real engines by their names, while something is executed in them, and sees that they go on.

usage: containers.py [--whittle FILE] [--build DIR] [--keep] [docker|podman|runc|crun…]
Prints a line a case. Must be root.
"""
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

PAGE = "hello from a container\n"
# Answers until it is told to end; the shell is its init, so that a signal's handler can be seen to run.
SCRIPT = "trap 'kill $!; exit 7' TERM; httpd -f -p 8080 -h /www & wait"


BRIEF, BRIEF_BY_ENGINE = 50, 10


class Wrong(Exception):
    pass


def expect(good, why):
    if not good:
        raise Wrong(why)


def run(*argv, check=True, **kwargs):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, **kwargs)
    expect(not check or done.returncode == 0, f"{' '.join(argv)}: exit status {done.returncode}: {done.stderr[-400:]}")
    return done


def make_root(folder, build):
    root = os.path.join(folder, "root")
    for name in ("bin", "www", "proc", "dev", "sys", "tmp", "etc"):
        os.makedirs(os.path.join(root, name))
    shutil.copy("/bin/busybox", os.path.join(root, "bin"))
    for i in range(BRIEF):
        shutil.copy(os.path.join(build, "attach", "brief"), os.path.join(root, "bin", f"brief{i}"))
    for name in ("sh", "httpd", "wget", "ls", "sleep", "kill"):
        os.symlink("busybox", os.path.join(root, "bin", name))
    with open(os.path.join(root, "www", "index.html"), "w", encoding="utf-8") as f:
        f.write(PAGE)
    run("tar", "-C", root, "-cf", os.path.join(folder, "image.tar"), ".")
    return root


# ---- engines: how each starts a container, executes something in it, and tells how it ended -------

class Docker:
    name, engine = "docker", "docker"

    def __init__(self, folder):
        self.folder, self.command = os.path.join(folder, "e"), ["docker"]
        self.env = dict(os.environ, DOCKER_HOST=f"unix://{self.folder}/sock")
        self.script = os.path.join(os.path.dirname(HERE), "docker", "engine.sh")
        run(self.script, "start", self.folder)
        self.call("import", os.path.join(folder, "image.tar"), "box:1")

    def call(self, *args, **kwargs):
        return run(*self.command, *args, env=self.env, **kwargs)

    def start(self, name):
        self.call("run", "-d", "--name", name, "--network", "none", "box:1", "sh", "-c", SCRIPT)

    def execute(self, name, *args):
        return [*self.command, "exec", name, *args]

    def pid(self, name):
        return int(self.call("inspect", "-f", "{{.State.Pid}}", name).stdout)

    def end(self, name):
        self.call("stop", "-t", "5", name)
        return int(self.call("inspect", "-f", "{{.State.ExitCode}}", name).stdout)

    def close(self):
        run(self.script, "stop", self.folder, check=False)


class Podman(Docker):
    name, engine = "podman", "podman"

    def __init__(self, folder):
        self.env = dict(os.environ)
        # Where whittle asks by name it must find the same ones: so by the environment, not by options.
        storage = os.path.join(folder, "storage.conf")
        with open(storage, "w", encoding="utf-8") as f:
            f.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n')
        self.env["CONTAINERS_STORAGE_CONF"] = storage
        conf = os.path.join(folder, "containers.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "runc"\ntmp_dir = "{folder}/tmp"\n'
                    '[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\npids_limit = 0\n')
        self.env["CONTAINERS_CONF"] = conf
        self.command = ["podman"]
        self.call("import", os.path.join(folder, "image.tar"), "box:1")

    def close(self):
        self.call("rm", "-f", "-a", check=False)


class Runtime:
    """runc or crun, with a bundle and no engine."""
    engine = None

    def __init__(self, folder):
        self.folder, self.env = folder, dict(os.environ)
        run(self.name, "spec", cwd=folder)
        config = harness.load(os.path.join(folder, "config.json"))
        config["process"].update(terminal=False, args=["sh", "-c", SCRIPT])
        config["process"]["env"] = ["PATH=/bin"]
        config["root"] = {"path": "root", "readonly": False}
        config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"]
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "cgroup"]
        config["linux"].pop("resources", None)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        self.container = None

    def start(self, name):
        self.container = subprocess.Popen([self.name, "run", "-b", self.folder, name], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def execute(self, name, *args):
        return [self.name, "exec", name, *args]

    def pid(self, name):
        return json.loads(run(self.name, "state", name).stdout)["pid"]

    def end(self, name):
        run(self.name, "kill", name, "TERM")
        return self.container.wait(20)

    def close(self):
        run(self.name, "delete", "-f", "whittle-attach-test", check=False)
        if self.container:
            self.container.kill()
            self.container.wait()


class Runc(Runtime):
    name = "runc"


class Crun(Runtime):
    name = "crun"


# ---- the case ------------------------------------------------------------------------------------

def fetch(engine, name):
    return subprocess.run(engine.execute(name, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"), env=engine.env,
                          capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


def fetch_slowly(engine, name):
    """By one that is there for long enough to be noticed."""
    return run(*engine.execute(name, "sh", "-c", "sleep 0.5; wget -q -O - http://127.0.0.1:8080/"), env=engine.env)


def serves(engine, name):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        done = fetch(engine, name)
        if done.stdout == PAGE:
            return
        time.sleep(0.1)
    raise Wrong(f"it does not serve: {done.stderr}")


def check_trace(engine, name, trace):
    described = trace["runs"][0]
    expect(described["attached"] and described["outcome"] == "left running at SIGTERM", f"run {described}")
    expect(described["name"] == name and described.get("container_engine") == engine.engine, f"run {described}")
    expect(described["argv"] == ["sh", "-c", SCRIPT], f"argv {described['argv']}")
    if engine.engine:
        expect(described["container_name"] == name and "box:1" in described["container_image"], f"run {described}")
        expect(len(described["container_id"]) == 64, f"run {described}")
    kinds = {g["kind"] for g in trace["gaps"]}
    expect("attached" in kinds and kinds <= {"attached", "joined-late", "unjoined"}, f"gaps {trace['gaps']}")
    check_brief(trace)
    calls = {s["name"]: s["phases"] for s in trace["syscalls"]}
    # The server's own are those of serving; what was executed beside it has its own phase.
    expect("serving" in calls.get("accept", calls.get("accept4", [])), f"accept: {calls}")
    expect("exec" in calls.get("connect", []) and "serving" not in calls["connect"], f"connect: {calls}")
    files = {(f["path"], f["access"]): f["phases"] for f in trace["files"]}
    expect(files.get(("/bin/busybox", "exec")), f"files {sorted(files)}")
    expect(files.get(("/www/index.html", "read")) == ["serving"], f"files {files}")
    bound = [s for s in trace["sockets"] if s["op"] == "bind" and s["address"].endswith(":8080")]
    expect(bound and bound[0]["phases"] == ["found"], f"sockets {trace['sockets']}")


def check_brief(trace):
    """Each is there with what it did, or as a gap with its name: none is missing."""
    seen = {e["to"] for e in trace["execs"]}
    missed = {g["detail"] for g in trace["gaps"] if g["kind"] in ("unjoined", "joined-late")}
    lost = [i for i in range(BRIEF) if f"/bin/brief{i}" not in seen | missed]
    expect(not lost, f"of {BRIEF} that ended at once these have left no trace: {lost}: {trace['gaps']}")
    called = [c for c in trace["syscalls"] if c["name"] == "getpriority"]
    expect(called and called[0]["phases"] == ["exec"], f"none was seen from its beginning on: {called}")


def execute_briefly(engine, name):
    """By the engine; and by a program that is in there at once, and gone."""
    for i in range(BRIEF_BY_ENGINE):
        done = run(*engine.execute(name, f"/bin/brief{i}"), env=engine.env, check=False)
        expect(done.returncode == 6, f"what was executed in it exited {done.returncode}: {done.stderr}")
    init = engine.pid(name)
    for i in range(BRIEF_BY_ENGINE, BRIEF):
        done = run("nsenter", "-t", str(init), "-m", "-p", f"/bin/brief{i}", check=False)
        expect(done.returncode == 6, f"what was executed in it exited {done.returncode}: {done.stderr}")


def attach_to(engine, options, folder):
    name, path = "whittle-attach-test", os.path.join(folder, "t.json")
    engine.start(name)
    serves(engine, name)
    whittle = subprocess.Popen([options.whittle, "attach", "-o", path, name], env=engine.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(1.5)
        for _ in range(3):
            done = fetch_slowly(engine, name)
            expect(done.stdout == PAGE, f"it does not serve while it is attached to: {done.stderr}")
        long = run(*engine.execute(name, "sh", "-c", "sleep 0.5; exit 9"), env=engine.env, check=False)
        expect(long.returncode == 9, f"what was executed in it exited {long.returncode}: {long.stderr}")
        execute_briefly(engine, name)
        whittle.terminate()
        _, said = whittle.communicate(timeout=30)
    finally:
        whittle.kill()
        whittle.wait()
    expect(whittle.returncode == 0, f"exit status {whittle.returncode}: {said}")
    serves(engine, name)
    check_trace(engine, name, harness.load(path))
    status = engine.end(name)
    expect(status == 7, f"it ended with {status}, not as its handler says")
    if engine.engine:
        done = run(options.whittle, "attach", "-o", path, name, env=engine.env, check=False)
        expect(done.returncode == 2 and "does not run" in done.stderr, done.stderr)


def unify():
    """crun and podman want one cgroup hierarchy: in a mount namespace of our own there is that."""
    if "WH_TEST_UNIFIED" not in os.environ:
        script = ("mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"")
        os.environ["WH_TEST_UNIFIED"] = "1"
        os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, *sys.argv])


def main():
    options = harness.parse(harness.parser(__doc__))
    harness.isolate()
    unify()
    results = harness.Results("container-")
    for engine in (Docker, Podman, Runc, Crun):
        if not harness.wanted(options, engine.name):
            continue
        if not shutil.which(engine.name):
            results.skip(engine.name, "it is not installed")
            continue
        with harness.temporary("attach", options.keep, short=True) as top:
            made = None
            try:
                make_root(top, options.build)
                made = engine(top)
                attach_to(made, options, top)
                results.say(engine.name)
            except Wrong as wrong:
                results.say(engine.name, str(wrong).splitlines())
            finally:
                if made:
                    made.close()
                # Podman leaves a mount of its own.
                for line in reversed(open("/proc/self/mountinfo", encoding="utf-8").readlines()):
                    if line.split()[4].startswith(top + "/"):
                        run("umount", "-l", line.split()[4], check=False)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
