# SPDX-License-Identifier: Apache-2.0
"""whittle verify: passing, naming what is missing, enforcing, cleaning up, leaving out."""
import glob
import json
import os
import re
import socket
import subprocess
import time

from kit import WHITTLE, case, check, equal, put_files, whittle


def make_bundle(tmp, *command):
    """Record the command and generate its bundle."""
    done = whittle("record", "-o", "t.json", "--", *command, cwd=tmp)
    equal(done.returncode, 0, "record: %s" % done.stderr.decode())
    done = whittle("generate", "--allow-gaps", "-o", "b", "t.json", cwd=tmp)
    equal(done.returncode, 0, "generate: %s" % done.stderr.decode())


@case
def verify_passes(tmp):
    make_bundle(tmp, "sh", "-ec", "echo hello; cat /etc/passwd >/dev/null")
    done = whittle("verify", "b", "--", "sh", "-ec", "echo hello; cat /etc/passwd >/dev/null", cwd=tmp)
    equal(done.returncode, 0, "exit status")
    check("PASSED in" in done.stdout.decode(), done.stdout.decode())
    # What the service prints is not the result.
    check("hello" not in done.stdout.decode() and b"hello" in done.stderr, "its output went astray")


@case
def verify_names_the_call(tmp):
    """A call that the profile lacks fails it, and is named."""
    make_bundle(tmp, "sh", "-ec", "ls")
    done = whittle("verify", "b", "--", "sh", "-ec", "mkdir -p x; mkdir y; rmdir y", cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 1, "exit status")
    check("FAILED: it exited 1" in text, text)
    check(re.search(r"denied +mkdir \(x86_64\) by /usr/bin/mkdir, \d+ times?, answered with errno EPERM\n"
                    r' +mkdir\("x", 0x1ff\) at libc\.so\.6\+0x[0-9a-f]+\n', text), text)
    check("missing" not in text.split("Recorded with")[0], text)
    # Who does that, and what of it AppArmor would refuse, though this kernel may have none.
    check(re.search(r"refused +mkdir\n +mkdir on x86_64 would be answered with errno EPERM\n"
                    r" +\d+ times?, serving, first by /usr/bin/mkdir\n +libc\.so\.6:mkdir", text.replace("start-up, ", "")), text)
    # A part of the path may be written as a pattern.
    check(re.search(r"refused +owner \S+/%s/y/ w\n +mkdir %s/y/ would be refused" % (os.path.basename(tmp), re.escape(tmp)), text), text)


@case
def verify_names_what_did_not_matter(tmp):
    """What is denied is told of though the service goes on without."""
    make_bundle(tmp, "sh", "-ec", "ls; true")
    done = whittle("verify", "b", "--", "sh", "-ec", "ls; mkdir y || true", cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 0, "exit status")
    check(re.search(r"denied +mkdir \(x86_64\) by /usr/bin/mkdir, 1 time, answered with errno EPERM\n", text), text)
    check(re.search(r"PASSED in [\d.]+ s: the bundle is enough for this load, whatever was denied\n", text), text)
    check(not os.path.exists(os.path.join(tmp, "y")), "mkdir was not denied")


@case
def verify_names_the_capability(tmp):
    """The same calls, but for a capability: it is found by trial, and named."""
    command = "rm -f f; touch f; chown %s f; rm f"
    make_bundle(tmp, "sh", "-ec", command % "0")
    done = whittle("verify", "b", "--", "sh", "-ec", command % "33", cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 1, "exit status")
    equal(re.findall(r"missing +(CAP_\w+)", text), ["CAP_CHOWN"])
    check("denied" not in text, text)
    check(re.search(r"refused +CAP_CHOWN\n +chown %s/f to uid 33 by uid 0 needs CAP_CHOWN\n"
                    r" +1 time, \S+, first by /usr/bin/chown\n" % re.escape(tmp), text), text)


@case
def verify_prepares(tmp):
    """What a trial leaves behind hides what the next one needs, unless --prepare takes it away."""
    make_bundle(tmp, "sh", "-ec", "rm -f f; touch f; chown 0 f")
    service = ["sh", "-ec", '[ "$(stat -c %u f)" = 33 ] || chown 33 f']
    for prepare, want in (([], []), (["--prepare", "rm -f f; touch f"], ["CAP_CHOWN"])):
        with open(os.path.join(tmp, "f"), "w", encoding="utf-8"):
            os.chown(os.path.join(tmp, "f"), 0, 0)
        # stat is no part of what was recorded: only the capability list is in question here.
        with open(os.path.join(tmp, "b/seccomp.json"), "w", encoding="utf-8") as f:
            f.write('{"defaultAction":"SCMP_ACT_ALLOW"}')
        done = whittle("verify", *prepare, "b", "--", *service, cwd=tmp)
        equal(done.returncode, 1, "exit status")
        equal(re.findall(r"missing +(CAP_\w+)", done.stdout.decode()), want)
    done = whittle("verify", "--prepare", "exit 5", "b", "--", *service, cwd=tmp)
    equal((done.returncode, done.stderr.decode()), (2, "whittle verify: --prepare exited 5: exit 5\n"))


