# SPDX-License-Identifier: Apache-2.0
"""whittle verify --trace: the samples' bundles allow what was recorded, and with an entry less they do not."""
import concurrent.futures
import json
import os
import re
import shutil

from kit import TOP, case, check, equal, one_line, whittle

SAMPLES = ["nginx", "redis", "postgresql", "python", "node"]


def verify(trace, bundle, *more):
    done = whittle("verify", "--format", "json", "--trace", trace, bundle, *more)
    check(done.returncode in (0, 1), "exit status %d: %s" % (done.returncode, done.stderr.decode()))
    answer = json.loads(done.stdout)
    equal(answer["passed"], done.returncode == 0, "passed")
    return answer


def entries(answer, *verdicts):
    return {f["entry"] for f in answer["findings"] if f["verdict"] in (verdicts or ("refused", "missing"))}


def files_of(bundle):
    out = {}
    for name in ("seccomp.json", "capabilities.json", "apparmor.profile"):
        with open(os.path.join(bundle, name), encoding="utf-8") as f:
            out[name] = f.read()
    return out


def without_syscalls(files):
    """Each name, with all of its rules; and each rule that alone lets values of the trace through."""
    profile = json.loads(files["seccomp.json"])
    rules = profile["syscalls"]
    called = {fact["name"] for fact in json.loads(files["trace.json"])["syscalls"] if "ENOSYS" not in fact.get("errors", {})}
    for name in sorted({name for rule in rules for name in rule["names"]}):
        less = [dict(rule, names=[n for n in rule["names"] if n != name]) for rule in rules]
        # What was called and is now answered ENOSYS, so that another call does for it, has to get just that answer.
        yield (name, name in called or any(name in rule["names"] and rule["action"] == "SCMP_ACT_ALLOW" for rule in rules),
               "seccomp.json",
               json.dumps(dict(profile, syscalls=[rule for rule in less if rule["names"]])))
    for fact in json.loads(files["trace.json"])["syscalls"]:
        mine = [rule for rule in rules if fact["name"] in rule["names"] and rule.get("args")]
        values = fact["args"]["values"] if mine else []
        calls = [dict(zip(fact["args"]["index"], value)) for value in values]

        def lets(rule, call):
            return all(call[arg["index"]] & arg["value"] == arg["valueTwo"] for arg in rule["args"])
        for rule in mine:
            if any(lets(rule, call) and sum(lets(other, call) for other in mine) == 1 for call in calls):
                yield (fact["name"], True, "seccomp.json",
                       json.dumps(dict(profile, syscalls=[other for other in rules if other is not rule])))


def without_caps(files):
    for name in json.loads(files["capabilities.json"])["add"]:
        less = json.loads(files["capabilities.json"])
        less["add"].remove(name)
        yield name, True, "capabilities.json", json.dumps(less)


def without_rules(files):
    """Each line of the profile that allows something."""
    lines = files["apparmor.profile"].split("\n")
    for i, line in enumerate(lines):
        rule = re.sub(r",( #.*)?$", "", line.strip())
        if re.match(r'  (owner |"|/|capability|network|unix|signal|ptrace|mount|link)', line):
            # What another line allows too is not missed.
            if any(other.strip().startswith(rule) for j, other in enumerate(lines) if j != i):
                continue
            yield rule, True, "apparmor.profile", "\n".join(lines[:i] + lines[i + 1:])


def one_less(tmp, sample, number, change):
    """What is wrong when this entry is gone, or None."""
    entry, needed, file, text = change
    bundle = os.path.join(TOP, "samples", sample, "bundle")
    folder = os.path.join(tmp, "%s-%d" % (sample, number))
    os.mkdir(folder)
    for name, whole in files_of(bundle).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text if name == file else whole)
    answer = verify(os.path.join(bundle, "trace.json"), folder)
    shutil.rmtree(folder)
    if not needed:
        return None if answer["passed"] else "%s: fails without %s, that only a fallback asks for" % (sample, entry)
    if answer["passed"]:
        return "%s: passes without %s" % (sample, entry)
    return None if entry in entries(answer) else "%s: does not name %s, but %s" % (sample, entry, entries(answer))


@case
def offline_samples(tmp):
    for sample in SAMPLES:
        bundle = os.path.join(TOP, "samples", sample, "bundle")
        answer = verify(os.path.join(bundle, "trace.json"), bundle)
        equal(answer, {"passed": True, "findings": []}, sample)


