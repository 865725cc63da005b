#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The proof of what is suggested beyond the profiles: a service, recorded in its container, is started with the generated
# arguments by Docker, Podman and podman kube play, with a read-only root, a user, limits and without a network, and serves; without
# one of the folders that it needs it does not.
# Prints "ok NAME", "not ok NAME: why" or "skip NAME: reason" a case. Needs root.
#
#   WHITTLE=/path/to/whittle tests/docker/harden.sh
set -u

here=$(cd "$(dirname "$0")" && pwd)
whittle=${WHITTLE:-whittle}
image='whittle-serve:1' # or, for what is called open, :2
answer='the answer'
failed=0
engine=

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failed=1
}
trouble() {
	echo "not ok setup: $*"
	exit 1
}

# check NAME WHY COMMAND…: a case that passes when the command does. Of a WHY "@FILE" the last line of the file is told.
check() {
	local name=$1 wrong=$2
	shift 2
	if "$@"; then
		ok "harden/$name"
	else
		[ "${wrong#@}" = "$wrong" ] || wrong=$(tail -n 1 "${wrong#@}" | cut -c 1-200)
		not_ok "harden/$name" "$wrong"
	fi
}

# Invoked by the trap.
# shellcheck disable=SC2317
cleanup() {
	trap - EXIT INT TERM
	cd /
	podman_run rm -f -t 1 -a >/dev/null 2>&1
	podman_run pod rm -f -t 1 -a >/dev/null 2>&1
	[ -z "$engine" ] || "$here/engine.sh" stop "$engine"
	awk -v dir="$work/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do
			umount -l "$point" || :
		done
	rm -rf "$work"
}

podman_run() {
	# Limits that every machine allows; others would need to be raised.
	CONTAINERS_CONF=$work/containers.conf "$here/podman.sh" "$work/podman" "$@"
}

make_image() {
	local root=$work/image name
	mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/run" "$root/var/lib/serve" "$root/proc" "$root/sys" "$root/dev"
	chmod 1777 "$root/tmp"
	cc -O2 -static -pthread -D_GNU_SOURCE -o "$root/serve" "$here/serve.c" || return
	# A shell for the load of the recording.
	cp "$(command -v busybox)" "$root/bin/busybox" || return
	for name in sh touch; do
		ln -s busybox "$root/bin/$name"
	done
	printf '%s\n' "$answer" >"$root/etc/serve.conf"
	echo seed >"$root/var/lib/serve/seed"
	tar -C "$root" -cf "$work/image.tar" .
	# Another one, with a folder for all to write in: Podman gives an emptyDir the mode that the folder has in the image.
	chmod 1777 "$root/run"
	tar -C "$root" -cf "$work/open.tar" .
}

# answers PID MODE: asks the service in the container of the process.
answers() {
	local got port=80
	[[ $2 != *high* ]] || port=8080
	if [[ $2 == *unix* ]]; then
		got=$(/usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
print(s.recv(100).decode(), end="")' "/proc/$1/root/run/serve.sock" 2>/dev/null)
	else
		# shellcheck disable=SC2016 # for the inner shell
		got=$(nsenter --target "$1" --net timeout 5 bash -c 'read -r line </dev/tcp/127.0.0.1/$1 && echo "$line"' - "$port" 2>/dev/null)
	fi
	[ "$got" = "$answer" ]
}

# serves PID MODE: within ten seconds, or until it ends.
serves() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ "$1" != 0 ] && [ -e "/proc/$1" ] || return 1
		! answers "$1" "$2" || return 0
		sleep 0.1
	done
	return 1
}

# docker_serves MODE ARG…: `docker run ARG… $image /serve MODE`. Leaves the uid that it ran as in $uid.
docker_serves() {
	local mode=$1 pid status=1
	shift
	# shellcheck disable=SC2086 # a mode is words
	if docker run -d --name serve "$@" "$image" /serve $mode >"$work/start.log" 2>&1; then
		pid=$(docker inspect -f '{{.State.Pid}}' serve)
		if serves "$pid" "$mode"; then
			status=0
			uid=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
		fi
		docker logs serve >>"$work/start.log" 2>&1
	fi
	docker rm -f -v serve >/dev/null 2>&1
	return "$status"
}
docker_fails() { ! docker_serves "$@"; }

