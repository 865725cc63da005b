/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and System V IPC: mm/ and ipc/ of the kernel. */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/sem.h>

#include "tracer/caprule_impl.h"
#include "tracer/procfs.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

/* ---- locked memory --------------------------------------------------------------------------- */

static uint64_t lock_limit(struct wh_caprule_ask *ask)
{
	struct rlimit limit;

	return wh_caprule_limit(ask, ask->task->tid, RLIMIT_MEMLOCK, &limit) ? limit.rlim_cur
									     : RLIM_INFINITY;
}

/* Lock @len bytes more than now; memory that is locked already and counted twice makes it a guess. */
static void need_lock(struct wh_caprule_ask *ask, uint64_t len, bool again)
{
	uint64_t limit = lock_limit(ask), page = (uint64_t)sysconf(_SC_PAGESIZE), locked;

	if (limit == RLIM_INFINITY || !len)
		return;
	len = (len + page - 1) / page * page;
	limit = limit / page * page;
	locked = wh_caprule_status(ask, "VmLck") * 1024;
	if (len + locked <= limit)
		return;
	wh_caprule_need(ask, CAP_IPC_LOCK, -1, len > limit || !again ? REQUIRED : LIKELY,
			"lock memory beyond RLIMIT_MEMLOCK");
}

static void enter_mlock(struct wh_caprule_ask *ask)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	need_lock(ask, ask->call->arg[1] + ask->call->arg[0] % page, true);
}

static void enter_mlockall(struct wh_caprule_ask *ask)
{
	uint64_t limit = lock_limit(ask);

	if (limit == RLIM_INFINITY)
		return;
	if (!limit || (wh_caprule_arg(ask, 0) & MCL_CURRENT &&
		       wh_caprule_status(ask, "VmSize") * 1024 > limit)) {
		wh_caprule_need(ask, CAP_IPC_LOCK, -1, REQUIRED,
				"lock all memory beyond RLIMIT_MEMLOCK");
	} else if (wh_caprule_arg(ask, 0) & MCL_FUTURE) {
		/* mlock_future_ok(): brk() and mmap() fail once the limit is reached, if ever. */
		wh_caprule_need(ask, CAP_IPC_LOCK, -1, POSSIBLE,
				"lock all memory to come, which RLIMIT_MEMLOCK bounds");
		wh_caprule_silent(ask);
	}
}

/* How much is locked in the end only the end shows. */
static void exit_mlockall(struct wh_caprule_ask *ask)
{
	struct wh_process *process = ask->task->process;
	uint64_t limit = lock_limit(ask);

	process->locks_beyond = 0;
	if (!ask->call->err && wh_caprule_arg(ask, 0) & MCL_FUTURE && limit &&
	    limit != RLIM_INFINITY && wh_caprule_status(ask, "VmLck") * 1024 <= limit)
		process->locks_beyond = limit;
}

static void enter_mmap(struct wh_caprule_ask *ask)
{
	int flags = wh_caprule_arg(ask, 3);

	/* i386's first mmap has its arguments in memory; its successor is mmap2. */
	if (wh_caprule_is32(ask) && strcmp(ask->call->row->name, "mmap") == 0)
		return;
	if (flags & MAP_LOCKED)
		need_lock(ask, ask->call->arg[1], false);
	/* That far up no limit is. */
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && ask->call->arg[0] <= UINT32_MAX &&
	    ask->call->arg[0] < wh_caprule_sysctl(ask, "vm/mmap_min_addr", 65536))
		wh_caprule_need(ask, CAP_SYS_RAWIO, -1, REQUIRED, "map memory below mmap_min_addr");
}

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

static void enter_madvise(struct wh_caprule_ask *ask)
{
	int advice = wh_caprule_arg(ask, 2);

	if (advice != MADV_HWPOISON && advice != MADV_HWPOISON + 1)
		return;
	wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "poison memory");
	wh_caprule_initial(ask);
}

static void move_all(struct wh_caprule_ask *ask, unsigned flags)
{
	if (!(flags & MPOL_MF_MOVE_ALL))
		return;
	wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "move pages that others share");
	wh_caprule_initial(ask);
}

static void enter_mbind(struct wh_caprule_ask *ask)
{
	move_all(ask, (unsigned)ask->call->arg[5]);
}

static void move_other(struct wh_caprule_ask *ask)
{
	pid_t pid = wh_caprule_pid(ask, wh_caprule_arg(ask, 0));
	bool sure;

	if (!pid || wh_caprule_may_access(ask, pid, false, &sure))
		return;
	wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED,
			"move the pages of a process of another user");
	wh_caprule_over_process(ask, pid);
}

