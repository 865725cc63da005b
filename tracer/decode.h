/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From stops to facts. Called by an engine for each call that it stops at; does not care which engine.
 * All functions return 0 or -ENOMEM: anything that could not be seen becomes a gap, and a task that
 * vanished in between (ESRCH) is a gap only if a fact was lost with it.
 */
#ifndef WHITTLE_TRACER_DECODE_H
#define WHITTLE_TRACER_DECODE_H

#include "tracer/task.h"

/** struct wh_decode_memory - what decoding remembers between calls; all of it is bounded. */
struct wh_decode_memory;

/** wh_decode_new() - for @r->decode; NULL when memory ran out. */
struct wh_decode_memory *wh_decode_new(void);
void wh_decode_free(struct wh_decode_memory *memory);

/**
 * wh_decode_enter() - @task is stopped at the entry of a call: count it, read its arguments from
 * memory and resolve its paths, before the call can change them.
 * @task->call has abi, nr, arg, ip and sp; the rest is filled in here.
 */
int wh_decode_enter(struct wh_recorder *r, struct wh_task *task);

/** wh_decode_exit() - it has returned: @task->call.ret and .err are set; facts that need a result. */
int wh_decode_exit(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_decode_exec() - @task has executed a new program (PTRACE_EVENT_EXEC): program, argv, interpreter,
 * loader, inherited files, privilege gained or not. Updates @task->process.
 * @from: the program before, NULL for the entrypoint
 */
int wh_decode_exec(struct wh_recorder *r, struct wh_task *task, const char *from);

/**
 * wh_decode_found() - @task's process was running already: its program, libraries, open files and sockets, as it has them
 * now. They were opened, or handed down, before; by whom is not known. Updates @task->process.
 */
int wh_decode_found(struct wh_recorder *r, struct wh_task *task);
/** wh_decode_found_connections() - its connections: to be called when of all processes the first is done. */
int wh_decode_found_connections(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_decode_lost() - @task died or vanished inside a call (between entry and exit). Facts that
 * do not need a result are kept; a call whose result would have made one leaves a gap.
 */
int wh_decode_lost(struct wh_recorder *r, struct wh_task *task);

/** wh_decode_is_plain() - whether calls of a row have nothing to tell but their count and arguments. */
bool wh_decode_is_plain(const struct wh_syscall_row *row);

/** wh_decode_known() - the fact of a call that was seen; NULL if it was not, or is past all tables. */
const struct wh_syscall *wh_decode_known(struct wh_recorder *r, const struct wh_abi *abi,
					 uint64_t nr);

/** wh_decode_again() - count a call of the native ABI that was seen before, and is not to be decoded. */
void wh_decode_again(struct wh_recorder *r, uint64_t nr);

/** struct wh_decode_kind - what a socket is. */
struct wh_decode_kind {
	int family, type;
	uint64_t protocol;
};

/** wh_decode_socket_kind() - of a descriptor of @task; false when it is none, or is gone. */
bool wh_decode_socket_kind(const struct wh_task *task, int fd, struct wh_decode_kind *ret);
/** wh_decode_socket_net() - the network namespace that a socket of @task is of, as a descriptor; -1. */
int wh_decode_socket_net(const struct wh_task *task, int fd);

/** wh_decode_reset() - free what a call holds. */
void wh_decode_reset(struct wh_call *call);

#endif
