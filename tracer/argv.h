/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments that a process was started with. They are the process's own and not interned in the
 * trace: a service that starts helpers with ever new arguments would grow it without limit.
 */
#ifndef WHITTLE_TRACER_ARGV_H
#define WHITTLE_TRACER_ARGV_H

#include "whittle/trace.h"

/** wh_argv_set() - make @list a copy of these, in one block; what it held is freed. -ENOMEM or 0.
 */
int wh_argv_set(struct wh_strlist *list, const char *const *v, size_t n);
void wh_argv_free(struct wh_strlist *list);

#endif
