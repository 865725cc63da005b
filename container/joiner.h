/* SPDX-License-Identifier: Apache-2.0 */
/* Having a runtime that is about to execute something in a running container join the container's recording. */
#ifndef WHITTLE_CONTAINER_JOINER_H
#define WHITTLE_CONTAINER_JOINER_H

#include <sys/types.h>

/**
 * wh_joiner_join() - once @pid, to which SIGSTOP was sent while it executes an OCI runtime, has stopped, it joins the
 * recording whose socket is @control, if it was called for "exec". Waits for about a second at most. When there is no
 * such recording any more, nothing is said.
 */
void wh_joiner_join(pid_t pid, const char *control);

#endif
