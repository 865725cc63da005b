/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of decoding share; of no interest outside tracer/decode*.c. */
#ifndef WHITTLE_TRACER_DECODE_IMPL_H
#define WHITTLE_TRACER_DECODE_IMPL_H

#include "tracer/creds.h"
#include "tracer/decode.h"
#include "tracer/memory.h"
#include "tracer/path.h"
#include "tracer/sockaddr.h"

/* Distinct names in one directory, for one access, before they are folded into DIR/WH_FILE_MANY. */
#define WH_DECODE_NAMES 512
/* Distinct addresses of one kind of socket and operation, likewise. */
#define WH_DECODE_ADDRESSES 256

/**
 * struct wh_decode_ops - an irregular row: what to do beyond the columns.
 * @enter: after the columns were followed (unless @own_places); before the capability rule
 * @exit: the call has returned, or is over without a result (call.returned is false): then what was
 *   asked for is a fact all the same, without an outcome
 * @own_places: the function itself reads paths and descriptors
 * @result: a fact depends on the result, so a task that dies inside leaves a gap
 */
struct wh_decode_ops {
	int (*enter)(struct wh_recorder *r, struct wh_task *task);
	int (*exit)(struct wh_recorder *r, struct wh_task *task);
	bool own_places, result;
};

/** The irregular rows, by what the table of system calls names (decode_table.c). */
extern const struct wh_decode_ops wh_decode_table[WH_IRREGULARS];

/* ---- decode.c -------------------------------------------------------------------------------- */

/** wh_decode_place() - read a path at @addr and resolve it into place[@slot]; @flags of path.h. */
int wh_decode_place(struct wh_recorder *r, struct wh_task *task, unsigned slot, int dirfd,
		    uint64_t addr, unsigned flags);
/** wh_decode_columns() - follow the row's columns: places, text, socket address. */
int wh_decode_columns(struct wh_recorder *r, struct wh_task *task);
/** wh_decode_become() - the call is really another one (a multiplexer's inner call). */
int wh_decode_become(struct wh_recorder *r, struct wh_task *task, const char *name,
		     const uint64_t arg[6]);

/** wh_decode_predicted() - the facts of a call that will end with @err (tracer/known.c): 0 is "ok". */
int wh_decode_predicted(struct wh_recorder *r, struct wh_task *task, int err);

static inline bool wh_decode_is32(const struct wh_call *call)
{
	return call->abi->name[0] == 'i'; /* the one 32-bit ABI whose structs differ */
}

static inline bool wh_decode_failed(const struct wh_call *call)
{
	return call->returned && call->err;
}

/** wh_decode_path_text() - a string in the task's memory, as it was when the call was made. */
static inline int wh_decode_path_text(const struct wh_task *task, uint64_t addr, char *buf,
				      size_t size)
{
	if (!task->call.spelt || addr != task->call.spelt_at)
		return wh_memory_read_text(task->tid, addr, buf, size);
	snprintf(buf, size, "%s", task->call.spelt);
	return 0;
}

/** wh_decode_words() - longs or pointers in the task's memory. x32 has 32-bit ones in structs too. */
int wh_decode_words(const struct wh_task *task, uint64_t addr, uint64_t *ret_words, size_t n);
size_t wh_decode_word_size(const struct wh_call *call);

struct wh_executables;

/** wh_decode_executables() - tracer/executable.h. */
struct wh_executables *wh_decode_executables(struct wh_recorder *r);

/* ---- decode_fact.c --------------------------------------------------------------------------- */

struct wh_decode_seen;

struct wh_decode_seen *wh_decode_fact_new(void);
void wh_decode_fact_free(struct wh_decode_seen *seen);
struct wh_decode_seen *wh_decode_seen(struct wh_recorder *r);

/**
 * wh_decode_fact_file() - @access was asked of @place. Without a path that is a gap, or nothing for
 * what has none (a pipe).
 * @type: NULL: the place's; else what the call has made there
 * @peer: the other side, or NULL
 */
int wh_decode_fact_file(struct wh_recorder *r, struct wh_task *task, const struct wh_place *place,
			enum wh_access access, const char *type, const char *peer);

/** wh_decode_fact_path() - a place's path as facts write it, or NULL; the buffer is the caller's.
 */
const char *wh_decode_fact_path(const struct wh_place *place, const char *type, char *buf,
				size_t size);

