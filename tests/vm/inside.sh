#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PID 1 of the machine that boot.sh makes: record, generate and verify where AppArmor enforces.
# Prints a line a case, as all tests do; the last line says that it came to its end.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C NO_COLOR=1
export WHITTLE_TEMPLATES=/payload/templates
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t securityfs securityfs /sys/kernel/security
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
ip link set lo up
dmesg -n 1
# No denial may be lost among what is said of profiles that are loaded.
echo 0 >/proc/sys/kernel/printk_ratelimit
whittle=/payload/whittle
cd /tmp || exit 1

finish() {
	echo "end of the machine"
	sync
	echo b >/proc/sysrq-trigger
	sleep 10
}
trap finish EXIT

report() { # NAME OK WHY
	if [ "$2" = 0 ]; then echo "ok vm/$1"; else echo "not ok vm/$1: $3"; fi
}

denials() {
	dmesg | grep -c 'apparmor="DENIED".*profile="whittle-' || true
}

try_service() { # NAME START LOAD READY BREAK: BREAK is a sed script that takes a needed rule out
	local name=$1 start=$2 load=$3 ready=$4 break=$5 before after status

	"$whittle" record -o "$name.json" --name "$name" --ready "$ready" --load "$load" -- $start >"$name.log" 2>&1
	report "$name-records" $? "$(tail -n 1 "$name.log")"
	grep -q '"engine":"assisted"' "$name.json"
	report "$name-is-watched-by-bpf" $? "$(grep -o '"engine[^,]*,' "$name.json" | tr '\n' ' ')"
	# By kprobes: this kernel has no tracepoint for it yet. What is inlined (memory) they do not see.
	grep -q '"questions":"part"' "$name.json" &&
		"$whittle" show "$name.json" | grep -qE '^ *CAP_[A-Z_]+ +required +([0-9]+) +\1 +0 +used'
	report "$name-hears-what-the-kernel-asks" $? "$("$whittle" show "$name.json" | grep -a -A 9 'What the kernel asked' | tr '\n' ' ')"
	"$whittle" generate -o "$name" --name "whittle-$name" --runtime none "$name.json" >"$name.log" 2>&1
	report "$name-generates" $? "$(tail -n 1 "$name.log")"

	before=$(denials)
	"$whittle" verify --ready "$ready" --load "$load" "$name" -- $start >"$name.log" 2>&1
	status=$?
	report "$name-serves-under-its-profile" $status "$(tail -n 3 "$name.log" | tr '\n' ' ') $(dmesg | grep 'apparmor="DENIED"' | tail -n 3 | tr '\n' ' ')"
	after=$(denials)
	[ "$status" = 0 ] && [ "$before" = "$after" ]
	report "$name-is-denied-nothing" $? "$(dmesg | grep 'apparmor="DENIED"' | tail -n 3 | tr '\n' ' ')"
	grep -qi 'apparmor.*enforced' "$name.log"
	report "$name-says-that-apparmor-enforces" $? "$(tr '\n' ' ' <"$name.log")"

	cp -r "$name" "$name-broken"
	sed -i "$break" "$name-broken/apparmor.profile"
	if cmp -s "$name/apparmor.profile" "$name-broken/apparmor.profile"; then
		report "$name-fails-without-a-needed-rule" 1 "there was no rule to take out"
		return
	fi
	"$whittle" verify --ready "$ready" --load "$load" "$name-broken" -- $start >"$name.log" 2>&1
	[ $? = 1 ]
	report "$name-fails-without-a-needed-rule" $? "$(tr '\n' ' ' <"$name.log")"
}

verify_several() { # BUNDLE KEY: what must come of opening the key; "" does not try
	"$whittle" verify --ready tcp:127.0.0.1:7070 --load "perl /payload/several/load.pl${2:+ \"$2\"}" "$1" -- \
		/payload/several/entry.sh >several.log 2>&1
}

# By hand, without the search for the cause that verify would make.
serve_several() { # PROFILE
	local pid status

	# How it is compiled makes no difference; this is the fast way.
	apparmor_parser -r -O no-expr-simplify -O no-minimize "$1" >several.log 2>&1 || return 2
	aa-exec -p whittle-several -- /payload/several/entry.sh >several.log 2>&1 &
	pid=$!
	while [ -d "/proc/$pid" ] && ! ss -Hltn | grep -q ':7070 '; do sleep 0.1; done
	perl /payload/several/load.pl >>several.log 2>&1
	status=$?
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return $status
}

