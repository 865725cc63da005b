#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The generated AppArmor profile on a kernel that enforces it: a Debian kernel in qemu.
#   WHITTLE=path of the binary
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/whittle-vm-run.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work/payload"
cp "$WHITTLE" "$work/payload/whittle"
cp -r "$here/../../templates" "$work/payload/templates"
cp -r "$here/several" "$work/payload/"
cp "$here/nginx.conf" "$here/redis.conf" "$work/payload/"
cp "$here/inside.sh" "$work/payload/init"
chmod 755 "$work/payload/init"

"$here/boot.sh" "$work/payload" "$work/log" 600 >"$work/boot.log" 2>&1
status=$?
# The console's line ends are CR LF.
tr -d '\r' <"$work/log" | grep -aE '^(ok|not ok|skip) vm/' 
if tr -d '\r' <"$work/log" | grep -aqx 'end of the machine'; then
	echo "ok vm/boots"
else
	echo "not ok vm/boots: qemu ended with $status: $(tail -n 2 "$work/boot.log" "$work/log" | tr -cd '[:print:]' | tail -c 400)"
fi
