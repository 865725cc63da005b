#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the path of a tarball with a small Debian that has the sample services in it, made when it
# is not there yet. It is kept in ${XDG_CACHE_HOME:-/var/cache}/whittle-tests under a name that stands for
# what was asked for, so that later runs start at once.
set -eu

packages=nginx-light,redis-server,postgresql
suite=bookworm
# shellcheck disable=SC2016 # $1 is for the shell that mmdebstrap runs the hook with
options=(
	--variant=essential
	--include="$packages"
	--dpkgopt='path-exclude=/usr/share/doc/*'
	--dpkgopt='path-exclude=/usr/share/man/*'
	--dpkgopt='path-exclude=/usr/share/locale/*'
	# Debian's package makes a cluster of its own, which costs time and is not used.
	--essential-hook='mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"'
)
month=$(date +%Y-%m) # security updates come in at least once a month
key=$(printf '%s\n' "$suite" "$month" "${options[@]}" | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-/var/cache}/whittle-tests
tarball=$cache/image-$key.tar

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -s "$tarball" ]; then
	log=$(mktemp)
	trap 'rm -f "$log" "$tarball.new"' EXIT
	if ! mmdebstrap --format=tar "${options[@]}" "$suite" "$tarball.new" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		echo "image.sh: mmdebstrap could not make the image: see above" >&2
		exit 2
	fi
	# Of an earlier month: nobody will ask for it again.
	rm -f "$cache"/image-*.tar
	mv "$tarball.new" "$tarball"
fi
echo "$tarball"
