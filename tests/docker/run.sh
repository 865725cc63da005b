#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The proof on the real Docker engine, for nginx, redis and postgresql:
#   - whittle records the service inside its container, under the load of samples/;
#   - the capabilities are exactly those that the service needs;
#   - with the generated profile and capabilities the container serves the same load;
#   - so it does, WH_DOCKER_STARTS times in a row (2), with the arguments of calls filtered as strictly as can be;
#   - with any one capability, system call, or socket family taken out, it does not;
#   - runc, crun and podman take the same files.
# Prints "ok NAME", "not ok NAME: why" or "skip NAME: reason" a case. Needs root.
#
#   WHITTLE=/path/to/whittle tests/docker/run.sh [SERVICE…]
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
whittle=${WHITTLE:-whittle}
image='whittle-test:1'
failed=0
engine=

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failed=1
}
skip() { echo "skip $1: $2"; }
trouble() {
	echo "not ok setup: $*"
	exit 1
}

# What is known of each service beforehand: port; size of its load; the capabilities that it needs in a container, whose
# network namespace lets everyone bind low ports; calls without which it cannot start, or cannot answer.
service_facts() {
	case $1 in
	nginx) port=80 size=1 caps='CAP_CHOWN CAP_DAC_OVERRIDE CAP_SETGID CAP_SETUID' calls='listen writev' ;;
	redis) port=6379 size=5000 caps='CAP_SETGID CAP_SETUID' calls='listen accept4' ;;
	postgresql) port=5432 size=2 caps='CAP_SETGID CAP_SETUID' calls='listen recvfrom' ;;
	*) trouble "unknown service $1" ;;
	esac
}

# ---- setting up ----------------------------------------------------------------------------------

# Invoked by the trap.
# shellcheck disable=SC2317
cleanup() {
	trap - EXIT INT TERM
	cd /
	[ -z "$engine" ] || "$here/engine.sh" stop "$engine"
	# Podman leaves a mount of its own.
	awk -v dir="$work/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do
			umount -l "$point" || :
		done
	rm -rf "$work"
}

# fresh SERVICE: its folder as an installation leaves it, prepared inside the image (user ids are the
# image's), made once and copied for each start.
fresh() {
	local dir=$work/$1
	if [ ! -d "$dir/prepared" ]; then
		mkdir -p "$dir/prepared"
		(cd "$top/samples/$1" && tar -c --exclude=./bundle .) | tar -x --no-same-owner -C "$dir/prepared"
		docker run --rm --network none -v "$dir/prepared:/run/whittle-sample-$1" "$image" \
			"/run/whittle-sample-$1/prepare" >"$dir/prepare.log" 2>&1 || return 1
	fi
	rm -rf "$dir/run"
	cp -a "$dir/prepared" "$dir/run"
}

# ---- one start of a container --------------------------------------------------------------------

# ready PID PORT: something listens in the network namespace of the process.
ready() {
	nsenter --target "$1" --net timeout 2 bash -c ": </dev/tcp/127.0.0.1/$2" 2>/dev/null
}

# serves PID PORT SERVICE LOG: waits for the port and runs the load against it. Sets why if it does not.
serves() {
	local i
	for ((i = 0; i < 100; i++)); do
		if [ ! -e "/proc/$1" ]; then
			why="ended before it was ready: $(tail -n 1 "$4" | cut -c 1-200)"
			return 1
		fi
		ready "$1" "$2" && break
		sleep 0.1
	done
	if [ "$i" = 100 ]; then
		why='was not ready within 10 s'
		return 1
	fi
	if ! nsenter --target "$1" --net timeout 60 "$top/samples/$3/load" "$size" \
		>"$work/$3/load.log" 2>&1; then
		why="load failed: $(tail -n 1 "$work/$3/load.log" | cut -c 1-200)"
		return 1
	fi
	why=
}

