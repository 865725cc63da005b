#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as its users meet it: wrong use, bad input, output, help, and whole small journeys.

Environment: WHITTLE is the binary. Prints "ok NAME" or "not ok NAME: why" a case; exit status 1 when one
is not ok.
"""
import glob
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree

import ablate  # pylint: disable=unused-import  # its cases
import audit  # pylint: disable=unused-import  # its cases
import engine  # pylint: disable=unused-import  # its cases
import offline  # pylint: disable=unused-import  # its cases
import verify  # pylint: disable=unused-import  # its cases
from cases import BAD, EMPTY, NEW, OLD, call, file_fact, trace
from kit import CASES, DENY, PTRACE, TOP, WHITTLE, Wrong, case, check, equal, listing, one_line, put_files, whittle


def add_bad(name, args, line):
    def run(tmp):
        put_files(tmp)
        before = listing(tmp)
        one_line(whittle(*args, cwd=tmp), "whittle" + line)
        equal(listing(tmp), before, "files")

    CASES["bad-" + name] = run


for bad_name, (bad_args, bad_line) in BAD.items():
    add_bad(bad_name, bad_args, bad_line)


@case
def bad_no_ptrace(tmp):
    """Where ptrace is forbidden, it says so, and how to get it."""
    done = whittle("record", "-o", "x", "--", "true", before=[*DENY, PTRACE], cwd=tmp,
                   env={"ASAN_OPTIONS": "detect_leaks=0"})  # the leak checker wants to ptrace, too
    one_line(done, "whittle record: cannot trace: ptrace: Operation not permitted; in a container add --cap-add "
                   "SYS_PTRACE, and see that its seccomp and AppArmor profiles allow ptrace")
    equal(listing(tmp), [])


@case
def bad_unreadable(tmp):
    """A file that the user may not read."""
    os.chmod(tmp, 0o755)
    path = os.path.join(tmp, "secret.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(EMPTY)
    os.chmod(path, 0o600)
    one_line(whittle("show", "secret.json", cwd=tmp, user=65534, group=65534, extra_groups=[]),
             "whittle show: cannot read secret.json: Permission denied")


@case
def bad_unwritable(tmp):
    """A folder in which the user may not write; nothing is run."""
    os.chmod(tmp, 0o755)
    one_line(whittle("record", "-o", "x.json", "--", "touch", "/dev/null", cwd=tmp, user=65534, group=65534,
                     extra_groups=[]),
             "whittle record: cannot write x.json: Permission denied")
    equal(listing(tmp), [])


@case
def bad_verify_unprivileged(tmp):
    """Capability sets are root's to give."""
    os.chmod(tmp, 0o755)
    put_files(tmp)
    with open(os.path.join(tmp, "b-noexec/capabilities.json"), "w", encoding="utf-8") as f:
        f.write('{"drop":["ALL"],"add":["CAP_CHOWN"]}')
    one_line(whittle("verify", "b-noexec", "--", "true", cwd=tmp, user=65534, group=65534, extra_groups=[]),
             "whittle verify: the bundle gives CAP_CHOWN, which this process does not have; run it as root, outside of "
             "containers")


@case
def bad_full_disk(tmp):
    """No space for standard output is an error, for each command that prints."""
    put_files(tmp)
    for args in (["--help"], ["--version"], ["help", "--man"], ["show", "old.json"], ["show", "-f", "json", "old.json"],
                 ["diff", "old.json", "old.json"], ["merge", "-o", "-", "old.json"]):
        with open("/dev/full", "wb") as full:
            done = whittle(*args, cwd=tmp, stdout=full)
        equal(done.returncode, 2, "exit status of %s" % args)
        check(re.fullmatch(rb"whittle[^\n]*: [^\n]*(No space left on device|disk full\?)\n", done.stderr),
              "%s says %r" % (args, done.stderr))


@case
def bad_closed_stdout(tmp):
    """Standard output that is closed: an error, and no other file gets the text."""
    put_files(tmp)
    done = whittle("-c", "exec \"$0\" show old.json >&-", WHITTLE, before=["/bin/sh", "-c", "shift; exec /bin/sh \"$@\"", "x"],
                   cwd=tmp)
    one_line(done, "whittle show: cannot write to standard output: Bad file descriptor")


@case
def bad_broken_pipe(tmp):
    """A reader that went away: status 2 and one line, not a death by SIGPIPE."""
    put_files(tmp)
    reader, writer = os.pipe()
    os.close(reader)
    done = whittle("show", "old.json", cwd=tmp, stdout=writer)
    os.close(writer)
    one_line(done, "whittle show: cannot write all to standard output; is its reader gone, or its disk full?")


