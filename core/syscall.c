/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/syscall.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <stdatomic.h>

/* ---- the table ------------------------------------------------------------------------------- */

#define UNPACK(...)	  __VA_ARGS__
#define NONE		  WH_ARG_NONE
#define INT		  WH_ARG_INT
#define PTR		  WH_ARG_PTR
#define FD		  WH_ARG_FD
#define DIRFD		  WH_ARG_DIRFD
#define PATH		  WH_ARG_PATH
#define PATH_NOFOLLOW	  WH_ARG_PATH_NOFOLLOW
#define TEXT		  WH_ARG_TEXT
#define ATFLAGS		  WH_ARG_ATFLAGS
#define FLAGS		  WH_ARG_FLAGS
#define SOCKADDR	  WH_ARG_SOCKADDR
#define PID		  WH_ARG_PID
#define SIGNAL		  WH_ARG_SIGNAL
#define UID		  WH_ARG_UID
#define GID		  WH_ARG_GID
#define MODE		  WH_ARG_MODE
#define WH_ACCESS_NOTHING WH_ACCESSES
#define A(n)		  (1 << (n))
#define R(name_, args_, access_, irregular_, cap_, risk_, keep_, ...)                              \
	{.name = (name_),                                                                          \
	 .arg = {UNPACK args_},                                                                    \
	 .access = WH_ACCESS_##access_,                                                            \
	 .irregular = WH_IRREGULAR_##irregular_,                                                   \
	 .cap = (cap_),                                                                            \
	 .risk = WH_RISK_##risk_,                                                                  \
	 .keep = (keep_),                                                                          \
	 ##__VA_ARGS__},

static const struct wh_syscall_row rows[] = {
#include "core/syscall_table.inc"
};

static int compare_row(const void *name, const void *row)
{
	return strcmp(name, ((const struct wh_syscall_row *)row)->name);
}

const struct wh_syscall_row *wh_syscall_row(const char *name)
{
	return bsearch(name, rows, WH_ARRAY_SIZE(rows), sizeof(rows[0]), compare_row);
}

const struct wh_syscall_row *wh_syscall_rows(size_t *ret_n)
{
	*ret_n = WH_ARRAY_SIZE(rows);
	return rows;
}

const char *wh_syscall_risk_name(enum wh_risk risk)
{
	static const char *const names[] = {
#define X(id, name) name,
		WH_RISK_LIST(X)
#undef X
	};

	wh_assert(risk < WH_ARRAY_SIZE(names));
	return names[risk];
}

/* ---- ABIs ------------------------------------------------------------------------------------ */

#define X32_BIT 0x40000000u

enum { X86_64, I386, X32, AARCH64 };

static const struct wh_abi abis[] = {
	[X86_64] = {"x86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, "SCMP_ARCH_X86_64"},
	[I386] = {"i386", SCMP_ARCH_X86, AUDIT_ARCH_I386, "SCMP_ARCH_X86"},
	[X32] = {"x32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, "SCMP_ARCH_X32"},
	[AARCH64] = {"aarch64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, "SCMP_ARCH_AARCH64"},
};

const struct wh_abi *wh_syscall_abi(const char *name)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(abis); i++)
		if (strcmp(abis[i].name, name) == 0)
			return &abis[i];
	return NULL;
}

const struct wh_abi *wh_syscall_abi_audit(uint32_t audit, uint64_t nr)
{
	/*
	 * The kernel looks at 32 bits of the number, and takes -1 (a call that a tracer cancelled)
	 * for no x32 call although bit 30 is set in it.
	 */
	uint32_t low = (uint32_t)nr;

	if (audit == AUDIT_ARCH_X86_64 && (low & X32_BIT) && low != UINT32_MAX)
		return &abis[X32];
	for (size_t i = 0; i < WH_ARRAY_SIZE(abis); i++)
		if (abis[i].audit == audit)
			return &abis[i];
	return NULL;
}

const struct wh_abi *wh_syscall_abi_native(void)
{
#if defined(__x86_64__) && defined(__ILP32__)
	return &abis[X32];
#elif defined(__x86_64__)
	return &abis[X86_64];
#elif defined(__i386__)
	return &abis[I386];
#elif defined(__aarch64__)
	return &abis[AARCH64];
#else
#error "whittle does not know this machine's system call ABI; see abis[] in core/syscall.c"
#endif
}

const struct wh_abi *wh_syscall_abis(size_t *ret_n)
{
	*ret_n = WH_ARRAY_SIZE(abis);
	return abis;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Numbers that the libseccomp at hand may lack. From 424 on they are the same in all our ABIs. */
#define ALL (A(X86_64) | A(I386) | A(X32) | A(AARCH64))

static const struct newer {
	uint16_t nr;
	uint8_t abis;
	const char *name;
} newer[] = {
	{335, A(X86_64), "uretprobe"},	 {336, A(X86_64), "uprobe"},
	{451, ALL, "cachestat"},	 {452, ALL, "fchmodat2"},
	{453, ALL, "map_shadow_stack"},	 {454, ALL, "futex_wake"},
	{455, ALL, "futex_wait"},	 {456, ALL, "futex_requeue"},
	{457, ALL, "statmount"},	 {458, ALL, "listmount"},
	{459, ALL, "lsm_get_self_attr"}, {460, ALL, "lsm_set_self_attr"},
	{461, ALL, "lsm_list_modules"},	 {462, ALL, "mseal"},
	{463, ALL, "setxattrat"},	 {464, ALL, "getxattrat"},
	{465, ALL, "listxattrat"},	 {466, ALL, "removexattrat"},
	{467, ALL, "open_tree_attr"},	 {468, ALL, "file_getattr"},
	{469, ALL, "file_setattr"},	 {470, ALL, "listns"},
	{471, ALL, "rseq_slice_yield"},
};

/*
 * Asking libseccomp is a linear search and an allocation, and a tracer asks at every stop; so the
 * answers are kept. It is not state: the answer for a number is always the same, and whoever comes
 * second with one throws his away.
 */
#define NUMBERS 1024
static _Atomic(const char *) names[WH_ARRAY_SIZE(abis)][NUMBERS];
static const char unknown[] = "";

static const char *look_up(size_t abi, uint32_t nr)
{
	uint32_t full = abi == X32 ? nr | X32_BIT : nr;
	char *given = seccomp_syscall_resolve_num_arch(abis[abi].scmp, (int)full);
	const struct wh_syscall_row *row;

	if (given) {
		row = wh_syscall_row(given);
		if (!row)
			return given; /* a libseccomp newer than the table: kept for good */
		free(given);
		return row->name;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(newer); i++)
		if (newer[i].nr == nr && (newer[i].abis & A(abi)))
			return newer[i].name;
	return unknown;
}

static const char *name_of(size_t abi, uint32_t nr)
{
	const char *known = atomic_load_explicit(&names[abi][nr], memory_order_acquire);
	const char *found;

	if (known)
		return known;
	found = look_up(abi, nr);
	if (atomic_compare_exchange_strong(&names[abi][nr], &known, found))
		return found;
	if (found != unknown && !wh_syscall_row(found))
		free((char *)(uintptr_t)found);
	return known;
}

const char *wh_syscall_name(const struct wh_abi *abi, uint64_t nr)
{
	size_t i = (size_t)(abi - abis);
	const char *name;

	if (i == X32 && nr <= UINT32_MAX)
		nr &= ~(uint64_t)X32_BIT;
	if (nr >= NUMBERS)
		return NULL;
	name = name_of(i, (uint32_t)nr);
	return name == unknown ? NULL : name;
}

int wh_syscall_number(const struct wh_abi *abi, const char *name)
{
	size_t i = (size_t)(abi - abis);

	/*
	 * Not libseccomp's own way back: on i386 it answers with made-up negative numbers for calls
	 * that socketcall and ipc can do too, though they have numbers of their own.
	 */
	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		if (strcmp(name_of(i, nr), name) == 0 && *name)
			return (int)(i == X32 ? nr | X32_BIT : nr);
	return -1;
}
