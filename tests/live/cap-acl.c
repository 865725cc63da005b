/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX ACLs: an entry that names the user lets him in where the mode alone would not. */
/* LIVE: m32 */
#include <sys/xattr.h>

#include "cap.h"

static int opens(int flags)
{
	int fd = open("theirs", flags | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}
static int reading(void)
{
	return opens(O_RDONLY);
}
static int writing(void)
{
	return opens(O_WRONLY);
}

int main(void)
{
	/* user::rw- user:0:r-- group::--- mask::rw- other::--- */
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = {2, {{1, 6, -1u}, {2, 4, 0}, {4, 0, -1u}, {16, 6, -1u}, {32, 0, -1u}}};
	const struct cap_case write_it = {
		CAP_DAC_OVERRIDE,
		CAP_NONE,
		"required",
		writing,
		reading,
		cap_text("write %s/theirs (mode 660, uid 33)", expect_here()),
		EACCES};

	umask(0);
	cap_make_own("theirs", 0600);
	expect_that(setxattr("theirs", "system.posix_acl_access", &acl, sizeof(acl), 0) == 0);
	expect_that(chown("theirs", OTHER, OTHER) == 0);
	cap_expect(CAP_CHOWN, CAP_NONE, "required", false,
		   cap_text("chown %s/theirs to uid 33", expect_here()), 0);
	cap_try(&write_it);
	cap_done();
	return 0;
}
