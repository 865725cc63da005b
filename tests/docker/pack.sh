#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Puts whittle with its loader and libraries into a new folder, so that it runs in an image that has none of them:
#   DIR/loader --library-path DIR/lib DIR/whittle record …
# Its loader is called by name: nothing in the environment tells the service of it.
#
#   pack.sh WHITTLE DIR
set -eu

[ $# -eq 2 ] || {
	echo "usage: pack.sh WHITTLE DIR" >&2
	exit 2
}
mkdir -p "$2/lib"
cp "$1" "$2/whittle"
ldd "$1" | awk '$2 == "=>" { print $3 }' | while read -r lib; do
	cp -L "$lib" "$2/lib/"
done
cp -L "$(ldd "$1" | awk '$1 ~ /^\/.*ld-/ { print $1 }')" "$2/loader"
