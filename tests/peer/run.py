#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what whittle records with what two others see of the same programs.

The kernel: in the very same run, its raw_syscalls tracepoint counts the calls of the recorded tree
(kernel.bt, by bpftrace; counted in the kernel, so nothing is lost). Each call whittle counted must be
counted as often by the kernel and the other way round, with the names of the kernel's own headers.
For the services of samples/ under their load, for everyday programs, and for the live test programs.

strace: only one can trace at a time, so each everyday program runs once under each, in the same fresh
folder; the files opened, as both see them resolved, the programs executed and the calls made must be
the same sets. Where two runs of a program differ by themselves, further rounds are added on both sides,
up to ROUNDS, until the unions agree.

What was tried for the first and not taken: ftrace's own trace buffer loses events under load; hist
triggers count without loss but are not configured in common kernels.

usage: [WHITTLE=FILE] [WH_BUILD=DIR] run.py [NAME…]; must be root.
"""
import json
import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import harness  # noqa: E402

ROUNDS = 5
SERVICES = ("nginx", "redis", "postgresql", "python", "node")
ENTRY = ("x86_64", 59)  # execve
HEADERS = {"x86_64": "unistd_64.h", "i386": "unistd_32.h"}

# Everyday programs: name, and a command for sh that is the entrypoint's only argument.
PROGRAMS = {
    "ls": "exec ls -la /etc",
    "pipeline": "sort /etc/passwd | tee copy | uniq -c | wc -l > out; cat < out",
    "background": "for i in 1 2 3; do (echo $i > f$i) & done; wait; cat f1 f2 f3; kill -0 $$",
    "coreutils": "mkdir -p a/b; cp -a /etc/hostname a/b/; ln -s hostname a/b/l; ln a/b/hostname a/h; "
                 "mv a/b c; chmod 600 c/hostname; touch -d @0 c/l; mkfifo p; stat -f .; "
                 "dd if=/dev/zero of=z bs=4k count=3; truncate -s 1 z; rm -r a c; df . ; id; date",
    "find": "exec find /etc/apt /etc/ssl -type f -name '*.conf' -exec head -n 1 {} +",
    "xargs": "seq 20 | xargs -n 1 -P 4 sh -c 'echo $0 > x$0'; ls",
    "tar": "tar -C /etc -czf t.tar.gz apt dpkg passwd && mkdir x && tar -C x -xf t.tar.gz && ls -R x",
    "perl": "exec perl -MPOSIX -MFile::Find -e 'find(sub {}, \"/etc/apt\"); print strftime(\"%F\", gmtime(0))'",
    "python": "exec /usr/bin/python3 -c 'import json, sqlite3, ssl, subprocess; "
              "sqlite3.connect(\"d.db\").execute(\"create table t(a)\"); "
              "print(subprocess.run([\"true\"]).returncode)'",
    "git": "d=2000-01-01T00:00:00Z; export HOME=$PWD GIT_AUTHOR_DATE=$d GIT_COMMITTER_DATE=$d; git init -q r && cd r && echo a > a && git add a && "
           "git -c user.name=n -c user.email=e commit -q -m m && git status --short && git log --oneline",
    "apt": "exec apt-config dump",
    "dpkg": "exec dpkg-query -W bash coreutils",
    "ssh-keygen": "exec ssh-keygen -q -t ed25519 -N '' -f key",
    "compile": "printf 'int main(void){return 0;}' > h.c && gcc -O1 -o h h.c && ./h",
    "getent": "getent passwd root; getent hosts localhost; getent services http",
    "ps": "exec ps -o pid,comm -p 1",
    "privilege": "exec setpriv --reuid=nobody --regid=nogroup --clear-groups sh -c 'id; cat /etc/passwd > /dev/null'",
    "archive": "gzip -c /etc/services > s.gz; zcat s.gz | md5sum; sed -n 1p /etc/services; awk 'END{print NR}' /etc/services",
    "flock": "exec flock lock sh -c 'echo locked > l'",
    "timeout": "timeout 5 sleep 0.1; nice -n 5 true; env -i /bin/true; setsid -w true; ulimit -n 512; true",
}


# ---- whittle's side ------------------------------------------------------------------------------

def record(options, command, trace, cwd, extra=(), env=None, wanted=0):
    # Calls are compared by how often they were made, which only this engine counts.
    return harness.Recording(options, command, trace, engine="plain", extra=extra, cwd=cwd, env=env or environment(),
                             timeout=300, stdout=subprocess.DEVNULL, wanted=wanted)


def environment():
    return harness.environment(HOME="/nonexistent")


# ---- the kernel's side ---------------------------------------------------------------------------

class Kernel:
    """bpftrace at work; counts() ends it."""

    def __init__(self):
        env = dict(os.environ, BPFTRACE_MAP_KEYS_MAX="262144")
        # tracefs is mounted where bpftrace looks for it, in a mount namespace of its own.
        script = "[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || exit; exec bpftrace -f json \"$0\" \"$1\""
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script, os.path.join(HERE, "kernel.bt"), str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
            # What ignores SIGINT (a background job) hands that on, and bpftrace ends by no other signal.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        said = []
        for line in self.process.stdout:
            said.append(line)
            if '"ready\\n"' in line:
                return
        self.process.wait()
        raise OSError("bpftrace cannot count system calls on this kernel: " + " ".join(said[-3:]).strip())

    def stop(self):
        """Leave no tracepoint behind, however the test ends."""
        self.process.kill()
        self.process.wait()

    def counts(self):
        """({pid of a whittle: {(abi, number): count}}, {pid of a whittle: tasks that ended}); and what came from
        which program is then in self.programs: {pid of a whittle: {(abi, number, name of the program)}}"""
        self.process.send_signal(signal.SIGINT)
        try:
            out, _ = self.process.communicate(timeout=60)
        finally:
            self.stop()
        counts, exits, self.programs = {}, {}, {}
        for line in out.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if value.get("type") != "map":
                continue
            for key, n in value["data"].get("@calls", {}).items():
                pid, compat, number = (int(k) for k in key.split(","))
                counts.setdefault(pid, {})[("i386" if compat else "x86_64", number)] = n
            for key in value["data"].get("@programs", {}):
                pid, compat, number, name = key.split(",", 3)
                self.programs.setdefault(int(pid), set()).add(
                    ("i386" if int(compat) else "x86_64", int(number), name))
            exits.update((int(k), n) for k, n in value["data"].get("@exits", {}).items())
        return counts, exits


def kernel_names():
    """{(abi, number): name}, from the kernel's headers."""
    names = {}
    for abi, header in HEADERS.items():
        with open(f"/usr/include/x86_64-linux-gnu/asm/{header}", encoding="ascii") as f:
            for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", f.read()):
                names[(abi, int(number))] = name
    return names


