/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: made, bound, connected, sent to; and files that come through them. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tracer/decode_impl.h"
#include "tracer/sockaddr.h"

#define MESSAGES_MAX 1024 /* UIO_MAXIOV: the kernel looks at no more of a sendmmsg() */
#define CONTROL_MAX  8192 /* SCM_MAX_FD is 253: more than that many descriptors never come */

/* struct msghdr in words of the ABI; the length of the name is an int with padding behind. */
enum { NAME, NAMELEN, IOV, IOVLEN, CONTROL, CONTROLLEN, MSGFLAGS, MSG_WORDS };

/*
 * A descriptor says what it is only to who has it, so we take a copy for a moment: what it was made
 * as may be long ago, or in a process that was never traced.
 */
int wh_decode_socket_copy(const struct wh_task *task, int fd)
{
	wh_auto(fd) pidfd = (int)syscall(SYS_pidfd_open, task->process->tgid, 0);
	int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return copy < 0 ? -errno : copy;
}

int wh_decode_socket_net(const struct wh_task *task, int fd)
{
	wh_auto(fd) copy = wh_decode_socket_copy(task, fd);
	int family;
	socklen_t len = sizeof(family);

	/* To what is no socket the request may mean anything. */
	if (copy < 0 || getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return -1;
	return ioctl(copy, SIOCGSKNS);
}

bool wh_decode_socket_ask(int fd, struct wh_decode_kind *ret)
{
	int protocol = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &ret->family, &len) < 0)
		return false;
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &ret->type, &len) < 0)
		return false;
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0)
		return false;
	ret->protocol = (uint64_t)(unsigned)protocol;
	return true;
}

bool wh_decode_socket_kind(const struct wh_task *task, int fd, struct wh_decode_kind *ret)
{
	wh_auto(fd) copy = wh_decode_socket_copy(task, fd);

	return copy >= 0 && wh_decode_socket_ask(copy, ret);
}

/* More addresses than are kept become one that stands for all. */
static int fold(struct wh_recorder *r, struct wh_task *task, const struct wh_socket *key,
		char *address, size_t size)
{
	char group[128];
	bool first;
	int n, k;

	if (!address[0] || wh_trace_find(r->trace, WH_KIND_SOCKET, key))
		return 0;
	n = snprintf(group, sizeof(group), "%s %s %s", key->op, key->family, key->type);
	if (n <= 0 || (size_t)n >= sizeof(group) ||
	    !wh_decode_fact_many(r, group, (size_t)n, WH_ACCESSES, WH_DECODE_ADDRESSES, &first))
		return 0;
	k = first ? wh_record_gap(r, task, "many-addresses", "%s: more than %d addresses", group,
				  WH_DECODE_ADDRESSES)
		  : 0;
	snprintf(address, size, WH_FILE_MANY);
	return wh_decode_fact_err(k);
}

int wh_decode_socket_fact(struct wh_recorder *r, struct wh_task *task, const char *op,
			  const struct wh_decode_kind *kind, char address[WH_SOCKADDR_TEXT])
{
	char family[16], type[16];
	struct wh_socket key = {
		.op = op,
		.family = wh_sockaddr_family(kind->family, family, sizeof(family)),
		.type = wh_sockaddr_type(kind->type, type, sizeof(type)),
		.protocol = kind->protocol,
		.address = address,
	};
	struct wh_socket *fact;
	int k;

	k = fold(r, task, &key, address, WH_SOCKADDR_TEXT);
	if (k < 0)
		return k;
	k = wh_record_fact(r, task, WH_KIND_SOCKET, &key, true, &fact);
	return k < 0 ? wh_decode_fact_err(k) : wh_decode_fact_outcome(r, task, &fact->outcomes);
}

/* ---- socket, socketpair ---------------------------------------------------------------------- */