# container NAME SERVICE ARG…: `docker run ARG… image start`; then the load; then stops it. Sets why.
container() {
	local name=$1 service=$2 status=1 pid
	shift 2
	if ! fresh "$service"; then
		why="prepare failed: $(tail -n 1 "$work/$service/prepare.log")"
		return 1
	fi
	if docker run -d --name "$name" --network none \
		-v "$work/$service/run:/run/whittle-sample-$service" "$@" "$image" \
		"/run/whittle-sample-$service/start" >"$work/$service/start.log" 2>&1; then
		pid=$(docker inspect -f '{{.State.Pid}}' "$name")
		docker logs -f "$name" >"$work/$service/$name.log" 2>&1 &
		if [ "$pid" != 0 ] && serves "$pid" "$port" "$service" "$work/$service/$name.log"; then
			status=0
		elif [ "$pid" = 0 ]; then
			wait $!
			why="ended at once: $(tail -n 1 "$work/$service/$name.log" | cut -c 1-200)"
		fi
	else
		why="docker run: $(tail -n 1 "$work/$service/start.log" | cut -c 1-200)"
	fi
	docker stop -t 10 "$name" >/dev/null 2>&1
	docker rm -f "$name" >/dev/null 2>&1
	return "$status"
}

# ---- the cases -----------------------------------------------------------------------------------

# whittle records the service inside the container; the load is run from here, and its status handed
# in through a pipe, so that the trace has it.
record() {
	local service=$1 dir=$work/$1 pid status
	fresh "$service" || {
		why="prepare failed: $(tail -n 1 "$dir/prepare.log")"
		return 1
	}
	rm -rf "$dir/out"
	mkdir -p "$dir/out"
	mkfifo "$dir/out/load"
	docker run -d --name "record-$service" --network none --cap-add SYS_PTRACE \
		--security-opt seccomp=unconfined --security-opt apparmor=unconfined \
		-v "$dir/run:/run/whittle-sample-$service" -v "$work/tool:/opt/whittle:ro" -v "$dir/out:/opt/out" \
		"$image" /opt/whittle/loader --library-path /opt/whittle/lib /opt/whittle/whittle \
		record -o /opt/out/trace.json --name "$service" --ready "tcp:127.0.0.1:$port" \
		--load 'read -r status </opt/out/load; exit "$status"' -- \
		"/run/whittle-sample-$service/start" >"$dir/start.log" 2>&1 || {
		why="docker run: $(tail -n 1 "$dir/start.log")"
		return 1
	}
	pid=$(docker inspect -f '{{.State.Pid}}' "record-$service")
	docker logs -f "record-$service" >"$dir/record.log" 2>&1 &
	status=0
	if [ "$pid" = 0 ] || ! serves "$pid" "$port" "$service" "$dir/record.log"; then
		status=1
	fi
	# Whoever waits at the other end of the pipe may be gone.
	# shellcheck disable=SC2016 # for the inner shell
	timeout 20 sh -c 'echo "$1" >"$2"' - "$status" "$dir/out/load"
	timeout 60 docker wait "record-$service" >"$dir/status" 2>&1
	docker rm -f "record-$service" >/dev/null 2>&1
	[ "$status" = 0 ] || return 1
	if [ "$(cat "$dir/status")" != 0 ]; then
		why="whittle record: exit $(cat "$dir/status"): $(tail -n 1 "$dir/record.log" | cut -c 1-300)"
		return 1
	fi
	# Relative, as people do: docker-run.args then names files as seen from here.
	mkdir -p "$dir/made"
	cd "$dir/made" || return 1
	"$whittle" generate -o bundle --runtime runc "$dir/out/trace.json" \
		>"$dir/generate.log" 2>&1 || {
		why="whittle generate: exit $?: $(tail -n 1 "$dir/generate.log" | cut -c 1-300)"
		return 1
	}
}

# with_bundle DIR NAME SERVICE: with DIR/bundle, exactly as its docker-run.args says.
with_bundle() {
	# The words of docker-run.args are one a line, and are meant to be split.
	# shellcheck disable=SC2046
	cd "$1" && container "$2" "$3" $(grep -v '^#' bundle/docker-run.args)
}

