// SPDX-License-Identifier: Apache-2.0
#include "tracer/quiet.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "tracer/caprule.h"
#include "tracer/decode.h"
#include "tracer/memory.h"
#include "tracer/procfs.h"
#include "tracer/timer.h"

#define ITEMS_MAX  2048
#define PER_NUMBER 24 /* more values than that are no enumeration, and slow a filter */

/* ---- calls that are not plain, and yet quiet with some arguments ------------------------------ */

/** What a small function below says of one call: which arguments it has looked at. */
struct verdict {
	bool quiet;
	uint8_t args, conditions;
	uint64_t constant; /* quiet only if nobody can write to this address */
	uint8_t high;	   /* as in struct wh_quiet_item */
};

#define ARG(n)	  (uint8_t)(1 << (n))
#define QUIET(a)  ((struct verdict){true, (a), 0, 0, 0})
#define NOT_QUIET ((struct verdict){false, 0, 0, 0, 0})

static struct verdict ask_fcntl(struct wh_recorder *r, const struct wh_task *task)
{
	const uint64_t *arg = task->call.arg;

	(void)r;
	switch ((uint32_t)arg[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
		return QUIET(ARG(1));
	case F_SETFL:
		return arg[2] & O_NOATIME ? NOT_QUIET : QUIET(ARG(1) | ARG(2));
	default:
		return NOT_QUIET;
	}
}

static struct verdict ask_ioctl(struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	return wh_caprule_ioctl_asks((uint32_t)task->call.arg[1]) ? NOT_QUIET : QUIET(ARG(1));
}

static struct verdict ask_setsockopt(struct wh_recorder *r, const struct wh_task *task)
{
	const uint64_t *arg = task->call.arg;

	(void)r;
	return wh_caprule_net_asks((int)arg[1], (int)arg[2]) ? NOT_QUIET : QUIET(ARG(1) | ARG(2));
}

static struct verdict ask_getsockopt(struct wh_recorder *r, const struct wh_task *task)
{
	const uint64_t *arg = task->call.arg;

	(void)r;
	return wh_caprule_net_answers((int)arg[1], (int)arg[2]) ? NOT_QUIET
								: QUIET(ARG(1) | ARG(2));
}

static struct verdict ask_sendto(struct wh_recorder *r, const struct wh_task *task)
{
	const uint64_t *arg = task->call.arg;

	(void)r;
	/* With an address, or with data for a netlink socket, there is something to look at. */
	if (arg[4] || arg[3] & MSG_FASTOPEN)
		return NOT_QUIET;
	return (struct verdict){true, ARG(3) | ARG(4), WH_QUIET_IF_COMMON, 0, 0};
}

/*
 * A stream takes no address once it is connected, and only unix sockets pass descriptors and ids. But what is sent may
 * be marked (tcp_sendmsg_locked(), sock_cmsg_send()), and a filter sees no control data.
 */
static struct verdict ask_message(struct wh_recorder *r, const struct wh_task *task)
{
	const uint64_t *arg = task->call.arg;
	struct msghdr msg;

	(void)r;
	if (strcmp(task->call.row->name, "recvmsg") == 0)
		return (struct verdict){true, ARG(2), WH_QUIET_IF_STREAMS, 0, 0};
	if (arg[2] & MSG_FASTOPEN || wh_memory_read_all(task->tid, arg[1], &msg, sizeof(msg)) < 0 ||
	    (msg.msg_control && msg.msg_controllen))
		return NOT_QUIET;
	return (struct verdict){true, ARG(2), WH_QUIET_IF_STREAMS | WH_QUIET_IF_UNMARKED, 0, 0};
}

static struct verdict ask_mmap(struct wh_recorder *r, const struct wh_task *task)
{
	const uint64_t *arg = task->call.arg;

