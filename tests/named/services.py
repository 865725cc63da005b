# SPDX-License-Identifier: Apache-2.0
"""The cases of run.py: how each is started and driven, what must be in its trace, and how one sees that it served."""
import dataclasses
import glob
import os
import re
import shlex
import shutil
import subprocess
from typing import Callable

import rounds  # in ../equal, where run.py looks

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 18080


@dataclasses.dataclass
class Case:
    """One program.

    @start: (options, folder) -> (command, environment); makes its files
    @wanted: what must be in each of its traces: (kind, {field: value}), where "args" is one tuple of values and "path"
        how it ends
    @load: the words for load.py, with which it is driven; without one it ends of itself, and does the same each time
    @extra: further options of record, by every engine
    @ready: when the load begins, by when it should have nothing left to do: a probe of its port would be accepted in
        either phase, by chance
    @folds: what is another name in each run, and what to call it
    @check: (folder, what whittle and the program said) -> lines that say what was wrong with the service, or left
    """
    start: Callable
    wanted: list
    load: Callable = None
    extra: tuple = ()
    folds: list = ()
    ready: str = "delay:0.7"
    check: Callable = lambda folder, said: lines_with(said, "rror", "anic", "xception", "ERR", "atal", "left behind")

    def options(self, options, folder):
        """For record, besides the engine."""
        if not self.load:
            return list(self.extra)
        words = ["/usr/bin/python3", os.path.join(HERE, "load.py"), *self.load(options)]
        return ["--ready", self.ready.format(folder=folder), "--load", shlex.join(words), *self.extra]


def put(folder, **files):
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)


def lines_with(text, *words):
    """Complaints of a service in what it said."""
    return [f"it said: {line}" for line in text.splitlines() if any(w in line for w in words)]


def ours(name, *arguments):
    return lambda options, folder: ([os.path.join(options.build, "named", name), *arguments], {})


def serving(kind, **where):
    return kind, dict(where, phases="serving")


# ---- programs of ours ----------------------------------------------------------------------------

SLEEPERS = [
    ("syscalls", {"name": "getsid"}), ("syscalls", {"name": "getpgid"}), ("syscalls", {"name": "getpriority"}),
    ("syscalls", {"name": "fcntl", "args": [8]}), ("syscalls", {"name": "fcntl", "args": [16]}),
    ("syscalls", {"name": "fcntl", "args": [3]}), ("syscalls", {"name": "prctl", "args": [30]}),
    ("files", {"path": "/woken-in-epoll", "access": "create"}),
    ("sockets", {"op": "socket", "family": "AF_NETLINK"}), ("sockets", {"op": "accept"})]

LATE = [("syscalls", {"name": name}) for name in ("getsid", "getpgid", "sched_getscheduler", "sched_get_priority_max",
                                                  "sched_get_priority_min")] + \
       [("syscalls", {"name": "ioctl", "args": [request]}) for request in (0x541b, 0x5451, 0x5450, 0x5452, 0x8905)] + \
       [("sockets", {"op": "socket", "family": family}) for family in ("AF_NETLINK", "AF_UNIX", "AF_INET", "AF_PACKET",
                                                                       "AF_INET6")] + \
       [("files", {"path": "/late-" + who, "access": access})
        for who in ("quiet", "busy", "fresh", "forked", "executed") for access in ("create", "unlink")] + \
       [("caps", {"cap": "CAP_NET_RAW"}), ("execs", {})]

WEB = [
    serving("files", path="/served", access="read"), serving("files", path="/late-folder/", access="mkdir"),
    ("execs", {"to": "/usr/bin/cat", "phases": "serving"}), serving("syscalls", name="execve"),
    serving("syscalls", name="rt_sigreturn"), serving("syscalls", name="exit_group")]


def java(options, _):
    return ["/usr/bin/java", "-Xmx64m", "-XX:+UseG1GC", "-XX:-UsePerfData", "-Xshare:auto", "-XX:TieredStopAtLevel=1",
            "-cp", os.path.join(options.build, "named"), "Server", str(PORT)], {}


# ---- services ------------------------------------------------------------------------------------

NGINX = """{extra} pid nginx.pid; error_log error.log; worker_processes 2; user root;
events {{ worker_connections 64; }}
http {{ access_log old.log; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
scgi_temp_path t5; server {{ listen 127.0.0.1:{port}; root html; }} }}
"""


def nginx(extra):
    def start(_, folder):
        os.mkdir(os.path.join(folder, "html"))
        put(folder, **{"nginx.conf": NGINX.format(extra=extra, port=PORT), "html/index.html": "index\n"})
        return ["/usr/sbin/nginx", "-p", folder, "-c", "nginx.conf"], {}
    return start


def nginx_served(folder, _):
    with open(os.path.join(folder, "error.log"), encoding="utf-8") as f:
        wrong = lines_with(f.read(), "[error]", "[crit]", "[alert]", "[emerg]")
    for name in ("old.log", "new.log"):
        if os.path.exists(os.path.join(folder, name)):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                wrong += [f"{name}: {line}" for line in f.read().splitlines() if '" 200 ' not in line]
    return wrong + (["nginx.pid is left behind"] if os.path.exists(os.path.join(folder, "nginx.pid")) else [])


