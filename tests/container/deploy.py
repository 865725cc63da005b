#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers as they are deployed: by Docker Compose, with published ports, by crun below Docker, by containerd, as a Quadlet unit, by
Podman for a user without rights, on volumes whose ids are mapped. What was generated is started in the same way, and serves.

Prints "ok NAME", "not ok NAME: why" or "skip NAME: reason" a case; needs root.

    tests/container/deploy.py --build /tmp/whittle [NAME…]
"""
import os
import sys

sys.dont_write_bytecode = True
import bed
import harness

CONTAINERD, DOCKER, PODMAN, ROOTLESS = (harness.module("container", name + ".py") for name in
                                        ("containerd", "published", "podman", "rootless"))


def main():
    options = harness.parse(harness.parser(__doc__))
    harness.isolate(own_run=True)
    bed.unify_cgroups()
    results = harness.Results()
    with harness.temporary("deploy", options.keep, short=True) as top:
        place = bed.Place(options, top)
        os.chmod(os.path.join(place.root, "tmp"), 0o1777)
        bed.with_engine(options, results, CONTAINERD.Containerd, place, CONTAINERD.CASES)
        bed.with_engine(options, results, ROOTLESS.Rootless, place, ROOTLESS.CASES)
        bed.with_engine(options, results, bed.Podman, place, PODMAN.CASES)
        bed.with_engine(options, results, DOCKER.Published, place, DOCKER.CASES)
        bed.attempt(options, results, "nothing-left", bed.nothing_left, options)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
