#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the samples: each checked-in bundle is valid, says nothing of the machine that made it, serves on this machine, and
# is what recording the service again gives; and the CI template tells a release that wants more from one
# that does not. Prints "ok NAME", "not ok NAME: why" or "skip NAME: reason" a case. Needs root.
#
#   WHITTLE=/path/to/whittle samples/check.sh [NAME…]
# shellcheck disable=SC2317 # functions are called through case_run
set -u -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
whittle=${WHITTLE:-whittle}
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(nginx redis postgresql python node)
failed=0

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1: $2"
	failed=1
}
# case_run NAME COMMAND…: passes when the command does; the end of its output is the reason otherwise.
case_run() {
	local name=$1 status=0
	shift
	"$@" >"$work/log" 2>&1 </dev/null || status=$?
	if [ "$status" = 0 ]; then
		ok "$name"
	else
		tail -n 15 "$work/log" | sed 's/^/    /'
		not_ok "$name" "exit $status: $(tail -n 1 "$work/log" | cut -c 1-160)"
	fi
}

# The capabilities that each service needs with the host's network; known from taking them away.
needed() {
	case $1 in
	nginx) echo CAP_CHOWN CAP_DAC_OVERRIDE CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID ;;
	*) echo CAP_SETGID CAP_SETUID ;;
	esac
}
capabilities() {
	local got
	got=$(jq -r '.add | sort | join(" ")' "$2/capabilities.json") || return
	[ "$got" = "$(needed "$1")" ] || {
		echo "has '$got' instead of '$(needed "$1")'"
		return 1
	}
}

valid() {
	local file
	for file in trace.json seccomp.json capabilities.json docker-run.args apparmor.profile; do
		[ -s "$1/$file" ] || {
			echo "$file is missing"
			return 1
		}
	done
	jq -e '.format == "whittle-trace" and .complete and (.runs | all(.complete and (.failed | not)))' "$1/trace.json" &&
		jq -e '.defaultAction == "SCMP_ACT_ERRNO" and (.syscalls | length > 0)' "$1/seccomp.json" &&
		apparmor_parser -Q -K "$1/apparmor.profile"
}

# Folders that are only on the machine that recorded have no place in a bundle.
portable() {
	local paths
	paths=$(jq -r '[.files[].path, .execs[].to, (.runs[] | .cwd, .argv[0], .load)] | unique | .[]' "$1/trace.json") || return
	! grep -E -e '^/(dev/pts|run/user|root|home|tmp|mnt|srv|opt)/.' -e '^[^/]' <<<"$paths" &&
		! grep -vE '^/((usr|lib|lib32|lib64|bin|sbin|etc|proc|sys|dev|run|var)/.*|[^/]*/?)$' <<<"$paths"
}

# isolated COMMAND…: in namespaces of its own, with loopback.
isolated() {
	unshare --net --pid --fork --kill-child --mount-proc -- \
		sh -c 'ip link set lo up && exec "$@"' - "$@"
}

confined() {
	local name=$1 run=/run/whittle-sample-$1 status=0
	"$here/$name/prepare" &&
		isolated "$whittle" verify "$here/$name/bundle" --ready "$(sed -n 's/^ready=//p' "$here/$name/sample.env")" \
			--load "$run/load" -- "$run/start" || status=$?
	rm -rf "$run"
	return "$status"
}

# Taken away one by one and together, just those of the list are proved.
least() {
	local name=$1 run=/run/whittle-sample-$1 status=0 got
	cp -r "$here/$name/bundle" "$work/least-$name" && "$here/$name/prepare" &&
		isolated "$whittle" verify "$work/least-$name" --ablate caps --prepare "'$here/$name/prepare'" --ready "$(sed -n 's/^ready=//p' "$here/$name/sample.env")" \
			--load "$run/load" -- "$run/start" || status=$?
	rm -rf "$run"
	[ "$status" = 0 ] || return "$status"
	got=$(jq -r '[.verdicts | to_entries[] | select(.value.verdict == "proved").key] | sort | join(" ")' \
		"$work/least-$name/ablation.json") || return
	[ "$got" = "$(needed "$name")" ] || {
		echo "'$got' is proved instead of '$(needed "$name")'"
		return 1
	}
}

