// SPDX-License-Identifier: Apache-2.0
#include "container/joiner.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "tracer/control.h"
#include "tracer/procfs.h"

#define JOIN_MS	    3000
#define STOPPED_MS  500
#define CMDLINE_MAX 4096

static bool is_stopped(int proc_fd, pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	char name[32], text[512];

	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	for (unsigned ms = 0; ms < STOPPED_MS; ms++) {
		const char *end;

		if (wh_procfs_read(proc_fd, name, text, sizeof(text)) <= 0)
			return false;
		end = strrchr(text, ')');
		if (end && end[1] == ' ' && end[2] == 'T')
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool wh_joiner_has(pid_t pid, pid_t tracer)
{
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t by;

	return proc_fd >= 0 && wh_procfs_status(proc_fd, pid, "TracerPid", &by) == 0 &&
	       by == (uint64_t)tracer;
}

/* Of the other things that it may be called for, none executes anything in the container. */
static bool is_exec(int proc_fd, pid_t pid)
{
	char name[32], text[CMDLINE_MAX];
	ssize_t n;

	snprintf(name, sizeof(name), "%d/cmdline", (int)pid);
	n = wh_procfs_read(proc_fd, name, text, sizeof(text));
	for (const char *word = text; n > 0 && word < text + n; word += strlen(word) + 1)
		if (strcmp(word, "exec") == 0)
			return true;
	return false;
}

bool wh_joiner_join(pid_t pid, const char *control)
{
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char line[32];
	int err;

	if (proc_fd < 0 || !is_stopped(proc_fd, pid))
		return kill(pid, 0) == 0;
	if (!is_exec(proc_fd, pid))
		return false;
	snprintf(line, sizeof(line), "join %d", (int)pid);
	err = wh_control_ask(control, line, JOIN_MS, NULL);
	return err < 0 && err != -ENOENT && err != -ECONNREFUSED;
}
