# SPDX-License-Identifier: Apache-2.0
"""The real Docker and Podman, each of its own: beside any other one, and gone afterwards."""
import contextlib
import json
import os
import shlex
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ENGINE_SH = os.path.join(harness.TESTS, "docker", "engine.sh")


HAS_APPARMOR = os.path.isdir("/sys/kernel/security/apparmor")


class Failed(Exception):
    """Something that should have worked did not: why."""


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


class Engine:
    """@tool: the command line up to its own options. All containers have nothing but loopback."""
    name = image_prefix = ""
    tool, env = (), None
    run_options = ("--network", "none")
    recording = ()  # options of "run" with which a container is recorded …
    recorder = None  # … by this one

    def __init__(self, top):
        self.top = os.path.join(top, self.name)
        os.makedirs(self.top, exist_ok=True)

    def run(self, *args, cwd=None, timeout=60, check=True):
        """What it printed. Raises Failed if it did not exit with 0."""
        done = subprocess.run([*self.tool, *args], cwd=cwd, env=self.env, timeout=timeout, capture_output=True, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            raise Failed(f"{self.name} {args[0]}: exit {done.returncode}: {last_line(done.stderr or done.stdout)}")
        return done.stdout.strip()

    def load_image(self, service, tarball):
        """What a Dockerfile would say of it comes as options of "import"."""
        changes = ["ENTRYPOINT " + json.dumps(service.entrypoint), "ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        self.run("import", *[word for change in changes for word in ("--change", change)], tarball, self.image(service),
                 timeout=120)

    def image(self, service):
        return f"{self.image_prefix}whittle-proof-{service.name}:1"

    def health_options(self, service):
        return ["--health-cmd", service.health, "--health-interval", "1s", "--health-timeout", "10s"]

    @contextlib.contextmanager
    def container(self, service, name, *options, cwd=None):
        """A started container, gone afterwards. Gives a Container."""
        try:
            self.run("run", "-d", "--name", name, *self.run_options, *self.health_options(service), *options,
                     self.image(service), cwd=cwd)
            yield Container(self, service, name)
        finally:
            self.run("rm", "-f", name, check=False)

    def confinement(self, bundle_folder):
        """The arguments of docker-run.args, but for ports, which would be published through a bridge; and Podman refuses the name of
        a profile where the kernel has no AppArmor."""
        with open(os.path.join(bundle_folder, "bundle", "docker-run.args"), encoding="utf-8") as f:
            lines = [line.strip() for line in f if line.strip() and not line.startswith("#")]
        without = ("--publish=",) if HAS_APPARMOR else ("--publish=", "--security-opt=apparmor=")
        return [line for line in lines if not line.startswith(without)]


class Container:
    def __init__(self, engine, service, name):
        self.engine, self.service, self.name = engine, service, name

    def inspect(self, what):
        return self.engine.run("inspect", "-f", "{{" + what + "}}", self.name)

    def logs(self):
        done = subprocess.run([*self.engine.tool, "logs", self.name], env=self.engine.env, capture_output=True, text=True,
                              errors="replace", timeout=30, check=False)
        return last_line(done.stdout + done.stderr)

    def inside(self, *command, timeout=90):
        """A command of this machine's in the container's network."""
        pid = self.inspect(".State.Pid")
        if pid == "0":
            raise Failed(f"it has ended: {self.logs()}")
        return subprocess.run(["nsenter", "--target", pid, "--net", *command], timeout=timeout, capture_output=True,
                              text=True, errors="replace", stdin=subprocess.DEVNULL, check=False,
                              env=harness.environment(WHITTLE_SAMPLE_TIMEOUT="8"))

    def wait_ready(self, seconds=20):
        end = time.monotonic() + seconds
        probe = f": </dev/tcp/127.0.0.1/{self.service.port}"
        while self.inside("timeout", "2", "bash", "-c", probe).returncode != 0:
            if time.monotonic() > end:
                raise Failed(f"it was not ready within {seconds} s: {self.logs()}")
            time.sleep(0.05)

    def wait_serving(self, seconds=20):
        """Until what the health check executes says so."""
        end = time.monotonic() + seconds
        self.wait_ready()
        while True:
            try:
                return self.execute(self.service.health)
            except Failed:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def serve(self):
        """The load of the sample: raises Failed if it is not served."""
        self.wait_ready()
        done = self.inside(*self.service.load)
        if done.returncode != 0:
            raise Failed(f"load: {last_line(done.stderr or done.stdout)}; {self.logs()}")

    def execute(self, command):
        """docker exec."""
        return self.engine.run("exec", self.name, *shlex.split(command))

    def wait_healthy(self, seconds=20):
        """As the engine finds by itself, or when asked to."""
        end = time.monotonic() + seconds
        while True:
            state = self.health()
            if state == "healthy":
                return
            if time.monotonic() > end:
                raise Failed(f"its health check: {state} after {seconds} s")
            time.sleep(0.1)

    def health(self):
        return self.inspect(".State.Health.Status")

    def stop(self):
        """Its exit status after SIGTERM."""
        self.engine.run("stop", "-t", "20", self.name, timeout=60)
        return int(self.inspect(".State.ExitCode"))


class Docker(Engine):
    name = "docker"

    def __init__(self, top):
        super().__init__(top)
        self.folder = os.path.join(self.top, "e")
        self.tool = ("docker", "--host", f"unix://{self.folder}/sock")

    def __enter__(self):
        # A file, not a pipe: the engine it leaves behind would hold the pipe open.
        with open(os.path.join(self.top, "start.log"), "w+", encoding="utf-8", errors="replace") as log:
            done = subprocess.run([ENGINE_SH, "start", self.folder], timeout=60, stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log, check=False)
            log.seek(0)
            if done.returncode != 0:
                raise Failed(f"no engine: {last_line(log.read())}")
        return self

    def __exit__(self, *_):
        subprocess.run([ENGINE_SH, "stop", self.folder], timeout=90, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


class PodmanContainer(Container):
    def health(self):
        """Its timer is systemd's, which need not be there."""
        done = subprocess.run([*self.engine.tool, "healthcheck", "run", self.name], capture_output=True, text=True,
                              timeout=30, check=False)
        return "healthy" if done.returncode == 0 else last_line(done.stdout + done.stderr)


class Podman(Engine):
    name, image_prefix = "podman", "localhost/"
    # Limits that it may set wherever the tests run; a pod wants soft and hard ones equal.
    # And low ports for everyone, as Docker has it in a container's own network.
    configuration = ('[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
                     'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=0"]\n')

    def __init__(self, top, *options):
        super().__init__(top)
        self.tool = ("podman", "--root", self.top + "/root", "--runroot", self.top + "/run", "--tmpdir", self.top + "/tmp",
                     "--cgroup-manager", "cgroupfs", "--runtime", "runc", "--events-backend", "none", *options)
        configuration = os.path.join(self.top, "containers.conf")
        with open(configuration, "w", encoding="utf-8") as f:
            f.write(self.configuration)
        self.env = dict(os.environ, CONTAINERS_CONF=configuration)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run("rm", "-f", "-a", check=False)
        # It leaves a mount of its own.
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            points = [line.split()[4] for line in f]
        for point in sorted((p for p in points if p.startswith(self.top + "/")), reverse=True):
            subprocess.run(["umount", "-l", point], check=False, timeout=30)

    @contextlib.contextmanager
    def container(self, service, name, *options, cwd=None):
        with super().container(service, name, *options, cwd=cwd) as made:
            yield PodmanContainer(self, service, made.name)

    @contextlib.contextmanager
    def pod(self, service, pod, seccomp_root):
        """What "kube play" makes of it. Gives the Container."""
        path = os.path.join(seccomp_root, "pod.yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(pod, f)  # JSON is YAML
        name = f"{pod['metadata']['name']}-{pod['spec']['containers'][0]['name']}"
        try:
            self.run("kube", "play", "--network", "none", "--seccomp-profile-root", seccomp_root, path, timeout=120)
            yield PodmanContainer(self, service, name)
        finally:
            self.run("kube", "down", path, check=False)
