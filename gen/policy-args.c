// SPDX-License-Identifier: Apache-2.0
/*
 * Which arguments of an allowed call the filter accepts. Never fewer than were seen, and where it is not known what all was
 * seen, any: a list that was cut off makes no rule.
 */
#include "gen/args.h"
#include "gen/policy-internal.h"

/* What a filter compares of an argument that is a 32-bit one: callers may leave anything in the upper half. */
#define WHOLE 0xffffffffu
/* Beyond this a sentence is no longer read. */
#define NAMES_MOST 10

struct values {
	const struct wh_args_row *row;
	unsigned kept;	   /* which arguments there are values of */
	unsigned compared; /* which of them are asked for */
	uint32_t mask[WH_TUPLE_MAX];
	uint64_t (*v)[WH_TUPLE_MAX]; /* in the order of the kept arguments */
	size_t n, observed;	     /* those behind @observed need no fact */
};

/* Which argument is the @i-th of a set. */
static unsigned nth(unsigned set, unsigned i)
{
	for (; i; i--)
		set &= set - 1;
	return (unsigned)__builtin_ctz(set);
}

static bool append(struct wh_policy *p, struct values *values, const uint64_t *v, size_t n)
{
	uint64_t(*place)[WH_TUPLE_MAX] =
		wh_pool_append(&p->pool, &values->v, &values->n, sizeof(*place));

	if (!place)
		return false;
	memcpy(*place, v, n * sizeof(*v));
	return true;
}

/* Return: 1 when the fact's list is whole, 0 when no rule can be made of it. */
static int add_fact(struct wh_policy *p, struct values *values, const struct wh_syscall *fact,
		    struct wh_error *e)
{
	const struct wh_tuples *args = &fact->args;
	const char *indirect = values->row->indirect;

	/* A log that says what was refused does not say with which arguments. */
	if (fact->f.phases & WH_PHASE_AUDIT || args->overflow || args->args != values->kept ||
	    !args->n || (indirect && strcmp(indirect, fact->abi) == 0))
		return 0;
	for (size_t i = 0; i < args->n; i++) {
		if (!append(p, values, args->v[i], WH_TUPLE_MAX))
			return wh_error_oom(e);
	}
	return 1;
}

static int collect(struct wh_policy *p, const struct wh_policy_syscall *s, struct values *values,
		   struct wh_error *e)
{
	const struct wh_args_row *row = values->row;
	int r = 1;

	for (size_t i = 0; r > 0 && i < s->n_facts; i++)
		r = add_fact(p, values, s->facts[i], e);
	if (r > 0 && s->floor_fact)
		r = add_fact(p, values, s->floor_fact, e);
	values->observed = values->n;
	for (size_t i = 0; r > 0 && i < row->n_also; i++) {
		if (!append(p, values, row->also[i], WH_ARRAY_SIZE(row->also[i])))
			r = wh_error_oom(e);
	}
	return r;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static int by_rule(const void *a, const void *b)
{
	const struct wh_policy_args_rule *x = a, *y = b;

	for (size_t i = 0; i < x->n && i < y->n; i++) {
		if (x->arg[i].mask != y->arg[i].mask)
			return x->arg[i].mask < y->arg[i].mask ? -1 : 1;
		if (x->arg[i].value != y->arg[i].value)
			return x->arg[i].value < y->arg[i].value ? -1 : 1;
	}
	return 0;
}

static struct wh_policy_args_rule *add_rule(struct wh_policy *p, struct wh_policy_args *args)
{
	return wh_pool_append(&p->pool, &args->rules, &args->n_rules, sizeof(*args->rules));
}

/* A rule a tuple; between two the kernel's answer is one or the other, within one all must hold. */
static int make_values(struct wh_policy *p, const struct values *values,
		       struct wh_policy_args *args, struct wh_error *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < values->n; i++) {
		struct wh_policy_args_rule *rule = add_rule(p, args);

		if (!rule)
			return wh_error_oom(e);
		for (unsigned k = 0; k < (unsigned)__builtin_popcount(values->kept); k++) {
			unsigned index = nth(values->kept, k);

			if (!(values->compared & 1u << index))
				continue;
			rule->arg[rule->n++] = (struct wh_policy_args_test){
				index, values->mask[index],
				(uint32_t)values->v[i][k] & values->mask[index]};
		}
	}
	qsort(args->rules, args->n_rules, sizeof(*args->rules), by_rule);
	for (size_t i = 0; i < args->n_rules; i++) {
		if (!kept || by_rule(&args->rules[kept - 1], &args->rules[i]) != 0)
			args->rules[kept++] = args->rules[i];
	}
	args->n_rules = kept;
	return 0;
}

