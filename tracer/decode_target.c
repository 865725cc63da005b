/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that reach into another process: signals, ptrace and its kin. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "tracer/decode_impl.h"
#include "tracer/pidns.h"

/* Of the call, once the target is known: note[TARGET], note[PEER]; detail is its pid, 0 unknown. */
enum { TARGET, PEER };

/* ---- who is that? ---------------------------------------------------------------------------- */

static bool read_proc(struct wh_recorder *r, pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	wh_auto(fd) fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

static bool same_mounts(struct wh_recorder *r, pid_t a, pid_t b)
{
	char one[32], other[32];
	struct stat x, y;

	snprintf(one, sizeof(one), "%d/ns/mnt", (int)a);
	snprintf(other, sizeof(other), "%d/ns/mnt", (int)b);
	return fstatat(r->proc_fd, one, &x, 0) == 0 && fstatat(r->proc_fd, other, &y, 0) == 0 &&
	       x.st_ino == y.st_ino;
}

/* The program of a process that is not traced. Elsewhere its path may be another program's in here. */
static const char *program_of(struct wh_recorder *r, const struct wh_task *task, pid_t pid)
{
	char link[32], text[PATH_MAX], marked[PATH_MAX + sizeof(WH_FILE_UNREACHABLE)];
	ssize_t n;

	snprintf(link, sizeof(link), "%d/exe", (int)pid);
	n = readlinkat(r->proc_fd, link, text, sizeof(text) - 1);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	if (!wh_path_clean(text, 0))
		return NULL;
	if (same_mounts(r, task->tid, pid))
		return wh_trace_intern(r->trace, text);
	snprintf(marked, sizeof(marked), WH_FILE_UNREACHABLE "%s", text);
	return wh_trace_intern(r->trace, marked);
}

/* Say who @pid (of ours) is. */
static void name_target(struct wh_recorder *r, struct wh_task *task, pid_t pid)
{
	struct wh_call *call = &task->call;
	struct wh_process *process = wh_task_process(r->tasks, pid);
	struct wh_task *thread = process ? NULL : wh_task_find(r->tasks, pid);

	if (thread)
		process = thread->process;
	call->detail = (uint64_t)(pid > 0 ? pid : 0);
	if (process == task->process) {
		call->note[TARGET] = "self";
	} else if (process) {
		call->note[TARGET] = "tree";
		call->note[PEER] = process->program;
	} else {
		call->note[TARGET] = "outside";
		call->note[PEER] = pid > 0 ? program_of(r, task, pid) : NULL;
	}
}

/* The same for a number of the task's. Its own is by far the most frequent, and asked first. */
static void find_target(struct wh_recorder *r, struct wh_task *task, pid_t pid)
{
	if ((pid == task->process->tgid || pid == task->tid) && wh_pidns_is_ours(r, task))
		name_target(r, task, pid);
	else
		name_target(r, task, wh_pidns_find(r, task, pid));
}

/* And for a pidfd: its fdinfo counts as our /proc does. */
static void find_pidfd(struct wh_recorder *r, struct wh_task *task, int fd)
{
	char file[32], text[512], *line;

	snprintf(file, sizeof(file), "fdinfo/%d", fd);
	line = read_proc(r, task->tid, file, text, sizeof(text)) ? strstr(text, "\nPid:") : NULL;
	name_target(r, task, line ? (pid_t)strtol(line + strlen("\nPid:"), NULL, 10) : 0);
}

/* ---- signals --------------------------------------------------------------------------------- */

static int column(const struct wh_syscall_row *row, enum wh_arg kind)
{
	for (int i = 0; i < 6; i++)
		if (row->arg[i] == kind)
			return i;
	return -1;
}

int wh_decode_target_signal_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	pid_t pid = (pid_t)call->arg[0];

	if (call->row->arg[0] == WH_ARG_FD) {
		find_pidfd(r, task, (int)call->arg[0]);
	} else if (strcmp(call->row->name, "kill") == 0 && pid <= 0) {
		/*
		 * 0: the own group; else a group; -1: all that may be signalled, which in a pid namespace
		 * of its own are none but its own.
		 */
		call->note[TARGET] = pid == -1 && wh_pidns_is_ours(r, task) ? "outside" : "group";
	} else {
		find_target(r, task, pid);
	}
	return 0;
}

/* The kernel's SIGRTMIN is 32, also what AppArmor counts from; libc keeps the first two. */
static const char *signal_name(int number, char *buf, size_t size)
{
	const char *name = number > 0 && number < 32 ? sigabbrev_np(number) : NULL;

	if (name)
		snprintf(buf, size, "SIG%s", name);
	else if (number >= 32 && number <= 64)
		snprintf(buf, size, "SIGRTMIN+%d", number - 32);
	else
		snprintf(buf, size, "%d", number);
	return buf;
}

int wh_decode_target_signal_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	int column_ = column(call->row, WH_ARG_SIGNAL);
	char name[32];
	struct wh_signal key = {.target = call->note[TARGET], .peer = call->note[PEER]}, *fact;
	int k;

	if (column_ < 0 || !key.target)
		return 0;
	key.signal = signal_name((int)call->arg[column_], name, sizeof(name));
	k = wh_record_fact(r, task, WH_KIND_SIGNAL, &key, true, &fact);
	return k < 0 ? wh_decode_fact_err(k) : wh_decode_fact_outcome(r, task, &fact->outcomes);
}