def redis(_, folder):
    return ["/usr/bin/redis-server", "--port", str(PORT), "--bind", "127.0.0.1", "--save", "", "--jemalloc-bg-thread", "no", "--dbfilename",
            "late.rdb", "--dir", folder], {}


def postgres_programs():
    return max(glob.glob("/usr/lib/postgresql/*/bin"))


POSTGRES = f"""listen_addresses = '127.0.0.1'
port = {PORT}
unix_socket_directories = ''
shared_buffers = 16MB
fsync = off
max_connections = 20
autovacuum = off
checkpoint_timeout = 1h
max_parallel_workers = 0
max_parallel_maintenance_workers = 0
log_min_messages = warning
"""


def postgresql(options, folder):
    """A copy of a cluster that is made once for all."""
    made, data = os.path.join(os.path.dirname(folder), "postgresql"), os.path.join(folder, "data")
    with options.lock:
        if not os.path.exists(made):
            os.mkdir(made)
            shutil.chown(made, "postgres", "postgres")
            subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
                            os.path.join(postgres_programs(), "initdb"), f"--pgdata={made}", "--auth=trust",
                            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["cp", "-a", made, data], check=True)
    put(data, **{"postgresql.auto.conf": POSTGRES})
    return ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
            os.path.join(postgres_programs(), "postgres"), "-D", data], {}


def postgresql_served(folder, said):
    # What comes of the backend that was killed is wanted.
    wrong = [line for line in lines_with(said, "ERROR", "FATAL", "PANIC") if "the database system is" not in line]
    return wrong + (["postmaster.pid is left behind"] if os.path.exists(os.path.join(folder, "data/postmaster.pid")) else [])


def memcached(_, _folder):
    return ["/usr/bin/memcached", "-t", "4", "-l", "127.0.0.1", "-p", str(PORT), "-U", "0", "-u", "nobody"], {}


CASES = {
    "sleepers": Case(ours("sleepers"), SLEEPERS),
    "late": Case(ours("late"), LATE),
    "redis-bgsave": Case(redis, [
        ("files", {"path": ".rdb", "access": "rename-from"}), ("files", {"path": "/late.rdb", "access": "rename-to"}),
        serving("syscalls", name="rename"), serving("syscalls", name="write"), serving("syscalls", name="wait4"),
        serving("syscalls", name="exit_group"), serving("files", path=".aof", access="create")],
        load=lambda options: ["redis", str(PORT)], ready="log:Ready to accept connections",
        folds=rounds.MADE_UP["redis"]),
    "nginx-reload": Case(nginx("daemon off;"), [
        serving("files", path="/new.log", access="append"), serving("files", path="/html/late.html", access="read"),
        serving("files", path="/nginx.conf", access="read"), serving("syscalls", name="rt_sigreturn"),
        serving("syscalls", name="exit_group"), serving("syscalls", name="writev")],
        load=lambda options: ["reload", str(PORT)], check=nginx_served),
    "nginx-upgrade": Case(nginx("daemon on;"), [
        serving("files", path="/nginx.pid", access="rename-from"),
        serving("files", path="/nginx.pid.oldbin", access="rename-to"),
        serving("files", path="/nginx.pid", access="create"), serving("files", path="/nginx.pid.oldbin", access="unlink"),
        serving("files", path="/html/late.html", access="read"), serving("execs", to="/usr/sbin/nginx"),
        serving("syscalls", name="execve"), serving("syscalls", name="wait4")],
        load=lambda options: ["upgrade", str(PORT)], check=nginx_served),
    "go": Case(ours("server", f"127.0.0.1:{PORT}"), WEB + [
        serving("files", path="/reloaded", access="create"), ("syscalls", {"name": "tgkill"}),
        ("signals", {"signal": "SIGURG"})],
        load=lambda options: ["go", str(PORT)], ready="file:{folder}/pid"),
    "java": Case(java, WEB, load=lambda options: ["web", str(PORT)], ready="file:{folder}/pid",
                 folds=((re.compile(r"/\.java_pid\d+"), "/.java_pid@{pid}"),)),
    "postgresql": Case(postgresql, [
        serving("files", path="/auto_explain.so", access="read"), serving("files", path="/auto_explain.so", access="mmap-exec"),
        serving("signals", signal="SIGQUIT"), serving("syscalls", name="rt_sigreturn"), serving("syscalls", name="exit_group")],
        load=lambda options: ["postgresql", str(PORT), postgres_programs()], extra=("--no-new-privs",),
        ready="log:ready to accept connections", check=postgresql_served,
        folds=rounds.MADE_UP["postgresql"]),
    "memcached": Case(memcached, [
        serving("syscalls", name="sendmsg"), serving("syscalls", name="read"), serving("syscalls", name="exit_group")],
        load=lambda options: ["memcached", str(PORT)], extra=("--no-new-privs",)),
}