# Each program under a profile of its own: the server cannot do what only its entrypoint could.
try_several() {
	local name rule operation

	mkdir -p /srv/several /run/several
	echo secret >/srv/several/key
	echo for all >/srv/several/public
	"$whittle" record -o several.json --name several --ready tcp:127.0.0.1:7070 --load "perl /payload/several/load.pl" \
		-- /payload/several/entry.sh >several.log 2>&1
	report several-records $? "$(tail -n 1 several.log)"
	"$whittle" generate -o several-one --name whittle-several --runtime none several.json >several.log 2>&1 &&
		"$whittle" generate -o several --subprofiles --name whittle-several --runtime none several.json >several.log 2>&1
	report several-generates $? "$(tail -n 1 several.log)"

	verify_several several-one opened
	report several-one-profile-lets-the-server-open-the-key $? "$(tail -n 3 several.log | tr '\n' ' ') $(dmesg | grep DENIED | tail -n 3 | tr '\n' ' ')"
	dmesg -C
	verify_several several "not opened: Permission denied"
	report several-serves-and-cannot-open-the-key $? "$(tail -n 3 several.log | tr '\n' ' ') $(dmesg | grep DENIED | tail -n 3 | tr '\n' ' ')"
	! dmesg | grep 'apparmor="DENIED"' | grep -qv 'operation="open".*profile="whittle-several//perl" name="/srv/several/key"' &&
		dmesg | grep -q 'profile="whittle-several//perl" name="/srv/several/key"'
	report several-is-denied-the-key-alone $? "$(dmesg | grep DENIED | head -n 3 | tr '\n' ' ')"

	# Each of these is one rule of a kind, in a profile of its own.
	while IFS='#' read -r name rule operation; do
		awk -v rule="$rule" '$0 == rule && !gone { gone = 1; next } 1' several/apparmor.profile >broken.profile
		dmesg -C
		! cmp -s several/apparmor.profile broken.profile && ! serve_several broken.profile &&
			dmesg | grep 'apparmor="DENIED"' | grep -q "operation=\"$operation\""
		report "several-needs-$name" $? "$(tail -n 3 several.log | tr '\n' ' ') $(dmesg | grep DENIED | tail -n 3 | tr '\n' ' ')"
	done <<-'RULES'
		the-change-from-the-entrypoint#  /usr/bin/perl cx -> perl,#exec
		the-change-between-children#    /usr/bin/tail px -> whittle-several//tail,#exec
		the-change-back#    /payload/several/helper.sh px -> whittle-several,#exec
		to-map-its-own-program#    /usr/bin/cat rm,#file_mmap
		to-send-a-signal#    signal (send) set=(term) peer=whittle-several//tail,#signal
		to-be-sent-a-signal#    signal (receive) set=(term) peer=whittle-several//perl,#signal
		the-inherited-socket#    network inet stream,#file_inherit
		the-inherited-file#    owner /run/several/log w,#file_inherit
	RULES
}

[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ]
report apparmor-is-enabled $? "the kernel was booted without it"

mkdir -p /srv/www
head -c 4096 /dev/zero | tr '\0' x >/srv/www/index.html
try_service nginx "nginx -c /payload/nginx.conf" "wrk -t1 -c4 -d2s http://127.0.0.1:8090/index.html" \
	"http://127.0.0.1:8090/index.html" '\|/srv/www|d'
try_service redis "redis-server /payload/redis.conf" \
	"redis-benchmark -p 6390 -q -n 2000 -t set,get" "tcp:127.0.0.1:6390" '/network.*inet/d'

# What the profile did not know of is refused in production; the kernel's log puts it into the next one.
refine() {
	local start="nginx -c /payload/nginx.conf" ready=http://127.0.0.1:8090/index.html status
	local known="curl -sf -o /dev/null http://127.0.0.1:8090/index.html" more="curl -sf -o /dev/null http://127.0.0.1:8090/more/new.txt"

	"$whittle" record -o refine.json --name refine --ready "$ready" --load "$known" -- $start >refine.log 2>&1 &&
		"$whittle" generate -o refine --name whittle-refine --runtime none refine.json >refine.log 2>&1
	report refine-records $? "$(tail -n 1 refine.log)"
	"$whittle" verify --ready "$ready" --load "$more" refine -- $start >refine.log 2>&1
	[ $? = 1 ]
	report refine-is-denied $? "$(tr '\n' ' ' <refine.log)"
	"$whittle" audit --dmesg --profile whittle-refine -o denied.json 2>refine.log &&
		grep -q '"path":"/srv/www/more/new.txt","access":"read"' denied.json
	report refine-log-has-the-file $? "$(tr '\n' ' ' <refine.log) $(dmesg | grep 'apparmor="DENIED"' | tail -n 2 | tr '\n' ' ')"
	"$whittle" generate -o alone denied.json >refine.log 2>&1
	[ $? = 2 ] && grep -q 'merge it with a recording' refine.log
	report refine-log-alone-is-refused $? "$(tail -n 1 refine.log)"
	"$whittle" merge -o both.json refine.json denied.json >refine.log 2>&1 &&
		"$whittle" generate -o refined --name whittle-refine --runtime none both.json >refine.log 2>&1
	report refine-generates $? "$(tail -n 1 refine.log)"
	"$whittle" verify --ready "$ready" --load "$more" refined -- $start >refine.log 2>&1
	status=$?
	report refine-serves-with-it $status "$(tail -n 3 refine.log | tr '\n' ' ') $(dmesg | grep 'apparmor="DENIED"' | tail -n 2 | tr '\n' ' ')"
	"$whittle" explain refined /srv/www/more/new.txt >refine.log 2>&1
	grep -q 'logged .*DENIED open "r" to nginx.*(dmesg:' refine.log
	report refine-explains-it $? "$(tr '\n' ' ' <refine.log)"
}

# A filter that lets sethostname pass and has it logged: no_new_privs, and seccomp(SECCOMP_SET_MODE_FILTER, LOG …).
logged_call() {
	perl -e 'syscall(157, 38, 1, 0, 0, 0);
		my $filter = join("", map { pack("SCCL", @$_) } [0x20, 0, 0, 0], [0x15, 0, 1, 170], [6, 0, 0, 0x7ffc0000], [6, 0, 0, 0x7fff0000]);
		syscall(317, 1, 0, pack("Sx6P", 4, $filter)) == 0 or die;
		my $name = "vm"; syscall(170, $name, 2) == 0 or die;' >logged.log 2>&1 &&
		"$whittle" audit --dmesg --exe /usr/bin/perl --profile none -o logged.json 2>logged.log &&
		grep -q '"abi":"x86_64","name":"sethostname".*"phases":\["audit"\]' logged.json
	report seccomp-log-has-the-call $? "$(tr '\n' ' ' <logged.log) $(dmesg | tail -n 2 | tr '\n' ' ')"
}

mkdir -p /srv/www/more
echo new >/srv/www/more/new.txt
refine
logged_call
try_several
