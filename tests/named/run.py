#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What engines that look away could miss, by name: threads that sleep while others get hot, a call that turns
hot late, a redis that forks under load, an nginx that reloads under load.

usage: run.py [--whittle FILE] [--build DIR] [--engines LIST] [NAME…]

Prints a line a case: "ok NAME-ENGINE" or "not ok NAME-ENGINE: why". What the late parts do must be in the trace, by
name; a program that does the same each time must also have all of plain's facts (../equal/compare.py). Services do
not: how requests meet is chance. Must be root; goes on in a network namespace of its own.
"""
import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "equal"))
import compare  # noqa: E402

REDIS_PORT, NGINX_PORT = 16379, 18080
NGINX = """daemon off; pid nginx.pid; error_log stderr; worker_processes 2; user root;
events { worker_connections 64; }
http { access_log old.log; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
scgi_temp_path t5; server { listen 127.0.0.1:%d; root html; } }
""" % NGINX_PORT


def sleepers(options, _):
    return [os.path.join(options.build, "named", "sleepers")], []


def redis(_, folder):
    return ["/usr/bin/redis-server", "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "",
            "--dbfilename", "late.rdb", "--dir", folder], \
           ["--ready", f"tcp:127.0.0.1:{REDIS_PORT}",
            "--load", f"{shlex.quote(os.path.join(HERE, 'bgsave'))} {REDIS_PORT}"]


def nginx(_, folder):
    os.mkdir(os.path.join(folder, "html"))
    for name, text in (("nginx.conf", NGINX), ("html/index.html", "index\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    return ["/usr/sbin/nginx", "-p", folder, "-c", "nginx.conf"], \
           ["--ready", f"tcp:127.0.0.1:{NGINX_PORT}",
            "--load", f"{shlex.quote(os.path.join(HERE, 'reload'))} {NGINX_PORT}"]


# Of each: how it is started, whether it is the same each time, and what must be there: (kind, {field: value},
# phase or None); a value of "syscalls args" is a tuple that must be among them.
CASES = {
    "sleepers": (sleepers, True, [
        ("syscalls", {"name": "getsid"}), ("syscalls", {"name": "getpgid"}), ("syscalls", {"name": "getpriority"}),
        ("syscalls", {"name": "fcntl", "args": [8]}), ("syscalls", {"name": "fcntl", "args": [16]}),
        ("syscalls", {"name": "fcntl", "args": [3]}), ("syscalls", {"name": "prctl", "args": [30]}),
        ("files", {"path": "/woken-in-epoll", "access": "create"}),
        ("sockets", {"op": "socket", "family": "AF_NETLINK"}), ("sockets", {"op": "accept"})]),
    "redis-bgsave": (redis, False, [
        ("files", {"path": ".rdb", "access": "rename-from"}), ("files", {"path": "/late.rdb", "access": "rename-to"}),
        ("syscalls", {"name": "rename", "phases": "serving"}), ("syscalls", {"name": "write", "phases": "serving"}),
        ("syscalls", {"name": "wait4", "phases": "serving"}), ("syscalls", {"name": "exit_group", "phases": "serving"}),
        ("files", {"path": ".aof", "access": "create", "phases": "serving"})]),
    "nginx-reload": (nginx, False, [
        ("files", {"path": "/new.log", "access": "append", "phases": "serving"}),
        ("files", {"path": "/html/late.html", "access": "read", "phases": "serving"}),
        ("files", {"path": "/nginx.conf", "access": "read", "phases": "serving"}),
        ("syscalls", {"name": "rt_sigreturn", "phases": "serving"}),
        ("syscalls", {"name": "exit_group", "phases": "serving"}),
        ("syscalls", {"name": "writev", "phases": "serving"})]),
}


def has(fact, where):
    for field, want in where.items():
        have = fact.get(field)
        if field == "args":
            if want not in (have or {}).get("values", []):
                return False
        elif field == "path":
            if not (have or "").endswith(want):
                return False
        elif have != want and not (isinstance(have, list) and want in have):
            return False
    return True


def record(options, name, engine, top):
    """(trace or None, why there is none)"""
    folder, trace = os.path.join(top, "cwd"), os.path.join(top, f"{name}-{engine}.json")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o755)
    command, extra = CASES[name][0](options, folder)
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([options.whittle, "record", "--engine", engine, "-o", trace, *extra, "--", *command],
                                 cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, umask=0o022)
        try:
            status = child.wait(100)
        except subprocess.TimeoutExpired:
            status = "no end in time"
            child.kill()  # its tracees die with it
            child.wait()
        out.seek(0)
        said = out.read()[-1500:]
    if status != 0:
        return None, f"whittle's exit status: {status}\n{said}"
    with open(trace, encoding="utf-8") as f:
        return json.load(f), None


def run_case(options, name, top):
    _, steady, wanted = CASES[name]
    failed, reference = False, None
    if steady:
        reference, _ = record(options, name, "plain", top)
    for engine in options.engines.split(","):
        trace, why = record(options, name, engine, top)
        lines = why.splitlines() if why else []
        if trace:
            lines += [f"missing {kind}: {json.dumps(where)}" for kind, where in wanted
                      if not any(has(f, where) for f in trace[kind])]
            if steady:
                lines += compare.compare(reference, trace) if reference else ["there is no reference"]
        for line in lines[1:30]:
            print("  " + line)
        print(f"not ok {name}-{engine}: {lines[0]}" if lines else f"ok {name}-{engine}", flush=True)
        failed = failed or bool(lines)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whittle", default=os.environ.get("WHITTLE"))
    parser.add_argument("--build", default=os.environ.get("WH_BUILD"))
    parser.add_argument("--engines", default=os.environ.get("WH_ENGINES", "plain"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not options.build or os.getuid() != 0:
        parser.error("must be root, with --build or WH_BUILD")
    options.build = os.path.abspath(options.build)
    options.whittle = os.path.abspath(options.whittle or os.path.join(options.build, "whittle"))
    if "WH_NAMED_INSIDE" not in os.environ:
        env = dict(os.environ, WH_NAMED_INSIDE="1", PYTHONDONTWRITEBYTECODE="1")
        os.execvpe("unshare", ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", sys.executable,
                               os.path.abspath(__file__), *sys.argv[1:]], env)
    top, failed = tempfile.mkdtemp(prefix="whittle-named."), False
    os.chmod(top, 0o755)
    try:
        for name in CASES:
            if not options.names or any(n in name for n in options.names):
                failed = run_case(options, name, top) or failed
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
