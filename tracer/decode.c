/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/decode_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <sys/prctl.h>

#include "tracer/caprule.h"
#include "tracer/executable.h"
#include "tracer/known.h"

#define NUMBERS	    1024 /* of the numbers below this, what is known is kept ready */
#define X32_BIT	    0x40000000u
#define ABIS_MAX    8
#define TUPLES_KEPT 4

/* The kernel's own codes: the call is not over, it will be entered again or go on as another. */
#define RESTART_MIN 512
#define RESTART_MAX 516

/* ---- what is known of a number --------------------------------------------------------------- */

/*
 * A stop for a call without further facts must cost next to nothing, so everything that its name
 * leads to is looked up once.
 */
struct entry {
	bool ready, plain; /* plain: counting is all there is to do */
	const char *name;
	const struct wh_syscall_row *row;
	const struct wh_decode_ops *ops;
	struct wh_syscall *fact; /* NULL while there is none, or the trace is full */
	const char *program;	 /* who did it last, and when: nothing to add if it is the same */
	unsigned phases;
	unsigned next_tuple, n_tuples;
	uint64_t tuple[TUPLES_KEPT][WH_TUPLE_MAX];
};

struct wh_decode_memory {
	struct entry *table[ABIS_MAX];
	struct wh_decode_seen *seen;
	struct wh_executables *executables;
};

struct wh_decode_memory *wh_decode_new(void)
{
	struct wh_decode_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->seen = wh_decode_fact_new();
	m->executables = wh_executables_new();
	if (!m->seen || !m->executables)
		wh_decode_free(wh_take(m));
	return m;
}

void wh_decode_free(struct wh_decode_memory *memory)
{
	if (!memory)
		return;
	for (size_t i = 0; i < ABIS_MAX; i++)
		free(memory->table[i]);
	wh_decode_fact_free(memory->seen);
	wh_executables_free(memory->executables);
	free(memory);
}

struct wh_decode_seen *wh_decode_seen(struct wh_recorder *r)
{
	return r->decode->seen;
}

struct wh_executables *wh_decode_executables(struct wh_recorder *r)
{
	return r->decode->executables;
}

/* Calls after which the tracer's copy of the task's credentials is worth nothing. */
static bool changes_creds(const struct wh_call *call)
{
	switch (call->row->irregular) {
	case WH_IRREGULAR_CREDS:
		return true;
	case WH_IRREGULAR_PRCTL: /* the bounding and ambient sets, no_new_privs, securebits */
		return call->arg[0] == PR_CAPBSET_DROP || call->arg[0] == PR_CAP_AMBIENT ||
		       call->arg[0] == PR_SET_NO_NEW_PRIVS || call->arg[0] == PR_SET_SECUREBITS ||
		       call->arg[0] == PR_SET_KEEPCAPS;
	case WH_IRREGULAR_NAMESPACE: /* into a user namespace with all capabilities there */
		return call->number[0] & CLONE_NEWUSER;
	default:
		return false;
	}
}

bool wh_decode_is_plain(const struct wh_syscall_row *row)
{
	const struct wh_decode_ops *ops = &wh_decode_table[row->irregular];

	if (ops->enter || ops->exit || row->cap || row->access != WH_ACCESSES ||
	    row->irregular == WH_IRREGULAR_CREDS)
		return false;
	for (size_t i = 0; i < 6; i++)
		if (row->arg[i] == WH_ARG_PATH || row->arg[i] == WH_ARG_PATH_NOFOLLOW)
			return false;
	return true;
}

static void entry_fill(struct entry *e, const struct wh_abi *abi, uint64_t nr)
{
	static const struct wh_decode_ops nothing;

	e->ready = true;
	e->name = wh_syscall_name(abi, nr);
	e->row = e->name ? wh_syscall_row(e->name) : NULL;
	e->ops = e->row ? &wh_decode_table[e->row->irregular] : &nothing;
	e->plain = !e->row || wh_decode_is_plain(e->row);
}

/* Return: the entry of a number, NULL for one out of the table's range (or without memory). */
static struct entry *entry_get(struct wh_recorder *r, const struct wh_abi *abi, uint64_t nr)
{
	size_t n_abis;
	const struct wh_abi *abis = wh_syscall_abis(&n_abis);
	size_t index = (size_t)(abi - abis);
	uint64_t low = nr & ~(uint64_t)X32_BIT;
	struct entry *e;