# record NAME MODE: in the container, as people do it; a bundle in NAME.
record() {
	local name=$1 mode=$2 pid ready=tcp:127.0.0.1:80 status
	[[ $mode != *high* ]] || ready=tcp:127.0.0.1:8080
	[[ $mode != *unix* ]] || ready=file:/run/serve.sock
	mkdir -p "$work/out-$name"
	mkfifo "$work/out-$name/load"
	# shellcheck disable=SC2086 # a mode is words
	docker run -d --name record --network none --cap-add SYS_PTRACE --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined -v "$work/tool:/opt/whittle:ro" -v "$work/out-$name:/opt/out" "$image" \
		/opt/whittle/loader --library-path /opt/whittle/lib /opt/whittle/whittle record -o /opt/out/trace.json \
		--name "$name" --ready "$ready" --load 'read -r status </opt/out/load; exit "$status"' \
		-- /serve $mode >"$work/record.log" 2>&1 || return
	pid=$(docker inspect -f '{{.State.Pid}}' record)
	serves "$pid" "$mode"
	status=$?
	# shellcheck disable=SC2016 # for the inner shell
	timeout 20 sh -c 'echo "$1" >"$2"' - "$status" "$work/out-$name/load"
	status=$(timeout 60 docker wait record)
	docker logs record >>"$work/record.log" 2>&1
	docker rm -f record >/dev/null 2>&1
	[ "$status" = 0 ] && "$whittle" generate -o "$name" "$work/out-$name/trace.json" >>"$work/record.log" 2>&1 &&
		"$here/../golden/well-formed.py" "$name" >>"$work/record.log" 2>&1
}

# choose NAME: its image.
choose() { if [ "$1" = open ]; then image=${image%:*}:2; else image=${image%:*}:1; fi; }

# arguments NAME [WITHOUT]: those of its docker-run.args, but for lines that match.
arguments() {
	mapfile -t args < <(grep -v '^#' "$1/docker-run.args" | grep -v -e "${2:-^\$}")
}
has() { grep -qx -e "$2" "$1/docker-run.args"; }
lacks() { ! grep -q -e "$2" "$1/docker-run.args"; }

# The root of what Docker started is read-only: shown by what is not to be had there.
root_is_read_only() {
	local status
	arguments state '^--security-opt=seccomp'
	docker run --rm --network none "${args[@]}" "$image" /bin/touch /var/lib/serve/x /run/x /tmp/x >/dev/null 2>&1 || return
	docker run --rm --network none "${args[@]}" "$image" /bin/touch /x >/dev/null 2>&1
	status=$?
	[ "$status" = 1 ]
}

docker_cases() {
	local name place
	for name in plain state unix open; do
		choose "$name"
		arguments "$name"
		if [ "$name" != unix ]; then args+=(--network=none); fi
		check "$name/serves" "@$work/start.log" docker_serves "${modes[$name]}" "${args[@]}"
		check "$name/as-suggested-user" "it ran as uid $uid" test "$uid" = "${users[$name]}"
	done
	choose plain
	check state/read-only 'the root is not read-only, or the folders are' root_is_read_only
	for place in --tmpfs=/run --tmpfs=/tmp --volume=/var/lib/serve; do
		arguments state "^$place"
		check "state/without$place" 'serves without it, too' docker_fails state --network=none "${args[@]}"
	done
	arguments plain '^--pids-limit'
	check plain/few-threads 'serves with three threads, too' \
		docker_fails '' --network=none "${args[@]}" --pids-limit=3
}

# The suggestions themselves, both ways.
suggestions() {
	check plain/user 'no user, although root was not needed' has plain --user=65532:65532
	check state/no-user 'a user, who could not write to the volume' lacks state '^--user'
	check unix/network-none 'a network, although none was used' has unix --network=none
	check plain/network 'no network' lacks plain '^--network'
	check plain/port 'port 80 is not published' has plain --publish=80:80/tcp
	check plain/tmpfs 'no tmpfs for /run' has plain '--tmpfs=/run:mode=755,uid=65532,gid=65532'
	check open/tmpfs '/run is not open to all' has open '--tmpfs=/run:mode=1777'
	check plain/tmp '/tmp is not open to all' has plain '--tmpfs=/tmp:mode=1777'
	check state/tmpfs "root's tmpfs is open to all" has state '--tmpfs=/run:mode=755'
	check state/volume 'no volume for what the image has' has state --volume=/var/lib/serve
	check plain/no-volume 'a volume without need' lacks plain '^--volume'
	check plain/threads 'no limit of threads' has plain --pids-limit=100
	check plain/sysctl 'Kubernetes is not told of the low port' \
		grep -qx '      - name: net.ipv4.ip_unprivileged_port_start' plain/kubernetes.yaml
	check plain/why 'explain says nothing' \
		grep -q '^read-only: suggested' <("$whittle" explain plain read-only)
}

