#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers recorded by whittle as a hook and as a runtime, on the real runc, crun, Docker and Podman.

Prints "ok NAME", "not ok NAME: why" or "skip NAME: reason" a case; needs root.

    tests/container/run.py --build /tmp/whittle [NAME…]
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from bed import (BRIEF, SERVE, SPEAK, Docker, Place, Podman, attempt, check, check_trace, container, equal, nothing_left,
                 one_trace, phases_of, run, shown, traces, tracer_of, unify_cgroups, wait_for, wait_traces, with_engine)
import harness

# ---- runc and crun alone -------------------------------------------------------------------------

def hook_in_config(place, runtime):
    """Nothing but a hook in the bundle: what the container shows is as without."""
    plain = run(*place.real(runtime), "run", "--bundle", place.bundle(runtime, SPEAK), "plain")
    equal(shown(plain), (7, "to out\n", "to err\n"), "without whittle")
    folder = place.folder("traces")
    bundle = place.bundle(runtime, SPEAK, **{"org.whittle.trace": folder})
    path = os.path.join(bundle, "config.json")
    config = harness.load(path)
    config["hooks"] = {"createRuntime": [json.loads(run(place.whittle, "hook", "--json", "all").stdout)["hook"]]}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    equal(shown(run(*place.real(runtime), "run", "--bundle", bundle, "hooked")), shown(plain), "recorded")
    trace = one_trace(folder)
    check_trace(trace, "exited 7", runtime)
    equal((trace["runs"][0]["container_id"], os.listdir(folder)), ("hooked", ["hooked.trace.json"]), "the name")


def check_questions(trace):
    """What the kernel asked is of the service and of what was executed beside it, each apart, and not of the runtime."""
    if "questions" not in trace["runs"][0]:  # before Linux 6.14, where there may be no kprobes
        return
    equal({p for q in trace["questions"] for p in q.get("programs", [])}, {"/bin/busybox"}, "who was asked")
    by_phase = [{q["cap"] for q in trace["questions"] if phases & {*q["phases"]}}
                for phases in ({"startup", "serving"}, {"exec"}, {"runtime"})]
    check(by_phase[0] and by_phase[1] and not by_phase[2], f"questions by phase: {by_phase}")


def wrapper(place, runtime):
    """By the wrapper: the configuration keeps all that it had, and what is executed later joins."""
    folder, bundle = place.folder("traces"), place.bundle(runtime, SERVE)
    before = harness.load(os.path.join(bundle, "config.json"))
    command = place.wrapped(runtime, folder)
    with container(place, command, bundle, "wrapped", runtime):
        after = harness.load(os.path.join(bundle, "config.json"))
        equal(len(after.pop("hooks")["createRuntime"]), 1, "hooks")
        equal(after, before, "the configuration but for the hooks")
        done = run(*command, "exec", "wrapped", "/bin/sh", "-c", "cat /etc/of-exec; exit 4")
        equal(shown(done), (4, "exec\n", ""), "exec")
        equal(run(*command, "kill", "wrapped", "TERM").returncode, 0, "kill")
        trace = one_trace(folder)
    check_trace(trace, "exited 5", runtime)
    equal(phases_of(trace, "/etc/of-exec"), ["exec"], "the phase of what was executed later")
    check("exec" not in phases_of(trace, "/etc/of-service"), "the service's own facts are of phase exec")
    check_questions(trace)


def not_joined(place, runtime):
    """What is executed and cannot be traced runs as ever, with a line that says so; and it is a gap with its name."""
    folder, bundle = place.folder("traces"), place.bundle(runtime, SERVE)
    command = place.wrapped(runtime, folder)
    brief = [f"/bin/busybox{i}" for i in range(BRIEF)]
    with container(place, command, bundle, "shut", runtime) as pid:
        done = run("strace", "-f", "-qq", "-o", "/dev/null", *command, "exec", "shut", "/bin/sh", "-c", "cat /etc/of-exec; exit 4")
        equal((done.returncode, done.stdout), (4, "exec\n"), f"exec: {done.stderr}")
        check(done.stderr.count("\n") == 1 and done.stderr.startswith("whittle runtime: not recorded: ")
              and "traces it already" in done.stderr, f"it does not say so: {done.stderr}")
        for name in brief:
            equal(run("nsenter", "-t", str(pid), "-m", "-p", name, "true").returncode, 0, "a brief one")
        equal(run(*command, "kill", "shut", "TERM").returncode, 0, "kill")
        trace = one_trace(folder)
    missed = {g["detail"]: g["count"] for g in trace["gaps"] if g["kind"] == "unjoined"}
    # A busybox's shell executes itself for what it can do.
    check(missed.get("/bin/sh") == 1 and missed.get("/proc/self/exe") == 1, f"gaps {trace['gaps']}")
    check(any("traces it already" in detail for detail in missed), f"gaps {trace['gaps']}")
    told = {e["to"] for e in trace["execs"]} | {g["detail"] for g in trace["gaps"] if g["kind"] in ("unjoined", "joined-late")}
    equal([name for name in brief if name not in told], [], f"those that left no trace; gaps {trace['gaps']}")
    equal(phases_of(trace, "/etc/of-exec"), [], "what could not be seen")


