# SPDX-License-Identifier: Apache-2.0
"""What is measured: services with their loads, and programs that run by themselves. A measurement is
(figure, work done): the figure is higher when it is faster, the work is in requests or executions."""
import glob
import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import time

from ways import Trouble

CONNECTIONS = 16


def run(argv, limit, **options):
    """The standard output of a command that must succeed."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=limit, text=True, errors="replace", check=False, **options)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{argv[0]} was not done after {limit:.0f} s") from None
    except OSError as error:
        raise Trouble(f"{argv[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise Trouble(f"{argv[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout


def write(path, text):
    """Write a file that services of any user may read."""
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o644)


def as_user(user, argv):
    """What a service manager does for a service that has a user of its own."""
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups", "--inh-caps=-all", *argv]


def number(pattern, text):
    """The number that the pattern finds."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise Trouble(f"no figure in: {text.strip()[-200:]}")
    return float(match.group(1))


class Service:
    """A service on a loopback port: started, warmed up, measured, stopped."""

    figure, work = "requests/s", "requests"
    name, port, tools, packages = "", 0, (), ""

    def __init__(self, options):
        self.options, self.folder = options, ""

    def missing(self):
        """Why it cannot be measured here, or None."""
        lacking = [tool for tool in self.tools if not shutil.which(tool)]
        return f"not installed: {' '.join(lacking)} ({self.packages})" if lacking else None

    def prepare(self, folder):
        """Once: make what it needs in the folder."""
        self.folder = folder

    def path(self, name):
        """A file in its folder."""
        return os.path.join(self.folder, name)

    def argv(self):
        """The service, in the foreground."""
        raise NotImplementedError

    def load(self, seconds):
        """Load it for about so long: (figure, requests). Raises Trouble when it does not serve."""
        raise NotImplementedError

    def wait_ready(self, traced):
        """Until the port takes connections."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            traced.check()
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5):
                    return
            except OSError:
                time.sleep(0.05)
        raise Trouble("not ready after 60 s")

    def measure(self, way):
        """(figure, requests in all, the run)"""
        env = {"PATH": os.environ["PATH"], "HOME": self.folder, "LC_ALL": "C.UTF-8"}
        traced = way.start(self.argv(), self.folder, self.path("log"), self.port, env, self.folder)
        self.wait_ready(traced)
        # The first facts are slow ones; and an engine needs to see what is frequent.
        warm = self.load(self.options.warm)[1] if self.options.warm else 0
        figure, requests = self.load(self.options.seconds)
        traced.stop()
        return figure, warm + requests, traced


class Redis(Service):
    """redis-benchmark takes a number of requests, not a time: as many as fit into the time."""

    name, port, tools, packages = "redis", 6379, ("redis-server", "redis-benchmark"), "redis-server redis-tools"
    about = "redis-benchmark -t set,get -P 1 -c 50"
    client = ["redis-benchmark", "-h", "127.0.0.1", "-t", "set,get", "-P", "1", "-c", "50", "--csv"]

    def argv(self):
        return as_user("redis", ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
                                 "--dir", "/tmp", "--daemonize", "no"])

    def run_client(self, requests):
        """Requests a second, sets and gets together."""
        said = run([*self.client, "-n", str(requests)], 60 + requests / 500)
        rates = [number(rf'^"{test}","([0-9.]+)"', said) for test in ("SET", "GET")]
        if min(rates) <= 0:
            raise Trouble(f"no figure in: {said[-200:]}")
        return 2 / (1 / rates[0] + 1 / rates[1])

    def load(self, seconds):
        rate = self.run_client(1000)
        requests = max(1000, int(rate * seconds / 2))
        return self.run_client(requests), 2 * (requests + 1000)


class Web(Service):
    """What wrk asks for one page over kept connections."""

    connections, page = CONNECTIONS, "/"

    def load(self, seconds):
        seconds = max(1, round(seconds))
        said = run(["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "30s",
                    f"http://127.0.0.1:{self.port}{self.page}"], seconds + 60)
        # Its exit status says nothing of what was answered.
        if "Non-2xx" in said or "Socket errors" in said:
            raise Trouble(f"wrk: {said.strip()[-300:]}")
        return number(r"^Requests/sec: +([0-9.]+)", said), int(number(r"^ *([0-9]+) requests in", said))


PAGE = "<!doctype html>\n<title>bench</title>\n" + "<p>A page of a static site.\n" * 20


class Nginx(Web):
    """One static file, opened anew for each request. Asked for the folder, nginx looks for its index first:
    one call with a path more."""

    port, tools, packages = 80, ("nginx", "wrk"), "nginx-light wrk"

    def __init__(self, options, workers, index=False):
        super().__init__(options)
        self.workers, self.connections = workers, CONNECTIONS * workers
        self.name = f"nginx{workers}" + "-index" * index
        self.page = "/" if index else "/index.html"
        self.about = (f"{workers} worker{'s'[: workers > 1]}, wrk -c{self.connections}, a static file opened each time"
                      + ", asked for by its folder" * index)

    def prepare(self, folder):
        super().prepare(folder)
        os.mkdir(self.path("html"))
        write(self.path("html/index.html"), PAGE)
        temporary = "".join(f"\t{kind}_temp_path {folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # reuseport: else one worker may get all of the few connections, by chance.
        write(self.path("nginx.conf"), f"""user www-data;