podman_serves() {
	local pid status=1
	arguments state '^--security-opt=apparmor'
	if podman_run run -d --name serve --network none --sysctl net.ipv4.ip_unprivileged_port_start=0 \
		"${args[@]}" "$image" /serve state >"$work/podman.log" 2>&1; then
		pid=$(podman_run inspect -f '{{.State.Pid}}' serve)
		serves "$pid" state && status=0
	fi
	podman_run rm -f -t 1 serve >/dev/null 2>&1
	return "$status"
}

# kube FILE: plays the pod, as it was generated but for what it cannot know (the image and its command), and for the port, which
# Podman only takes with a bridge. Leaves the uid that it ran as in $uid.
kube_serves() {
	local file=$1 pid status=1
	sed -e "s|image: \"IMAGE\"|image: localhost/${image%:*}:2\n      command: [/serve, high]|" \
		-e '/^      ports:/,/^      securityContext:/{/securityContext/!d}' "$file" >"$work/play.yaml"
	if podman_run kube play --network none --seccomp-profile-root "$work/seccomp" "$work/play.yaml" >"$work/podman.log" 2>&1; then
		pid=$(podman_run inspect -f '{{.State.Pid}}' open-open)
		if serves "$pid" high; then
			status=0
			uid=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
			filter=$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")
		fi
	fi
	podman_run logs open-open >>"$work/podman.log" 2>&1
	podman_run kube down "$work/play.yaml" >/dev/null 2>&1
	return "$status"
}
kube_fails() { ! kube_serves "$@"; }

podman_cases() {
	mkdir -p "$work/seccomp"
	cp open/seccomp.json "$work/seccomp/whittle-open.json"
	check state/podman "@$work/podman.log" podman_serves
	uid='' filter=''
	check open/kube "@$work/podman.log" kube_serves open/kubernetes.yaml
	check open/kube-user "it ran as uid $uid" test "$uid" = 65532
	check open/kube-seccomp "mode $filter of seccomp, not 2" test "$filter" = 2
	# Without the last two folders.
	sed -e '/^      volumeMounts:/,$d' open/kubernetes.yaml >"$work/bare.yaml"
	check open/kube-without-folders 'serves without them, too' kube_fails "$work/bare.yaml"
}

[ "$(id -u)" = 0 ] || trouble 'must be root'
for tool in dockerd docker cc busybox nsenter; do
	command -v "$tool" >/dev/null || trouble "$tool is not installed"
done
whittle=$(command -v "$whittle") || trouble "no whittle: set WHITTLE to the program"
declare -A modes=([plain]='' [state]=state [unix]=unix [open]=high) users=([plain]=65532 [state]=0 [unix]=65532 [open]=65532)

work=$(mktemp -d /tmp/wh.XXXXXX)
chmod 755 "$work"
printf '[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=1024:1024"]\n' >"$work/containers.conf"
trap cleanup EXIT
trap 'exit 130' INT TERM
engine=$work/e
"$here/engine.sh" start "$engine" || trouble 'the Docker engine does not start: see above'
export DOCKER_HOST=unix://$engine/sock
make_image || trouble 'the image cannot be made'
docker import "$work/image.tar" "$image" >/dev/null && docker import "$work/open.tar" "${image%:*}:2" >/dev/null ||
	trouble 'docker import failed'
"$here/pack.sh" "$whittle" "$work/tool" || trouble "no whittle at $whittle, or it has no loader that ldd can name"
cd "$work" || exit
uid=
for name in "${!modes[@]}"; do
	choose "$name"
	record "$name" "${modes[$name]}" || trouble "recording $name: $(tail -n 2 "$work/record.log" | tr '\n' ' ')"
done
choose plain
suggestions
docker_cases
if command -v podman >/dev/null && podman_run import "$work/image.tar" "localhost/$image" >"$work/podman.log" 2>&1; then
	podman_run import "$work/open.tar" "localhost/${image%:*}:2" >>"$work/podman.log" 2>&1
	podman_cases
else
	echo "skip harden/state/podman: podman cannot take an image here: $(tail -n 1 "$work/podman.log" 2>/dev/null | cut -c 1-160)"
fi
exit "$failed"
