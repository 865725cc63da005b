# SPDX-License-Identifier: Apache-2.0
"""Small images of six services, made of this machine's own files: the samples as they are installed, and a Go server."""
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "samples")
COMMON = ["/bin/sh", "/bin/busybox", "/usr/bin/setpriv", "/etc/nsswitch.conf", "/usr/lib/locale/C.utf8"]
LINKS = {name: "usr/" + name for name in ("bin", "sbin", "lib", "lib64")}
FOLDERS = {"proc": 0o755, "sys": 0o755, "dev": 0o755, "run": 0o755, "tmp": 0o1777, "var/tmp": 0o1777, "usr/bin": 0o755,
           "usr/sbin": 0o755, "usr/lib": 0o755, "usr/lib64": 0o755, "etc": 0o755}


class Service:
    """What is known of it beforehand.

    @files: programs and folders, whose libraries come along; @size: of the load, as little as it takes
    @health: a command in the image that fails when it does not serve; @needs: calls without which it cannot
    """

    def __init__(self, name, port, files, health, needs, size="1"):
        self.name, self.port, self.files, self.health, self.needs, self.size = name, port, files, health, needs, size

    @property
    def entrypoint(self):
        return ["/server"] if self.name == "go" else [f"/run/whittle-sample-{self.name}/start"]

    @property
    def load(self):
        return [os.path.join(HERE, "go", "load") if self.name == "go" else os.path.join(SAMPLES, self.name, "load"),
                self.size]


def _web(port):
    return f"/bin/busybox wget -q -O /dev/null http://127.0.0.1:{port}/"


SERVICES = [
    Service("nginx", 80, ["/usr/sbin/nginx", "/etc/nginx/mime.types"], _web(80), ["listen", "writev"]),
    Service("redis", 6379, ["/usr/bin/redis-server", "/usr/bin/redis-cli"], "redis-cli ping", ["listen", "accept4"], "500"),
    Service("postgresql", 5432,
            ["/usr/lib/postgresql/*/bin/postgres", "/usr/lib/postgresql/*/bin/pg_isready", "/usr/lib/postgresql/*/lib/[!l]*.so",
             "/usr/share/postgresql", "/usr/share/zoneinfo/Etc", "/usr/share/zoneinfo/UTC"],
            "/run/whittle-sample-postgresql/bin/pg_isready -q -h 127.0.0.1", ["listen", "recvfrom"]),
    Service("node", 3000, ["/usr/bin/node"], _web(3000), ["listen", "accept4"]),
    Service("python", 8000, ["/usr/bin/python3", "/usr/bin/sha256sum", "/usr/lib/python3", "/usr/lib/python3.*"], _web(8000),
            ["listen", "accept4"]),
    Service("go", 8080, [], _web(8080), ["listen", "accept4"]),
]


def _libraries(file):
    """What the loader would load for it; nothing for what is no dynamic ELF file."""
    with open(file, "rb") as f:
        if f.read(4) != b"\x7fELF":
            return []
    said = subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout
    return [word for line in said.splitlines() for word in line.split() if word.startswith("/")]


class Root:
    """A root folder that is being filled."""

    def __init__(self, top):
        self.top, self.done = top, set()
        for name, mode in FOLDERS.items():
            os.makedirs(os.path.join(top, name), exist_ok=True)
            os.chmod(os.path.join(top, name), mode)
        for name, target in LINKS.items():
            os.symlink(target, os.path.join(top, name))
        for path in COMMON:
            self.add(path)
        # The ids of the files are this machine's.
        for name in ("passwd", "group"):
            shutil.copy(os.path.join("/etc", name), os.path.join(top, "etc", name))

    def add(self, path):
        """A file, or a folder with all that is in it; links are kept, and what they lead to comes along."""
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if path in self.done:
            return
        self.done.add(path)
        into = self.top + path
        os.makedirs(os.path.dirname(into), exist_ok=True)
        if os.path.islink(path):
            os.symlink(os.readlink(path), into)
            self.add(os.path.join(os.path.dirname(path), os.readlink(path)))
        elif os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                if name not in ("__pycache__", "test", "idlelib", "dist-packages") and os.path.exists(os.path.join(path, name)):
                    self.add(os.path.join(path, name))
        elif os.path.isfile(path):
            shutil.copy2(path, into)
            if os.access(path, os.X_OK) or ".so" in path:
                for library in _libraries(path):
                    self.add(library)


def _sample(root, service):
    """The sample's folder as an installation leaves it, made in a /run that is only ours."""
    into = f"{root.top}/run/whittle-sample-{service.name}"
    os.mkdir(into, 0o755)
    script = ("mount -t tmpfs -o mode=755 tmpfs /run && \"$1/prepare\" && cp -a \"/run/whittle-sample-$2/.\" \"$3\"")
    subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", os.path.join(SAMPLES, service.name), service.name, into],
                   check=True, timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def build(service, top):
    """The image as a tarball in the folder @top. Returns its path."""
    import glob
    rootfs, tarball = os.path.join(top, "rootfs"), os.path.join(top, service.name + ".tar")
    os.makedirs(rootfs)
    root = Root(rootfs)
    for pattern in service.files:
        for path in sorted(glob.glob(pattern)):
            root.add(path)
    if service.name == "go":
        env = dict(os.environ, CGO_ENABLED="0", GOCACHE=os.path.join(top, "cache"), GOFLAGS="-mod=mod", GO111MODULE="off")
        subprocess.run(["go", "build", "-ldflags", "-s -w", "-o", rootfs + "/server", os.path.join(HERE, "go", "server.go")],
                       check=True, env=env, timeout=300, stdin=subprocess.DEVNULL)
        shutil.rmtree(os.path.join(top, "cache"))
    else:
        _sample(root, service)
    subprocess.run(["tar", "-C", rootfs, "--numeric-owner", "-cf", tarball, "."], check=True, timeout=120)
    shutil.rmtree(rootfs)
    return tarball
