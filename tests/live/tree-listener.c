/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that opens files again and again asks for a listener for a filter of its own. A thread can have but
 * one: where an engine has one there, it is refused, and the trace says so.
 *
 * LIVE: differs : gaps (listener-refused|own-seccomp) |\bseccomp: errors "EBUSY"$
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "expect.h"

#define HOT 6000

static struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

int main(void)
{
	struct sock_fprog prog = {1, filter};
	char path[4096 + 16], here[4096];
	long fd;

	expect_that(getcwd(here, sizeof(here)) != NULL);
	snprintf(path, sizeof(path), "%s/file", here);
	fd = open(path, O_RDONLY | O_CREAT, 0644);
	expect_that(fd >= 0 && close((int)fd) == 0);
	for (int i = 0; i < HOT; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < HOT; i++) {
		fd = open(path, O_RDONLY);
		expect_that(fd >= 0 && close((int)fd) == 0);
	}
	expect_that(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	expect("{'scope':'gaps','where':{},'compare':['kind']}");
	if (fd < 0) {
		expect_that(errno == EBUSY);
		expect("{'fact':'gaps','kind':'listener-refused'}");
	} else {
		expect("{'fact':'gaps','kind':'own-seccomp'}");
	}
	return 0;
}