/* BITS and APART guard one argument. Return: the bits that are closed; 0 for none. */
static uint32_t closed_bits(const struct values *values, bool apart)
{
	unsigned index = (unsigned)__builtin_ctz(values->compared), k;
	uint32_t guarded = values->mask[index], seen = 0;

	k = (unsigned)__builtin_popcount(values->kept & ((1u << index) - 1));
	for (size_t i = 0; i < values->n; i++) {
		uint32_t bits = (uint32_t)values->v[i][k] & guarded;

		if (apart && bits == guarded)
			return 0;
		seen |= bits;
	}
	return apart ? guarded : guarded & ~seen;
}

static int make_bits(struct wh_policy *p, const struct values *values, uint32_t closed, bool apart,
		     struct wh_policy_args *args, struct wh_error *e)
{
	unsigned index = (unsigned)__builtin_ctz(values->compared);

	/* Not all at once: one of them is not there. */
	for (uint32_t left = closed; left; left &= left - 1) {
		struct wh_policy_args_rule *rule = add_rule(p, args);

		if (!rule)
			return wh_error_oom(e);
		rule->n = 1;
		rule->arg[0] =
			(struct wh_policy_args_test){index, apart ? left & -left : closed, 0};
		if (!apart)
			break;
	}
	return 0;
}

/* ---- in words -------------------------------------------------------------------------------- */

/* @v is in the order of the kept arguments; a name knows the first of them. */
static bool is_called(const struct values *values, const struct wh_args_name *name,
		      const uint64_t *v)
{
	for (unsigned k = 0; k < name->n; k++) {
		uint32_t mask = values->mask[nth(values->kept, k)];

		if (((uint32_t)v[k] & mask) != ((uint32_t)name->v[k] & mask))
			return false;
	}
	return true;
}

/* The longest that fits; NULL: it has no name. */
static const char *name_of(const struct values *values, const uint64_t *v)
{
	const struct wh_args_name *best = NULL;

	for (size_t i = 0; i < values->row->n_names; i++) {
		const struct wh_args_name *name = &values->row->names[i];

		if ((!best || name->n > best->n) && is_called(values, name, v))
			best = name;
	}
	return best ? best->name : NULL;
}

