#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the tests need, builds, and runs all of them (as root, on Debian 12).
#
#   tests/run.sh [--keep] [--list] [SUITE…]
#
# Prints one line a case ("ok suite/name", "not ok suite/name: why", "skip suite/name: reason"), then
# one line "N passed, N failed, N skipped". Exit status: 0 all passed; 1 something failed; 2 wrong use.
# Builds and temporary files live in one folder under ${TMPDIR:-/tmp}, removed at the end unless --keep.
set -u
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
# Debian's own tools come first: an interpreter of someone's own may lack what Debian's packages give.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
all_suites=(format shellcheck build-gcc build-debug build-clang unit live live-adaptive live-assisted
	equal transparent attach named cli golden attacks peer proved samples samples-engines quickstart floor docker harden container
	container-record container-deploy container-proof vm bench build-sanitize unit-sanitize live-sanitize cli-sanitize fuzz tree-clean)

# Not among all: they are asked for by name.
more_suites=(equal-night)

# What runs beside the others, as it mostly builds, or waits: no service is recorded there by several engines, and the
# kernel is not asked what it saw. And what comes when nothing else runs.
aside_suites=(shellcheck build-debug build-clang golden attacks build-sanitize unit-sanitize cli-sanitize live-sanitize fuzz vm)
last_suites=(bench tree-clean)

# The engines that must find the same facts as plain, and leave programs as they are.
engines=(plain adaptive assisted)

packages=(
	# build
	build-essential cmake ninja-build pkg-config clang clang-format libclang-rt-14-dev
	libseccomp-dev libapparmor-dev libunwind-dev libjansson-dev libcunit1-dev libbpf-dev bpftool
	# 32-bit, musl and Go programs to trace
	gcc-multilib musl-tools golang-go
	# the services, their loads, and the peers to compare with
	nginx-light redis-server redis-tools memcached caddy postgresql python3 nodejs openjdk-17-jdk-headless wrk curl strace bpftrace linux-perf
	openssh-server dnsmasq-base bind9-dnsutils chrony iputils-ping tcpdump sudo fuse3
	git openssh-client file perl attr acl curl iproute2 procps util-linux
	# what takes the generated profiles
	docker.io podman golang-github-containers-common runc crun catatonit apparmor libcap2-bin mmdebstrap fuse-overlayfs
	containerd docker-compose uidmap slirp4netns systemd
	# a kernel with AppArmor, in a machine of its own
	qemu-system-x86 busybox-static e2fsprogs cpio
	# documents and formats
	python3-jsonschema python3-yaml man-db groff-base shellcheck jq zsh
)

usage() {
	sed -n '3,/^set -u/{/^set -u/d;s/^# \{0,1\}//;p}' "$0"
}

keep=
suites=()
while [ $# -gt 0 ]; do
	case $1 in
	--keep) keep=1 ;;
	--list)
		printf '%s\n' "${all_suites[@]}" "${more_suites[@]}"
		exit 0
		;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		echo "tests/run.sh: unknown option $1; see --help" >&2
		exit 2
		;;
	*)
		if [[ " ${all_suites[*]} ${more_suites[*]} " != *" $1 "* ]]; then
			echo "tests/run.sh: no suite $1; there are: ${all_suites[*]} ${more_suites[*]}" >&2
			exit 2
		fi
		suites+=("$1")
		;;
	esac
	shift
