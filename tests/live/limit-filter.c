/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that filters itself, and one that wants a ring: the first denies things to itself that
 * are then not seen, the second does things that are not calls.
 *
 * LIVE: m32
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

int main(void)
{
	struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog program = {1, &allow};
	char self[PATH_MAX], params[256] = {0};
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	expect_that(len > 0);
	self[len] = '\0';
	expect_that(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	expect_that(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1);
	expect_that(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
	expect_that(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	expect_gap("own-seccomp", self);
	if (syscall(SYS_io_uring_setup, 4, params) >= 0)
		expect_gap("io-uring", self);
	return 0;
}