/* Is there a node in the mask of @n bits at @addr that the process @pid may not use? */
static bool foreign_nodes(struct wh_caprule_ask *ask, pid_t pid, uint64_t addr, uint64_t n)
{
	char name[32], text[8192], *s;
	uint8_t mask[128] = {0}, own[sizeof(mask)] = {0};

	n = n > 8 * sizeof(mask) ? 8 * sizeof(mask) : n;
	snprintf(name, sizeof(name), "%d/status", (int)pid);
	if (!n || !wh_caprule_read(ask, addr, mask, (size_t)(n + 7) / 8) ||
	    wh_procfs_read(ask->r->proc_fd, name, text, sizeof(text)) <= 0 ||
	    !(s = strstr(text, "\nMems_allowed_list:")))
		return false;
	s += strlen("\nMems_allowed_list:");
	/* "0-3,8" */
	for (char *end;; s = end + 1) {
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < 8 * sizeof(own); first++)
			own[first / 8] |= (uint8_t)(1u << first % 8);
		if (*end != ',')
			break;
	}
	for (uint64_t i = 0; i < n; i++)
		if (mask[i / 8] & ~own[i / 8] & 1u << i % 8)
			return true;
	return false;
}

/* kernel_migrate_pages(): other nodes than the process may use, and, silently, pages that it shares. */
static void enter_migrate_pages(struct wh_caprule_ask *ask)
{
	int pid = wh_caprule_arg(ask, 0);
	pid_t target = pid ? wh_caprule_pid(ask, pid) : ask->task->tid;
	const uint64_t *arg = ask->call->arg;

	if (!target)
		return;
	move_other(ask);
	/* get_nodes(): the number of bits is one too many. */
	if (foreign_nodes(ask, target, arg[3], arg[1] ? arg[1] - 1 : 0)) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED,
				"migrate pages to a node that the process may not use");
	} else {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, POSSIBLE, "migrate pages that others share");
		wh_caprule_silent(ask);
	}
	wh_caprule_initial(ask);
}

static void enter_move_pages(struct wh_caprule_ask *ask)
{
	move_all(ask, (unsigned)ask->call->arg[5]);
	move_other(ask);
}

/* ---- System V IPC ---------------------------------------------------------------------------- */

/* Where the columns of /proc/sysvipc/KIND are: those behind the permissions differ. */
static const struct sysv {
	const char *file;
	int uid, gid, cuid, cgid;
} shm = {"sysvipc/shm", 7, 8, 9, 10}, sem = {"sysvipc/sem", 4, 5, 6, 7},
  msg = {"sysvipc/msg", 7, 8, 9, 10};

enum { KEY, ID, PERMS, SYSV_COLUMNS = 11 };

struct sysv_object {
	unsigned mode;
	uint32_t uid, gid, cuid, cgid;
};

/* @column KEY or ID has the value @wanted. */
static bool sysv_find(struct wh_caprule_ask *ask, const struct sysv *kind, int column,
		      int32_t wanted, struct sysv_object *ret)
{
	wh_auto(str) text = wh_caprule_in_ns(ask, "ipc", kind->file);
	char *line, *save = NULL;

	if (!text)
		return false;
	line = strtok_r(text, "\n", &save); /* the headings */
	while ((line = strtok_r(NULL, "\n", &save))) {
		long long v[SYSV_COLUMNS] = {0};
		char *s = line, *end;
		int n;

		for (n = 0; n < SYSV_COLUMNS; n++, s = end) {
			v[n] = strtoll(s, &end, n == PERMS ? 8 : 10);
			if (end == s)
				break;
		}
		if (n <= kind->cgid || (int32_t)v[column] != wanted)
			continue;
		*ret = (struct sysv_object){(unsigned)v[PERMS] & 0777, (uint32_t)v[kind->uid],
					    (uint32_t)v[kind->gid], (uint32_t)v[kind->cuid],
					    (uint32_t)v[kind->cgid]};
		return true;
	}
	return false;
}

/* ipcperms(): @want are permission bits in any of the three places. */
static void sysv_need(struct wh_caprule_ask *ask, const struct sysv_object *o, unsigned want,
		      const char *what)
{
	const struct wh_creds *c = ask->creds;
	unsigned mode = o->mode;

	want = (want >> 6 | want >> 3 | want) & 7;
	if (c->euid == o->cuid || c->euid == o->uid)
		mode >>= 6;
	else if (wh_creds_in_group(c, o->cgid) || wh_creds_in_group(c, o->gid))
		mode >>= 3;
	if (!(want & ~mode & 7))
		return;
	wh_caprule_need(ask, CAP_IPC_OWNER, -1, REQUIRED, "%s of uid %u and mode %03o", what,
			wh_caprule_say_uid(ask, o->uid), o->mode);
	wh_caprule_over(ask, "ipc");
}

