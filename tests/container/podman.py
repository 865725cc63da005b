# SPDX-License-Identifier: Apache-2.0
"""Podman as root: the format of hooks that it shares with CRI-O, volumes whose ids are mapped, and the units that are generated."""
import json
import os
import shutil

from bed import check, equal, generated, one_trace, phases_of, podman_shown, run, wait_for, wait_traces

WEB = "trap 'kill $!; exit 5' TERM; echo 1 >/tmp/state; busybox httpd -f -p 8080 -h /etc & echo up; wait"
# podman-systemd.unit(5) of Podman 5.0, [Container]: what each key is to "podman run".
QUADLET = {"AddCapability": "--cap-add={}", "DropCapability": "--cap-drop={}", "SeccompProfile": "--security-opt=seccomp={}",
           "Tmpfs": "--tmpfs={}", "Volume": "--volume={}", "PidsLimit": "--pids-limit={}", "Network": "--network={}",
           "PublishPort": "--publish={}", "Sysctl": "--sysctl={}", "PodmanArgs": "{}"}
SWITCHES = {"NoNewPrivileges": "--security-opt=no-new-privileges", "ReadOnly": "--read-only"}
# What Podman makes of [Container], for systemd.
EXEC = "\n[Service]\nType=notify\nExecStart=/usr/bin/podman run --name x\n"


def hooks_dir(place, which, *options):
    folder = place.folder("hooks.d")
    with open(os.path.join(folder, "whittle.json"), "w", encoding="utf-8") as f:
        f.write(run(place.whittle, "hook", "--json", which, *options).stdout)
    return folder


def in_background(podman, before, *argv, **kwargs):
    return podman_shown(lambda *words: run(*podman.command, *words), podman.run(before, "-d", "--name", "one", *argv, **kwargs), "one")


def podman_format(podman):
    """oci-hooks(5), which CRI-O reads as well: what there is in it, and for which containers it is."""
    for which, when in (("all", {"always": True}), ("annotated", {"annotations": {"^org\\.whittle\\.trace$": ".*"}})):
        hook = json.loads(run(podman.place.whittle, "hook", "--json", which).stdout)
        equal(sorted(hook), ["hook", "stages", "version", "when"], "keys")
        equal((hook["version"], hook["stages"], hook["when"]), ("1.0.0", ["createRuntime"], when), which)
        check(os.path.isabs(hook["hook"]["path"]) and os.access(hook["hook"]["path"], os.X_OK), hook)
    folder = podman.place.folder("traces")
    annotated = hooks_dir(podman.place, "annotated", "--output", folder + "/")
    every = hooks_dir(podman.place, "all", "--output", folder + "/")
    equal(podman.run(("--runtime", "runc", "--hooks-dir", annotated), "--rm", "--name", "none").returncode, 7, "run")
    equal(podman.run(("--runtime", "runc", "--hooks-dir", every), "--rm", "--name", "any").returncode, 7, "run")
    # Whoever is asked later has ended later.
    equal([n.split("-")[0] for n in wait_traces(folder)], ["any"], "who was recorded")


def podman_kubernetes(podman):
    """Engines below Kubernetes say by annotations what a container is called."""
    hooks = hooks_dir(podman.place, "annotated")
    for engine, name, image in (("cri-o", "io.kubernetes.cri-o.ContainerName", "io.kubernetes.cri-o.Image"),
                                ("cri-o", "io.kubernetes.cri-o.Name", "io.kubernetes.cri-o.ImageName"),
                                ("containerd", "io.kubernetes.cri.container-name", "io.kubernetes.cri.image-name"),
                                ("nerdctl", "nerdctl/name", "nerdctl/image-name")):
        folder = podman.place.folder("traces")
        done = in_background(podman, ("--runtime", "runc", "--hooks-dir", hooks), "--annotation", f"org.whittle.trace={folder}/",
                          "--annotation", f"{name}=web", "--annotation", f"{image}=registry.k8s.io/shop/web:2")
        equal(done, (7, "to out\n", "to err\n"), engine)
        trace = one_trace(folder)["runs"][0]
        equal((trace["container_engine"], trace["container_name"], trace["container_image"]),
              (engine, "web", "registry.k8s.io/shop/web:2"), "what it is called")
        check(os.listdir(folder)[0].startswith("web-web_2-"), os.listdir(folder))


