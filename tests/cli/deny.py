#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""deny.py NUMBER COMMAND…: run COMMAND where this system call (x86_64) is answered with EPERM."""
import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_NR = struct.pack("HBBI", 0x20, 0, 0, 0)
RET_ERRNO_EPERM = struct.pack("HBBI", 0x06, 0, 0, 0x00050001)
RET_ALLOW = struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000)

libc = ctypes.CDLL(None, use_errno=True)
if_number = struct.pack("HBBI", 0x15, 0, 1, int(sys.argv[1]))
code = ctypes.create_string_buffer(LOAD_NR + if_number + RET_ERRNO_EPERM + RET_ALLOW)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0):
    sys.exit("deny.py: cannot load a filter: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
