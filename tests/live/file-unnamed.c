/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files without a name, or without one any more: O_TMPFILE, deleted ones, memory, message queues,
 * handles.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

int main(void)
{
	struct {
		struct file_handle head;
		char bytes[128];
	} handle = {.head = {.handle_bytes = 128}};
	int fd, mount, mem, queue;
	char path[64];

	expect("{'scope':'files','where':{'path':'^(%s|/dev/mqueue|/memfd)'},"
	       "'compare':['path','access','type','outcomes']}",
	       expect_here());
	for (int i = 0; i < 3; i++) {
		fd = open(".", O_TMPFILE | O_RDWR, 0600);
		expect_that(fd >= 0 && fchmod(fd, 0640) == 0);
	}
	/* Given a name, it is still not opened by that name. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_that(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
	expect_that(fchmod(fd, 0600) == 0);
	expect("{'fact':'files','path':'%s/#@{int}','access':'link-from','type':'file',"
	       "'outcomes':{'ok':1}}",
	       expect_here());
	expect("{'fact':'files','path':'%s/named','access':'link-to','type':'file',"
	       "'outcomes':{'ok':1}}",
	       expect_here());
	expect("{'fact':'files','path':'%s/#@{int}','access':'chmod','type':'file',"
	       "'outcomes':{'ok':4}}",
	       expect_here());
	expect("{'fact':'files','path':'%s/#@{int}','access':'create','type':'file',"
	       "'outcomes':{'ok':3}}",
	       expect_here());
	expect("{'fact':'files','path':'%s/#@{int}','access':'read','type':'file',"
	       "'outcomes':{'ok':3}}",
	       expect_here());
	expect("{'fact':'files','path':'%s/#@{int}','access':'write','type':'file',"
	       "'outcomes':{'ok':3}}",
	       expect_here());

	/* A name that ends like one that is gone, and is not. */
	fd = open("x (deleted)", O_RDWR | O_CREAT, 0600);
	expect_that(fd >= 0 && fchmod(fd, 0640) == 0);
	for (const char *const *access =
		     (const char *const[]){"create", "read", "write", "chmod", NULL};
	     *access; access++)
		expect("{'fact':'files','path':'%s/x (deleted)','access':'%s','type':'file',"
		       "'outcomes':{'ok':1}}",
		       expect_here(), *access);
	/* And one that is. */
	fd = open("gone", O_RDWR | O_CREAT, 0600);
	expect_that(fd >= 0 && unlink("gone") == 0 && fchmod(fd, 0640) == 0);
	for (const char *const *access =
		     (const char *const[]){"create", "read", "write", "chmod", "unlink", NULL};
	     *access; access++)
		expect("{'fact':'files','path':'%s/gone','access':'%s','type':'file',"
		       "'outcomes':{'ok':1}}",
		       expect_here(), *access);

	/* Memory has no path, not even through /proc. */
	mem = memfd_create("mem", 0);
	expect_that(mem >= 0 && ftruncate(mem, 100) == 0 && fchmod(mem, 0600) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mem);
	expect_that(open(path, O_RDONLY) >= 0);

	queue = mq_open("/whittle-test", O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	expect_that(queue >= 0 && mq_unlink("/whittle-test") == 0);
	for (const char *const *access =
		     (const char *const[]){"create", "read", "write", "unlink", NULL};
	     *access; access++)
		expect("{'fact':'files','path':'/dev/mqueue/whittle-test','access':'%s',"
		       "'type':'file','outcomes':{'ok':1}}",
		       *access);

	fd = open("by-handle", O_WRONLY | O_CREAT, 0600);
	expect_that(fd >= 0);
	expect_that(name_to_handle_at(AT_FDCWD, "by-handle", &handle.head, &mount, 0) == 0);
	expect_that(open_by_handle_at(fd, &handle.head, O_RDONLY) >= 0);
	for (const char *const *access =
		     (const char *const[]){"create", "read", "write", "stat", NULL};
	     *access; access++)
		expect("{'fact':'files','path':'%s/by-handle','access':'%s','type':'file',"
		       "'outcomes':{'ok':1}}",
		       expect_here(), *access);
	return 0;
}