	(void)r;
	if (arg[2] & PROT_EXEC || arg[3] & MAP_LOCKED)
		return NOT_QUIET;
	if (!(arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return QUIET(ARG(2) | ARG(3));
	/* Low addresses take a capability: vm.mmap_min_addr. */
	return arg[0] >> 32 ? (struct verdict){true, ARG(2) | ARG(3), 0, 0, ARG(0)} : NOT_QUIET;
}

/* Namespaces are facts, and who is to be hidden from a tracer is looked at. */
#define CLONE_LOUD                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP | CLONE_UNTRACED | CLONE_PTRACE)

static struct verdict ask_clone(struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	if (task->call.arg[0] & CLONE_LOUD || wh_caprule_fork_asks(task))
		return NOT_QUIET;
	return (struct verdict){true, ARG(0), WH_QUIET_IF_UNBOUND, 0, 0};
}

static struct verdict ask_fork(struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	return wh_caprule_fork_asks(task) ? NOT_QUIET
					  : (struct verdict){true, 0, WH_QUIET_IF_UNBOUND, 0, 0};
}

static struct verdict ask_timer(struct wh_recorder *r, const struct wh_task *task)
{
	return wh_timer_fd_wakes(r->proc_fd, task->tid, (int)task->call.arg[0])
		       ? NOT_QUIET
		       : (struct verdict){true, 0, WH_QUIET_IF_TIMERS, 0, 0};
}

static struct verdict ask_mprotect(struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	return task->call.arg[2] & PROT_EXEC ? NOT_QUIET : QUIET(ARG(2));
}

/* The two pieces of advice that ask for a capability poison memory: hot they never are. */
static struct verdict ask_madvise(struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	return task->call.arg[2] < 100 ? QUIET(ARG(2)) : NOT_QUIET;
}

static struct verdict ask_clock(struct wh_recorder *r, const struct wh_task *task)
{
	uint64_t clock = task->call.arg[0];

	(void)r;
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ? QUIET(ARG(0)) : NOT_QUIET;
}

static struct verdict ask_epoll_ctl(struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	return task->call.arg[1] == EPOLL_CTL_DEL ? QUIET(ARG(1)) : NOT_QUIET;
}

/*
 * What the program cannot write, as it comes from a file: then a string there stays what it is.
 * Memory of its own it may close and open again, and nobody is told.
 */
static bool is_constant(struct wh_recorder *r, const struct wh_task *task, uint64_t addr)
{
	char path[32], line[PATH_MAX + 256];
	wh_auto(file) f = NULL;
	wh_auto(fd) fd = -1;

	snprintf(path, sizeof(path), "%d/maps", (int)task->tid);
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !(f = fdopen(fd, "r")))
		return false;
	wh_take_fd(&fd);
	while (fgets(line, sizeof(line), f)) {
		uint64_t start, end, inode;
		char mode[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %" SCNu64, &start, &end, mode,
			   &inode) != 4)
			continue;
		if (addr >= start && addr < end)
			return mode[1] == '-' && mode[3] == 'p' && inode;
	}
	return false;
}

/* How libc asks for the state of what it has open: with "", always the same constant. */
static struct verdict ask_empty_path(struct wh_recorder *r, const struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	unsigned flags = strcmp(call->row->name, "statx") == 0 ? 2 : 3;
	char c;

	(void)r;

	if (!(call->arg[flags] & AT_EMPTY_PATH) || call->place[0].valid ||
	    wh_memory_read_all(task->tid, call->arg[1], &c, 1) < 0 || c)
		return NOT_QUIET;
	return (struct verdict){true, ARG(1) | ARG(flags), WH_QUIET_IF_MEMORY, call->arg[1], 0};
}

/* ---- for who sees more than a filter does ---------------------------------------------------- */

#define TEST(arg, mask, value)                                                                     \
	{                                                                                          \
		2 * (arg), (mask), (value)                                                         \
	}
#define IS(arg, val) TEST(arg, ~0U, (uint32_t)(val))
#define NULL_AT(arg)                                                                               \
	IS(arg, 0),                                                                                \
	{                                                                                          \
		2 * (arg) + 1, ~0U, 0                                                              \
	}

typedef struct wh_quiet_test tests[WH_QUIET_TESTS];

static const tests pass_fcntl[] = {
	{TEST(1, ~3U, 0)}, /* F_DUPFD, F_GETFD, F_SETFD, F_GETFL */
	{IS(1, F_DUPFD_CLOEXEC)},
	{IS(1, F_SETFL)},
};
/* Some change what their capability depends on: only these are sure not to. */
static const tests pass_ioctl[] = {
	{IS(1, FIONBIO)}, {IS(1, FIOASYNC)}, {IS(1, FIONREAD)},
	{IS(1, FIOCLEX)}, {IS(1, TCGETS)},   {IS(1, TIOCGWINSZ)},
};
static const tests pass_setsockopt[] = {
	{IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR)},   {IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)},
	{IS(1, SOL_SOCKET), IS(2, SO_LINGER)},	    {IS(1, SOL_SOCKET), IS(2, SO_RCVTIMEO)},
	{IS(1, SOL_SOCKET), IS(2, SO_SNDTIMEO)},    {IS(1, SOL_SOCKET), IS(2, SO_RCVBUF)},
	{IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)},	    {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)},
	{IS(1, IPPROTO_TCP), IS(2, TCP_CORK)},	    {IS(1, IPPROTO_TCP), IS(2, TCP_KEEPIDLE)},
	{IS(1, IPPROTO_TCP), IS(2, TCP_KEEPINTVL)}, {IS(1, IPPROTO_TCP), IS(2, TCP_KEEPCNT)},
	{IS(1, IPPROTO_TCP), IS(2, TCP_QUICKACK)},  {IS(1, IPPROTO_TCP), IS(2, TCP_USER_TIMEOUT)},
};
/* Firewalls answer at the levels of IP alone. */
static const tests pass_getsockopt[] = {{IS(1, SOL_SOCKET)}, {IS(1, IPPROTO_TCP)}};
static const tests pass_clone[] = {
	{TEST(0, CLONE_LOUD, 0)},
};
/* To read one's own. */
static const tests pass_prlimit[] = {{IS(0, 0), NULL_AT(2)}};
static const tests pass_mmap[] = {{TEST(3, MAP_LOCKED, 0)}};
static const tests pass_mprotect[] = {{TEST(2, PROT_EXEC, 0)}};
static const tests pass_madvise[] = {{TEST(2, ~31U, 0)}};

