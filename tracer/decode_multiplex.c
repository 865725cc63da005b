/* SPDX-License-Identifier: Apache-2.0 */
/* i386's calls that hold others: the outer one is what a filter sees, the inner one what is done. */
#include <linux/net.h>

#include "tracer/decode_impl.h"

struct inner {
	const char *name;
	unsigned n; /* arguments */
};

static const struct inner socketcalls[] = {
	[SYS_SOCKET] = {"socket", 3},
	[SYS_BIND] = {"bind", 3},
	[SYS_CONNECT] = {"connect", 3},
	[SYS_LISTEN] = {"listen", 2},
	[SYS_ACCEPT] = {"accept", 3},
	[SYS_GETSOCKNAME] = {"getsockname", 3},
	[SYS_GETPEERNAME] = {"getpeername", 3},
	[SYS_SOCKETPAIR] = {"socketpair", 4},
	[SYS_SEND] = {"sendto", 4},
	[SYS_RECV] = {"recvfrom", 4},
	[SYS_SENDTO] = {"sendto", 6},
	[SYS_RECVFROM] = {"recvfrom", 6},
	[SYS_SHUTDOWN] = {"shutdown", 2},
	[SYS_SETSOCKOPT] = {"setsockopt", 5},
	[SYS_GETSOCKOPT] = {"getsockopt", 5},
	[SYS_SENDMSG] = {"sendmsg", 3},
	[SYS_RECVMSG] = {"recvmsg", 3},
	[SYS_ACCEPT4] = {"accept4", 4},
	[SYS_RECVMMSG] = {"recvmmsg", 5},
	[SYS_SENDMMSG] = {"sendmmsg", 4},
};

int wh_decode_multiplex_socketcall_enter(struct wh_recorder *r, struct wh_task *task)
{
	uint64_t which = task->call.arg[0], arg[6] = {0};
	const struct inner *inner;

	if (which >= WH_ARRAY_SIZE(socketcalls) || !socketcalls[which].name)
		return 0; /* the kernel says EINVAL */
	inner = &socketcalls[which];
	if (wh_decode_words(task, task->call.arg[1], arg, inner->n) < 0)
		return 0;
	return wh_decode_become(r, task, inner->name, arg);
}

/*
 * ipc(call, first, second, third, ptr, fifth): where the arguments of the inner call are among
 * those, from ipc/syscall.c. 0 ends.
 */
static const struct {
	const char *name;
	uint8_t from[4];
} ipcs[] = {
	[1] = {"semop", {1, 4, 2}},	 [2] = {"semget", {1, 2, 3}},
	[3] = {"semctl", {1, 2, 3, 4}},	 [4] = {"semtimedop", {1, 4, 2, 5}},
	[11] = {"msgsnd", {1, 4, 2, 3}}, [12] = {"msgrcv", {1, 4, 2}},
	[13] = {"msgget", {1, 2}},	 [14] = {"msgctl", {1, 2, 4}},
	[21] = {"shmat", {1, 4, 2}},	 [22] = {"shmdt", {4}},
	[23] = {"shmget", {1, 2, 3}},	 [24] = {"shmctl", {1, 2, 4}},
};

int wh_decode_multiplex_ipc_enter(struct wh_recorder *r, struct wh_task *task)
{
	/* The upper half is the version of the call. */
	uint64_t which = task->call.arg[0] & 0xffff, arg[6] = {0};

	if (which >= WH_ARRAY_SIZE(ipcs) || !ipcs[which].name)
		return 0;
	for (size_t i = 0; i < WH_ARRAY_SIZE(ipcs[which].from) && ipcs[which].from[i]; i++)
		arg[i] = task->call.arg[ipcs[which].from[i]];
	return wh_decode_become(r, task, ipcs[which].name, arg);
}
