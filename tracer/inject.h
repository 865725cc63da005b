/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a seccomp filter into a running thread, from outside: at the entry of a system call of its
 * own it makes a few others first, and then its own as if nothing had been.
 */
#ifndef WHITTLE_TRACER_INJECT_H
#define WHITTLE_TRACER_INJECT_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

enum wh_inject {
	WH_INJECT_DONE,	   /* the filter is in force */
	WH_INJECT_REFUSED, /* the kernel has not taken it; no_new_privs, if asked for, is set */
	WH_INJECT_NOT_NOW, /* not at this call (another ABI, execve, clone …): nothing has changed */
	WH_INJECT_DIED,	   /* the thread is gone, or at PTRACE_EVENT_EXIT: see @ret_status */
};

/**
 * struct wh_inject_result - what came of it.
 * @err: positive errno of WH_INJECT_REFUSED: EACCES where neither CAP_SYS_ADMIN nor no_new_privs is held
 * @died: of WH_INJECT_DIED: a status of waitpid() that the caller has yet to handle
 * @listener: of wh_inject_listener() and WH_INJECT_DONE: the caller's to close; -1 where it could not be
 *   taken over, so that the filter is in force and nobody answers: the thread is lost
 */
struct wh_inject_result {
	int err;
	int died;
	int listener;
};

/**
 * wh_inject_filter() - @tid is stopped at the entry of a call (a syscall-stop, not
 * PTRACE_EVENT_SECCOMP) and traced by PTRACE_SEIZE with PTRACE_O_TRACESYSGOOD. Installs the filter for
 * this thread with SECCOMP_FILTER_FLAG_SPEC_ALLOW. When it returns, unless it died, the thread is at
 * the entry stop of the very same call again, with the same registers, signal mask and memory, but for
 * the filter. A stop signal or group-stop that came in between takes effect right after it goes on.
 * @no_new_privs: set it first; the caller has seen to it that this is allowed
 */
enum wh_inject wh_inject_filter(pid_t tid, const struct sock_fprog *filter, bool no_new_privs,
				struct wh_inject_result *ret_result);

/**
 * wh_inject_process() - the same for all threads of the process (SECCOMP_FILTER_FLAG_TSYNC), and as one filter: so that a thread
 * can later do the same with a filter of its own. Refused where their filters differ.
 */
enum wh_inject wh_inject_process(pid_t tid, const struct sock_fprog *filter,
				 struct wh_inject_result *ret_result);

/**
 * wh_inject_listener() - the same with SECCOMP_FILTER_FLAG_NEW_LISTENER. For the time of some calls of its
 * own the thread has the listener in its table of descriptors: nobody else may use that table. Refused with
 * EBUSY where a filter on it has a listener already, with EMFILE where its table is full.
 */
enum wh_inject wh_inject_listener(pid_t tid, const struct sock_fprog *filter, bool no_new_privs,
				  struct wh_inject_result *ret_result);

#endif