int wh_decode_socket_socket_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	struct wh_decode_kind kind = {(int)call->arg[0], (int)call->arg[1], (uint32_t)call->arg[2]};
	char address[WH_SOCKADDR_TEXT] = "";

	return wh_decode_socket_fact(r, task, call->row->name, &kind, address);
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* What the calls of this family do, by name. */
struct op {
	const char *call, *op;
	bool named; /* with no address there is nothing to say */
	enum wh_access access;
	unsigned walk;
	enum { BARE, COLUMN, MESSAGE, MESSAGES } where;
};

static const struct op ops[] = {
	{"accept", "accept", false, WH_ACCESSES, 0, BARE},
	{"accept4", "accept", false, WH_ACCESSES, 0, BARE},
	{"bind", "bind", true, WH_ACCESS_BIND, 0, COLUMN},
	{"connect", "connect", true, WH_ACCESS_CONNECT, WH_PATH_FOLLOW, COLUMN},
	{"listen", "listen", false, WH_ACCESSES, 0, BARE},
	{"sendmmsg", "send", true, WH_ACCESS_CONNECT, WH_PATH_FOLLOW, MESSAGES},
	{"sendmsg", "send", true, WH_ACCESS_CONNECT, WH_PATH_FOLLOW, MESSAGE},
	{"sendto", "send", true, WH_ACCESS_CONNECT, WH_PATH_FOLLOW, COLUMN},
};

static const struct op *op_of(const struct wh_call *call)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(ops); i++)
		if (strcmp(ops[i].call, call->row->name) == 0)
			return &ops[i];
	return NULL;
}

/* Read the address of one message into the call. */
static void message_address(struct wh_task *task, const uint64_t words[MSG_WORDS])
{
	struct wh_call *call = &task->call;
	size_t len = (uint32_t)words[NAMELEN];

	call->addr_len = 0;
	/* The kernel cuts a longer one of a message, where it refuses it of a sendto(). */
	if (len > sizeof(call->addr))
		len = sizeof(call->addr);
	if (words[NAME] && len && wh_memory_read_all(task->tid, words[NAME], call->addr, len) == 0)
		call->addr_len = len;
}

static int resolve_address(struct wh_recorder *r, struct wh_task *task, const struct op *op)
{
	struct wh_call *call = &task->call;
	char path[128];

	if (op->access == WH_ACCESSES || !wh_sockaddr_path(call->addr, call->addr_len, path))
		return 0;
	return wh_path_resolve(r, task, AT_FDCWD, path, op->walk, &call->place[0]);
}

int wh_decode_socket_address_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	const struct op *op = op_of(call);
	uint64_t words[MSG_WORDS];

	if (!op || op->where == BARE || op->where == MESSAGES)
		return 0;
	if (op->where == MESSAGE && wh_decode_words(task, call->arg[1], words, MSG_WORDS) == 0)
		message_address(task, words);
	return resolve_address(r, task, op);
}

/* The address in the call, with the path it leads to. */
static int fact_address(struct wh_recorder *r, struct wh_task *task, const struct op *op)
{
	struct wh_call *call = &task->call;
	const struct wh_place *place = &call->place[0];
	int family = wh_sockaddr_family_of(call->addr, call->addr_len);
	char address[WH_SOCKADDR_TEXT] = "";
	struct wh_decode_kind kind;
	int k = 0;

	if (op->named && call->addr_len == 0)
		return 0;
	if (!wh_decode_socket_kind(task, (int)call->arg[0], &kind)) {
		/* Not a socket at all is the program's mistake, and the kernel has told it. */
		if (wh_decode_failed(call) && (call->err == EBADF || call->err == ENOTSOCK))
			return 0;
		return wh_decode_fact_err(wh_record_gap(r, task,
							wh_decode_fact_blind(r, task, "decode"),
							"%s: what socket it is", call->name));
	}
	if (op->where != BARE)
		wh_sockaddr_text(call->addr, call->addr_len, address);
	if (place->valid && place->path && kind.family == AF_UNIX)
		snprintf(address, sizeof(address), "unix:%s", place->path);
	/* An address of another family (AF_UNSPEC: disconnect) is none to the socket. */
	if (op->named && family != kind.family)
		address[0] = '\0';
	if (place->valid && family == kind.family)
		k = wh_decode_fact_file(
			r, task, place, op->access,
			op->access == WH_ACCESS_BIND && !wh_decode_failed(call) ? "socket" : NULL,
			NULL);
	return k < 0 ? k : wh_decode_socket_fact(r, task, op->op, &kind, address);
}

