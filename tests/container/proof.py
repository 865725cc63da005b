#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The proof on the real Docker and Podman: nginx, redis, postgresql, a node, a python and a Go service, each as an image, are
recorded from outside under their load, and serve that load under what was generated, with no_new_privs and without.

   proof.py [--build DIR] [--whittle FILE] [--on docker,podman] [NAME…]

A NAME is a part of "ENGINE/SERVICE". Each is started twice in each way; WH_PROOF_STARTS=20 shows what varies from start to
start. docker exec, the health check and docker stop (exit status 0) work under the profile, the pod serves in "podman kube play", and a
profile without a call that the service needs fails. Prints a line a case.
"""
import functools
import json
import os
import shutil
import subprocess
import sys
import time
import traceback

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True
import harness

images = harness.module("container", "images.py")
engines = harness.module("container", "engines.py")
Failed = engines.Failed

# While recording: a filter that denies nothing, under which the runtime's own calls show.
PERMISSIVE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]}


def as_pod(name, entry):
    """What belongs into a container's entry, in the least pod that Podman takes; a whole pod as it is."""
    if "spec" in entry:
        return entry
    seccomp = entry["securityContext"]["seccompProfile"]
    # Podman looks into no folder.
    profile = seccomp["localhostProfile"] = os.path.basename(seccomp["localhostProfile"])
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "annotations": {
                "container.seccomp.security.alpha.kubernetes.io/" + name: "localhost/" + profile}},
            "spec": {"containers": [{"name": name, **entry}]}}


class Proof:
    """Of one service on one engine; each step raises Failed, or returns."""

    def __init__(self, options, top, engine, service):
        self.options, self.engine, self.service = options, engine, service
        self.starts = int(os.environ.get("WH_PROOF_STARTS", "2"))
        self.folder = os.path.join(top, f"{engine.name}-{service.name}")
        self.trace = os.path.join(self.folder, "proof.trace.json")
        os.makedirs(self.folder)
        self.n = 0

    def container(self, *arguments, cwd=None, engine=None):
        self.n += 1
        return (engine or self.engine).container(self.service, f"{self.service.name}-{self.n}", *arguments, cwd=cwd)

    def whole_life(self, container):
        """The load, docker exec, the health check, and docker stop."""
        container.serve()
        container.execute(self.service.health)
        container.wait_healthy()
        status = container.stop()
        if status != 0:
            raise Failed(f"it exited {status} when it was stopped: {container.logs()}")

    def record(self):
        permissive = os.path.join(self.folder, "permissive.json")
        with open(permissive, "w", encoding="utf-8") as f:
            json.dump(PERMISSIVE, f)
        with self.container(*self.engine.recording, "-e", "WHITTLE_TRACE=" + self.trace,
                            "--security-opt", "seccomp=" + permissive, engine=self.engine.recorder) as container:
            self.whole_life(container)
        end = time.monotonic() + 20
        while not os.path.exists(self.trace):
            if time.monotonic() > end:
                raise Failed("the container has ended, and there is no trace")
            time.sleep(0.05)
        trace = harness.load(self.trace)
        phases = {phase for fact in trace["syscalls"] for phase in fact["phases"]}
        if not {"runtime", "serving", "exec"} <= phases:
            raise Failed(f"the trace has only the phases {sorted(phases)}")
        if not (trace["runs"][0].get("runtime") or "").startswith("runc "):
            raise Failed(f"the trace does not say which runtime: {trace['runs'][0]}")

    def generate(self, no_new_privs):
        """A folder with the bundle in "bundle", as docker-run.args wants it."""
        made = os.path.join(self.folder, "nnp-" + no_new_privs)
        os.makedirs(made)
        harness_log = os.path.join(made, "log")
        with open(harness_log, "w+", encoding="utf-8", errors="replace") as log:
            _, status = harness.run_limited(
                [self.options.whittle, "generate", "-o", "bundle", "--no-new-privs", no_new_privs, self.trace], 60,
                cwd=made, stdout=log, stderr=log)
            log.seek(0)
            if status != 0:
                raise Failed(f"generate: exit {status}: {engines.last_line(log.read())}")
        return made

    def confined(self, no_new_privs):
        made = self.generate(no_new_privs)
        with open(os.path.join(made, "bundle", "NOTES.txt"), encoding="utf-8") as f:
            notes = f.read()
        # It was recorded without no_new_privs: with it less is called under the filter.
        if ("while recording, with runc" in notes) != (no_new_privs == "off"):
            raise Failed("NOTES.txt does not say where the needs of the runtime were measured")
        if "does not have" in notes:
            raise Failed(f"the table of the needs of runc lacks something: {notes}")
        arguments = self.engine.confinement(made)
        if ("--security-opt=no-new-privileges" in arguments) != (no_new_privs == "on"):
            raise Failed(f"docker-run.args: {arguments}")
        with self.container(*arguments, cwd=made) as container:
            self.whole_life(container)
        # What a runtime does while it starts is not the same each time.
        for i in range(1, self.starts):
            try:
                with self.container(*arguments, cwd=made) as container:
                    container.wait_serving()
                    container.stop()
            except Failed as failed:
                raise Failed(f"start {i + 1} of {self.starts}: {failed}") from failed

    def played(self):
        """podman kube play of the pod as it was generated, but for what it cannot know."""
        bundle = os.path.join(self.folder, "nnp-on", "bundle")
        with open(os.path.join(bundle, "kubernetes.yaml"), encoding="utf-8") as f:
            pod = as_pod(self.service.name, yaml.safe_load(f))
        made, = pod["spec"]["containers"]
        made["image"] = self.engine.image(self.service)
        # Podman would publish them through a bridge, and there is but loopback.
        made.pop("ports", None)
        # Where the kernel has no AppArmor there is none to be asked for.
        if not engines.HAS_APPARMOR:
            made["securityContext"].pop("appArmorProfile", None)
        profile = made["securityContext"]["seccompProfile"]["localhostProfile"]
        root = os.path.join(self.folder, "seccomp")
        os.makedirs(root)
        shutil.copy(os.path.join(bundle, "seccomp.json"), os.path.join(root, profile))
        with self.engine.pod(self.service, pod, root) as container:
            container.serve()
            status = os.path.join("/proc", container.inspect(".State.Pid"), "status")
            with open(status, encoding="utf-8") as f:
                if "Seccomp:\t2\n" not in f.read():
                    raise Failed("the pod runs without a filter")

    def refuted(self):
        """With a call less that it needs it does not serve."""
        made = os.path.join(self.folder, "nnp-on")
        path = os.path.join(made, "bundle", "seccomp.json")
        profile, call = harness.load(path), self.service.needs[0]
        for rule in profile["syscalls"]:
            if call in rule["names"]:
                rule["names"].remove(call)
                break
        else:
            raise Failed(f"seccomp.json does not allow {call}")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(profile, f)
        try:
            with self.container(*self.engine.confinement(made), cwd=made) as container:
                self.whole_life(container)
        except Failed as failed:
            return str(failed)
        raise Failed(f"it serves without {call}, too")