static void sysv_get(struct wh_caprule_ask *ask, const struct sysv *kind, int32_t key,
		     unsigned flags, const char *what)
{
	struct sysv_object o;

	if (key != IPC_PRIVATE && sysv_find(ask, kind, KEY, key, &o))
		sysv_need(ask, &o, flags & 0777, what);
}

static void sysv_use(struct wh_caprule_ask *ask, const struct sysv *kind, unsigned want,
		     const char *what)
{
	struct sysv_object o;

	if (sysv_find(ask, kind, ID, wh_caprule_arg(ask, 0), &o))
		sysv_need(ask, &o, want, what);
}

/* ipcctl_obtain_check(): removing and changing are for the owner and the maker. */
static bool sysv_own(struct wh_caprule_ask *ask, const struct sysv *kind, int cmd, const char *what)
{
	struct sysv_object o;

	cmd &= ~0x100; /* IPC_64 of 32-bit programs */
	if (cmd != IPC_RMID && cmd != IPC_SET)
		return false;
	if (sysv_find(ask, kind, ID, wh_caprule_arg(ask, 0), &o) && ask->creds->euid != o.cuid &&
	    ask->creds->euid != o.uid) {
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "%s %s of uid %u",
				cmd == IPC_RMID ? "remove" : "change", what,
				wh_caprule_say_uid(ask, o.uid));
		wh_caprule_over(ask, "ipc");
	}
	return true;
}

static void enter_shmget(struct wh_caprule_ask *ask)
{
	unsigned flags = (unsigned)wh_caprule_arg(ask, 2);

	if (flags & SHM_HUGETLB) {
		uint64_t group = wh_caprule_sysctl(ask, "vm/hugetlb_shm_group", 0);

		if (!wh_creds_in_group(ask->creds, (gid_t)group))
			wh_caprule_need(ask, CAP_IPC_LOCK, -1, LIKELY,
					"use huge pages for shared memory");
	}
	sysv_get(ask, &shm, wh_caprule_arg(ask, 0), flags, "use shared memory");
}

static void enter_shmat(struct wh_caprule_ask *ask)
{
	unsigned flags = (unsigned)wh_caprule_arg(ask, 2);

	sysv_use(ask, &shm, flags & SHM_RDONLY ? 4 : 6, "attach shared memory");
}

static void shm_lock(struct wh_caprule_ask *ask, bool lock)
{
	struct sysv_object o;

	if (!sysv_find(ask, &shm, ID, wh_caprule_arg(ask, 0), &o))
		return;
	if ((ask->creds->euid != o.uid && ask->creds->euid != o.cuid) ||
	    (lock && lock_limit(ask) == 0)) {
		wh_caprule_need(ask, CAP_IPC_LOCK, -1, REQUIRED, "%s shared memory of uid %u",
				lock ? "lock" : "unlock", wh_caprule_say_uid(ask, o.uid));
		wh_caprule_over(ask, "ipc");
	}
}

static void enter_shmctl(struct wh_caprule_ask *ask)
{
	int cmd = wh_caprule_arg(ask, 1) & ~0x100;

	if (cmd == SHM_LOCK || cmd == SHM_UNLOCK)
		shm_lock(ask, cmd == SHM_LOCK);
	else if (!sysv_own(ask, &shm, cmd, "shared memory") && cmd == IPC_STAT)
		sysv_use(ask, &shm, 4, "look at shared memory");
}

static void enter_semget(struct wh_caprule_ask *ask)
{
	sysv_get(ask, &sem, wh_caprule_arg(ask, 0), (unsigned)wh_caprule_arg(ask, 2),
		 "use semaphores");
}

static void enter_semop(struct wh_caprule_ask *ask)
{
	struct {
		uint16_t num;
		int16_t op, flags;
	} op[32];
	unsigned n = (unsigned)ask->call->arg[2], want = 4;

	/* Only waiting for zero is reading. */
	if (n > WH_ARRAY_SIZE(op))
		n = WH_ARRAY_SIZE(op);
	if (!wh_caprule_read(ask, ask->call->arg[1], op, n * sizeof(op[0])))
		return;
	for (unsigned i = 0; i < n; i++)
		if (op[i].op)
			want = 2;
	sysv_use(ask, &sem, want, "use semaphores");
}

static void enter_semctl(struct wh_caprule_ask *ask)
{
	int cmd = wh_caprule_arg(ask, 2) & ~0x100;

	if (sysv_own(ask, &sem, cmd, "semaphores"))
		return;
	if (cmd == SETVAL || cmd == SETALL)
		sysv_use(ask, &sem, 2, "set semaphores");
	else if (cmd == IPC_STAT || (cmd >= GETPID && cmd <= GETZCNT))
		sysv_use(ask, &sem, 4, "look at semaphores");
}

