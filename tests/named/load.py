#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The loads of run.py's services: each makes its service hot, and late has it do something new; fails when it does
not serve. In the service's folder; usage: load.py NAME PORT [PROGRAM…]"""
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time


class Wrong(Exception):
    pass


def expect(good, why):
    if not good:
        raise Wrong(why)


def wait_for(condition, what, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        expect(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.02)


def run(*command, timeout=60):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False)
    expect(done.returncode == 0, f"{' '.join(command)}: {done.returncode}: {done.stdout}")
    return done.stdout.strip()


def pid_in(path):
    wait_for(lambda: text_of(path).strip(), path)
    return int(text_of(path).split()[0])


def text_of(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def gone(pid):
    return text_of(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] in ([], ["Z"])


def get(port, path, want):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(client):
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read().decode()
    expect(answer.status == 200 and body.strip() == want, f"{path} answered {answer.status} {body[:80]!r}")


def wrk(port, path):
    said = run("wrk", "-t", "1", "-c", "4", "-d", "1s", f"http://127.0.0.1:{port}{path}")
    expect("Non-2xx" not in said and "Requests/sec" in said, said)


@contextlib.contextmanager
def hammered(port, path, want, threads=2):
    """Meanwhile each request, of a connection of its own, is answered in full."""
    end, failed = threading.Event(), []

    def hammer():
        while not end.is_set():
            try:
                get(port, path, want)
            except (Wrong, OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                return

    workers = [threading.Thread(target=hammer) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        end.set()
        for worker in workers:
            worker.join()
    expect(not failed, f"requests failed: {failed}")


# ---- the services --------------------------------------------------------------------------------

def redis(port):
    """Forks to save between two hot times, and then has something new to do."""
    cli = ("redis-cli", "-p", str(port))

    def benchmark(requests):
        run("redis-benchmark", "-p", str(port), "-q", "-n", str(requests), "-c", "8", "-t", "set,get")

    benchmark(8000)
    run(*cli, "bgsave")
    benchmark(4000)
    wait_for(lambda: "rdb_bgsave_in_progress:0" in run(*cli, "info", "persistence"), "bgsave")
    expect(os.path.getsize("late.rdb") > 0, "late.rdb is empty")
    expect(run(*cli, "config", "set", "appendonly", "yes") == "OK", "appendonly")
    wait_for(lambda: "aof_rewrite_in_progress:0" in run(*cli, "info", "persistence"), "the append-only file")
    expect(run(*cli, "set", "a", "b") == "OK", "set")
    expect("aof_last_write_status:ok" in run(*cli, "info", "persistence"), "the append-only file")


def reload_nginx(port):
    """Gets a configuration with a new path while it serves, and is hot again."""
    wrk(port, "/index.html")
    with hammered(port, "/index.html", "index"):
        conf = text_of("nginx.conf")
        with open("nginx.conf", "w", encoding="utf-8") as f:
            f.write(conf.replace("old.log", "new.log"))
        os.kill(pid_in("nginx.pid"), signal.SIGHUP)
        wait_for(lambda: text_of("new.log"), "new.log")
    with open("html/late.html", "w", encoding="utf-8") as f:
        f.write("late\n")
    get(port, "/late.html", "late")
    with hammered(port, "/index.html", "index"):
        time.sleep(0.5)


def upgrade_nginx(port):
    """Is replaced while it serves: two masters, then one with its workers gone, then none but the new one."""
    old = pid_in("nginx.pid")
    wrk(port, "/index.html")
    with hammered(port, "/index.html", "index"):
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: text_of("nginx.pid.oldbin") and text_of("nginx.pid"), "the new master")
        new = pid_in("nginx.pid")
        workers = text_of(f"/proc/{old}/task/{old}/children").split()
        expect(str(new) in workers, f"the new master {new} is no child of the old one")
        workers.remove(str(new))
        time.sleep(0.5)
        os.kill(old, signal.SIGWINCH)
        wait_for(lambda: all(map(gone, workers)), "the end of the old workers")
        expect(not gone(old) and not gone(new), "a master is gone")
        with open("html/late.html", "w", encoding="utf-8") as f:
            f.write("late\n")
        get(port, "/late.html", "late")
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: gone(old), "the end of the old master")
        time.sleep(0.5)
    expect(text_of("nginx.pid").strip() == str(new), "the new master is not in charge")


def web(port):
    """A server of ours: computes while it is hot, and late has a child, and a folder."""
    get(port, "/", "index")
    wrk(port, "/file")
    with hammered(port, "/file", "file"):
        for _ in range(6):
            get(port, "/busy", "busy")
        get(port, "/late", "file")
    expect(os.path.isdir("late-folder"), "there is no late-folder")


def go(port):
    web(port)
    os.kill(pid_in("pid"), signal.SIGHUP)
    wait_for(lambda: text_of("reloaded") == "reloaded", "the reload")
    get(port, "/", "index")


def postgresql(port, folder):
    """Is queried, reloads a configuration with a new library, and has a backend killed, which restarts all."""
    def program(name, *more):
        return run(os.path.join(folder, name), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", *more)

    def sql(text):
        return program("psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", text, "postgres")

    def bench(*more):
        said = program("pgbench", "-n", "-c", "2", "-j", "2", *more, "postgres")
        expect("number of failed transactions: 0" in said, said)

    def answers():
        try:
            return sql("SELECT 1") == "1"
        except Wrong:
            return False

    wait_for(answers, "an answer")
    program("pgbench", "-i", "-q", "postgres")
    bench("-t", "150")
    with open("data/postgresql.auto.conf", "a", encoding="utf-8") as f:
        f.write("session_preload_libraries = 'auto_explain'\n")
    os.kill(pid_in("data/postmaster.pid"), signal.SIGHUP)
    wait_for(lambda: sql("SHOW session_preload_libraries") == "auto_explain", "the reload")
    bench("-S", "-t", "600")
    # The victim sleeps in a query of its own.
    with subprocess.Popen([os.path.join(folder, "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-X", "-c",
                           "SELECT pg_sleep(60)", "postgres"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as victim:
        find = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"
        wait_for(lambda: sql(find), "the victim")
        os.kill(int(sql(find)), signal.SIGKILL)
        expect(victim.wait(60) != 0, "the query of a backend that is killed did not fail")
    wait_for(answers, "an answer after the crash")
    bench("-S", "-t", "600")
    expect(sql("SELECT count(*) FROM pgbench_accounts") == "100000", "rows are lost")


def memcached(port):
    """All its threads are hot, and late it writes to a connection of which nobody reads, and lets items go."""
    def client(number, rounds):
        with socket.create_connection(("127.0.0.1", port), 60) as s, s.makefile("rb") as answers:
            for i in range(rounds):
                value = f"{number}-{i}"
                s.sendall(f"set k{number} 0 0 {len(value)}\r\n{value}\r\nget k{number}\r\n".encode())
                got = [answers.readline() for _ in range(4)]
                if got[0] != b"STORED\r\n" or got[2] != value.encode() + b"\r\n":
                    failed.append(got)
                    return

    def all_clients(rounds):
        clients = [threading.Thread(target=client, args=(n, rounds)) for n in range(8)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        expect(not failed, f"wrong answers: {failed}")

    def ask(question, end):
        with socket.create_connection(("127.0.0.1", port), 60) as s, s.makefile("rb") as answers:
            s.sendall(question + b"\r\n")
            for line in answers:
                if line.startswith(end):
                    return
            raise Wrong(f"{question}: no {end}")

    failed = []
    all_clients(400)
    ask(b"stats", b"END")
    ask(b"lru_crawler metadump all", b"END")
    all_clients(100)
    ask(b"cache_memlimit 128", b"OK")
    ask(b"flush_all", b"OK")
    ask(b"get k0", b"END")
    all_clients(100)


LOADS = {"redis": redis, "reload": reload_nginx, "upgrade": upgrade_nginx, "web": web, "go": go,
         "postgresql": postgresql, "memcached": memcached}


def listens(port):
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 60):
        return True
    return False


if __name__ == "__main__":
    try:
        wait_for(lambda: listens(int(sys.argv[2])), "its port")
        LOADS[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
    except Wrong as wrong:
        sys.exit(f"load.py: {wrong}")