def unjoined_in_foreground(place, runtime):
    """An engine that cannot take up a task in its middle names it."""
    bundle, trace = place.bundle(runtime, SERVE), os.path.join(place.folder("traces"), "x.json")
    line = "for i in 1 2 3 4 5 6 7 8 9 10; do nsenter -t $WHITTLE_CONTAINER_PID -m -p /bin/true; done"
    done = run(place.whittle, "record", "--runtime", runtime, "-o", trace, "--load", line, "--bundle", bundle)
    equal(done.returncode, 0, done.stderr)
    missed = {g["detail"]: g["count"] for g in harness.load(trace)["gaps"] if g["kind"] == "unjoined"}
    equal((harness.load(trace)["runs"][0]["engine"], missed), ("assisted", {"/bin/true": 10}), "gaps")


def recorder_killed(place, runtime):
    """The container goes on, is entered, and ends as it should."""
    folder, bundle = place.folder("traces"), place.bundle(runtime, SERVE)
    command = place.wrapped(runtime, folder)
    with container(place, command, bundle, "orphan", runtime) as pid:
        tracer = tracer_of(pid)
        check(tracer > 1, "nobody traces it")
        os.kill(tracer, signal.SIGKILL)
        wait_for(lambda: tracer_of(pid) == 0, "the container is rid of its tracer")
        equal(shown(run(*command, "exec", "orphan", "/bin/cat", "/etc/of-exec")), (0, "exec\n", ""), "exec")
        equal(run(*command, "kill", "orphan", "TERM").returncode, 0, "kill")
        wait_for(lambda: json.loads(run(*command, "state", "orphan").stdout)["status"] == "stopped", "it ends")
    equal(traces(folder), {}, "traces of what was not recorded to the end")


def same_name_again(place, runtime):
    """No trace replaces another one, of whichever state folder the container is."""
    folder = place.folder("traces")
    for _ in range(2):
        command = place.wrapped(runtime, folder)
        equal(run(*command, "run", "--bundle", place.bundle(runtime, SPEAK), "again").returncode, 7, "run")
        wait_traces(folder, 1)
    equal(sorted(wait_traces(folder, 2)), ["again-2.trace.json", "again.trace.json"], "traces")


def refused(place, runtime):
    """What cannot be recorded does not start, and one line says why: to the caller, and in the log for the engine."""
    read_only = place.folder("read-only")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", read_only], check=True)
    log = os.path.join(place.top, "log.json")
    for annotation, why in (("somewhere/x.trace", "'somewhere/x.trace' is not an absolute path"),
                            ("/etc/passwd", "must be a folder, or a file whose name ends with"),
                            ("/no/such/x.trace", "cannot write /no/such/x.trace: No such file or directory"),
                            (read_only, "refused.trace.json: Read-only file system")):
        bundle = place.bundle(runtime, SPEAK, **{"org.whittle.trace": annotation})
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
        done = run(*place.wrapped(runtime, place.top), "--log", log, "--log-format", "json", "run", "--bundle", bundle,
                   "refused")
        equal((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), f"{annotation}: {done.stderr}")
        check(why in done.stderr, done.stderr)
        equal("whittle " + harness.load(log)["msg"].removeprefix("whittle ") + "\n", done.stderr, "log")
    subprocess.run(["umount", read_only], check=True)
    done = run(*place.wrapped("no-such-runtime", place.top), "--log", log, "state", "x")
    equal((done.returncode, done.stderr.count("\n")), (2, 1), "runtime missing")
    check("cannot run no-such-runtime: there is no such program in PATH" in done.stderr, done.stderr)


