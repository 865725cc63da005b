#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Is what a recording calls required or likely really needed, and is it enough? Each action is recorded with all
capabilities, then run for real: with exactly those that the recording suggests it must work, and
without any one of them it must fail. setpriv takes them from the bounding set, so root has none more."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

WHITTLE = os.environ["WHITTLE"]
ENGINE = ["--engine", os.environ["WH_ENGINE"]] if os.environ.get("WH_ENGINE") else []
OTHER = 33


def free_port(below):
    for port in range(below - 1, 200, -1):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit("no free port")


def own(path, uid=OTHER, gid=OTHER, mode=None):
    if mode is not None:
        os.chmod(path, mode)
    os.chown(path, uid, gid)
    return path


def write(path, text="x\n", **how):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return own(path, **how) if how else path


def setup(folder):
    """What the actions work on; made anew for each run."""
    os.chmod(folder, 0o755)
    write(f"{folder}/secret", uid=OTHER, mode=0o600)
    write(f"{folder}/theirs", uid=OTHER, mode=0o644)
    write(f"{folder}/mine")
    for name, mode in (("closed", 0o700), ("open", 0o777), ("sticky", 0o1777)):
        os.mkdir(f"{folder}/{name}")
        write(f"{folder}/{name}/f", uid=44)
        own(f"{folder}/{name}", mode=mode)
    os.mkdir(f"{folder}/root")
    port = PORT
    write(f"{folder}/nginx.conf", f"""user www-data; worker_processes 1; pid {folder}/pid; daemon off;
error_log {folder}/error.log; events {{}}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
server {{ listen 127.0.0.1:{port}; location / {{ return 200 hello; }} }} }}
""")
    write(f"{folder}/error.log", "", uid=OTHER, mode=0o640)
    # Start the real thing, ask it once, stop it: its exit status is the answer's.
    write(f"{folder}/serve.py", f"""import socket, subprocess, sys, time
p = subprocess.Popen(["nginx", "-c", "{folder}/nginx.conf", "-e", "{folder}/error.log"])
answer, end = b"", time.monotonic() + 15
while time.monotonic() < end:
    time.sleep(0.05)
    if p.poll() is not None:
        break
    try:
        with socket.create_connection(("127.0.0.1", {port}), 2) as s:
            s.settimeout(2)
            s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            while True:
                part = s.recv(4096)
                if not part:
                    break
                answer += part
        break
    except OSError:
        continue
p.terminate()
try:
    p.wait(5)
except subprocess.TimeoutExpired:
    p.kill()
sys.exit(0 if b"hello" in answer else 1)
""")


PORT = free_port(1000)
PY = "/usr/bin/python3"