static int fact_messages(struct wh_recorder *r, struct wh_task *task, const struct op *op)
{
	struct wh_call *call = &task->call;
	/* struct mmsghdr: a header, a length, padding to a word. */
	size_t stride = (MSG_WORDS + 1) * wh_decode_word_size(call);
	uint64_t n = (uint32_t)call->arg[2];
	int k = 0;

	if (n > MESSAGES_MAX)
		n = MESSAGES_MAX;
	/* A result says how many were tried: those after the first failure were not. */
	if (call->returned && !call->err && (uint64_t)call->ret < n)
		n = (uint64_t)call->ret;
	for (uint64_t i = 0; i < n && k == 0; i++) {
		uint64_t words[MSG_WORDS];

		if (wh_decode_words(task, call->arg[1] + i * stride, words, MSG_WORDS) < 0)
			break;
		message_address(task, words);
		if (call->place[0].valid)
			wh_path_clear(&call->place[0]);
		k = resolve_address(r, task, op);
		if (k == 0)
			k = fact_address(r, task, op);
	}
	return k;
}

int wh_decode_socket_address_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct op *op = op_of(&task->call);

	if (!op)
		return 0;
	return op->where == MESSAGES ? fact_messages(r, task, op) : fact_address(r, task, op);
}

/* ---- received descriptors -------------------------------------------------------------------- */

/* One message that has been received: its control data may hold descriptors. */
static int received(struct wh_recorder *r, struct wh_task *task, uint64_t message)
{
	size_t word = wh_decode_word_size(&task->call), header = word + 8, at = 0;
	uint64_t words[MSG_WORDS];
	unsigned char control[CONTROL_MAX];
	size_t len;
	int k = 0;

	if (wh_decode_words(task, message, words, MSG_WORDS) < 0 || !words[CONTROL] ||
	    words[CONTROLLEN] < header)
		return 0;
	len = words[CONTROLLEN] < sizeof(control) ? (size_t)words[CONTROLLEN] : sizeof(control);
	if (wh_memory_read_all(task->tid, words[CONTROL], control, len) < 0)
		return 0;
	while (k == 0 && len - at >= header) {
		uint64_t size = 0;
		int level, type, fd;

		memcpy(&size, control + at, word); /* little-endian, or a whole word */
		memcpy(&level, control + at + word, sizeof(level));
		memcpy(&type, control + at + word + 4, sizeof(type));
		if (size < header || size > len - at)
			break;
		for (size_t i = header;
		     k == 0 && level == SOL_SOCKET && type == SCM_RIGHTS && i + sizeof(fd) <= size;
		     i += sizeof(fd)) {
			memcpy(&fd, control + at + i, sizeof(fd));
			k = wh_decode_fact_inherited(r, task, fd);
		}
		size = (size + word - 1) & ~(uint64_t)(word - 1);
		if (size >= len - at)
			break;
		at += (size_t)size;
	}
	return k;
}

int wh_decode_socket_receive_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	size_t stride = (MSG_WORDS + 1) * wh_decode_word_size(call);
	uint64_t n = MESSAGES_MAX;
	int k = 0;

	if (!call->returned || call->err)
		return 0;
	/* recvmsg(fd, message, flags) has one; recvmmsg(fd, messages, n, flags, …) says how many. */
	if (call->row->arg[3] == WH_ARG_NONE)
		return received(r, task, call->arg[1]);
	if ((uint64_t)call->ret < n)
		n = (uint64_t)call->ret;
	for (uint64_t i = 0; i < n && k == 0; i++)
		k = received(r, task, call->arg[1] + i * stride);
	return k;
}
