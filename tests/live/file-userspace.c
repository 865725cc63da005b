/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that serves a file system (FUSE) and uses it: whoever looks into it from outside, while
 * the program is stopped, would wait for ever.
 *
 * LIVE: threads
 * LIVE: timeout 30
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "expect.h"

static int fuse;

static void reply(const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	char out[512];
	struct fuse_out_header head = {
		.len = sizeof(head) + len, .error = error, .unique = in->unique};

	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), data, len);
	/* The asker may have been interrupted: then there is no one to tell. */
	if (write(fuse, out, head.len) != (ssize_t)head.len)
		expect_that(errno == ENOENT);
}

static void *serve(void *unused)
{
	static char buf[1 << 20];
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
				     .minor = FUSE_KERNEL_MINOR_VERSION,
				     .max_write = 4096};
	struct fuse_attr_out root = {.attr = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2}};
	struct fuse_entry_out file = {.nodeid = 2,
				      .attr = {.ino = 2, .mode = S_IFREG | 0600, .nlink = 1}};
	struct fuse_open_out opened = {.fh = 1};

	while (read(fuse, buf, sizeof(buf)) > 0) {
		const struct fuse_in_header *in = (struct fuse_in_header *)buf;

		switch (in->opcode) {
		case FUSE_INIT:
			reply(in, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			if (in->nodeid != 1)
				root.attr = file.attr;
			reply(in, 0, &root, sizeof(root));
			break;
		case FUSE_LOOKUP:
			if (strcmp(buf + sizeof(*in), "file") == 0)
				reply(in, 0, &file, sizeof(file));
			else
				reply(in, -ENOENT, "", 0);
			break;
		case FUSE_OPEN:
			reply(in, 0, &opened, sizeof(opened));
			break;
		case FUSE_FORGET:
			break;
		default:
			reply(in, -ENOSYS, "", 0);
		}
	}
	return unused;
}

int main(void)
{
	char options[64];
	pthread_t thread;
	struct stat st;
	int fd;

	expect("{'scope':'files','where':{'path':'^%s/mnt/"
	       ".'},'compare':['path','access','outcomes']}",
	       expect_here());
	fuse = open("/dev/fuse", O_RDWR);
	expect_that(fuse >= 0 && mkdir("mnt", 0755) == 0 && unshare(CLONE_NEWNS) == 0);
	expect_that(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	expect_that(mount("whittle", "mnt", "fuse", 0, options) == 0);
	expect_that(pthread_create(&thread, NULL, serve, NULL) == 0);
	expect_that(stat("mnt/file", &st) == 0 && S_ISREG(st.st_mode));
	fd = open("mnt/file", O_RDONLY);
	expect_that(fd >= 0);
	expect_that(open("mnt/none/deeper", O_RDONLY) == -1 && errno == ENOENT);
	expect_that(chdir("mnt") == 0 && unlink("x") == -1);
	close(fd);
	expect_file("mnt/file", "stat", "ok", 1);
	expect_file("mnt/file", "read", "ok", 1);
	expect_file("mnt/none/deeper", "read", "ENOENT", 1);
	expect("{'fact':'files','path':'%s/mnt/x','access':'unlink','outcomes':{'ENOENT':1}}",
	       expect_here());
	fflush(NULL);
	_exit(0);
}