/** wh_decode_fact_outcome() - count the call's result; nothing when it had none. */
int wh_decode_fact_outcome(struct wh_recorder *r, struct wh_task *task, struct wh_counts *counts);

/** wh_decode_fact_inherited() - @fd of @task came from elsewhere: over an execve, or was received.
 */
int wh_decode_fact_inherited(struct wh_recorder *r, struct wh_task *task, int fd);

/** wh_decode_fact_open_flags() - with which @fd of @task was opened; false when it is gone. */
bool wh_decode_fact_open_flags(struct wh_recorder *r, const struct wh_task *task, int fd,
			       uint64_t *ret_flags);

/** wh_decode_fact_blind() - the kind of gap when nothing could be seen: @kind, unless @task is dead. */
const char *wh_decode_fact_blind(struct wh_recorder *r, const struct wh_task *task,
				 const char *kind);

/** wh_decode_fact_many() - a new name in a group: is it one too many? @ret_first: for the first
 * time. */
bool wh_decode_fact_many(struct wh_recorder *r, const char *group, size_t len, unsigned salt,
			 unsigned limit, bool *ret_first);

/** wh_decode_fact_err() - a result that ends decoding: only -ENOMEM does. */
static inline int wh_decode_fact_err(int k)
{
	return k == -ENOMEM ? k : 0;
}

/** wh_decode_limit_name() - "RLIMIT_NOFILE", or NULL for none that is known. */
const char *wh_decode_limit_name(uint64_t resource);

/** wh_decode_exec_argv() - the arguments of what @task runs, cut to a bounded size. @ret_argv: made anew. */
int wh_decode_exec_argv(struct wh_recorder *r, struct wh_task *task, struct wh_strlist *ret_argv);

/** wh_decode_socket_found() - @fd of @task is a socket that was there already. @connections: only if connected; else only if not */
int wh_decode_socket_found(struct wh_recorder *r, struct wh_task *task, int fd, bool connections);

/**
 * wh_decode_socket_fact() - a socket was used so; counts the result of the call, if @task is in one.
 * @address: is folded into WH_FILE_MANY when there are too many
 */
int wh_decode_socket_fact(struct wh_recorder *r, struct wh_task *task, const char *op,
			  const struct wh_decode_kind *kind, char address[WH_SOCKADDR_TEXT]);

/** wh_decode_socket_copy() - a descriptor of ours for the socket, or whatever it is, that @fd of @task is; -errno. */
int wh_decode_socket_copy(const struct wh_task *task, int fd);
/** wh_decode_socket_ask() - what kind of socket a descriptor of ours is; false when it is none. */
bool wh_decode_socket_ask(int fd, struct wh_decode_kind *ret);

/* ---- the families ---------------------------------------------------------------------------- */

#define WH_DECODE_OP(name)                                                                         \
	int wh_decode_##name##_enter(struct wh_recorder *r, struct wh_task *task);                 \
	int wh_decode_##name##_exit(struct wh_recorder *r, struct wh_task *task)

WH_DECODE_OP(file_open);
WH_DECODE_OP(name_rename);
WH_DECODE_OP(name_link);
WH_DECODE_OP(name_symlink);
WH_DECODE_OP(name_unlink);
WH_DECODE_OP(name_mknod);
WH_DECODE_OP(name_utime);
WH_DECODE_OP(file_fcntl);
WH_DECODE_OP(file_lock);
WH_DECODE_OP(file_chroot);
WH_DECODE_OP(file_handle);
WH_DECODE_OP(file_mqueue);
WH_DECODE_OP(file_fanotify);
WH_DECODE_OP(exec);
WH_DECODE_OP(mmap);
WH_DECODE_OP(socket_socket);
WH_DECODE_OP(socket_address);
WH_DECODE_OP(socket_receive);
WH_DECODE_OP(target_signal);
WH_DECODE_OP(target_ptrace);
WH_DECODE_OP(limit_rlimit);
WH_DECODE_OP(limit_namespace);
WH_DECODE_OP(limit_prctl);
WH_DECODE_OP(limit_seccomp);
WH_DECODE_OP(limit_ring);
WH_DECODE_OP(multiplex_socketcall);
WH_DECODE_OP(multiplex_ipc);
WH_DECODE_OP(mount);

#undef WH_DECODE_OP

#endif
