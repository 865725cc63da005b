// SPDX-License-Identifier: Apache-2.0
#include "tracer/outside.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tracer/decode_impl.h"
#include "tracer/path_impl.h"
#include "tracer/procfs.h"

void wh_outside_put(struct wh_process *process, enum wh_outside way)
{
	process->outside = way;
	process->phase = WH_PHASE_RUNTIME;
	/* Whatever its parent was, if that is traced, too. */
	process->filtered = process->entering = false;
}

void wh_outside_inherit(struct wh_process *child, const struct wh_process *maker)
{
	child->phase = maker->phase;
	/* The init's next program is the entrypoint; its helpers' programs are not. */
	child->outside = maker->outside == WH_OUTSIDE_INIT ? WH_OUTSIDE_JOINING : maker->outside;
	child->filtered = maker->filtered;
}

static void look(void *data, const struct wh_process *process)
{
	*(bool *)data |= process->outside != WH_INSIDE;
}

bool wh_outside_may_be(const struct wh_recorder *r, const struct wh_task *task)
{
	bool any = false;
	pid_t tgid, ppid;

	if (task->process->outside || task->process->refs > 1)
		return false;
	wh_task_each_process(r->tasks, look, &any);
	return any && wh_procfs_ids(r->proc_fd, task->tid, &tgid, &ppid) == 0 &&
	       !wh_task_process(r->tasks, ppid);
}

static bool is_native(const struct __ptrace_syscall_info *info, uint64_t nr)
{
	return wh_syscall_abi_audit(info->arch, nr) == wh_syscall_abi_native();
}

/* Return: what the result is less than where it has loaded one; 0: it does not ask for that. */
static int64_t loads_filter(const struct __ptrace_syscall_info *info)
{
	uint64_t nr = info->entry.nr;

	if (!is_native(info, nr))
		return 0;
	if (nr == SYS_prctl && info->entry.args[0] == PR_SET_SECCOMP &&
	    info->entry.args[1] == SECCOMP_MODE_FILTER)
		return 1;
	if (nr != SYS_seccomp || info->entry.args[0] != SECCOMP_SET_MODE_FILTER)
		return 0;
	/* A descriptor; else, with SECCOMP_FILTER_FLAG_TSYNC, a thread that was in the way. */
	return info->entry.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER ? INT32_MAX : 1;
}

static bool executes(const struct __ptrace_syscall_info *info)
{
	uint64_t nr = info->entry.nr;

	return is_native(info, nr) && (nr == SYS_execve || nr == SYS_execveat);
}

void wh_outside_here(struct wh_recorder *r, pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	if (fstatat(r->proc_fd, path, &st, 0) == 0) {
		r->container_mnt_dev = st.st_dev;
		r->container_mnt_ino = st.st_ino;
	}
	snprintf(path, sizeof(path), "%d/root", (int)pid);
	if (wh_path_look(r->proc_fd, path, 0, &st) == 0)
		r->container_root = st.st_dev;
	/* Where it is gone already, nothing more comes of it. */
	wh_userns_read(r->proc_fd, pid, &r->home);
}

/* Where the container is, and so is whoever joins it. */
static bool is_in_container(const struct wh_recorder *r, pid_t tid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "%d/ns/mnt", (int)tid);
	return r->container_mnt_ino && fstatat(r->proc_fd, path, &st, 0) == 0 &&
	       st.st_dev == r->container_mnt_dev && st.st_ino == r->container_mnt_ino;
}

static int count_call(struct wh_recorder *r, struct wh_task *task,
		      const struct __ptrace_syscall_info *info)
{
	const struct wh_abi *abi = wh_syscall_abi_audit(info->arch, info->entry.nr);
	const char *name = abi ? wh_syscall_name(abi, info->entry.nr) : NULL;
	struct wh_syscall key = {.abi = abi ? abi->name : NULL, .name = name}, *fact;
	int k;

	if (!name)
		return wh_record_gap(r, task, "unknown-syscall", "number %llu of architecture 0x%x",
				     (unsigned long long)info->entry.nr, info->arch);
	k = wh_record_fact(r, task, WH_KIND_SYSCALL, &key, false, &fact);
	if (k == 1)
		fact->number = info->entry.nr;
	return wh_decode_fact_err(k);
}

int wh_outside_stop(struct wh_recorder *r, struct wh_task *task,
		    const struct __ptrace_syscall_info *info)
{
	struct wh_process *process = task->process;
	int k;

	if (info->op == PTRACE_SYSCALL_INFO_EXIT) {
		if (task->loads_filter && !info->exit.is_error && info->exit.rval >= 0 &&
		    info->exit.rval < task->loads_filter)
			process->filtered = true;
		task->loads_filter = 0;
		return 0;
	}
	if (info->op != PTRACE_SYSCALL_INFO_ENTRY)
		return 0;
	task->loads_filter = loads_filter(info);
	k = process->filtered ? count_call(r, task, info) : 0;
	if (k < 0 || !executes(info))
		return k;
	/* All is there by now that it is to be in, and the call itself is the container's already. */
	if (process->outside == WH_OUTSIDE_INIT)
		wh_outside_here(r, task->tid);
	process->entering = process->outside == WH_OUTSIDE_INIT || is_in_container(r, task->tid);
	return process->entering;
}

void wh_outside_entering(const struct wh_recorder *r, struct wh_task *task)
{
	task->process->entering = is_in_container(r, task->tid);
}

bool wh_outside_executed(struct wh_task *task)
{
	struct wh_process *process = task->process;
	bool main = process->outside == WH_OUTSIDE_INIT;

	if (!process->entering)
		return false;
	process->outside = WH_INSIDE;
	process->entering = process->filtered = false;
	process->phase = main ? 0 : WH_PHASE_EXEC;
	return true;
}
