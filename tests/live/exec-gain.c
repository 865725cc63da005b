/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that carry privilege: given where the tracer may, lost under no_new_privs, none for who has
 * it already.
 * LIVE: random whittle-gain\.\w{6}
 *
 * Now and then libc throws its dice for that name again.
 * LIVE: differs \bgetrandom\b
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "expect.h"

static char top[] = "/tmp/whittle-gain.XXXXXX";

static void copy(const char *to, uid_t uid, mode_t mode)
{
	int in = open("/bin/true", O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0700);
	struct stat st;

	expect_that(in >= 0 && out >= 0 && fstat(in, &st) == 0);
	expect_that(sendfile(out, in, NULL, st.st_size) == st.st_size);
	expect_that(fchown(out, uid, uid) == 0 && fchmod(out, mode) == 0);
	close(in);
	close(out);
}

static void run(const char *path, int as, int no_new_privs)
{
	int status;
	pid_t pid = fork();

	expect_that(pid >= 0);
	if (pid == 0) {
		expect_that(setgid(as) == 0 && setuid(as) == 0);
		expect_that(!no_new_privs || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		execl(path, path, NULL);
		_exit(99);
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
}

static void fact(const char *name, int gains, int lost)
{
	expect("{'fact':'execs','to':'%s/%s','gains':%s,'gain_lost':%s}", top, name,
	       gains ? "true" : "false", lost ? "true" : "false");
}

int main(void)
{
	struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = {{.permitted = 1 << CAP_NET_RAW}},
	};

	expect_that(mkdtemp(top) && chmod(top, 0755) == 0 && chdir(top) == 0);
	expect("{'scope':'execs','where':{'to':'^%s/'},'compare':['to','gains','gain_lost']}", top);
	copy("plain", 0, 0755);
	copy("setuid", 12, 04755);
	copy("setgid", 12, 02755);
	copy("setuid-nnp", 12, 04755);
	copy("setuid-own", 1000, 04755);
	copy("caps", 0, 0755);
	copy("caps-nnp", 0, 0755);
	expect_that(setxattr("caps", "security.capability", &caps, sizeof(caps), 0) == 0);
	expect_that(setxattr("caps-nnp", "security.capability", &caps, sizeof(caps), 0) == 0);
	run("./plain", 1000, 0);
	fact("plain", 0, 0);
	run("./setuid", 1000, 0);
	fact("setuid", 1, 0);
	run("./setgid", 1000, 0);
	fact("setgid", 1, 0);
	run("./setuid-nnp", 1000, 1);
	fact("setuid-nnp", 1, 1);
	run("./setuid-own", 1000, 0);
	fact("setuid-own", 0, 0);
	run("./caps", 1000, 0);
	fact("caps", 1, 0);
	run("./caps-nnp", 1000, 1);
	fact("caps-nnp", 1, 1);
	expect_that(system("rm -r plain set* caps*") == 0 && rmdir(top) == 0);
	return 0;
}