/* Sorted by name. @ask: NULL where a filter sees too little. */
static const struct irregular {
	const char *name;
	struct verdict (*ask)(struct wh_recorder *r, const struct wh_task *task);
	struct wh_quiet_watch watch; /* all 0: none */
} irregulars[] = {
#define ALL	    0, NULL
#define ONLY(tests) WH_ARRAY_SIZE(tests), tests
#define LOOK(what)  WH_QUIET_LOOK_##what
	{"accept", NULL, {0, LOOK(SOCKET), ALL}},
	{"accept4", NULL, {0, LOOK(SOCKET), ALL}},
	{"clock_nanosleep", ask_clock, {ARG(0), 0, ALL}},
	{"clone", ask_clone, {ARG(0), LOOK(CREDS), ONLY(pass_clone)}},
	{"epoll_ctl", ask_epoll_ctl, {ARG(1), LOOK(EVENT), ALL}},
	{"fcntl", ask_fcntl, {ARG(1) | ARG(2), 0, ONLY(pass_fcntl)}},
	{"fork", ask_fork, {0, LOOK(CREDS), ALL}},
	{"getrlimit", NULL, {ARG(0), 0, ALL}},
	{"getsockopt", ask_getsockopt, {ARG(1) | ARG(2), 0, ONLY(pass_getsockopt)}},
	{"ioctl", ask_ioctl, {ARG(1), 0, ONLY(pass_ioctl)}},
	{"madvise", ask_madvise, {ARG(2), 0, ONLY(pass_madvise)}},
	{"mmap", ask_mmap, {ARG(2) | ARG(3), LOOK(MAPPED), ONLY(pass_mmap)}},
	{"mprotect", ask_mprotect, {ARG(2), 0, ONLY(pass_mprotect)}},
	{"newfstatat", ask_empty_path, {0}},
	{"prlimit64", NULL, {ARG(1), 0, ONLY(pass_prlimit)}},
	{"recvmsg", ask_message, {ARG(2), LOOK(SOCKET) | LOOK(MESSAGE), ALL}},
	{"sendmsg", ask_message, {ARG(2), LOOK(SOCKET) | LOOK(MESSAGE), ALL}},
	{"sendto", ask_sendto, {ARG(3) | ARG(4), LOOK(SOCKET), ALL}},
	{"setsockopt", ask_setsockopt, {ARG(1) | ARG(2), 0, ONLY(pass_setsockopt)}},
	{"socket", NULL, {ARG(0) | ARG(1) | ARG(2), 0, ALL}},
	{"statx", ask_empty_path, {0}},
	{"timerfd_settime", ask_timer, {0, LOOK(TIMER), ALL}},
	{"vfork", ask_fork, {0, LOOK(CREDS), ALL}},
#undef ALL
#undef ONLY
#undef LOOK
};

