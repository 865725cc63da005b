# SPDX-License-Identifier: Apache-2.0
"""whittle audit: logs/ are what Debian's kernel wrote of a program that uses each rule class, in complain and in enforce
mode, and of one whose seccomp filter logs."""
import json
import os
import re
import stat

from cases import call, file_fact, trace
from kit import HERE, Wrong, case, check, equal, one_line, whittle

LOGS = os.path.join(HERE, "logs")


def log(name):
    with open(os.path.join(LOGS, name), "rb") as f:
        return f.read()


def audit(text, *args, tmp=None, name="log"):
    """The trace of a log, and what was said of it."""
    path = os.path.join(tmp, name)
    with open(path, "wb") as f:
        f.write(text)
    done = whittle("audit", *args, path, cwd=tmp)
    equal(done.returncode, 0, "exit status (%s)" % done.stderr.decode())
    return json.loads(done.stdout), done.stderr.decode()


def facts(got):
    """All facts as text, without where they stood, and of which run."""
    return sorted(kind + json.dumps({k: v for k, v in fact.items() if k not in ("logged", "runs", "evidence")},
                                    sort_keys=True)
                  for kind, list_ in got.items() if isinstance(list_, list) and kind != "runs" for fact in list_)


def has(got, kinds, **members):
    for fact in got[kinds]:
        if all(fact.get(k) == v for k, v in members.items()):
            return fact
    raise Wrong("no %s with %r" % (kinds, members))


# One line at least of each class, and the fact that it must become.
CLASSES = [
    ("files", {"path": "/etc/hostname", "access": "read", "owner_always": True}),
    ("files", {"path": "/srv/a b%FF.txt", "access": "read"}),
    ("files", {"path": "/srv/l2", "access": "link-to", "peers": ["/srv/l1"]}),
    ("files", {"path": "/srv/r1", "access": "rename-from"}),
    ("files", {"path": "/srv/s1", "access": "symlink"}),
    ("files", {"path": "/srv/l1", "access": "unlink"}),
    ("files", {"path": "/srv/c1", "access": "chmod", "owner_always": False}),
    ("files", {"path": "/srv/c1", "access": "chown"}),
    ("files", {"path": "/var/tmp/dir/", "access": "mkdir", "type": "dir"}),
    ("files", {"path": "/var/tmp/out.txt", "access": "create"}),
    ("files", {"path": "/srv/", "access": "list"}),
    ("sockets", {"op": "socket", "family": "AF_INET", "type": "SOCK_STREAM", "protocol": 6}),
    ("sockets", {"op": "socket", "family": "AF_INET6", "type": "SOCK_DGRAM", "protocol": 17}),
    ("sockets", {"op": "socket", "family": "AF_NETLINK", "type": "SOCK_RAW", "protocol": 0}),
    ("sockets", {"op": "socket", "family": "AF_UNIX", "type": "SOCK_STREAM"}),
    ("signals", {"signal": "SIGUSR1", "target": "outside"}),
    ("signals", {"signal": "0", "target": "outside"}),
    ("ptraces", {"request": "trace", "target": "outside"}),
    ("mounts", {"op": "mount", "fstype": "tmpfs", "flags": "rw,nosuid,nodev", "target": "/mnt", "source": "none"}),
    ("mounts", {"op": "remount", "flags": "ro,remount"}),
    ("mounts", {"op": "bind", "source": "/srv"}),
    ("mounts", {"op": "propagation", "flags": "rw,rprivate"}),
    ("caps", {"cap": "CAP_SYS_CHROOT", "strength": "likely", "denied": False}),
]
# What a program that was let pass went on to do.
COMPLAINED = [
    ("files", {"path": "/srv/c1", "access": "lock"}),
    ("files", {"path": "/srv/c1", "access": "truncate"}),
    ("files", {"path": "/srv/r2", "access": "rename-to"}),
    ("files", {"path": "/var/tmp/dir/", "access": "rmdir"}),
    ("files", {"path": "/var/tmp/out.log", "access": "append"}),
    ("files", {"path": "/usr/bin/true", "access": "exec"}),
    ("files", {"path": "/usr/lib/x86_64-linux-gnu/libc.so.6", "access": "mmap-exec"}),
    ("files", {"path": "/proc/@{pid}/attr/current", "access": "write"}),
    ("execs", {"to": "/usr/bin/true"}),
    ("sockets", {"op": "listen", "family": "AF_INET", "address": "127.0.0.1:81"}),
    ("caps", {"cap": "CAP_NET_BIND_SERVICE"}),
]


