/* SPDX-License-Identifier: Apache-2.0 */
/* What became of the process that was refused something for want of a capability. */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "cap.h"

/* Each is refused another capability. */
static void chroot_and_fail(void)
{
	expect_that(chroot(".") == -1 && errno == EPERM);
	_exit(1);
}
static void name_and_go_on(void)
{
	expect_that(sethostname("x", 1) == -1 && errno == EPERM);
	_exit(0);
}
static void make_and_abort(void)
{
	expect_that(mknod("device", S_IFCHR | 0600, 0x103) == -1 && errno == EPERM);
	abort();
}
static void hurry_and_run(void)
{
	expect_that(setpriority(PRIO_PROCESS, 0, -5) == -1 && errno == EACCES);
	execl("/bin/false", "false", NULL);
	_exit(99);
}
static void date_and_be_told(void)
{
	const struct timespec now = {1, 0};

	expect_that(clock_settime(CLOCK_REALTIME, &now) == -1 && errno == EPERM);
	raise(SIGTERM);
	_exit(99);
}
static void own_and_be_told(void)
{
	expect_that(chown(".", OTHER, OTHER) == -1 && errno == EPERM);
	_exit(128 + SIGTERM);
}

int main(void)
{
	static const struct {
		int cap;
		void (*what)(void);
		bool ended;
	} cases[] = {
		{CAP_SYS_CHROOT, chroot_and_fail, true}, {CAP_SYS_ADMIN, name_and_go_on, false},
		{CAP_MKNOD, make_and_abort, true},	 {CAP_SYS_NICE, hurry_and_run, false},
		{CAP_SYS_TIME, date_and_be_told, false}, {CAP_CHOWN, own_and_be_told, false},
	};
	int status;

	expect("{'scope':'caps','where':{},'compare':['cap','denied','ended']}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = fork();

		expect_that(pid >= 0);
		if (pid == 0) {
			const struct rlimit none = {0, 0};

			setrlimit(RLIMIT_CORE, &none);
			cap_drop(cases[i].cap);
			cases[i].what();
		}
		expect_that(waitpid(pid, &status, 0) == pid);
		expect_that(!WIFEXITED(status) || WEXITSTATUS(status) != 99);
		if (cases[i].ended)
			expect("{'fact':'caps','cap':'CAP_%s','denied':true,'ended':true}",
			       cap_names[cases[i].cap]);
		else
			expect("{'fact':'caps','cap':'CAP_%s','denied':true}",
			       cap_names[cases[i].cap]);
	}
	return 0;
}
