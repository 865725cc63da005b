// SPDX-License-Identifier: Apache-2.0
#include "tracer/inject.h"

#include <string.h>

#ifdef __x86_64__

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer/pending.h"

#define CODE_64	      0x33	 /* __USER_CS: 64-bit code */
#define FLAG_TRAP     0x100	 /* a program that steps through itself */
#define X32_BIT	      0x40000000 /* __X32_SYSCALL_BIT; a negative number is above it too */
#define INSN_SIZE     2		 /* of "syscall", 0f 05 */
#define INSN	      0x050f
#define MAX_STOPS     10000 /* a stop more than the calls' own takes a signal from someone */
#define SECCOMP_CODE  1	    /* SYS_SECCOMP: si_code of a SIGSYS by SECCOMP_RET_TRAP */
#define SIGNAL_BIT(n) (UINT64_C(1) << ((n)-1))

/**
 * struct injection - one thread, between the entry of its call and the same entry again.
 * @saved: its registers at that entry
 * @mask: its blocked signals
 * @status: the last status of waitpid()
 * @died: it is gone; @status tells how
 * @stop: the process has been stopped in between; not for this thread yet
 */
struct injection {
	pid_t tid;
	struct user_regs_struct saved;
	uint64_t mask;
	unsigned stops;
	int status;
	bool died;
	bool stop;
	bool process; /* it is for all threads */
	bool listen;  /* a listener is wanted, and … */
	int pidfd;    /* … will be fetched by this one; */
	int reserved; /* so that there is room for it */
	int listener; /* here it is */
};

static int set_mask(const struct injection *in, uint64_t mask)
{
	return ptrace(PTRACE_SETSIGMASK, in->tid, (void *)sizeof(mask), &mask) < 0 ? -errno : 0;
}

/* Returns -ESRCH with @died set when it has died. */
static int wait_stop(struct injection *in)
{
	pid_t got;

	do
		got = waitpid(in->tid, &in->status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got == in->tid && WIFSTOPPED(in->status) && in->status >> 16 != PTRACE_EVENT_EXIT)
		return 0;
	if (got < 0)
		in->status = 0;
	in->died = true;
	return -ESRCH;
}

/* The error of a ptrace() request: where it is ESRCH the thread was killed, and its death comes. */
static int ptrace_error(struct injection *in)
{
	int err = -errno;

	return err == -ESRCH ? wait_stop(in) < 0 ? -ESRCH : -EIO : err;
}

/*
 * The signal to go on with. A blocked one is put back by the kernel as it was, with its siginfo
 * (ptrace_signal()). SIGSTOP cannot be blocked: it is kept for the end.
 */
static int signal_stop(struct injection *in, int sig)
{
	siginfo_t si;

	if (sig == SIGSTOP) {
		in->stop = true;
		return 0;
	}
	/* A filter of the program's own answered an injected call, which the program never made. */
	if (sig == SIGSYS && ptrace(PTRACE_GETSIGINFO, in->tid, NULL, &si) == 0 &&
	    si.si_code == SECCOMP_CODE)
		return 0;
	set_mask(in, UINT64_MAX);
	return sig;
}

/* Goes on to the next stop at the entry, or the exit, of a call. */
static int go_on(struct injection *in, unsigned op)
{
	struct __ptrace_syscall_info info;
	int sig = 0, err, event;

	for (; in->stops < MAX_STOPS; in->stops++) {
		if (ptrace(PTRACE_SYSCALL, in->tid, NULL, (void *)(long)sig) < 0)
			return ptrace_error(in);
		err = wait_stop(in);
		if (err < 0)
			return err;
		event = in->status >> 16;
		sig = WSTOPSIG(in->status);
		if (event == PTRACE_EVENT_STOP) {
			/*
			 * SIGTRAP tells of a SIGCONT: a PTRACE_INTERRUPT would have been satisfied
			 * by the trap before. Any other is a group-stop.
			 */
			in->stop = sig != SIGTRAP;
		} else if (event && event != PTRACE_EVENT_SECCOMP) {
			/* The leader that another thread's execve() has become. */
			in->died = true;
			return -ESRCH;
		}
		if (!event && sig == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, in->tid, (void *)sizeof(info), &info) <=
			    0)
				return ptrace_error(in);
			if (info.op == op)
				return 0;
			event = PTRACE_EVENT_STOP;
		}
		sig = event ? 0 : signal_stop(in, sig);
	}
	return -EAGAIN;
}

