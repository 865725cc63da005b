/* SPDX-License-Identifier: Apache-2.0 */
/* Process accounting is each pid namespace's own: in a new one nobody is disturbed by switching it off. */
/* LIVE: m32 */
#include <sched.h>

#include "cap.h"

static int account(void)
{
	return acct(NULL);
}

int main(void)
{
	const struct cap_case case_of = {CAP_SYS_PACCT, CAP_NONE, "required",
					 account,	NULL,	  "switch process accounting"};
	int status;
	pid_t pid;

	expect_that(unshare(CLONE_NEWPID) == 0);
	cap_expect(CAP_SYS_ADMIN, CAP_NONE, "required", false, "make a new PID namespace", 0);
	fflush(stdout);
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		cap_try(&case_of);
		cap_done();
		return 0;
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}