@case
def children_find_sigpipe_as_it_was(tmp):
    """What we start dies of SIGPIPE as it would without us."""
    done = whittle("record", "-o", "x", "--", "grep", "-E", "SigIgn|SigCgt", "/proc/self/status", cwd=tmp)
    for line in done.stdout.decode().splitlines():
        check(int(line.split()[1], 16) & 1 << 12 == 0, "SIGPIPE in " + line)
    equal(done.returncode, 0, "exit status")


def commands():
    text = whittle("--help").stdout.decode()
    return re.findall(r"^  ([a-z]+)  ", text, re.M)


@case
def help_fits(tmp):
    """Help fits 80 columns; each command has a summary, options and an example."""
    names = commands()
    check({"record", "generate", "merge", "show", "explain", "verify", "diff"} <= set(names), "commands: %s" % names)
    for name in names:
        done = whittle(name, "--help")
        text = done.stdout.decode()
        equal((done.returncode, done.stderr), (0, b""))
        equal(whittle("help", name).stdout, done.stdout, "help " + name)
        check(text.startswith("Usage: whittle %s " % name), text[:60])
        check("\nExample:\n  whittle " in text, "no example in help of " + name)
        check("--help" in text, "no --help in help of " + name)
        for line in text.splitlines():
            check(len(line) <= 79, "%s: %d columns: %s" % (name, len(line), line))
        check(len(text.splitlines()) <= 24, "help of %s is longer than a terminal" % name)
    check(len(whittle("--help").stdout.decode().splitlines()) <= 24, "--help is longer than a terminal")


@case
def version(tmp):
    check(re.fullmatch(rb"whittle \d+\.\d+\.\d+\n", whittle("--version").stdout), "unexpected")


@case
def man_page(tmp):
    """The man page is good roff, and names each command and option."""
    page = whittle("help", "--man").stdout
    done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-z"], input=page, capture_output=True, check=False)
    equal((done.returncode, done.stderr), (0, b""), "groff")
    path = os.path.join(tmp, "whittle.1")
    with open(path, "wb") as f:
        f.write(page)
    done = subprocess.run(["man", "-E", "UTF-8", "-l", path], capture_output=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "HOME": tmp})
    equal((done.returncode, done.stderr), (0, b""), "man -l")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout.decode())
    for name in commands():
        check("whittle " + name in text, "the man page lacks " + name)
        for option in re.findall(r"--[a-z-]+", whittle(name, "--help").stdout.decode().split("\nOptions:")[1]
                                 .split("\nExample:")[0]):
            check(option in text, "the man page lacks %s of %s" % (option, name))


def complete_bash(tmp, *words):
    script = os.path.join(tmp, "completion")
    if not os.path.exists(script):
        with open(script, "wb") as f:
            f.write(whittle("help", "--completion", "bash").stdout)
        done = subprocess.run(["bash", "-n", script], capture_output=True, check=False)
        equal((done.returncode, done.stderr), (0, b""), "bash -n")
    done = subprocess.run(
        ["bash", "--norc", "-c", 'script=$1; shift; source "$script"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
         '_whittle; printf "%s\\n" "${COMPREPLY[@]}"', "bash", script, "whittle", *words],
        capture_output=True, check=False, cwd=tmp)
    equal(done.stderr, b"", "standard error of completion")
    return sorted(done.stdout.decode().split())


@case
def completion_bash(tmp):
    for name in ("one.trace", "two.trace"):
        with open(os.path.join(tmp, name), "w", encoding="utf-8"):
            pass
    os.mkdir(os.path.join(tmp, "odir"))
    equal(complete_bash(tmp, "di"), ["diff"])
    equal(complete_bash(tmp, "--v"), ["--version"])
    equal(complete_bash(tmp, "diff", "--fo"), ["--format"])
    equal(complete_bash(tmp, "diff", "--format", ""), sorted("text json markdown sarif junit".split()))
    equal(complete_bash(tmp, "diff", "-f", "s"), ["sarif"])
    equal(complete_bash(tmp, "show", "o"), ["odir", "one.trace"])
    equal(complete_bash(tmp, "generate", "-o", "o"), ["odir"])
    equal(complete_bash(tmp, "record", "--load", "o"), [])
    equal(complete_bash(tmp, "record", "--", "tru"), [c for c in complete_bash(tmp, "record", "--", "tru") if
                                                     c.startswith("tru")])
    check("true" in complete_bash(tmp, "record", "--", "tru"), "commands after --")
    equal(complete_bash(tmp, "record", "--", "cat", "two"), ["two.trace"])
    for name in commands():
        options = re.findall(r"(?<![a-z])--[a-z-]+", whittle(name, "--help").stdout.decode().split("\nOptions:")[1]
                             .split("\nExample:")[0])
        got = complete_bash(tmp, name, "--")
        check(set(got) <= set(options) and "--help" in got, "%s: %s" % (name, got))


