// SPDX-License-Identifier: Apache-2.0
/*
 * Which calls pass the assisted engine's filter and are watched by BPF instead, and what BPF looks at:
 * plain ones (wh_decode_is_plain()), those that look at one name (wh_known_looks()) and those that can be
 * decoded when they have returned (wh_quiet_watch()).
 */
#ifdef WH_HAVE_BPF

#include "tracer/assisted.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "tracer/decode.h"
#include "tracer/known.h"
#include "tracer/quiet.h"

#define NONE	   7 /* as an argument's place */
#define FILTER_MAX 2048
#define TRACE_IT   (SECCOMP_RET_TRACE | WH_ASSISTED_DATA)

/* Plain rows that do not return as others do. */
static bool always_stops(const char *name)
{
	return strcmp(name, "rt_sigreturn") == 0 || strcmp(name, "restart_syscall") == 0;
}

static bool never_returns(const char *name)
{
	return strcmp(name, "exit") == 0 || strcmp(name, "exit_group") == 0;
}

/* ---- what BPF looks at ----------------------------------------------------------------------- */

/* So few and small arguments that a task can remember them itself. */
static uint8_t simple(uint8_t keep)
{
	int n = __builtin_popcount(keep);

	return n < 2 ? 1 : n == 2 ? 2 : 0;
}

static uint8_t column(const struct wh_syscall_row *row, enum wh_arg kind, enum wh_arg or)
{
	for (uint8_t i = 0; i < 6; i++)
		if (row->arg[i] == kind || row->arg[i] == or)
			return i;
	return NONE;
}

/* The arguments that tracer/known.c, too, tells such calls apart by. An open's mode is for what it makes. */
static uint8_t lookup_keep(const struct wh_syscall_row *row)
{
	uint8_t keep = 0;

	for (unsigned i = 0; i < 6; i++)
		if (row->arg[i] == WH_ARG_FLAGS || row->arg[i] == WH_ARG_ATFLAGS ||
		    ((row->arg[i] == WH_ARG_MODE || row->arg[i] == WH_ARG_INT) &&
		     row->irregular != WH_IRREGULAR_OPEN))
			keep |= (uint8_t)(1u << i);
	return keep;
}

/* Where calls write what they have found. */
static void lookup_result(const struct wh_syscall_row *row, struct wh_watch_row *ret)
{
	static const struct {
		const char *name;
		uint16_t with;
		uint8_t buffer;
	} results[] = {
		{"lstat", WH_WATCH_STAT, 1},	 {"newfstatat", WH_WATCH_STAT, 2},
		{"open", WH_WATCH_OPENED, NONE}, {"openat", WH_WATCH_OPENED, NONE},
		{"stat", WH_WATCH_STAT, 1},	 {"statx", WH_WATCH_STATX, 4},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(results); i++)
		if (strcmp(results[i].name, row->name) == 0) {
			ret->with |= results[i].with;
			ret->buffer = results[i].buffer;
		}
}

static bool is_lookup(const struct wh_syscall_row *row)
{
	if (!wh_known_looks(row) || column(row, WH_ARG_PATH, WH_ARG_PATH_NOFOLLOW) == NONE)
		return false;
	/* Of openat2() a filter does not see what it opens for; creat() makes. */
	return row->irregular != WH_IRREGULAR_OPEN || strcmp(row->name, "open") == 0 ||
	       strcmp(row->name, "openat") == 0;
}

static uint16_t with_look(uint8_t look)
{
	static const struct {
		uint8_t look;
		uint16_t with;
	} looks[] = {
		{WH_QUIET_LOOK_SOCKET, WH_WATCH_SOCKET}, {WH_QUIET_LOOK_MESSAGE, WH_WATCH_MESSAGE},
		{WH_QUIET_LOOK_EVENT, WH_WATCH_EVENT},	 {WH_QUIET_LOOK_MAPPED, WH_WATCH_MAPPED},
		{WH_QUIET_LOOK_CREDS, WH_WATCH_CREDS},	 {WH_QUIET_LOOK_TIMER, WH_WATCH_TIMER},
	};
	uint16_t with = 0;

	for (size_t i = 0; i < WH_ARRAY_SIZE(looks); i++)
		if (look & looks[i].look)
			with |= looks[i].with;
	return with;
}

static struct wh_watch_row look_at(const struct wh_syscall_row *row)
{
	const struct wh_quiet_watch *watch = wh_quiet_watch(row);
	struct wh_watch_row of = {.path = NONE, .dirfd = NONE, .buffer = NONE};

	if (always_stops(row->name))
		return (struct wh_watch_row){0};
	if (wh_decode_is_plain(row)) {
		of.with = WH_WATCH_PASSES;
		of.keep = row->keep;
		of.simple = simple(of.keep);
		if (never_returns(row->name))
			of.with |= WH_WATCH_NO_RETURN;
	} else if (is_lookup(row)) {
		of.with = WH_WATCH_PASSES | WH_WATCH_PATH;
		of.keep = lookup_keep(row);
		of.path = column(row, WH_ARG_PATH, WH_ARG_PATH_NOFOLLOW);
		of.dirfd = column(row, WH_ARG_DIRFD, WH_ARG_DIRFD);
		lookup_result(row, &of);
	} else if (watch) {
		of.with = WH_WATCH_PASSES | with_look(watch->look);
		of.keep = watch->args;
		of.simple = watch->look ? 0 : simple(of.keep);
	}
	return of;
}