# without_cap MADE CUT CAP, without_call MADE CUT NAME: a copy, in CUT/bundle, that lacks it.
without_cap() {
	rm -rf "$2"
	mkdir -p "$2"
	cp -R "$1/bundle" "$2/bundle"
	jq --arg cap "$3" '.add -= [$cap]' "$1/bundle/capabilities.json" >"$2/bundle/capabilities.json"
	grep -vx -e "--cap-add=$3" -e "--cap-add=${3#CAP_}" "$1/bundle/docker-run.args" \
		>"$2/bundle/docker-run.args"
	! cmp -s "$1/bundle/docker-run.args" "$2/bundle/docker-run.args"
}
without_call() {
	rm -rf "$2"
	mkdir -p "$2"
	cp -R "$1/bundle" "$2/bundle"
	jq -S --arg call "$3" '.syscalls |= [.[] | .names -= [$call] | select(.names != [])]' \
		"$1/bundle/seccomp.json" >"$2/bundle/seccomp.json"
	[ "$(jq -S . "$1/bundle/seccomp.json")" != "$(cat "$2/bundle/seccomp.json")" ]
}
# without_inet MADE CUT: socket() is allowed, but not of that family.
without_inet() {
	rm -rf "$2"
	mkdir -p "$2"
	cp -R "$1/bundle" "$2/bundle"
	jq -S '.syscalls |= [.[] | select(.names != ["socket"] or .args[0].valueTwo != 2)]' \
		"$1/bundle/seccomp.json" >"$2/bundle/seccomp.json"
	[ "$(jq -S . "$1/bundle/seccomp.json")" != "$(cat "$2/bundle/seccomp.json")" ] &&
		jq -e '.syscalls | any(.names == ["socket"])' "$2/bundle/seccomp.json" >/dev/null
}

# strict_starts SERVICE: under all that is known of arguments. Sets why.
strict_starts() {
	local dir=$work/$1/strict start
	mkdir -p "$dir"
	(cd "$dir" && "$whittle" generate -o bundle --runtime runc --args strict "$work/$1/out/trace.json" >generate.log 2>&1) || {
		why="whittle generate: $(tail -n 1 "$dir/generate.log" | cut -c 1-300)"
		return 1
	}
	for ((start = 1; start <= ${WH_DOCKER_STARTS:-2}; start++)); do
		with_bundle "$dir" "strict-$1-$start" "$1" || {
			why="start $start: $why"
			return 1
		}
	done
}

# oci SERVICE BUNDLE: an OCI bundle for a runtime that is called directly, with the image's files as they are.
oci() {
	local service=$1 bundle=$2 dir=$work/$1/oci nnp=false
	grep -q '^[^#]*no-new-privileges' "$bundle/docker-run.args" && nnp=true
	fresh "$service" || return 1
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && runc spec) || return 1
	jq --arg root "$(docker image inspect -f '{{.GraphDriver.Data.UpperDir}}' "$image")" \
		--arg run "/run/whittle-sample-$service" --arg from "$work/$service/run" --argjson nnp "$nnp" \
		--slurpfile seccomp "$bundle/seccomp.json" --slurpfile caps "$bundle/capabilities.json" '
		.root = {path: $root, readonly: true}
		| .hostname = "sample"
		| .process.terminal = false
		| .process.args = [$run + "/start"]
		| .process.noNewPrivileges = $nnp
		| .process.rlimits = [{type: "RLIMIT_NOFILE", hard: 4096, soft: 1024}]
		| .process.capabilities = {bounding: $caps[0].add, effective: $caps[0].add, permitted: $caps[0].add}
		| .linux.seccomp = $seccomp[0]
		| .linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "0"}
		| .mounts |= map(select(.type != "cgroup"))
		| .mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs", options: ["mode=755"]},
			{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]},
			{destination: $run, type: "bind", source: $from, options: ["bind", "rw"]}]
		' "$dir/config.json" >"$dir/config.new" && mv "$dir/config.new" "$dir/config.json"
}

