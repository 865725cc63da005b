#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the files of a bundle, by which a service is run, are what those who read them take.

    tests/golden/well-formed.py BUNDLE

Exit status 0, or 1 with a line that says what is wrong. systemd-analyze is used where it is installed.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

# docs.docker.com/reference/compose-file/services, those that are written.
COMPOSE = {"cap_drop": list, "cap_add": list, "security_opt": list, "read_only": bool, "tmpfs": list, "volumes": list,
           "user": str, "group_add": list, "pids_limit": int, "network_mode": str, "ports": list}
# kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1
POD = {"containers": list, "volumes": list, "securityContext": dict}
POD_CONTEXT = {"sysctls": list, "supplementalGroups": list}
CONTAINER = {"name": str, "image": str, "ports": list, "securityContext": dict, "volumeMounts": list}
CONTEXT = {"allowPrivilegeEscalation": bool, "readOnlyRootFilesystem": bool, "runAsNonRoot": bool, "runAsUser": int,
           "runAsGroup": int, "capabilities": dict, "seccompProfile": dict, "appArmorProfile": dict}
# podman-systemd.unit(5): of [Container].
QUADLET = {"Image", "DropCapability", "AddCapability", "SeccompProfile", "PodmanArgs", "NoNewPrivileges", "ReadOnly",
           "Tmpfs", "Volume", "User", "Group", "PidsLimit", "Network", "PublishPort", "Sysctl"}
DOCKER = {"cap-drop", "cap-add", "security-opt", "read-only", "tmpfs", "volume", "user", "group-add", "pids-limit",
          "network", "publish"}
OPTIONS = r"(exec,)?mode=(755(,uid=\d+,gid=\d+)?|1777)"
PATH = r"(/[A-Za-z0-9_.+@-]+)+"
PORT = r"([1-9]\d*):\1/(tcp|udp|sctp)"
SHAPES = {"tmpfs": PATH + ":" + OPTIONS, "volume": PATH, "publish": PORT, "user": r"\d+:\d+", "group-add": r"\d+",
          "pids-limit": r"[1-9]\d*0", "network": "none"}


def check(good, why):
    if not good:
        sys.exit(why)


def typed(what, value, table):
    check(isinstance(value, dict), f"{what}: {value!r} is no mapping")
    for key, item in value.items():
        check(key in table, f"{what}: {key} is not known")
        check(type(item) is table[key], f"{what}: {key} is {item!r}")
        check(item not in ([], {}), f"{what}: {key} is empty")


def reasoned(name, text, exempt):
    """Each line that is a suggestion has a comment somewhere above it, with nothing but its like in between."""
    previous = ""
    for line in text.splitlines():
        key = re.split(r"[=:]", line.strip().lstrip("- "))[0]
        if line.strip() and not line.strip().startswith("#") and not re.match(exempt, key):
            check(previous.startswith("#"), f"{name}: {line.strip()!r} has no reason")
        previous = line.strip()


def check_docker(text):
    options = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"--([a-z-]+)(?:=(\S+))?", line)
        check(match and match[1] in DOCKER, f"docker-run.args: {line!r}")
        shape = SHAPES.get(match[1])
        check(not shape or re.fullmatch(shape, match[2] or ""), f"docker-run.args: {line!r}")
        options.setdefault(match[1], []).append(match[2])
    for once in ("read-only", "user", "pids-limit", "network"):
        check(len(options.get(once, [])) <= 1, f"docker-run.args: --{once} twice")
    places = [re.sub(":.*", "", v) for v in options.get("tmpfs", []) + options.get("volume", [])]
    check(len(set(places)) == len(places), "docker-run.args: a folder twice")
    reasoned("docker-run.args", text, "group-add")
    return options


def check_compose(text, docker):
    compose = yaml.safe_load(text)
    check(list(compose) == ["services"] and len(compose["services"]) == 1, "compose.yaml: not one service")
    service, = compose["services"].values()
    typed("compose.yaml", service, COMPOSE)
    same = {"tmpfs": "tmpfs", "volumes": "volume", "ports": "publish", "group_add": "group-add"}
    for key, option in same.items():
        check(service.get(key, []) == docker.get(option, []), f"compose.yaml: {key} is not that of Docker")
    for key, option in {"user": "user", "network_mode": "network", "pids_limit": "pids-limit"}.items():
        check(str(service.get(key)) == docker.get(option, ["None"])[0], f"compose.yaml: {key} is not that of Docker")
    check(service.get("read_only", False) == ("read-only" in docker), "compose.yaml: read_only is not that of Docker")
    return service


