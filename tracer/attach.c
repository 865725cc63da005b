// SPDX-License-Identifier: Apache-2.0
#include "tracer/attach.h"

#include "tracer/decode.h"
#include "tracer/outside.h"
#include "tracer/procfs.h"
#include "tracer/runinfo.h"
#include "tracer/seize.h"

struct found {
	struct wh_recorder *r;
	pid_t main;
	int err;
};

/* What was executed in a container beside its own processes has a parent outside. */
static void tell_phase(struct found *f, struct wh_process *process)
{
	pid_t tgid, ppid;

	if (process->tgid != f->main && f->r->container_mnt_ino &&
	    wh_procfs_ids(f->r->proc_fd, process->tgid, &tgid, &ppid) == 0 &&
	    !wh_task_process(f->r->tasks, ppid))
		process->phase = WH_PHASE_EXEC;
}

/* Of each process once, by whichever of its threads comes first. */
static void find(void *data, struct wh_task *task)
{
	struct found *f = data;

	if (f->err < 0 || task->process->executed)
		return;
	task->process->executed = true;
	task->process->knows_caps = true;
	tell_phase(f, task->process);
	f->err = wh_decode_found(f->r, task);
}

static void find_connections(void *data, struct wh_task *task)
{
	struct found *f = data;

	/* By its leader; by all, if that has ended before the others. */
	if (f->err == 0 &&
	    (task->tid == task->process->tgid || !wh_task_find(f->r->tasks, task->process->tgid)))
		f->err = wh_decode_found_connections(f->r, task);
}

struct search {
	pid_t tgid;
	struct wh_task *found;
};

static void is_it(void *data, struct wh_task *task)
{
	struct search *s = data;

	if (task->process->tgid == s->tgid && (!s->found || task->tid == s->tgid))
		s->found = task;
}

/* The leader, or if that has ended before the others, one of them. */
static struct wh_task *any_task(struct wh_recorder *r, pid_t pid)
{
	struct search s = {.tgid = pid};

	wh_task_each(r->tasks, is_it, &s);
	return s.found;
}

static int tell_run(struct wh_recorder *r, pid_t pid, struct wh_run *run)
{
	struct wh_task *task = any_task(r, pid);
	const char *program = task ? task->process->program : NULL;
	int err = task ? wh_runinfo_entry(r, task, run) : 0;

	return err < 0 ? err
		       : wh_record_gap(r, task, "attached", "%s", program ? program : run->name);
}

int wh_attach_begin(struct wh_recorder *r, const struct wh_record_attach *attach,
		    unsigned long options, struct wh_run *run, struct wh_members *members,
		    struct wh_error *e)
{
	struct found found = {.r = r, .main = attach->pid};
	int err = 0;

	if (attach->container && wh_runinfo_container(r, attach->container, run) < 0)
		err = wh_error_oom(e);
	if (err == 0)
		err = wh_seize_tree(r, members, attach->pid, options, e);
	if (err < 0)
		return err;
	r->phase = WH_PHASE_FOUND;
	wh_outside_here(r, attach->pid);
	wh_task_each(r->tasks, find, &found);
	wh_task_each(r->tasks, find_connections, &found);
	err = found.err < 0 ? found.err : tell_run(r, attach->pid, run);
	r->phase = r->service_phase = WH_PHASE_SERVING;
	return err == -ENOMEM ? wh_error_oom(e) : 0;
}