/* Of several names for one number the table knows one only, so each number is asked for its row. */
static const struct wh_syscall_row *row_of(unsigned nr)
{
	const char *name = wh_syscall_name(wh_syscall_abi_native(), nr);

	return name ? wh_syscall_row(name) : NULL;
}

void wh_assisted_rows(struct wh_watch_row ret_row[WH_WATCH_NUMBERS])
{
	memset(ret_row, 0, WH_WATCH_NUMBERS * sizeof(*ret_row));
	for (unsigned nr = 0; nr < WH_WATCH_NUMBERS; nr++) {
		const struct wh_syscall_row *row = row_of(nr);

		if (row)
			ret_row[nr] = look_at(row);
	}
}

/* ---- the filter ------------------------------------------------------------------------------ */

struct filter {
	struct sock_filter *v;
	unsigned n;
};

static void insn(struct filter *f, struct sock_filter what)
{
	wh_assert(f->n < FILTER_MAX);
	f->v[f->n++] = what;
}

static void statement(struct filter *f, unsigned code, unsigned value)
{
	insn(f, (struct sock_filter)BPF_STMT((unsigned short)code, value));
}

static void jump(struct filter *f, unsigned code, unsigned value, size_t yes, size_t no)
{
	insn(f, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | BPF_K | code), value,
					     (unsigned char)yes, (unsigned char)no));
}

/* Which arguments pass, where not all do. */
static struct wh_quiet_watch conditions(const struct wh_syscall_row *row,
					struct wh_quiet_test open_test[WH_QUIET_TESTS])
{
	static const struct wh_quiet_watch all;
	const struct wh_quiet_watch *watch;

	if (!row || wh_decode_is_plain(row))
		return all;
	if (row->irregular == WH_IRREGULAR_OPEN) {
		open_test[0] = (struct wh_quiet_test){2u * column(row, WH_ARG_FLAGS, WH_ARG_FLAGS),
						      (uint32_t)wh_known_open_mask(), 0};
		return (struct wh_quiet_watch){
			.n = 1, .tests = (const struct wh_quiet_test(*)[WH_QUIET_TESTS])open_test};
	}
	watch = wh_quiet_watch(row);
	return watch ? *watch : all;
}

/* The number is loaded, and stays so where it is another one. */
static void filter_some(struct filter *f, unsigned nr, const struct wh_quiet_watch *some)
{
	/* Each row of tests is a block of that many instructions. */
	const size_t block = 3 * WH_QUIET_TESTS + 1;

	jump(f, BPF_JEQ, nr, 0, block * some->n + 1);
	for (size_t k = 0; k < some->n; k++) {
		for (size_t i = 0; i < WH_QUIET_TESTS; i++) {
			const struct wh_quiet_test *test = &some->tests[k][i];

			/* Little endian: the low half is first. */
			statement(f, BPF_LD | BPF_W | BPF_ABS,
				  (unsigned)offsetof(struct seccomp_data, args) + 4 * test->half);
			statement(f, BPF_ALU | BPF_AND | BPF_K, test->mask);
			jump(f, BPF_JEQ, test->value, 0, 3 * (WH_QUIET_TESTS - 1 - i) + 1);
		}
		statement(f, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	statement(f, BPF_RET | BPF_K, TRACE_IT);
}

/* Where the number alone decides, the kernel keeps the answer in a bitmap. */
static void filter_all(struct filter *f, const struct wh_watch_row row[WH_WATCH_NUMBERS])
{
	bool pass = row[0].with;

	for (unsigned nr = 1; nr <= WH_WATCH_NUMBERS; nr++) {
		bool next = nr < WH_WATCH_NUMBERS && row[nr].with;

		if (next == pass)
			continue;
		jump(f, BPF_JGE, nr, 1, 0);
		statement(f, BPF_RET | BPF_K, pass ? SECCOMP_RET_ALLOW : TRACE_IT);
		pass = next;
	}
	statement(f, BPF_RET | BPF_K, TRACE_IT);
}

int wh_assisted_compile(struct sock_fprog *ret_filter)
{
	struct wh_watch_row row[WH_WATCH_NUMBERS];
	struct filter f = {.v = calloc(FILTER_MAX, sizeof(*f.v))};

	if (!f.v)
		return -ENOMEM;
	wh_assisted_rows(row);
	statement(&f, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	jump(&f, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	statement(&f, BPF_RET | BPF_K, TRACE_IT);
	statement(&f, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned nr = 0; nr < WH_WATCH_NUMBERS; nr++) {
		struct wh_quiet_test open_test[WH_QUIET_TESTS] = {{0}};
		struct wh_quiet_watch some = conditions(row_of(nr), open_test);

		if (row[nr].with && some.n)
			filter_some(&f, nr, &some);
	}
	filter_all(&f, row);
	*ret_filter = (struct sock_fprog){.len = (unsigned short)f.n, .filter = f.v};
	return 0;
}

#endif
