#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Golden tests of the generators. Each folder beside this file is a case: trace*.json, the arguments of
# `whittle generate` in "args" if there are any, and what must come out in expected/ (summary.txt is
# what is printed). Prints "ok NAME" or "not ok NAME: why" for each.
#
#   tests/golden/run.sh [--update] [BUILD-FOLDER]      without a folder, $WHITTLE is the program
#
# --update writes what came out into expected/ instead: read the diff before you commit it.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
update=
if [ "${1:-}" = --update ]; then
	update=1
	shift
fi
whittle=${WHITTLE:-}
[ $# = 0 ] || whittle=$1/whittle
whittle=$(realpath "$whittle" 2>/dev/null)
[ -x "$whittle" ] || { echo "tests/golden/run.sh: no whittle: name a build folder, or set WHITTLE" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

not_ok() {
	echo "not ok $1: $2"
	failed=1
}

# The bundle's name is part of its contents, so it is always the same, seen from $work/NAME.
generate() { # CASE INTO
	local case=$1 into=$2
	local args=() items=()
	[ ! -f "$case/args" ] || read -ra args <"$case/args"
	mkdir -p "$into"
	(cd "$into" && "$whittle" generate -o bundle "${args[@]}" "$case"/trace*.json) >"$into/summary.txt" ||
		return
	[ ! -f "$case/explain" ] || mapfile -t items <"$case/explain"
	if [ -f "$case/explain" ]; then
		"$whittle" explain "$into/bundle" "${items[@]}" >"$into/explain.txt"
		[ $? -le 1 ] || return
	fi
}

# What is compared: the bundle but its trace, and what was printed.
collect() { # FROM
	cp "$1"/*.txt "$1/bundle/"
	rm "$1/bundle/trace.json"
}

compile() { # PROFILE
	apparmor_parser -Q -K "$1" 2>&1 | grep -v '^Cache read/write disabled'
	return "${PIPESTATUS[0]}"
}

# Pure OCI, a page that fetches nothing; what the others have to be is in well-formed.py.
well_formed() { # BUNDLE
	jq -e '(keys - ["architectures", "defaultAction", "defaultErrnoRet", "syscalls"] == []) and
		([.syscalls[] | keys[]] - ["action", "args", "errnoRet", "names"] == []) and
		([.syscalls[] | select(.args | not) | .names[]] | length == (unique | length)) and
		([.syscalls[] | select(.args | not) | .names[]] - ([.syscalls[] | select(.args) | .names[]] | unique)
			| length) == ([.syscalls[] | select(.args | not) | .names[]] | length) and
		([.syscalls[] | select(.args) | .args | (map(.index) | length == (unique | length)) and
			all(.[]; .op == "SCMP_CMP_MASKED_EQ" and .valueTwo <= .value)] | all)' "$1/seccomp.json" >/dev/null &&
		jq -e '.drop == ["ALL"] and (.add == (.reasons | keys))' "$1/capabilities.json" >/dev/null &&
		! grep -qE '<script|src=|href=|url\(' "$1/report.html" &&
		"$here/well-formed.py" "$1"
}

for case in "$here"/*/; do
	case=${case%/}
	name=$(basename "$case")
	out=$work/$name
	if ! generate "$case" "$out" 2>"$work/err"; then
		not_ok "$name" "generate: $(cat "$work/err")"
		continue
	fi
	if [ -n "$update" ]; then
		collect "$out"
		rm -rf "$case/expected"
		cp -r "$out/bundle" "$case/expected"
		echo "updated $name"
		continue
	fi
	# The bundle's own trace makes the same bundle: nothing was lost on the way into it.
	args=()
	[ ! -f "$case/args" ] || read -ra args <"$case/args"
	mkdir "$out/from"
	if (cd "$out/from" && "$whittle" generate -o bundle "${args[@]}" "$out/bundle") >/dev/null 2>"$work/err" &&
		diff -r "$out/bundle" "$out/from/bundle" >/dev/null; then
		echo "ok $name: from its own trace"
	else
		not_ok "$name: from its own trace" "the bundle differs $(cat "$work/err")"
	fi
	collect "$out"
	generate "$case" "$out/again" 2>/dev/null
	collect "$out/again"
	if diff -r "$out/bundle" "$out/again/bundle" >/dev/null; then
		echo "ok $name: the same again"
	else
		not_ok "$name: the same again" "two runs differ"
	fi
	if diff -r -u "$case/expected" "$out/bundle" >"$work/diff"; then
		echo "ok $name"
	else
		not_ok "$name" "$(grep -c '^[-+][^-+]' "$work/diff") lines differ, first: $(grep -m1 '^[-+][^-+]\|^Only' "$work/diff")"
		cat "$work/diff" >&2
	fi
	if why=$(well_formed "$out/bundle" 2>&1); then
		echo "ok $name: well-formed"
	else
		not_ok "$name: well-formed" "$(tail -1 <<<"$why")"
	fi
	if why=$(compile "$out/bundle/apparmor.profile"); then
		echo "ok $name: apparmor_parser"
	else
		not_ok "$name: apparmor_parser" "$why"
	fi
done
[ -n "$update" ] || exit $failed
