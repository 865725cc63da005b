// SPDX-License-Identifier: Apache-2.0
#include "tracer/gate.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define X32_BIT 0x40000000u

struct gate {
	struct sock_filter *v;
	unsigned n;
	bool too_long;
	uint32_t otherwise; /* the answer to what is not in the set */
};

static void emit(struct gate *g, struct sock_filter insn)
{
	if (g->n == BPF_MAXINSNS)
		g->too_long = true;
	else
		g->v[g->n++] = insn;
}

static void load(struct gate *g, size_t offset)
{
	emit(g, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct gate *g, uint32_t value)
{
	emit(g, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* Go on if the loaded word is @value, else @skip instructions further. */
static void must_be(struct gate *g, uint32_t value, unsigned skip)
{
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)skip));
}

/* One item: each word of each argument must be what it was, then the call passes. */
static void emit_item(struct gate *g, const struct wh_quiet_item *item)
{
	unsigned left = (unsigned)__builtin_popcount(item->args) * 4 +
			(unsigned)__builtin_popcount(item->high) * 2 + 1;
	size_t k = 0;

	for (unsigned i = 0; i < 6; i++) {
		size_t at = offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);

		if (item->high & 1u << i) {
			load(g, at + sizeof(uint32_t));
			emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0,
							     (uint8_t)(left -= 2), 0));
		}
		if (!(item->args & 1u << i))
			continue;
		/* The words of an argument lie as the machine has them: little-endian. */
		load(g, at);
		must_be(g, (uint32_t)item->value[k], left -= 2);
		load(g, at + sizeof(uint32_t));
		must_be(g, (uint32_t)(item->value[k] >> 32), left -= 2);
		k++;
	}
	answer(g, SECCOMP_RET_ALLOW);
}

/* All items from @from to before @to are of one number, which is loaded. */
static void emit_number(struct gate *g, const struct wh_quiet_set *set, size_t from, size_t to)
{
	/* Sorted: the item for all calls of a number is the first. */
	if (!set->v[from].args && !set->v[from].high) {
		answer(g, SECCOMP_RET_ALLOW);
		return;
	}
	for (size_t i = from; i < to; i++)
		emit_item(g, &set->v[i]);
	answer(g, g->otherwise);
}

/* The loaded number is in [@low, @high); its items, if it has any, lie in [@from, @to). */
static void emit_range(struct gate *g, const struct wh_quiet_set *set, size_t from, size_t to,
		       uint32_t low, uint32_t high)
{
	uint32_t first = from < to ? set->v[from].nr : high, middle;
	size_t half = (from + to) / 2;
	unsigned hole;

	if (first >= high) {
		answer(g, g->otherwise);
		return;
	}
	if (high - low == 1) {
		emit_number(g, set, from, to);
		return;
	}
	/* Cut between two numbers; where only one is left, around it. */
	middle = set->v[half].nr;
	while (half > from && set->v[half - 1].nr == middle)
		half--;
	if (middle == low) {
		middle++;
		while (half < to && set->v[half].nr < middle)
			half++;
	}
	/* A conditional jump reaches 255 instructions only: jump over a far one. */
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, middle, 0, 1));
	hole = g->n;
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0));
	emit_range(g, set, from, half, low, middle);
	if (!g->too_long)
		g->v[hole].k = g->n - hole - 1;
	emit_range(g, set, half, to, middle, high);
}

/* Numbers from X32_BIT on never come here with an item: the last range answers for them. */
static void emit_set(struct gate *g, const struct wh_quiet_set *set)
{
	load(g, offsetof(struct seccomp_data, nr));
	emit_range(g, set, 0, set->n, 0, X32_BIT);
}

/*
 * Jump if the call is made from [@start, @end), which has the same upper word all through.
 * Return: where the jump is, to be told its way later.
 */
static unsigned emit_piece(struct gate *g, uint64_t start, uint64_t end)
{
	size_t at = offsetof(struct seccomp_data, instruction_pointer);

	load(g, at + sizeof(uint32_t));
	must_be(g, (uint32_t)(start >> 32), 4);
	load(g, at);
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)start, 0, 2));
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(end - 1), 1, 0));
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0));
	return g->n - 1;
}