# direct RUNTIME SERVICE: runs the OCI bundle; then the load; then stops it. Sets why.
direct() {
	local runtime=$1 service=$2 id=whittle-test-$$-$1-$2 dir=$work/$2 pid status=1
	# A mount namespace of its own with cgroup2 alone: crun refuses the hybrid layout.
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -c '
		if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
			umount -R /sys/fs/cgroup 2>/dev/null
			mount -t cgroup2 none /sys/fs/cgroup || exit
		fi
		program=$1 root=$2
		shift 2
		# crun would raise RLIMIT_MEMLOCK for its device filter, which not every machine allows.
		[ "$program" != crun ] || set -- --cgroup-manager=disabled "$@"
		exec "$program" --root "$root" "$@"
		' - "$runtime" "$dir/state" run --bundle "$dir/oci" --pid-file "$dir/oci/pid" "$id" \
		</dev/null >"$dir/$runtime.log" 2>&1 &
	local runner=$! i
	for ((i = 0; i < 50; i++)); do
		[ ! -s "$dir/oci/pid" ] || break
		[ -e "/proc/$runner" ] || break
		sleep 0.1
	done
	pid=$(cat "$dir/oci/pid" 2>/dev/null || :)
	if [ -z "$pid" ]; then
		why="$runtime: $(tail -n 1 "$dir/$runtime.log" | cut -c 1-200)"
	elif serves "$pid" "$port" "$service" "$dir/$runtime.log"; then
		status=0
	fi
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		[ -e "/proc/$runner" ] || break
		sleep 0.1
	done
	"$runtime" --root "$dir/state" delete --force "$id" >/dev/null 2>&1
	wait "$runner"
	return "$status"
}

podman_run() { "$here/podman.sh" "$work/podman" "$@"; }

podman_case() {
	local service=$1 dir=$work/$1 name=docker/$1/podman pid
	fresh "$service" || return 1
	cd "$dir/made" || return 1
	# Where the kernel has no AppArmor, Docker passes over the profile's name and Podman refuses it.
	local without='^#'
	[ -d /sys/kernel/security/apparmor ] || without='^--security-opt=apparmor='
	# shellcheck disable=SC2046 # one word a line
	if ! podman_run run -d --name "podman-$service" --network none \
		--sysctl net.ipv4.ip_unprivileged_port_start=0 --ulimit nofile=1024:4096 --ulimit nproc=4096:4096 -v "$dir/run:/run/whittle-sample-$service" \
		$(grep -v -e '^#' -e "$without" bundle/docker-run.args) "$image" "/run/whittle-sample-$service/start" \
		>"$dir/podman.log" 2>&1; then
		not_ok "$name" "podman run: $(tail -n 1 "$dir/podman.log" | cut -c 1-200)"
		return
	fi
	pid=$(podman_run inspect -f '{{.State.Pid}}' "podman-$service")
	if serves "$pid" "$port" "$service" "$dir/podman.log"; then
		ok "$name"
	else
		not_ok "$name" "$why; $(podman_run logs "podman-$service" 2>&1 | tail -n 1)"
	fi
	podman_run rm -f -t 5 "podman-$service" >/dev/null 2>&1
}

# with a part taken out it must not serve; a bundle that serves all the same has the part for nothing.
refuted() {
	local name=$1 what=$2 service=$3 cut=$4
	if with_bundle "$cut" "${name//\//-}" "$service"; then
		not_ok "$name" "serves without $what, too"
	else
		ok "$name"
		echo "  $why"
	fi
}

