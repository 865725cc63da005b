#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How much slower is a service while it is recorded? Throughput traced over native, for redis and nginx, with
# whittle, `strace -f` and `strace -f -c` (both into /dev/null), in one run. Asserts nothing.
#
#   sudo [WHITTLE=/path/to/whittle] tests/bench/run.sh [ROUNDS]
#
# Every round runs all of them, one after the other in a rotating order, so that what else the machine does hits all alike.
# A cell is the median over the rounds of traced / native of the same round.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
samples=$(cd "$here/../../samples" && pwd)
rounds=${1:-5}
whittle=${WHITTLE:-whittle}
seconds=3
ways=(native whittle strace 'strace -c')

die() {
	echo "bench: $*" >&2
	exit 2
}

[[ $rounds =~ ^[1-9][0-9]*$ ]] || die "usage: tests/bench/run.sh [ROUNDS]"
if [ -z "${WHITTLE_BENCH_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || die 'must be root'
	whittle=$(command -v "$whittle") || die 'no whittle: set WHITTLE to the program'
	for tool in strace wrk redis-benchmark redis-server nginx ip; do
		command -v "$tool" >/dev/null || die "$tool is not installed"
	done
	# Namespaces of its own: real ports, and nothing stays behind however this ends.
	exec env WHITTLE_BENCH_INSIDE=1 "WHITTLE=$(realpath "$whittle")" \
		unshare --net --pid --fork --kill-child --mount-proc -- "$0" "$rounds"
fi
ip link set lo up
work=$(mktemp -d)
trap 'rm -rf "$work" /run/whittle-sample-nginx /run/whittle-sample-redis' EXIT
trap 'exit 130' INT TERM

# What measures: a number of requests a second into the file $1. Runs as the load of a recording, too.
cat >"$work/measure-nginx" <<'END'
#!/bin/sh
wrk -t1 -c16 -d1s http://127.0.0.1:80/ >/dev/null # warms up; first facts are slow ones
wrk -t1 -c16 -d"$2"s http://127.0.0.1:80/ | sed -n 's/^Requests\/sec: *//p' >"$1"
END
# redis-benchmark takes a number of requests, not a time: as many as fit into the time.
cat >"$work/measure-redis" <<'END'
#!/bin/bash
run() { redis-benchmark -h 127.0.0.1 -c 16 -n "$1" -t set --csv | sed -n '2s/^"SET","\([0-9.]*\)".*/\1/p'; }
rate=$(run 2000)
run $((${rate%.*} * $2)) >"$1"
END
chmod +x "$work"/measure-*

port_of() {
	case $1 in
	nginx) echo 80 ;;
	redis) echo 6379 ;;
	esac
}

# measure SERVICE WAY: prints requests a second.
measure() {
	local service=$1 way=$2 run=/run/whittle-sample-$1 port pid i
	local -a wrapper=()
	port=$(port_of "$service")
	"$samples/$service/prepare"
	rm -f "$work/rate"
	case $way in
	whittle)
		"$whittle" record -o "$work/trace.json" --ready "tcp:127.0.0.1:$port" \
			--load "$work/measure-$service $work/rate $seconds" -- "$run/start" >"$work/log" 2>&1 ||
			die "whittle record: $(tail -n 1 "$work/log")"
		cat "$work/rate"
		return
		;;
	strace) wrapper=(strace -f -qq -o /dev/null) ;;
	'strace -c') wrapper=(strace -f -c -qq -o /dev/null) ;;
	esac
	"${wrapper[@]}" "$run/start" >"$work/log" 2>&1 &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
		sleep 0.1
	done
	"$work/measure-$service" "$work/rate" "$seconds"
	# strace that is told to end would leave the service: end the service.
	if [ ${#wrapper[@]} -gt 0 ]; then
		kill "$(cut -d ' ' -f 1 "/proc/$pid/task/$pid/children")"
	else
		kill "$pid"
	fi
	wait "$pid" || :
	cat "$work/rate"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

for service in redis nginx; do
	for ((round = 0; round < rounds; round++)); do
		for ((i = 0; i < ${#ways[@]}; i++)); do
			way=${ways[(i + round) % ${#ways[@]}]}
			rate=$(measure "$service" "$way")
			[ -n "$rate" ] || die "$service, $way: no result"
			echo "$rate" >>"$work/$service.$way.rates"
			echo "round $((round + 1)) of $rounds: $service $way: $rate requests/s" >&2
		done
		native=$(tail -n 1 "$work/$service.native.rates")
		for way in "${ways[@]}"; do
			awk -v n="$native" -v t="$(tail -n 1 "$work/$service.$way.rates")" 'BEGIN { print t / n }' \
				>>"$work/$service.$way.ratios"
		done
	done
done

printf '%-8s %14s' '' 'native req/s'
printf ' %12s' "${ways[@]:1}"
printf '\n'
for service in redis nginx; do
	printf '%-8s %14.0f' "$service" "$(median <"$work/$service.native.rates")"
	for way in "${ways[@]:1}"; do
		printf ' %12.3f' "$(median <"$work/$service.$way.ratios")"
	done
	printf '\n'
done
echo "traced / native, medians of $rounds rounds; $("$whittle" --version | head -n 1), $(strace --version | sed -n '1s/ -- version / /p'), $(nproc) cores"
