/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon by the book: two forks, a session of its own, both parents gone before it does its work. The
 * recording lasts as long as it does.
 *
 * LIVE: m32 static
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

int main(void)
{
	pid_t first = getpid();

	if (fork())
		return 0;
	expect_that(setsid() > 0);
	if (fork())
		_exit(0);
	while (getpgid(first) >= 0 || getppid() == getsid(0))
		usleep(10000);
	usleep(200000);
	expect_that(mkdir("made-late", 0700) == 0);
	expect("{'some':'files','where':{'path':'^%s/made-late/?$','access':'^mkdir$'}}",
	       expect_here());
	expect("{'scope':'runs','where':{},'compare':['tasks','outcome']}");
	expect("{'fact':'runs','tasks':3,'outcome':'exited 0'}");
	return 0;
}
