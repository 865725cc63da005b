// SPDX-License-Identifier: Apache-2.0
#include "judge/denial.h"

#include <inttypes.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gen/text.h"

/* A path of the caller's, in quotes; read up to the end of a page at a time, as the next may not be there. */
static void add_path(struct wh_buf *b, pid_t tid, uint64_t address)
{
	char text[512];
	size_t len = 0;

	while (len < sizeof(text) - 1) {
		size_t page = 4096 - (address + len) % 4096, most = sizeof(text) - 1 - len;
		struct iovec here = {text + len, page < most ? page : most};
		struct iovec there = {(void *)(uintptr_t)(address + len), here.iov_len};
		ssize_t n = process_vm_readv(tid, &here, 1, &there, 1, 0);

		if (n <= 0 || memchr(text + len, '\0', (size_t)n)) {
			len += n > 0 ? strnlen(text + len, (size_t)n) : 0;
			break;
		}
		len += (size_t)n;
	}
	text[len] = '\0';
	wh_buf_addc(b, '"');
	wh_text_safe(b, text);
	wh_buf_addc(b, '"');
}

/* "mkdirat(AT_FDCWD, "/x", 0x1ff)": as many arguments as the table gives the call. */
static void add_call(struct wh_buf *b, const struct wh_denial *d, pid_t tid, const uint64_t arg[6])
{
	const char *name = d->abi ? wh_syscall_name(d->abi, d->nr) : NULL;
	const struct wh_syscall_row *row = name ? wh_syscall_row(name) : NULL;

	if (!row)
		return;
	wh_buf_addf(b, "%s(", name);
	for (unsigned i = 0; i < 6 && row->arg[i] != WH_ARG_NONE; i++) {
		wh_buf_adds(b, i ? ", " : "");
		if (row->arg[i] == WH_ARG_PATH || row->arg[i] == WH_ARG_PATH_NOFOLLOW ||
		    row->arg[i] == WH_ARG_TEXT)
			add_path(b, tid, arg[i]);
		else if (row->arg[i] == WH_ARG_DIRFD && (int32_t)arg[i] == -100)
			wh_buf_adds(b, "AT_FDCWD");
		else if (row->arg[i] == WH_ARG_FD || row->arg[i] == WH_ARG_DIRFD)
			wh_buf_addf(b, "%" PRId32, (int32_t)arg[i]);
		else
			wh_buf_addf(b, "0x%" PRIx64, arg[i]);
	}
	wh_buf_addc(b, ')');
}

/* The instruction of a thread that is in a system call; 0: not known. */
static uint64_t instruction(pid_t tid)
{
	wh_auto(file) f = NULL;
	char path[64], line[512] = "", *last;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f) || !(last = strrchr(line, ' ')))
		return 0;
	return strtoull(last + 1, NULL, 16);
}

/* " at libc.so.6+0x10b3c7": in the file, so that addr2line finds it. */
static void add_site(struct wh_buf *b, pid_t tid)
{
	uint64_t at = instruction(tid), from, to, offset;
	wh_auto(file) f = NULL;
	char path[64], line[1024];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
	f = at ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		char *name;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &from, &to, &offset) !=
			    3 ||
		    at < from || at >= to)
			continue;
		line[strcspn(line, "\n")] = '\0';
		name = strrchr(line, '/');
		wh_buf_adds(b, " at ");
		wh_text_safe(b, name ? name + 1 : "memory of no file");
		if (name)
			wh_buf_addf(b, "+0x%" PRIx64, at - from + offset);
		return;
	}
}

void wh_denial_look(struct wh_denial *d, pid_t tid, const uint64_t arg[6])
{
	wh_auto(buf) call = {0};
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)tid);
	n = readlink(path, d->program, sizeof(d->program) - 1);
	d->program[n > 0 ? n : 0] = '\0';
	add_call(&call, d, tid, arg);
	if (call.len)
		add_site(&call, tid);
	snprintf(d->call, sizeof(d->call), "%s", call.data ? call.data : "");
}