static const struct irregular *irregular(const struct wh_syscall_row *row)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(irregulars); i++)
		if (strcmp(irregulars[i].name, row->name) == 0)
			return &irregulars[i];
	return NULL;
}

const struct wh_quiet_watch *wh_quiet_watch(const struct wh_syscall_row *row)
{
	const struct irregular *of = irregular(row);

	return of && (of->watch.args || of->watch.look) ? &of->watch : NULL;
}

/* Nothing but the data goes out, or it goes where its stream leads. */
static bool message_is_quiet(const struct wh_call *call, const struct wh_quiet_seen *seen)
{
	bool inet = seen->family == AF_INET || seen->family == AF_INET6;

	/* What comes is only looked through for descriptors. */
	if (strcmp(call->row->name, "recvmsg") == 0)
		return seen->err || !seen->control;
	if (call->arg[2] & MSG_FASTOPEN)
		return false;
	/* SO_MARK and its like, too, are asked for by control data. */
	if (inet && seen->type == SOCK_STREAM)
		return !seen->control;
	return (inet || seen->family == AF_UNIX) && !seen->name && !seen->control;
}

bool wh_quiet_watched(struct wh_recorder *r, const struct wh_task *task,
		      const struct wh_quiet_seen *seen)
{
	const struct wh_call *call = &task->call;
	const struct irregular *of = call->row ? irregular(call->row) : NULL;
	struct verdict v;

	/* What a capability was for, or may have been refused for, is looked at each time. */
	if (!of || call->n_needs || seen->err == EPERM || seen->err == EACCES)
		return false;
	if (of->watch.look & WH_QUIET_LOOK_MESSAGE)
		return message_is_quiet(call, seen);
	if (!of->ask || of->watch.look & (WH_QUIET_LOOK_EVENT | WH_QUIET_LOOK_MAPPED))
		return true;
	v = of->ask(r, task);
	if (v.conditions & WH_QUIET_IF_COMMON && seen->family != AF_INET &&
	    seen->family != AF_INET6 && seen->family != AF_UNIX)
		return false;
	return v.quiet && !(v.args & ~of->watch.args);
}

/* ---- for filters ----------------------------------------------------------------------------- */

static struct verdict ask_plain(const struct wh_syscall_row *row)
{
	if ((size_t)__builtin_popcount(row->keep) > WH_QUIET_ARGS)
		return NOT_QUIET;
	return QUIET(row->keep);
}

static struct verdict ask(struct wh_recorder *r, const struct wh_task *task)
{
	const struct wh_syscall_row *row = task->call.row;
	const struct irregular *of = irregular(row);