static bool has(const struct wh_buf *b, const char *what)
{
	size_t len = strlen(what);

	for (const char *at = b ? b->data : NULL; at && (at = strstr(at, what)); at += len) {
		if ((at == b->data || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

/* Once each, whatever the arguments that the name does not tell. */
static void say(struct wh_buf *b, const char *what, size_t *n)
{
	if (has(b, what))
		return;
	if (++*n > NAMES_MOST)
		return;
	wh_buf_addf(b, "%s%s", b->len ? ", " : "", what);
}

static void say_more(struct wh_buf *b, size_t n)
{
	if (n > NAMES_MOST)
		wh_buf_addf(b, " and %zu more", n - NAMES_MOST);
}

static void say_values(const struct values *values, size_t from, size_t to,
		       const struct wh_buf *said, struct wh_buf *b)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		const char *name = name_of(values, values->v[i]);
		wh_auto(buf) numbers = {0};

		for (unsigned k = 0; !name && k < (unsigned)__builtin_popcount(values->kept); k++) {
			if (values->compared & 1u << nth(values->kept, k))
				wh_buf_addf(&numbers, "%s%#x", numbers.len ? "/" : "",
					    (uint32_t)values->v[i][k]);
		}
		if (!name)
			name = numbers.data;
		if (name && !has(said, name))
			say(b, name, &n);
	}
	say_more(b, n);
}

/* Of what is guarded bit by bit the names are those of bits. */
static bool by_bits(const struct wh_args_row *row)
{
	return row->safe == WH_ARGS_BITS || row->safe == WH_ARGS_APART;
}

/* Whether a value with that name gets through. */
static bool is_open(const struct values *values, const struct wh_args_name *name)
{
	for (size_t i = 0; i < values->n; i++) {
		if (by_bits(values->row) ? (values->v[i][0] & name->v[0]) != 0
					 : is_called(values, name, values->v[i]))
			return true;
	}
	return false;
}

/* Whether the call knows of it at all: two that share names need not share them all. */
static bool concerns(const struct wh_args_row *row, const struct wh_args_name *name)
{
	uint32_t guarded = 0;

	for (unsigned i = 0; i < WH_TUPLE_MAX; i++)
		guarded |= row->mask[i];
	return !by_bits(row) || (guarded & name->v[0]);
}

static void say_closed(const struct values *values, struct wh_buf *b)
{
	const struct wh_args_row *row = values->row;
	size_t n = 0;

	for (size_t i = 0; i < row->n_names; i++) {
		const struct wh_args_name *name = &row->names[i];
		bool within = false;

		/* Of a family that is closed nobody asks for its types. */
		for (size_t j = 0; name->n > 1 && j < row->n_names; j++)
			within |= row->names[j].n < name->n && row->names[j].notable &&
				  row->names[j].v[0] == name->v[0] &&
				  !is_open(values, &row->names[j]);
		if (name->notable && !within && concerns(row, name) && !is_open(values, name))
			say(b, name->name, &n);
	}
	say_more(b, n);
}

static void say_bits(const struct wh_args_row *row, uint32_t bits, bool apart, struct wh_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < row->n_names; i++) {
		const struct wh_args_name *name = &row->names[i];

		if (!(name->v[0] & bits) || (!apart && !name->notable))
			continue;
		if (apart)
			wh_buf_addf(b, "%s%s", b->len ? " with " : "", name->name);
		else
			say(b, name->name, &n);
	}
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const char *taken(struct wh_policy *p, const struct wh_buf *b)
{
	return b->failed ? NULL : wh_pool_strdup(&p->pool, b->data ? b->data : "");
}

/* Return: 1 when there is something to ask for, else 0. */
static int make(struct wh_policy *p, const struct values *values, enum wh_args_kind kind,
		struct wh_policy_args *args, struct wh_error *e)
{
	bool apart = kind == WH_ARGS_APART;
	wh_auto(buf) only = {0}, also = {0}, closes = {0};
	int r;

	if (kind == WH_ARGS_VALUES) {
		r = make_values(p, values, args, e);
		say_values(values, 0, values->observed, NULL, &only);
		say_values(values, values->observed, values->n, &only, &also);
		say_closed(values, &closes);
	} else {
		uint32_t closed = closed_bits(values, apart);

		if (!closed)
			return 0;
		r = make_bits(p, values, closed, apart, args, e);
		say_bits(values->row, closed, apart, &closes);
	}
	if (r < 0)
		return r;
	args->only = taken(p, &only);
	args->also = taken(p, &also);
	args->closes = taken(p, &closes);
	args->also_reason = values->row->also_reason;
	args->reason = values->row->reason;
	return args->only && args->also && args->closes ? 1 : wh_error_oom(e);
}

static int judge(struct wh_policy *p, struct wh_policy_syscall *s, struct wh_error *e)
{
	const struct wh_syscall_row *call = wh_syscall_row(s->name);
	struct values values = {.row = wh_args_row(s->name)};
	bool strict = p->args == WH_POLICY_ARGS_STRICT;
	enum wh_args_kind kind;
	struct wh_policy_args *args;
	int r;

	if (!values.row || !call || s->error)
		return 0;
	kind = strict ? values.row->strict : values.row->safe;
	/* What is allowed without a fact may be called with anything, unless the table knows better. */
	if (kind == WH_ARGS_IGNORE ||
	    (s->origins & (WH_POLICY_IMPLIED | WH_POLICY_FLOOR) && !values.row->floor))
		return 0;
	values.kept = call->keep;
	values.compared = !strict && values.row->args ? values.row->args : call->keep;
	for (unsigned i = 0; i < WH_TUPLE_MAX; i++)
		values.mask[i] = !strict && values.row->mask[i] ? values.row->mask[i] : WHOLE;
	r = collect(p, s, &values, e);
	if (r <= 0 || !values.n)
		return r;
	args = wh_pool_alloc(&p->pool, sizeof(*args));
	if (!args)
		return wh_error_oom(e);
	r = make(p, &values, kind, args, e);
	if (r > 0)
		s->args = args;
	return r;
}

int wh_policy_args(struct wh_policy *p, struct wh_error *e)
{
	for (size_t i = 0; p->args != WH_POLICY_ARGS_NONE && i < p->n_syscalls; i++) {
		int r = judge(p, &p->syscalls[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

static const char *const words[] = {
	[WH_POLICY_ARGS_SAFE] = "safe",
	[WH_POLICY_ARGS_NONE] = "none",
	[WH_POLICY_ARGS_STRICT] = "strict",
};

const char *wh_policy_args_word(enum wh_policy_args_choice choice)
{
	return words[choice];
}

int wh_policy_args_choice(const char *word, enum wh_policy_args_choice *ret)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], word) == 0) {
			*ret = (enum wh_policy_args_choice)i;
			return 0;
		}
	}
	return -EINVAL;
}
