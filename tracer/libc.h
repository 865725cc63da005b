/* SPDX-License-Identifier: Apache-2.0 */
/* Which C library (or language runtime) a program was built on: its file says. */
#ifndef WHITTLE_TRACER_LIBC_H
#define WHITTLE_TRACER_LIBC_H

#include "whittle/error.h"

/**
 * wh_libc_detect() - look into an ELF file. It is foreign: all of it is checked.
 * @fd: the program
 * @root_fd: the root folder in which its loader is to be found
 * @ret_name: "glibc 2.36", "musl", "go1.19.8", "static", or NULL when nothing can be said; the
 *   caller's to free
 */
int wh_libc_detect(int fd, int root_fd, char **ret_name);

#endif