@case
def audit_complain(tmp):
    """What a complaining profile let pass, each rule class; what has no kind is a gap."""
    text = log("complain.dmesg")
    got, said = audit(text, tmp=tmp)
    for kind, members in CLASSES + COMPLAINED:
        fact = has(got, kind, **members)
        equal(fact["phases"], ["audit"])
        check("outcomes" not in fact, "an outcome that the log does not tell: %r" % fact)
        check(fact["logged"], "no evidence: %r" % fact)
    equal(has(got, "files", path="/etc/hostname")["logged"],
          ['2026-11-28T01:21:49Z ALLOWED open "r" to perl[115] of whittle-demo (log:%d)'
           % (text[:text.index(b"/etc/hostname")].count(b"\n") + 1)])
    has(got, "gaps", kind="audit-record", detail="no rule is made of operation change_profile other")
    equal(len(got["gaps"]), 1)
    equal([(r["name"], r["audit"]) for r in got["runs"]], [("whittle-demo", True)])
    n = text.count(b"\n")
    equal(said, "%d records of whittle-demo\n  %d let pass in complain mode\n"
          "  1 not understood: each is a gap, see whittle show\n" % (n, n - 1))


@case
def audit_enforce(tmp):
    """What an enforcing profile refused."""
    got, said = audit(log("enforce.dmesg"), tmp=tmp)
    for kind, members in CLASSES:
        fact = has(got, kind, **members)
        if kind != "caps":
            equal(list(fact["outcomes"]), ["EACCES"])
    equal(got["gaps"], [])
    equal(said, "37 records of whittle-demo\n  37 denied\n")


@case
def audit_seccomp(tmp):
    """Calls that a filter logged, one of them without a name; no argument is ruled out."""
    got, said = audit(log("seccomp.dmesg"), tmp=tmp)
    equal([(s["abi"], s["name"], s["number"], s["programs"]) for s in got["syscalls"]],
          [("x86_64", n, k, ["/usr/bin/perl"]) for n, k in (("mount", 165), ("sethostname", 170), ("syscall_511", 511))])
    check(all(s.get("args", {"overflow": True})["overflow"] for s in got["syscalls"]), "made-up arguments")
    has(got, "gaps", kind="unknown-syscall", detail="x86_64 511")
    equal(said, "3 records\n  2 of seccomp\n  1 not understood: each is a gap, see whittle show\n")


@case
def audit_forms(tmp):
    """dmesg, auditd's file, the journal, and fields of later kernels: the same facts; a record that is in two counts once."""
    dmesg = log("enforce.dmesg") + log("seccomp.dmesg").replace(b"subj=unconfined", b"subj=whittle-demo (enforce)")
    want, _ = audit(dmesg, tmp=tmp)
    check(len(want["syscalls"]) == 3, "seccomp's records of the same label are missing")
    auditd = re.sub(rb"(?m)^.*type=1400 (audit\S+)", rb"type=AVC msg=\1", dmesg)
    auditd = re.sub(rb"(?m)^.*type=1326 (audit\S+)(.*)$", b"type=SECCOMP msg=\\1\\2\x1dARCH=x86_64 SYSCALL=x", auditd)
    kernel = re.sub(rb"(?m)^\[ *[0-9.]+\]", b"2026-11-28T01:21:51+0000 host kernel:", dmesg)
    later = re.sub(rb' operation="open"', b' operation="open" class="file"', dmesg)
    for name, text in ("auditd", auditd), ("journal", kernel), ("later", later), ("crlf", dmesg.replace(b"\n", b"\r\n")):
        check(text != dmesg, name)
        equal(facts(audit(text, tmp=tmp)[0]), facts(want), name)
    transport = re.sub(rb"(?m)^.*type=1400 audit\S+", b"2026-11-28T01:21:51+0000 host audit[1]: AVC", log("enforce.dmesg"))
    equal(facts(audit(transport, tmp=tmp)[0]), facts(audit(log("enforce.dmesg"), tmp=tmp)[0]), "transport")
    twice, said = audit(dmesg + auditd, tmp=tmp)
    equal(facts(twice), facts(want), "twice")
    equal(twice["runs"], want["runs"], "the run of the same records")
    check("  40 read twice, counted once\n" in said, said)


