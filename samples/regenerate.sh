#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records the sample services for real and writes their bundles, samples/NAME/bundle.
#
#   sudo [WHITTLE=/path/to/whittle] samples/regenerate.sh [--into DIR] [NAME…]
#
# --into DIR writes DIR/NAME/bundle instead, and leaves the checked-in bundles alone.
#
# Each service runs from /run/whittle-sample-NAME and in network and pid namespaces of its own, so that paths
# and ports in a trace are the same everywhere, nothing is in the way of the real port, nothing outside
# can reach the service, and nothing of it stays behind. Two runs still differ in what is a fact of the run: run ids, counts, durations, process
# ids, the kernel's version; and in calls that depend on timing (futex, sched_yield, EAGAIN, restart_syscall).
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
all=(nginx redis postgresql python node)
whittle=${WHITTLE:-whittle}
into=

die() {
	echo "regenerate.sh: $*" >&2
	exit 2
}

# field NAME KEY: a value of samples/NAME/sample.env, which is data and never executed.
field() {
	sed -n "s/^$2=//p" "$here/$1/sample.env"
}

missing_programs() {
	local package
	for package in $(field "$1" packages) $(field "$1" load_packages); do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf ' %s' "$package"
	done
}

# Nothing of the caller's environment reaches a service or its trace.
clean() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TZ=UTC \
		${WHITTLE_TEMPLATES:+"WHITTLE_TEMPLATES=$WHITTLE_TEMPLATES"} "$@"
}

one() {
	local name=$1 run=/run/whittle-sample-$1 trace=$work/$1.json
	"$here/$name/prepare" || die "$name: prepare failed"
	# Its output goes through a pipe: a file or a terminal would be in the trace with its name.
	(cd / && clean "$whittle" record -o "$trace" --name "$name" --ready "$(field "$name" ready)" \
		--load "$run/load" -- "$run/start" </dev/null 2>&1 | sed "s/^/  /") ||
		die "$name: the recording failed"
	rm -rf "$run"
	# Files in docker-run.args are named as seen from the sample's folder.
	mkdir -p "$into/$name"
	(cd "$into/$name" && clean "$whittle" generate -o bundle "$trace") ||
		die "$name: generate failed"
	# shellcheck disable=SC2046 # names of packages, without blanks
	dpkg-query -W -f='${Package} ${Version}\n' $(field "$name" packages) >"$into/$name/recorded-with"
}

names=()
while [ $# -gt 0 ]; do
	case $1 in
	--into)
		[ $# -ge 2 ] || die '--into needs a folder'
		into=$2
		shift
		;;
	-h | --help)
		sed -n '3,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p}' "$0"
		exit 0
		;;
	-*) die "unknown option $1; see --help" ;;
	*)
		[ -f "$here/$1/sample.env" ] || die "no sample $1; there are: ${all[*]}"
		names+=("$1")
		;;
	esac
	shift
done
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")
[ "$(id -u)" = 0 ] || die 'must be root: services drop their own privileges'
whittle=$(command -v "$whittle") || die 'no whittle: build it, and set WHITTLE to the program'
whittle=$(realpath "$whittle")
[ -z "$into" ] || into=$(mkdir -p "$into" && cd "$into" && pwd)

if [ -z "${WHITTLE_SAMPLE_INSIDE:-}" ]; then
	for name in "${names[@]}"; do
		missing=$(missing_programs "$name")
		[ -z "$missing" ] || die "$name: install first: apt-get install$missing"
	done
	export WHITTLE_SAMPLE_INSIDE=1 WHITTLE=$whittle
	exec unshare --net --pid --fork --kill-child --mount-proc -- "$0" ${into:+--into "$into"} "${names[@]}"
fi
ip link set lo up
into=${into:-$here}
work=$(mktemp -d)
trap 'rm -rf "$work" /run/whittle-sample-*' EXIT
trap 'exit 130' INT TERM
for name in "${names[@]}"; do
	one "$name"
done