def differences(trace, seen, exits, names):
    """What whittle and the kernel do not agree on, as lines.

    What one of them cannot see is no difference; the trace must announce the first two as gaps:
    the tracepoint comes after a seccomp filter of the workload's own, so what that refuses is missing in
    the kernel's counts; a child made with CLONE_UNTRACED is missing in whittle's. And a task that is
    killed while it stands at the entry of a call never gets to the tracepoint: at most one call for each
    task that ended without calling exit or exit_group.
    """
    lines = []
    mine = {}
    # The execution that makes the entrypoint is entered before the tree has begun.
    seen = dict(seen)
    seen[ENTRY] = seen.get(ENTRY, 0) + 1
    for s in trace["syscalls"]:
        key = (s["abi"], s["number"])
        mine[key] = mine.get(key, 0) + s["count"]
        if key in names and s["name"] != names[key]:
            lines.append(f"{key[0]} {key[1]} is {names[key]}, whittle says {s['name']}")
    gaps = {g["kind"] for g in trace["gaps"]}
    killed = exits - sum(n for key, n in seen.items() if names.get(key) in ("exit", "exit_group"))
    more, fewer = [], []
    for key in sorted(set(mine) | set(seen)):
        a, b = mine.get(key, 0), seen.get(key, 0)
        if a != b:
            (more if a > b else fewer).append(
                (abs(a - b), f"{key[0]} {names.get(key, key[1])}: whittle counted {a}, the kernel {b}"))
    if "own-seccomp" not in gaps and sum(n for n, _ in more) > max(0, killed):
        lines += [text for _, text in more]
    if "untraced-child" not in gaps:
        lines += [text for _, text in fewer]
    return lines


