# SPDX-License-Identifier: Apache-2.0
"""Docker with a bridge of its own: published ports, Compose, crun as the runtime, and how long a stop takes."""
import json
import os
import time

import yaml

from bed import Docker, check, equal, fetched, generated, phases_of, run, shown, wait_for
import harness

BRIDGE = "wh-test0"
CRUN, CAP_SYS_RESOURCE = "/usr/bin/crun", 24
WEB = "trap 'kill $!; exit 5' TERM; echo 1 >/tmp/state; busybox httpd -f -p 8080 -h /etc & echo up; wait"
# It says which signals have come.
SIGNALS = "trap 'echo hup' HUP; trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.05; done"
DEAF = "trap '' TERM; echo up; while :; do sleep 0.05; done"
COMPOSE = {"services": {"web": {"image": "busybox:1", "command": ["/bin/sh", "-c", WEB.replace("$", "$$")],
                                "ports": ["18082:8080"], "environment": {"OF_COMPOSE": "1"}, "runtime": "whittle"}}}


class Published(Docker):
    def __init__(self, place):
        for words in (("link", "add", BRIDGE, "type", "bridge"), ("addr", "add", "172.31.99.1/24", "dev", BRIDGE),
                      ("link", "set", BRIDGE, "up")):
            equal(shown(run("ip", *words)), (0, "", ""), "ip " + " ".join(words))
        os.environ["WH_ENGINE_BRIDGE"] = BRIDGE
        super().__init__(place)

    def web(self, name, *argv, runtime="whittle", script=WEB):
        done = run("docker", "run", "-d", "--name", name, "--runtime", runtime, *argv, "busybox:1", "/bin/sh", "-c", script)
        equal(done.returncode, 0, done.stderr)
        wait_for(lambda: "up" in run("docker", "logs", name).stdout, f"{name} is up")

    def stop(self, name, wanted=5):
        equal(run("docker", "stop", "-t", "50", name).returncode, 0, "stop")
        equal(self.inspect(name, "{{.State.ExitCode}}"), str(wanted), "exit status")

    def traced(self, name):
        """Path of the trace of what was recorded under that name."""
        self.trace_of(name)
        file, = (n for n in os.listdir(self.traces) if n.startswith(name + "-") and n.endswith(".trace.json"))
        return os.path.join(self.traces, file)


def published_ports(docker):
    """Recorded with a published port, and started as it was generated: both serve from outside."""
    docker.web("ported", "-p", "18080:8080")
    fetched("http://127.0.0.1:18080/of-service")
    docker.stop("ported")
    made, args = generated(docker.place, docker.traced("ported"))
    check("--publish=8080:8080/tcp" in args, args)
    with open(made + "/bundle/kubernetes.yaml", encoding="utf-8") as f:
        ports = yaml.safe_load(f)["spec"]["containers"][0]["ports"]
    equal([p["containerPort"] for p in ports], [8080], "kubernetes.yaml")
    docker.web("served", *args, runtime="runc")
    fetched("http://127.0.0.1:8080/of-service")
    docker.stop("served")
    # Without one of the calls of a server it does not.
    path = made + "/bundle/seccomp.json"
    profile = harness.load(path)
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != "listen"]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(profile, f)
    docker.web("less", *args, runtime="runc")
    done = run("curl", "-sS", "--noproxy", "*", "--max-time", "5", "http://127.0.0.1:8080/of-service")
    check(done.returncode != 0, "it serves without listen(), too")
    run("docker", "rm", "-f", "less")


def published_record(docker):
    """In one command: the load comes by the published port, as anybody's."""
    trace = os.path.join(docker.place.folder("front"), "x.json")
    done = run(docker.place.whittle, "record", "--docker", "-o", trace, "--ready", "http://127.0.0.1:18081/of-service", "--load",
               "curl -sSf --noproxy '*' http://$WHITTLE_CONTAINER_IP:8080/of-service http://127.0.0.1:18081/of-service", "--",
               "-p", "18081:8080", "busybox:1", "/bin/sh", "-c", WEB)
    equal(done.returncode, 0, done.stderr)
    equal(done.stdout.count("service\n"), 2, done.stdout)
    only = harness.load(trace)["runs"][0]
    equal((only["load_outcome"], only["container_engine"]), ("exited 0", "docker"), "run")