# name, command (in a folder with the above), capabilities that must be suggested and no others
ACTIONS = [
    ("read", ["cat", "secret"], ["DAC_READ_SEARCH"]),
    ("read-open", ["cat", "theirs"], []),
    ("write", ["dd", "if=/dev/null", "of=theirs", "conv=notrunc"], ["DAC_OVERRIDE"]),
    ("write-own", ["dd", "if=/dev/null", "of=mine", "conv=notrunc"], []),
    ("search", ["stat", "closed/f"], ["DAC_READ_SEARCH"]),
    ("remove", ["rm", "-f", "closed/f"], ["DAC_OVERRIDE"]),
    ("remove-open", ["rm", "-f", "open/f"], []),
    ("remove-sticky", ["rm", "-f", "sticky/f"], ["FOWNER"]),
    ("chown", ["chown", "44", "mine"], ["CHOWN"]),
    ("chown-group", ["chgrp", "0", "mine"], []),
    ("chmod", ["chmod", "600", "theirs"], ["FOWNER"]),
    ("chmod-own", ["chmod", "600", "mine"], []),
    ("times", [PY, "-c", "import os; os.utime('theirs', (1, 1))"], ["FOWNER"]),
    ("times-own", [PY, "-c", "import os; os.utime('mine', (1, 1))"], []),
    ("copy", ["cp", "-p", "mine", "copied"], []),
    ("mknod", ["mknod", "null", "c", "1", "3"], ["MKNOD"]),
    ("mkfifo", ["mknod", "pipe", "p"], []),
    ("chroot", [PY, "-c", "import os; os.chroot('root')"], ["SYS_CHROOT"]),
    ("setuid", [PY, "-c", "import os; os.setgroups([]); os.setgid(33); os.setuid(33)"],
     ["SETGID", "SETUID"]),
    ("setuid-own", [PY, "-c", "import os; os.setgid(0); os.setuid(0)"], []),
    ("port", [PY, "-c", f"import socket; socket.socket().bind(('127.0.0.1', {PORT}))"],
     ["NET_BIND_SERVICE"]),
    ("port-high", [PY, "-c", "import socket; socket.socket().bind(('127.0.0.1', 0))"], []),
    ("raw", [PY, "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"],
     ["NET_RAW"]),
    ("renice", [PY, "-c", "import os; os.setpriority(os.PRIO_PROCESS, 0, -5)"], ["SYS_NICE"]),
    ("kill", [PY, "-c", """
import os, signal, time
pid = os.fork()
if pid == 0:
    os.setuid(33)
    time.sleep(9)
time.sleep(0.3)
try:
    os.kill(pid, signal.SIGTERM)
except OSError:
    os._exit(1)
os._exit(0 if os.WIFSIGNALED(os.waitpid(pid, 0)[1]) else 1)
"""], ["KILL", "SETUID"]),
    ("unshare", ["unshare", "--mount", "true"], ["SYS_ADMIN"]),
    ("unshare-user", ["unshare", "--user", "--mount", "--propagation", "unchanged", "true"], []),
    ("unshare-root", ["unshare", "--map-root-user", "true"], ["SETFCAP"]),
    ("link-of-other", [PY, "-c", """
import os
(ready, done), (wait, end) = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    os.setuid(33)
    os.close(end)
    os.write(done, b"x")
    os._exit(len(os.read(wait, 1)))
os.close(done)
if os.read(ready, 1) == b"x":
    os.readlink(f"/proc/{pid}/exe")
else:
    os._exit(1)
"""], ["SETUID", "SYS_PTRACE"]),
    ("interface", ["unshare", "--net", "ip", "link", "set", "lo", "up"],
     ["NET_ADMIN", "SYS_ADMIN"]),
    ("audit", [PY, "-c", """
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
s.send(struct.pack("=IHHII", 20, 1005, 5, 1, 0) + b"test")
raise SystemExit(struct.unpack("=i", s.recv(100)[16:20])[0] != 0)
"""], ["AUDIT_WRITE"]),
    ("mount", ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "root"], ["SYS_ADMIN"]),
    ("setcap", ["setcap", "cap_net_raw+ep", "mine"], ["SETFCAP"]),
    ("hostname", ["unshare", "--uts", "hostname", "whittle"], ["SYS_ADMIN"]),
    ("nginx", [PY, "serve.py"],
     ["CHOWN", "DAC_OVERRIDE", "NET_BIND_SERVICE", "SETGID", "SETUID"]),
]


def has_audit():
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9).close()
        return True
    except OSError:
        return False


if not has_audit():
    ACTIONS = [a for a in ACTIONS if a[0] != "audit"]


def in_folder(action):
    folder = tempfile.mkdtemp(prefix="whittle-truth.", dir=os.getcwd())
    try:
        setup(folder)
        return action(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_with(command, caps):
    """Its exit status when root has these capabilities and no others."""
    keep = ",".join(["-all"] + [f"+{c.lower()}" for c in sorted(caps)])
    command = ["setpriv", f"--bounding-set={keep}", "--inh-caps=-all", *command]

    def action(folder):
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            return child.wait(60)
        finally:
            # Workers that a master without its capabilities could not stop, too.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
    return in_folder(action)


def record(command):
    """The capabilities that a recording requires, and its exit status."""
    def action(folder):
        trace = f"{folder}/trace.json"
        done = subprocess.run([WHITTLE, "record", "-o", trace, *ENGINE, "--", *command], cwd=folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=120, check=False)
        if not os.path.exists(trace):
            raise AssertionError("no trace: " + done.stderr.decode(errors="replace")[-300:])
        with open(trace, encoding="utf-8") as f:
            return json.load(f)["caps"], done.returncode
    return in_folder(action)


def needed(caps):
    """What is suggested; not those for which another one that is needed anyway would do."""
    required = [c for c in caps if c["strength"] != "possible" and not c["denied"]]
    firm = {c["cap"] for c in required if not c.get("instead")}
    firm |= {c["cap"] for c in required if c.get("instead") and c["instead"] not in firm}
    return {c[len("CAP_"):] for c in firm}


def check(name, command, expected):
    caps, status = record(command)
    if status != 0:
        return f"it fails while it is recorded: {status}"
    have = needed(caps)
    if have != set(expected):
        words = [e for c in caps for e in c["evidence"]]
        return f"suggested are {sorted(have)}, not {sorted(expected)}: {words}"
    if run_with(command, have) != 0:
        return f"it fails with only {sorted(have)}"
    for cap in sorted(have):
        if run_with(command, have - {cap}) == 0:
            return f"it works without {cap}"
    return None


def main():
    failed = 0
    for tool in ("setpriv", "nginx", "setcap", "unshare"):
        if not shutil.which(tool):
            print(f"not ok {tool}: not installed")
            return 1
    for name, command, expected in ACTIONS:
        try:
            why = check(name, command, expected)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            why = str(error)
        failed += why is not None
        print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
