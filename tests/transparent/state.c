/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program was given, and what it finds of itself, is what it would be without a tracer ("= NAME VALUE":
 * the same as alone), and is the same after it got hot.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define TEXT 131072

struct state {
	char limits[4096], fds[1024], status[4096], map_files[TEXT];
	uint64_t code;
};

static size_t take(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t all = 0;
	ssize_t n;

	while (fd >= 0 && all + 1 < size && (n = read(fd, text + all, size - 1 - all)) > 0)
		all += (size_t)n;
	text[all] = '\0';
	close(fd);
	return all;
}

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* Of all that is mapped and is no data of the running program. */
static uint64_t code_hash(const char *maps)
{
	uint64_t h = 0xcbf29ce484222325u;
	unsigned long from, to;
	char mode[8];

	for (const char *line = maps; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' &&
		    mode[1] == '-' && strncmp(line + strcspn(line, "[\n"), "[vvar", 5) &&
		    strncmp(line + strcspn(line, "[\n"), "[vsys", 5))
			h = hash(hash(h, line, 8), (const void *)from, to - from); // NOLINT
	}
	return h;
}

static void descriptors(char *text, size_t size)
{
	DIR *dir = opendir("/proc/self/fd");
	char open_ones[256] = {0}, path[64], target[256];
	struct dirent *entry;
	ssize_t n;

	while ((entry = readdir(dir)))
		if (strtoul(entry->d_name, NULL, 10) < sizeof(open_ones) && entry->d_name[0] != '.')
			open_ones[strtoul(entry->d_name, NULL, 10)] = 1;
	open_ones[dirfd(dir)] = 0;
	closedir(dir);
	text[0] = '\0';
	for (int i = 0; i < (int)sizeof(open_ones); i++) {
		if (!open_ones[i])
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		snprintf(text + strlen(text), size - strlen(text), "%d:%s:%x ", i,
			 i < 3 && strncmp(target, "/dev/", 5) ? "-" : target,
			 (unsigned)fcntl(i, F_GETFD));
	}
}

/* The lines of a status that are the program's own. */
static void own_status(char *text, size_t size)
{
	static const char *const names[] = {"Name",
					    "Umask",
					    "Uid",
					    "Gid",
					    "Groups",
					    "Threads",
					    "SigPnd",
					    "ShdPnd",
					    "SigBlk",
					    "SigIgn",
					    "SigCgt",
					    "CapInh",
					    "CapPrm",
					    "CapEff",
					    "CapBnd",
					    "CapAmb",
					    "NoNewPrivs",
					    "Seccomp",
					    "Seccomp_filters",
					    "Speculation_Store_Bypass",
					    "Cpus_allowed",
					    "Mems_allowed"};
	static char all[16384];
	char word[64];

	take("/proc/self/status", all, sizeof(all));
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *line;

		snprintf(word, sizeof(word), "\n%s:", names[i]);
		line = i ? strstr(all, word) : all - 1;
		if (line)
			snprintf(text + strlen(text), size - strlen(text), "%.*s|",
				 (int)strcspn(line + 1, "\n"), line + 1);
	}
}

static void look(struct state *state)
{
	take("/proc/self/limits", state->limits, sizeof(state->limits));
	descriptors(state->fds, sizeof(state->fds));
	own_status(state->status, sizeof(state->status));
	take("/proc/self/maps", state->map_files, sizeof(state->map_files));
	state->code = code_hash(state->map_files);
}

static void same(const char *name, const char *value)
{
	printf("= %s ", name);
	for (; *value; value++)
		putchar(*value == '\n' ? '|' : *value);
	putchar('\n');
	fflush(stdout);
}

static void same_number(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	same(name, text);
}

static void given(const struct state *state)
{
	char text[4096];
	cpu_set_t cpus;

	same("limits", state->limits);
	same("descriptors", state->fds);
	same("status", state->status);
	same_number("nice", getpriority(PRIO_PROCESS, 0));
	same_number("timerslack", prctl(PR_GET_TIMERSLACK));
	same_number("dumpable", prctl(PR_GET_DUMPABLE));
	same_number("keepcaps", prctl(PR_GET_KEEPCAPS));
	same_number("securebits", prctl(PR_GET_SECUREBITS));
	same_number("parent-death-signal", (prctl(PR_GET_PDEATHSIG, text), *(int *)(void *)text));
	same_number("subreaper", (prctl(PR_GET_CHILD_SUBREAPER, text), *(int *)(void *)text));
	same_number("thp", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	same_number("personality", personality(0xffffffff));
	same_number("scheduler", sched_getscheduler(0));
	sched_getaffinity(0, sizeof(cpus), &cpus);
	same_number("cpus", CPU_COUNT(&cpus));
	take("/proc/self/oom_score_adj", text, sizeof(text));
	same("oom_score_adj", text);
	take("/proc/self/cgroup", text, sizeof(text));
	same("cgroup", text);
	take("/proc/self/attr/current", text, sizeof(text));
	same("label", text);
	take("/proc/self/comm", text, sizeof(text));
	same("comm", text);
	take("/proc/self/wchan", text, sizeof(text));
	same("wchan", text);
	take("/proc/self/coredump_filter", text, sizeof(text));
	same("coredump_filter", text);
	for (const char *const *ns = (const char *const[]){"mnt", "net", "pid", "user", "uts",
							   "ipc", "cgroup", NULL};
	     *ns; ns++) {
		char path[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", *ns);
		n = readlink(path, text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = '\0';
		same("namespace", text);
	}
}

/* Its own system call, as its /proc has it, is the reading itself. */
static void own_call(void)
{
	char text[512];
	long nr = -1;
	unsigned long first = 0;
	int fd = open("/proc/self/syscall", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	check(sscanf(text, "%ld 0x%lx", &nr, &first) == 2 && nr == SYS_read &&
		      first == (unsigned long)fd,
	      "own-syscall");
	close(fd);
}

static void own_stat(void)
{
	char text[2048], state = 0;
	long pid = 0, ppid = 0, pgrp = 0, session = 0, threads = 0;

	take("/proc/self/stat", text, sizeof(text));
	check(sscanf(text, "%ld", &pid) == 1 &&
		      sscanf(strrchr(text, ')'),
			     ") %c %ld %ld %ld %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			     "%ld",
			     &state, &ppid, &pgrp, &session, &threads) == 5 &&
		      state == 'R' && pid == getpid() && ppid == getppid() && pgrp == getpgrp() &&
		      session == getsid(0) && threads == 1,
	      "own-stat");
}

int main(void)
{
	static struct state before, after;

	look(&before);
	given(&before);
	for (int round = 0; round < 2; round++) {
		own_call();
		own_stat();
		heat();
	}
	syscall(SYS_getsid, 0);
	heat();
	look(&after);
	check(!strcmp(before.limits, after.limits), "limits-after");
	check(!strcmp(before.fds, after.fds), "descriptors-after");
	check(!strcmp(before.status, after.status), "status-after");
	check(!strcmp(before.map_files, after.map_files), "mappings-after");
	check(before.code == after.code, "code-after");
	return 0;
}