def foreground(place, runtime):
    """A bundle with numbers that many a JSON reader would round, recorded in the foreground from a copy."""
    bundle, trace = place.bundle(runtime, SPEAK), os.path.join(place.folder("traces"), "x.json")
    with open(os.path.join(bundle, "config.json"), encoding="utf-8") as f:
        before = f.read()
    check(str(2**64 - 1) in before, before)
    done = run(place.whittle, "record", "--runtime", runtime, "-o", trace, "--bundle", bundle)
    equal((done.returncode, done.stdout), (1, "to out\n"), done.stderr)
    equal(harness.load(trace)["runs"][0]["outcome"], "exited 7", "outcome")
    with open(os.path.join(bundle, "config.json"), encoding="utf-8") as f:
        equal(f.read(), before, "the user's bundle")


def trace_not_written(place, runtime):
    """What goes wrong at the end is said beside the trace."""
    folder = place.folder("traces")
    where = os.path.join(folder, "x.trace.json")
    bundle = place.bundle(runtime, SERVE, **{"org.whittle.trace": where})
    command = place.wrapped(runtime, folder)
    with container(place, command, bundle, "unwritten", runtime):
        os.mkdir(where)
        equal(run(*command, "kill", "unwritten", "TERM").returncode, 0, "kill")
        log = wait_for(lambda: os.path.exists(where + ".log") and open(where + ".log", encoding="utf-8").read(), "a log")
    equal(log, f"container unwritten: cannot write {where}: it is a folder\n", "log")


def recorder_told_to_end(place, runtime):
    """A signal to the recorder is none to the container; what was seen until then is written, and marked as cut short."""
    folder, bundle = place.folder("traces"), place.bundle(runtime, SERVE)
    command = place.wrapped(runtime, folder)
    with container(place, command, bundle, "told", runtime) as pid:
        tracer = tracer_of(pid)
        for sig in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            os.kill(tracer, sig)
        trace = one_trace(folder)
        only = trace["runs"][0]
        equal((only["outcome"], only["complete"]), ("left running at SIGTERM", False), "run")
        equal([g["kind"] for g in trace["gaps"]], ["cut-short"], "gaps")
        check(phases_of(trace, "/etc/of-service"), "what was seen until then is not in the trace")
        equal(tracer_of(pid), 0, "tracer")
        equal(shown(run(*command, "exec", "told", "/bin/cat", "/etc/of-exec")), (0, "exec\n", ""), "exec")
        equal(run(*command, "kill", "told", "TERM").returncode, 0, "kill")
        wait_for(lambda: json.loads(run(*command, "state", "told").stdout)["status"] == "stopped", "it ends")


