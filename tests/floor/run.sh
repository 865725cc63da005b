#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Does the runtime floor of templates/floors let a container start? A static program that only calls
# exit_group is started under a profile of nothing but the floor, many times, as Go runtimes differ
# from run to run. Without one of the calls it must not start, or the test could not fail.
#
# And does the floor have what whittle itself measures, here and now?
#
#   tests/floor/run.sh [BUILD-FOLDER [STARTS]]     without a folder, $WHITTLE is the program
#
# Prints "ok NAME" or "not ok NAME: why" for each case.
set -euo pipefail

templates=$(cd "$(dirname "$0")/../../templates" && pwd)
whittle=${WHITTLE:-}
[ $# = 0 ] || whittle=$1/whittle
whittle=$(realpath "$whittle" 2>/dev/null) || whittle=
[ -x "$whittle" ] || { echo "tests/floor/run.sh: no whittle: name a build folder, or set WHITTLE" >&2; exit 2; }
starts=${2:-30}
if [ -z "${FLOOR_INSIDE:-}" ]; then
	export FLOOR_INSIDE=1
	exec unshare -m "$0" "$(dirname "$whittle")" "$starts"
fi
# crun refuses a hybrid cgroup layout; this mount namespace is our own.
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -R /sys/fs/cgroup 2>/dev/null || true
	mount -t cgroup2 none /sys/fs/cgroup
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bundle/rootfs"
cat >"$work/true.c" <<'C'
void _start(void)
{
	__asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
}
C
gcc -static -nostdlib -O2 -o "$work/bundle/rootfs/true" "$work/true.c"
cat >"$work/trace.json" <<'J'
{"format": "whittle-trace", "version": 1, "complete": true,
 "runs": [{"id": "00000000000000f1", "name": "floor", "tool": "by hand", "kernel": "Linux",
	   "arch": "x86_64", "outcome": "exited 0", "complete": true, "failed": false, "argv": ["/true"],
	   "uid": 0, "gid": 0, "cap_effective": [], "cap_permitted": [], "cap_inheritable": [],
	   "cap_bounding": [], "cap_ambient": [], "no_new_privs": false, "seccomp_mode": 0,
	   "ip_unprivileged_port_start": 1024, "engine": "none", "stops": 0, "tasks": 1,
	   "duration_ms": 0}],
 "syscalls": [{"abi": "x86_64", "name": "exit_group", "number": 231, "errors": {}, "count": 1,
	       "phases": ["startup"], "programs": ["/true"], "runs": ["00000000000000f1"]}]}
J

# start RUNTIME NNP USER PROFILE: once; what it said is in $work/err
start() {
	(cd "$work/bundle" && rm -f config.json && "$1" spec >/dev/null)
	jq --argjson nnp "$([ "$2" = on ] && echo true || echo false)" --argjson uid "$3" \
		--slurpfile profile "$4" '
		.process.noNewPrivileges = $nnp | .process.user.uid = $uid | .process.user.gid = $uid |
		.process.terminal = false | .process.args = ["/true"] | del(.linux.resources) |
		.linux.namespaces |= map(select(.type != "cgroup")) |
		.mounts |= map(select(.type != "cgroup")) |
		.linux.seccomp = $profile[0]' "$work/bundle/config.json" >"$work/config.json"
	mv "$work/config.json" "$work/bundle/config.json"
	"$1" --root "$work/state" run -b "$work/bundle" "floor-$$" </dev/null >"$work/err" 2>&1 || {
		"$1" --root "$work/state" delete -f "floor-$$" >/dev/null 2>&1 || true
		return 1
	}
	start_apart "$1"
}

# As engines do it: create it, let it wait under its filter, start it. What it exits with is not to be
# had without an engine, so that it is gone without a word must do.
start_apart() {
	local status=created
	"$1" --root "$work/state" create -b "$work/bundle" "floor-$$" </dev/null >"$work/err" 2>&1 &&
		"$1" --root "$work/state" start "floor-$$" >>"$work/err" 2>&1 || status=failed
	for _ in $(seq 50); do
		[ "$status" = created ] || break
		status=$("$1" --root "$work/state" state "floor-$$" 2>/dev/null | jq -r .status) || status=failed
		[ "$status" != running ] || status=created
	done
	"$1" --root "$work/state" delete -f "floor-$$" >/dev/null 2>&1 || true
	[ "$status" = stopped ] && [ ! -s "$work/err" ]
}

many() { # RUNTIME NNP USER
	local name="$1, no_new_privs $2, uid $3: starts $starts times"
	"$whittle" generate -o - --format seccomp --runtime "$1" --no-new-privs "$2" \
		"$work/trace.json" >"$work/profile.json"
	for _ in $(seq "$starts"); do
		start "$1" "$2" "$3" "$work/profile.json" || {
			echo "not ok $name: $(tail -1 "$work/err")"
			return 0
		}
	done
	echo "ok $name"
}

must_fail() { # RUNTIME NNP SYSCALL
	local name="$1, no_new_privs $2: does not start without $3"
	"$whittle" generate -o - --format seccomp --runtime "$1" --no-new-privs "$2" \
		"$work/trace.json" | jq --arg name "$3" \
		'del(.syscalls[].names[] | select(. == $name)) | del(.syscalls[] | select(.names == []))' \
		>"$work/profile.json"
	if start "$1" "$2" 0 "$work/profile.json"; then
		echo "not ok $name: it did"
	else
		echo "ok $name"
	fi
}

measured() { # RUNTIME
	local name="$1: what is measured is in the table" said
	if said=$(WHITTLE=$whittle "$templates/measure-floor.sh" -n 1 -c "$templates/floors/$1.json" "$1" 2>&1); then
		echo "ok $name"
	else
		echo "not ok $name: $(tail -1 <<<"$said")"
	fi
}

for runtime in runc crun; do
	command -v $runtime >/dev/null || { echo "not ok $runtime: it is not installed"; continue; }
	for nnp in on off; do
		for user in 0 1000; do
			many $runtime $nnp $user
		done
	done
	must_fail $runtime on execve
	must_fail $runtime off capset
	measured $runtime
done