	if (index >= n_abis || index >= ABIS_MAX || low >= NUMBERS)
		return NULL;
	if (!r->decode->table[index])
		r->decode->table[index] = calloc(NUMBERS, sizeof(struct entry));
	if (!r->decode->table[index])
		return NULL;
	e = &r->decode->table[index][low];
	if (!e->ready)
		entry_fill(e, abi, nr);
	return e;
}

const struct wh_syscall *wh_decode_known(struct wh_recorder *r, const struct wh_abi *abi,
					 uint64_t nr)
{
	const struct entry *e = entry_get(r, abi, nr);

	return e ? e->fact : NULL;
}

/* ---- counting -------------------------------------------------------------------------------- */

void wh_decode_again(struct wh_recorder *r, uint64_t nr)
{
	struct entry *e = entry_get(r, wh_syscall_abi_native(), nr);

	if (e && e->fact)
		e->fact->f.count++;
}

static bool tuple_known(struct entry *e, const uint64_t *arg)
{
	for (unsigned i = 0; i < e->n_tuples; i++) {
		bool same = true;

		for (unsigned k = 0; k < 6; k++)
			if (e->row->keep & 1u << k && e->tuple[i][k] != arg[k])
				same = false;
		if (same)
			return true;
	}
	memcpy(e->tuple[e->next_tuple], arg, sizeof(e->tuple[0]));
	e->next_tuple = (e->next_tuple + 1) % TUPLES_KEPT;
	if (e->n_tuples < TUPLES_KEPT)
		e->n_tuples++;
	return false;
}

static int count_tuple(struct wh_recorder *r, struct wh_task *task, struct entry *e)
{
	uint64_t values[WH_TUPLE_MAX] = {0};
	size_t n = 0;
	int k;

	if (!e->row || !e->row->keep || !e->fact || tuple_known(e, task->call.arg))
		return 0;
	for (unsigned i = 0; i < 6; i++)
		if (e->row->keep & 1u << i)
			values[n++] = task->call.arg[i];
	k = wh_trace_add_tuple(r->trace, &e->fact->args, e->row->keep, values);
	if (k == 1)
		r->news++;
	return wh_decode_fact_err(k);
}

static int count_entry(struct wh_recorder *r, struct wh_task *task, struct entry *e)
{
	const struct wh_call *call = &task->call;
	struct wh_syscall key = {.abi = call->abi->name, .name = call->name};
	struct wh_syscall *fact;
	int k;

	if (e->fact && e->program == task->process->program && (e->phases & r->phase)) {
		e->fact->f.count++;
		return count_tuple(r, task, e);
	}
	k = wh_record_fact(r, task, WH_KIND_SYSCALL, &key, true, &fact);
	if (k < 0)
		return wh_decode_fact_err(k);
	fact->number = call->nr;
	e->fact = fact;
	e->program = task->process->program;
	e->phases = r->phase;
	return count_tuple(r, task, e);
}

/* A number that no table knows: it is recorded by its number, and said to be unknown. */
static int count_unknown(struct wh_recorder *r, struct wh_task *task, struct entry *e)
{
	struct wh_call *call = &task->call;
	char name[40];
	int k;

	snprintf(name, sizeof(name), "syscall_%" PRIu64, call->nr);
	call->name = wh_trace_intern(r->trace, name);
	if (!call->name) {
		call->name = "syscall_?";
		return -ENOMEM;
	}
	if (e->ready)
		e->name = call->name;
	k = wh_record_gap(r, task, "unknown-syscall", "%s %" PRIu64, call->abi->name, call->nr);
	return k == -ENOMEM ? k : count_entry(r, task, e);
}

/* ---- the entry points ------------------------------------------------------------------------ */

void wh_decode_reset(struct wh_call *call)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(call->place); i++)
		if (call->place[i].valid || call->place[i].asked)
			wh_path_clear(&call->place[i]);
	free(wh_take(call->text));
	wh_caprule_reset(call);
	call->addr_len = 0;
	call->detail = 0;
	memset(call->number, 0, sizeof(call->number));
	memset(call->note, 0, sizeof(call->note));
	call->returned = false;
	call->ret = 0;
	call->err = 0;
}

