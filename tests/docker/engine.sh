#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The real Docker engine, of its own: beside any other one, and gone without a trace afterwards.
#
#   engine.sh start DIR    starts dockerd with everything below DIR (absolute); the socket is DIR/sock, and a
#                          DIR/daemon.json its configuration; with WH_ENGINE_BRIDGE set, the name of a bridge that
#                          there is, containers have a network there, and ports are published by a process of Docker's
#   engine.sh stop DIR     stops it with its containers and removes DIR
set -eu

die() {
	echo "engine.sh: $*" >&2
	exit 2
}

[ $# -eq 2 ] || die "usage: engine.sh start|stop DIR"
dir=$2
case $dir in
/*) ;;
*) die "$dir is not an absolute path" ;;
esac

alive() {
	[ -n "${1:-}" ] && kill -0 "$1" 2>/dev/null
}

start() {
	local config=()
	mkdir -p "$dir/data" "$dir/exec"
	[ ! -e "$dir/daemon.json" ] || config=(--config-file "$dir/daemon.json")
	# No packet filter, and no bridge by default: containers have a network namespace with nothing but loopback, and
	# the machine's network is left alone. A socket's path must stay below 108 bytes.
	dockerd "${config[@]}" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
		--host "unix://$dir/sock" --iptables=false --ip6tables=false --ip-forward=false \
		--ip-masq=false "--bridge=${WH_ENGINE_BRIDGE:-none}" --exec-opt native.cgroupdriver=cgroupfs \
		</dev/null >"$dir/log" 2>&1 &
	local pid=$! i
	for ((i = 0; i < 300; i++)); do
		if DOCKER_HOST=unix://$dir/sock docker version >/dev/null 2>&1; then
			return 0
		fi
		alive "$pid" || break
		sleep 0.1
	done
	tail -n 20 "$dir/log" >&2
	if alive "$pid"; then
		kill "$pid"
		die "dockerd does not answer on $dir/sock"
	fi
	die "dockerd has ended: see above"
}

stop() {
	local pid i id
	pid=$(cat "$dir/pid" 2>/dev/null || :)
	if alive "$pid"; then
		# Containers outlive the engine otherwise: each has a shim of its own.
		for id in $(DOCKER_HOST=unix://$dir/sock timeout 30 docker ps -aq); do
			DOCKER_HOST=unix://$dir/sock timeout 30 docker rm -f "$id" >/dev/null 2>&1 || :
		done
		kill "$pid" 2>/dev/null || :
		for ((i = 0; i < 200; i++)); do
			alive "$pid" || break
			sleep 0.1
		done
		! alive "$pid" || kill -9 "$pid" 2>/dev/null || :
	fi
	# What it mounted, innermost first.
	local point
	awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do
			umount -l "$point" || :
		done
	rm -rf "$dir"
}

case $1 in
start) start ;;
stop) stop ;;
*) die "unknown word '$1'" ;;
esac