@case
def audit_hostile(tmp):
    """What is broken is a gap with its line, what only looks like a record is none."""
    good = log("enforce.dmesg").split(b"\n")[0]
    stamp = b'type=AVC msg=audit(1795828911.028:%d): apparmor="DENIED" operation="open" profile="whittle-demo" '
    tail = b' pid=1 comm="x" requested_mask="r" denied_mask="r" fsuid=0 ouid=0'
    broken = [
        (b"name=2F7" + tail, "a name in it is encoded, and not whole"),
        (b"name=2F0041" + tail, "a name in it is encoded, and not whole"),
        (b'name="/etc/x', "a value whose quotes do not end"),
        (b'name="/etc/x" ]]', "what is no NAME=VALUE"),
        (b'name="/etc/x" requested_mask="q" denied_mask="q"', 'the mask "q" of operation open is not known'),
        (b'name="/a\0b"' + tail, "the line has a zero byte"),
        (b'name="/' + b"a" * 20000 + b'"' + tail, "the line is too long"),
        (b'name="/etc/x" ' + b"a=1 " * 60 + tail, "more fields than a record has"),
    ]
    lines = [good] + [stamp % (200 + i) + part for i, (part, _) in enumerate(broken)]
    lines += [
        b'web: "audit(1795828911.028:1): apparmor="DENIED" operation="open" profile="whittle-demo" name="/etc/shadow"' + tail,
        b'web: said " audit(1795828911.028:1): apparmor="DENIED" operation="open" profile="whittle-demo" name="/etc/shadow"' + tail,
        b'web: said "x]: AVC apparmor="DENIED" operation="open" profile="whittle-demo" name="/etc/shadow"' + tail,
        b'web: AVC apparmor="DENIED" operation="open" profile="whittle-demo" name="/etc/shadow"' + tail,
        b'user said type=AVC but not so',
        b"[    9.0] audit: kauditd_printk_skb: 31 callbacks suppressed",
        stamp % 900 + b'name="/etc/cut" pid=1',
    ]
    got, said = audit(b"\n".join(lines), "--profile", "whittle-demo", tmp=tmp)
    for i, (_, why) in enumerate(broken):
        gap = has(got, "gaps", kind="audit-record", detail=why)
        check(any(("(log:%d)" % (i + 2)) in line for line in gap["logged"]), "line %d: %r" % (i + 2, gap))
    has(got, "gaps", kind="audit-record", detail="the log ends in it")
    has(got, "gaps", kind="audit-lost")
    equal(len(got["files"]), 1, "files")
    check("/etc/shadow" not in json.dumps(got), "a line that a program made up is a fact")
    check("times records were lost" in said and "not understood" in said, said)


@case
def audit_others(tmp):
    """Records of others are left out and counted; which are meant must be clear; --since."""
    demo = log("enforce.dmesg")
    other = demo.split(b"\n")[0].replace(b'"whittle-demo"', b'"docker-default"') + b"\n"
    path = os.path.join(tmp, "both")
    with open(path, "wb") as f:
        f.write(other + demo)
    one_line(whittle("audit", path, cwd=tmp), "whittle audit: there are records of several profiles: say which with "
             "--profile: docker-default, whittle-demo")
    got, said = audit(other + demo + log("seccomp.dmesg"), "--profile", "whittle-demo", tmp=tmp)
    equal(got["syscalls"], [])
    check(said.endswith("  4 of others, left out: docker-default, /usr/bin/perl\n"), said)
    got, said = audit(demo + log("seccomp.dmesg"), "--profile", "whittle-demo", "--exe", "/usr/bin/perl", tmp=tmp)
    equal(len(got["syscalls"]), 3)
    got, said = audit(demo + log("seccomp.dmesg"), "--exe", "/usr/bin/perl", tmp=tmp)
    equal((len(got["syscalls"]), len(got["caps"])), (3, 3), "with the only profile")
    got, said = audit(other + demo + log("seccomp.dmesg"), "--exe", "/usr/bin/perl", tmp=tmp)
    equal((len(got["syscalls"]), len(got["caps"])), (3, 0), "with none of several")
    two = log("seccomp.dmesg").split(b"\n", 1)[0].replace(b"/usr/bin/perl", b"/usr/bin/other") + b"\n"
    with open(path, "wb") as f:
        f.write(two + log("seccomp.dmesg"))
    one_line(whittle("audit", path, cwd=tmp), "whittle audit: there are records of several programs without a profile: "
             "say which with --exe: /usr/bin/other, /usr/bin/perl")
    unconfined = demo.replace(b'profile="whittle-demo"', b'profile="unconfined"', 1)
    got, said = audit(unconfined, tmp=tmp)
    check(said.endswith("  1 of others, left out: unconfined\n"), said)
    got, said = audit(demo, "--since", "2026-11-28 01:21:52", tmp=tmp)
    equal(facts(got), [])
    equal(said, "0 records of whittle-demo\n  37 older than --since, left out\n")
    equal(facts(audit(demo, "--since", "@1795828900", tmp=tmp)[0]), facts(audit(demo, tmp=tmp)[0]))
    got, said = audit(b"nothing here\n", tmp=tmp)
    equal((facts(got), said), ([], "0 records\n"))