struct call {
	long nr;
	uint64_t arg[6];
};

static int set_regs(struct injection *in, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, in->tid, NULL, regs) < 0 ? ptrace_error(in) : 0;
}

/*
 * Makes a call, up to its exit stop: with @in_flight in place of the one that the thread is about to
 * make, otherwise by stepping back to the instruction.
 */
static int make_call(struct injection *in, const struct call *call, bool in_flight, long *ret_value)
{
	struct user_regs_struct regs = in->saved;
	int err;

	regs.rdi = call->arg[0];
	regs.rsi = call->arg[1];
	regs.rdx = call->arg[2];
	regs.r10 = call->arg[3];
	regs.r8 = call->arg[4];
	regs.r9 = call->arg[5];
	if (in_flight) {
		regs.orig_rax = (uint64_t)call->nr;
	} else {
		regs.rip -= INSN_SIZE;
		regs.rax = (uint64_t)call->nr;
		regs.orig_rax = UINT64_MAX;
	}
	err = set_regs(in, &regs);
	if (err == 0 && !in_flight)
		err = go_on(in, PTRACE_SYSCALL_INFO_ENTRY);
	if (err == 0)
		err = go_on(in, PTRACE_SYSCALL_INFO_EXIT);
	if (err < 0)
		return err;
	if (ptrace(PTRACE_GETREGS, in->tid, NULL, &regs) < 0)
		return ptrace_error(in);
	*ret_value = (long)regs.rax;
	return 0;
}

/* A call that has to return 0. What SECCOMP_RET_TRAP has skipped "returns" its number. */
static int make_plain_call(struct injection *in, const struct call *call)
{
	long value;
	int err = make_call(in, call, false, &value);

	if (err < 0)
		return err;
	return value > 0 ? -ENOSYS : (int)value;
}

static int poke(struct injection *in, uint64_t addr, const void *data, size_t len)
{
	const char *p = data;

	for (size_t i = 0; i < len; i += sizeof(long)) {
		long word;

		memcpy(&word, p + i, sizeof(word));
		if (ptrace(PTRACE_POKEDATA, in->tid, (void *)(uintptr_t)(addr + i), word) < 0)
			return ptrace_error(in);
	}
	return 0;
}

/* Both parts are whole words. */
static int write_filter(struct injection *in, uint64_t addr, const struct sock_fprog *filter)
{
	size_t len = filter->len * sizeof(*filter->filter);
	struct sock_fprog prog;
	struct iovec local[] = {{&prog, sizeof(prog)}, {filter->filter, len}};
	struct iovec remote = {(void *)(uintptr_t)addr, sizeof(prog) + len};
	int err;

	memset(&prog, 0, sizeof(prog));
	prog.len = filter->len;
	prog.filter = (struct sock_filter *)(uintptr_t)(addr + sizeof(prog));
	if (process_vm_writev(in->tid, local, 2, &remote, 1, 0) == (ssize_t)remote.iov_len)
		return 0;
	err = poke(in, addr, &prog, sizeof(prog));
	return err < 0 ? err : poke(in, addr + sizeof(prog), filter->filter, len);
}

/* Whether it can be fetched must be known before: a filter cannot be taken back. */
static int prepare_listener(struct injection *in)
{
	int fd;

	in->pidfd = (int)syscall(SYS_pidfd_open, in->tid, 0);
	if (in->pidfd < 0)
		return -errno;
	in->reserved = fcntl(in->pidfd, F_DUPFD_CLOEXEC, 0);
	if (in->reserved < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_getfd, in->pidfd, INT_MAX, 0);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno != EBADF ? -errno : 0;
}

static bool is_listener(int fd)
{
	static const char kind[] = "anon_inode:seccomp notify";
	char link[40], text[sizeof(kind)];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, text, sizeof(text));
	return n == (ssize_t)strlen(kind) && memcmp(text, kind, (size_t)n) == 0;
}