@case
def verify_the_floor(tmp):
    """A bundle must let its own runtime pass, which the trial itself does without."""
    make_bundle(tmp, "sh", "-ec", "echo hello")
    done = whittle("verify", "b", "--", "sh", "-ec", "echo hello", cwd=tmp)
    check(re.search(r"runtime +all \d+ system calls of runc itself are allowed\n", done.stdout.decode()), done.stdout.decode())
    path = os.path.join(tmp, "b/seccomp.json")
    with open(path, encoding="utf-8") as f:
        profile = json.load(f)
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name not in ("fstatfs", "epoll_ctl")]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(profile, f)
    done = whittle("verify", "b", "--", "sh", "-ec", "echo hello", cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 1, "exit status")
    check("runc would be denied epoll_ctl fstatfs, which it calls itself" in text, text)
    check("FAILED: the bundle is enough for this load, but not for the runtime" in text, text)


@case
def verify_without_execve(tmp):
    put_files(tmp)
    done = whittle("verify", "b-noexec", "--", "true", cwd=tmp)
    equal(done.returncode, 1, "exit status")
    check("the seccomp profile does not allow execve, with which it starts" in done.stdout.decode(),
          done.stdout.decode())


@case
def verify_knows_when_it_is_not_the_bundle(tmp):
    make_bundle(tmp, "sh", "-c", "exit 0")
    done = whittle("verify", "b", "--", "sh", "-c", "exit 3", cwd=tmp)
    equal(done.returncode, 1, "exit status")
    check("not the bundle: it fails with nothing enforced, too: it exited 3" in done.stdout.decode(),
          done.stdout.decode())


@case
def verify_enforces(tmp):
    """What the service runs under is what was said: the kernel's own account."""
    make_bundle(tmp, "sh", "-ec", "grep -E '^(Cap|Seccomp|NoNewPrivs)' /proc/self/status")
    done = whittle("verify", "b", "--", "sh", "-ec", "grep -E '^(Cap|Seccomp|NoNewPrivs)' /proc/self/status", cwd=tmp)
    status = dict(line.split(":\t") for line in done.stderr.decode().splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        equal(status[name], "0" * 16, name)
    equal(status["Seccomp"], "2")
    equal(status["NoNewPrivs"], "1")
    with open(os.path.join(tmp, "b/capabilities.json"), encoding="utf-8") as f:
        caps = json.load(f)
    caps["add"] = ["CAP_CHOWN", "CAP_KILL"]
    caps.get("profile", {})["no_new_privs"] = False
    with open(os.path.join(tmp, "b/capabilities.json"), "w", encoding="utf-8") as f:
        json.dump(caps, f)
    done = whittle("verify", "b", "--", "sh", "-ec", "grep -E '^(Cap|Seccomp|NoNewPrivs)' /proc/self/status", cwd=tmp)
    status = dict(line.split(":\t") for line in done.stderr.decode().splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd"):
        equal(status[name], "%016x" % (1 << 0 | 1 << 5), name)
    equal((status["Seccomp"], status["NoNewPrivs"]), ("2", "0"))


SERVER = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'hi')
        if self.path == '/x': open(sys.argv[1] + '/made', 'x').close()
s = http.server.HTTPServer(('127.0.0.1', int(sys.argv[2])), H)
s.serve_forever()
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processes_with(word):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                if word.encode() in f.read():
                    found.append(path)
        except OSError:
            pass
    return found


@case
def verify_drives_a_service(tmp):
    """Ready, load, stop; a failing load; nothing is left running."""
    port = free_port()
    service = ["/usr/bin/python3", "-c", SERVER, tmp, str(port)]
    drive = ["--ready", "tcp:127.0.0.1:%d" % port, "--load", "curl -sf http://127.0.0.1:%d/" % port]
    done = whittle("record", "-o", "t.json", *drive, "--", *service, cwd=tmp)
    equal(done.returncode, 0, "record: %s" % done.stderr.decode())
    equal(whittle("generate", "--allow-gaps", "-o", "b", "t.json", cwd=tmp).returncode, 0, "generate")
    done = whittle("verify", *drive, "b", "--", *service, cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 0, "exit status: %s %s" % (text, done.stderr.decode()))
    check(re.search(r"ready +yes\n +load +exited 0\n", text), text)
    done = whittle("verify", *drive[:2], "--load", "exit 7", "b", "--", *service, cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 1, "exit status")
    check("FAILED: the load exited 7" in text and "not the bundle" in text, text)
    done = whittle("verify", "--timeout", "1", "--ready", "tcp:127.0.0.1:%d" % free_port(), "b", "--", *service, cwd=tmp)
    check("FAILED: it was not ready (tcp:127.0.0.1:" in done.stdout.decode(), done.stdout.decode())
    equal(processes_with(tmp), [], "left running")


@case
def verify_leaves_nothing(tmp):
    """Daemons, background jobs and a load that hangs are gone afterwards, after an interrupt too."""
    make_bundle(tmp, "sh", "-c", "setsid sleep 0.1 & sleep 0.2; setsid -f sleep 0.1; true")
    tag = "%d" % (100000 + os.getpid())
    done = whittle("verify", "b", "--", "sh", "-c", "setsid sleep %s & sleep 0.2; setsid -f sleep %s; true" % (tag, tag),
                   cwd=tmp)
    equal(done.returncode, 0, "exit status: %s" % done.stdout.decode())
    equal(processes_with(tag), [], "left running")
    child = subprocess.Popen([WHITTLE, "verify", "--ready", "delay:0.1", "--load", "sleep %s" % tag, "b", "--", "sh", "-c",
                              "setsid sleep %s & sleep %s" % (tag, tag)], cwd=tmp, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while len(processes_with("sleep\0" + tag)) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    child.send_signal(2)
    _, err = child.communicate(timeout=30)
    equal(child.returncode, 2, "exit status")
    equal(err.decode().splitlines()[-1], "whittle verify: interrupted; nothing is left running")
    equal(processes_with(tag), [], "left running after the interrupt")