def leave_out(tmp, which):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = []
        for sample in SAMPLES:
            bundle = os.path.join(TOP, "samples", sample, "bundle")
            with open(os.path.join(bundle, "trace.json"), encoding="utf-8") as f:
                changes = list(which(dict(files_of(bundle), **{"trace.json": f.read()})))
            # The sanitizers make it slow, and see as much in some of them.
            changes = changes[::10] if "ASAN_OPTIONS" in os.environ else changes
            check(changes, "nothing to leave out of " + sample)
            jobs += [pool.submit(one_less, tmp, sample, i, change) for i, change in enumerate(changes)]
        wrong = [w for w in (job.result() for job in jobs) if w]
    check(not wrong, "\n".join(wrong[:20]))


@case
def offline_without_a_syscall(tmp):
    leave_out(tmp, without_syscalls)


@case
def offline_without_a_capability(tmp):
    leave_out(tmp, without_caps)


@case
def offline_without_a_rule(tmp):
    leave_out(tmp, without_rules)


@case
def offline_tells_who(tmp):
    """The text has who did it, from where, when, and the answer it would have got."""
    bundle = os.path.join(TOP, "samples/nginx/bundle")
    shutil.copytree(bundle, os.path.join(tmp, "b"))
    for name, old, new in (("seccomp.json", '"sendfile",', ""), ("capabilities.json", '"CAP_CHOWN",', "")):
        path = os.path.join(tmp, "b", name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        check(old in text, "no " + old)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new, 1))
    done = whittle("verify", "--trace", os.path.join(bundle, "trace.json"), "b", cwd=tmp)
    text = done.stdout.decode()
    equal(done.returncode, 1, "exit status")
    check(re.search(r"refused +sendfile\n +sendfile on x86_64 would be answered with errno EPERM\n"
                    r" +\d+ times?, serving, first by /usr/sbin/nginx\n +libc\.so\.6:sendfile", text), text)
    check(re.search(r"refused +CAP_CHOWN\n +chown \S+ to uid 33 by uid 0 needs CAP_CHOWN", text), text)
    check("FAILED: the bundle would have refused 2 things\n" in text, text)


@case
def offline_other_release(tmp):
    """Another service's trace: what this bundle has no entry for, each of several traces counted."""
    bundle = os.path.join(TOP, "samples/redis/bundle")
    trace = os.path.join(TOP, "samples/nginx/bundle/trace.json")
    answer = verify(trace, bundle)
    check({"sendfile", "CAP_CHOWN", "/usr/sbin/nginx ix"} & entries(answer) >= {"sendfile", "CAP_CHOWN"}, entries(answer))
    check(any("/run/whittle-sample-nginx/nginx.conf r" in e for e in entries(answer)), entries(answer))
    both = verify(os.path.join(bundle, "trace.json"), bundle, trace)
    equal(entries(both) >= {"sendfile", "CAP_CHOWN"}, True, "of the second trace")


@case
def offline_several_profiles(tmp):
    """Each program is judged by its own profile: what another may do is no help, and a change that is missing is named."""
    golden = os.path.join(TOP, "tests/golden/several")
    trace = os.path.join(golden, "trace.json")
    with open(os.path.join(golden, "args"), encoding="utf-8") as f:
        made = whittle("generate", "-o", "b", *f.read().split(), trace, cwd=tmp)
    equal(made.returncode, 0, "generate")
    bundle = os.path.join(tmp, "b")
    equal(verify(trace, bundle), {"passed": True, "findings": []}, "whole")
    whole = files_of(bundle)["apparmor.profile"]
    for line, entry, verdict in (
            ("  /usr/bin/perl cx -> perl,", "/usr/bin/perl px -> whittle-several//perl", "refused"),
            ("    /usr/bin/cat px -> whittle-several//cat,", "/usr/bin/cat px -> whittle-several//cat", "refused"),
            ("    /usr/bin/cat rm,", "/usr/bin/cat rm", "refused"),
            ("    owner /run/several/log w,", "owner /run/several/log w", "refused"),
            ("    signal (send) set=(term) peer=whittle-several//tail,",
             "signal (send) set=(term) peer=whittle-several//tail", "refused")):
        equal(whole.count("\n%s\n" % line), 1, line)
        with open(os.path.join(bundle, "apparmor.profile"), "w", encoding="utf-8") as f:
            f.write(whole.replace("\n%s\n" % line, "\n"))
        answer = verify(trace, bundle)
        check(not answer["passed"] and entry in entries(answer, verdict), "%s: %s" % (line, answer))
    # It stays in the profile of who executes it: there it is not known what it did.
    with open(os.path.join(bundle, "apparmor.profile"), "w", encoding="utf-8") as f:
        f.write(whole.replace("/usr/bin/perl cx -> perl,", "/usr/bin/perl ix,"))
    check("/usr/bin/perl" in entries(verify(trace, bundle), "unjudged"), "a change that is none")
    with open(os.path.join(bundle, "apparmor.profile"), "w", encoding="utf-8") as f:
        f.write(whole.replace("profile tail flags", "profile head flags"))
    check("tail" in entries(verify(trace, bundle), "refused"), "a profile that is missing")


