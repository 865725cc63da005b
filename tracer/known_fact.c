/* SPDX-License-Identifier: Apache-2.0 */
/* Calls known by the fact that they make: it is there already, and of this program and phase. */
#include <sys/mman.h>

#include "tracer/decode_impl.h"
#include "tracer/known_impl.h"

/* All outcomes were successes. */
static bool only_ok(const struct wh_counts *outcomes)
{
	return outcomes->n == 1 && strcmp(outcomes->v[0].name, "ok") == 0;
}

static bool is_of(const struct wh_recorder *r, const struct wh_task *task, const struct wh_fact *f)
{
	return f->phases & r->phase && task->process->program &&
	       wh_trace_has_str(&f->programs, task->process->program);
}

/* To read a limit of one's own. */
static bool limit_is_known(struct wh_recorder *r, const struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	struct wh_rlimit key = {.change = "read"};
	const struct wh_rlimit *fact;

	if (strcmp(call->name, "prlimit64") != 0 || call->arg[0] || call->arg[2])
		return false;
	key.resource = wh_decode_limit_name(call->arg[1]);
	fact = key.resource ? wh_trace_find(r->trace, WH_KIND_RLIMIT, &key) : NULL;
	return fact && is_of(r, task, &fact->f) && only_ok(&fact->outcomes);
}

/* To map code of a file, as loaders do: into a place that they have made room for. */
static bool code_is_known(struct wh_recorder *r, const struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	const struct wh_place *place = &call->place[0];
	struct wh_file key = {.path = place->path, .access = WH_ACCESS_MMAP_EXEC};
	const struct wh_file *fact;

	if (strcmp(call->name, "mmap") != 0 || call->abi != wh_syscall_abi_native() ||
	    call->arg[2] != (PROT_READ | PROT_EXEC) || !(call->arg[3] & MAP_FIXED) ||
	    !place->resolved || !place->path)
		return false;
	fact = wh_trace_find(r->trace, WH_KIND_FILE, &key);
	return fact && is_of(r, task, &fact->f) && only_ok(&fact->outcomes) &&
	       wh_trace_has_str(&fact->syscalls, call->name);
}

int wh_known_by_fact(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	bool known = false;
	int k;

	if (!task->in_call || !call->row || !call->name || call->n_needs || !wh_known_may(r))
		return 0;
	if (call->row->irregular == WH_IRREGULAR_RLIMIT)
		known = limit_is_known(r, task);
	else if (call->row->irregular == WH_IRREGULAR_MMAP)
		known = code_is_known(r, task);
	if (!known)
		return 0;
	task->in_call = false;
	k = wh_decode_predicted(r, task, 0);
	return k < 0 ? k : 1;
}
