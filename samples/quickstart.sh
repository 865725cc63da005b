#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole point in one command, on Debian 12 (as root):
#
#   sudo samples/quickstart.sh
#
# Installs what is needed, builds whittle, records a real nginx under a real load, generates its least
# privilege, runs the same nginx confined to it under the same load, and shows before and after.
# nginx runs in network and pid namespaces of its own: port 80 is free there whatever runs on this machine,
# nothing outside can reach it, and nothing of it stays behind. Where that is not allowed it uses port 8090.
# Everything that is kept is in /var/lib/whittle-quickstart; what apt and cmake say is in its log.
set -eu -o pipefail

keep=/var/lib/whittle-quickstart
log=$keep/log
build=$keep/build
whittle=$build/whittle
run=/run/whittle-sample-nginx
top=$(cd "$(dirname "$0")/.." && pwd)
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
packages=(build-essential cmake ninja-build pkg-config libseccomp-dev libapparmor-dev libunwind-dev
	libjansson-dev nginx-light wrk curl jq apparmor iproute2)

# ---- what a person sees --------------------------------------------------------------------------

bold='' dim='' green='' red='' plain='' terminal=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
	terminal=1
	if [ -z "${NO_COLOR:-}" ]; then
		bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
	fi
fi

step() {
	step=$1
	[ -z "$terminal" ] || printf '  %s…  %-10s %s%s' "$dim" "$step" "$2" "$plain"
}
done_step() {
	[ -z "$terminal" ] || printf '\r\e[K'
	printf '  %s✓%s  %-10s %s\n' "$green" "$plain" "$step" "$1"
}
die() {
	[ -z "$terminal" ] || printf '\r\e[K'
	printf '  %s✗%s  %-10s %s\n' "$red" "$plain" "${step:-start}" "$1" >&2
	exit "${2:-2}"
}
# logged MESSAGE COMMAND…: its output is for the log, whose end is shown when it fails.
logged() {
	local message=$1 mark
	shift
	mark=$(wc -l <"$log")
	printf '\n$ %s\n' "$*" >>"$log"
	# Through a pipe: a service that inherits the log itself would have it in its profile.
	if ! "$@" 2>&1 </dev/null | cat >>"$log"; then
		[ -z "$terminal" ] || printf '\r\e[K'
		tail -n "+$((mark + 2))" "$log" | tail -n 25 | sed 's/^/      /' >&2
		die "$message; all of it is in $log"
	fi
}
# 41203.7 → 41,204
number() {
	local n
	n=$(printf '%.0f' "$1")
	while [[ $n =~ ^([0-9]+)([0-9]{3}.*)$ ]]; do
		n=${BASH_REMATCH[1]},${BASH_REMATCH[2]}
	done
	printf '%s' "$n"
}

# ---- outside: packages and the build -------------------------------------------------------------

policy=/usr/sbin/policy-rc.d
policy_ours=
child=
# Invoked by the traps.
# shellcheck disable=SC2317
cleanup() {
	trap - EXIT INT TERM HUP
	[ -z "$policy_ours" ] || rm -f "$policy"
	# Its end is the end of everything in its pid namespace.
	if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
		kill -9 "$child" 2>/dev/null || :
		wait "$child" 2>/dev/null || :
	fi
	rm -rf "$run"
}

# shellcheck disable=SC2317
stopped() {
	printf '\n  stopped: nothing is left running\n' >&2
	exit "$1"
}