/* The thread's descriptor becomes ours, and the thread's is closed. */
static int fetch_listener(struct injection *in, const struct call *seccomp)
{
	struct call shut = {SYS_close};
	long fd;
	int err = make_call(in, seccomp, false, &fd);

	if (err < 0)
		return err;
	if (fd < 0)
		return (int)fd;
	close(in->reserved);
	in->reserved = -1;
	in->listener = (int)syscall(SYS_pidfd_getfd, in->pidfd, (int)fd, 0);
	if (in->listener >= 0 && !is_listener(in->listener)) {
		/* A filter of its own has answered: nothing was made. */
		close(in->listener);
		in->listener = -1;
		return -ENOSYS;
	}
	shut.arg[0] = (uint64_t)fd;
	err = make_plain_call(in, &shut);
	return in->died ? err : 0;
}

static int install(struct injection *in, const struct sock_fprog *filter, bool no_new_privs)
{
	uint64_t len = sizeof(*filter) + filter->len * sizeof(*filter->filter);
	struct call map = {
		SYS_mmap,
		{0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0}};
	struct call privs = {SYS_prctl, {PR_SET_NO_NEW_PRIVS, 1}};
	struct call seccomp = {SYS_seccomp,
			       {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW}};
	struct call unmap = {SYS_munmap, {0, len}};
	long addr;
	int err, unmap_err;

	err = make_call(in, &map, true, &addr);
	if (err < 0)
		return err;
	if (addr <= 0 || addr % 4096)
		return addr < 0 && addr > -4096 ? (int)addr : -ENOSYS;
	err = write_filter(in, (uint64_t)addr, filter);
	if (err == 0 && no_new_privs)
		err = make_plain_call(in, &privs);
	if (err == 0) {
		seccomp.arg[2] = (uint64_t)addr;
		if (in->listen)
			seccomp.arg[1] |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		if (in->process)
			seccomp.arg[1] |= SECCOMP_FILTER_FLAG_TSYNC;
		err = in->listen ? fetch_listener(in, &seccomp) : make_plain_call(in, &seccomp);
	}
	if (in->died)
		return err;
	unmap.arg[0] = (uint64_t)addr;
	unmap_err = make_plain_call(in, &unmap);
	/* Not to be told as refused where the filter is in force. */
	return in->died ? unmap_err : err;
}

/* It has been blocked, so one that ended the stop is still there. */
static bool continued(pid_t tid)
{
	return wh_pending_has(tid, false, SIGCONT, 0) || wh_pending_has(tid, true, SIGCONT, 0);
}

/*
 * A SIGSTOP for this thread joins a group-stop that it has passed over, or begins the one that was
 * put off. PTRACE_INTERRUPT would not do: the call's exit stop, or any other trap, uses it up.
 * Between the look and the signal is a moment in which a SIGCONT would be lost.
 */
static void stop_again(const struct injection *in)
{
	/* It is stopped, and ours to wait for: the id is no other's. */
	if (in->stop && !continued(in->tid))
		syscall(SYS_tkill, in->tid, SIGSTOP);
}

/* Back to the entry of its own call. */
static void leave(struct injection *in)
{
	struct user_regs_struct regs = in->saved;
	int err;

	regs.rip -= INSN_SIZE;
	regs.rax = in->saved.orig_rax;
	regs.orig_rax = UINT64_MAX;
	err = set_regs(in, &regs);
	if (err == 0)
		err = go_on(in, PTRACE_SYSCALL_INFO_ENTRY);
	if (err == 0)
		err = set_regs(in, &in->saved);
	if (in->died)
		return;
	stop_again(in);
	set_mask(in, in->mask);
	/* Never seen: it is somewhere on the way to its call, and the caller can follow it there. */
	in->died = err < 0;
}

/* Those that do not come back here, are not made again alike, or set up what we set up. */
static bool special(uint64_t nr)
{
	static const unsigned short never[] = {
		SYS_restart_syscall, SYS_rt_sigreturn, SYS_execve, SYS_execveat, SYS_exit,
		SYS_exit_group,	     SYS_clone,	       SYS_clone3, SYS_fork,	 SYS_vfork,
		SYS_seccomp,	     SYS_prctl,
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (never[i] == nr)
			return true;
	return nr >= X32_BIT;
}

static bool at_plain_entry(const struct injection *in)
{
	struct __ptrace_syscall_info info;
	long word;

	if (in->saved.cs != CODE_64 || in->saved.eflags & FLAG_TRAP || special(in->saved.orig_rax))
		return false;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, in->tid, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY || info.arch != AUDIT_ARCH_X86_64)
		return false;
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, in->tid, (void *)(in->saved.rip - INSN_SIZE), NULL);
	return !errno && (word & 0xffff) == INSN;
}