def prove(results, options, top, engine, service):
    proof = Proof(options, top, engine, service)
    steps = [("record", proof.record),
             ("with no_new_privs", functools.partial(proof.confined, "on")),
             ("without no_new_privs", functools.partial(proof.confined, "off")),
             *([("kube play", proof.played)] if engine.name == "podman" else []),
             ("does not serve without " + service.needs[0], proof.refuted)]
    for name, step in steps:
        lines = []
        try:
            step()
        except Failed as failed:
            lines = [str(failed)]
        except Exception as trouble:  # one that breaks is one that fails
            lines = [f"{type(trouble).__name__}: {trouble}", *traceback.format_exc().splitlines()]
        results.say(f"{engine.name}/{service.name}: {name}", lines)
        # What follows is made from this.
        if lines and step == proof.record:
            return


def recording_engines(options, top):
    """Docker as "whittle runtime install" makes it; Podman with a runtime of its own for what is recorded."""
    docker, podman = engines.Docker(top), engines.Podman(top)
    config, runtime = os.path.join(docker.folder, "daemon.json"), os.path.join(top, "recorder")
    os.makedirs(docker.folder)
    subprocess.run([options.whittle, "runtime", "install", "--config", config, "--runtime", "runc"], check=True,
                   timeout=30, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    with open(runtime, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\nexec {options.whittle} runtime --runtime runc -- \"$@\"\n")
    os.chmod(runtime, 0o755)
    docker.recorder, docker.recording = docker, ["--runtime", "whittle"]
    podman.recorder = engines.Podman(top, "--runtime", runtime)
    return docker, podman


def main():
    parser = harness.parser(__doc__)
    parser.add_argument("--on", default="docker,podman", type=lambda text: text.split(","), metavar="LIST")
    options = harness.parse(parser)
    results = harness.Results()
    # A short name: the sockets of the engine are below it.
    with harness.temporary("p", options.keep, short=True) as top:
        docker, podman = recording_engines(options, top)
        with docker, podman:
            chosen = [e for e in (docker, podman) if e.name in options.on]
            jobs = []
            for service in images.SERVICES:
                wanted = [e for e in chosen if harness.wanted(options, f"{e.name}/{service.name}")]
                if not wanted:
                    continue
                folder = os.path.join(top, "image-" + service.name)
                os.mkdir(folder)
                tarball = images.build(service, folder)
                for engine in wanted:
                    engine.load_image(service, tarball)
                    jobs.append((results, options, top, engine, service))
                os.unlink(tarball)
            harness.in_parallel(prove, jobs)
    sys.exit(results.failed)


if __name__ == "__main__":
    main()
