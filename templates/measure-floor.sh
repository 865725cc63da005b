#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Measure what a container runtime itself calls after it has loaded a container's seccomp filter and
# before the entrypoint is executed: the "floor" that every profile for it must have.
#
#   measure-floor.sh [-n ROUNDS] [-t whittle|strace|bpf] [-c FILE | -u FILE] runc|crun
#
# Prints one line a call and way of starting: RUNTIME run|exec nnp|no-nnp SYSCALL STARTS-THAT-CALLED-IT.
# With `-c FILE` it compares with a floor file instead, and fails when a measured call is not in it; with `-u FILE` it
# puts what was measured into that file, and takes nothing out: what varies from start to start may come another time.
# By default whittle itself measures (WHITTLE=PROGRAM, or the one in PATH): what a recording has of phase runtime. Its "exec"
# has the start of the container, too, in which is executed. `bpf` (bpftrace, tracefs) does not slow the runtime down, so that
# a Go runtime schedules as it will in real life; `strace` is a second opinion. Needs root, jq, gcc, script, and may mount cgroup2.
set -euo pipefail

die() { echo "measure-floor.sh: $*" >&2; exit 2; }
rounds=5 tracer=whittle check='' update=''
while getopts n:t:c:u: option; do
	case $option in
	n) rounds=$OPTARG ;;
	t) tracer=$OPTARG ;;
	c) check=$(realpath "$OPTARG") ;;
	u) update=$(realpath "$OPTARG") ;;
	*) die "usage: measure-floor.sh [-n ROUNDS] [-t whittle|strace|bpf] [-c|-u FLOOR.json] runc|crun" ;;
	esac
done
shift $((OPTIND - 1))
runtime=${1:-}
[ "$runtime" = runc ] || [ "$runtime" = crun ] || die "say which runtime: runc or crun"
[ "$(id -u)" = 0 ] || die "needs root"
whittle=${WHITTLE:-whittle}
case $tracer in
whittle) tool=$whittle ;;
strace) tool=strace ;;
bpf) tool=bpftrace ;;
*) die "no tracer $tracer: use whittle, strace or bpf" ;;
esac
for needed in "$runtime" jq gcc script "$tool"; do
	command -v "$needed" >/dev/null || die "needs $needed"
done

# A mount namespace of its own: crun refuses the hybrid cgroup layout, bpftrace needs tracefs.
if [ -z "${MEASURE_FLOOR_INSIDE:-}" ]; then
	export MEASURE_FLOOR_INSIDE=1
	exec unshare -m "$0" -n "$rounds" -t "$tracer" ${check:+-c "$check"} ${update:+-u "$update"} "$runtime"
fi
if ! mountpoint -q /sys/fs/cgroup || [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -R /sys/fs/cgroup 2>/dev/null || true
	mount -t cgroup2 none /sys/fs/cgroup
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bundle/rootfs/dir" "$work/out"
cat >"$work/true.c" <<'C'
void _start(void)
{
	__asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
}
C
cat >"$work/pause.c" <<'C'
void _start(void)
{
	for (;;)
		__asm__ volatile("syscall" : : "a"(34) : "rcx", "r11", "memory");
}
C
gcc -static -nostdlib -O2 -o "$work/bundle/rootfs/true" "$work/true.c"
gcc -static -nostdlib -O2 -o "$work/bundle/rootfs/pause" "$work/pause.c"

# configure NNP UID TERMINAL PROGRAM CAPS
configure() {
	(cd "$work/bundle" && rm -f config.json && "$runtime" spec >/dev/null)
	jq --argjson nnp "$1" --argjson uid "$2" --argjson terminal "$3" --arg program "$4" --arg caps "$5" '
		.process.noNewPrivileges = $nnp | .process.user.uid = $uid | .process.user.gid = $uid |
		(if $uid > 0 then .process.user.additionalGids = [5, 6] | .process.cwd = "/dir" else . end) |
		.process.terminal = $terminal | .process.args = [$program] | .root.readonly = false |
		(if $caps == "none" then .process.capabilities = {} else . end) |
		del(.linux.resources) |
		.linux.namespaces |= map(select(.type != "cgroup")) |
		.mounts |= map(select(.type != "cgroup")) |
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
			syscalls: [{names: ["kexec_load"], action: "SCMP_ACT_ERRNO"}]}' \
		"$work/bundle/config.json" >"$work/config.json"
	mv "$work/config.json" "$work/bundle/config.json"
}

