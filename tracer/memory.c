/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/memory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#define PAGE 4096u
#define FEW  256u /* most strings are no longer: less to copy */

/*
 * process_vm_readv() may be denied where ptrace is not (a seccomp filter on the tracer, a kernel
 * built without it); the mem file of a tracee always works.
 */
static ssize_t read_mem_file(pid_t tid, uint64_t addr, void *data, size_t len)
{
	char path[64];
	wh_auto(fd) fd = -1;
	ssize_t n;

	if (addr > (uint64_t)INT64_MAX)
		return -EFAULT;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = pread(fd, data, len, (off_t)addr);
	if (n < 0)
		return errno == EIO ? -EFAULT : -errno;
	/* A mem file that lost its address space (the task is exiting) reads as empty. */
	return n ? n : -ESRCH;
}

ssize_t wh_memory_read(pid_t tid, uint64_t addr, void *ret_data, size_t len)
{
	struct iovec local = {ret_data, len};
	struct iovec remote;
	ssize_t n;

	if (!len)
		return 0;
	if (!addr || addr + len < addr)
		return -EFAULT;
	remote.iov_base = (void *)(uintptr_t)addr;
	remote.iov_len = len;
	n = process_vm_readv(tid, &local, 1, &remote, 1, 0);
	if (n > 0)
		return n;
	if (n < 0 && errno != ENOSYS && errno != EPERM)
		return errno == ESRCH ? -ESRCH : -EFAULT;
	return read_mem_file(tid, addr, ret_data, len);
}

int wh_memory_read_all(pid_t tid, uint64_t addr, void *ret_data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		/* A read over several pages stops at the first that is bad, so ask again there. */
		ssize_t n = wh_memory_read(tid, addr + done, (char *)ret_data + done, len - done);

		if (n < 0)
			return (int)n;
		done += (size_t)n;
	}
	return 0;
}

ssize_t wh_memory_read_text(pid_t tid, uint64_t addr, char *ret_text, size_t size)
{
	size_t done = 0;

	wh_assert(size > 0);
	while (done < size) {
		size_t room = PAGE - (size_t)((addr + done) % PAGE);
		char *nul;
		ssize_t n;

		if (!done && room > FEW)
			room = FEW;
		if (room > size - done)
			room = size - done;
		n = wh_memory_read(tid, addr + done, ret_text + done, room);
		if (n < 0)
			return n;
		nul = memchr(ret_text + done, '\0', (size_t)n);
		if (nul)
			return nul - ret_text;
		done += (size_t)n;
	}
	ret_text[size - 1] = '\0';
	return -ENAMETOOLONG;
}