service_cases() {
	local service=$1 made=$work/$1/made bundle=$work/$1/made/bundle cut=$work/$1/cut got cap call
	service_facts "$service"
	if ! record "$service"; then
		not_ok "docker/$service/record" "$why"
		return
	fi
	ok "docker/$service/record"

	got=$(jq -r '.add[]' "$bundle/capabilities.json" | sort | tr '\n' ' ')
	if [ "${got% }" = "$caps" ]; then
		ok "docker/$service/capabilities"
	else
		not_ok "docker/$service/capabilities" "generated ${got:-none }instead of $caps"
	fi

	if [ -d /sys/kernel/security/apparmor ]; then
		apparmor_parser -r -K "$bundle/apparmor.profile" ||
			not_ok "docker/$service/apparmor" 'the profile could not be loaded'
	fi
	if with_bundle "$made" "confined-$service" "$service"; then
		ok "docker/$service/confined"
	else
		# Nothing that follows would mean anything: it does not serve as it is.
		not_ok "docker/$service/confined" "$why"
		return
	fi
	if strict_starts "$service"; then
		ok "docker/$service/strict"
	else
		not_ok "docker/$service/strict" "$why"
	fi
	# From here on a failure is expected, and the small load finds it as well as a long one.
	for cap in $caps; do
		if without_cap "$made" "$cut" "$cap"; then
			refuted "docker/$service/without-$cap" "$cap" "$service" "$cut"
		else
			not_ok "docker/$service/without-$cap" "docker-run.args does not add $cap"
		fi
	done
	for call in $calls; do
		if without_call "$made" "$cut" "$call"; then
			refuted "docker/$service/without-$call" "$call" "$service" "$cut"
		else
			not_ok "docker/$service/without-$call" "seccomp.json does not name $call"
		fi
	done

	if without_inet "$made" "$cut"; then
		refuted "docker/$service/without-inet" 'socket(AF_INET)' "$service" "$cut"
	else
		not_ok "docker/$service/without-inet" 'seccomp.json has no rule for socket(AF_INET)'
	fi

	local runtime
	for runtime in runc crun; do
		if ! command -v "$runtime" >/dev/null; then
			skip "docker/$service/$runtime" "$runtime is not installed"
			continue
		fi
		"$whittle" generate -o "$work/$service/bundle-$runtime" --runtime "$runtime" --args strict \
			"$work/$service/out/trace.json" >"$work/$service/generate.log" 2>&1
		if oci "$service" "$work/$service/bundle-$runtime" && direct "$runtime" "$service"; then
			ok "docker/$service/$runtime"
		else
			not_ok "docker/$service/$runtime" "$why"
		fi
	done
	if [ -z "$podman" ]; then
		skip "docker/$service/podman" "$podman_missing"
	else
		podman_case "$service"
	fi
	[ ! -d /sys/kernel/security/apparmor ] || apparmor_parser -R "$bundle/apparmor.profile" || :
}

[ "$(id -u)" = 0 ] || trouble 'must be root'
for tool in dockerd docker mmdebstrap jq nsenter wrk curl redis-benchmark pgbench; do
	command -v "$tool" >/dev/null || trouble "$tool is not installed"
done
whittle=$(command -v "$whittle") || trouble "no whittle: set WHITTLE to the program"
services=("$@")
[ ${#services[@]} -gt 0 ] || services=(nginx redis postgresql)

# A short name: the engine's sockets are below it.
work=$(mktemp -d /tmp/wd.XXXXXX)
chmod 755 "$work"
trap cleanup EXIT
trap 'exit 130' INT TERM
tarball=$("$here/image.sh") || trouble 'no image: see above'
engine=$work/e
"$here/engine.sh" start "$engine" || trouble 'the Docker engine does not start: see above'
export DOCKER_HOST=unix://$engine/sock
export WHITTLE_SAMPLE_TIMEOUT=8
docker import "$tarball" "$image" >/dev/null || trouble 'docker import failed'
podman=
podman_missing='podman is not installed'
if command -v podman >/dev/null; then
	if podman_run import "$tarball" "$image" >"$work/podman.log" 2>&1; then
		podman=1
	else
		podman_missing="podman cannot take an image here: $(tail -n 1 "$work/podman.log" | cut -c 1-160)"
	fi
fi
"$here/pack.sh" "$whittle" "$work/tool" || trouble "no whittle at $whittle, or it has no loader that ldd can name"
for service in "${services[@]}"; do
	service_cases "$service"
done
exit "$failed"