worker_processes {self.workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{
\tworker_connections 512;
}}
http {{
\taccess_log off;
\tsendfile on;
\topen_file_cache off;
\tkeepalive_timeout 300;
\tkeepalive_requests 100000000;
{temporary}\tserver {{
\t\tlisten 127.0.0.1:{self.port}{" reuseport" if self.workers > 1 else ""};
\t\troot {folder}/html;
\t}}
}}
""")

    def argv(self):
        return ["nginx", "-c", self.path("nginx.conf")]


class Caddy(Web):
    """A web service in Go."""

    port, tools, packages = 8081, ("caddy", "wrk"), "caddy wrk"

    def __init__(self, options, files):
        super().__init__(options)
        self.name, self.files = "caddy-files" if files else "caddy", files
        self.about = f"Go; wrk -c{CONNECTIONS}, " + ("a static file" if files else "an answer of its own")

    def prepare(self, folder):
        super().prepare(folder)
        os.mkdir(self.path("html"))
        write(self.path("html/index.html"), PAGE)
        answer = f"root * {folder}/html\n\tfile_server" if self.files else 'respond "hello, world"'
        write(self.path("Caddyfile"), f"""{{
\tadmin off
\tauto_https off
}}
http://127.0.0.1:{self.port} {{
\t{answer}
}}
""")

    def argv(self):
        return as_user("nobody", ["env", "HOME=/nonexistent", "caddy", "run", "--adapter", "caddyfile", "--config",
                                  self.path("Caddyfile")])


class Node(Web):
    """A web service in JavaScript."""

    name, port, tools, packages = "node", 3000, ("node", "wrk"), "nodejs wrk"
    about = f"http, wrk -c{CONNECTIONS}"

    def prepare(self, folder):
        super().prepare(folder)
        write(self.path("hello.js"), f"""const http = require("http");