@case
def completion_zsh(tmp):
    """A real zsh completes in a terminal of its own."""
    with open(os.path.join(tmp, "_whittle"), "wb") as f:
        f.write(whittle("help", "--completion", "zsh").stdout)
    done = subprocess.run(["zsh", "-f", "-n", "_whittle"], cwd=tmp, capture_output=True, check=False)
    equal((done.returncode, done.stderr), (0, b""), "zsh -n")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp)
        os.environ.update({"TERM": "dumb", "PS1": "", "HOME": tmp, "ZDOTDIR": tmp})
        os.execvp("zsh", ["zsh", "-f", "-i"])

    def expect(pattern, send, seconds=30):
        os.write(fd, send.encode())
        seen, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.2)[0]:
                try:
                    seen += os.read(fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
            if re.search(pattern, seen, re.S):
                return
        raise Wrong("zsh did not show %r: %r" % (pattern, seen[-600:]))

    try:
        expect("LOADED", "fpath=($PWD $fpath); autoload -U compinit; compinit -u -d ./dump; echo LOA''DED\n")
        expect("ver\x07?ify", "whittle ver\t")
        expect("sarif", "\x15whittle diff --format s\t")
        expect("--until-stable", "\x15whittle record --unt\t")
    finally:
        os.close(fd)
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@case
def show_is_harmless(tmp):
    """Escape sequences and such in a trace reach no terminal."""
    hostile = trace("2" * 16, "evil\\u001b[31m", syscalls=[call("read", 0)],
                    files=[file_fact("/tmp/a\x1b]0;x\x07b", "read"), file_fact("/tmp/\u202egpj.exe", "read"),
                           file_fact("/tmp/line\nbreak", "read"), file_fact("/tmp/%FFx", "read"),
                           file_fact("/tmp/c1\u009b31m", "read")])
    with open(os.path.join(tmp, "x"), "w", encoding="utf-8") as f:
        f.write(hostile)
    for args in (["show", "x"], ["show", "--only", "files", "x"], ["diff", "x", "x"],
                 ["diff", "--format", "junit", "x", "x"]):
        done = whittle(*args, cwd=tmp)
        equal(done.returncode, 0, "exit status of %s" % args)
        text = done.stdout.decode()
        check(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), "%s prints %r" % (args, text))
    text = whittle("show", "--only", "files", "x", cwd=tmp).stdout.decode()
    for want in ("/tmp/a\\x1b]0;x\\x07b", "/tmp/\\u202egpj.exe", "/tmp/line\\x0abreak", "/tmp/\\xffx", "/tmp/c1\\u009b31m"):
        check(want in text, "%r is not in %r" % (want, text))


@case
def show_shows_all(tmp):
    """Every kind has its section, and --only shows it alone; JSON is the trace as it was."""
    source = os.path.join(TOP, "tests/json/valid/all-kinds.json")
    text = whittle("show", source, cwd=tmp).stdout.decode()
    whole = json.loads(whittle("show", "--format", "json", source).stdout)
    for kind in "runs syscalls files execs sockets signals ptraces mounts rlimits namespaces caps questions gaps".split():
        only = json.loads(whittle("show", "--format", "json", "--only", kind, source).stdout)
        equal(only, {kind: whole[kind]})
        check(whole[kind], "all-kinds.json has no " + kind)
        done = whittle("show", "--only", kind, source)
        equal((done.returncode, done.stderr), (0, b""))
        heading = done.stdout.decode().splitlines()[0]
        check(heading in text, "%r is not in the whole" % heading)
        check(heading.endswith("(%d)" % len(whole[kind])), heading)
    check(text.index("GAPS") < text.index("Runs"), "gaps do not come first")
    check("\x1b" not in text, "colour without a terminal")


@case
def show_either_capability(tmp):
    """One that would do as well as another is named beside it."""
    caps = ['"cap":"CAP_DAC_READ_SEARCH","instead":"CAP_DAC_OVERRIDE","strength":"required","denied":false',
            '"cap":"CAP_CHOWN","strength":"required","denied":false']
    with open(os.path.join(tmp, "x"), "w", encoding="utf-8") as f:
        f.write(trace("0" * 16, "web", caps=caps))
    for args in (["show", "x"], ["show", "--only", "caps", "x"]):
        text = whittle(*args, cwd=tmp).stdout.decode()
        check(re.search("CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE +required", text), text)
        check(re.search("CAP_CHOWN +required", text), text)