def check_pod(text, docker):
    pod = yaml.safe_load(text)
    check(pod["apiVersion"] == "v1" and pod["kind"] == "Pod", "kubernetes.yaml: no pod")
    spec = pod["spec"]
    typed("kubernetes.yaml spec", spec, POD)
    typed("kubernetes.yaml securityContext", spec.get("securityContext", {}), POD_CONTEXT)
    container, = spec["containers"]
    typed("kubernetes.yaml container", container, CONTAINER)
    context = container["securityContext"]
    typed("kubernetes.yaml container's securityContext", context, CONTEXT)
    name = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    check(re.fullmatch(name, pod["metadata"]["name"]) and re.fullmatch(name, container["name"]),
          "kubernetes.yaml: a name that Kubernetes refuses")
    for key, value in pod["metadata"].get("annotations", {}).items():
        check(key.endswith("/" + container["name"]), f"kubernetes.yaml: {key} is of another container")
        check(value == "localhost/" + context["seccompProfile"]["localhostProfile"], "kubernetes.yaml: two profiles")
    mounts = {m["name"]: m["mountPath"] for m in container.get("volumeMounts", [])}
    check(list(mounts) == [v["name"] for v in spec.get("volumes", [])], "kubernetes.yaml: mounts are not the volumes")
    if context.get("readOnlyRootFilesystem"):
        places = [re.sub(":.*", "", v) for v in docker.get("tmpfs", []) + docker.get("volume", [])]
        check(sorted(mounts.values()) == sorted(places), "kubernetes.yaml: mounts are not those of Docker")
    else:
        check(not mounts, "kubernetes.yaml: mounts without a read-only root")
    ports = [f"{p['containerPort']}:{p['containerPort']}/{p['protocol'].lower()}" for p in container.get("ports", [])]
    check(ports == docker.get("publish", []), "kubernetes.yaml: ports are not those of Docker")
    user = docker.get("user", [None])[0]
    check(user == (f"{context['runAsUser']}:{context['runAsGroup']}" if "runAsUser" in context else None),
          "kubernetes.yaml: another user than Docker's")
    return context


def sections(name, text):
    section = None
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        match = re.fullmatch(r"([A-Za-z]+)=(.*)", line)
        check(section and match, f"{name}: {line!r} is no line of a unit")
        yield section, match[1], match[2]


def check_quadlet(text, docker):
    found = {}
    for section, key, value in sections("quadlet.container", text):
        check(section in ("Unit", "Container", "Install"), f"quadlet.container: section {section}")
        check(value, f"quadlet.container: {key} is empty")
        if section == "Container":
            check(key in QUADLET, f"quadlet.container: {key} is not known")
            found.setdefault(key, []).append(value)
    tmpfs = [re.sub(r"mode=755,uid=.*", "mode=1777", v) for v in docker.get("tmpfs", [])]
    check(found.get("Tmpfs", []) == tmpfs, "quadlet.container: Tmpfs is not that of Docker")
    for key, option in {"Volume": "volume", "PublishPort": "publish", "PidsLimit": "pids-limit",
                        "Network": "network"}.items():
        check(found.get(key, []) == docker.get(option, []), f"quadlet.container: {key} is not that of Docker")
    check(("ReadOnly" in found) == ("read-only" in docker), "quadlet.container: ReadOnly is not that of Docker")
    reasoned("quadlet.container", text.split("[Container]")[1].split("[Install]")[0],
             "(Image|Group|PodmanArgs)")


def check_systemd(text):
    for section, key, _ in sections("systemd.conf", text):
        check(section == "Service", f"systemd.conf: {key} in {section}")
    if not shutil.which("systemd-analyze"):
        return
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/demo.service.d")
        with open(folder + "/demo.service", "w", encoding="utf-8") as f:
            f.write("[Service]\nExecStart=/bin/true\n")
        with open(folder + "/demo.service.d/whittle.conf", "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                               folder + "/demo.service"], text=True, capture_output=True, timeout=60,
                              env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":/lib/systemd/system"})
        # Names of calls that are newer than its libseccomp, or of another ABI, it passes over.
        wrong = [line for line in done.stderr.splitlines()
                 if folder in line and "Failed to parse system call" not in line]
        check(not wrong, f"systemd.conf: {wrong[:1]}")


def main(bundle):
    def read(name):
        with open(os.path.join(bundle, name), encoding="utf-8") as f:
            return f.read()

    docker = check_docker(read("docker-run.args"))
    service = check_compose(read("compose.yaml"), docker)
    context = check_pod(read("kubernetes.yaml"), docker)
    check_quadlet(read("quadlet.container"), docker)
    check_systemd(read("systemd.conf"))
    check(service["cap_drop"] == context["capabilities"]["drop"] == ["ALL"], "not all capabilities are dropped")
    check(service.get("cap_add") == context["capabilities"].get("add"), "Compose and Kubernetes add different capabilities")


if __name__ == "__main__":
    main(sys.argv[1])
