# SPDX-License-Identifier: Apache-2.0
"""containerd alone, by its own client."""
import json
import os
import subprocess

from bed import (SERVE, SPEAK, check, check_trace, equal, one_trace, phases_of, run, shown, wait_for, wait_traces)
import harness

CONFIG = """version = 2
root = "{top}/root"
state = "{top}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{top}/sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{top}/opt"
"""


class Containerd:
    tool = "containerd"

    def __init__(self, place):
        self.place, self.top = place, place.folder("c")
        self.wrapper = os.path.join(place.options.build, "whittle-runtime")
        with open(self.top + "/config.toml", "w", encoding="ascii") as f:
            f.write(CONFIG.format(top=self.top))
        with open(self.top + "/log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(["containerd", "--config", self.top + "/config.toml"], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log)
        wait_for(lambda: self.ctr("version").returncode == 0, "containerd answers")

    def ctr(self, *argv):
        return run("ctr", "--address", self.top + "/sock", "--namespace", "own", *argv)

    def run(self, name, script, *options, **annotations):
        """By the whittle runtime, or as the options say; of a configuration without limits, which not every machine can set."""
        config = os.path.join(self.place.bundle("runc", script, **annotations), "config.json")
        return self.ctr("run", "--runc-binary", self.wrapper, *options, "--config", config, name)

    def close(self):
        self.daemon.terminate()
        self.daemon.wait(timeout=30)


def containerd_runtime(containerd):
    """--runc-binary: it shows what it shows without; what is executed in it joins; it is stopped as ever."""
    folder = containerd.place.folder("traces")
    plain = containerd.run("plain", SPEAK, "--rm", "--runc-binary", "runc")
    equal(shown(plain), (7, "to out\n", "to err\n"), "without whittle")
    recorded = containerd.run("speaks", SPEAK, "--rm", **{"org.whittle.trace": folder + "/"})
    equal(shown(recorded), shown(plain), "recorded")
    only = one_trace(folder)["runs"][0]
    equal((only["outcome"], only["complete"], only.get("container_engine"), only["container_id"]),
          ("exited 7", True, "containerd", "speaks"), "run")
    equal(containerd.run("serves", SERVE, "-d", **{"org.whittle.trace": folder + "/"}).returncode, 0, "run -d")
    done = containerd.ctr("task", "exec", "--exec-id", "one", "serves", "/bin/sh", "-c", "cat /etc/of-exec; exit 4")
    equal(shown(done), (4, "exec\n", ""), "exec")
    equal(containerd.ctr("task", "kill", "--signal", "SIGTERM", "serves").returncode, 0, "kill")
    trace = next(t for n, t in wait_traces(folder, 2).items() if "serves" in n)
    equal(trace["runs"][0]["outcome"], "exited 5", "outcome")
    equal(phases_of(trace, "/etc/of-exec"), ["exec"], "the phase of what was executed later")
    equal(trace.get("gaps", []), [], "gaps")
    wait_for(lambda: containerd.ctr("container", "rm", "serves").returncode == 0, "it can be removed")


def containerd_hook(containerd):
    """A hook in the OCI configuration that it is given."""
    folder = containerd.place.folder("traces")
    path = os.path.join(containerd.place.bundle("runc", SPEAK, **{"org.whittle.trace": folder + "/"}), "config.json")
    config = harness.load(path)
    config["hooks"] = {"createRuntime": [json.loads(run(containerd.place.whittle, "hook", "--json", "all").stdout)["hook"]]}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    done = containerd.ctr("run", "--rm", "--config", path, "hooked")
    equal(shown(done), (7, "to out\n", "to err\n"), "run")
    check_trace(one_trace(folder), "exited 7", "runc")


def containerd_refused(containerd):
    """Its user is told why."""
    done = containerd.run("refused", SPEAK, **{"org.whittle.trace": "x.trace"})
    check(done.returncode != 0 and done.stdout == "", shown(done))
    check("'x.trace' is not an absolute path" in done.stderr, done.stderr)
    containerd.ctr("container", "rm", "refused")


CASES = (containerd_runtime, containerd_hook, containerd_refused)