/* ---- ptrace ---------------------------------------------------------------------------------- */

static const struct {
	unsigned request;
	const char *name;
} requests[] = {
#define R(name)                                                                                    \
	{                                                                                          \
		name, #name                                                                        \
	}
	R(PTRACE_TRACEME),
	R(PTRACE_PEEKTEXT),
	R(PTRACE_PEEKDATA),
	R(PTRACE_PEEKUSER),
	R(PTRACE_POKETEXT),
	R(PTRACE_POKEDATA),
	R(PTRACE_POKEUSER),
	R(PTRACE_CONT),
	R(PTRACE_KILL),
	R(PTRACE_SINGLESTEP),
	R(PTRACE_ATTACH),
	R(PTRACE_DETACH),
	R(PTRACE_SYSCALL),
	R(PTRACE_SETOPTIONS),
	R(PTRACE_GETEVENTMSG),
	R(PTRACE_GETSIGINFO),
	R(PTRACE_SETSIGINFO),
	R(PTRACE_GETREGSET),
	R(PTRACE_SETREGSET),
	R(PTRACE_SEIZE),
	R(PTRACE_INTERRUPT),
	R(PTRACE_LISTEN),
	R(PTRACE_PEEKSIGINFO),
	R(PTRACE_GETSIGMASK),
	R(PTRACE_SETSIGMASK),
	R(PTRACE_SECCOMP_GET_FILTER),
	R(PTRACE_SECCOMP_GET_METADATA),
	R(PTRACE_GET_SYSCALL_INFO),
	R(PTRACE_GET_RSEQ_CONFIGURATION),
#if defined(__x86_64__)
	R(PTRACE_GETREGS),
	R(PTRACE_SETREGS),
	R(PTRACE_GETFPREGS),
	R(PTRACE_SETFPREGS),
	R(PTRACE_GETFPXREGS),
	R(PTRACE_SETFPXREGS),
	R(PTRACE_GET_THREAD_AREA),
	R(PTRACE_SET_THREAD_AREA),
	R(PTRACE_ARCH_PRCTL),
	R(PTRACE_SYSEMU),
	R(PTRACE_SYSEMU_SINGLESTEP),
	R(PTRACE_SINGLEBLOCK),
#endif
#undef R
};

static const char *request_name(uint64_t request, char *buf, size_t size)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(requests); i++)
		if (requests[i].request == request)
			return requests[i].name;
	snprintf(buf, size, "PTRACE_%llu", (unsigned long long)request);
	return buf;
}

static bool is_ptrace(const struct wh_call *call)
{
	return call->row->arg[1] == WH_ARG_PID && call->row->arg[0] == WH_ARG_INT;
}

int wh_decode_target_ptrace_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	pid_t pid = (pid_t)call->arg[0];

	if (call->row->arg[0] == WH_ARG_FD) { /* pidfd_getfd() */
		find_pidfd(r, task, (int)call->arg[0]);
		return 0;
	}
	if (is_ptrace(call)) {
		if (call->arg[0] == PTRACE_TRACEME) {
			call->note[TARGET] = "self";
			return 0;
		}
		pid = (pid_t)call->arg[1];
	} else if (call->row->arg[1] == WH_ARG_PID) {
		/* kcmp() has two, of which one is mostly the caller. */
		find_target(r, task, pid);
		if (strcmp(call->note[TARGET], "self") == 0)
			find_target(r, task, (pid_t)call->arg[1]);
		return 0;
	}
	find_target(r, task, pid);
	return 0;
}

/* What a tracee may not do just because it is one. */
static int nested(struct wh_recorder *r, struct wh_task *task, const char *request)
{
	const struct wh_call *call = &task->call;
	bool begins = call->arg[0] == PTRACE_TRACEME || call->arg[0] == PTRACE_ATTACH ||
		      call->arg[0] == PTRACE_SEIZE;

	if (!is_ptrace(call) || !begins || !call->returned || call->err != EPERM ||
	    strcmp(call->note[TARGET], "outside") == 0)
		return 0;
	return wh_decode_fact_err(
		wh_record_gap(r, task, "nested-ptrace", "%s by %s", request,
			      task->process->program ? task->process->program : "?"));
}

int wh_decode_target_ptrace_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	char name[40];
	struct wh_ptrace key = {.target = call->note[TARGET], .peer = call->note[PEER]}, *fact;
	int k;

	if (!key.target)
		return 0;
	key.request =
		is_ptrace(call) ? request_name(call->arg[0], name, sizeof(name)) : call->row->name;
	k = wh_record_fact(r, task, WH_KIND_PTRACE, &key, true, &fact);
	if (k >= 0)
		k = wh_decode_fact_outcome(r, task, &fact->outcomes);
	if (k >= 0)
		k = nested(r, task, key.request);
	/* A descriptor that is taken from another process is judged like one that is received. */
	if (k >= 0 && call->row->arg[0] == WH_ARG_FD && call->returned && !call->err)
		k = wh_decode_fact_inherited(r, task, (int)call->ret);
	return wh_decode_fact_err(k);
}
