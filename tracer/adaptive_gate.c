/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive engine: what the filters of a thread let pass, and whether that could be news. */
#include "tracer/adaptive.h"
#include "tracer/decode.h"

bool wh_adaptive_seen(struct wh_recorder *r, const char *program, uint16_t nr)
{
	const struct wh_syscall *fact = wh_decode_known(r, wh_syscall_abi_native(), nr);

	if (!fact || !(fact->f.phases & r->phase))
		return false;
	/* Interned: the same text is the same pointer. */
	for (size_t i = 0; i < fact->f.programs.n; i++)
		if (fact->f.programs.v[i] == program)
			return true;
	return false;
}

bool wh_adaptive_holds(struct wh_recorder *r, const struct wh_task *task,
		       const struct wh_adaptive_task *t, const struct wh_quiet_item *item)
{
	unsigned asked = item->conditions & ~(unsigned)WH_QUIET_IF_MEMORY;

	if ((asked & t->holds) != asked ||
	    (item->conditions & WH_QUIET_IF_MEMORY && item->memory != t->memory))
		return false;
	return wh_adaptive_seen(r, task->process->program, item->nr);
}

bool wh_adaptive_unclear(const struct wh_adaptive_task *t)
{
	const struct wh_adaptive_gate *gate = t->gate;

	return gate && gate->home && (gate->home == t->memory ? gate->spoiled : !t->apart);
}

bool wh_adaptive_fits(struct wh_recorder *r, const struct wh_task *task,
		      const struct wh_adaptive_task *t)
{
	const struct wh_adaptive_gate *gate = t->gate;
	const struct wh_quiet_set *set;

	if (!gate || wh_adaptive_unclear(t))
		return false;
	set = gate->home && gate->home == t->memory ? &gate->inside : &gate->outside;
	for (size_t i = 0; i < set->n; i++)
		if (!wh_adaptive_holds(r, task, t, &set->v[i]))
			return false;
	return set->n;
}

/* ---- one filter on top of others ------------------------------------------------------------- */

void wh_adaptive_gate_free(struct wh_adaptive_gate *gate)
{
	if (!gate)
		return;
	wh_quiet_clear(&gate->inside);
	wh_quiet_clear(&gate->outside);
	free(gate);
}

int wh_adaptive_compose(const struct wh_adaptive_gate *below, struct wh_adaptive_gate *wanted,
			struct wh_adaptive_gate **ret_gate)
{
	struct wh_adaptive_gate *gate;
	int k = 0;

	*ret_gate = NULL;
	/* Two programs' code: there would be four sets, and more with each further filter. */
	if (below && below->home && wanted->home && (below->home != wanted->home || below->spoiled))
		return 0;
	gate = calloc(1, sizeof(*gate));
	if (!gate)
		return -ENOMEM;
	*gate = *wanted;
	wanted->inside = wanted->outside = (struct wh_quiet_set){0};
	if (below) {
		struct wh_quiet_set in = gate->inside, out = gate->outside;

		gate->inside = gate->outside = (struct wh_quiet_set){0};
		if (below->home) {
			gate->home = below->home;
			gate->code = below->code;
			gate->spoiled = below->spoiled;
		}
		k = wh_quiet_both(&gate->outside, &below->outside, &out);
		if (k == 0 && gate->home)
			k = wh_quiet_both(&gate->inside,
					  below->home ? &below->inside : &below->outside,
					  wanted->home ? &in : &out);
		wh_quiet_clear(&in);
		wh_quiet_clear(&out);
	}
	if (k < 0) {
		wh_adaptive_gate_free(gate);
		return k;
	}
	*ret_gate = gate;
	return 1;
}

/* ---- where code is --------------------------------------------------------------------------- */

static bool is_apart(struct wh_recorder *r, const struct wh_task *task,
		     const struct wh_adaptive_task *t)
{
	struct wh_code code;

	return wh_code_read(r, task, &code) == 0 && wh_code_apart(&t->gate->code, &code);
}

void wh_adaptive_arrive(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	t->moves = false;
	t->apart =
		t->gate && t->gate->home && !wh_adaptive_of(r)->no_by_code && is_apart(r, task, t);
}

struct change {
	struct wh_recorder *r;
	const struct wh_task *task; /* who makes the call */
	uint64_t memory;
	bool known, everywhere;
	struct wh_code_range range; /* if @known */
};

static void visit_change(void *data, struct wh_task *task)
{
	struct change *c = data;
	struct wh_adaptive_task *t = task->watch;
	const struct wh_adaptive_gate *gate = t ? t->gate : NULL;

	if (!gate || !gate->home || (!c->everywhere && t->memory != c->memory))
		return;
	if (gate->home != t->memory) {
		if (c->known && !wh_code_overlaps(&gate->code, c->range.start, c->range.end))
			return;
		t->apart = false;
	}
	if (!t->loud && !wh_adaptive_fits(c->r, task, t))
		wh_adaptive_rouse(c->r, task, t);
}

bool wh_adaptive_code_entered(struct wh_recorder *r, struct wh_task *task,
			      struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct change c = {.r = r, .task = task, .memory = t->memory};
	enum wh_code_change change = wh_code_call(&task->call, &c.range);

	if (change == WH_CODE_STAYS)
		return false;
	/* It stays so across fork and execve. */
	if (strcmp(task->call.row->name, "personality") == 0)
		a->no_by_code = c.everywhere = true;
	c.known = change == WH_CODE_COMES;
	if (!a->by_code)
		return false;
	for (size_t i = 0; i < a->n_gates; i++)
		if (a->gates[i]->home == t->memory || c.everywhere)
			a->gates[i]->spoiled = true;
	wh_task_each(r->tasks, visit_change, &c);
	t->moves = !c.known && t->gate && t->gate->home && t->gate->home != t->memory;
	return t->moves;
}

void wh_adaptive_code_left(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	if (!t->moves)
		return;
	wh_adaptive_arrive(r, task, t);
	/* Its other threads, if there are any, have to get hot to find out. */
	if (wh_adaptive_fits(r, task, t))
		t->loud = false;
}

struct neighbours {
	const struct wh_task *task;
	uint64_t memory;
	bool any;
};

/* Another thread that moves code about right now, or may do so without a stop. */
static void visit_neighbour(void *data, struct wh_task *task)
{
	struct neighbours *n = data;
	const struct wh_adaptive_task *t = task->watch;
	struct wh_code_range range;

	if (task == n->task || !t || t->memory != n->memory)
		return;
	if ((!t->loud && t->gate && t->gate->home != t->memory) ||
	    (task->in_call && wh_code_call(&task->call, &range) != WH_CODE_STAYS))
		n->any = true;
}

bool wh_adaptive_home(struct wh_recorder *r, struct wh_task *task, const struct wh_adaptive_task *t,
		      struct wh_code *ret_code)
{
	struct neighbours n = {.task = task, .memory = t->memory};
	struct wh_code_range range;

	if (wh_adaptive_of(r)->no_by_code || wh_code_call(&task->call, &range) != WH_CODE_STAYS)
		return false;
	wh_task_each(r->tasks, visit_neighbour, &n);
	return !n.any && wh_code_read(r, task, ret_code) == 0;
}