static void emit_by_code(struct gate *g, const struct wh_code *code,
			 const struct wh_quiet_set *inside, const struct wh_quiet_set *outside)
{
	unsigned hole[2 * WH_CODE_RANGES], n = 0;

	load(g, offsetof(struct seccomp_data, instruction_pointer) + sizeof(uint32_t));
	must_be(g, UINT32_MAX, 1);
	answer(g, g->otherwise);
	for (size_t i = 0; i < code->n; i++) {
		uint64_t start = code->v[i].start, end = code->v[i].end;

		/* A range this long is none of a few libraries'. */
		if (end - start > UINT32_MAX)
			g->too_long = true;
		if (start >> 32 != end >> 32) {
			hole[n++] = emit_piece(g, start, end >> 32 << 32);
			start = end >> 32 << 32;
		}
		hole[n++] = emit_piece(g, start, end + 1);
	}
	emit_set(g, outside);
	for (unsigned i = 0; i < n && !g->too_long; i++)
		g->v[hole[i]].k = g->n - hole[i] - 1;
	emit_set(g, inside);
}

/* Return: 0 with the gate's memory, which end() gives on or frees. */
static int begin(struct gate *g, uint32_t foreign)
{
	if (wh_syscall_abi_native()->audit != AUDIT_ARCH_X86_64)
		return -ENOTSUP;
	g->v = calloc(BPF_MAXINSNS, sizeof(*g->v));
	if (!g->v)
		return -ENOMEM;
	load(g, offsetof(struct seccomp_data, arch));
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	answer(g, foreign);
	return 0;
}

static int end(struct gate *g, struct sock_fprog *ret_filter)
{
	if (g->too_long) {
		free(g->v);
		return -E2BIG;
	}
	*ret_filter = (struct sock_fprog){.len = (unsigned short)g->n, .filter = g->v};
	return 0;
}

static int compile(const struct wh_code *code, const struct wh_quiet_set *inside,
		   const struct wh_quiet_set *outside, uint16_t data, struct sock_fprog *ret_filter)
{
	struct gate g = {.otherwise = SECCOMP_RET_TRACE | data};
	int err = begin(&g, g.otherwise);

	if (err < 0)
		return err;
	if (code)
		emit_by_code(&g, code, inside, outside);
	else
		emit_set(&g, outside);
	return end(&g, ret_filter);
}

int wh_gate_compile(const struct wh_quiet_set *set, uint16_t data, struct sock_fprog *ret_filter)
{
	return compile(NULL, NULL, set, data, ret_filter);
}

int wh_gate_compile_by_code(const struct wh_code *code, const struct wh_quiet_set *inside,
			    const struct wh_quiet_set *outside, uint16_t data,
			    struct sock_fprog *ret_filter)
{
	return compile(code, inside, outside, data, ret_filter);
}

/* ---- calls that are told of ------------------------------------------------------------------ */

static void emit_exceptions(struct gate *g, uint16_t nr, const struct wh_quiet_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i].nr != nr)
			continue;
		if (set->v[i].args || set->v[i].high)
			emit_item(g, &set->v[i]);
		else
			answer(g, SECCOMP_RET_ALLOW);
	}
}

static void emit_told(struct gate *g, const struct wh_gate_told *told,
		      const struct wh_quiet_set *inside, const struct wh_quiet_set *outside,
		      uint16_t data)
{
	unsigned hole;

	load(g, offsetof(struct seccomp_data, nr));
	/* A conditional jump reaches 255 instructions only: jump over a far one. */
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, told->nr, 1, 0));
	hole = g->n;
	emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0));
	emit_exceptions(g, told->nr, inside);
	emit_exceptions(g, told->nr, outside);
	if (told->flags >= 0) {
		/* The low word: flags are an int. */
		load(g,
		     offsetof(struct seccomp_data, args) + (size_t)told->flags * sizeof(uint64_t));
		emit(g, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, told->stop, 0, 1));
		answer(g, SECCOMP_RET_TRACE | data);
	}
	answer(g, SECCOMP_RET_USER_NOTIF);
	if (!g->too_long)
		g->v[hole].k = g->n - hole - 1;
}

int wh_gate_compile_told(const struct wh_gate_told *told, size_t n,
			 const struct wh_quiet_set *inside, const struct wh_quiet_set *outside,
			 uint16_t data, struct sock_fprog *ret_filter)
{
	struct gate g = {0};
	int err = begin(&g, SECCOMP_RET_ALLOW);

	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		emit_told(&g, &told[i], inside, outside, data);
	answer(&g, SECCOMP_RET_ALLOW);
	return end(&g, ret_filter);
}
