/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two hundred processes at once, all busy: no call of any of them is lost.
 *
 * LIVE: m32
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define PROCESSES 200
#define CALLS	  20

int main(void)
{
	int gate[2], status;
	char c;

	expect_that(pipe(gate) == 0);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		expect_that(pid >= 0);
		if (pid)
			continue;
		close(gate[1]);
		/* The end of the pipe opens the gate for all at once. */
		expect_that(read(gate[0], &c, 1) == 0);
		for (int n = 0; n < CALLS; n++)
			syscall(SYS_getsid, 0);
		_exit(0);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < PROCESSES; i++)
		expect_that(wait(&status) > 0 && status == 0);
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['count']}");
	expect("{'fact':'syscalls','name':'getsid','count':%d}", PROCESSES * CALLS);
	expect("{'scope':'runs','where':{},'compare':['tasks']}");
	expect("{'fact':'runs','tasks':%d}", PROCESSES + 1);
	return 0;
}
