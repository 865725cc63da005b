/* SPDX-License-Identifier: Apache-2.0 */
/* Changing one's credentials, filters, signals to others and files of other processes. */
/* LIVE: m32 */
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static pid_t other; /* a process of another user */

static int to_uid(void)
{
	return setuid(OTHER);
}
static int to_uid_own(void)
{
	return setuid(0);
}
static int to_reuid(void)
{
	return setreuid(-1, OTHER + 1);
}
static int to_reuid_own(void)
{
	return setreuid(0, 0);
}
static int to_resuid(void)
{
	return setresuid(OTHER + 2, OTHER + 2, 0);
}
static int to_resuid_own(void)
{
	return setresuid(0, -1, 0);
}
static int to_gid(void)
{
	return setgid(OTHER);
}
static int to_gid_own(void)
{
	return setgid(0);
}
static int to_regid(void)
{
	return setregid(OTHER + 1, -1);
}
static int to_resgid(void)
{
	return setresgid(-1, OTHER + 2, -1);
}
static int to_resgid_own(void)
{
	return setresgid(-1, -1, 0);
}
static int groups(void)
{
	gid_t gid = 0;

	return setgroups(1, &gid);
}
/* These two do not fail: they just do nothing. */
static int to_fsuid(void)
{
	setfsuid(OTHER + 3);
	errno = 0;
	return setfsuid(-1) == OTHER + 3 ? 0 : (errno = EPERM, -1);
}
static int to_fsgid(void)
{
	setfsgid(OTHER + 3);
	errno = 0;
	return setfsgid(-1) == OTHER + 3 ? 0 : (errno = EPERM, -1);
}
static int to_fsuid_own(void)
{
	return setfsuid(0);
}

static int bounding(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0);
}
static int bounding_read(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0) < 0 ? -1 : 0;
}
static int securebits(void)
{
	return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
}
static int ambient(void)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}
static int capset_inheritable(uint32_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	data[0].permitted &= ~(1u << CAP_MKNOD);
	data[0].effective &= ~(1u << CAP_MKNOD);
	data[0].inheritable = 0;
	if (syscall(SYS_capset, &header, data) < 0)
		return -1;
	data[0].inheritable = inheritable;
	return (int)syscall(SYS_capset, &header, data);
}
static int inherit_lost(void)
{
	return capset_inheritable(1u << CAP_MKNOD);
}
static int inherit_held(void)
{
	return capset_inheritable(1u << CAP_CHOWN);
}

static int filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, &allow};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
static int filter_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 : filter();
}

static int signal_other(void)
{
	return kill(other, 0);
}
static int signal_own(void)
{
	return kill(getppid(), 0);
}
static int compare_other(void)
{
	return syscall(SYS_kcmp, other, getpid(), 1 /* KCMP_VM */, 0, 0) < 0 ? -1 : 0;
}
static int read_other(void)
{
	char name[40];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/mem", other);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}
static int read_own(void)
{
	return close(open("/proc/self/mem", O_RDONLY));
}

int main(void)
{
	const struct cap_case cases[] = {
		{NEEDS(SETUID), to_uid, to_uid_own, "become uid 33"},
		{NEEDS(SETUID), to_reuid, to_reuid_own, "become uid 34"},
		{NEEDS(SETUID), to_resuid, to_resuid_own, "become uid 35"},
		{NEEDS(SETUID), to_fsuid, to_fsuid_own, "become uid 36"},
		{NEEDS(SETGID), to_gid, to_gid_own, "become gid 33"},
		{NEEDS(SETGID), to_regid, NULL, "become gid 34"},
		{NEEDS(SETGID), to_resgid, to_resgid_own, "become gid 35"},
		{NEEDS(SETGID), to_fsgid, NULL, "become gid 36"},
		{NEEDS(SETGID), groups, NULL, "set supplementary groups"},
		{NEEDS(SETPCAP), bounding, bounding_read, "drop from the bounding set"},
		{NEEDS(SETPCAP), securebits, ambient, "set securebits"},
		{NEEDS(SETPCAP), inherit_lost, inherit_held,
		 "make inheritable what is not permitted"},
		{NEEDS(SYS_ADMIN), filter, filter_no_new_privs,
		 "load a seccomp filter without no_new_privs", EACCES},
		{NEEDS(KILL), signal_other, signal_own, "send signal 0 to a process of uid 33"},
		{NEEDS(SYS_PTRACE), compare_other, NULL, "compare another process"},
		{NEEDS(SYS_PTRACE), read_other, read_own,
		 "open /proc/@{pid}/mem of another process", EACCES},
	};
	int ready[2];
	char c;

	expect_that(pipe(ready) == 0);
	other = fork();
	expect_that(other >= 0);
	if (other == 0) {
		expect_that(setresgid(OTHER, OTHER, OTHER) == 0);
		expect_that(setresuid(OTHER, OTHER, OTHER) == 0);
		expect_that(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		expect_that(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	cap_expect(NEEDS(SETUID), false, "become uid 33", 0);
	cap_expect(NEEDS(SETGID), false, "become gid 33", 0);
	expect_that(read(ready[0], &c, 1) == 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	expect_that(kill(other, SIGKILL) == 0);
	cap_expect(NEEDS(KILL), false, "send SIGKILL to a process of uid 33", 0);
	expect("{'scope':'gaps','where':{},'compare':['kind']}");
	expect("{'fact':'gaps','kind':'own-seccomp'}");
	cap_done();
	return 0;
}
