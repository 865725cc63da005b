#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# For any CI system: records the service as it is now, and fails when it wants more than the bundle that is
# checked in allows. Copy it beside your service, with this in the environment:
#
#   SERVICE     the command that runs the service in the foreground, as words: "./start --port 8080"
#   READY       when it is ready: tcp:HOST:PORT, http:URL, log:REGEX, file:PATH or delay:SECONDS
#   LOAD        a command that drives a representative load and fails when the service does not serve
#   BUNDLE      the folder of the bundle that is checked in (default: bundle)
#   FAIL_ON     any, low, medium, high, critical or never: the least risk that fails (default: low)
#   OUT         where the new bundle and the report go (default: whittle-out)
#   WHITTLE     the program (default: whittle)
#
# Exit status: 0 nothing new; 1 the service wants more (OUT/report.md says what, OUT/bundle allows it: look at it, and
# check it in if that is right), or the service or its load failed; 2 trouble.
# Needs to be root, or to trace children and whatever the service itself needs.
set -eu

trouble() {
	echo "least-privilege.sh: $*" >&2
	exit 2
}

: "${SERVICE:?say how the service is started}" "${READY:?say when it is ready}" "${LOAD:?say what drives it}"
bundle=${BUNDLE:-bundle}
fail_on=${FAIL_ON:-low}
out=${OUT:-whittle-out}
whittle=${WHITTLE:-whittle}
command -v "$whittle" >/dev/null || trouble "no whittle: set WHITTLE to the program"
[ -f "$bundle/trace.json" ] || trouble "$bundle/trace.json is not there: record once and check the bundle in"

# Words only: no quotes, no expansion. Put anything longer into a script of your own.
read -r -a service <<<"$SERVICE"
mkdir -p "$out"
rm -rf "$out/trace.json" "$out/bundle" "$out/report.md"

"$whittle" record -o "$out/trace.json" --ready "$READY" --load "$LOAD" -- "${service[@]}"
"$whittle" generate -o "$out/bundle" "$out/trace.json" >/dev/null

status=0
"$whittle" diff --format markdown --fail-on "$fail_on" "$bundle" "$out/bundle" >"$out/report.md" || status=$?
cat "$out/report.md"
[ "$status" -le 1 ] || trouble "whittle diff failed ($status)"
exit "$status"
