// SPDX-License-Identifier: Apache-2.0
#include "judge/simulate.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#include "gen/args.h"

struct machine {
	uint32_t a, x, mem[BPF_MEMWORDS];
	const uint32_t *data; /* struct seccomp_data in words */
};

static int refuse(size_t pc, const char *why, struct wh_error *e)
{
	return wh_error_set(e, EINVAL, "instruction %zu: %s", pc, why);
}

static int load(struct machine *m, const struct sock_filter *i, size_t pc, struct wh_error *e)
{
	uint32_t *to = BPF_CLASS(i->code) == BPF_LD ? &m->a : &m->x;

	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (i->k % 4 || i->k >= sizeof(struct seccomp_data))
			return refuse(pc, "a load from outside of struct seccomp_data", e);
		m->a = m->data[i->k / 4];
		return 0;
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
		*to = sizeof(struct seccomp_data);
		return 0;
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
		*to = i->k;
		return 0;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return refuse(pc, "a load from outside of the scratch memory", e);
		*to = m->mem[i->k];
		return 0;
	default:
		return refuse(pc, "a load that seccomp does not know", e);
	}
}

static int compute(struct machine *m, const struct sock_filter *i, size_t pc, struct wh_error *e)
{
	uint32_t operand = BPF_SRC(i->code) == BPF_X ? m->x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		m->a += operand;
		return 0;
	case BPF_SUB:
		m->a -= operand;
		return 0;
	case BPF_MUL:
		m->a *= operand;
		return 0;
	case BPF_DIV:
		if (!operand)
			return refuse(pc, "division by zero", e);
		m->a /= operand;
		return 0;
	case BPF_AND:
		m->a &= operand;
		return 0;
	case BPF_OR:
		m->a |= operand;
		return 0;
	case BPF_XOR:
		m->a ^= operand;
		return 0;
	case BPF_LSH:
		m->a = operand < 32 ? m->a << operand : 0;
		return 0;
	case BPF_RSH:
		m->a = operand < 32 ? m->a >> operand : 0;
		return 0;
	case BPF_NEG:
		m->a = -m->a;
		return 0;
	default:
		return refuse(pc, "arithmetic that seccomp does not know", e);
	}
}

/* Return: how far to go beyond the next instruction, or -EINVAL. */
static int64_t jump(const struct machine *m, const struct sock_filter *i, size_t pc,
		    struct wh_error *e)
{
	uint32_t operand = BPF_SRC(i->code) == BPF_X ? m->x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return i->k;
	case BPF_JEQ:
		return m->a == operand ? i->jt : i->jf;
	case BPF_JGT:
		return m->a > operand ? i->jt : i->jf;
	case BPF_JGE:
		return m->a >= operand ? i->jt : i->jf;
	case BPF_JSET:
		return m->a & operand ? i->jt : i->jf;
	default:
		return refuse(pc, "a jump that seccomp does not know", e);
	}
}

/* One instruction that is no return. Jumps go forward only, so that every program ends. */
static int step(struct machine *m, const struct sock_filter *i, size_t *pc, struct wh_error *e)
{
	int64_t to;

	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load(m, i, *pc, e);
	case BPF_ST:
	case BPF_STX:
		if (i->k >= BPF_MEMWORDS)
			return refuse(*pc, "a store outside of the scratch memory", e);
		m->mem[i->k] = BPF_CLASS(i->code) == BPF_ST ? m->a : m->x;
		return 0;
	case BPF_ALU:
		return compute(m, i, *pc, e);
	case BPF_JMP:
		to = jump(m, i, *pc, e);
		if (to < 0)
			return (int)to;
		*pc += (size_t)to;
		return 0;
	default: /* BPF_MISC */
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return 0;
	}
}

int wh_simulate_run(const struct wh_filter_program *program, const struct wh_abi *abi, uint64_t nr,
		    const uint64_t arg[6], uint32_t *ret_action, struct wh_error *e)
{
	struct seccomp_data data = {.arch = abi->audit};
	uint32_t words[sizeof(data) / 4];
	struct machine m = {.data = words};

	if (nr > INT32_MAX)
		return wh_error_set(e, ERANGE, "there is no system call %llu",
				    (unsigned long long)nr);
	data.nr = (int)nr;
	if (abi->scmp == SCMP_ARCH_X32)
		data.nr |= 0x40000000;
	for (size_t i = 0; i < 6; i++)
		data.args[i] = arg[i];
	memcpy(words, &data, sizeof(data));
	for (size_t pc = 0; pc < program->n; pc++) {
		const struct sock_filter *i = &program->insn[pc];
		int r;

		if (BPF_CLASS(i->code) == BPF_RET) {
			*ret_action = BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
			return 0;
		}
		r = step(&m, i, &pc, e);
		if (r < 0)
			return r;
	}
	return refuse(program->n, "the program ends without an answer", e);
}

bool wh_simulate_lets(uint32_t action)
{
	action &= SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

int wh_simulate_unseen(const struct wh_filter_program *program, const char *name,
		       uint32_t *ret_action, struct wh_error *e)
{
	const struct wh_args_row *row = wh_args_row(name);
	const struct wh_syscall_row *call = wh_syscall_row(name);
	const struct wh_abi *abi = wh_syscall_abi_native();
	size_t n = row && call && row->floor ? row->n_also : 0, i = 0;
	int nr = wh_syscall_number(abi, name), r = 0;

	*ret_action = SECCOMP_RET_ALLOW;
	if (nr < 0)
		return 0;
	do {
		uint64_t arg[6] = {0};
		size_t kept = 0;

		for (unsigned k = 0; i < n && k < WH_TUPLE_MAX; k++) {
			if (call->keep & 1u << k && kept < WH_ARRAY_SIZE(row->also[i]))
				arg[k] = row->also[i][kept++];
		}
		r = wh_simulate_run(program, abi, (uint64_t)nr, arg, ret_action, e);
	} while (r == 0 && wh_simulate_lets(*ret_action) && ++i < n);
	return r;
}

void wh_simulate_action(uint32_t action, char *ret_text, size_t size)
{
	static const struct {
		uint32_t action;
		const char *words;
	} rows[] = {
		{SECCOMP_RET_KILL_PROCESS, "kill process"},
		{SECCOMP_RET_KILL_THREAD, "kill thread"},
		{SECCOMP_RET_TRAP, "trap (SIGSYS)"},
		{SECCOMP_RET_ERRNO, "errno"},
		{SECCOMP_RET_USER_NOTIF, "notify"},
		{SECCOMP_RET_TRACE, "trace"},
		{SECCOMP_RET_LOG, "allow, with a log line"},
		{SECCOMP_RET_ALLOW, "allow"},
	};
	uint32_t only = action & SECCOMP_RET_ACTION_FULL;

	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++) {
		if (rows[i].action != only)
			continue;
		if (only == SECCOMP_RET_ERRNO)
			snprintf(ret_text, size, "errno %s",
				 wh_util_errno_name((int)(action & SECCOMP_RET_DATA)));
		else
			snprintf(ret_text, size, "%s", rows[i].words);
		return;
	}
	/* The kernel takes what it does not know for the first of the list. */
	snprintf(ret_text, size, "kill process (0x%08x)", action);
}