def rootless(place, runtime):
    """A user's own container, recorded by that user."""
    folder, bundle = place.folder("traces"), place.bundle(runtime, "id -u; exit 7")
    path = os.path.join(bundle, "config.json")
    config = harness.load(path)
    linux = config["linux"]
    linux["namespaces"] = [*(n for n in linux["namespaces"] if n["type"] != "network"), {"type": "user"}]
    linux["uidMappings"] = linux["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    config["mounts"] = [m for m in config["mounts"] if m["type"] not in ("sysfs", "devpts")]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    for owned in (folder, bundle, path):
        os.chown(owned, 1000, 1000)
    own = place.folder("user")
    os.chown(own, 1000, 1000)
    done = run("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "sh", "-c",
               'cd "$0" && "$@" >out 2>&1; status=$?; cat out; exit $status', own,
               place.whittle, "runtime", "--runtime", runtime, "--output", folder, "--", "--root", own + "/state", "run",
               "--bundle", bundle, "mine", env={**os.environ, "XDG_RUNTIME_DIR": own})
    equal(shown(done), (7, "0\n", ""), "run")
    only = one_trace(folder)["runs"][0]
    equal((only["outcome"], only["complete"]), ("exited 7", True), "run")


def no_permission(place, runtime):
    """The hook may not trace: the runtime says so, and starts nothing."""
    bundle = place.bundle(runtime, SPEAK, **{"org.whittle.trace": place.folder("traces")})
    path = os.path.join(bundle, "config.json")
    config = harness.load(path)
    config["hooks"] = {"createRuntime": [{"path": shutil.which("setpriv"), "args": [
        "setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", place.whittle, "hook"]}]}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    done = run(*place.real(runtime), "run", "--bundle", bundle, "forbidden")
    check(done.returncode not in (0, 7), f"it was started: {shown(done)}")
    equal(done.stdout, "", "what the container has said")
    if runtime == "runc":
        check("whittle hook: cannot trace: ptrace: Operation not permitted" in done.stderr, done.stderr)


# ---- Docker --------------------------------------------------------------------------------------

def docker_same(docker):
    """Streams, exit statuses and signals, recorded as not."""
    for name, more, script, given in (("speaks", (), SPEAK, ""), ("reads", ("-i",), "cat; exit 3", "some\ninput\n"),
                                      ("kills", (), "sh -c 'kill -9 $$'; exit $?", ""),
                                      ("absent", ("--entrypoint", "/bin/absent"), "", "")):
        plain, recorded = (docker.run("--rm", *more, *names, runtime=runtime, script=script, stdin=None, input=given)
                           for runtime, names in (("runc", ()), ("whittle", ("--name", name))))
        equal(shown(recorded), shown(plain), name)
    run_of = docker.trace_of("speaks")[0]["runs"][0]
    check_trace(docker.trace_of("speaks")[0], "exited 7", "runc")
    equal({k: run_of.get("container_" + k) for k in ("engine", "name", "image")},
          {"engine": "docker", "name": "speaks", "image": "busybox:1"}, "what it is called")
    equal(docker.trace_of("kills")[0]["runs"][0]["outcome"], "exited 137", "kills")


def docker_life(docker):
    """exec, health checks, stop, and a second start."""
    docker.serve("life", "--health-cmd", "cat /etc/of-health", "--health-interval", "1s")
    equal(shown(run("docker", "exec", "life", "/bin/sh", "-c", "cat /etc/of-exec; exit 4")), (4, "exec\n", ""), "exec")
    wait_for(lambda: docker.inspect("life", "{{.State.Health.Status}}") == "healthy", "healthy")
    equal(run("docker", "stop", "life").returncode, 0, "stop")
    equal(docker.inspect("life", "{{.State.ExitCode}}"), "5", "exit status")
    trace = docker.trace_of("life")[0]
    check_trace(trace, "exited 5", "runc")
    for name in ("exec", "health"):
        equal(phases_of(trace, "/etc/of-" + name), ["exec"], f"phases of {name}")
    equal(run("docker", "start", "life").returncode, 0, "start again")
    equal(run("docker", "rm", "-f", "life").returncode, 0, "rm -f")
    wait_for(lambda: len(docker.trace_of("life")) == 2, "a trace of each start")


def docker_refused(docker):
    """The user of the engine is told why."""
    done = docker.run("--rm", "-e", "WHITTLE_TRACE=x.trace")
    equal(done.returncode, 125, done.stderr)
    check("WHITTLE_TRACE in the container's environment: 'x.trace' is not an absolute path" in done.stderr, done.stderr)


def docker_label(docker):
    where = os.path.join(docker.place.folder("label"), "x.trace")
    equal(docker.run("--rm", "--label", f"org.whittle.trace={where}").returncode, 7, "run")
    wait_for(lambda: os.path.exists(where), "a trace where the label says")


def docker_many(docker):
    """Twenty at once: each its own trace."""
    names = [f"many{i}" for i in range(20)]
    done = harness.in_parallel(lambda name: docker.run("--rm", "--name", name), [(n,) for n in names], 20)
    equal([shown(d) for d in done], [(7, "to out\n", "to err\n")] * 20, "what they have shown")
    for name in names:
        check_trace(docker.trace_of(name)[0], "exited 7", "runc")


def docker_recorder_killed(docker):
    pid = docker.serve("orphan")
    os.kill(tracer_of(pid), signal.SIGKILL)
    wait_for(lambda: tracer_of(pid) == 0, "the container is rid of its tracer")
    equal(shown(run("docker", "exec", "orphan", "cat", "/etc/of-exec")), (0, "exec\n", ""), "exec")
    equal(run("docker", "stop", "orphan").returncode, 0, "stop")
    equal(docker.inspect("orphan", "{{.State.ExitCode}}"), "5", "exit status")


def docker_restart(docker):
    """The engine goes and comes again; with live-restore its containers stay, without they are stopped."""
    docker.serve("falls")
    docker.stop_daemon()
    check_trace(docker.trace_of("falls")[0], "exited 5", "runc")
    config = harness.load(docker.config)
    with open(docker.config, "w", encoding="ascii") as f:
        json.dump({**config, "live-restore": True}, f)
    docker.start()
    pid = docker.serve("stays")
    docker.stop_daemon()
    check(tracer_of(pid) > 0, "it is not recorded any more")
    docker.start()
    equal(shown(run("docker", "exec", "stays", "cat", "/etc/of-exec")), (0, "exec\n", ""), "exec")
    equal(run("docker", "stop", "stays").returncode, 0, "stop")
    trace = docker.trace_of("stays")[0]
    check_trace(trace, "exited 5", "runc")
    equal(phases_of(trace, "/etc/of-exec"), ["exec"], "the phase of what was executed after the restart")


def docker_uninstall(docker):
    with open(docker.config, "w", encoding="ascii") as f:
        f.write('{\n  "debug": false\n}\n')
    done = run(docker.place.whittle, "runtime", "install", "--config", docker.config, "--output", "/a b/")
    equal((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), "a path that Docker cannot quote")
    for word, wanted in (("install", "is added"), ("install", "was there already"), ("uninstall", "is removed")):
        done = run(docker.place.whittle, "runtime", word, "--config", docker.config)
        equal(done.returncode, 0, done.stderr)
        check(wanted in done.stdout, done.stdout)
    with open(docker.config, encoding="ascii") as f:
        equal(f.read(), '{\n  "debug": false\n}\n', "daemon.json")


# ---- Podman --------------------------------------------------------------------------------------

def podman_way(podman, before, name):
    folder = podman.place.folder("traces")
    plain = podman.run(("--runtime", "runc"), "--rm")
    equal(shown(plain), (7, "to out\n", "to err\n"), "without whittle")
    recorded = podman.run(before, "--rm", "--name", name, "--annotation", f"org.whittle.trace={folder}/")
    equal(shown(recorded), shown(plain), "recorded")
    trace = one_trace(folder)
    check_trace(trace, "exited 7", "runc")
    equal({k: trace["runs"][0].get("container_" + k) for k in ("engine", "name", "image")},
          {"engine": "podman", "name": name, "image": "localhost/busybox:1"}, "what it is called")
    done = podman.run(before, "-d", "--name", name + "-serves", "--annotation", f"org.whittle.trace={folder}/",
                      script=SERVE)
    equal(done.returncode, 0, done.stderr)
    wait_for(lambda: "up" in run(*podman.command, "logs", name + "-serves").stdout, "it is up")
    done = run(*podman.command, *before, "exec", name + "-serves", "cat", "/etc/of-exec")
    equal(shown(done), (0, "exec\n", ""), "exec")
    equal(run(*podman.command, *before, "stop", name + "-serves").returncode, 0, "stop")
    equal(run(*podman.command, "inspect", "-f", "{{.State.ExitCode}}", name + "-serves").stdout, "5\n", "exit status")
    return next(t for n, t in wait_traces(folder, 2).items() if "-serves" in n)


def podman_hooks(podman):
    hooks = podman.place.folder("hooks.d")
    with open(os.path.join(hooks, "whittle.json"), "w", encoding="utf-8") as f:
        f.write(run(podman.place.whittle, "hook", "--json", "annotated").stdout)
    podman_way(podman, ("--runtime", "runc", "--hooks-dir", hooks), "hooked")


def podman_runtime(podman):
    """By the name for engines that take but a path."""
    path = os.path.join(podman.place.options.build, "whittle-runtime")
    trace = podman_way(podman, ("--runtime", path), "wrapped")
    equal(phases_of(trace, "/etc/of-exec"), ["exec"], "the phase of what was executed later")


# ---- all -----------------------------------------------------------------------------------------

def main():
    options = harness.parse(harness.parser(__doc__))
    harness.isolate(own_run=True)
    unify_cgroups()
    results = harness.Results()
    with harness.temporary("container", options.keep, short=True) as top:
        place = Place(options, top)
        for runtime in ("runc", "crun"):
            for function in (hook_in_config, wrapper, not_joined, unjoined_in_foreground, recorder_killed, same_name_again, refused,
                             no_permission, foreground, trace_not_written, recorder_told_to_end):
                attempt(options, results, f"{runtime}/{function.__name__}", function, place, runtime)
        attempt(options, results, "runc/rootless", rootless, place, "runc")
        with_engine(options, results, Podman, place, (podman_hooks, podman_runtime))
        with_engine(options, results, Docker, place,
                    (docker_same, docker_life, docker_refused, docker_label, docker_many, docker_recorder_killed,
                     docker_restart, docker_uninstall))
        attempt(options, results, "nothing-left", nothing_left, options)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