const server = http.createServer((request, response) => response.end("hello, world\\n"));
server.listen({self.port}, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
""")

    def argv(self):
        return as_user("nobody", ["node", self.path("hello.js")])


class Memcached(Service):
    """With four threads; the load is memload.c."""

    name, port, tools, packages = "memcached", 11211, ("memcached",), "memcached"
    about = "-t 4, 50 connections, 9 gets to a set"

    def argv(self):
        return as_user("nobody", ["memcached", "-t", "4", "-l", "127.0.0.1", "-p", str(self.port), "-U", "0"])

    def load(self, seconds):
        said = run([os.path.join(self.options.programs, "memload"), str(self.port), "50", str(seconds)],
                   seconds + 60).split()
        requests, took = int(said[0]), float(said[1])
        return requests / took, requests


class Pgbench(Service):
    """PostgreSQL: SELECTs by primary key."""

    figure, work = "transactions/s", "transactions"
    name, port, packages = "pgbench", 5432, "postgresql"
    about = "-S -c 8"

    def __init__(self, options):
        super().__init__(options)
        # Debian keeps the programs of each version in a folder of its own; the newest one is taken.
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                       key=lambda path: int(re.sub(r"\D", "", path) or 0))
        self.bin = os.path.dirname(found[-1]) if found else "/nonexistent"
        self.tools = (os.path.join(self.bin, "postgres"), os.path.join(self.bin, "pgbench"))

    def command(self, name):
        """One of its programs."""
        return os.path.join(self.bin, name)

    def client(self, name, *arguments, limit=60):
        """Run a client."""
        env = {"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres",
               "PGDATABASE": "postgres", "LC_ALL": "C.UTF-8", "HOME": self.folder}
        return run([self.command(name), *arguments], limit, env=env)

    def prepare(self, folder):
        super().prepare(folder)
        data = self.path("data")
        os.mkdir(data)
        shutil.chown(data, "postgres", "postgres")
        run(as_user("postgres", [self.command("initdb"), "--pgdata", data, "--auth=trust", "--encoding=UTF8",
                                 "--locale=C.UTF-8", "--no-sync"]), 120, cwd="/")
        with open(self.path("log"), "wb") as log:
            server = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        try:
            self.wait_answer(lambda: None)
            self.client("pgbench", "-i", "-q", "-s", "2", limit=120)
        finally:
            server.terminate()
            server.wait(60)

    def argv(self):
        return as_user("postgres", [self.command("postgres"), "-D", self.path("data"), "-p", str(self.port),
                                    "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                                    "-c", "fsync=off", "-c", "autovacuum=off"])

    def wait_answer(self, check):
        """A server that takes connections may still be starting."""
        until = time.monotonic() + 60
        while True:
            check()
            try:
                self.client("psql", "-X", "-q", "-c", "SELECT 1", limit=20)
                return
            except Trouble:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def wait_ready(self, traced):
        self.wait_answer(traced.check)

    def load(self, seconds):
        seconds = max(1, round(seconds))
        said = self.client("pgbench", "-S", "-n", "-c", "8", "-T", str(seconds), limit=seconds + 60)
        return (number(r"^tps = ([0-9.]+)", said),
                int(number(r"^number of transactions actually processed: ([0-9]+)", said)))


class Storm:
    """Processes one after the other, each of which executes a small program."""

    name, figure, work = "storm", "executions/s", "executions"
    # So much of the time is the kernel's own that native says little: what counts is how others fare.
    against = "strace"

    def __init__(self, options):
        self.options, self.folder = options, ""
        self.about = f"{options.storm:,} × fork, vfork or posix_spawn, and exec of a small program"

    def missing(self):
        """It needs nothing."""
        return None

    def prepare(self, folder):
        """The folder for the result."""
        self.folder = folder

    def measure(self, way):
        """(executions a second, executions in all, the run)"""
        result = os.path.join(self.folder, "result")
        programs, times = self.options.programs, self.options.storm
        traced = way.start([os.path.join(programs, "storm"), str(times), os.path.join(programs, "small"), result],
                           self.folder, os.path.join(self.folder, "log"), None, cwd=self.folder)
        traced.wait(60 + times / 20)
        with open(result, encoding="ascii") as f:
            done, took = f.read().split()
        os.unlink(result)
        return int(done) / float(took), times + times // 20, traced


def all_workloads(options):
    """In the order of the rows."""
    return [Redis(options), Nginx(options, 1), Nginx(options, 2), Nginx(options, 1, True), Memcached(options), Caddy(options, False),
            Caddy(options, True), Pgbench(options), Node(options), Storm(options)]
