/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/inject.h"

#include "whittle/util.h"

#ifdef __x86_64__

#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODE_64	   0x33 /* __USER_CS: the code is 64-bit */
#define INSN	   2	/* bytes of syscall */
#define X32_BIT	   0x40000000u
#define STOPS_MAX  4096 /* between two stops that are waited for */
#define ERRNO_MAX_ 4095
/* The kernel's sigset_t: what PTRACE_SETSIGMASK wants. */
#define MASK_SIZE 8

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

/* What is put into the tracee: the program and, behind it, the instructions. */
struct image {
	struct sock_fprog prog;
	struct sock_filter insn[];
};

struct injection {
	pid_t tid;
	struct user_regs_struct regs; /* at the entry of its own call */
	uint64_t mask;
	bool stopped;	 /* a group-stop, or an interrupt of ours, came meanwhile */
	uint64_t queued; /* signals that came meanwhile: bit n-1 for n */
	int died;	 /* a status that ends it all; valid if is_dead */
	bool is_dead;
};

static bool is_dead(struct injection *in, int status)
{
	if (WIFSTOPPED(status) && status >> 16 != PTRACE_EVENT_EXIT)
		return false;
	in->is_dead = true;
	in->died = status;
	return true;
}

/* ESRCH: it was killed in its stop. Its next status tells of that. */
static bool killed(struct injection *in)
{
	int status;

	while (waitpid(in->tid, &status, __WALL) < 0)
		if (errno != EINTR) {
			/* Not even that: as if it had been killed, which is what will be seen. */
			status = SIGKILL;
			break;
		}
	if (!is_dead(in, status)) {
		in->is_dead = true;
		in->died = SIGKILL;
	}
	return false;
}

/*
 * On to the next system call stop; what else comes is kept for later. All signals but SIGKILL and
 * SIGSTOP are blocked, yet one may have been on its way.
 */
static bool next_stop(struct injection *in)
{
	for (unsigned i = 0; i < STOPS_MAX; i++) {
		int status, sig;

		if (ptrace(PTRACE_SYSCALL, in->tid, NULL, NULL) < 0)
			return killed(in);
		while (waitpid(in->tid, &status, __WALL) < 0)
			if (errno != EINTR)
				return killed(in);
		if (is_dead(in, status))
			return false;
		sig = WSTOPSIG(status);
		if (sig == (SIGTRAP | 0x80))
			return true;
		if (status >> 16 == PTRACE_EVENT_STOP)
			in->stopped = true;
		else if (status >> 16 == 0 && sig >= 1 && sig <= 64)
			in->queued |= UINT64_C(1) << (sig - 1);
	}
	/* Nothing sane stops so often. It cannot be left half way. */
	kill(in->tid, SIGKILL);
	return killed(in);
}

static bool set_regs(struct injection *in, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, in->tid, NULL, regs) == 0 || killed(in);
}

static bool result_of(struct injection *in, int64_t *ret)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, in->tid, NULL, &regs) < 0)
		return killed(in);
	*ret = (int64_t)regs.rax;
	return true;
}

static void set_args(struct user_regs_struct *regs, const uint64_t arg[6])
{
	regs->rdi = arg[0];
	regs->rsi = arg[1];
	regs->rdx = arg[2];
	regs->r10 = arg[3];
	regs->r8 = arg[4];
	regs->r9 = arg[5];
}

/* Step back to the instruction, to make call @nr; orig_rax says that no call is there to be restarted. */
static void step_back(struct user_regs_struct *regs, uint64_t nr)
{
	regs->rip -= INSN;
	regs->rax = nr;
	regs->orig_rax = (unsigned long long)-1;
}

/* The first call of ours: its own, not yet made, becomes it. */
static bool call_instead(struct injection *in, uint64_t nr, const uint64_t arg[6], int64_t *ret)
{
	struct user_regs_struct regs = in->regs;

	regs.orig_rax = nr;
	set_args(&regs, arg);
	return set_regs(in, &regs) && next_stop(in) && result_of(in, ret);
}

/* Each further one. The thread is at the exit of the one before. */
static bool call_next(struct injection *in, uint64_t nr, const uint64_t arg[6], int64_t *ret)
{
	struct user_regs_struct regs = in->regs;

	step_back(&regs, nr);
	set_args(&regs, arg);
	return set_regs(in, &regs) && next_stop(in) && next_stop(in) && result_of(in, ret);
}

/* Back to the entry of its own call. */
static bool call_own(struct injection *in)
{
	struct user_regs_struct regs = in->regs;

	step_back(&regs, in->regs.orig_rax);
	return set_regs(in, &regs) && next_stop(in) && set_regs(in, &in->regs);
}

