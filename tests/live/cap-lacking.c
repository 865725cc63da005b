/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds no capability at all uses none; what it is refused for want of one is recorded all the
 * same, and what it may do anyway is not.
 */
/* LIVE: m32 */
#include "cap.h"

static int lacking(void)
{
	struct stat st;

	if (setresuid(OTHER, OTHER, OTHER) != 0)
		return 1;
	if (open("public", O_RDONLY) < 0 || stat("public", &st) != 0 || access("public", R_OK) != 0)
		return 2;
	if (open("secret", O_RDONLY) != -1 || errno != EACCES)
		return 3;
	if (stat("closed/none", &st) != -1 || errno != EACCES)
		return 4;
	return open("none", O_RDONLY) == -1 && errno == ENOENT ? 0 : 5;
}

int main(void)
{
	char text[4300];
	int status;
	pid_t pid;

	cap_make_own("public", 0644);
	cap_make_own("secret", 0600);
	expect_that(mkdir("closed", 0700) == 0 && chmod(".", 0755) == 0);
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0)
		_exit(lacking());
	expect_that(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	expect_that(WEXITSTATUS(status) == 0);
	cap_expect(CAP_SETUID, CAP_NONE, "required", false, "become uid 33", 0);
	snprintf(text, sizeof(text), "read %s/secret (mode 600, uid 0)", expect_here());
	cap_expect(CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "required", true, text, OTHER);
	snprintf(text, sizeof(text), "search the directories on the way to %s/closed/none",
		 expect_here());
	cap_expect(CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "required", true, text, OTHER);
	cap_done();
	return 0;
}