/* Whether it left its stop before it was looked at: then it is at its end, or on the way there. */
static bool killed(struct injection *in)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, in->tid, NULL, &regs) < 0 && errno == ESRCH)
		wait_stop(in);
	else if (waitpid(in->tid, &in->status, WNOHANG | __WALL) == in->tid)
		in->died = true;
	return in->died;
}

static enum wh_inject inject(struct injection *in, const struct sock_fprog *filter,
			     bool no_new_privs, struct wh_inject_result *ret_result)
{
	int err = -EINVAL;

	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->listener = -1;
	if (!filter->len || filter->len > BPF_MAXINSNS)
		goto out;
	err = ptrace(PTRACE_GETREGS, in->tid, NULL, &in->saved) < 0 ? ptrace_error(in) : 0;
	if (err == 0 && !at_plain_entry(in)) {
		if (!killed(in))
			return WH_INJECT_NOT_NOW;
		err = -ESRCH;
	}
	if (err == 0 && ptrace(PTRACE_GETSIGMASK, in->tid, (void *)sizeof(in->mask), &in->mask) < 0)
		err = ptrace_error(in);
	if (err < 0)
		goto out;
	/* A SIGSYS by SECCOMP_RET_TRAP would lose its handler if it were blocked (force_sig_info()). */
	err = set_mask(in, ~SIGNAL_BIT(SIGSYS));
	if (err == -ESRCH)
		err = ptrace_error(in);
	if (err < 0)
		goto out;
	err = install(in, filter, no_new_privs);
	if (!in->died)
		leave(in);
out:
	if (in->died) {
		ret_result->died = in->status;
		return WH_INJECT_DIED;
	}
	ret_result->err = -err;
	ret_result->listener = in->listener;
	return err < 0 ? WH_INJECT_REFUSED : WH_INJECT_DONE;
}

enum wh_inject wh_inject_filter(pid_t tid, const struct sock_fprog *filter, bool no_new_privs,
				struct wh_inject_result *ret_result)
{
	struct injection in = {.tid = tid, .pidfd = -1, .reserved = -1, .listener = -1};

	return inject(&in, filter, no_new_privs, ret_result);
}

enum wh_inject wh_inject_process(pid_t tid, const struct sock_fprog *filter,
				 struct wh_inject_result *ret_result)
{
	struct injection in = {
		.tid = tid, .process = true, .pidfd = -1, .reserved = -1, .listener = -1};

	return inject(&in, filter, false, ret_result);
}

enum wh_inject wh_inject_listener(pid_t tid, const struct sock_fprog *filter, bool no_new_privs,
				  struct wh_inject_result *ret_result)
{
	struct injection in = {
		.tid = tid, .listen = true, .pidfd = -1, .reserved = -1, .listener = -1};
	int err = prepare_listener(&in);
	enum wh_inject got;

	if (err < 0) {
		*ret_result = (struct wh_inject_result){.err = -err, .listener = -1};
		got = WH_INJECT_REFUSED;
	} else {
		got = inject(&in, filter, no_new_privs, ret_result);
	}
	if (got != WH_INJECT_DONE && in.listener >= 0)
		close(in.listener);
	if (in.reserved >= 0)
		close(in.reserved);
	if (in.pidfd >= 0)
		close(in.pidfd);
	return got;
}

#else

enum wh_inject wh_inject_filter(pid_t tid, const struct sock_fprog *filter, bool no_new_privs,
				struct wh_inject_result *ret_result)
{
	(void)tid;
	(void)filter;
	(void)no_new_privs;
	memset(ret_result, 0, sizeof(*ret_result));
	return WH_INJECT_NOT_NOW;
}

enum wh_inject wh_inject_listener(pid_t tid, const struct sock_fprog *filter, bool no_new_privs,
				  struct wh_inject_result *ret_result)
{
	return wh_inject_filter(tid, filter, no_new_privs, ret_result);
}

enum wh_inject wh_inject_process(pid_t tid, const struct sock_fprog *filter,
				 struct wh_inject_result *ret_result)
{
	return wh_inject_filter(tid, filter, false, ret_result);
}

#endif
