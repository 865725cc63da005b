/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive engine: tasks that are made and that execute. */
#include <linux/sched.h>

#include "tracer/adaptive.h"
#include "tracer/call.h"
#include "tracer/creds.h"
#include "tracer/path_impl.h"

struct wh_adaptive_task *wh_adaptive_state(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_adaptive_task *t = task->watch;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->loud = true;
	t->memory = ++wh_adaptive_of(r)->memories;
	task->watch = t;
	return t;
}

/* What @task's call returns is known, and no more is to be learnt of it: it need not be stopped at. */
static int leave_call(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		      int64_t result)
{
	const struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_EXIT,
						   .exit.rval = result};

	t->between = false;
	return wh_call_leave(r, task, &info);
}

/* Of clone3() that made a child, and no namespace, its return tells nothing. */
static bool birth_is_all(const struct wh_task *maker, const struct wh_adaptive_task *m)
{
	const uint64_t loud = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
			      CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWTIME |
			      CLONE_UNTRACED;
	const struct wh_call *call = &maker->call;

	return maker->in_call && call->name && strcmp(call->name, "clone3") == 0 &&
	       !(call->number[0] & loud) && !m->follow.in_register && !m->follow.in_memory &&
	       !call->n_needs;
}

int wh_adaptive_born(struct wh_recorder *r, struct wh_task *task, struct wh_task *maker)
{
	struct wh_adaptive_task *t = wh_adaptive_state(r, task),
				*m = maker ? wh_adaptive_state(r, maker) : NULL;

	if (!t || (maker && !m))
		return -ENOMEM;
	if (!m)
		return 0;
	/* Who makes others again and again is left alone: a filter of its own would narrow theirs. */
	m->heat = 0;
	/* Filters, program and sockets are those of who made it. */
	t->depth = m->depth;
	t->gate = m->gate;
	t->apart = m->apart;
	t->holds = m->holds;
	t->memory = m->memory;
	t->no = m->no;
	t->tells = t->listened = m->tells;
	t->maker = maker->tid;
	/* A filter that lets clone() pass asks for its flags: it makes no namespaces. */
	if (!m->loud && !maker->in_call) {
		wh_creds_get(r, maker);
		wh_creds_copy(task, maker);
	}
	/* Its flags lie in memory, which another thread can change: the child tells. */
	if (!m->loud && maker->in_call)
		wh_creds_inherit(r, task, maker);
	/* Asked once for all children. */
	if (wh_path_same_root(r, maker))
		task->root_known = maker->root_known;
	t->follow = m->follow;
	t->loud = m->loud || !wh_adaptive_fits(r, task, t);
	return !m->loud && birth_is_all(maker, m) ? leave_call(r, maker, m, task->tid) : 0;
}

/* @program counts as one that @m's children run; too many different ones, and it begins anew. */
static void count_child(struct wh_adaptive_task *m, const char *program)
{
	for (unsigned i = 0; i < m->n_children; i++)
		if (m->children[i] == program) {
			m->execs++;
			return;
		}
	if (m->n_children == WH_ADAPTIVE_CHILDREN)
		m->n_children = 0;
	m->children[m->n_children++] = program;
	m->execs = 0;
}

/* The program that it now runs is one that its maker's children run: time for the maker to provide? */
static void tell_maker(struct wh_recorder *r, const struct wh_task *task,
		       struct wh_adaptive_task *t)
{
	struct wh_task *maker = t->maker ? wh_task_find(r->tasks, t->maker) : NULL;
	struct wh_adaptive_task *m = maker ? maker->watch : NULL;

	t->maker = 0;
	t->n_children = 0;
	t->execs = 0;
	if (!m || m->no || wh_adaptive_unclear(t) || wh_adaptive_fits(r, task, t))
		return;
	count_child(m, task->process->program);
	/* It has to stop at an entry for that. */
	if (m->execs == WH_ADAPTIVE_EXECS && wh_code_read(r, task, &m->child) == 0)
		wh_adaptive_rouse(r, maker, m);
}

int wh_adaptive_executed(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_adaptive_task *t = wh_adaptive_state(r, task);

	if (!t)
		return -ENOMEM;
	t->memory = ++wh_adaptive_of(r)->memories;
	t->heat = 0;
	wh_adaptive_arrive(r, task, t);
	tell_maker(r, task, t);
	if (t->no != WH_ADAPTIVE_OWN_FILTER)
		t->no = WH_ADAPTIVE_MAY;
	t->loud = t->no || !wh_adaptive_fits(r, task, t);
	wh_adaptive_of(r)->provided += !t->loud;
	return t->loud ? 0 : leave_call(r, task, t, 0);
}