@case
def audit_programs(tmp):
    """--dmesg and --journal run the programs of that name, with what is asked of them; one that fails is said."""
    for name, body in (("dmesg", 'test $# = 0 && cat "%s"/enforce.dmesg' % LOGS),
                       ("journalctl", 'case "$*" in *_TRANSPORT=kernel*_TRANSPORT=audit*) cat "%s"/enforce.dmesg;; '
                                      '*) exit 9;; esac' % LOGS)):
        path = os.path.join(tmp, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n%s\n" % body)
        os.chmod(path, stat.S_IRWXU)
    env = {"PATH": tmp + ":/usr/bin:/bin"}
    want = facts(audit(log("enforce.dmesg"), tmp=tmp)[0])
    for options in ["--dmesg"], ["--journal"], ["--dmesg", "--journal"]:
        done = whittle("audit", *options, cwd=tmp, env=env)
        equal(done.returncode, 0, done.stderr)
        equal(facts(json.loads(done.stdout)), want, str(options))
    with open(os.path.join(tmp, "dmesg"), "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nexit 1\n")
    one_line(whittle("audit", "--dmesg", cwd=tmp, env=env),
             "whittle audit: dmesg exited 1: may this user read the kernel's log? Try with sudo")


@case
def audit_refines(tmp):
    """Merged with a recording and generated: the rules are there with their evidence; alone it is refused."""
    recorded = trace("0" * 16, "demo", syscalls=[call("read", 0), call("openat", 257)], files=[
        file_fact("/etc/known", "read"), file_fact("/etc/hostname", "read").replace('"ok"', '"EACCES"'),
        file_fact("/etc/refused", "read").replace('"ok"', '"EACCES"')], sockets=[
            '"op":"socket","family":"AF_NETLINK","type":"SOCK_RAW","protocol":0,"outcomes":{"EACCES":1}'])
    with open(os.path.join(tmp, "old.json"), "w", encoding="utf-8") as f:
        f.write(recorded)
    with open(os.path.join(tmp, "log"), "wb") as f:
        f.write(log("enforce.dmesg") + log("seccomp.dmesg").split(b"\n")[0] + b"\n")
    for args in (["audit", "-o", "new.json", "--exe", "/usr/bin/perl", "--profile", "whittle-demo", "log"],
                 ["merge", "-o", "all.json", "old.json", "new.json"],
                 ["generate", "-o", "before", "--runtime", "none", "old.json"],
                 ["generate", "-o", "after", "--runtime", "none", "all.json"]):
        done = whittle(*args, cwd=tmp)
        equal(done.returncode, 0, "%s: %s" % (args, done.stderr.decode()))
    check(b"from 1 recording and the kernel's log\n" in done.stdout, done.stdout)

    def profile(folder):
        with open(os.path.join(tmp, folder, "apparmor.profile"), encoding="utf-8") as f:
            return f.read()

    rules = ["/etc/hostname r,", "link /srv/l2 -> /srv/l1,", "network inet stream,", "network netlink raw,",
             "capability sys_chroot,", "signal (send) set=(exists, usr1) peer=unconfined,",
             "ptrace (trace) peer=unconfined,", "mount fstype=tmpfs options=(rw, nosuid, nodev) none -> /mnt{,/},"]
    for rule in rules:
        check(rule not in profile("before"), "%s was there before" % rule)
        check(rule in profile("after"), "no %s in\n%s" % (rule, profile("after")))
    check("/etc/refused" not in profile("after"), "what only the file's mode refused is allowed")
    with open(os.path.join(tmp, "after", "seccomp.json"), encoding="utf-8") as f:
        check('"sethostname"' in f.read(), "the call that seccomp logged is not allowed")
    said = whittle("explain", "after", "/etc/hostname", cwd=tmp).stdout.decode()
    check(re.search(r'logged +2026-11-28T01:21:51Z DENIED open "r" to perl\[127\] of whittle-demo \(log:\d+\)', said), said)
    said = whittle("explain", "after", "/srv/c1", cwd=tmp).stdout.decode()
    check("because the kernel's log says that a profile was in its way" in said, said)
    one_line(whittle("generate", "-o", "alone", "new.json", cwd=tmp),
             "whittle generate: the trace is of the kernel's log alone, which knows only what was refused: merge it "
             "with a recording of the service")
    check(not os.path.exists(os.path.join(tmp, "alone")), "a bundle was made of it")