# From a strace log: what the process that loaded the filter called between that and its execve.
cat >"$work/strace.awk" <<'A'
{
	tid = $1; line = $0; sub(/^[0-9]+ +/, "", line)
	if (!(tid in group)) group[tid] = tid
	if (match(line, /^[a-z0-9_]+\(/)) {
		name = substr(line, 1, RLENGTH - 1); open_call[tid] = name; text[tid] = line
		if (loaded[group[tid]] && !done[group[tid]]) seen[name] = 1
	} else if (match(line, /^<\.\.\. [a-z0-9_]+ resumed>/)) {
		name = open_call[tid]
	} else next
	if (line !~ / = /) next
	n = split(line, part, / = /); result = part[n]; sub(/ .*/, "", result)
	if (name ~ /^(clone|clone3)$/ && text[tid] line ~ /CLONE_THREAD/ && result > 0)
		group[result] = group[tid]
	if (result == "0" && (text[tid] ~ /^prctl\(PR_SET_SECCOMP, SECCOMP_MODE_FILTER/ ||
			      text[tid] ~ /^seccomp\(SECCOMP_SET_MODE_FILTER/))
		loaded[group[tid]] = 1
	if (name == "execve" && result == "0" && loaded[group[tid]])
		done[group[tid]] = 1
}
END { for (name in seen) print name }
A

tally() { # WAY NNP < names of one start
	local way=$1 nnp=$2
	while read -r name; do echo "$runtime $way $nnp $name"; done
}

run_id=floor-$$
# What calls the runtime; with whittle as the tracer it is recorded by that.
called=("$runtime")
[ "$tracer" != whittle ] || called=("$whittle" runtime --runtime "$runtime" -o "$work/floor.trace.json" --)

names() { # of the start or starts that have just ended
	case $tracer in
	whittle)
		# It is written once the container has ended.
		for _ in $(seq 100); do
			[ ! -s "$work/floor.trace.json" ] || break
			sleep 0.1
		done
		jq -r '.runs[0].runtime' "$work/floor.trace.json" >"$work/version" || die "no recording: $(tail -1 "$work/err")"
		jq -r '.syscalls[] | select(.phases | index("runtime")) | .name' "$work/floor.trace.json"
		rm "$work/floor.trace.json"
		;;
	strace) awk -f "$work/strace.awk" "$work/log" ;;
	esac
}

traced() { # COMMAND…
	if [ "$tracer" = strace ]; then
		strace -f -qq -s 0 -o "$work/log" "$@"
	else
		"$@"
	fi </dev/null >/dev/null 2>"$work/err"
}

start() { # COMMAND… under the tracer
	traced "$@" || die "$*: $(tail -1 "$work/err")"
}

# create and start apart, as engines do: the init waits between them, under the filter.
start_apart() {
	local tracing status=
	traced "${called[@]}" --root "$work/state" create -b "$work/bundle" "$run_id" &
	tracing=$!
	for _ in $(seq 100); do
		status=$("$runtime" --root "$work/state" state "$run_id" 2>/dev/null | jq -r .status) || true
		[ "$status" != created ] || break
		sleep 0.1
	done
	sleep 0.2
	"$runtime" --root "$work/state" start "$run_id" || die "start: $(tail -1 "$work/err")"
	wait "$tracing" || die "create: $(tail -1 "$work/err")"
	sleep 0.1
	"$runtime" --root "$work/state" delete -f "$run_id"
	names
}

bpf_begin() {
	[ "$tracer" = bpf ] || return 0
	mountpoint -q /sys/kernel/tracing || mount -t tracefs none /sys/kernel/tracing
	[ -e /sys/kernel/debug/tracing ] || mount -t debugfs none /sys/kernel/debug
	ulimit -l unlimited 2>/dev/null || true
	# Only what has that runtime's name: other containers may start on the machine meanwhile.
	sed "s/INIT/$([ "$runtime" = runc ] && echo 'runc:[2:INIT]' || echo crun)/" >"$work/floor.bt" <<'B'
tracepoint:raw_syscalls:sys_enter
/comm == "INIT"/
{
	if (@loaded[pid]) { @seen[pid, args->id] = 1; }
	@mode[tid] = ((args->id == 157 && args->args[0] == 22) ||
		      (args->id == 317 && args->args[0] == 1)) ? 1 : 0;
}
tracepoint:raw_syscalls:sys_exit
/@mode[tid] == 1 && args->ret == 0/
{
	@loaded[pid] = 1;
	@mode[tid] = 0;
}
tracepoint:sched:sched_process_exec
/@loaded[pid]/
{
	delete(@loaded[pid]);
}
BEGIN { printf("ready\n"); }
B
	# bpftrace prints what it has on SIGINT, which a background job would ignore.
	BPFTRACE_MAP_KEYS_MAX=262144 env --default-signal=INT bpftrace "$work/floor.bt" >"$work/bpf.out" 2>"$work/bpf.err" &
	bpf=$!
	for _ in $(seq 100); do
		grep -q ready "$work/bpf.out" && return
		sleep 0.2
	done
	die "bpftrace did not start: $(tail -1 "$work/bpf.err")"
}

bpf_end() { # prints the names, one line a start that called it
	[ "$tracer" = bpf ] || return 0
	kill -INT "$bpf"
	wait "$bpf" || true
	awk 'NR == FNR { if ($1 == "#define" && $2 ~ /^__NR_/) name[$3] = substr($2, 6); next }
	     /^@seen\[/ { gsub(/[^0-9 ,]/, "", $0); split($0, part, /[ ,]+/); print name[part[2]] }' \
		/usr/include/x86_64-linux-gnu/asm/unistd_64.h "$work/bpf.out"
}

once() { # NNP
	local nnp=$1
	for user in 0 1000; do
		for terminal in false true; do
			for caps in some none; do
				configure "$([ "$nnp" = nnp ] && echo true || echo false)" $user $terminal /true $caps
				[ $terminal = true ] || start_apart
				if [ $terminal = true ]; then
					start script -qec "${called[*]} --root $work/state run -b $work/bundle $run_id" /dev/null
				else
					start "${called[@]}" --root "$work/state" run -b "$work/bundle" "$run_id"
				fi
				names
			done
		done
	done
}

several_exec() { # NNP
	local nnp=$1 flag=
	[ "$nnp" = no-nnp ] || flag=--no-new-privs
	configure "$([ "$nnp" = nnp ] && echo true || echo false)" 0 false /pause some
	"${called[@]}" --root "$work/state" run -d -b "$work/bundle" "$run_id" </dev/null >/dev/null 2>"$work/err" ||
		die "run -d: $(tail -1 "$work/err")"
	for user in 0 1000; do
		start "${called[@]}" --root "$work/state" exec $flag --user $user:$user "$run_id" /true
		[ "$tracer" != strace ] || names
		start script -qec "${called[*]} --root $work/state exec $flag -t --user $user:$user $run_id /true" /dev/null
		[ "$tracer" != strace ] || names
	done
	"$runtime" --root "$work/state" delete -f "$run_id"
	[ "$tracer" != whittle ] || names
}

for nnp in no-nnp nnp; do
	for way in run exec; do
		: >"$work/names"
		bpf_begin
		for _ in $(seq "$rounds"); do
			if [ $way = run ]; then once $nnp; else several_exec $nnp; fi >>"$work/names"
		done
		bpf_end >>"$work/names"
		tally $way $nnp <"$work/names" >>"$work/all"
	done
done
sort "$work/all" | uniq -c | awk '{ print $2, $3, $4, $5, $1 }' >"$work/measured"
# What is called under no_new_privs, when the filter is loaded late, is called without it as well.
awk '{ print $4, $3 } $3 == "nnp" { print $4, "no-nnp" }' "$work/measured" | sort -u >"$work/needs"
if [ -n "$check" ]; then
	missing=$(jq -r '.entries[] | .syscall + " " + .when[]' "$check" | grep -vxFf - "$work/needs" || true)
	[ -z "$missing" ] || { echo "not in $check: ${missing//$'\n'/, }"; exit 1; }
	echo "every call that was measured is in $check"
elif [ -n "$update" ]; then
	version=$([ ! -s "$work/version" ] || cat "$work/version")
	[ -n "$version" ] || version=$("$runtime" --version | awk 'NR == 1 { print $1, $3 ? $3 : $2 }')
	version+=$("$runtime" --version | awk '/^go: go/ { print " (Go " substr($2, 3) ")" }')
	jq -rR --arg runtime "$runtime" --slurpfile file "$update" -n '
		([inputs | split(" ")] | group_by(.[0]) | map({key: .[0][0], value: map(.[1])}) | from_entries) as $needs
		| ($file[0].entries | map({key: .syscall, value: .}) | from_entries) as $known
		| [($needs | keys[]), ($known | keys[])] | unique
		| map(. as $name | ($known[$name] // {syscall: $name, when: [],
				reason: "\($runtime) calls it, at least at some starts", source: "measured"})
			| if $needs[$name] then .when = ([.when[], $needs[$name][]] | unique) | .source = "measured" else . end)
		| map("\t\t{\"syscall\": \(.syscall | tojson), \"when\": [\(.when | map(tojson) | join(", "))], " +
			"\"reason\": \(.reason | tojson), \"source\": \(.source | tojson)}")
		| join(",\n")' <"$work/needs" >"$work/entries"
	{
		printf '{\n\t"runtime": "%s",\n\t"about": %s,\n' "$runtime" "$(jq .about "$update")"
		jq -r --arg now "$version on $(uname -s) $(uname -r | cut -d. -f1,2)" '"\t\"measured\": " +
			(.measured | sub("^[^,]*"; $now) | tojson) + ",\n\t\"entries\": ["' "$update"
		cat "$work/entries"
		printf '\t]\n}\n'
	} >"$work/floor.json"
	jq -e . "$work/floor.json" >/dev/null
	cp "$work/floor.json" "$update.new"
	mv "$update.new" "$update"
else
	cat "$work/measured"
fi
