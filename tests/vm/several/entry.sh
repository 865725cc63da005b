#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An entrypoint that prepares something and becomes the server: only it may read the key.
set -eu
read -r key </srv/several/key
echo "from $key" >/run/several/made
exec 3>>/run/several/log
exec /usr/bin/perl /payload/several/server.pl
