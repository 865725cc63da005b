// SPDX-License-Identifier: Apache-2.0
#include "tracer/timer.h"

#include <time.h>

#include "tracer/procfs.h"

bool wh_timer_wakes(int clock)
{
	return clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

bool wh_timer_fd_wakes(int proc_fd, pid_t tid, int fd)
{
	char name[48], text[512];
	const char *line;

	/* timerfd_show() of fs/timerfd.c; other files have no such line. */
	snprintf(name, sizeof(name), "%d/fdinfo/%d", (int)tid, fd);
	if (wh_procfs_read(proc_fd, name, text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "\nclockid:");
	return line && wh_timer_wakes(atoi(line + strlen("\nclockid:")));
}