def record_service(options, name, top):
    prepared = subprocess.run([harness.sample_file(name, "prepare")], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
    if prepared.returncode:
        return None, ["prepare failed", *prepared.stderr.splitlines()]
    made = record(options, [harness.sample_file(name, "start")], os.path.join(top, f"service-{name}.json"), top,
                  ["--ready", harness.sample_setting(name, "ready"), "--load", harness.sample_file(name, "load")],
                  dict(os.environ))
    return made, made.problem


def record_live(options, wanted, top):
    """Each live test program once more: yields (case, recording)."""
    live = harness.module("live", "run.py")
    for name, program, _, settings in live.cases_of(options.build):
        if program is None or not wanted(f"kernel/live-{name}"):
            continue
        folder = os.path.join(top, "live-" + name)
        os.mkdir(folder)
        command = [program] + settings.get("args", "").split()
        env = live.sane_environment()
        env.update(e.split("=", 1) for e in settings.get("env", []))
        made = record(options, command, os.path.join(top, f"live-{name}.json"), folder,
                      settings.get("record", "").split(), env, int(settings.get("status", 0)))
        yield name, made


def record_all(options, wanted, top):
    """[(case, recording, why there is none)]"""
    todo = []
    for name in SERVICES:
        if wanted(f"kernel/sample-{name}"):
            todo.append((f"kernel/sample-{name}", *record_service(options, name, top)))
    for name, script in PROGRAMS.items():
        if wanted(f"kernel/{name}"):
            folder = os.path.join(top, "kernel-" + name)
            os.mkdir(folder)
            made = record(options, ["/bin/sh", "-c", script], os.path.join(top, f"kernel-{name}.json"), folder)
            todo.append((f"kernel/{name}", made, made.problem))
    for name, made in record_live(options, wanted, top):
        todo.append((f"kernel/live-{name}", made, made.problem))
    return todo


def against_kernel(options, wanted, top, results):
    try:
        kernel = Kernel()
    except OSError as error:
        results.skip("kernel", error)
        return
    try:
        todo = record_all(options, wanted, top)
    except BaseException:
        kernel.stop()
        raise
    (counts, exits), names = kernel.counts(), kernel_names()
    for name, made, problem in todo:
        if problem:
            results.say(name, ["it could not be recorded", *problem])
            continue
        seen = counts.get(made.pid, {})
        results.say(name, differences(made.trace, seen, exits.get(made.pid, 0), names) if seen else
                    ["the kernel saw nothing of it"])


# ---- strace's side -------------------------------------------------------------------------------

def unquote(text):
    """The bytes of a string that strace printed with -xx, as text."""
    return bytes(int(h, 16) for h in re.findall(r"\\x(..)", text)).decode("utf-8", "surrogateescape")


def stable(path):
    """A path with what is another one in each run written as whittle writes it."""
    path = re.sub(r"^/proc/\d+", "/proc/@{pid}", path)
    path = re.sub(r"(/proc/@\{pid\}/task)/\d+", r"\1/@{tid}", path)
    path = path.removesuffix(" (deleted)")
    # Names that git and gcc make up at random.
    path = re.sub(r"/(tmp_obj_|cc|(?<=\.git/)t)[A-Za-z0-9]{6}(?=\.|$)", r"/\1@{random}", path)
    return path.rstrip("/") or "/"


def opened_as(flags):
    if "O_PATH" in flags:
        return {"path"}
    access = {"r"} if "O_RDONLY" in flags or "O_RDWR" in flags else set()
    return access | ({"w"} if "O_WRONLY" in flags or "O_RDWR" in flags else set())


def under_strace(command, cwd, top):
    """({call}, {(path, access)}, {program}) as strace sees them."""
    prefix = os.path.join(top, "strace.out")
    for entry in os.listdir(top):
        if entry.startswith("strace.out"):
            os.unlink(os.path.join(top, entry))
    done = subprocess.run(["strace", "-ff", "-o", prefix, "-y", "-xx", "-s", "8192", "--quiet=all",
                           "-e", "signal=none", *command],
                          cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=environment(), timeout=300, check=False)
    calls, files, programs = set(), set(), set()
    for entry in os.listdir(top):
        if not entry.startswith("strace.out"):
            continue
        with open(os.path.join(top, entry), encoding="ascii", errors="replace") as f:
            for line in f:
                m = re.match(r"(\w+)\(", line)
                if not m:
                    continue
                calls.add(m.group(1))
                opened = re.search(r"\)\s+= \d+<((?:\\x..)+)>(\(deleted\))?\s*$", line)
                if m.group(1) in ("open", "openat", "openat2", "creat") and opened:
                    # The strings are in hex (-xx): nothing else can look like a flag.
                    flags = set(re.findall(r"O_[A-Z0-9_]+", line)) or {"O_WRONLY"}
                    for access in opened_as(flags):
                        files.add((stable(unquote(opened.group(1))), access))
                executed = re.match(r'execve\("((?:\\x..)+)".*\) = 0$', line.strip())
                if executed:
                    programs.add(os.path.realpath(os.path.join(cwd, unquote(executed.group(1)))))
    return done.returncode, calls, files, programs


def under_whittle(options, command, cwd, top):
    """(why not, {call}, {(path, access)}, {program})"""
    made = record(options, command, os.path.join(top, "strace-peer.json"), cwd)
    if made.problem:
        return made.problem, None, None, None
    letters = {"read": "r", "list": "r", "write": "w", "append": "w", "path": "path"}
    files = set()
    for f in made.trace["files"]:
        by = f.get("syscalls", [])
        if f["access"] in letters and f.get("outcomes", {}).get("ok") and \
                set(by) & {"open", "openat", "openat2", "creat"}:
            files.add((stable(f["path"]), letters[f["access"]]))
    calls = {s["name"] for s in made.trace["syscalls"]}
    return [], calls, files, {e["to"] for e in made.trace["execs"]}


def against_strace(options, wanted, top, results):
    for name, script in PROGRAMS.items():
        if not wanted(f"strace/{name}"):
            continue
        cwd = os.path.join(top, "strace-" + name)
        command = ["/bin/sh", "-c", script]
        mine, theirs = [set(), set(), set()], [set(), set(), set()]
        rounds, why = 0, []
        # The first round is the rule. More only where the program itself differs from run to run.
        while rounds < ROUNDS and (rounds == 0 or mine != theirs):
            rounds += 1
            status, calls, files, programs = under_strace(command, harness.fresh(cwd), top)
            if status != 0:
                why = [f"under strace it ended with {status}"]
                break
            theirs = [a | b for a, b in zip(theirs, (calls, files, programs))]
            why, calls, files, programs = under_whittle(options, command, harness.fresh(cwd), top)
            if why:
                break
            mine = [a | b for a, b in zip(mine, (calls, files, programs))]
        lines = []
        for what, a, b in zip(("call", "file", "program"), mine, theirs):
            lines += [f"missing {what}: {x}" for x in sorted(b - a)]
            lines += [f"extra {what}: {x}" for x in sorted(a - b)]
        if lines and not why:
            why = [f"they differ after {rounds} rounds", *lines]
        elif rounds > 1:
            print(f"  {name}: {rounds} rounds, as runs differ", flush=True)
        results.say(f"strace/{name}", why, most=60)


# ---- all -----------------------------------------------------------------------------------------

def main():
    options = harness.parse(harness.parser(__doc__))
    # With a /run of its own, for the samples.
    harness.isolate(own_run=True)
    results = harness.Results("peer/")

    def wanted(case):
        return harness.wanted(options, case)

    with harness.temporary("peer", options.keep) as top:
        against_kernel(options, wanted, top, results)
        against_strace(options, wanted, top, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