done
[ ${#suites[@]} -gt 0 ] || suites=("${all_suites[@]}")
if [ "$(id -u)" != 0 ]; then
	echo "tests/run.sh: must be root (it traces, drops capabilities and runs containers): sudo $0" >&2
	exit 2
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/whittle-test.XXXXXX") || exit 2
results=$work/results
suite_limit=900 # seconds
policy=
lane=
: >"$results"
# Services under test drop to users of their own and must still reach their folders in here.
chmod 755 "$work"
mkdir -m 755 "$work/tmp" "$work/home"
chmod 1777 "$work/tmp"
export TMPDIR=$work/tmp HOME=$work/home

# Those that a process started, and theirs.
# shellcheck disable=SC2317
descendants() {
	local p
	for p in $(ps -o pid= --ppid "$1"); do
		echo "$p"
		descendants "$p"
	done
}

# Invoked by the trap.
# shellcheck disable=SC2317,SC2046
cleanup() {
	[ -z "$lane" ] || kill -TERM "$lane" $(descendants "$lane") 2>/dev/null
	[ -z "$policy" ] || rm -f "$policy"
	if [ -n "$keep" ]; then
		echo "kept: $work" >&2
	else
		rm -rf --one-file-system "$work"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- results -------------------------------------------------------------------------------------

result() {
	local line=$1
	echo "$line" | tee -a "$results"
}
ok() { result "ok $1"; }
not_ok() { result "not ok $1: $2"; }

# case_run NAME COMMAND…: one case that passes when the command does; its output is shown when it fails.
case_run() {
	local name=$1 log status
	shift
	log=$work/log.${name//\//_}
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	if [ $status = 0 ]; then
		ok "$name"
		return 0
	fi
	sed 's/^/    /' "$log" | tail -n "${case_lines:-60}"
	not_ok "$name" "exit status $status: $(basename "$1")"
	return 1
}

# suite_run NAME COMMAND…: a program that prints result lines of its own, indented lines of detail before
# them. It must print at least one, and a failing exit status without a "not ok" line is a failure too.
suite_run() {
	local name=$1 status log
	shift
	log=$work/log.$name
	"$@" </dev/null 2>"$log.err" |
		sed -u -n -E "s#^(ok|not ok|skip) ($name/)?#\\1 $name/#;/^(ok|not ok|skip) /p;/^[ \t]/p" |
		tee "$log"
	status=${PIPESTATUS[0]}
	grep -E '^(ok|not ok|skip) ' "$log" >>"$results"
	if ! grep -qE '^(ok|not ok|skip) ' "$log"; then
		tail -n 30 "$log.err" | sed 's/^/    /'
		not_ok "$name" "no case was run (exit status $status)"
	elif [ "$status" != 0 ] && ! grep -q '^not ok ' "$log"; then
		tail -n 30 "$log.err" | sed 's/^/    /'
		not_ok "$name" "exit status $status"
	elif grep -q '^not ok ' "$log"; then
		tail -n 30 "$log.err" | sed 's/^/    /'
	fi
}

# ---- what must be there --------------------------------------------------------------------------

install_packages() {
	local missing=() p
	for p in "${packages[@]}"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing: ${missing[*]}" >&2
	# The services are started by the tests, on ports and folders of their own; not by their packages.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	apt-get -q update >"$work/log.apt" 2>&1
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o Dpkg::Options::=--force-confold install "${missing[@]}" >>"$work/log.apt" 2>&1
	local status=$?
	[ -z "$policy" ] || rm -f "$policy"
	policy=
	if [ $status != 0 ]; then
		tail -n 20 "$work/log.apt" >&2
		echo "tests/run.sh: the packages above could not be installed (apt-get: $status)" >&2
		exit 2
	fi
}

# build NAME COMPILER CMAKE-OPTION…: into $work/build/NAME, once.
declare -A built=()
build() {
	local name=$1 cc=$2
	shift 2
	[ -z "${built[$name]:-}" ] || return "${built[$name]#s}"
	built[$name]=s1
	CC=$cc cmake -G Ninja -S "$top" -B "$work/build/$name" "$@" &&
		nice ninja -C "$work/build/$name" && built[$name]=s0
	return "${built[$name]#s}"
}
build_release() { build release gcc -DCMAKE_BUILD_TYPE=Release; }
build_debug() { build debug gcc -DCMAKE_BUILD_TYPE=Debug; }
build_clang() { build clang clang -DCMAKE_BUILD_TYPE=RelWithDebInfo; }
build_sanitize() { build sanitize gcc -DCMAKE_BUILD_TYPE=Debug -DWHITTLE_SANITIZE=ON; }
build_fuzz() { build fuzz clang -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWHITTLE_FUZZ=ON -DWHITTLE_SANITIZE=ON; }

# need SUITE BUILD…: the builds that a suite needs; says so when one fails.
need() {
	local suite=$1 b log
	shift
	for b in "$@"; do
		log=$work/log.build-$b
		if ! "build_$b" >>"$log" 2>&1 </dev/null; then
			grep -E 'error|warning|FAILED|undefined' "$log" | head -n 20 | sed 's/^/    /'
			not_ok "$suite" "the $b build failed"
			return 1
		fi
	done
}

# The programs under test, for the suites that are scripts of their own.
with_build() {
	local b=$work/build/$1
	shift
	env -u WHITTLE_TEMPLATES WHITTLE="$b/whittle" WH_BUILD="$b" \
		timeout --kill-after=30 "$suite_limit" "$@"
}

# ---- suites --------------------------------------------------------------------------------------

git_top() { git -c safe.directory='*' -C "$top" "$@"; }
sources() {
	if git_top rev-parse --git-dir >/dev/null 2>&1; then
		(cd "$top" && git_top ls-files -z -- "$@" | xargs -0 -r -n1)
	else
		local p args=()
		for p in "$@"; do args+=(-o -name "$p"); done
		(cd "$top" && find . -type f \( -false "${args[@]}" \) -printf '%P\n')
	fi
}

formatted() { sources '*.c' '*.h' | (cd "$top" && xargs -r clang-format --dry-run -Werror); }
suite_format() { case_run format/tree formatted; }

suite_shellcheck() {
	local f
	for f in $(sources '*' | (cd "$top" && xargs grep -lE '^#! ?/(usr/)?bin/(env )?(ba)?sh' | sort)); do
		case_run "shellcheck/$f" shellcheck -x -S warning "$top/$f"
	done
}

suite_build() { case_run "build-$1/all" "$2"; }

# One case a unit test program, from ctest's own list.
suite_unit() {
	local suite=$1 b=$2 list t
	need "$suite" "$b" || return
	list=$(cd "$work/build/$b" && ctest -N -R '^unit\.' | sed -n 's/^ *Test *#[0-9]*: //p')
	[ -n "$list" ] || not_ok "$suite" "there are no unit tests"
	for t in $list; do
		case_run "$suite/${t#unit.}" ctest --test-dir "$work/build/$b" --output-on-failure \
			--no-tests=error --timeout 300 -R "^${t//./\\.}\$"
	done
}

# The sanitizers' own exit status must not look like one of whittle's.
sanitizer_options() {
	export ASAN_OPTIONS=exitcode=66:abort_on_error=0:detect_leaks=1
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=66
}

# suite_script SUITE BUILD FILE…: the first of the files that exists, a suite of its own.
suite_script() {
	local suite=$1 b=$2 f
	shift 2
	for f in "$@"; do
		[ -x "$top/$f" ] || continue
		need "$suite" "$b" || return
		suite_run "$suite" with_build "$b" "$top/$f"
		return
	done
	not_ok "$suite" "none of $* is there"
}

# In namespaces of its own: whatever runs on this machine, all ports and names of queues are free there.
# suite_live NAME BUILD [ARG…]
suite_live() {
	local suite=$1 b=$2
	shift 2
	need "$suite" "$b" || return
	# shellcheck disable=SC2016
	suite_run "$suite" with_build "$b" unshare --net --ipc sh -c 'ip link set lo up && exec "$@"' sh \
		/usr/bin/python3 "$top/tests/live/run.py" --suite "$suite" "$@"
}

# suite_engines NAME [ARG…]: a folder of tests that runs each of its cases with each engine. Of a name with
# a hyphen the folder is what comes before.
suite_engines() {
	local name=$1
	shift
	need "$name" release || return
	suite_run "$name" with_build release env WH_ENGINES="$(IFS=,; echo "${engines[*]}")" \
		/usr/bin/python3 "$top/tests/${name%%-*}/run.py" "$@"
}

# The samples keep their data at fixed places in /run: here in one of their own.
suite_attach() {
	need attach release || return
	suite_run attach with_build release sh -c \
		'"$1/run.py"; a=$?; "$1/containers.py"; b=$?; [ $a = 0 ] && [ $b = 0 ]' sh "$top/tests/attach"
}

suite_samples() {
	need samples release || return
	suite_run samples with_build release unshare --mount sh -c \
		'mount -t tmpfs -o mode=755 tmpfs /run && exec "$0"' "$top/samples/check.sh"
}

suite_quickstart() {
	local log=$work/log.quickstart_run
	local keep=/var/lib/whittle-quickstart made=
	# What it keeps would meet what a person's own run of it has kept.
	[ -d $keep ] || { mkdir -p $keep && made=1; }
	case_run quickstart/run unshare --mount sh -c \
		"mount -t tmpfs -o mode=755 tmpfs $keep && mount -t tmpfs -o mode=755 tmpfs /run &&
		exec timeout 600 \"\$0\"" "$top/samples/quickstart.sh"
	[ -z "$made" ] || rmdir $keep
	case_run quickstart/summary \
		grep -E 'capabilities +[0-9]+ +5 +CHOWN DAC_OVERRIDE NET_BIND_SERVICE SETGID SETUID$' "$log"
}

suite_fuzz() {
	need fuzz fuzz || return
	suite_run fuzz with_build fuzz "$top/tests/fuzz/run.py"
}

# What git sees of the tree, ignored files too; or, without git, what find sees.
tree_state() {
	if git_top rev-parse --git-dir >/dev/null 2>&1; then
		git_top status --porcelain --ignored --untracked-files=all
	else
		(cd "$top" && find . -type f -printf '%p %s\n' | sort)
	fi
}

# Processes of ours that are still there: their program, or the folder they are in, is a temporary one.
left_behind() {
	local p exe cwd found=
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" != $$ ] || continue
		exe=$(readlink "$p/exe") && cwd=$(readlink "$p/cwd") || continue
		if [[ $exe == $work/* || $cwd == $work/* ]]; then
			echo "${p#/proc/}: $(tr '\0' ' ' <"$p/cmdline") in $cwd"
			found=1
		fi
	done
	[ -z "$found" ]
}

suite_tree_clean() {
	tree_state >"$work/tree.after"
	case_run tree-clean/tree diff -u "$work/tree.before" "$work/tree.after"
	case_run tree-clean/processes left_behind
}

run_suite() {
	case $1 in
	format) suite_format ;;
	shellcheck) suite_shellcheck ;;
	build-gcc) suite_build gcc build_release ;;
	build-debug) suite_build debug build_debug ;;
	build-clang) suite_build clang build_clang ;;
	build-sanitize) suite_build sanitize build_sanitize ;;
	unit) suite_unit unit release ;;
	unit-sanitize) (sanitizer_options && suite_unit unit-sanitize sanitize) ;;
	# The traces of the plain engine are those that the others' are compared with.
	live) suite_live live release --plain "$work/live" --engine plain ;;
	live-adaptive) suite_live live-adaptive release --plain "$work/live" --engine adaptive ;;
	live-assisted) suite_live live-assisted release --plain "$work/live" --engine assisted ;;
	live-sanitize) (sanitizer_options && suite_live live-sanitize sanitize --engine plain) ;;
	equal) suite_engines equal --seeds 50 --judge 10 --engines "$(IFS=,; echo "${engines[*]:1}")" ;;
	equal-night)
		suite_limit=36000
		suite_engines equal-night --night --engines "$(IFS=,; echo "${engines[*]:1}")"
		;;
	transparent) suite_engines transparent ;;
	attach) suite_attach ;;
	named) suite_engines named ;;
	cli) suite_script cli release tests/cli/run.sh tests/cli/run.py ;;
	cli-sanitize) (sanitizer_options && suite_script cli-sanitize sanitize tests/cli/run.sh tests/cli/run.py) ;;
	golden) suite_script golden release tests/golden/run.sh tests/golden/run.py ;;
	attacks) suite_script attacks release tests/attacks/run.py ;;
	floor) suite_script floor release tests/floor/run.sh ;;
	peer) suite_script peer release tests/peer/run.py ;;
	proved) suite_script proved release tests/proved/run.py ;;
	docker) suite_script docker release tests/docker/run.sh tests/docker/run.py ;;
	harden) suite_script harden release tests/docker/harden.sh ;;
	container) suite_script container release tests/container/run.py ;;
	container-record) suite_script container-record release tests/container/front.py ;;
	container-deploy) suite_script container-deploy release tests/container/deploy.py ;;
	container-proof) suite_script container-proof release tests/container/proof.py ;;
	vm) suite_script vm release tests/vm/run.sh ;;
	bench) suite_script bench release tests/bench/check.py ;;
	samples) suite_samples ;;
	samples-engines) suite_engines samples-engines ;;
	quickstart) suite_quickstart ;;
	fuzz) suite_fuzz ;;
	tree-clean) suite_tree_clean ;;
	esac
}

run_suites() {
	local suite started
	for suite in "$@"; do
		started=$SECONDS
		run_suite "$suite"
		echo "$suite: $((SECONDS - started)) s" >&2
	done
}

beside=() before=() after=()
for suite in "${suites[@]}"; do
	if [[ " ${aside_suites[*]} " == *" $suite "* ]]; then
		beside+=("$suite")
	elif [[ " ${last_suites[*]} " == *" $suite "* ]]; then
		after+=("$suite")
	else
		before+=("$suite")
	fi
done

install_packages
tree_state >"$work/tree.before"
if [ ${#before[@]} -gt 0 ] && [ ${#beside[@]} -gt 0 ]; then
	# Both need it; the second lane must not build it, too.
	need build-gcc release
	run_suites "${beside[@]}" >"$work/lane" 2>&1 </dev/null &
	lane=$!
	run_suites "${before[@]}"
	wait "$lane"
	lane=
	cat "$work/lane"
else
	run_suites "${before[@]}" "${beside[@]}"
fi
run_suites "${after[@]}"

count() { grep -cE "^$1 " "$results"; }
failed=$(count 'not ok')
if [ "$failed" != 0 ]; then
	echo
	echo "failed:"
	grep '^not ok ' "$results" | sed 's/^/  /'
fi
echo "$(count ok) passed, $failed failed, $(count skip) skipped"
[ "$failed" = 0 ]