# other_release NAME: says so when the service is not of the major version that was recorded; then it may
# well want something else.
other_release() {
	local package version here_version
	while read -r package version; do
		here_version=$(dpkg-query -W -f='${Version}' "$package" 2>/dev/null)
		version=${version#*:} here_version=${here_version#*:}
		if [ "${version%%[!0-9]*}" != "${here_version%%[!0-9]*}" ]; then
			echo "recorded with $package $version, here is ${here_version:-none}"
			return
		fi
	done <"$here/$1/recorded-with"
}

# What is checked in must allow what the service does here and now.
recorded_again() {
	"$here/regenerate.sh" --into "$work/again" "$1" && capabilities "$1" "$work/again/$1/bundle" &&
		"$whittle" verify --trace "$work/again/$1/bundle/trace.json" "$work/again/$1/bundle" &&
		"$whittle" diff --fail-on medium "$here/$1/bundle" "$work/again/$1/bundle"
}

# The CI template, on a service of two releases: the second one also writes a file and opens a socket.
ci_release() {
	cat >"$work/ci/service" <<END
#!/usr/bin/python3 -IB
import signal, socket, sys
server = socket.create_server(("127.0.0.1", 8001))
$1
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
	server.accept()[0].close()
END
	chmod +x "$work/ci/service"
}
# ci [LOAD]
ci() {
	cd "$work/ci" && isolated env "WHITTLE=$whittle" "SERVICE=$work/ci/service" READY=tcp:127.0.0.1:8001 \
		"LOAD=${1:-$work/ci/load}" "OUT=$work/ci/out" "$here/ci/least-privilege.sh"
}
expect() {
	local wanted=$1 status=0
	shift
	"$@" || status=$?
	[ "$status" = "$wanted" ] || {
		echo "exit $status instead of $wanted"
		return 1
	}
}

[ "$(id -u)" = 0 ] || {
	echo 'not ok samples/setup: must be root'
	exit 1
}
whittle=$(command -v "$whittle") || {
	echo 'not ok samples/setup: no whittle: set WHITTLE to the program'
	exit 1
}
whittle=$(realpath "$whittle")
export WHITTLE=$whittle
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work" /run/whittle-ci-release' EXIT
trap 'exit 130' INT TERM

for name in "${names[@]}"; do
	bundle=$here/$name/bundle
	case_run "samples/$name/valid" valid "$bundle"
	case_run "samples/$name/capabilities" capabilities "$name" "$bundle"
	case_run "samples/$name/portable" portable "$bundle"
	case_run "samples/$name/offline" "$whittle" verify --trace "$bundle/trace.json" "$bundle"
	other=$(other_release "$name")
	if [ -n "$other" ]; then
		echo "skip samples/$name/confined: $other"
		echo "skip samples/$name/least: $other"
		echo "skip samples/$name/recorded-again: $other"
		continue
	fi
	case_run "samples/$name/confined" confined "$name"
	# Those whose load is short.
	case $name in
	redis | python) case_run "samples/$name/least" least "$name" ;;
	esac
	case_run "samples/$name/recorded-again" recorded_again "$name"
done

if [ $# -eq 0 ]; then
	mkdir -p "$work/ci"
	printf '#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/8001 && cat <&3\n' >"$work/ci/load"
	chmod +x "$work/ci/load"
	ci_release ''
	case_run samples/ci/no-bundle expect 2 ci
	isolated "$whittle" record -o "$work/ci/trace.json" --ready tcp:127.0.0.1:8001 --load "$work/ci/load" -- \
		"$work/ci/service" >"$work/log" 2>&1 </dev/null
	case_run samples/ci/generate "$whittle" generate -o "$work/ci/bundle" "$work/ci/trace.json"
	case_run samples/ci/same expect 0 ci
	ci_release 'open("/run/whittle-ci-release", "w").close(); socket.socket(socket.AF_INET, socket.SOCK_DGRAM)'
	case_run samples/ci/wants-more expect 1 ci
	case_run samples/ci/report grep -q whittle-ci-release "$work/ci/out/report.md"
	case_run samples/ci/load-fails expect 1 ci false
fi
exit "$failed"