	if (wh_decode_is_plain(row))
		return ask_plain(row);
	return of && of->ask ? of->ask(r, task) : NOT_QUIET;
}

bool wh_quiet_may(const struct wh_syscall_row *row)
{
	const struct irregular *of = irregular(row);

	if (wh_decode_is_plain(row))
		return ask_plain(row).quiet;
	return of && of->ask;
}

bool wh_quiet_ask(struct wh_recorder *r, const struct wh_task *task, uint64_t memory,
		  const struct wh_quiet_set *known, struct wh_quiet_item *ret_item)
{
	const struct wh_call *call = &task->call;
	struct verdict v;
	size_t n = 0;

	if (!call->row || call->abi != wh_syscall_abi_native() || call->nr > UINT16_MAX)
		return false;
	v = ask(r, task);
	if (!v.quiet)
		return false;
	*ret_item = (struct wh_quiet_item){
		.nr = (uint16_t)call->nr,
		.args = v.args,
		.high = v.high,
		.conditions = v.conditions,
		.memory = v.conditions & WH_QUIET_IF_MEMORY ? memory : 0,
	};
	for (unsigned i = 0; i < 6; i++)
		if (v.args & 1u << i)
			ret_item->value[n++] = call->arg[i];
	return !v.constant || wh_quiet_has(known, ret_item) || is_constant(r, task, v.constant);
}

/* ---- sets ------------------------------------------------------------------------------------ */

static int compare(const struct wh_quiet_item *a, const struct wh_quiet_item *b)
{
	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	if (a->args != b->args)
		return a->args < b->args ? -1 : 1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->memory != b->memory)
		return a->memory < b->memory ? -1 : 1;
	return memcmp(a->value, b->value, sizeof(a->value));
}

/* Return: where @item is, or would be. */
static size_t find(const struct wh_quiet_set *set, const struct wh_quiet_item *item)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (compare(&set->v[mid], item) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool wh_quiet_has(const struct wh_quiet_set *set, const struct wh_quiet_item *item)
{
	size_t at = find(set, item);

	return at < set->n && compare(&set->v[at], item) == 0;
}

bool wh_quiet_covers(const struct wh_quiet_set *set, const struct wh_quiet_item *item)
{
	const struct wh_quiet_item all = {.nr = item->nr};

	return wh_quiet_has(set, item) || wh_quiet_has(set, &all);
}

static size_t count_number(const struct wh_quiet_set *set, uint16_t nr)
{
	const struct wh_quiet_item first = {.nr = nr}, next = {.nr = (uint16_t)(nr + 1)};

	return find(set, &next) - find(set, &first);
}

int wh_quiet_add(struct wh_quiet_set *set, const struct wh_quiet_item *item)
{
	size_t at = find(set, item);

	if (at < set->n && compare(&set->v[at], item) == 0)
		return 0;
	if (set->n == ITEMS_MAX || count_number(set, item->nr) >= PER_NUMBER)
		return -ENOSPC;
	if (set->n == set->size) {
		size_t size = set->size ? set->size * 2 : 32;
		struct wh_quiet_item *v = reallocarray(set->v, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		set->v = v;
		set->size = size;
	}
	memmove(&set->v[at + 1], &set->v[at], (set->n - at) * sizeof(*item));
	set->v[at] = *item;
	set->n++;
	return 1;
}

int wh_quiet_both(struct wh_quiet_set *ret, const struct wh_quiet_set *a,
		  const struct wh_quiet_set *b)
{
	const struct wh_quiet_set *side[2] = {a, b};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < side[k]->n; i++)
			if (wh_quiet_covers(side[!k], &side[k]->v[i]) &&
			    wh_quiet_add(ret, &side[k]->v[i]) == -ENOMEM)
				return -ENOMEM;
	return 0;
}

void wh_quiet_clear(struct wh_quiet_set *set)
{
	free(set->v);
	memset(set, 0, sizeof(*set));
}