static void enter_msgget(struct wh_caprule_ask *ask)
{
	sysv_get(ask, &msg, wh_caprule_arg(ask, 0), (unsigned)wh_caprule_arg(ask, 1),
		 "use a message queue");
}

static void enter_msgsnd(struct wh_caprule_ask *ask)
{
	sysv_use(ask, &msg, 2, "send to a message queue");
}

static void enter_msgrcv(struct wh_caprule_ask *ask)
{
	sysv_use(ask, &msg, 4, "receive from a message queue");
}

/* fs.mqueue and kernel.msg* are each IPC namespace's own. */
static uint64_t queue_limit(struct wh_caprule_ask *ask, const char *path, uint64_t fallback)
{
	wh_auto(str) text = wh_caprule_in_ns(ask, "ipc", path);
	uint64_t limit;

	if (!text)
		return fallback;
	text[strcspn(text, "\n")] = '\0';
	return wh_util_parse_u64(text, &limit) == 0 ? limit : fallback;
}

static void enter_msgctl(struct wh_caprule_ask *ask)
{
	int cmd = wh_caprule_arg(ask, 1) & ~0x100;
	struct msqid_ds now;

	/* msgctl_down(): a queue that holds more than the limit. */
	if (cmd == IPC_SET && !wh_caprule_is32(ask) &&
	    wh_caprule_read(ask, ask->call->arg[2], &now, sizeof(now)) &&
	    now.msg_qbytes > queue_limit(ask, "sys/kernel/msgmnb", 16384)) {
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
				"let a message queue hold more than kernel.msgmnb");
		wh_caprule_initial(ask);
	}

	if (!sysv_own(ask, &msg, cmd, "a message queue") && cmd == IPC_STAT)
		sysv_use(ask, &msg, 4, "look at a message queue");
}

/* struct mq_attr: flags, maxmsg, msgsize, curmsgs. */
static void enter_mq_open(struct wh_caprule_ask *ask)
{
	uint64_t attr[3];

	if (!(ask->call->arg[1] & O_CREAT) || !ask->call->arg[3] ||
	    !wh_caprule_words(ask, ask->call->arg[3], attr, 3))
		return;
	if (attr[1] <= queue_limit(ask, "sys/fs/mqueue/msg_max", 10) &&
	    attr[2] <= queue_limit(ask, "sys/fs/mqueue/msgsize_max", 8192))
		return;
	wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
			"make a message queue beyond fs.mqueue's limits");
	wh_caprule_initial(ask);
}

#define IPC_CAPS (WH_CAP(IPC_OWNER) | WH_CAP(SYS_ADMIN))

const struct wh_caprule wh_caprule_memory[] = {
	{"mlock", enter_mlock, WH_CAP(IPC_LOCK), .error = ENOMEM},
	{"mlockall", enter_mlockall, WH_CAP(IPC_LOCK), .error = ENOMEM, .exit = exit_mlockall},
	{"mmap", enter_mmap, WH_CAP(IPC_LOCK) | WH_CAP(SYS_RAWIO), .error = EAGAIN},
	{"madvise", enter_madvise, WH_CAP(SYS_ADMIN)},
	{"mbind", enter_mbind, WH_CAP(SYS_NICE)},
	{"migrate_pages", enter_migrate_pages, WH_CAP(SYS_PTRACE) | WH_CAP(SYS_NICE)},
	{"move_pages", enter_move_pages, WH_CAP(SYS_NICE) | WH_CAP(SYS_PTRACE)},
	{"shmget", enter_shmget, WH_CAP(IPC_LOCK) | WH_CAP(IPC_OWNER)},
	{"shmat", enter_shmat, WH_CAP(IPC_OWNER)},
	{"shmctl", enter_shmctl, IPC_CAPS | WH_CAP(IPC_LOCK)},
	{"semget", enter_semget, WH_CAP(IPC_OWNER)},
	{"semop", enter_semop, WH_CAP(IPC_OWNER)},
	{"semctl", enter_semctl, IPC_CAPS},
	{"msgget", enter_msgget, WH_CAP(IPC_OWNER)},
	{"msgsnd", enter_msgsnd, WH_CAP(IPC_OWNER)},
	{"msgrcv", enter_msgrcv, WH_CAP(IPC_OWNER)},
	{"msgctl", enter_msgctl, IPC_CAPS | WH_CAP(SYS_RESOURCE)},
	{"mq_open", enter_mq_open, WH_CAP(SYS_RESOURCE), .error = EINVAL},
	{NULL},
};