static int enter_row(struct wh_recorder *r, struct wh_task *task, const struct wh_decode_ops *ops)
{
	int k = 0;

	if (!ops->own_places)
		k = wh_decode_columns(r, task);
	if (k == 0 && ops->enter)
		k = ops->enter(r, task);
	/* A multiplexer has become another call by now: then the rule is that one's. */
	if (k == 0 && task->call.row && task->call.row->cap)
		k = wh_caprule_enter(r, task);
	return k;
}

int wh_decode_become(struct wh_recorder *r, struct wh_task *task, const char *name,
		     const uint64_t arg[6])
{
	struct wh_call *call = &task->call;
	const struct wh_syscall_row *row = wh_syscall_row(name);
	const struct wh_decode_ops *ops;

	if (!row)
		return 0;
	/* The name stays: it is the outer call that facts are by, and that a filter can see. */
	call->row = row;
	memcpy(call->arg, arg, sizeof(call->arg));
	ops = &wh_decode_table[row->irregular];
	if (!ops->own_places) {
		int k = wh_decode_columns(r, task);

		if (k < 0)
			return k;
	}
	return ops->enter ? ops->enter(r, task) : 0;
}

int wh_decode_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	struct entry *e = entry_get(r, call->abi, call->nr), far = {0};
	int k;

	wh_decode_reset(call);
	if (!e) {
		entry_fill(&far, call->abi, call->nr);
		e = &far;
	}
	call->row = e->row;
	call->name = e->name;
	if (!e->name || !e->row)
		return e->name && !e->row && !wh_util_has_prefix(e->name, "syscall_")
			       ? count_entry(r, task, e)
			       : count_unknown(r, task, e);
	k = count_entry(r, task, e);
	if (k < 0 || e->plain)
		return k;
	return enter_row(r, task, e->ops);
}

static int count_error(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	struct entry *e = entry_get(r, call->abi, call->nr);
	struct wh_syscall *fact = e ? e->fact : NULL;

	if (!fact) {
		struct wh_syscall key = {.abi = call->abi->name, .name = call->name};

		/* The cast gives back what put has handed out. */
		fact = (struct wh_syscall *)(uintptr_t)wh_trace_find(r->trace, WH_KIND_SYSCALL,
								     &key);
	}
	if (!fact)
		return 0;
	return wh_decode_fact_err(
		wh_trace_add_count(r->trace, &fact->errors, wh_util_errno_name(call->err), 1));
}

static int exit_row(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	const struct wh_decode_ops *ops = &wh_decode_table[call->row->irregular];
	int k = 0;

	if (ops->exit)
		return ops->exit(r, task);
	if (call->row->access == WH_ACCESSES)
		return 0;
	for (size_t i = 0; i < WH_ARRAY_SIZE(call->place) && k == 0; i++)
		k = wh_decode_fact_file(
			r, task, &call->place[i], call->row->access,
			!call->err && call->row->access == WH_ACCESS_MKDIR ? "dir" : NULL, NULL);
	return k;
}

int wh_decode_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	struct entry *e;
	int k = 0;

	call->returned = !(call->err >= RESTART_MIN && call->err <= RESTART_MAX);
	if (call->returned && call->err)
		k = count_error(r, task);
	e = entry_get(r, call->abi, call->nr);
	if (k < 0 || !call->row || (e && e->plain))
		return k;
	k = exit_row(r, task);
	if (k == 0 && call->returned && call->row->cap)
		k = wh_caprule_exit(r, task);
	if (k == 0)
		k = wh_known_learn(r, task);
	if (changes_creds(call))
		wh_creds_forget(task);
	if (call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_SET_SECUREBITS)
		r->securebits = true;
	wh_decode_reset(call);
	return k;
}

int wh_decode_predicted(struct wh_recorder *r, struct wh_task *task, int err)
{
	struct wh_call *call = &task->call;
	int k = 0;

	call->returned = true;
	call->err = err;
	/* An open leads where its path does. */
	if (call->row->irregular == WH_IRREGULAR_OPEN)
		call->detail = 1;
	if (err)
		k = count_error(r, task);
	if (k == 0)
		k = exit_row(r, task);
	wh_decode_reset(call);
	return k;
}

int wh_decode_lost(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	int k;

	call->returned = false;
	if (!call->row)
		return 0;
	k = exit_row(r, task);
	if (k == 0 && wh_decode_table[call->row->irregular].result)
		k = wh_decode_fact_err(
			wh_record_gap(r, task, "lost-exit", "%s by %s", call->name,
				      task->process->program ? task->process->program : "?"));
	wh_decode_reset(call);
	return k;
}
