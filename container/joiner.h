/* SPDX-License-Identifier: Apache-2.0 */
/* Having a runtime that is about to execute something in a running container join the container's recording. */
#ifndef WHITTLE_CONTAINER_JOINER_H
#define WHITTLE_CONTAINER_JOINER_H

#include <sys/types.h>

#include "whittle/util.h"

/** wh_joiner_has() - @pid is traced by @tracer already: crun, for one, executes itself again. */
bool wh_joiner_has(pid_t pid, pid_t tracer);

/**
 * wh_joiner_join() - once @pid, to which SIGSTOP was sent while it executes an OCI runtime, has stopped, it joins the
 * recording whose socket is @control, if it was called for "exec". Waits for a few seconds at most.
 * Return: whether it could not, and should have: not so when there is no such recording any more.
 */
bool wh_joiner_join(pid_t pid, const char *control);

#endif