def published_compose(docker):
    """A project whose service has "runtime: whittle"; then with the generated compose.yaml laid over it, as that says."""
    project = docker.place.folder("project")

    def compose(*argv, files=("compose.yaml",)):
        return run("docker-compose", *[word for file in files for word in ("-f", file)], *argv, cwd=project)

    def write(file, content):
        with open(os.path.join(project, file), "w", encoding="utf-8") as f:
            json.dump(content, f)  # JSON is YAML

    write("compose.yaml", COMPOSE)
    done = compose("up", "-d")
    equal(done.returncode, 0, done.stderr)
    fetched("http://127.0.0.1:18082/of-service")
    done = compose("exec", "-T", "web", "/bin/sh", "-c", "cat /etc/of-exec; exit 4")
    equal((done.returncode, done.stdout), (4, "exec\n"), done.stderr)
    equal(compose("stop").returncode, 0, "stop")
    name = docker.inspect(compose("ps", "-q").stdout.strip(), "{{.Name}} {{.State.ExitCode}}")
    equal(name.split()[1], "5", "exit status")
    equal(compose("down").returncode, 0, "down")
    trace = docker.traced(name.split()[0].lstrip("/"))
    equal(phases_of(harness.load(trace), "/etc/of-exec"), ["exec"], "the phase of what was executed in it")
    made, _ = generated(docker.place, trace)
    with open(made + "/bundle/compose.yaml", encoding="utf-8") as f:
        overlay = yaml.safe_load(f)
    own, = overlay["services"].values()
    equal((own.get("read_only"), own["cap_drop"], own["ports"]), (True, ["ALL"], ["8080:8080/tcp"]), "compose.yaml")
    write("least.yaml", {**({"version": overlay["version"]} if "version" in overlay else {}), "services": {"web": own}})
    os.rename(made + "/bundle/seccomp.json", project + "/seccomp.json")
    del COMPOSE["services"]["web"]["runtime"]
    write("compose.yaml", COMPOSE)
    both = ("compose.yaml", "least.yaml")
    done = compose("up", "-d", files=both)
    equal(done.returncode, 0, done.stderr)
    container = compose("ps", "-q", files=both).stdout.strip()
    for port in (18082, 8080):
        fetched(f"http://127.0.0.1:{port}/of-service")
    equal(docker.inspect(container, "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Runtime}}"),
          "true [ALL] runc", "how it runs")
    done = compose("exec", "-T", "web", "cat", "/etc/of-exec", files=both)
    equal((done.returncode, done.stdout), (0, "exec\n"), done.stderr)
    equal(compose("stop", files=both).returncode, 0, "stop")
    equal(docker.inspect(container, "{{.State.ExitCode}}"), "5", "exit status")
    equal(compose("down", files=both).returncode, 0, "down")


def real_crun(place):
    """Its path. For the devices of a container it wants to lift a limit, which not every machine lets root do: there it is given none."""
    with open("/proc/self/status", encoding="ascii") as f:
        caps = next(int(line.split()[1], 16) for line in f if line.startswith("CapEff"))
    if caps >> CAP_SYS_RESOURCE & 1:
        return CRUN
    path = os.path.join(place.folder("crun"), "crun")
    with open(path, "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\n[ ! -e config.json ] || { jq "del(.linux.resources)" config.json >config.new && mv config.new config.json; }\n'
                f'exec {CRUN} "$@"\n')
    os.chmod(path, 0o755)
    return path


def published_crun(docker):
    """crun as the real runtime: recorded through "runtime install --runtime crun", and started by it as it was generated."""
    config = harness.load(docker.config)
    crun = real_crun(docker.place)
    config["runtimes"]["crun"] = {"path": crun}
    with open(docker.config, "w", encoding="ascii") as f:
        json.dump(config, f)
    done = run(docker.place.whittle, "runtime", "install", "--config", docker.config, "--name", "whittle-crun", "--runtime", crun,
               "--output", docker.traces + "/")
    equal(done.returncode, 0, done.stderr)
    docker.reload()
    wait_for(lambda: "whittle-crun" in run("docker", "info", "-f", "{{.Runtimes}}").stdout, "the engine knows the runtime")
    try:
        docker.web("by-crun", "-p", "18080:8080", runtime="whittle-crun")
        fetched("http://127.0.0.1:18080/of-service")
        equal(shown(run("docker", "exec", "by-crun", "cat", "/etc/of-exec")), (0, "exec\n", ""), "exec")
        docker.stop("by-crun")
        path = docker.traced("by-crun")
        trace = harness.load(path)
        only = trace["runs"][0]
        equal((only["outcome"], only["complete"], only["runtime"].split()[0]), ("exited 5", True, "crun"), "run")
        equal(phases_of(trace, "/etc/of-exec"), ["exec"], "the phase of what was executed in it")
        _, args = generated(docker.place, path)
        docker.web("least-crun", *args, runtime="crun")
        fetched("http://127.0.0.1:8080/of-service")
        equal(shown(run("docker", "exec", "least-crun", "cat", "/etc/of-exec")), (0, "exec\n", ""), "exec")
        docker.stop("least-crun")
    finally:
        # crun gives the user of a container what is its input, this machine's device.
        os.chown("/dev/null", 0, 0)


def published_stop(docker):
    """Signals and stops are as without: what it says, how it ends, and that it was not killed."""
    told = {}
    for runtime in ("runc", "whittle"):
        name = "stopped-by-" + runtime
        docker.web(name, runtime=runtime, script=SIGNALS)
        equal(run("docker", "kill", "-s", "HUP", name).returncode, 0, "kill")
        wait_for(lambda: "hup" in run("docker", "logs", name).stdout, "the signal has come")
        began = time.monotonic()
        docker.stop(name)
        check(time.monotonic() - began < 40, "it had to be killed")
        docker.web("deaf-" + runtime, runtime=runtime, script=DEAF)
        equal(run("docker", "stop", "-t", "1", "deaf-" + runtime).returncode, 0, "stop")
        told[runtime] = (run("docker", "logs", name).stdout, docker.inspect("deaf-" + runtime, "{{.State.ExitCode}}"))
    equal(told["runc"], ("up\nhup\nterm\n", "137"), "without whittle")
    equal(told["whittle"], told["runc"], "recorded")
    equal(docker.trace_of("stopped-by-whittle")[0]["runs"][0]["outcome"], "exited 5", "outcome")
    equal(docker.trace_of("deaf-whittle")[0]["runs"][0]["outcome"], "killed by SIGKILL", "outcome")


CASES = (published_ports, published_record, published_compose, published_crun, published_stop)
