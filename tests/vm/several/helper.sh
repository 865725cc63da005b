#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A script of the server's: back in the profile of the shell, and from there in that of cat.
set -eu
/usr/bin/cat /srv/several/public
echo helped
