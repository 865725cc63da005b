#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Podman with everything below DIR: beside any other one. No engine of its own is needed.
#
#   podman.sh DIR ARG…
set -eu

dir=$1
shift
exec podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" \
	--cgroup-manager cgroupfs --runtime runc --events-backend none "$@"