install_packages() {
	local missing=() package
	step packages 'looking at what is installed'
	for package in "${packages[@]}"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			missing+=("$package")
	done
	if [ ${#missing[@]} -eq 0 ]; then
		done_step 'all there already'
		return
	fi
	command -v apt-get >/dev/null || die "no apt-get here; install by hand: ${missing[*]}"
	[ -z "$terminal" ] || printf '\r\e[K'
	step packages "installing ${#missing[@]}: ${missing[*]:0:4} …"
	# No service is started by its package, and one that was not here before is not enabled either.
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		policy_ours=1
		chmod 755 "$policy"
	fi
	logged 'apt-get update failed' apt-get -q update
	logged 'apt-get install failed' apt-get -q -y --no-install-recommends install "${missing[@]}"
	if [ -n "$policy_ours" ]; then
		rm -f "$policy"
		policy_ours=
	fi
	if [[ " ${missing[*]} " == *' nginx-light '* ]] && command -v systemctl >/dev/null; then
		systemctl --quiet disable nginx.service >>"$log" 2>&1 || :
	fi
	done_step "installed ${#missing[@]}: ${missing[*]}"
}

build_whittle() {
	local started=$SECONDS
	step build 'compiling whittle'
	# A build of another source tree, or of this one at another place, cannot go on.
	grep -qsxF "CMAKE_HOME_DIRECTORY:INTERNAL=$top" "$build/CMakeCache.txt" || rm -rf "$build"
	logged 'cmake failed' cmake -G Ninja -S "$top" -B "$build" \
		-DWHITTLE_TESTS=OFF
	logged 'the build failed' cmake --build "$build"
	done_step "$("$whittle" --version | head -n 1), in $((SECONDS - started)) s"
}

outside() {
	[ "$(id -u)" = 0 ] || die 'must be root, to trace nginx and to take its privileges away: sudo samples/quickstart.sh'
	umask 022
	mkdir -p "$keep"
	exec 9>"$keep/lock"
	flock -n 9 || die 'is running already'
	: >"$log"
	trap cleanup EXIT
	trap 'stopped 130' INT
	trap 'stopped 143' TERM HUP
	printf '\n%swhittle%s: record what nginx does, and leave it just that\n\n' "$bold" "$plain"
	install_packages
	build_whittle

	local isolated=(unshare --net --pid --fork --kill-child --mount-proc --)
	if ! "${isolated[@]}" ip link set lo up >/dev/null 2>&1; then
		isolated=()
	fi
	step=
	# In the background, so that a signal is acted on at once.
	WHITTLE_QUICKSTART_INSIDE=${isolated:+isolated}
	export WHITTLE_QUICKSTART_INSIDE=${WHITTLE_QUICKSTART_INSIDE:-shared}
	"${isolated[@]}" "$0" </dev/null &
	child=$!
	local status=0
	wait "$child" || status=$?
	child=
	exit "$status"
}

# ---- inside: the demonstration -------------------------------------------------------------------

service=
# shellcheck disable=SC2317
stop_service() {
	if [ -n "$service" ]; then
		kill "$service" 2>/dev/null || :
		wait "$service" 2>/dev/null || :
	fi
	service=
}

listening() {
	(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# Makes nginx's folder as an installation leaves it, before each start: what it does at its first start
# (such as giving its temporary folders to the workers) is part of what it needs.
fresh() {
	logged 'nginx could not be prepared' "$top/samples/nginx/prepare"
	sed -i "s/listen 127.0.0.1:80;/listen 127.0.0.1:$port;/" "$run/nginx.conf"
}

# rate FILE: requests a second for the small page, from what the load printed.
rate() {
	local r
	r=$(sed -n '1s/^Requests\/sec: *//p' "$1")
	[ -n "$r" ] || die "the load printed no result, see $1"
	printf '%s' "$r"
}

native() {
	local i
	step native 'nginx as it is, under load'
	fresh
	nginx -c "$run/nginx.conf" >>"$log" 2>&1 9>&- &
	service=$!
	for ((i = 0; i < 100; i++)); do
		! listening || break
		kill -0 "$service" 2>/dev/null || die "nginx did not start; see $log"
		sleep 0.1
	done
	logged 'the load failed' sh -c "$run/load $seconds >$out/native"
	stop_service
	done_step "nginx answers $(number "$(rate "$out/native")") requests/s, with $caps_before capabilities and every system call"
}

record() {
	local started=$SECONDS
	step record 'the same load, traced'
	fresh
	logged 'the recording failed' "$whittle" record -o "$out/trace.json" --name nginx \
		--ready "tcp:127.0.0.1:$port" --load "$run/load $seconds >$out/traced" -- \
		nginx -c "$run/nginx.conf"
	done_step "$(jq -r '"\(.syscalls | length) system calls, \(.files | map(.path) | unique | length) paths, \([.caps[] | select(.denied | not) | .cap] | unique | length) capabilities seen"' "$out/trace.json"), in $((SECONDS - started)) s"
}

generate() {
	step generate 'least privilege from the trace'
	(cd "$keep" && logged 'generate failed' "$whittle" generate -o bundle --name whittle-nginx "$out/trace.json")
	done_step "$(cd "$bundle" && echo * | sed 's/ /, /g')"
}

apparmor() {
	step apparmor 'compiling the profile'
	logged 'apparmor_parser refuses the profile' apparmor_parser -Q -K "$bundle/apparmor.profile"
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
		apparmor=enforced
		done_step 'the profile compiles, and this kernel enforces it'
	else
		apparmor='compiled only'
		done_step 'the profile compiles; this kernel has no AppArmor, so it is not enforced here'
	fi
}

verify() {
	step verify 'the same load, confined'
	fresh
	logged 'nginx does not serve when it is confined' "$whittle" verify "$bundle" \
		--ready "tcp:127.0.0.1:$port" --load "$run/load $seconds >$out/confined" -- \
		nginx -c "$run/nginx.conf"
	done_step "confined nginx answers $(number "$(rate "$out/confined")") requests/s to the same load"
}

row() {
	printf '  %-16s %12s %12s   %s\n' "$@"
}

summary() {
	local caps allowed rules nnp
	caps=$(jq -r '.add | map(ltrimstr("CAP_")) | join(" ")' "$bundle/capabilities.json")
	allowed=$(jq '[.syscalls[] | select(.action == "SCMP_ACT_ALLOW") | .names[]] | unique | length' "$bundle/seccomp.json")
	rules=$(grep -cE '^[[:space:]]*(owner )?"?[/@]' "$bundle/apparmor.profile" || :)
	nnp=possible
	! grep -q '^--security-opt=no-new-privileges' "$bundle/docker-run.args" || nnp=off
	printf '\n%s' "$bold"
	row '' before after ''
	printf '%s' "$plain"
	row 'capabilities' "$caps_before" "$(wc -w <<<"$caps")" "$caps"
	row 'system calls' "$syscalls_before" "$allowed" "$(jq '.syscalls | length' "$out/trace.json") seen, the rest is what runc and libc need"
	row 'files' 'all' "$rules rules" "AppArmor: $apparmor"
	row 'new privileges' 'possible' "$nnp" 'by set-user-id programs and the like'
	printf '\n%s' "$bold"
	row '' native confined ''
	printf '%s' "$plain"
	row 'requests/s' "$(number "$(rate "$out/native")")" "$(number "$(rate "$out/confined")")" \
		"$(number "$(rate "$out/traced")") while it was recorded"
	printf '\n'
	if [ "$port" = 80 ]; then
		printf '  NET_BIND_SERVICE is there for port 80. Docker lets a container bind it without, and docker needs\n  it only with --network=host.\n\n'
	fi
	printf '  %sThe bundle%s   %s\n' "$bold" "$plain" "$bundle"
	# shellcheck disable=SC2016 # for the reader's shell
	printf '  %sUse it%s       docker run $(grep -v '"'^#'"' %s/docker-run.args) IMAGE\n' "$bold" "$plain" "$bundle"
	printf '  %sAsk it why%s   %s explain %s CAP_CHOWN\n' "$bold" "$plain" "$whittle" "$bundle"
	printf '  %sRemove all%s   rm -r %s\n\n' "$bold" "$plain" "$keep"
}

# How many capabilities root has here; a machine may have taken some away already.
capabilities() {
	local mask n=0
	mask=$((16#$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)))
	while [ "$mask" != 0 ]; do
		n=$((n + (mask & 1)))
		mask=$((mask >> 1))
	done
	echo "$n"
}

# How many system calls there are, as this machine's headers have them.
syscalls() {
	printf '#include <asm/unistd.h>\n' | cc -dM -E - | grep -c '^#define __NR_'
}

inside() {
	trap 'stop_service; rm -rf "$run"' EXIT
	trap 'exit 130' INT TERM HUP
	port=80
	if [ "$WHITTLE_QUICKSTART_INSIDE" = isolated ]; then
		logged 'no loopback' ip link set lo up
	else
		port=8090
		! listening || die 'something listens on port 8090 already'
	fi
	export WHITTLE_SAMPLE_PORT=$port
	seconds=3
	bundle=$keep/bundle
	out=$keep/out
	rm -rf "$out" "$bundle"
	mkdir -p "$out"
	caps_before=$(capabilities)
	syscalls_before=$(syscalls)
	native
	record
	generate
	apparmor
	verify
	summary
}

if [ -n "${WHITTLE_QUICKSTART_INSIDE:-}" ]; then
	inside
else
	outside
fi