def in_terminal(args, env, columns):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update({"PATH": "/usr/bin:/bin", **env})
        subprocess.run(["stty", "cols", str(columns)], check=True)
        os.execv(WHITTLE, [WHITTLE, *args])
    out = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    os.close(fd)
    os.waitpid(pid, 0)
    return out.decode().replace("\r\n", "\n")


@case
def show_in_a_terminal(tmp):
    """Colour only where it is wanted; rows are cut to the terminal's width."""
    source = os.path.join(TOP, "tests/json/valid/all-kinds.json")
    check("\x1b[" in in_terminal(["show", source], {"TERM": "xterm"}, 80), "no colour")
    for env in ({"TERM": "dumb"}, {}, {"TERM": "xterm", "NO_COLOR": "1"}):
        check("\x1b[" not in in_terminal(["show", source], env, 80), "colour with %s" % env)
    long = trace("3" * 16, "x", files=[file_fact("/" + "long/" * 60 + "name", "read")])
    with open(os.path.join(tmp, "x"), "w", encoding="utf-8") as f:
        f.write(long)
    for line in in_terminal(["show", os.path.join(tmp, "x")], {"TERM": "dumb"}, 70).splitlines()[2:]:
        check(len(line) <= 70 or line.startswith("x: "), "%d columns: %s" % (len(line), line))


@case
def merge_adds_up(tmp):
    """Order does not matter, counts add, a single trace stays as it is, - works."""
    put_files(tmp)
    with open(os.path.join(tmp, "new.json"), "w", encoding="utf-8") as f:
        f.write(NEW)
    equal(whittle("merge", "-o", "ab", "old.json", "new.json", cwd=tmp).returncode, 0)
    equal(whittle("merge", "-o", "ba", "new.json", "old.json", cwd=tmp).returncode, 0)
    with open(os.path.join(tmp, "ab"), encoding="utf-8") as a, open(os.path.join(tmp, "ba"), encoding="utf-8") as b:
        merged = a.read()
        equal(merged, b.read())
    equal(whittle("merge", "-o", "-", "-", cwd=tmp, input=merged.encode()).stdout.decode(), merged)
    facts = {s["name"]: s["count"] for s in json.loads(merged)["syscalls"]}
    equal(facts, {"read": 2, "openat": 2, "close": 1, "init_module": 1})


@case
def diff_finds(tmp):
    """What widened, its risk, what did not count, and the exit status for each --fail-on."""
    for name, text in (("old", OLD), ("new", NEW)):
        with open(os.path.join(tmp, name), "w", encoding="utf-8") as f:
            f.write(text)
    done = whittle("diff", "--format", "json", "old", "new", cwd=tmp)
    equal((done.returncode, done.stderr), (1, b""))
    equal(whittle("diff", "--format", "json", "old", "new", cwd=tmp).stdout, done.stdout, "a second time")
    diff = json.loads(done.stdout)
    equal([(x["kind"], x["risk"], x["what"]) for x in diff["widening"]],
          [("syscall", "critical", "init_module (x86_64)"), ("file", "high", "/etc/shadow r"),
           ("socket", "medium", "connect AF_INET SOCK_STREAM 10.0.0.1:80")])
    equal([(x["kind"], x["what"]) for x in diff["narrowing"]], [("syscall", "close (x86_64)"), ("file", "/etc/b r")])
    equal(diff["counts"], {"low": 0, "medium": 1, "high": 1, "critical": 1})
    equal((diff["failed"], diff["notes"]), (True, []))
    for level, status in (("any", 1), ("low", 1), ("medium", 1), ("high", 1), ("critical", 1), ("never", 0)):
        equal(whittle("diff", "--fail-on", level, "old", "new", cwd=tmp).returncode, status, "status at " + level)
    back = whittle("diff", "--fail-on", "medium", "new", "old", cwd=tmp)
    equal(back.returncode, 0, "status of the way back at medium")
    equal(whittle("diff", "new", "old", cwd=tmp).returncode, 1, "status of the way back")
    equal(whittle("diff", "old", "old", cwd=tmp).returncode, 0, "status of no change")


