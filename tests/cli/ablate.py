# SPDX-License-Identifier: Apache-2.0
"""whittle verify --ablate: the least that serves, what is unstable, going on after an interrupt, what comes into the bundle."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from kit import WHITTLE, case, check, equal, one_line, whittle


def path_of(tmp, *parts):
    return os.path.join(tmp, *parts)


def make_bundle(tmp, command, caps=None, options=()):
    """Record the command and generate its bundle; with its list of capabilities replaced."""
    done = whittle("record", "-o", "t.json", "--", *command, cwd=tmp)
    equal(done.returncode, 0, "record: %s" % done.stderr.decode())
    done = whittle("generate", "--allow-gaps", *options, "-o", "b", "t.json", cwd=tmp)
    equal(done.returncode, 0, "generate: %s" % done.stderr.decode())
    if caps is not None:
        with open(path_of(tmp, "b/capabilities.json"), encoding="utf-8") as f:
            json_caps = json.load(f)
        json_caps["add"] = caps
        with open(path_of(tmp, "b/capabilities.json"), "w", encoding="utf-8") as f:
            json.dump(json_caps, f)


def ablate(tmp, which, command, *options, status=0):
    done = whittle("verify", "--ablate", which, *options, "b", "--", *command, cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, status, "exit status: %s %s" % (text, done.stderr.decode()))
    return text


def entries(text, verdict):
    return set(re.findall(r"^  (\w+) +%s  " % verdict, text, re.M))


def compile_c(tmp, name, text):
    with open(path_of(tmp, name + ".c"), "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run(["cc", "-O1", "-static", "-o", name, name + ".c"], cwd=tmp, check=True, timeout=120)


def runs(text):
    return int(re.search(r"^(\d+) runs, [\d.]+ s$", text, re.M)[1])


@case
def ablate_all(tmp):
    """What is needed and what is not, each with what went wrong; the runtime's own calls are not tried."""
    command = ["sh", "-ec", "mkdir -p d; umask 022; rmdir d; sleep 0"]
    make_bundle(tmp, command, ["CAP_CHOWN", "CAP_SYS_TIME"])
    # What a run without rmdir leaves behind would make mkdir's work needless the next time.
    text = ablate(tmp, "all", command, "--prepare", "rm -rf d")
    proved, loose = entries(text, "proved"), entries(text, "not needed")
    check({"mkdir", "rmdir"} <= proved, "proved: %s" % proved)
    check({"CAP_CHOWN", "CAP_SYS_TIME", "umask"} <= loose, "not needed: %s" % loose)
    check(re.search(r"^  mkdir +proved +2 failed +without it, it exited 1$", text, re.M), text)
    untried = re.search(r"^not tried \(runc needs it itself\): (.*)$", text, re.M)[1].split()
    check({"execve", "openat", "epoll_pwait"} <= set(untried), "not tried: %s" % untried)
    check("capabilities: 0 proved, 2 not needed\n" in text, text)
    check("system calls: %d proved, %d not needed, " % (len(proved), len(loose) - 2) in text, text)


