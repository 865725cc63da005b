/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a tracee's memory. Everything in it is hostile: a pointer may be anything, a string may
 * have no end, and what was read may be something else a moment later.
 */
#ifndef WHITTLE_TRACER_MEMORY_H
#define WHITTLE_TRACER_MEMORY_H

#include <sys/types.h>

#include "whittle/util.h"

/**
 * wh_memory_read() - read up to @len bytes; stops early where the mapping ends.
 * Return: bytes read (less than @len only at an unreadable page), -EFAULT when not one could be,
 * -ESRCH when the task is gone.
 */
ssize_t wh_memory_read(pid_t tid, uint64_t addr, void *ret_data, size_t len);

/** wh_memory_read_all() - all @len bytes: 0, or -EFAULT, -ESRCH with *ret_data undefined. */
int wh_memory_read_all(pid_t tid, uint64_t addr, void *ret_data, size_t len);

/**
 * wh_memory_read_text() - read a NUL-terminated string, page by page so that one that ends just
 * before an unmapped page is read whole.
 * @size: of @ret_text, with the NUL
 * Return: its length; -ENAMETOOLONG when there is no NUL in @size bytes (@ret_text holds those that
 * fit, terminated); -EFAULT, -ESRCH.
 */
ssize_t wh_memory_read_text(pid_t tid, uint64_t addr, char *ret_text, size_t size);

#endif
