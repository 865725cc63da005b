#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How much slower is a service while it is traced? A table of workloads by ways of tracing them; asserts nothing.
#
#   sudo [WHITTLE=/path/to/whittle] tests/bench/run.sh [OPTION…]      (--help tells the options)
#
# A cell is the median over the rounds of traced / native of the same round; every round runs all ways of
# a workload one after the other, in a rotating order, so that what else the machine does hits all alike.
# The programs of tests/bench come from the folder bench/ beside whittle, or of $WH_BUILD.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin

die() {
	echo "bench: $*" >&2
	exit 2
}

for option in "$@"; do
	case $option in
	-h | --help | --list) exec /usr/bin/python3 "$here/bench.py" "$option" ;;
	esac
done
[ "$(id -u)" = 0 ] || die 'must be root'
for tool in /usr/bin/python3 unshare setpriv ip mount; do
	command -v "$tool" >/dev/null || die "$tool is not installed"
done
whittle=$(command -v "${WHITTLE:-whittle}") || die 'no whittle: set WHITTLE to the program'
WHITTLE=$(realpath "$whittle")
export WHITTLE WHITTLE_BENCH_INSIDE=1

# Namespaces of its own: real ports are free, all temporary files are on a file system that nobody else sees,
# and nothing stays behind however this ends: with this shell ends unshare, and with that all that is in there.
# unshare itself would not hear of SIGTERM, so this shell stays and hears it.
# shellcheck disable=SC2016
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc -- sh -euc '
	ip link set lo up
	mount -t tmpfs -o mode=755 tmpfs /run
	[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null || :
	exec /usr/bin/python3 "$@"' sh "$here/bench.py" "$@" </dev/null &
inside=$!
trap 'kill -KILL $inside 2>/dev/null || :; exit 130' INT TERM HUP
wait $inside