static bool write_memory(struct injection *in, uint64_t to, const void *data, size_t len)
{
	struct iovec local = {(void *)(uintptr_t)data, len};
	struct iovec remote = {(void *)(uintptr_t)to, len};

	if (process_vm_writev(in->tid, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return true;
	for (size_t i = 0; i < len; i += sizeof(long)) {
		long word = 0;
		size_t n = len - i < sizeof(word) ? len - i : sizeof(word);

		memcpy(&word, (const char *)data + i, n);
		if (ptrace(PTRACE_POKEDATA, in->tid, to + i, word) < 0)
			return false;
	}
	return true;
}

/* Return: false when it has died; *@ret_err: why there is no filter, else 0. */
static bool make_calls(struct injection *in, struct image *image, size_t size, bool no_new_privs,
		       int *ret_err)
{
	const uint64_t map[6] = {
		0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
	const uint64_t privs[6] = {PR_SET_NO_NEW_PRIVS, 1};
	uint64_t filter[6] = {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW};
	uint64_t unmap[6] = {0, size};
	int64_t result = 0, ignored;

	if (!call_instead(in, SYS_mmap, map, &result))
		return false;
	if (result < 0 && result >= -ERRNO_MAX_) {
		*ret_err = (int)-result;
		return true;
	}
	unmap[0] = filter[2] = (uint64_t)result;
	image->prog.filter =
		(struct sock_filter *)(uintptr_t)(filter[2] + offsetof(struct image, insn));
	if (!write_memory(in, filter[2], image, size)) {
		*ret_err = EFAULT;
		return call_next(in, SYS_munmap, unmap, &ignored);
	}
	if (no_new_privs && !call_next(in, SYS_prctl, privs, &ignored))
		return false;
	if (!call_next(in, SYS_seccomp, filter, &result))
		return false;
	*ret_err = result < 0 ? (int)-result : 0;
	return call_next(in, SYS_munmap, unmap, &ignored);
}

/* Calls that do not return, return elsewhere, or make a thread that would run into what we do. */
static bool is_ordinary(uint64_t nr)
{
	static const unsigned short others[] = {
		SYS_restart_syscall, SYS_rt_sigreturn, SYS_execve, SYS_execveat, SYS_exit,
		SYS_exit_group,	     SYS_clone,	       SYS_clone3, SYS_fork,	 SYS_vfork,
		SYS_seccomp,	     SYS_prctl,
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(others); i++)
		if (others[i] == nr)
			return false;
	return nr < X32_BIT;
}

/* Is it where this can be done? Fills in @in->regs. */
static bool is_fit(struct injection *in)
{
	struct __ptrace_syscall_info info;
	long word;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, in->tid, (void *)sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	    ptrace(PTRACE_GETREGS, in->tid, NULL, &in->regs) < 0 || in->regs.cs != CODE_64 ||
	    !is_ordinary(in->regs.orig_rax))
		return false;
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, in->tid, in->regs.rip - INSN, NULL);
	return !errno && (word & 0xffff) == 0x050f;
}

/* What came meanwhile happens now. ESRCH is normal. */
static void pass_on(const struct injection *in, pid_t tgid)
{
	for (int sig = 1; sig <= 64; sig++)
		if (in->queued >> (sig - 1) & 1)
			syscall(SYS_tgkill, tgid, in->tid, sig);
	if (in->stopped)
		ptrace(PTRACE_INTERRUPT, in->tid, NULL, NULL);
}

enum wh_inject wh_inject_filter(pid_t tid, pid_t tgid, const struct sock_fprog *filter,
				bool no_new_privs, struct wh_inject_result *ret_result)
{
	struct injection in = {.tid = tid};
	size_t len = filter->len * sizeof(*filter->filter), size = sizeof(struct image) + len;
	const uint64_t all = UINT64_MAX;
	struct image *image;
	int err = 0;
	bool alive;

	*ret_result = (struct wh_inject_result){0};
	if (!is_fit(&in) || ptrace(PTRACE_GETSIGMASK, tid, (void *)MASK_SIZE, &in.mask) < 0)
		return WH_INJECT_NOT_NOW;
	image = calloc(1, size);
	if (!image)
		return WH_INJECT_NOT_NOW;
	image->prog.len = filter->len;
	memcpy(image->insn, filter->filter, len);
	if (ptrace(PTRACE_SETSIGMASK, tid, (void *)MASK_SIZE, &all) < 0) {
		free(image);
		return WH_INJECT_NOT_NOW;
	}
	alive = make_calls(&in, image, size, no_new_privs, &err) && call_own(&in);
	free(image);
	if (!alive && !in.is_dead)
		killed(&in);
	if (!alive) {
		ret_result->died = in.died;
		return WH_INJECT_DIED;
	}
	ptrace(PTRACE_SETSIGMASK, tid, (void *)MASK_SIZE, &in.mask);
	pass_on(&in, tgid);
	ret_result->err = err;
	return err ? WH_INJECT_REFUSED : WH_INJECT_DONE;
}

#else

enum wh_inject wh_inject_filter(pid_t tid, pid_t tgid, const struct sock_fprog *filter,
				bool no_new_privs, struct wh_inject_result *ret_result)
{
	(void)tid;
	(void)tgid;
	(void)filter;
	(void)no_new_privs;
	*ret_result = (struct wh_inject_result){0};
	return WH_INJECT_NOT_NOW;
}

#endif
