# SPDX-License-Identifier: Apache-2.0
"""Podman of a user without any rights: with sub-ids, a user namespace, and a network that is a process of the user's."""
import os
import shutil
import signal
import subprocess

from bed import SERVE, SPEAK, check, check_trace, equal, fetched, generated, one_trace, phases_of, podman_shown, run, shown, wait_for, wait_traces
import harness

UID = 4242
# Low ports and owners are the container's own: root's in its user namespace.
OWNERS = ("echo www:x:33:33::/:/bin/sh >/etc/passwd; busybox touch /tmp/x && busybox chown 33 /tmp/x && busybox chmod 600 /tmp/x && "
          "cat /tmp/x && cat /etc/of-service >/dev/null && busybox start-stop-daemon -S -c 33:33 -n none -a /bin/id -- -u")
NEEDED = ["CAP_CHOWN", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"]
WEB = "trap 'kill $!; exit 5' TERM; busybox httpd -f -p 8080 -h /etc & echo up; wait"


class Rootless:
    tool = "podman"

    def __init__(self, place):
        self.place, self.top = place, place.folder("u")
        self.home, self.run_dir = self.top + "/home", f"/run/user/{UID}"
        self.mounts = []
        self.make_user()
        with open(self.top + "/containers.conf", "w", encoding="ascii") as f:
            f.write('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')
        self.hooks = place.folder("hooks.d")
        with open(os.path.join(self.hooks, "whittle.json"), "w", encoding="utf-8") as f:
            f.write(run(place.whittle, "hook", "--json", "annotated").stdout)
        self.image = self.top + "/image.tar"
        subprocess.run(["tar", "-C", place.root, "-cf", self.image, "."], check=True)
        done = self.podman("import", self.image, "busybox:1")
        equal(done.returncode, 0, done.stderr)

    def make_user(self):
        """Nobody but we sees it, and the machine's own files stay as they are."""
        for name, line in (("passwd", f"whtest:x:{UID}:{UID}::{self.home}:/bin/sh"), ("group", f"whtest:x:{UID}:"),
                           ("subuid", "whtest:200000:65536"), ("subgid", "whtest:200000:65536")):
            own = f"{self.top}/{name}"
            with open(own, "w", encoding="utf-8") as f:
                with open("/etc/" + name, encoding="utf-8") as there:
                    f.write(there.read() + line + "\n")
            self.mount("--bind", own, "/etc/" + name)
        # A device that not every machine lets its users open.
        tun = self.top + "/tun"
        if os.path.exists("/dev/net/tun"):
            subprocess.run(["cp", "-a", "/dev/net/tun", tun], check=True)
            os.chmod(tun, 0o666)
            self.mount("--bind", tun, "/dev/net/tun")
        os.makedirs(self.run_dir)
        for folder in (self.home, self.run_dir):
            os.makedirs(folder, exist_ok=True)
            os.chown(folder, UID, UID)

    def mount(self, *words):
        subprocess.run(["mount", *words], check=True)
        self.mounts.append(words[-1])

    def user(self, *argv, **env):
        """A command of the user's."""
        return run("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-i", "-C", self.home,
                   "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", f"HOME={self.home}", f"XDG_RUNTIME_DIR={self.run_dir}",
                   f"CONTAINERS_CONF={self.top}/containers.conf", *[f"{k}={v}" for k, v in env.items()], *argv)

    def podman(self, *argv, before=()):
        return self.user("podman", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
                         "--runtime", "crun", *before, *argv)

    def run(self, *argv, before=(), script=SPEAK):
        return self.podman("run", *([] if "--network" in argv else ["--network", "none"]), *argv,
                           "busybox:1", "/bin/sh", "-c", script, before=before)

    def shown(self, name, *argv, **kwargs):
        return podman_shown(self.podman, self.run("-d", "--name", name, *argv, **kwargs), name)

    def traces(self):
        folder = self.place.folder("traces")
        os.chown(folder, UID, UID)
        return folder

    def close(self):
        self.podman("rm", "-f", "-a", "-t", "1")
        # What holds its user namespace.
        pause = self.run_dir + "/libpod/tmp/pause.pid"
        if os.path.exists(pause):
            with open(pause, encoding="ascii") as f:
                os.kill(int(f.read()), signal.SIGKILL)
        for point in reversed(self.mounts):
            subprocess.run(["umount", "-l", point], check=False)
        shutil.rmtree(self.run_dir, ignore_errors=True)


def whole(rootless, before, name, runtime):
    """It shows what it shows without; exec, stop and its trace are right."""
    folder = rootless.traces()
    note = ("--annotation", f"org.whittle.trace={folder}/")
    plain = rootless.shown("plain")
    equal(plain, (7, "to out\n", "to err\n"), "without whittle")
    equal(rootless.shown(name, *note, before=before), plain, "recorded")
    trace = one_trace(folder)
    # The kernel does not let a user hear of all that comes into the container.
    check_trace(trace, "exited 7", runtime, ["unheard"])
    equal({k: trace["runs"][0].get("container_" + k) for k in ("engine", "name", "image")},
          {"engine": "podman", "name": name, "image": "localhost/busybox:1"}, "what it is called")
    done = rootless.run("-d", "--name", name + "-serves", *note, before=before, script=SERVE)
    equal(done.returncode, 0, done.stderr)
    wait_for(lambda: "up" in rootless.podman("logs", name + "-serves").stdout, "it is up")
    equal(shown(rootless.podman("exec", name + "-serves", "cat", "/etc/of-exec", before=before)), (0, "exec\n", ""), "exec")
    equal(rootless.podman("stop", name + "-serves", before=before).returncode, 0, "stop")
    equal(rootless.podman("inspect", "-f", "{{.State.ExitCode}}", name + "-serves").stdout, "5\n", "exit status")
    return next(t for n, t in wait_traces(folder, 2).items() if "-serves" in n)


def rootless_hooks(rootless):
    whole(rootless, ("--hooks-dir", rootless.hooks), "hooked", "crun")


def rootless_runtime(rootless):
    """By the name for engines that take but a path, in front of runc."""
    path = os.path.join(rootless.place.options.build, "whittle-runtime")
    trace = whole(rootless, ("--runtime", path), "wrapped", "runc")
    equal(phases_of(trace, "/etc/of-exec"), ["exec"], "the phase of what was executed later")


def rootless_caps(rootless):
    """Capabilities are those in the container's own user namespace: what was found needed is enough, and each is needed."""
    folder = rootless.traces()
    done = rootless.shown("owners", "--annotation", f"org.whittle.trace={folder}/", before=("--hooks-dir", rootless.hooks),
                          script=OWNERS)
    equal(done, (0, "33\n", ""), "recorded")
    trace = one_trace(folder)
    equal(sorted({c["cap"] for c in trace["caps"] if not c.get("denied") and c["strength"] != "possible"}), NEEDED, "capabilities")
    _, args = generated(rootless.place, os.path.join(folder, os.listdir(folder)[0]))
    equal(sorted("CAP_" + a.partition("=")[2] for a in args if a.startswith("--cap-add=")), NEEDED, "docker-run.args")
    equal(rootless.shown("least", *args, script=OWNERS), (0, "33\n", ""), "under what was generated")
    for cap in NEEDED:
        less = [a for a in args if a != "--cap-add=" + cap.removeprefix("CAP_")]
        check(rootless.run("--rm", *less, script=OWNERS).returncode != 0, f"it works without {cap}, too")


def rootless_record(rootless):
    """whittle record --podman, as the user; and its reason where the container cannot be started."""
    with open(rootless.top + "/containers.conf", "a", encoding="ascii") as f:
        f.write('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "crun"\n')
    config = rootless.home + "/.config/containers"
    rootless.user("mkdir", "-p", config)
    with open(config + "/storage.conf", "w", encoding="ascii") as f:
        f.write('[storage]\ndriver = "vfs"\n')
    trace = rootless.home + "/x.json"

    def record(*command):
        return rootless.user(rootless.place.whittle, "record", "--podman", "-o", trace, "--ready", "log:up", "--load", "true", "--",
                             "--network", "none", "busybox:1", *command)

    done = record("/bin/sh", "-c", SERVE)
    equal((done.returncode, done.stdout), (0, "up\n"), done.stderr)
    only = harness.load(trace)["runs"][0]
    equal((only["outcome"], only["complete"], only["container_engine"]), ("stopped by whittle", True, "podman"), "run")
    check(phases_of(harness.load(trace), "/etc/of-service"), "what the service has read is not in the trace")
    done = record("/bin/absent")
    equal(done.returncode, 2, done.stderr)
    check("/bin/absent" in done.stderr, done.stderr)


def rootless_ports(rootless):
    """A published port, recorded and as it was generated."""
    folder = rootless.traces()
    net = ("--network", "slirp4netns")
    done = rootless.run("-d", "--name", "web", *net, "-p", "18080:8080", "--annotation", f"org.whittle.trace={folder}/",
                        before=("--hooks-dir", rootless.hooks), script=WEB)
    equal(done.returncode, 0, done.stderr)
    fetched("http://127.0.0.1:18080/of-service")
    equal(rootless.podman("stop", "web").returncode, 0, "stop")
    one_trace(folder)
    _, args = generated(rootless.place, os.path.join(folder, os.listdir(folder)[0]))
    check("--publish=8080:8080/tcp" in args, args)
    done = rootless.run("-d", "--name", "again", *net, *args, script=WEB)
    equal(done.returncode, 0, done.stderr)
    fetched("http://127.0.0.1:8080/of-service")
    equal(rootless.podman("stop", "again").returncode, 0, "stop")
    equal(rootless.podman("inspect", "-f", "{{.State.ExitCode}}", "again").stdout, "5\n", "exit status")


CASES = (rootless_hooks, rootless_runtime, rootless_caps, rootless_record, rootless_ports)
