/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether it takes a capability to write to oom_score_adj depends on what is written, and how low it was: by one to
 * whose writes an engine no longer looks.
 */
/* LIVE: m32 */
#include "cap.h"

#define TIMES 3000

static int put(const char *first, const char *second)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), to = fd < 0 ? -1 : dup(fd);

	/* As a shell does it: by another descriptor than the one that it was opened as. */
	if (fd < 0 || to < 0 || close(fd) || write(to, first, strlen(first)) < 0)
		return -1;
	return second && write(to, second, strlen(second)) < 0 ? -1 : close(to);
}

static char now[16];

static int lower(void)
{
	return put("-1000", NULL);
}
static int raise_and_back(void)
{
	return put("1000", now);
}

int main(void)
{
	struct cap_case oom = {CAP_SYS_RESOURCE, CAP_NONE, "likely", lower,
			       raise_and_back,	 NULL,	   EACCES};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC),
	    fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, now, sizeof(now) - 1);

	expect_that(null >= 0 && n > 1);
	now[n - 1] = '\0';
	for (int i = 0; i < TIMES; i++)
		expect_that(write(null, now, 1) == 1);
	oom.what = cap_text("set an oom_score_adj below %s", now);
	cap_try(&oom);
	cap_done();
	return 0;
}