@case
def ablate_alternatives(tmp):
    """Neither is needed as long as the other is there; together one is, the less powerful one."""
    with open(path_of(tmp, "f"), "w", encoding="utf-8"):
        pass
    os.chmod(path_of(tmp, "f"), 0)
    os.chown(path_of(tmp, "f"), 33, 33)
    command = ["cat", path_of(tmp, "f")]
    make_bundle(tmp, command, ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"])
    text = ablate(tmp, "caps", command)
    equal(entries(text, "proved"), {"CAP_DAC_READ_SEARCH"})
    equal(entries(text, "not needed"), {"CAP_CHOWN", "CAP_DAC_OVERRIDE"})
    check(re.search(r"CAP_DAC_READ_SEARCH +proved +2 failed +without it, it exited 1 \(CAP_DAC_OVERRIDE would do instead\)",
                    text), text)
    check("1 proved, 2 not needed; the least set: CAP_DAC_READ_SEARCH\n" in text, text)


@case
def ablate_flaky_load(tmp):
    """A service that fails each third time proves nothing, and it says so."""
    command = ["sh", "-c", "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n; [ $((n % 3)) != 2 ]"]
    make_bundle(tmp, command, ["CAP_CHOWN"])
    os.remove(path_of(tmp, "n"))
    text = ablate(tmp, "all", command, status=1)
    check("UNSTABLE: the whole bundle passed 2 of 3 runs: it exited 1; nothing can be proved" in text, text)
    equal(entries(text, "proved") | entries(text, "not needed"), set())
    # Neither is it asked for ever: once it is mended, it starts anew.
    text = ablate(tmp, "caps", command, status=1)
    check("Starting anew: the last one came to its end (b/ablation.json)\n" in text, text)


@case
def ablate_flaky_entry(tmp):
    """Without one entry it fails each second time: that one is unstable, the others are not."""
    command = ["sh", "-ec", "read -r x <caps; touch f; chown $x f; rm f; "
               "if ! grep -q 'CapBnd:.*0000000002000001$' /proc/self/status && "
               "! grep -q 'CapBnd:.*0000000002000000$' /proc/self/status; then "
               "if [ -e odd ]; then rm odd; exit 1; else touch odd; fi; fi"]
    with open(path_of(tmp, "caps"), "w", encoding="utf-8") as f:
        f.write("33\n")
    make_bundle(tmp, command, ["CAP_CHOWN", "CAP_SYS_TIME"])
    if os.path.exists(path_of(tmp, "odd")):
        os.remove(path_of(tmp, "odd"))
    # Recorded in another state, it may call more: the filter is not in question here.
    with open(path_of(tmp, "b/seccomp.json"), "w", encoding="utf-8") as f:
        f.write('{"defaultAction":"SCMP_ACT_ALLOW"}')
    with open(path_of(tmp, "b/apparmor.profile"), "a", encoding="utf-8"):
        os.remove(path_of(tmp, "b/apparmor.profile"))
    text = ablate(tmp, "caps", command, status=1)
    equal(entries(text, "unstable"), {"CAP_SYS_TIME"})
    equal(entries(text, "proved"), {"CAP_CHOWN"})
    check(re.search(r"CAP_SYS_TIME +unstable +1 of 2 passed ", text), text)
    check("UNSTABLE: 1 sets of entries passed once and failed once; " in text, text)
    with open(path_of(tmp, "b/trace.json"), encoding="utf-8") as f:
        facts = json.load(f)["caps"]
    equal([c["strength"] for c in facts if c["cap"] == "CAP_SYS_TIME"], [])
    check("proved" in [c["strength"] for c in facts if c["cap"] == "CAP_CHOWN"], "CAP_CHOWN: %s" % facts)


INTERRUPTED = ("echo x >>runs; n=0; while read -r x; do n=$((n + 1)); done <runs; read -r stop <stop; "
               "touch f; chown 33 f; rm f; if [ $n = $stop ]; then : >now; exec sleep 60; fi")


def run_until(tmp, command, stop, how):
    """Let it come to the run number `stop` and end it there."""
    with open(path_of(tmp, "stop"), "w", encoding="utf-8") as f:
        f.write("%d\n" % stop)
    with subprocess.Popen([WHITTLE, "verify", "--ablate", "caps", "b", "--", *command], cwd=tmp,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        end = time.monotonic() + 60
        while not os.path.exists(path_of(tmp, "now")) and child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        check(os.path.exists(path_of(tmp, "now")), "it did not come to run %d" % stop)
        child.send_signal(how)
        out, err = child.communicate(timeout=60)
    os.remove(path_of(tmp, "now"))
    return child.returncode, out.decode(), err.decode()


@case
def ablate_goes_on(tmp):
    """Interrupted and killed in the middle, it loses one run at most each time, and comes to the same end."""
    command = ["sh", "-ec", INTERRUPTED]
    with open(path_of(tmp, "stop"), "w", encoding="utf-8") as f:
        f.write("0\n")
    make_bundle(tmp, command, ["CAP_CHOWN", "CAP_FOWNER", "CAP_KILL", "CAP_SYS_TIME"])
    shutil.copytree(path_of(tmp, "b"), path_of(tmp, "copy"))
    os.remove(path_of(tmp, "runs"))
    whole = ablate(tmp, "caps", command)
    shutil.rmtree(path_of(tmp, "b"))
    os.rename(path_of(tmp, "copy"), path_of(tmp, "b"))
    os.remove(path_of(tmp, "runs"))

    status, text, err = run_until(tmp, command, 6, signal.SIGINT)
    equal(status, 2, "exit status")
    check("interrupted; nothing is left running, and what 5 runs have said is kept: the same command goes on" in err, err)
    # The first run of each call is verify's own, on the whole bundle.
    status, text, err = run_until(tmp, command, 10, signal.SIGKILL)
    equal(status, -9, "exit status")
    check("Going on with what 5 runs have said, from b/ablation.json\n" in text, text)
    with open(path_of(tmp, "stop"), "w", encoding="utf-8") as f:
        f.write("0\n")
    text = ablate(tmp, "caps", command)
    check("Going on with what 8 runs have said, from b/ablation.json\n" in text, text)
    for verdict in ("proved", "not needed"):
        equal(entries(text, verdict), entries(whole, verdict), verdict)
    with open(path_of(tmp, "runs"), encoding="utf-8") as f:
        equal(len(f.readlines()), runs(text) + 2, "runs that there were, those that were cut off included")
    check(runs(text) <= runs(whole) + 2, "%d runs, %d in one go" % (runs(text), runs(whole)))

    # Another load: nothing of that counts.
    text = ablate(tmp, "caps", [*command[:2], command[2] + "; :"])
    check("Starting anew: not the same: command (b/ablation.json)\n" in text, text)
    text = ablate(tmp, "caps", [*command[:2], command[2] + "; :"])
    check("Starting anew: the last one came to its end (b/ablation.json)\n" in text, text)


MANY = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
static long call(long nr) { return syscall(nr, -1L, 0L, 0L, 0L, 0L, 0L); }
int main(void)
{
	/* What it makes no difference to: they fail anyway, or nobody looks. */
	static const long loose[] = {@LOOSE@};
	for (unsigned i = 0; i < sizeof(loose) / sizeof(*loose); i++)
		call(loose[i]);
	/* What must work. */
	return syscall(SYS_getpgrp) < 0 || syscall(SYS_sched_getscheduler, 0) < 0 || syscall(SYS_umask, 022) < 0 ||
	       syscall(SYS_getsid, 0) < 0;
}
"""
LOOSE = """capget capset chdir chmod chown chroot creat dup2 epoll_create epoll_ctl eventfd fallocate fchdir fchmod fchown
fdatasync flock fsync ftruncate getcwd getgroups getpeername getpriority getrusage getsockname getsockopt
inotify_init1 ioprio_get kill lchown link listen lseek mincore mkdir mlock msgget msync munlock pipe2 poll
preadv pwrite64 readlink rename rmdir semget sendfile setgroups setpriority shmget shutdown splice symlink
sync_file_range sysinfo tee timerfd_create times truncate uname unlink utime writev""".split()


@case
def ablate_many(tmp):
    """Sixty calls of which four matter: groups of them go at once."""
    compile_c(tmp, "many", MANY.replace("@LOOSE@", ", ".join("SYS_" + name for name in LOOSE)))
    command = [path_of(tmp, "many")]
    make_bundle(tmp, command, options=["--runtime", "none"])
    text = ablate(tmp, "syscalls", command, "--repeat", "1")
    proved, loose = entries(text, "proved"), entries(text, "not needed")
    needed = {"getpgrp", "sched_getscheduler", "umask", "getsid"}
    # Beside these what a C program starts with.
    check(needed <= proved <= needed | {"execve", "exit_group", "brk", "arch_prctl", "mprotect", "set_tid_address"},
          "proved: %s" % proved)
    check(len(loose & set(LOOSE)) >= 60, "not needed: %s" % loose)
    equal(loose & needed, set())
    check(runs(text) < len(proved | loose) * 2 // 3, "%d runs for %d calls" % (runs(text), len(proved | loose)))
    # Each of what is left is missed.
    with open(path_of(tmp, "b/ablation.json"), encoding="utf-8") as f:
        state = json.load(f)
    for name in proved:
        check(state["verdicts"][name]["failed"] >= 1 and not state["verdicts"][name]["passed"], name)
    with open(path_of(tmp, "b/trace.json"), encoding="utf-8") as f:
        facts = {s["name"]: s for s in json.load(f)["syscalls"]}
    equal(facts["getsid"]["proved"], ["without it, it exited 1: 1 of 1 runs; load: none, to its own end"])
    equal(facts["rmdir"]["not_needed"],
          ["it served without it: 2 of 2 runs, each on what the one before had left; load: none, to its own end"])
    check("not_needed" not in facts["getsid"] and "proved" not in facts["rmdir"], "both at once")
    done = whittle("explain", "b", "rmdir", cwd=tmp)
    check("unneeded it served without it: 2 of 2 runs" in done.stdout.decode(), done.stdout.decode())


STOPS = r"""
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
static void stop(int sig) { _exit(sig != SIGTERM); }
int main(void)
{
	signal(SIGTERM, stop);
	creat("up", 0600);
	for (;;)
		pause();
}
"""


@case
def ablate_stop(tmp):
    """A service that does not end at SIGTERM as it does else lacks something, too."""
    compile_c(tmp, "stops", STOPS)
    command = [path_of(tmp, "stops")]
    drive = ["--ready", "file:up", "--load", "rm up"]
    done = whittle("record", "-o", "t.json", *drive, "--", *command, cwd=tmp)
    equal(done.returncode, 0, "record: %s" % done.stderr.decode())
    equal(whittle("generate", "--allow-gaps", "--runtime", "none", "-o", "b", "t.json", cwd=tmp).returncode, 0, "generate")
    text = ablate(tmp, "syscalls", command, *drive)
    check(re.search(r"^  rt_sigaction +proved +2 failed +without it, it was killed by SIGTERM when it was told to stop, "
                    r"not exited 0$", text, re.M), text)


@case
def ablate_into_the_bundle(tmp):
    """Strengths in the trace, and what generate makes of them: for this load, and not for another."""
    command = ["sh", "-ec", "touch f; chown 33 f; chown 34 f 2>/dev/null || true; rm f; "
               "setpriv --reuid 33 --clear-groups true || true"]
    make_bundle(tmp, command)
    with open(path_of(tmp, "b/capabilities.json"), encoding="utf-8") as f:
        before = json.load(f)["add"]
    check({"CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"} <= set(before), before)
    ablate(tmp, "caps", command, "--prepare", "rm -f f")
    done = whittle("show", "b", cwd=tmp).stdout.decode()
    check(re.search(r"CAP_CHOWN +proved +2 +without it, it exited 1: 2 of 2 runs; load: none, to its own end", done), done)
    check(re.search(r"CAP_SETUID +not-needed +4 +it served without it: 4 of 4 runs", done), done)
    with open(path_of(tmp, "b/capabilities.json"), encoding="utf-8") as f:
        caps = json.load(f)
    equal(caps["add"], before, "it is for a person to take away")
    equal(caps["reasons"]["CAP_CHOWN"][-1], "without it, it exited 1: 2 of 2 runs; load: none, to its own end")
    check("CAP_SETUID" in caps["not_needed"], caps["not_needed"])

    done = whittle("generate", "-o", "b2", "b", cwd=tmp)
    equal(done.returncode, 0, done.stderr.decode())
    check("CAP_SETUID was seen in use and is left out: it served without it: 4 of 4 runs; load: none" in done.stdout.decode(),
          done.stdout.decode())
    with open(path_of(tmp, "b2/capabilities.json"), encoding="utf-8") as f:
        caps = json.load(f)
    equal(caps["add"], ["CAP_CHOWN"])
    check("CAP_SETUID" in caps["not_needed"], caps)
    with open(path_of(tmp, "b2/NOTES.txt"), encoding="utf-8") as f:
        check("proved not needed by the recorded load, not added" in f.read(), "NOTES.txt")
    check("not added: proved not needed" in whittle("explain", "b2", "CAP_SETUID", cwd=tmp).stdout.decode(), "explain")

    # Of another recording it says nothing: what that needed stays.
    done = whittle("record", "-o", "u.json", "--", "setpriv", "--reuid", "33", "--keep-groups", "true", cwd=tmp)
    equal(done.returncode, 0, done.stderr.decode())
    equal(whittle("merge", "-o", "m.json", "b/trace.json", "u.json", cwd=tmp).returncode, 0, "merge")
    equal(whittle("generate", "-o", "b3", "m.json", cwd=tmp).returncode, 0, "generate")
    with open(path_of(tmp, "b3/capabilities.json"), encoding="utf-8") as f:
        equal(json.load(f)["add"], ["CAP_CHOWN", "CAP_SETUID"])


@case
def ablate_what_is_left_behind(tmp):
    """The owner that one run gave to a file is still there in the next: without --prepare that proves nothing."""
    command = ["sh", "-ec", "[ -e f ] || touch f; [ $(stat -c %u f) = 33 ] || chown 33 f"]
    caution = '"not needed" proves nothing, and generate keeps what was seen.\n'
    make_bundle(tmp, command)
    text = ablate(tmp, "caps", command)
    equal(entries(text, "not needed"), {"CAP_CHOWN"})
    check(caution in text, text)
    equal(whittle("generate", "-o", "b2", "b", cwd=tmp).returncode, 0, "generate")
    with open(path_of(tmp, "b2/capabilities.json"), encoding="utf-8") as f:
        equal(json.load(f)["add"], ["CAP_CHOWN"])
    text = ablate(tmp, "caps", command, "--prepare", "rm -f f")
    equal(entries(text, "proved"), {"CAP_CHOWN"})
    check(caution not in text, text)


@case
def ablate_bad_state(tmp):
    """What is kept is read with suspicion."""
    command = ["true"]
    make_bundle(tmp, command, ["CAP_CHOWN"])
    ablate(tmp, "caps", command)
    path = path_of(tmp, "b/ablation.json")
    with open(path, encoding="utf-8") as f:
        good = json.load(f)
    good["finished_caps"] = False

    def change(**more):
        return json.dumps({**good, **more})

    one = good["sets"][0]
    for text, want in (
            ("{", "not valid JSON: line 1: string or '}' expected near end of file"),
            ("{}", 'it has no "format":"whittle-ablation"'),
            (change(runs=-1), "runs: not a number from 0 to 1000000"),
            (change(sets=7), "sets: not a list"),
            (change(sets=[one, one]), "sets[1]: is there twice"),
            (change(sets=[{**one, "kept": "zz"}]), "sets[0]: kept: not %d hexadecimal digits" % len(one["kept"])),
            (change(sets=[{**one, "passed": 10 ** 7}]), "sets[0]: passed: not a number from 0 to 1000000"),
            (change(sets=[{**one, "passed": 0, "failed": 0}]), "sets[0]: was never run")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = whittle("verify", "--ablate", "caps", "b", "--", *command, cwd=tmp)
        equal((done.returncode, done.stderr.decode()),
              (2, "whittle verify: b/ablation.json (remove it to start anew): %s\n" % want))
    done = whittle("verify", "--repeat", "3", "b", "--", *command, cwd=tmp)
    one_line(done, "whittle verify: --repeat is for --ablate")
    done = whittle("verify", "--ablate", "caps", "--repeat", "0", "b", "--", *command, cwd=tmp)
    one_line(done, 'whittle verify: --repeat: "0" is not a number from 1 to 100')