ARGS = '{"names":["ioctl"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":%d,"op":"SCMP_CMP_EQ"}]},'


@case
def offline_says_what_it_cannot_judge(tmp):
    """A rule on an argument that the trace does not have; an include; rules on values that were, and were not, seen."""
    bundle = os.path.join(TOP, "samples/nginx/bundle")
    shutil.copytree(bundle, os.path.join(tmp, "b"))
    trace = os.path.join(bundle, "trace.json")
    files = files_of(bundle)

    def put(name, text):
        with open(os.path.join(tmp, "b", name), "w", encoding="utf-8") as f:
            f.write(text)
    put("seccomp.json", files["seccomp.json"].replace('"read",', "", 1).replace('"syscalls": [', '"syscalls": [' + ARGS.replace("ioctl", "read") % 3))
    answer = verify(trace, os.path.join(tmp, "b"))
    equal(entries(answer, "unjudged"), {"read"})
    profile = json.loads(files["seccomp.json"])
    profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"] != ["ioctl"]] + [json.loads(ARGS[:-1] % 12345)]
    put("seccomp.json", json.dumps(profile))
    answer = verify(trace, os.path.join(tmp, "b"))
    equal(entries(answer), {"ioctl"})
    check(any(re.match(r"ioctl\(.*0x[0-9a-f]+.*\) on x86_64", f["why"]) for f in answer["findings"]), answer)
    put("seccomp.json", files["seccomp.json"])
    for text, want in (("{\n  include <abstractions/base>\n", "an include, which is another file, is not judged here"),
                       ("{\n  #include <abstractions/base>\n", "an include, which is another file, is not judged here"),
                       ("{\n  bogus rule,\n", "'bogus' is no rule known here")):
        put("apparmor.profile", files["apparmor.profile"].replace("{\n  # Cap", text + "  # Cap", 1))
        one_line(whittle("verify", "--trace", trace, "b", cwd=tmp),
                 "whittle verify: b/apparmor.profile: line 16: " + want)


@case
def offline_denies(tmp):
    """A deny wins over what allows; an owner rule is none for another's file; wider rules do."""
    bundle = os.path.join(TOP, "samples/nginx/bundle")
    shutil.copytree(bundle, os.path.join(tmp, "b"))
    profile = files_of(bundle)["apparmor.profile"]
    for old, new, want in (
            ("  /etc/group r,", "  /etc/group r,\n  deny /etc/gr{ou,}p r,", {"/etc/group r"}),
            ("  /etc/group r,", "  owner /etc/group r,", set()),  # root's, read by root
            ("  /run/whittle-sample-nginx/log/access.log w,", "  owner /run/whittle-sample-nginx/log/access.log w,",
             {"/run/whittle-sample-nginx/log/access.log w"}),
            ("  /etc/group r,", "  /etc/* r,", set()),
            ("  /etc/nginx/mime.types r,", "  /etc/* r,", {"/etc/nginx/mime.types r"}),
            ("  /etc/nginx/mime.types r,", '  "/etc/**" r,', set()),
            ("  network inet stream,", "  network,", set()),
            ("  network inet stream,", "  network inet tcp,", set()),
            ("  network inet stream,", "  network inet6 stream,", {"network inet stream"}),
            ("  network inet stream,", "  network inet stream,\n  deny network inet,", {"network inet stream"}),
            ("  capability chown,", "  capability chown,\n  deny capability chown,", {"capability chown"}),
            ("  capability chown,\n  capability dac_override,", "  capability (chown, dac_override),", set()),
            ("abi <abi/3.0>,", "abi <abi/4.0>,", set()),
            ("type=stream,", "type=stream addr=none,", None)):
        check(old in profile, "no " + old)
        with open(os.path.join(tmp, "b/apparmor.profile"), "w", encoding="utf-8") as f:
            f.write(profile.replace(old, new, 1))
        answer = verify(os.path.join(bundle, "trace.json"), os.path.join(tmp, "b"))
        if want is None:
            equal(len(entries(answer, "unjudged")), 1, new)
        else:
            equal(entries(answer), want, new)


@case
def offline_wrong_use(tmp):
    trace = os.path.join(TOP, "samples/nginx/bundle/trace.json")
    for args, want in ((["--trace", trace, "--load", "x", "b"], "--load does not go with --trace: nothing is run"),
                       (["--format", "json", "b", "--", "true"], "--format goes with --trace")):
        one_line(whittle("verify", *args, cwd=tmp), "whittle verify: " + want)
    equal(whittle("verify", "--trace", trace, "nowhere", cwd=tmp).returncode, 2)