@case
def diff_says_what_is_not_whole(tmp):
    """A gap is said, and is no widening."""
    with open(os.path.join(tmp, "gap"), "w", encoding="utf-8") as f:
        f.write(trace("4" * 16, "web", syscalls=[call("read", 0)], gaps=['"kind":"io-uring","detail":"io_uring_setup"']))
    with open(os.path.join(tmp, "old"), "w", encoding="utf-8") as f:
        f.write(trace("5" * 16, "web", syscalls=[call("read", 0)]))
    done = whittle("diff", "--format", "json", "old", "gap", cwd=tmp)
    equal(done.returncode, 0, "exit status")
    equal(len(json.loads(done.stdout)["notes"]), 1, "notes")
    check("not whole: NEW: gap: io_uring" in whittle("diff", "old", "gap", cwd=tmp).stdout.decode(), "text lacks it")


@case
def diff_for_machines(tmp):
    """SARIF and JUnit are well-formed and say the same; Markdown keeps foreign text from being markup."""
    evil = trace("6" * 16, "web", syscalls=[call("read", 0)], files=[file_fact("/etc/<b>|`x`\"&'", "read"), file_fact("/etc/shadow", "read")])
    for name, text in (("old", trace("7" * 16, "web", syscalls=[call("read", 0)])), ("new", evil)):
        with open(os.path.join(tmp, name), "w", encoding="utf-8") as f:
            f.write(text)
    sarif = json.loads(whittle("diff", "--format", "sarif", "old", "new", cwd=tmp).stdout)
    run = sarif["runs"][0]
    equal(sarif["version"], "2.1.0")
    rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        equal(rules[result["ruleIndex"]], result["ruleId"])
        check(result["level"] in ("note", "warning", "error"), result["level"])
        equal(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "new")
    equal(sorted(r["level"] for r in run["results"]), ["error", "note"])
    suite = xml.etree.ElementTree.fromstring(
        whittle("diff", "--format", "junit", "--fail-on", "high", "old", "new", cwd=tmp).stdout)[0]
    equal((suite.get("tests"), suite.get("failures")), (str(len(suite)), "1"))
    failed = [c.get("name") for c in suite if len(c)]
    equal(failed, ["/etc/shadow r"])
    text = whittle("diff", "--format", "markdown", "old", "new", cwd=tmp).stdout.decode()
    check("<b>" not in text and "`x`" not in text, text)
    for line in text.splitlines():
        check(not line.startswith("|") or line.count("|") == 6, line)


@case
def schema(tmp):
    """Every good trace at hand is good by docs/trace.schema.json, and so is one that was just recorded."""
    import jsonschema

    with open(os.path.join(TOP, "docs/trace.schema.json"), encoding="utf-8") as f:
        text = json.load(f)
    jsonschema.Draft202012Validator.check_schema(text)
    validator = jsonschema.Draft202012Validator(text)
    equal(whittle("record", "-o", "own.json", "--", "sh", "-c", "ls / >/dev/null; kill -0 $$; ulimit -n 64", cwd=tmp)
          .returncode, 0, "record")
    paths = [os.path.join(tmp, "own.json")]
    paths += glob.glob(os.path.join(TOP, "tests/json/valid/*.json"))
    paths += glob.glob(os.path.join(TOP, "samples/*/bundle/trace.json"))
    paths += [p for p in glob.glob(os.path.join(TOP, "tests/golden/**/*"), recursive=True)
              if os.path.isfile(p) and '"whittle-trace"' in open(p, encoding="utf-8", errors="replace").read(60)]
    check(len(paths) > 5, "only %d traces" % len(paths))
    for path in paths:
        # As whittle would write it: what is sorted and there once only.
        done = whittle("show", "--format", "json", path, cwd=tmp)
        equal((done.returncode, done.stderr), (0, b""), "show " + path)
        for error in validator.iter_errors(json.loads(done.stdout)):
            raise Wrong("%s: %s: %s" % (path, error.json_path, error.message[:200]))
    # The schema can say no.
    for bad in ('{"format":"whittle-trace","version":2,"complete":true}', EMPTY.replace("}", ',"x":[]}'),
                OLD.replace('"read"', '"eat"'), OLD.replace('"count":1', '"count":-1'), OLD.replace('"gid":0,', "")):
        check(list(validator.iter_errors(json.loads(bad))), "the schema takes " + bad)


def main():
    wanted = sys.argv[1:]
    bad = 0
    for name, function in CASES.items():
        if wanted and name not in wanted:
            continue
        tmp = tempfile.mkdtemp(prefix="whittle-cli-")
        try:
            function(tmp)
            print("ok %s" % name, flush=True)
        except Wrong as why:
            bad += 1
            print("not ok %s: %s" % (name, str(why).replace("\n", "\\n")), flush=True)
        except Exception as why:  # a case that breaks is a case that fails
            bad += 1
            traceback.print_exc()
            print("not ok %s: %s: %s" % (name, type(why).__name__, str(why).replace("\n", "\\n")), flush=True)
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