def podman_idmap(podman):
    """A volume whose ids are mapped into the container's user namespace: an owner is who it is to the container."""
    volume = podman.place.folder("volume")
    for name, owner in (("own", 0), ("others", 33)):
        path = os.path.join(volume, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(name + "\n")
        os.chown(path, owner, owner)
        os.chmod(path, 0o600)
    maps = ("--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536")
    hooks = hooks_dir(podman.place, "annotated")
    for name, script, needed in (("own", "cat /vol/own; echo 1 >/vol/new; cat /etc/of-service", []),
                                 ("others", "cat /vol/others; cat /etc/of-service", ["CAP_DAC_READ_SEARCH"])):
        folder = podman.place.folder("traces")
        done = in_background(podman, ("--runtime", "crun", "--hooks-dir", hooks), *maps, "-v", f"{volume}:/vol:idmap", "--annotation",
                          f"org.whittle.trace={folder}/", script=script)
        equal(done, (0, f"{name}\nservice\n", ""), name)
        trace = one_trace(folder)
        equal(sorted(c["cap"] for c in trace["caps"] if not c.get("denied") and c["strength"] != "possible"), needed, name)
        check(phases_of(trace, "/vol/" + name), "the path in the volume")
    equal(os.stat(volume + "/new").st_uid, 0, "owner of the new file: the ids were not mapped")


def unit_lines(path):
    section = None
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.strip()
            if line.startswith("["):
                section = line
            elif line and not line.startswith("#"):
                yield (section, *line.partition("=")[::2])


def podman_quadlet(podman):
    """The keys of the unit, translated as Podman does it, start a container that serves; what it became is as the unit says."""
    folder = podman.place.folder("traces")
    hooks = hooks_dir(podman.place, "annotated")
    done = podman.run(("--runtime", "runc", "--hooks-dir", hooks), "-d", "--name", "unit", "--annotation",
                      f"org.whittle.trace={folder}/", script=WEB)
    equal(done.returncode, 0, done.stderr)
    served(podman, "unit")
    equal(run(*podman.command, "stop", "unit").returncode, 0, "stop")
    one_trace(folder)
    made, _ = generated(podman.place, os.path.join(folder, os.listdir(folder)[0]))
    unit, args, user = made + "/bundle/quadlet.container", [], []
    for section, key, value in unit_lines(unit):
        value = value.replace("%%", "%")
        if section != "[Container]" or key == "Image":
            continue
        if key in SWITCHES:
            args += [SWITCHES[key]] if value == "true" else []
        elif key in ("User", "Group"):
            user.append(value)
        else:
            value = made + "/bundle/seccomp.json" if key == "SeccompProfile" else value
            args.append(QUADLET[key].format(value))
    # There is but loopback; and not each machine's cgroups count processes here, by which Podman's own limit would fail as well.
    limit = next(a for a in args if a.startswith("--pids-limit="))
    check(int(limit.partition("=")[2]) >= 100, limit)
    args = [a for a in args if not a.startswith("--publish=") and a != limit] + ["--pids-limit=-1"]
    args += ["--user=" + ":".join(user)] if user else []
    check({"--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"} <= set(args), args)
    done = run(*podman.command, "--runtime", "runc", "run", "-d", "--name", "least", "--network", "none", "--ulimit", "nofile=1024:4096",
               "--ulimit", "nproc=4096:4096", "--ulimit", "core=0:0", *args, "busybox:1", "/bin/sh", "-c", WEB)
    equal(done.returncode, 0, done.stderr)
    served(podman, "least")
    with open(f"/proc/{pid_of(podman, 'least')}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    equal((status["CapBnd"], status["Seccomp"], status["NoNewPrivs"]), ("0" * 16, "2", "1"), "what it may do")
    equal(run(*podman.command, "stop", "least").returncode, 0, "stop")
    equal(run(*podman.command, "inspect", "-f", "{{.State.ExitCode}}", "least").stdout, "5\n", "exit status")
    systemd_takes(made, unit)


def systemd_takes(made, quadlet):
    """systemd reads the unit that Podman makes of it, and the drop-in, without a word; and judges that the drop-in confines."""
    units = os.path.join(made, "units")
    os.makedirs(units + "/demo.service.d")
    with open(quadlet, encoding="utf-8") as f:
        text = f.read()
    check("\n[Container]\n" in text, text)
    with open(units + "/least.service", "w", encoding="utf-8") as f:
        f.write(text.replace("\n[Container]\n", "\n[X-Container]\n") + EXEC)
    with open(units + "/demo.service", "w", encoding="utf-8") as f:
        f.write("[Service]\nExecStart=/bin/true\n")
    env = {**os.environ, "SYSTEMD_UNIT_PATH": units + ":/lib/systemd/system"}

    def analyze(*words):
        return run("systemd-analyze", *words, env=env)

    def exposure(unit):
        done = analyze("security", "--offline=true", "--no-pager", "--json=short", unit)
        equal(done.returncode, 0, done.stderr)
        return sum(float(row["exposure"] or 0) for row in json.loads(done.stdout))

    before = exposure(units + "/demo.service")
    shutil.copy(made + "/bundle/systemd.conf", units + "/demo.service.d/whittle.conf")
    for unit in ("least.service", "demo.service"):
        done = analyze("verify", "--man=no", "--recursive-errors=no", f"{units}/{unit}")
        # Calls that are newer than its libseccomp it passes over.
        said = [line for line in done.stderr.splitlines() if units in line and "Failed to parse system call" not in line]
        equal(said, [], unit)
    after = exposure(units + "/demo.service")
    check(after < before / 2, f"exposure {before} became {after}")


def pid_of(podman, name):
    return run(*podman.command, "inspect", "-f", "{{.State.Pid}}", name).stdout.strip()


def served(podman, name):
    wait_for(lambda: run("nsenter", "--net", "-t", pid_of(podman, name), "curl", "-sSf", "--noproxy", "*", "--max-time", "5",
                         "http://127.0.0.1:8080/of-service").stdout == "service\n", f"{name} serves")


CASES = (podman_format, podman_kubernetes, podman_idmap, podman_quadlet)
