/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that keeps a fixed set of capabilities, as chronyd does, must have all of them; one that looks at
 * what it has before keeps what there is of them.
 */
/* LIVE: m32 */
#include <sys/prctl.h>

#include "cap.h"

#define BIT(cap) (1u << CAP_##cap)

static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

static int keep(uint32_t caps)
{
	struct __user_cap_data_struct data[2] = {{.permitted = caps, .effective = caps}};

	return (int)syscall(SYS_capset, &header, data);
}

/* None is in force any more, but permitted they still are. */
static void as_user(void)
{
	expect_that(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	expect_that(setresuid(OTHER, OTHER, OTHER) == 0);
	expect_that(keep(BIT(NET_BIND_SERVICE)) == 0);
	expect_that(keep(BIT(NET_BIND_SERVICE) | BIT(KILL)) != 0 && errno == EPERM);
	_exit(0);
}

static void looks(void)
{
	struct __user_cap_data_struct data[2];

	expect_that(syscall(SYS_capget, &header, data) == 0);
	expect_that(keep(data[0].permitted & (BIT(FOWNER) | BIT(CHOWN))) == 0);
	expect_that(keep(BIT(FOWNER) | BIT(MKNOD)) != 0);
	_exit(0);
}

/* What libcap does to learn the version. */
static void version_only(void)
{
	expect_that(syscall(SYS_capget, &header, NULL) == 0);
	expect_that(keep(BIT(SETGID)) == 0);
	_exit(0);
}

int main(void)
{
	void (*const children[])(void) = {as_user, looks, version_only};
	const char *what = "keep it by capset() without a look at what it has";
	int status;

	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		pid_t pid = fork();

		expect_that(pid >= 0);
		if (pid == 0)
			children[i]();
		expect_that(waitpid(pid, &status, 0) == pid && status == 0);
	}
	cap_expect(CAP_SETUID, CAP_NONE, "required", false, "become uid 33", 0);
	cap_expect(CAP_NET_BIND_SERVICE, CAP_NONE, "likely", false, what, OTHER);
	cap_expect(CAP_KILL, CAP_NONE, "likely", true, what, OTHER);
	cap_expect(CAP_SETGID, CAP_NONE, "likely", false, what, 0);
	cap_done();
	return 0;
}
